/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One request to hagw-bind at a time, until all that is wanted is open or has failed. */

#include <fcntl.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <time.h>

#include "hagw-dnsd/listeners.h"
#include "libhagw/bind.h"
#include "libhagw/daemon.h"
#include "libhagw/log.h"
#include "libhagw/usec.h"

typedef struct Listener {
        ListenPlace place;
        bool tcp, wanted;
        int fd;              /* -EBADF: not open */
        int error;           /* why not; 0: nobody has been asked yet */
        bool tried;          /* in this round */
        uint64_t since_usec; /* it is as it is; CLOCK_REALTIME */
} Listener;

struct Listeners {
        sd_event *event;
        UdpServer *udp;
        TcpServer *tcp;
        Listener items[LISTENERS_MAX];
        size_t n;
        int link; /* to hagw-bind; -EBADF: nothing is being asked */
        BindRequest asked;
        sd_event_source *io, *late, *retry;
        uint64_t retry_usec; /* how long to wait after the next failure */
};

static const char *protocol_text(const Listener *i) {
        return i->tcp ? "TCP" : "UDP";
}

/* --- what systemd keeps ----------------------------------------------------------------------------- */

#define NAME_MAX_SIZE 64U

static void store_name(const Listener *i, char out[static NAME_MAX_SIZE]) {
        size_t size = i->place.address.family == AF_INET ? 4 : 16;
        int n = snprintf(out, NAME_MAX_SIZE, "dns-%s-%u-", i->tcp ? "tcp" : "udp", i->place.port);

        for (size_t k = 0; k < size; k++)
                n += snprintf(out + n, NAME_MAX_SIZE - (size_t) n, "%02x", i->place.address.bytes[k]);
}

static void keep(const Listener *i) {
        char name[NAME_MAX_SIZE], text[NAME_MAX_SIZE + 32];

        store_name(i, name);
        (void) snprintf(text, sizeof(text), "FDSTORE=1\nFDPOLL=0\nFDNAME=%s", name);
        (void) sd_pid_notify_with_fds(/* pid= */ 0, /* unset_environment= */ 0, text, &i->fd, 1);
}

static void keep_no_more(const Listener *i) {
        char name[NAME_MAX_SIZE];

        store_name(i, name);
        (void) sd_notifyf(/* unset_environment= */ 0, "FDSTOREREMOVE=1\nFDNAME=%s", name);
}

/* --- one socket ------------------------------------------------------------------------------------- */

static int listener_serve(Listeners *l, Listener *i, int fd) {
        int r = i->tcp ? tcp_server_add(l->tcp, fd) : udp_server_add(l->udp, fd);

        if (r < 0)
                return r;
        i->fd = fd;
        i->error = 0;
        i->since_usec = clock_usec(CLOCK_REALTIME);
        return 0;
}

static void listener_close(Listeners *l, Listener *i) {
        if (i->fd < 0)
                return;
        if (i->tcp)
                tcp_server_remove(l->tcp, i->fd);
        else
                udp_server_remove(l->udp, i->fd);
        i->fd = safe_close(i->fd);
}

static Listener *find(Listeners *l, const IpAddress *address, uint16_t port, bool tcp) {
        for (size_t k = 0; k < l->n; k++) {
                const ListenPlace *p = &l->items[k].place;

                if (l->items[k].tcp == tcp && p->port == port && ip_equal(&p->address, address))
                        return &l->items[k];
        }
        return NULL;
}

static Listener *append(Listeners *l, const ListenPlace *place, bool tcp) {
        Listener *i = &l->items[l->n];

        if (l->n == LISTENERS_MAX)
                return NULL;
        l->n++;
        *i = (Listener) { .place = *place, .tcp = tcp, .fd = -EBADF };
        return i;
}

static void listener_failed(Listener *i, int error) {
        char text[IP_TEXT_MAX];

        if (i->error == error)
                return;
        i->error = error;
        i->since_usec = clock_usec(CLOCK_REALTIME);
        log_warning("Nothing is answered at %s, port %u, %s: %s. It is tried again.",
                    ip_format(&i->place.address, text), i->place.port, protocol_text(i),
                    error == -EADDRINUSE ? "another program has the port" : strerror(-error));
}

/* --- asking hagw-bind ------------------------------------------------------------------------------- */

