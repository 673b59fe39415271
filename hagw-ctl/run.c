/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Other programs: systemctl and journalctl. */

#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/wait.h>
#include <systemd/sd-daemon.h>

#include "hagw-ctl/run.h"
#include "libhagw/log.h"

extern char **environ;

int run_program(const char *const *argv, bool quiet) {
        posix_spawn_file_actions_t actions;
        int status, r;
        pid_t pid;

        (void) fflush(stdout);
        r = posix_spawn_file_actions_init(&actions);
        if (r == 0 && quiet)
                r = posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
        if (r == 0 && quiet)
                r = posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
        if (r == 0)
                r = posix_spawnp(&pid, argv[0], &actions, NULL, (char *const *) argv, environ);
        (void) posix_spawn_file_actions_destroy(&actions);
        if (r != 0)
                return log_error_errno(r, "%s could not be run: %m", argv[0]);
        while (waitpid(pid, &status, 0) < 0)
                if (errno != EINTR)
                        return log_error_errno(errno, "%s was lost: %m", argv[0]);
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* To its end, so that the program need not wait; what has no room is thrown away. */
static char *read_all(int fd) {
        char *text = malloc(RUN_CAPTURE_MAX + 1), rest[4096];
        size_t size = 0;
        ssize_t n;

        if (!text)
                return NULL;
        do {
                const bool full = size == RUN_CAPTURE_MAX;

                n = full ? read(fd, rest, sizeof(rest)) : read(fd, text + size, RUN_CAPTURE_MAX - size);
                if (n > 0 && !full)
                        size += (size_t) n;
        } while (n > 0 || (n < 0 && errno == EINTR));
        text[size] = '\0';
        return text;
}

int run_capture(const char *const *argv, char **ret) {
        _cleanup_close_ int out = -EBADF, in = -EBADF;
        posix_spawn_file_actions_t actions;
        int fds[2], status, r;
        char *text;
        pid_t pid;

        if (pipe2(fds, O_CLOEXEC) < 0)
                return -errno;
        out = fds[0];
        in = fds[1];
        assert(out >= 0 && in >= 0);
        r = posix_spawn_file_actions_init(&actions);
        if (r == 0)
                r = posix_spawn_file_actions_adddup2(&actions, in, STDOUT_FILENO);
        if (r == 0)
                r = posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
        if (r == 0)
                r = posix_spawnp(&pid, argv[0], &actions, NULL, (char *const *) argv, environ);
        (void) posix_spawn_file_actions_destroy(&actions);
        if (r != 0)
                return -r;
        in = safe_close(in);
        text = read_all(out);
        out = safe_close(out);
        while (waitpid(pid, &status, 0) < 0)
                if (errno != EINTR) {
                        free(text);
                        return -errno;
                }
        if (!text)
                return -ENOMEM;
        *ret = text;
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int run_instead(const char *const *argv) {
        (void) fflush(stdout);
        (void) execvp(argv[0], (char *const *) argv);
        return log_error_errno(errno, "%s could not be run: %m", argv[0]);
}

bool system_is_booted(void) {
        return sd_booted() > 0;
}
