/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/pure/macro.h"

/* Secrets that travel: random session ids, and form tokens that only we can have made. */

#define TOKEN_BYTES 16U  /* 128 bits */
#define TOKEN_LENGTH 22U /* characters of base64url */
#define TOKEN_KEY_SIZE 32U
#define TOKEN_HASH_SIZE 32U

/* A new random token from getrandom(2). out has room for TOKEN_LENGTH + 1. */
int token_new(char *out);
/* Does it look like one of ours? */
bool token_is_well_formed(const char *s);
/* Two well-formed ones, in constant time. */
bool token_is_equal(const char *a, const char *b);
/* SHA-256 of a token's text. */
int token_hash(const char *token, uint8_t ret[static TOKEN_HASH_SIZE]);

/* The proof that a form was ours: HMAC-SHA-256 over what it is for, the host, and the cookie it goes with,
 * cut to 128 bits. out has room for TOKEN_LENGTH + 1. */
int token_seal(const uint8_t key[static TOKEN_KEY_SIZE], const char *purpose, const char *host,
               const char *cookie, char *out);
/* The same compared with what came back, in constant time. NULL never fits. */
bool token_seal_fits(const uint8_t key[static TOKEN_KEY_SIZE], const char *purpose, const char *host,
                     const char *cookie, const char *seal);
