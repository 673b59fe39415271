/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a signal finds. The handlers call only what signal-safety(7) allows; what they read is set while they
 * are off, or in one store. */

#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <termios.h>

#include "hagw-ctl/terminal.h"

#define PROSE_COLUMNS_MAX 80U
#define PROSE_COLUMNS_MIN 20U

static struct termios shown;
static const char *hidden_question; /* NULL: what is typed is shown */
static const char *volatile interrupt_text;

static const int ends[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE, SIGALRM, SIGABRT };
static const int stops[] = { SIGTSTP, SIGTTIN };

static void put(int fd, const char *text) {
        (void) !write(fd, text, strlen(text));
}

static int hide(void) {
        struct termios silent = shown;

        silent.c_lflag &= ~(tcflag_t) ECHO;
        silent.c_lflag |= ECHONL;
        /* Before the question: what is typed ahead of it is thrown away, what follows it is not. */
        if (tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent) < 0)
                return -errno;
        put(STDOUT_FILENO, hidden_question);
        return 0;
}

/* Its own default, which it meets when this returns: who waits for us sees what ended us. */
static void on_end(int number) {
        if (hidden_question)
                (void) tcsetattr(STDIN_FILENO, TCSANOW, &shown);
        if (number == SIGINT && interrupt_text) {
                put(STDERR_FILENO, "\n");
                put(STDERR_FILENO, interrupt_text);
                put(STDERR_FILENO, "\n");
        }
        (void) signal(number, SIG_DFL);
        (void) raise(number);
}

static void catch(int number, void (*handler)(int));

static void on_stop(int number) {
        int saved = errno;
        sigset_t only;

        (void) tcsetattr(STDIN_FILENO, TCSANOW, &shown);
        (void) signal(number, SIG_DFL);
        (void) raise(number);
        (void) sigemptyset(&only);
        (void) sigaddset(&only, number);
        (void) sigprocmask(SIG_UNBLOCK, &only, NULL); /* here it stops, and goes on */
        catch(number, on_stop);
        (void) hide();
        errno = saved;
}

/* What is ignored (nohup) stays so. */
static void catch(int number, void (*handler)(int)) {
        struct sigaction before, action = { .sa_handler = handler, .sa_flags = SA_RESTART };

        (void) sigemptyset(&action.sa_mask);
        if (sigaction(number, NULL, &before) >= 0 && before.sa_handler != SIG_IGN)
                (void) sigaction(number, &action, NULL);
}

static void leave(int number) {
        struct sigaction before;

        if (sigaction(number, NULL, &before) >= 0 && before.sa_handler != SIG_IGN)
                (void) signal(number, SIG_DFL);
}

void terminal_on_interrupt(const char *text) {
        interrupt_text = text;
        if (text)
                catch(SIGINT, on_end);
        else if (!hidden_question)
                leave(SIGINT);
}

void terminal_end_interrupted(void) {
        (void) fflush(stdout);
        (void) signal(SIGINT, SIG_DFL);
        (void) raise(SIGINT);
}

int terminal_hide_input(const char *question) {
        int r;

        (void) fflush(stdout);
        if (tcgetattr(STDIN_FILENO, &shown) < 0)
                return -errno;
        hidden_question = question;
        for (size_t i = 0; i < ELEMENTSOF(ends); i++)
                catch(ends[i], on_end);
        for (size_t i = 0; i < ELEMENTSOF(stops); i++)
                catch(stops[i], on_stop);
        r = hide();
        if (r < 0)
                terminal_show_input();
        return r;
}

void terminal_show_input(void) {
        if (!hidden_question)
                return;
        /* Not TCSAFLUSH: output that is held (Ctrl-S) would keep it. What was typed ahead while nothing was
         * shown may be a password, which the shell would show. */
        (void) tcflush(STDIN_FILENO, TCIFLUSH);
        (void) tcsetattr(STDIN_FILENO, TCSANOW, &shown);
        hidden_question = NULL;
        for (size_t i = 0; i < ELEMENTSOF(ends); i++)
                if (ends[i] != SIGINT || !interrupt_text)
                        leave(ends[i]);
        for (size_t i = 0; i < ELEMENTSOF(stops); i++)
                leave(stops[i]);
}

static unsigned width_of(int fd) {
        struct winsize size;

        if (!isatty(fd))
                return 0;
        if (ioctl(fd, TIOCGWINSZ, &size) < 0 || size.ws_col < PROSE_COLUMNS_MIN)
                return PROSE_COLUMNS_MAX;
        return size.ws_col;
}

unsigned terminal_width(void) {
        return width_of(STDOUT_FILENO);
}

unsigned terminal_columns(int fd) {
        return MIN(width_of(fd), PROSE_COLUMNS_MAX);
}
