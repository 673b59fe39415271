/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Questions to the person at the terminal. Passwords are never shown, never in argv, and wiped. */

#include <stdio.h>

#include "hagw-ctl/output.h"
#include "hagw-ctl/prompt.h"
#include "hagw-ctl/terminal.h"
#include "hagw-ctl/text.h"
#include "libhagw/log.h"
#include "libhagw/password.h"
#include "libhagw/pure/printable.h"

bool prompt_possible(void) {
        return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
}

/* And what an empty answer means; the answer is typed behind it. */
static void put_question(const char *question, const char *fallback) {
        const size_t columns = terminal_columns(STDOUT_FILENO), indent = strspn(question, " ");
        const bool known = fallback && *fallback;
        _cleanup_free_ char *text = NULL;
        const char *rest;

        if (asprintf(&text, "%s%s%s%s", question, known ? " [" : "", strempty(fallback),
                     known ? "]" : "") < 0)
                text = NULL;
        output("%*s", (int) indent, "");
        for (rest = strempty(text) + (text ? indent : 0); *rest;) {
                const size_t k = columns > indent + 10 ? text_fit(rest, columns - 3 - indent) : strlen(rest);

                output_tone(TONE_BOLD, "%.*s", (int) k, rest);
                rest += k + strspn(rest + k, " ");
                if (*rest)
                        output("\n%*s", (int) indent, "");
        }
        output(": ");
}

int prompt_text(const char *question, const char *fallback, char **ret) {
        _cleanup_free_ char *line = NULL;
        size_t size = 0;

        for (;;) {
                ssize_t n;

                put_question(question, fallback);
                (void) fflush(stdout);
                n = getline(&line, &size, stdin);
                if (n < 0) {
                        output("\n");
                        return -ECANCELED;
                }
                while (n > 0 && strchr("\n\r \t", line[n - 1]))
                        line[--n] = '\0';
                if (n > 0 || fallback)
                        break;
                output("  An answer is needed here; Ctrl-C gives up.\n");
        }
        *ret = strdup(*line ? line : fallback);
        return *ret ? 0 : -ENOMEM;
}

int prompt_yes(const char *question, bool fallback) {
        for (;;) {
                _cleanup_free_ char *answer = NULL;
                int r = prompt_text(question, fallback ? "yes" : "no", &answer);

                if (r < 0)
                        return r;
                if (strchr("yY", *answer))
                        return 1;
                if (strchr("nN", *answer))
                        return 0;
                log_error("Please answer yes or no.");
        }
}

char *password_free(char *p) {
        if (p)
                explicit_bzero(p, strlen(p));
        free(p);
        return NULL;
}

/* One line into a buffer of its own, so that stdio keeps no copy. Returns 0 where the input ended before it
 * began, 1 else. */
static int read_secret_line(char **ret) {
        _cleanup_(password_freep) char *line = calloc(1, PASSWORD_MAX + 2);
        size_t n = 0;
        ssize_t k;
        char c;

        if (!line)
                return -ENOMEM;
        for (;;) {
                k = read(STDIN_FILENO, &c, 1);
                if (k < 0 && errno == EINTR)
                        continue;
                if (k < 0)
                        return -errno;
                if (k == 0 || c == '\n')
                        break;
                if (n > PASSWORD_MAX || c == '\0')
                        return -EMSGSIZE;
                line[n++] = c;
        }
        *ret = TAKE_PTR(line);
        return n > 0 || k > 0;
}

/* The rest of a line that is too long is no answer to the next question: what is typed ahead goes. */
static int ask_secret(const char *question, char **ret) {
        _cleanup_free_ char *harmless = printable(question, /* lines= */ false), *shown = NULL;
        int r;

        if (!harmless || asprintf(&shown, "%s: ", harmless) < 0) {
                shown = NULL;
                return -ENOMEM;
        }
        r = terminal_hide_input(shown);
        if (r < 0)
                return r;
        r = read_secret_line(ret);
        terminal_show_input();
        if (r != 0)
                return MIN(r, 0);
        *ret = password_free(*ret);
        output("\n");
        return -ECANCELED;
}

