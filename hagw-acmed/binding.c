/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* External accounts. The secret is a credential of the unit. */

#include <fcntl.h>
#include <stdio.h>

#include "hagw-acmed/acme-api.h"
#include "hagw-acmed/binding.h"
#include "libhagw/pure/base64url.h"
#include "libhagw/state.h"

/* The credential holds the key as the authority shows it: base64url. */
int binding_make(const char *group, const Authority *authority, const char *url, const char *jwk,
                 char **ret) {
        const char *dir = secure_getenv("CREDENTIALS_DIRECTORY");
        _cleanup_free_ char *path = NULL, *text = NULL;
        _cleanup_free_ void *key = NULL;
        size_t size;
        int r;

        if (!authority->eab_key_id) {
                *ret = NULL;
                return 0;
        }
        if (!dir || asprintf(&path, "%s/%s.eab_hmac_key", dir, group) < 0)
                return -ENOENT;
        r = state_read(AT_FDCWD, path, &text, &size);
        if (r < 0)
                return r;
        while (size > 0 && strchr(" \t\r\n=", text[size - 1]))
                size--;
        r = base64url_decode(text, size, &key, &size);
        if (r >= 0)
                r = acme_format_binding(authority->eab_key_id, key, size, url, jwk, ret);
        explicit_bzero(text, strlen(text));
        if (key)
                explicit_bzero(key, size);
        return r;
}
