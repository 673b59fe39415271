/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Probes: the same way through a worker as any request, so that what they find is what visitors find. */

#include <stdio.h>
#include <sys/socket.h>

#include "probe.h"
#include "worker.h"

struct Probe {
        Probe *next, **list;
        int fd;
        sd_event_source *io, *timer;
        ProbeHandler handler;
        void *userdata;
        size_t n;
        char answer[PROBE_ANSWER_MAX + 1];
};

static void probe_finish(Probe *p) {
        unsigned status = 0;

        for (Probe **i = p->list; *i; i = &(*i)->next)
                if (*i == p) {
                        *i = p->next;
                        break;
                }
        p->answer[p->n] = '\0';
        if (sscanf(p->answer, "HTTP/1.1 %3u", &status) != 1)
                status = 0;
        p->handler(status, p->answer, p->userdata);
        sd_event_source_disable_unref(p->io);
        sd_event_source_disable_unref(p->timer);
        safe_close(p->fd);
        free(p);
}

static int on_io(sd_event_source *s, int fd, uint32_t revents, void *userdata) {
        Probe *p = userdata;
        ssize_t n = recv(fd, p->answer + p->n, PROBE_ANSWER_MAX - p->n, MSG_DONTWAIT);

        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return 0;
        if (n > 0)
                p->n += (size_t) n;
        if (n <= 0 || p->n == PROBE_ANSWER_MAX)
                probe_finish(p);
        return 0;
}

static int on_timer(sd_event_source *s, uint64_t usec, void *userdata) {
        probe_finish(userdata);
        return 0;
}

static int send_request(int fd, const char *name) {
        char request[HOSTNAME_MAX + 200];
        int n = snprintf(request, sizeof(request),
                         "GET / HTTP/1.1\r\nHost: %s\r\nUser-Agent: hagw-probe\r\nAccept: text/html\r\n"
                         "Connection: close\r\n\r\n", name);

        return send(fd, request, (size_t) n, MSG_NOSIGNAL) == n ? 0 : -EIO;
}

/* Gives the other end to the worker. */
static int give_away(Worker *worker, int fd, const char *name) {
        ProbeMessage *m = message_new(MESSAGE_PROBE);

        if (!m) {
                safe_close(fd);
                return -ENOMEM;
        }
        m->fd = fd;
        (void) snprintf(m->name, sizeof(m->name), "%s", name);
        worker_send(worker, &m->message);
        return 0;
}

int probe_new(Probe **list, sd_event *event, Worker *worker, const char *name, ProbeHandler handler,
              void *userdata) {
        char concrete[HOSTNAME_MAX + 16];
        int fds[2], r;
        size_t n = 0;
        Probe *p;

        for (p = *list; p; p = p->next)
                n++;
        if (n >= PROBES_MAX)
                return -EBUSY;
        /* A wildcard stands for any label. */
        (void) snprintf(concrete, sizeof(concrete), "%s%s", startswith(name, "*.") ? "hagw-probe" : "",
                        startswith(name, "*.") ? name + 1 : name);
        p = calloc(1, sizeof(*p));
        if (!p)
                return -ENOMEM;
        if (strlen(concrete) > HOSTNAME_MAX ||
            socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) < 0) {
                free(p);
                return -ENAMETOOLONG;
        }
        *p = (Probe) { .list = list, .fd = fds[0], .handler = handler, .userdata = userdata };
        r = sd_event_add_io(event, &p->io, p->fd, EPOLLIN, on_io, p);
        if (r >= 0)
                r = sd_event_add_time_relative(event, &p->timer, CLOCK_MONOTONIC, PROBE_TIMEOUT_USEC, 0,
                                               on_timer, p);
        if (r >= 0)
                r = send_request(p->fd, concrete);
        if (r >= 0)
                r = give_away(worker, fds[1], concrete);
        else
                safe_close(fds[1]);
        if (r < 0) {
                sd_event_source_disable_unref(p->io);
                sd_event_source_disable_unref(p->timer);
                safe_close(p->fd);
                free(p);
                return r;
        }
        p->next = *list;
        *list = p;
        return 0;
}

void probes_done(Probe **list) {
        while (*list)
                probe_finish(*list);
}
