/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Probes: the same way through a worker as any request, so that what they find is what visitors find. */

#include <stdio.h>
#include <sys/socket.h>

#include "hagw-proxyd/main/probe.h"
#include "hagw-proxyd/visit/conn.h"
#include "libhagw/crew/worker.h"

struct Probe {
        Probe *next, **list;
        uint64_t id;
        int fd; /* closed: nothing more of the answer is wanted */
        sd_event_source *io, *timer;
        ProbeHandler handler;
        void *userdata;
        Trail trail;
        size_t n;
        char answer[PROBE_ANSWER_MAX + 1];
};

static uint64_t n_probes; /* ever */

static Probe *probe_free(Probe *p) {
        if (!p)
                return NULL;
        sd_event_source_disable_unref(p->io);
        sd_event_source_disable_unref(p->timer);
        safe_close(p->fd);
        free(p);
        return NULL;
}

DEFINE_TRIVIAL_CLEANUP_FUNC(Probe *, probe_free)

static void probe_finish(Probe *p, const ProbeResult *result) {
        for (Probe **i = p->list; *i; i = &(*i)->next)
                if (*i == p) {
                        *i = p->next;
                        break;
                }
        p->handler(result, &p->trail, p->userdata);
        probe_free(p);
}

/* The worker finds the other end closed, and says what it knows. */
static void probe_hang_up(Probe *p) {
        p->io = sd_event_source_disable_unref(p->io);
        p->fd = safe_close(p->fd);
}

/* False: there is no more. */
static bool probe_read(Probe *p) {
        ssize_t n = recv(p->fd, p->answer + p->n, PROBE_ANSWER_MAX - p->n, MSG_DONTWAIT);

        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return true;
        if (n > 0)
                p->n += (size_t) n;
        return n > 0 && p->n < PROBE_ANSWER_MAX;
}

static int on_io(sd_event_source *s, int fd, uint32_t revents, void *userdata) {
        Probe *p = userdata;

        if (!probe_read(p))
                probe_hang_up(p);
        return 0;
}

static int on_timer(sd_event_source *s, uint64_t usec, void *userdata) {
        probe_hang_up(userdata);
        return 0;
}

/* Without an owner yet it leads to the page that asks for one. */
static bool is_home_assistant(const char *answer) {
        return strstr(answer, "<title>Home Assistant</title>") ||
                strcasestr(answer, "\r\nLocation: /onboarding.html\r\n");
}

void probe_on_message(Probe **list, const ProbeMessage *m) {
        ProbeResult result = m->result;
        Probe *p = *list;

        while (p && p->id != m->id)
                p = p->next;
        if (!p)
                return;
        /* The worker wrote before it spoke. */
        while (p->fd >= 0 && p->n < PROBE_ANSWER_MAX) {
                size_t before = p->n;

                if (!probe_read(p) || p->n == before)
                        break;
        }
        p->answer[p->n] = '\0';
        if (result.answered)
                result.led = trail_follow(&p->trail, p->answer, result.status, m->name, result.led_text);
        result.home_assistant = is_home_assistant(p->answer);
        if (!result.answered && !*result.text)
                (void) snprintf(result.text, sizeof(result.text), "nothing came in time");
        /* It was not even connected when its time was over. */
        if (result.asked && !result.connected && !result.answered && result.fault == LINK_FAULT_NONE)
                result.fault = LINK_FAULT_SILENT;
        probe_finish(p, &result);
}

/* Who says honestly what he is may be sent elsewhere than a browser. */
#define OUR_WORDS "User-Agent: hagw-probe\r\nAccept: text/html\r\n"
#define BROWSERS_WORDS                                                                          \
        "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\n" \
        "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n"             \
        "Accept-Language: en-US,en;q=0.5\r\nUpgrade-Insecure-Requests: 1\r\n"                     \
        "Sec-Fetch-Dest: document\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Site: none\r\n"       \
        "Sec-Fetch-User: ?1\r\n"

static int send_request(int fd, const char *name, const char *target, ProbeKind kind) {
        char request[HOSTNAME_MAX + REDIRECT_TARGET_MAX + sizeof(BROWSERS_WORDS) + 100];
        int n = snprintf(request, sizeof(request),
                         "GET %s HTTP/1.1\r\nHost: %s\r\n%sConnection: close\r\n\r\n", target, name,
                         kind == PROBE_BROWSER ? BROWSERS_WORDS : OUR_WORDS);

        return send(fd, request, (size_t) n, MSG_NOSIGNAL) == n ? 0 : -EIO;
}

/* A wildcard stands for any label. */
static int make_name(const char *name, char *ret, size_t size) {
        bool wild = startswith(name, "*.");
        int n = snprintf(ret, size, "%s%s", wild ? "hagw-probe" : "", wild ? name + 1 : name);

        return n < 0 || (size_t) n >= size ? -ENAMETOOLONG : 0;
}

int probe_new(Probe **list, sd_event *event, Worker *worker, const char *name, ProbeKind kind,
              const Trail *trail, uint64_t timeout_usec, ProbeHandler handler, void *userdata) {
        _cleanup_(probe_freep) Probe *p = NULL;
        ProbeMessage *m;
        int fds[2], r;
        size_t n = 0;

        for (p = *list; p; p = p->next)
                n++;
        if (n >= PROBES_MAX)
                return -EBUSY;
        p = calloc(1, sizeof(*p));
        m = message_new(&probe_message);
        if (!p || !m || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) < 0) {
                if (p)
                        p->fd = -EBADF;
                message_free(m ? &m->message : NULL);
                return -ENOMEM;
        }
        *p = (Probe) { .list = list, .fd = fds[0], .handler = handler, .userdata = userdata,
                       .trail = *trail };
        m->fd = fds[1];
        m->id = p->id = ++n_probes;
        m->kind = kind;
        r = make_name(name, m->name, sizeof(m->name));
        if (r >= 0)
                r = sd_event_add_io(event, &p->io, p->fd, EPOLLIN, on_io, p);
        if (r >= 0)
                r = sd_event_add_time_relative(event, &p->timer, CLOCK_MONOTONIC, timeout_usec,
                                               /* accuracy= */ 0, on_timer, p);
        if (r >= 0)
                r = send_request(p->fd, m->name, trail->targets[trail->n - 1], kind);
        if (r < 0) {
                message_free(&m->message);
                return r;
        }
        worker_send(worker, &m->message);
        p->next = *list;
        *list = TAKE_PTR(p);
        return 0;
}

void probes_done(Probe **list) {
        while (*list)
                probe_finish(*list, NULL);
}
