/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Its input and its output are two ends of one loop, so that neither side waits for the other. */

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/pidfd.h>
#include <sys/wait.h>

#include "libhagw/child.h"
#include "libhagw/pure/printable.h"
#include "libhagw/usec.h"

typedef struct Child {
        pid_t pid;
        int pidfd;
        int in, out; /* its standard input, and what it says */
        const char *text;
        char words[CHILD_WORDS_MAX + 1]; /* the end of it */
        size_t n_words;
} Child;

/* What dup2() opens is the next program's. */
ANALYZER_WRONG("-Wanalyzer-fd-leak")
static _Noreturn void become(const char *const *argv, const char *environment, int in, int out) {
        char *const *args = (char *const *) argv;

        (void) setpgid(0, 0);
        (void) signal(SIGPIPE, SIG_DFL);
        if (dup2(in, STDIN_FILENO) >= 0 && dup2(out, STDOUT_FILENO) >= 0 && dup2(out, STDERR_FILENO) >= 0 &&
            putenv((char *) environment) == 0)
                (void) execv(args[0], args);
        dprintf(STDERR_FILENO, "%s: %s\n", argv[0], strerror(errno));
        _exit(127);
}
ANALYZER_RIGHT

static int start(Child *c, const char *const *argv, const char *environment) {
        int in[2], out[2], r;

        if (pipe2(in, O_CLOEXEC) < 0)
                return -errno;
        if (pipe2(out, O_CLOEXEC) < 0) {
                close(in[0]);
                close(in[1]);
                return -errno;
        }
        c->pid = fork();
        if (c->pid == 0)
                become(argv, environment, in[0], out[1]);
        r = c->pid < 0 ? -errno : 0;
        close(in[0]);
        close(out[1]);
        c->in = in[1];
        c->out = out[0];
        if (r < 0)
                return r;
        c->pidfd = pidfd_open(c->pid, 0);
        if (c->pidfd < 0)
                return -errno;
        (void) fcntl(c->in, F_SETFL, O_NONBLOCK);
        (void) fcntl(c->out, F_SETFL, O_NONBLOCK);
        return 0;
}

static void keep_words(Child *c, const char *p, size_t n) {
        if (n >= CHILD_WORDS_MAX) {
                p += n - CHILD_WORDS_MAX;
                n = CHILD_WORDS_MAX;
        }
        if (c->n_words + n > CHILD_WORDS_MAX) {
                const size_t cut = c->n_words + n - CHILD_WORDS_MAX;
                memmove(c->words, c->words + cut, c->n_words - cut);
                c->n_words -= cut;
        }
        memcpy(c->words + c->n_words, p, n);
        c->n_words += n;
}

/* True while it may say more. */
static bool listen_to(Child *c) {
        char buffer[512];
        ssize_t n = read(c->out, buffer, sizeof(buffer));

        if (n > 0)
                keep_words(c, buffer, (size_t) n);
        return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

static void tell(Child *c) {
        const size_t left = strlen(c->text);
        ssize_t n = left > 0 ? write(c->in, c->text, left) : 0;

        if (n > 0)
                c->text += n;
        /* It may have read as much as it wanted. */
        if ((n < 0 && errno != EAGAIN && errno != EINTR) || c->text[0] == '\0')
                c->in = safe_close(c->in);
}

/* Until it has ended and all was heard, or what it left behind has held its output for long enough. 0: in
 * time. */
static int exchange(Child *c, uint64_t end_usec) {
        bool ended = false, heard = false;

        while (!ended || !heard) {
                const uint64_t now = clock_usec(CLOCK_MONOTONIC);
                struct pollfd p[] = { { .fd = heard ? -EBADF : c->out, .events = POLLIN },
                                      { .fd = c->in, .events = POLLOUT },
                                      { .fd = ended ? -EBADF : c->pidfd, .events = POLLIN } };

                if (now >= end_usec)
                        return ended ? 0 : -ETIMEDOUT;
                if (poll(p, ELEMENTSOF(p), (int) MIN((end_usec - now) / 1000 + 1, (uint64_t) 60000)) < 0 &&
                    errno != EINTR)
                        return -errno;
                if (p[1].revents)
                        tell(c);
                if (p[0].revents)
                        heard = !listen_to(c);
                if (p[2].revents) {
                        ended = true;
                        end_usec = MIN(end_usec, now + CHILD_REST_USEC);
                }
        }
        return 0;
}

/* On one line, without the last line's end. */
static void join_lines(char *s) {
        size_t n = strlen(s);

        while (n > 0 && strchr(" \n\r\t", s[n - 1]))
                s[--n] = '\0';
        for (; *s; s++)
                if (strchr("\n\r\t", *s))
                        *s = ' ';
}

static int describe(const Child *c, const char *name, int r, int status, char **ret_error) {
        _cleanup_free_ char *words = NULL, *shown = NULL;
        char how[64];

        words = strndup(c->words, c->n_words);
        if (words)
                join_lines(words);
        shown = words ? printable(words, /* lines= */ false) : NULL;
        if (!shown)
                return -ENOMEM;
        if (r == -ETIMEDOUT)
                (void) snprintf(how, sizeof(how), "did not end in time");
        else if (r < 0)
                (void) snprintf(how, sizeof(how), "could not be run: %s", strerror(-r));
        else if (WIFSIGNALED(status))
                (void) snprintf(how, sizeof(how), "was ended by signal %i", WTERMSIG(status));
        else
                (void) snprintf(how, sizeof(how), "ended with status %i", WEXITSTATUS(status));
        return asprintf(ret_error, "%s %s%s%s", name, how, *shown ? ": " : "", shown) < 0 ? -ENOMEM : 0;
}

int child_run(const char *const *argv, const char *environment, const char *text, uint64_t timeout_usec,
              char **ret_error) {
        const uint64_t end = clock_usec(CLOCK_MONOTONIC) + timeout_usec;
        Child c = { .pid = -1, .pidfd = -EBADF, .in = -EBADF, .out = -EBADF, .text = text };
        int status = 0, r;

        r = start(&c, argv, environment);
        if (r >= 0)
                r = exchange(&c, end);
        if (r < 0 && c.pid > 0) {
                (void) kill(-c.pid, SIGKILL);
                (void) kill(c.pid, SIGKILL); /* where it has had no time yet to have a group */
        }
        while (c.pid > 0 && waitpid(c.pid, &status, 0) < 0 && errno == EINTR)
                ;
        (void) safe_close(c.pidfd);
        (void) safe_close(c.in);
        (void) safe_close(c.out);
        if (r >= 0 && status == 0)
                return 0;
        if (describe(&c, argv[0], r, status, ret_error) < 0)
                return -ENOMEM;
        return r == -ETIMEDOUT ? r : -EIO;
}
