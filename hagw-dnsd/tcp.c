/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The TCP listeners and the list of clients: who comes in, and who has to go. One client's frames are
 * tcp-client.c's. */

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>

#include "hagw-dnsd/tcp-client.h"

#define ACCEPTS_PER_WAKE 64U
#define CROWDS 4096U             /* networks told apart; those that share one by chance share its count */
#define NETWORK_OCTETS_IPV6 7U   /* a /56: whoever has one can take any address in it */

typedef struct TcpListener {
        struct TcpListener *next;
        TcpServer *server;
        int fd;
        sd_event_source *source;
} TcpListener;

struct TcpServer {
        sd_event *event;
        AnswerSource *answers;
        TcpLimits limits;
        TcpStats stats;
        TcpListener *listeners;
        TcpClient *oldest, *newest; /* by the time of the last answer */
        sd_event_source *timer;     /* for the oldest */
        sd_event_source *reaper;    /* frees clients outside of their own callbacks */
        TcpClient *dead;
        uint8_t seed[SIPHASH_KEY_SIZE]; /* so that nobody can aim at another's crowd */
        uint32_t crowds[CROWDS];        /* clients by network */
};

/* --- the list of clients, oldest answer first ---------------------------------------------------------- */

static void list_remove(TcpServer *t, TcpClient *c) {
        *(c->previous ? &c->previous->next : &t->oldest) = c->next;
        *(c->next ? &c->next->previous : &t->newest) = c->previous;
        c->previous = c->next = NULL;
}

static void list_append(TcpServer *t, TcpClient *c) {
        c->previous = t->newest;
        c->next = NULL;
        *(t->newest ? &t->newest->next : &t->oldest) = c;
        t->newest = c;
}

static void arm_timer(TcpServer *t) {
        if (!t->oldest) {
                (void) sd_event_source_set_enabled(t->timer, SD_EVENT_OFF);
                return;
        }
        (void) sd_event_source_set_time(t->timer, t->oldest->active_usec + t->limits.idle_usec);
        (void) sd_event_source_set_enabled(t->timer, SD_EVENT_ONESHOT);
}

void tcp_server_touch(TcpServer *t, TcpClient *c) {
        (void) sd_event_now(t->event, CLOCK_MONOTONIC, &c->active_usec);
        list_remove(t, c);
        list_append(t, c);
        /* The timer is not moved: it fires early at most once per idle time and then looks again. */
}

AnswerSource *tcp_server_answers(TcpServer *t) {
        return t->answers;
}

uint64_t tcp_server_idle_usec(const TcpServer *t) {
        return t->limits.idle_usec;
}

void tcp_server_drop(TcpServer *t, TcpClient *c) {
        list_remove(t, c);
        t->stats.clients--;
        t->crowds[c->crowd]--;
        tcp_client_hang_up(c);
        c->next = t->dead;
        t->dead = c;
        (void) sd_event_source_set_enabled(t->reaper, SD_EVENT_ONESHOT);
}

static int on_reap(sd_event_source *source, void *userdata) {
        TcpServer *t = userdata;

        while (t->dead) {
                TcpClient *c = t->dead;
                t->dead = c->next;
                tcp_client_free(c);
        }
        return 0;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata) {
        TcpServer *t = userdata;

        while (t->oldest && t->oldest->active_usec + t->limits.idle_usec <= usec) {
                t->stats.timed_out++;
                tcp_server_drop(t, t->oldest);
        }
        arm_timer(t);
        return 0;
}

/* --- who has to go when there are too many ------------------------------------------------------------- */

static uint16_t crowd_of(const TcpServer *t, const IpAddress *a) {
        return (uint16_t) (siphash24(a->bytes, a->family == AF_INET ? 4 : NETWORK_OCTETS_IPV6, t->seed) %
                           CROWDS);
}

/* Of the network that has most clients the one that was silent for longest: nobody pushes others out by
 * coming often. Looks at all of them, but only where the limit is reached. */
static TcpClient *find_victim(const TcpServer *t) {
        TcpClient *victim = t->oldest;

        for (TcpClient *c = victim; c; c = c->next)
                if (t->crowds[c->crowd] > t->crowds[victim->crowd])
                        victim = c;
        return victim;
}

static void make_room(TcpServer *t, unsigned clients) {
        while (t->stats.clients > clients && t->oldest) {
                t->stats.evicted++;
                tcp_server_drop(t, find_victim(t));
        }
}

/* --- listeners ----------------------------------------------------------------------------------------- */

