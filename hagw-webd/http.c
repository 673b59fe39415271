/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The HTTP server: accepts, checks who called, and gives the connections to libmicrohttpd, whose own epoll
 * fd stands in the daemon's loop. Owns the connections; requests are request.c's. Main thread only. */

#include <microhttpd.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "hagw-webd/http.h"
#include "hagw-webd/request.h"
#include "libhagw/log.h"
#include "libhagw/usec.h"

#define PROXY_USER "hagw-proxyd"

struct Http {
        Manager *manager;
        struct MHD_Daemon *daemon;
        sd_event_source *listener, *epoll, *timer, *deadline, *end;
        TAILQ_HEAD(, Request) bodies; /* on their way, oldest first */
        int fd;
        size_t n_connections, n_requests;
        bool draining;
        void (*drained)(Manager *m); /* NULL: it does not stop, or has been called */
        uid_t proxy_uid;
        bool proxy_exists;
};

static void set_timer(Http *h, uint64_t usec) {
        (void) sd_event_source_set_time_relative(h->timer, usec);
        (void) sd_event_source_set_enabled(h->timer, SD_EVENT_ONESHOT);
}

/* libmicrohttpd cannot be told to close a connection, but it notices. */
static void hang_up(const Request *q) {
        const union MHD_ConnectionInfo *info = MHD_get_connection_info(q->connection,
                                                                       MHD_CONNECTION_INFO_CONNECTION_FD);

        if (info)
                (void) shutdown(info->connect_fd, SHUT_RDWR);
}

static void check_bodies(Http *h) {
        uint64_t now = clock_usec(CLOCK_MONOTONIC);
        uint64_t allowed = h->n_connections < HTTP_CONNECTIONS_MAX ? HTTP_BODY_USEC : HTTP_BODY_FULL_USEC;
        Request *q;

        while ((q = TAILQ_FIRST(&h->bodies)) && q->since_usec + allowed <= now) {
                log_debug("The body of a request for %s took too long.", q->path);
                http_body_end(h, q);
                hang_up(q);
        }
        if (q)
                (void) sd_event_source_set_time(h->deadline, q->since_usec + allowed);
        (void) sd_event_source_set_enabled(h->deadline, q ? SD_EVENT_ONESHOT : SD_EVENT_OFF);
}

void http_body_begin(Http *h, Request *q) {
        q->since_usec = clock_usec(CLOCK_MONOTONIC);
        TAILQ_INSERT_TAIL(&h->bodies, q, bodies);
}

void http_body_end(Http *h, Request *q) {
        if (q->since_usec == 0)
                return;
        q->since_usec = 0;
        TAILQ_REMOVE(&h->bodies, q, bodies);
}

static void finish(Http *h) {
        void (*drained)(Manager *m) = h->drained;

        h->drained = NULL;
        if (drained)
                drained(h->manager);
}

static void run(Http *h) {
        int64_t msec;

        (void) MHD_run(h->daemon);
        msec = MHD_get_timeout64s(h->daemon);
        if (msec >= 0)
                set_timer(h, (uint64_t) msec * USEC_PER_MSEC);
        else
                (void) sd_event_source_set_enabled(h->timer, SD_EVENT_OFF);
        check_bodies(h);
        (void) sd_event_source_set_enabled(
                h->listener, !h->draining && h->n_connections < HTTP_CONNECTIONS_MAX ? SD_EVENT_ON :
                                                                          SD_EVENT_OFF);
        if (h->n_requests == 0)
                finish(h);
}

static int on_end(sd_event_source *s, uint64_t usec, void *userdata) {
        finish(userdata);
        return 0;
}

void http_drain(Http *h, void (*done)(Manager *m)) {
        h->draining = true;
        h->drained = done;
        (void) sd_event_add_time_relative(h->manager->event, &h->end, CLOCK_MONOTONIC, HTTP_DRAIN_USEC, 0,
                                          on_end, h);
        run(h);
}

void http_request_begin(Http *h) {
        h->n_requests++;
}

void http_request_end(Http *h) {
        h->n_requests--;
}

void http_kick(Http *h) {
        set_timer(h, 0);
}

static int on_epoll(sd_event_source *s, int fd, uint32_t events, void *userdata) {
        run(userdata);
        return 0;
}

static int on_timer(sd_event_source *s, uint64_t usec, void *userdata) {
        run(userdata);
        return 0;
}

static int on_deadline(sd_event_source *s, uint64_t usec, void *userdata) {
        run(userdata);
        return 0;
}

