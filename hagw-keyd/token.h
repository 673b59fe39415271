/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/pure/relaytoken.h"

/* The relay's token, in the state directory: relay-token is in use, relay-token.prepared is a secret that no
 * relay has admitted yet. Both are read when they are needed and wiped after it; nothing stays in memory. */

#define TOKEN_CREDENTIAL "hagw.relay-token" /* below $CREDENTIALS_DIRECTORY; wins over the file */

typedef struct TokenFile {
        RelayToken token;
        uint64_t created_usec; /* CLOCK_REALTIME; 0: it is the credential */
} TokenFile;

static inline _unused_ void token_file_wipe(TokenFile *f) {
        explicit_bzero(f, sizeof(*f));
}
#define _cleanup_token_file_ _cleanup_(token_file_wipe)

/* -ENOENT: there is none. -EBADMSG: the credential holds none, or the file held none and was set aside; it
 * was logged. */
int token_load(int dir_fd, TokenFile *ret);

/* Takes a token into use, in place of the one before. */
int token_store(int dir_fd, const RelayToken *t, uint64_t created_usec);

/* Makes and keeps a new secret, in place of one prepared before: each relay learns the secret from the first
 * proof, so none may see another's. Returns StoredKey. */
int token_prepare(int dir_fd, uint8_t *ret_stored_key);
/* Takes the prepared secret into use. -ENOENT: there is none. */
int token_adopt(int dir_fd, const char *tenant, const char *id, uint64_t created_usec);

/* Removes both, for ever. */
int token_remove(int dir_fd);

/* Drops what a kill left half written. */
void token_clean(int dir_fd);

/* proof has RELAY_SECRET_SIZE bytes. -EIO: the library refused. */
int token_prove(const RelayToken *t, const uint8_t *binding, uint8_t *ret_proof);
