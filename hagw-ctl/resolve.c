/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* libc's look-up has no end of its own choosing, and cannot be taken back: a child does it, which is ended
 * when its time is over. */

#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "hagw-ctl/resolve.h"
#include "hagw-ctl/waiting.h"
#include "libhagw/usec.h"

#define TICK_MSEC 250

/* What the child says: one message, which a pipe takes whole. */
typedef struct Answer {
        int status; /* as resolve_name() returns it */
        Resolved resolved;
} Answer;

static int status_of(int error) {
        switch (error) {
        case 0:
                return 1;
        case EAI_NONAME:
        case EAI_NODATA:
        case EAI_ADDRFAMILY:
                return 0;
        case EAI_MEMORY:
                return -ENOMEM;
        default:
                return -EAGAIN;
        }
}

static _noreturn_ void look_up(const char *name, int fd) {
        const struct addrinfo hints = { .ai_socktype = SOCK_DGRAM };
        struct addrinfo *list = NULL;
        Answer answer = {};

        (void) signal(SIGINT, SIG_DFL); /* what Ctrl-C says is said by the parent */
        answer.status = status_of(getaddrinfo(name, NULL, &hints, &list));
        for (struct addrinfo *i = list; i && answer.resolved.n < RESOLVE_ADDRESSES_MAX; i = i->ai_next)
                if (ip_from_sockaddr((const struct sockaddr *) i->ai_addr,
                                     &answer.resolved.addresses[answer.resolved.n]) >= 0)
                        answer.resolved.n++;
        _exit(write(fd, &answer, sizeof(answer)) == (ssize_t) sizeof(answer) ? 0 : 1);
}

/* Until the child has spoken, or its time is over. */
static int wait_for_answer(int fd, uint64_t limit_usec, Answer *ret) {
        const uint64_t end = clock_usec(CLOCK_MONOTONIC) + limit_usec;
        struct pollfd p = { .fd = fd, .events = POLLIN };

        while (clock_usec(CLOCK_MONOTONIC) < end) {
                int r = poll(&p, 1, TICK_MSEC);

                if (r < 0 && errno != EINTR)
                        return -errno;
                if (r > 0)
                        return read(fd, ret, sizeof(*ret)) == (ssize_t) sizeof(*ret) ? 0 : -EAGAIN;
                waiting_tick();
        }
        return -EAGAIN;
}

int resolve_name(const char *name, uint64_t limit_usec, Resolved *ret) {
        _cleanup_close_ int out = -EBADF, in = -EBADF;
        Answer answer;
        int fds[2], r;
        pid_t pid;

        if (pipe2(fds, O_CLOEXEC) < 0)
                return -errno;
        out = fds[0];
        in = fds[1];
        assert(out >= 0 && in >= 0);
        pid = fork();
        if (pid < 0)
                return -errno;
        if (pid == 0)
                look_up(name, in);
        in = safe_close(in);
        r = wait_for_answer(out, limit_usec, &answer);
        (void) kill(pid, SIGKILL);
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
                ;
        if (r >= 0)
                r = answer.status;
        if (r == 1 && answer.resolved.n == 0)
                r = 0;
        if (r == 1)
                *ret = answer.resolved;
        return r;
}

const IpAddress *resolved_find(const Resolved *resolved, int family) {
        for (size_t i = 0; i < resolved->n; i++)
                if (resolved->addresses[i].family == family)
                        return &resolved->addresses[i];
        return NULL;
}
