/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* How many instructions a call takes, counted by a parent that steps through its child: no clock, so that
 * the same program counts the same whatever else the machine does. What grows with n shows itself by being
 * called at n and at ten times n. About 100,000 are counted in a second. */

#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include "tests/unit/test.h"

/* Returns 0 where processes cannot be traced (an emulated machine): the caller skips. */
static inline uint64_t steps_count(void (*call)(void *argument), void *argument) {
        uint64_t n = 0;
        int status;
        pid_t pid;

        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
                if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
                        _exit(1);
                (void) raise(SIGSTOP);
                call(argument);
                _exit(0);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        while (WIFSTOPPED(status)) {
                if (ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL) < 0)
                        break;
                assert_int_equal(waitpid(pid, &status, 0), pid);
                n++;
        }
        if (WIFSTOPPED(status)) {
                (void) kill(pid, SIGKILL);
                (void) waitpid(pid, &status, 0);
                return 0;
        }
        assert_true(WIFEXITED(status));
        return WEXITSTATUS(status) == 0 ? n : 0;
}
