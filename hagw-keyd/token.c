/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The relay's token: files and proof. Main thread only. */

#include <fcntl.h>
#include <gnutls/crypto.h>
#include <inttypes.h>
#include <stdio.h>

#include "hagw-keyd/token.h"
#include "libhagw/log.h"
#include "libhagw/state.h"

#define TOKEN_FILE "relay-token"
#define PREPARED_FILE "relay-token.prepared"
#define CREATED "Created: "
#define FILE_SIZE_MAX (sizeof(CREATED) + 21 + RELAY_TOKEN_TEXT_SIZE + 1)

typedef struct Text {
        char *data;
        size_t size;
} Text;

static void text_done(Text *t) {
        if (t->data)
                explicit_bzero(t->data, t->size);
        free(t->data);
}
#define _cleanup_text_ _cleanup_(text_done)

/* Reads the token in a credential, or -ENOENT. White space behind it is the editor's. */
static int load_credential(RelayToken *ret) {
        const char *dir = secure_getenv("CREDENTIALS_DIRECTORY");
        _cleanup_close_ int fd = -EBADF;
        _cleanup_text_ Text text = {};
        size_t n;
        int r;

        if (!dir)
                return -ENOENT;
        fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        r = state_read(fd, TOKEN_CREDENTIAL, &text.data, &text.size);
        if (r < 0)
                return r;
        for (n = text.size; n > 0 && strchr(" \t\r\n", text.data[n - 1]);)
                n--;
        return relay_token_parse(text.data, n, ret) < 0 ? -EBADMSG : 0;
}

/* "Created: USEC", the token, each with its line end. */
static int parse_file(const char *text, size_t size, TokenFile *ret) {
        _cleanup_token_file_ TokenFile f = {};
        const char *line = memchr(text, '\n', size);

        if (!line || text[size - 1] != '\n' ||
            sscanf(text, CREATED "%" SCNu64 "\n", &f.created_usec) != 1)
                return -EBADMSG;
        line++;
        if (relay_token_parse(line, size - (size_t) (line - text) - (line < text + size), &f.token) < 0)
                return -EBADMSG;
        *ret = f;
        return 0;
}

/* A file that is not what it should be is out of the way afterwards. */
static int set_aside(int dir_fd, const char *name) {
        int r = state_set_aside(dir_fd, name);

        if (r < 0)
                return log_error_errno(r, "The file %s is broken and could not be set aside: %m", name);
        log_error("The file %s is broken; it was set aside as %s.broken.", name, name);
        return -EBADMSG;
}

int token_load(int dir_fd, TokenFile *ret) {
        _cleanup_text_ Text text = {};
        _cleanup_token_file_ TokenFile f = {};
        int r;

        r = load_credential(&f.token);
        if (r == -ENOENT) {
                r = state_read(dir_fd, TOKEN_FILE, &text.data, &text.size);
                if (r < 0)
                        return r;
                r = parse_file(text.data, text.size, &f);
                if (r < 0)
                        return set_aside(dir_fd, TOKEN_FILE);
        } else if (r < 0)
                return log_error_errno(r, "The credential " TOKEN_CREDENTIAL " could not be read or holds "
                                          "no relay token, hagw_TENANT_ID_SECRET: %m");
        *ret = f;
        return 0;
}

int token_store(int dir_fd, const RelayToken *t, uint64_t created_usec) {
        char text[FILE_SIZE_MAX], token[RELAY_TOKEN_TEXT_SIZE];
        int n, r;

        relay_token_format(t, token);
        n = snprintf(text, sizeof(text), CREATED "%" PRIu64 "\n%s\n", created_usec, token);
        r = state_write(dir_fd, TOKEN_FILE, text, (size_t) n, 0600);
        explicit_bzero(text, sizeof(text));
        explicit_bzero(token, sizeof(token));
        return r;
}

static int hash_secret(const uint8_t *secret, uint8_t *ret_stored_key) {
        return gnutls_hash_fast(GNUTLS_DIG_SHA256, secret, RELAY_SECRET_SIZE, ret_stored_key) < 0 ? -EIO : 0;
}

int token_prepare(int dir_fd, uint8_t *ret_stored_key) {
        char text[BASE32_LENGTH(RELAY_SECRET_SIZE) + 1];
        uint8_t secret[RELAY_SECRET_SIZE];
        int r;

        r = gnutls_rnd(GNUTLS_RND_KEY, secret, sizeof(secret)) < 0 ? -EIO : 0;
        if (r >= 0) {
                base32_encode(secret, sizeof(secret), text);
                r = state_write(dir_fd, PREPARED_FILE, text, strlen(text), 0600);
        }
        if (r >= 0)
                r = hash_secret(secret, ret_stored_key);
        explicit_bzero(text, sizeof(text));
        explicit_bzero(secret, sizeof(secret));
        return r;
}

int token_adopt(int dir_fd, const char *tenant, const char *id, uint64_t created_usec) {
        _cleanup_relay_token_ RelayToken t = {};
        _cleanup_text_ Text text = {};
        int r;

        r = state_read(dir_fd, PREPARED_FILE, &text.data, &text.size);
        if (r < 0)
                return r;
        if (base32_decode(text.data, text.size, t.secret, sizeof(t.secret)) < 0)
                return set_aside(dir_fd, PREPARED_FILE);
        (void) stpcpy(t.tenant, tenant);
        (void) stpcpy(t.id, id);
        r = token_store(dir_fd, &t, created_usec);
        /* Killed here, the next one to adopt it gets the same token once more. */
        return r < 0 ? r : state_remove(dir_fd, PREPARED_FILE);
}

int token_remove(int dir_fd) {
        int r = state_remove(dir_fd, PREPARED_FILE);

        return r < 0 ? r : state_remove(dir_fd, TOKEN_FILE);
}

void token_clean(int dir_fd) {
        (void) unlinkat(dir_fd, TOKEN_FILE ".new", 0);
        (void) unlinkat(dir_fd, PREPARED_FILE ".new", 0);
}

int token_prove(const RelayToken *t, const uint8_t *binding, uint8_t *ret_proof) {
        uint8_t message[RELAY_PROOF_MESSAGE_MAX], stored_key[RELAY_SECRET_SIZE], mac[RELAY_SECRET_SIZE];
        size_t n = relay_proof_message(t->tenant, t->id, binding, message);
        int r;

        r = hash_secret(t->secret, stored_key);
        if (r >= 0 &&
            gnutls_hmac_fast(GNUTLS_MAC_SHA256, stored_key, sizeof(stored_key), message, n, mac) < 0)
                r = -EIO;
        if (r >= 0)
                relay_proof_xor(t->secret, mac, ret_proof);
        explicit_bzero(mac, sizeof(mac));
        explicit_bzero(stored_key, sizeof(stored_key));
        return r;
}
