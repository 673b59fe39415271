/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/pure/macro.h"

/* Questions to the person at the terminal. */

bool prompt_possible(void);

/* Asks; an empty answer is the fallback (NULL: asks again). *ret is to be freed. -ECANCELED: the input
 * ended. */
int prompt_text(const char *question, const char *fallback, char **ret);

/* Asks for yes or no. Returns 1 or 0. */
int prompt_yes(const char *question, bool fallback);

/* Frees a password after wiping it. */
char *password_free(char *p);
DEFINE_TRIVIAL_CLEANUP_FUNC(char *, password_free)

/* A secret other than a password: from the terminal without echo, or one line of standard input. Told. */
int secret_read(const char *what, char **ret);

/* A password that somebody else set, and that is not judged: the same, with all that stands in the line.
 * Told. */
int passphrase_read(const char *what, bool from_stdin, char **ret);

/* Twice from the terminal without echo, or where from_stdin one line of standard input. Says what is wrong.
 * -EINVAL: no password came. */
int password_read(const char *user, bool from_stdin, char **ret);

/* The same at a terminal, where the rest of a work shall not wait for it: *ret stays NULL where it is to be
 * given later, or no good one came. */
int password_ask(const char *user, char **ret);
