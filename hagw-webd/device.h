/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-webd/token.h"

/* Browsers that somebody logged in with before. The cookie is no session and lets nobody in: it gives its
 * browser a budget of wrong passwords of its own. Nothing is stored: what the cookie says is signed,
 * together with the user's password hash, so that a new password makes strangers of all of the user's
 * browsers. */

#define DEVICE_USERS_MAX 4U /* whom one browser is remembered for; the one who came last, longest */
#define DEVICE_SIZE ((1 + DEVICE_USERS_MAX) * (TOKEN_LENGTH + 1)) /* with the NUL */

/* Is it a browser of this user at this host? Then ret is what tells it from other browsers, and other users
 * of it; room for TOKEN_LENGTH + 1. value: the cookie's, or NULL. hash: NULL where there is no such user,
 * which takes as much time. */
bool device_is_known(const uint8_t key[static TOKEN_KEY_SIZE], const char *host, const char *user,
                     const char *hash, const char *value, char *ret);

/* The cookie's value from now on: remembers the user besides those of the old value (NULL: there was none).
 * out has room for DEVICE_SIZE. */
int device_remember(const uint8_t key[static TOKEN_KEY_SIZE], const char *host, const char *user,
                    const char *hash, const char *value, char *out);
