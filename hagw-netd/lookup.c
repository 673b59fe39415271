/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* c-ares on sd-event. c-ares says which sockets it wants watched; we tell it when they are ready and when
 * its next deadline is over. Its callbacks only note the result; our handler runs from a deferred source,
 * outside of c-ares, so that it may free everything. Main thread only. */

#include <stdio.h>
#include <sys/epoll.h>
#include <sys/time.h>

#include "hagw-netd/lookup.h"

typedef struct LookupSocket {
        struct LookupSocket *next;
        int fd; /* c-ares's */
        sd_event_source *source;
} LookupSocket;

struct Lookup {
        sd_event *event;
        ares_channel_t *channel;
        LookupSocket *sockets;
        sd_event_source *timer;    /* c-ares's next deadline */
        sd_event_source *deadline; /* of the whole lookup */
        sd_event_source *finished;
        LookupResult result;
        ares_dns_record_t *record; /* what result.record points to */
        LookupHandler handler;
        void *userdata;
};

static int lookup_arm(Lookup *l);

static int on_socket(sd_event_source *s, int fd, uint32_t revents, void *userdata) {
        Lookup *l = userdata;

        ares_process_fd(l->channel, revents & (EPOLLIN | EPOLLERR | EPOLLHUP) ? fd : ARES_SOCKET_BAD,
                        revents & EPOLLOUT ? fd : ARES_SOCKET_BAD);
        return lookup_arm(l);
}

static void on_sock_state(void *data, ares_socket_t fd, int readable, int writable) {
        uint32_t events = (readable ? EPOLLIN : 0U) | (writable ? EPOLLOUT : 0U);
        Lookup *l = data;
        LookupSocket **p = &l->sockets, *s;

        while (*p && (*p)->fd != fd)
                p = &(*p)->next;
        s = *p;
        if (s && events == 0) {
                *p = s->next;
                sd_event_source_disable_unref(s->source);
                free(s);
        } else if (s)
                (void) sd_event_source_set_io_events(s->source, events);
        else if (events != 0) {
                /* Without memory the lookup runs into its deadline. */
                s = calloc(1, sizeof(*s));
                if (!s)
                        return;
                if (sd_event_add_io(l->event, &s->source, fd, events, on_socket, l) < 0) {
                        free(s);
                        return;
                }
                s->fd = fd;
                *p = s;
        }
}