static bool peer_is_allowed(const Http *h, int fd) {
        struct ucred peer;
        socklen_t size = sizeof(peer);

        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
                return false;
        return peer.uid == 0 || peer.uid == geteuid() || (h->proxy_exists && peer.uid == h->proxy_uid);
}

static int on_connection(sd_event_source *s, int listener, uint32_t events, void *userdata) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        Http *h = userdata;
        int fd;

        fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0) /* gone again, or no descriptors left; the loop comes back */
                return 0;
        if (!peer_is_allowed(h, fd)) {
                log_warning("Closed an HTTP connection of a user that may not call; only %s may.",
                            PROXY_USER);
                (void) safe_close(fd);
                return 0;
        }
        /* Takes the fd over, and closes it where it fails. */
        (void) MHD_add_connection(h->daemon, fd, (struct sockaddr *) &address, sizeof(address));
        run(h);
        return 0;
}

static void on_notify(void *cls, struct MHD_Connection *c, void **context,
                      enum MHD_ConnectionNotificationCode code) {
        Http *h = cls;

        if (code == MHD_CONNECTION_NOTIFY_STARTED)
                h->n_connections++;
        else
                h->n_connections--;
}

_printf_(2, 0) static void on_log(void *cls, const char *format, va_list ap) {
        char line[512];

        (void) vsnprintf(line, sizeof(line), format, ap);
        line[strcspn(line, "\n")] = '\0';
        log_debug("HTTP: %s", line);
}

static void find_proxy_user(Http *h) {
        struct passwd pw, *found = NULL;
        char buffer[4096];

        if (getpwnam_r(PROXY_USER, &pw, buffer, sizeof(buffer), &found) == 0 && found) {
                h->proxy_uid = found->pw_uid;
                h->proxy_exists = true;
        }
}

static int start_server(Http *h) {
        static const unsigned flags =
                MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;

        h->daemon = MHD_start_daemon(flags, /* port= */ 0, /* apc= */ NULL, NULL,
                                     request_on_access, h->manager,
                                     MHD_OPTION_EXTERNAL_LOGGER, on_log, h,
                                     MHD_OPTION_NOTIFY_CONNECTION, on_notify, h,
                                     MHD_OPTION_NOTIFY_COMPLETED, request_on_completed, h->manager,
                                     MHD_OPTION_CONNECTION_LIMIT, HTTP_CONNECTIONS_MAX,
                                     MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t) HTTP_CONNECTION_MEMORY,
                                     MHD_OPTION_CONNECTION_TIMEOUT, HTTP_CONNECTION_TIMEOUT,
                                     MHD_OPTION_CLIENT_DISCIPLINE_LVL, 1,
                                     MHD_OPTION_END);
        return h->daemon ? 0 : -EIO;
}

static int start_sources(Http *h, sd_event *event) {
        const union MHD_DaemonInfo *info = MHD_get_daemon_info(h->daemon, MHD_DAEMON_INFO_EPOLL_FD);
        int r;

        if (!info)
                return -EIO;
        r = sd_event_add_io(event, &h->epoll, info->epoll_fd, EPOLLIN, on_epoll, h);
        if (r < 0)
                return r;
        r = sd_event_add_time(event, &h->timer, CLOCK_MONOTONIC, 0, 10 * USEC_PER_MSEC, on_timer, h);
        if (r < 0)
                return r;
        r = sd_event_add_time(event, &h->deadline, CLOCK_MONOTONIC, USEC_INFINITY, 100 * USEC_PER_MSEC,
                              on_deadline, h);
        if (r < 0)
                return r;
        return sd_event_add_io(event, &h->listener, h->fd, EPOLLIN, on_connection, h);
}

int http_new(Http **ret, Manager *m, int fd) {
        _cleanup_(http_freep) Http *h = NULL;
        int r;

        h = calloc(1, sizeof(*h));
        if (!h)
                return -ENOMEM;
        h->manager = m;
        h->fd = fd;
        TAILQ_INIT(&h->bodies);
        find_proxy_user(h);
        r = request_setup();
        if (r < 0)
                return r;
        r = start_server(h);
        if (r < 0)
                return r;
        r = start_sources(h, m->event);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(h);
        return 0;
}

Http *http_free(Http *h) {
        if (!h)
                return NULL;
        if (h->daemon)
                MHD_stop_daemon(h->daemon);
        sd_event_source_disable_unref(h->listener);
        sd_event_source_disable_unref(h->epoll);
        sd_event_source_disable_unref(h->timer);
        sd_event_source_disable_unref(h->deadline);
        sd_event_source_disable_unref(h->end);
        free(h);
        return NULL;
}
