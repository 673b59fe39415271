/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The kinds of targets. */

#include <stdio.h>

#include "hagw-notify/post.h"
#include "hagw-notify/send.h"
#include "libhagw/child.h"

#define SENDMAIL "/usr/sbin/sendmail"

static int fail(char **ret_error, const char *text) {
        *ret_error = strdup(text);
        return *ret_error ? -EIO : -ENOMEM;
}

/* RFC 5322: the local mail program adds who sends and when. Subjects are ASCII but for host names that are
 * not; RFC 2047 is not needed for those either. */
static int send_mail(const char *target, const char *address, const Words *words, char **ret_error) {
        const char *program = secure_getenv("HAGW_SENDMAIL") ?: SENDMAIL;
        const char *argv[] = { program, "-i", address, NULL };
        _cleanup_free_ char *text = NULL;
        int r;

        if (access(program, X_OK) < 0)
                return fail(ret_error, "there is no " SENDMAIL " here that could send mail; apt install "
                                       "msmtp-mta (or another mail program), and set it up");
        if (asprintf(&text,
                     "To: %s\nSubject: %s\nAuto-Submitted: auto-generated\nMIME-Version: 1.0\n"
                     "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n%s",
                     address, words->subject, words->text) < 0) {
                text = NULL;
                return -ENOMEM;
        }
        r = child_run(argv, "LC_ALL=C.UTF-8", text, CHILD_TIMEOUT_USEC, ret_error);
        return r == -ENOMEM ? r : r < 0 ? -EIO : 0;
}

static int send_command(const char *target, const char *command, const Words *words, char **ret_error) {
        const char *argv[] = { "/bin/sh", "-c", command, NULL };
        _cleanup_free_ char *subject = NULL;
        int r;

        if (asprintf(&subject, "HAGW_SUBJECT=%s", words->subject) < 0) {
                subject = NULL;
                return -ENOMEM;
        }
        r = child_run(argv, subject, words->text, CHILD_TIMEOUT_USEC, ret_error);
        return r == -ENOMEM ? r : r < 0 ? -EIO : 0;
}

static int send_post(const char *target, const char *rest, const Words *words, char **ret_error) {
        return post_text(target, words->subject, words->text, ret_error);
}

int send_words(const char *target, const Words *words, char **ret_error) {
        static const struct {
                const char *prefix;
                int (*send)(const char *target, const char *rest, const Words *words, char **ret_error);
        } kinds[] = {
                { "mailto:", send_mail },
                { "command:", send_command },
                { "https://", send_post },
                { "http://", send_post },
        };

        *ret_error = NULL;
        for (size_t i = 0; i < ELEMENTSOF(kinds); i++) {
                const char *rest = startswith(target, kinds[i].prefix);

                if (rest)
                        return kinds[i].send(target, rest, words, ret_error);
        }
        return fail(ret_error, "nobody knows how to send to it");
}