static void ask_next(Listeners *l);

static void stop_asking(Listeners *l) {
        l->io = sd_event_source_disable_unref(l->io);
        (void) sd_event_source_set_enabled(l->late, SD_EVENT_OFF);
        l->link = safe_close(l->link);
}

static Listener *find_next(Listeners *l) {
        for (size_t k = 0; k < l->n; k++)
                if (l->items[k].wanted && l->items[k].fd < 0 && !l->items[k].tried)
                        return &l->items[k];
        return NULL;
}

/* The round is over. Where something is missing there will be another. */
static void end_round(Listeners *l) {
        bool missing = false;

        stop_asking(l);
        for (size_t k = 0; k < l->n; k++)
                missing = missing || (l->items[k].wanted && l->items[k].fd < 0);
        if (!missing)
                return;
        (void) sd_event_source_set_time_relative(l->retry, l->retry_usec);
        (void) sd_event_source_set_enabled(l->retry, SD_EVENT_ONESHOT);
        l->retry_usec = MIN(l->retry_usec * 2, LISTENERS_RETRY_MAX_USEC);
}

static void give_up_round(Listeners *l, int error) {
        for (Listener *i; (i = find_next(l)); i->tried = true)
                listener_failed(i, error);
        end_round(l);
}

/* Returns the socket; -EAGAIN: nothing is here; other negative errno: hagw-bind's, where *ret_answered. */
static int receive(int link, bool *ret_answered) {
        union {
                struct cmsghdr head;
                uint8_t bytes[CMSG_SPACE(sizeof(int))];
        } control = {};
        BindReply reply = {};
        struct iovec iov = { &reply, sizeof(reply) };
        struct msghdr m = { .msg_iov = &iov,
                            .msg_iovlen = 1,
                            .msg_control = &control,
                            .msg_controllen = sizeof(control) };
        const struct cmsghdr *c;
        ssize_t n;
        int fd;

        *ret_answered = false;
        n = recvmsg(link, &m, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
        if (n < 0)
                return -errno;
        c = CMSG_FIRSTHDR(&m);
        fd = -EBADF;
        if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS &&
            c->cmsg_len == CMSG_LEN(sizeof(int)))
                memcpy(&fd, CMSG_DATA(c), sizeof(fd));
        if ((size_t) n != sizeof(reply) || (reply.error == 0) != (fd >= 0) || reply.error > 0) {
                (void) safe_close(fd);
                return n == 0 ? -ECONNRESET : -EBADMSG;
        }
        *ret_answered = true;
        return reply.error < 0 ? reply.error : fd;
}

static void take(Listeners *l, int result) {
        Listener *i = find(l, &l->asked.address, l->asked.port, l->asked.tcp);
        char text[IP_TEXT_MAX];
        int r;

        /* Meanwhile it may be wanted no more. */
        if (!i || !i->wanted || i->fd >= 0) {
                (void) safe_close(result);
                return;
        }
        i->tried = true;
        r = result < 0 ? result : listener_serve(l, i, result);
        if (r < 0) {
                (void) safe_close(result);
                listener_failed(i, r);
                return;
        }
        keep(i);
        log_info("Listening at %s, port %u, %s.", ip_format(&i->place.address, text), i->place.port,
                 protocol_text(i));
}

static int on_reply(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        Listeners *l = userdata;
        bool answered;
        int r;

        r = receive(fd, &answered);
        if (r == -EAGAIN && !answered)
                return 0;
        if (answered) {
                take(l, r);
                ask_next(l);
        } else
                give_up_round(l, r);
        return 0;
}

static int on_late(sd_event_source *source, uint64_t usec, void *userdata) {
        give_up_round(userdata, -ETIMEDOUT);
        return 0;
}

static int connect_helper(Listeners *l) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        _cleanup_close_ int fd = -EBADF;
        int r;

        if ((size_t) snprintf(address.sun_path, sizeof(address.sun_path), "%s/" BIND_SOCKET,
                              secure_getenv("HAGW_RUNTIME_DIR") ?: "/run/hagw") >= sizeof(address.sun_path))
                return -ENAMETOOLONG;
        fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0 || connect(fd, (struct sockaddr *) &address, sizeof(address)) < 0)
                return -errno;
        r = sd_event_add_io(l->event, &l->io, fd, EPOLLIN, on_reply, l);
        if (r < 0)
                return r;
        l->link = TAKE_FD(fd);
        return 0;
}

