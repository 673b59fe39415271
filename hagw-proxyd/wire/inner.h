/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/pure/slice.h"

/* A service that is a gateway like this one, with a login of its own: a relay's house, or a gateway behind a
 * gateway. Both have the same paths and cookies, and a visitor has one name for both. So what is the inner
 * one's has another name outside of this gateway: __Host-hagw is __Host-hag2 there, and /.hagw/auth/login is
 * /.hag2/auth/login. Of three in a row the innermost one's have a 3 outside of the first, and so on to 9.
 *
 * Neither can name what is the other's: what this one asks for is asked before anything of the inner one is
 * passed on, and no answer of the inner one can set or read this one's cookies. Names keep their length, and
 * are changed where they lie. Pure. */

#define INNER_DEPTH_OWN 'w'     /* of the gateway itself; those behind have '2' to '9' */
#define INNER_NAME_SIZE 12U     /* bytes of the session cookie's name with NUL */
#define INNER_PATH_SIZE 18U     /* of the login page's path */

bool inner_is_depth(char c);
/* As seen from one gateway further out; 0: it cannot be seen from there. */
char inner_further_out(char depth);
/* This gateway's own names, as they are at that depth. */
void inner_name(char depth, char cookie[static INNER_NAME_SIZE], char login[static INNER_PATH_SIZE]);

/* Set-Cookie on its way out. False: nothing of an inner gateway, and unchanged. */
bool inner_take_set_cookie(char *value, size_t size);
/* Cookie on its way in, when this gateway's own have been cut out. */
void inner_give_cookies(char *value, size_t size);
/* Location on its way out: the login, and the page that tells whom to ask. False: unchanged. */
bool inner_take_location(char *value, size_t size);
/* A request's target on its way in: what a browser needs to log in and out. Whatever else stands below
 * /.hagw/ is for who is inside the house, and whom this gateway lets through is not known to be. False:
 * unchanged. */
bool inner_give_target(char *target, size_t size);