static int tcp_accept(TcpServer *t, int fd) {
        struct sockaddr_storage peer;
        socklen_t size = sizeof(peer);
        _cleanup_close_ int client_fd = -EBADF;
        IpAddress address;
        uint16_t crowd;
        TcpClient *c;
        int r;

        client_fd = accept4(fd, (struct sockaddr *) &peer, &size, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (client_fd < 0)
                return -errno;
        r = ip_from_sockaddr((const struct sockaddr *) &peer, &address);
        if (r < 0)
                return 0;
        /* Who comes counts already: of two equal crowds the newcomer's is the larger. */
        crowd = crowd_of(t, &address);
        t->crowds[crowd]++;
        make_room(t, t->limits.clients - 1);
        r = tcp_client_new(t, t->event, client_fd, &address, &c);
        if (r < 0) {
                t->crowds[crowd]--;
                return 0;
        }
        (void) TAKE_FD(client_fd);
        c->crowd = crowd;
        (void) sd_event_now(t->event, CLOCK_MONOTONIC, &c->active_usec);
        list_append(t, c);
        t->stats.clients++;
        t->stats.accepted++;
        if (t->oldest == c)
                arm_timer(t);
        return 0;
}

static int on_connection(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        TcpServer *t = ((TcpListener *) userdata)->server;

        for (unsigned i = 0; i < ACCEPTS_PER_WAKE; i++) {
                int r = tcp_accept(t, fd);
                /* Out of descriptors: somebody goes, at once, so that the listener does not spin. */
                if ((r == -EMFILE || r == -ENFILE) && t->stats.clients > 0) {
                        make_room(t, t->stats.clients - 1);
                        return 0;
                }
                if (r == -EAGAIN)
                        return 0;
                /* Else that one connection failed (accept(2): "Error handling"); the next may not. */
        }
        return 0;
}

int tcp_server_add(TcpServer *t, int fd) {
        _cleanup_free_ TcpListener *l = calloc(1, sizeof(*l));
        int flags = fcntl(fd, F_GETFL), r;

        if (!l)
                return -ENOMEM;
        if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
                return -errno;
        *l = (TcpListener) { .next = t->listeners, .server = t, .fd = fd };
        r = sd_event_add_io(t->event, &l->source, fd, EPOLLIN, on_connection, l);
        if (r < 0)
                return r;
        t->listeners = TAKE_PTR(l);
        return 0;
}

void tcp_server_remove(TcpServer *t, int fd) {
        TcpListener **p = &t->listeners, *l;

        while (*p && (*p)->fd != fd)
                p = &(*p)->next;
        l = *p;
        if (!l)
                return;
        *p = l->next;
        sd_event_source_disable_unref(l->source);
        free(l);
}

int tcp_server_new(sd_event *event, const TcpLimits *limits, AnswerSource *source, TcpServer **ret) {
        _cleanup_(tcp_server_freep) TcpServer *t = NULL;
        int r;

        t = calloc(1, sizeof(*t));
        if (!t)
                return -ENOMEM;
        t->event = sd_event_ref(event);
        t->answers = source;
        t->limits = *limits;
        if (getrandom(t->seed, sizeof(t->seed), 0) != sizeof(t->seed))
                return -EIO;
        r = sd_event_add_time(event, &t->timer, CLOCK_MONOTONIC, USEC_INFINITY, /* accuracy= */ 0, on_timer,
                              t);
        if (r < 0)
                return r;
        (void) sd_event_source_set_enabled(t->timer, SD_EVENT_OFF);
        r = sd_event_add_defer(event, &t->reaper, on_reap, t);
        if (r < 0)
                return r;
        (void) sd_event_source_set_enabled(t->reaper, SD_EVENT_OFF);
        *ret = TAKE_PTR(t);
        return 0;
}

TcpServer *tcp_server_free(TcpServer *t) {
        if (!t)
                return NULL;
        while (t->oldest)
                tcp_server_drop(t, t->oldest);
        (void) on_reap(NULL, t);
        while (t->listeners)
                tcp_server_remove(t, t->listeners->fd);
        sd_event_source_disable_unref(t->timer);
        sd_event_source_disable_unref(t->reaper);
        sd_event_unref(t->event);
        free(t);
        return NULL;
}

void tcp_server_set_limits(TcpServer *t, const TcpLimits *limits) {
        t->limits = *limits;
        make_room(t, limits->clients);
        arm_timer(t);
}

TcpStats tcp_server_stats(const TcpServer *t) {
        return t->stats;
}