static int tell_unread(int r, const char *what) {
        if (r == -ECANCELED)
                log_error("%s was not given.", what);
        else
                (void) log_error_errno(r, "%s could not be read: %m", what);
        return r;
}

/* As hagw-webd will judge it, so that it is known before anything else is done. Told. */
static int check(const char *user, const char *password) {
        const char *problem;
        int r;

        r = password_check(user, password, &problem);
        if (r < 0)
                return log_error_errno(r, "The list of common passwords in " HAGW_DATA_DIR
                                       " cannot be read, and no password is taken without it (%m); "
                                       "install hagw again.");
        if (!problem)
                return 0;
        log_error("The password was not taken: %s.", problem);
        return -EINVAL;
}

static int ask_password(const char *user, bool later, char **ret) {
        _cleanup_free_ char *question = NULL;

        if (asprintf(&question, "Password for %s%s", user, later ? " (empty: later)" : "") < 0) {
                question = NULL;
                return log_oom();
        }
        for (unsigned tries = 0; tries < 3; tries++) {
                _cleanup_(password_freep) char *one = NULL, *two = NULL;
                int r = ask_secret(question, &one);

                if (r == -EMSGSIZE) {
                        log_error("A password has at most %u bytes, none of them NUL.", PASSWORD_MAX);
                        continue;
                }
                if (r < 0)
                        return tell_unread(r, "The password");
                assert(one);
                if (later && !*one)
                        return 0;
                r = check(user, one);
                if (r == -EINVAL)
                        continue;
                if (r < 0)
                        return r;
                r = ask_secret("The same again", &two);
                if (r < 0 && r != -EMSGSIZE)
                        return tell_unread(r, "The password");
                if (two && streq(one, two)) {
                        *ret = TAKE_PTR(one);
                        return 0;
                }
                log_error("The two differ.");
        }
        log_error("That was the third try, and the last.");
        return -EINVAL;
}

int secret_read(const char *what, char **ret) {
        _cleanup_(password_freep) char *line = NULL;
        size_t n;
        int r;

        r = prompt_possible() ? ask_secret(what, &line) : read_secret_line(&line);
        if (r == -EMSGSIZE) {
                log_error("%s is too long.", what);
                return -EINVAL;
        }
        if (r < 0)
                return tell_unread(r, what);
        n = strcspn(line, " \t\r"); /* pasted with what stood around it */
        explicit_bzero(line + n, strlen(line + n));
        *ret = TAKE_PTR(line);
        return 0;
}

int passphrase_read(const char *what, bool from_stdin, char **ret) {
        int r;

        r = from_stdin ? read_secret_line(ret) : ask_secret(what, ret);
        return r < 0 ? tell_unread(r, "The password") : 0;
}

int password_read(const char *user, bool from_stdin, char **ret) {
        _cleanup_(password_freep) char *line = NULL;
        int r;

        if (!from_stdin) {
                if (prompt_possible())
                        return ask_password(user, /* later= */ false, ret);
                log_error("There is no terminal to ask for the password on; give it with --password-stdin.");
                return -EINVAL;
        }
        r = read_secret_line(&line);
        if (r == -EMSGSIZE) {
                log_error("A password has at most %u bytes, none of them NUL.", PASSWORD_MAX);
                return -EINVAL;
        }
        if (r < 0)
                return tell_unread(r, "The password");
        r = check(user, line);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(line);
        return 0;
}

int password_ask(const char *user, char **ret) {
        int r = ask_password(user, /* later= */ true, ret);

        if (r == -EINVAL)
                log_error("No password was taken; hagw-ctl user add %s takes one later.", user);
        return r == -EINVAL ? 0 : r;
}