static int on_timer(sd_event_source *s, uint64_t usec, void *userdata) {
        Lookup *l = userdata;

        ares_process_fd(l->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
        return lookup_arm(l);
}

/* After each call into c-ares: its next deadline may have moved. */
static int lookup_arm(Lookup *l) {
        struct timeval tv;
        uint64_t usec;
        int r;

        if (!ares_timeout(l->channel, NULL, &tv))
                return l->timer ? sd_event_source_set_enabled(l->timer, SD_EVENT_OFF) : 0;
        /* A little late, so that it is over when we come. */
        usec = (uint64_t) tv.tv_sec * USEC_PER_SEC + (uint64_t) tv.tv_usec + USEC_PER_MSEC;
        if (!l->timer)
                return sd_event_add_time_relative(l->event, &l->timer, CLOCK_MONOTONIC, usec, USEC_PER_MSEC,
                                                  on_timer, l);
        r = sd_event_source_set_time_relative(l->timer, usec);
        return r < 0 ? r : sd_event_source_set_enabled(l->timer, SD_EVENT_ONESHOT);
}

static int on_finished(sd_event_source *s, void *userdata) {
        Lookup *l = userdata;

        l->handler(l, &l->result, l->userdata);
        return 0;
}

static void lookup_finish(Lookup *l, ares_status_t status) {
        if (status == ARES_EDESTRUCTION || sd_event_source_get_enabled(l->finished, NULL) > 0)
                return;
        l->result.reason = ares_strerror((int) status);
        switch (status) {
        case ARES_SUCCESS:
                l->result.status = LOOKUP_OK;
                break;
        case ARES_ENOTFOUND:
        case ARES_ENODATA:
        case ARES_ENONAME:
        case ARES_EBADNAME:
                l->result.status = LOOKUP_NO_SUCH_NAME;
                break;
        default:
                l->result.status = LOOKUP_FAILED;
        }
        (void) sd_event_source_set_enabled(l->deadline, SD_EVENT_OFF);
        (void) sd_event_source_set_enabled(l->finished, SD_EVENT_ONESHOT);
}

bool lookup_has_family(const LookupResult *result, int family) {
        for (size_t i = 0; i < result->n_addresses; i++)
                if (result->addresses[i].family == family)
                        return true;
        return false;
}

static int on_deadline(sd_event_source *s, uint64_t usec, void *userdata) {
        lookup_finish(userdata, ARES_ETIMEOUT);
        return 0;
}

static void on_addresses(void *arg, int status, int timeouts, struct ares_addrinfo *ai) {
        Lookup *l = arg;
        uint32_t ttl = UINT32_MAX;

        for (const struct ares_addrinfo_cname *c = ai ? ai->cnames : NULL; c; c = c->next)
                ttl = MIN(ttl, (uint32_t) MAX(c->ttl, 0));
        for (const struct ares_addrinfo_node *n = ai ? ai->nodes : NULL; n; n = n->ai_next) {
                if (l->result.n_addresses == LOOKUP_ADDRESSES_MAX)
                        break;
                if (ip_from_sockaddr(n->ai_addr, &l->result.addresses[l->result.n_addresses]) < 0)
                        continue;
                l->result.n_addresses++;
                ttl = MIN(ttl, (uint32_t) MAX(n->ai_ttl, 0));
        }
        l->result.ttl = l->result.n_addresses > 0 ? ttl : 0;
        l->result.partial = timeouts > 0 && (!lookup_has_family(&l->result, AF_INET) ||
                                             !lookup_has_family(&l->result, AF_INET6));
        if (status == ARES_SUCCESS && l->result.n_addresses == 0)
                status = ARES_ENODATA;
        ares_freeaddrinfo(ai);
        lookup_finish(l, (ares_status_t) status);
}

static void on_records(void *arg, ares_status_t status, size_t timeouts, const ares_dns_record_t *record) {
        Lookup *l = arg;

        if (record && !l->record) {
                l->result.record = l->record = ares_dns_record_duplicate(record);
                if (!l->record)
                        status = ARES_ENOMEM;
        }
        lookup_finish(l, status);
}

static int lookup_setup_channel(Lookup *l, const char *server) {
        struct ares_options options = {
                .flags = ARES_FLAG_EDNS | ARES_FLAG_NO_DFLT_SVR | (server ? ARES_FLAG_NOCHECKRESP : 0),
                .timeout = LOOKUP_TRY_USEC / USEC_PER_MSEC,
                .maxtimeout = LOOKUP_TRY_MAX_USEC / USEC_PER_MSEC,
                .tries = LOOKUP_TRIES,
                .ednspsz = 1232,
                .sock_state_cb = on_sock_state,
                .sock_state_cb_data = l,
                .resolvconf_path = (char *) secure_getenv("HAGW_RESOLV_CONF"),
                .hosts_path = (char *) secure_getenv("HAGW_HOSTS"),
        };
        int mask = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_MAXTIMEOUTMS | ARES_OPT_TRIES |
                   ARES_OPT_EDNSPSZ | ARES_OPT_SOCK_STATE_CB | ARES_OPT_QUERY_CACHE |
                   (options.resolvconf_path ? ARES_OPT_RESOLVCONF : 0) |
                   (options.hosts_path ? ARES_OPT_HOSTS_FILE : 0);
        int s;

        s = ares_init_options(&l->channel, &options, mask);
        if (s == ARES_SUCCESS && server)
                s = ares_set_servers_ports_csv(l->channel, server);
        return s == ARES_SUCCESS ? 0 : s == ARES_ENOMEM ? -ENOMEM : s == ARES_EBADSTR ? -EINVAL : -EIO;
}

static int lookup_new(Lookup **ret, sd_event *event, const char *server, LookupHandler handler,
                      void *userdata) {
        _cleanup_(lookup_freep) Lookup *l = NULL;
        int r;

        r = ares_library_init(ARES_LIB_INIT_ALL);
        if (r != ARES_SUCCESS)
                return -ENOMEM;
        l = calloc(1, sizeof(*l));
        if (!l) {
                ares_library_cleanup();
                return -ENOMEM;
        }
        l->event = sd_event_ref(event);
        l->handler = handler;
        l->userdata = userdata;
        r = sd_event_add_defer(event, &l->finished, on_finished, l);
        if (r < 0)
                return r;
        r = sd_event_source_set_enabled(l->finished, SD_EVENT_OFF);
        if (r < 0)
                return r;
        r = sd_event_add_time_relative(event, &l->deadline, CLOCK_MONOTONIC, LOOKUP_USEC, USEC_PER_SEC / 10,
                                       on_deadline, l);
        if (r < 0)
                return r;
        r = lookup_setup_channel(l, server);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(l);
        return 0;
}

int lookup_addresses_new(Lookup **ret, sd_event *event, const char *name, LookupHandler handler,
                         void *userdata) {
        static const struct ares_addrinfo_hints hints = { .ai_family = AF_UNSPEC,
                                                          .ai_socktype = SOCK_STREAM };
        _cleanup_(lookup_freep) Lookup *l = NULL;
        int r;

        r = lookup_new(&l, event, /* server= */ NULL, handler, userdata);
        if (r < 0)
                return r;
        ares_getaddrinfo(l->channel, name, /* service= */ NULL, &hints, on_addresses, l);
        r = lookup_arm(l);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(l);
        return 0;
}

int lookup_records_new(Lookup **ret, sd_event *event, const char *name, ares_dns_rec_type_t type,
                       const char *server, LookupHandler handler, void *userdata) {
        _cleanup_(lookup_freep) Lookup *l = NULL;
        ares_status_t s;
        int r;

        r = lookup_new(&l, event, server, handler, userdata);
        if (r < 0)
                return r;
        s = ares_query_dnsrec(l->channel, name, ARES_CLASS_IN, type, on_records, l, /* qid= */ NULL);
        if (s != ARES_SUCCESS)
                lookup_finish(l, s);
        r = lookup_arm(l);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(l);
        return 0;
}

Lookup *lookup_free(Lookup *l) {
        if (!l)
                return NULL;
        if (l->channel)
                ares_destroy(l->channel);
        while (l->sockets) {
                LookupSocket *s = l->sockets;

                l->sockets = s->next;
                sd_event_source_disable_unref(s->source);
                free(s);
        }
        ares_dns_record_destroy(l->record);
        sd_event_source_disable_unref(l->timer);
        sd_event_source_disable_unref(l->deadline);
        sd_event_source_disable_unref(l->finished);
        sd_event_unref(l->event);
        free(l);
        ares_library_cleanup();
        return NULL;
}
