/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/pure/macro.h"

/* What may be a password: long enough, and not among the first that anybody tries. */

#define PASSWORD_MIN 8U   /* bytes */
#define PASSWORD_MAX 511U /* bytes: what crypt(3) takes, without the NUL */
#define PASSWORDS_COMMON 10000U
#define PASSWORD_LIST "passwords.txt" /* in /usr/share/hagw, or $HAGW_DATA_DIR */

/* ret_problem: what is wrong with it, in words; NULL: nothing. A negative errno: the
 * list of common passwords could not be read, and nothing is known; -EBADMSG: it is not whole. */
int password_check(const char *user, const char *password, const char **ret_problem);