static int ask(Listeners *l, const Listener *i) {
        BindRequest q;
        int r;

        r = l->link < 0 ? connect_helper(l) : 0;
        if (r < 0)
                return r;
        memset(&q, 0, sizeof(q)); /* with what lies between */
        q.address = i->place.address;
        q.port = i->place.port;
        q.tcp = i->tcp;
        if (send(l->link, &q, sizeof(q), MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
                return -errno;
        l->asked = q;
        r = sd_event_source_set_time_relative(l->late, LISTENERS_ANSWER_USEC);
        return r < 0 ? r : sd_event_source_set_enabled(l->late, SD_EVENT_ONESHOT);
}

static void ask_next(Listeners *l) {
        const Listener *i = find_next(l);
        int r;

        if (!i) {
                end_round(l);
                return;
        }
        r = ask(l, i);
        if (r < 0)
                give_up_round(l, r);
}

static void begin_round(Listeners *l) {
        for (size_t k = 0; k < l->n; k++)
                l->items[k].tried = false;
        /* One that is under way goes on to what is new. */
        if (l->link < 0)
                ask_next(l);
}

static int on_retry(sd_event_source *source, uint64_t usec, void *userdata) {
        begin_round(userdata);
        return 0;
}

/* --- all of them ------------------------------------------------------------------------------------ */

static void want(Listeners *l, const ListenPlace *place, bool tcp) {
        Listener *i = find(l, &place->address, place->port, tcp);

        i = i ?: append(l, place, tcp);
        if (i)
                i->wanted = true;
}

void listeners_set(Listeners *l, const ListenPlace *places, size_t n) {
        size_t kept = 0;

        for (size_t k = 0; k < l->n; k++) {
                Listener *i = &l->items[k];

                i->wanted = false;
                for (size_t p = 0; p < n && !i->wanted; p++)
                        i->wanted = places[p].port == i->place.port &&
                                    ip_equal(&places[p].address, &i->place.address);
                if (i->wanted)
                        l->items[kept++] = *i;
                else {
                        if (i->fd >= 0)
                                keep_no_more(i);
                        listener_close(l, i);
                }
        }
        l->n = kept;
        for (size_t p = 0; p < n; p++) {
                want(l, &places[p], /* tcp= */ false);
                want(l, &places[p], /* tcp= */ true);
        }
        l->retry_usec = LISTENERS_RETRY_MIN_USEC;
        begin_round(l);
}

/* What stands in a socket says more than its name, by which systemd can be told to let go of it. */
static int adopt(Listeners *l, int fd, const char *name) {
        struct sockaddr_storage address;
        socklen_t size = sizeof(address), type_size = sizeof(int);
        ListenPlace place = {};
        char own[NAME_MAX_SIZE];
        Listener *i;
        int type, r;

        if (getsockname(fd, (struct sockaddr *) &address, &size) < 0 ||
            getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &type_size) < 0)
                return -errno;
        r = ip_from_sockaddr((struct sockaddr *) &address, &place.address);
        if (r < 0)
                return r;
        /* The port stands at the same place in both families' addresses. */
        place.port = be16toh(((struct sockaddr_in *) &address)->sin_port);
        store_name(&(Listener) { .place = place, .tcp = type == SOCK_STREAM }, own);
        if (!streq(own, name))
                return -EINVAL;
        if (find(l, &place.address, place.port, type == SOCK_STREAM))
                return -EEXIST;
        i = append(l, &place, type == SOCK_STREAM);
        return i ? listener_serve(l, i, fd) : -ENOBUFS;
}

static void on_kept(int fd, const char *name, void *userdata) {
        int r = adopt(userdata, fd, name);

        if (r < 0)
                (void) log_warning_errno(r, "The socket %s that was kept is of no use: %m", name);
}

static bool is_adopted(const Listeners *l, int fd) {
        for (size_t k = 0; k < l->n; k++)
                if (l->items[k].fd == fd)
                        return true;
        return false;
}

/* The number stays taken: sd_listen_fds(3) fails where one of them is not open. */
static void let_go(int fd) {
        _cleanup_close_ int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

        if (null >= 0)
                (void) dup3(null, fd, O_CLOEXEC);
}

/* systemd would hand it in again at each start. It lets go by name, which may be a good one's, too. */
static void on_rejected(int fd, const char *name, void *userdata) {
        Listeners *l = userdata;
        char own[NAME_MAX_SIZE];

        if (is_adopted(l, fd))
                return;
        let_go(fd);
        (void) sd_notifyf(/* unset_environment= */ 0, "FDSTOREREMOVE=1\nFDNAME=%s", name);
        for (size_t k = 0; k < l->n; k++) {
                store_name(&l->items[k], own);
                if (l->items[k].fd >= 0 && streq(own, name))
                        keep(&l->items[k]);
        }
}

static void adopt_all(Listeners *l) {
        daemon_listen_foreach("dns-udp-*", on_kept, l);
        daemon_listen_foreach("dns-tcp-*", on_kept, l);
        daemon_listen_foreach("dns-udp-*", on_rejected, l);
        daemon_listen_foreach("dns-tcp-*", on_rejected, l);
}

static int add_timer(Listeners *l, sd_event_source **ret, sd_event_time_handler_t handler) {
        int r = sd_event_add_time_relative(l->event, ret, CLOCK_MONOTONIC, 0, 0, handler, l);

        return r < 0 ? r : sd_event_source_set_enabled(*ret, SD_EVENT_OFF);
}

int listeners_new(sd_event *event, UdpServer *udp, TcpServer *tcp, Listeners **ret) {
        _cleanup_(listeners_freep) Listeners *l = calloc(1, sizeof(*l));
        int r;

        if (!l)
                return -ENOMEM;
        *l = (Listeners) { .event = sd_event_ref(event),
                           .udp = udp,
                           .tcp = tcp,
                           .link = -EBADF,
                           .retry_usec = LISTENERS_RETRY_MIN_USEC };
        r = add_timer(l, &l->late, on_late);
        if (r >= 0)
                r = add_timer(l, &l->retry, on_retry);
        if (r < 0)
                return r;
        adopt_all(l);
        *ret = TAKE_PTR(l);
        return 0;
}

Listeners *listeners_free(Listeners *l) {
        if (!l)
                return NULL;
        stop_asking(l);
        for (size_t k = 0; k < l->n; k++)
                listener_close(l, &l->items[k]);
        sd_event_source_disable_unref(l->late);
        sd_event_source_disable_unref(l->retry);
        sd_event_unref(l->event);
        free(l);
        return NULL;
}

ListenersCount listeners_count(const Listeners *l) {
        ListenersCount c = {};

        for (size_t k = 0; k < l->n; k++) {
                c.open += l->items[k].fd >= 0;
                c.failed += l->items[k].error < 0;
                c.error = l->items[k].error ?: c.error;
        }
        return c;
}

int listeners_build(const Listeners *l, sd_json_variant **ret) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *list = NULL;
        char text[IP_TEXT_MAX];
        int r;

        r = sd_json_variant_new_array(&list, NULL, 0);
        for (size_t k = 0; k < l->n && r >= 0; k++) {
                const Listener *i = &l->items[k];

                r = sd_json_variant_append_arraybo(
                        &list,
                        SD_JSON_BUILD_PAIR("address",
                                           SD_JSON_BUILD_STRING(ip_format(&i->place.address, text))),
                        SD_JSON_BUILD_PAIR("port", SD_JSON_BUILD_UNSIGNED(i->place.port)),
                        SD_JSON_BUILD_PAIR("transport", SD_JSON_BUILD_STRING(i->tcp ? "tcp" : "udp")),
                        SD_JSON_BUILD_PAIR("open", SD_JSON_BUILD_BOOLEAN(i->fd >= 0)),
                        SD_JSON_BUILD_PAIR_CONDITION(i->error < 0, "error",
                                                     SD_JSON_BUILD_STRING(strerrorname_np(-i->error))),
                        SD_JSON_BUILD_PAIR("sinceUSec", SD_JSON_BUILD_UNSIGNED(i->since_usec)));
        }
        if (r >= 0)
                r = sd_json_buildo(ret, SD_JSON_BUILD_PAIR("listeners", SD_JSON_BUILD_VARIANT(list)));
        return r;
}
