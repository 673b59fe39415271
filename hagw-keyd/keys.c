/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* All keys. Main thread only. */

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>

#include "keys.h"
#include "log.h"
#include "state.h"

#define KEY_SUFFIX ".key"
#define KEY_FILE_NAME_SIZE (KEY_ID_SIZE + sizeof(KEY_SUFFIX))
#define KEY_HEADER "Purpose: %s\nCreated: %" PRIu64 "\nImported: %s\n"
#define BROKEN_MAX 64U /* names kept for the listing; all are logged */

struct Keys {
        int dir_fd;
        Key **items; /* sorted by id */
        size_t n, allocated;
        char *broken[BROKEN_MAX + 1];
        size_t n_broken;
};

DEFINE_VOID_CLEANUP_FUNC(DIR *, closedir)

static void key_file_name(const Key *k, char *out) {
        (void) snprintf(out, KEY_FILE_NAME_SIZE, "%s" KEY_SUFFIX, k->id);
}

size_t keys_count(const Keys *keys) {
        return keys->n;
}

Key *keys_get(const Keys *keys, size_t i) {
        return keys->items[i];
}

char *const *keys_get_broken(const Keys *keys) {
        return keys->broken;
}

/* Where id is, or where it would stand. */
static size_t keys_position(const Keys *keys, const char *id, bool *ret_found) {
        size_t low = 0, high = keys->n;

        while (low < high) {
                size_t middle = (low + high) / 2;
                int c = strcmp(keys->items[middle]->id, id);

                if (c == 0) {
                        *ret_found = true;
                        return middle;
                }
                if (c < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        *ret_found = false;
        return low;
}

Key *keys_find(const Keys *keys, const char *id) {
        bool found;
        size_t i = keys_position(keys, id, &found);

        return found ? keys->items[i] : NULL;
}

static int keys_insert(Keys *keys, Key *k) {
        bool found;
        size_t i = keys_position(keys, k->id, &found);

        if (!GREEDY_REALLOC(keys->items, keys->allocated, keys->n + 1))
                return -ENOMEM;
        memmove(keys->items + i + 1, keys->items + i, (keys->n - i) * sizeof(keys->items[0]));
        keys->items[i] = k;
        keys->n++;
        return 0;
}

/* The file's text: header lines, as RFC 7468 section 2 allows before the first boundary, and the PEM. */
static int key_parse_file(const char *text, size_t size, Key **ret) {
        _cleanup_(key_freep) Key *k = NULL;
        char purpose[16], imported[8];
        uint64_t created;
        const char *pem;
        int r;

        if (sscanf(text, "Purpose: %15[a-z]\nCreated: %" SCNu64 "\nImported: %7[a-z]\n", purpose, &created,
                   imported) != 3)
                return -EBADMSG;
        pem = strstr(text, "-----BEGIN ");
        if (!pem || key_purpose_from_string(purpose) < 0)
                return -EBADMSG;
        r = key_import(pem, size - (size_t) (pem - text), &k);
        if (r < 0)
                return r;
        k->purpose = key_purpose_from_string(purpose);
        k->created_usec = created;
        k->imported = streq(imported, "yes");
        *ret = TAKE_PTR(k);
        return 0;
}

static int keys_load_file(Keys *keys, const char *name) {
        _cleanup_(key_freep) Key *k = NULL;
        char expected[KEY_FILE_NAME_SIZE], *text;
        size_t size;
        int r;

        r = state_read(keys->dir_fd, name, &text, &size);
        if (r < 0)
                return r;
        r = key_parse_file(text, size, &k);
        explicit_bzero(text, size);
        free(text);
        if (r < 0)
                return r;
        key_file_name(k, expected);
        if (!streq(name, expected))
                return -EBADMSG;
        if (keys->n >= KEYS_MAX)
                return -EXFULL;
        r = keys_insert(keys, k);
        if (r < 0)
                return r;
        TAKE_PTR(k);
        return 0;
}

/* Only what is surely no key is moved; what could not be read now stays where it is. */
static void keys_report_broken(Keys *keys, const char *name, int error) {
        bool aside = error == -EBADMSG || error == -EOPNOTSUPP || error == -EKEYREJECTED || error == -EFBIG;

        if (aside && state_set_aside(keys->dir_fd, name) >= 0)
                log_error("The file %s holds no usable private key; it was set aside as %s.broken.", name,
                          name);
        else
                (void) log_error_errno(error, "Could not read the key file %s: %m", name);
        if (keys->n_broken < BROKEN_MAX && (keys->broken[keys->n_broken] = strdup(name)))
                keys->n_broken++;
}

int keys_load(const char *dir, Keys **ret) {
        _cleanup_(keys_freep) Keys *keys = NULL;
        _cleanup_(closedirp) DIR *d = NULL;
        struct dirent *entry;
        int r;

        keys = calloc(1, sizeof(*keys));
        if (!keys)
                return -ENOMEM;
        keys->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (keys->dir_fd < 0)
                return -errno;
        d = opendir(dir);
        if (!d)
                return -errno;
        while ((errno = 0, entry = readdir(d))) {
                /* What a kill left half written was never promised to anybody. */
                if (endswith(entry->d_name, KEY_SUFFIX ".new"))
                        (void) unlinkat(keys->dir_fd, entry->d_name, 0);
                if (!endswith(entry->d_name, KEY_SUFFIX))
                        continue;
                r = keys_load_file(keys, entry->d_name);
                if (r == -ENOMEM)
                        return r;
                if (r < 0)
                        keys_report_broken(keys, entry->d_name, r);
        }
        if (errno > 0)
                return -errno;
        *ret = TAKE_PTR(keys);
        return 0;
}

Keys *keys_free(Keys *keys) {
        if (!keys)
                return NULL;
        for (size_t i = 0; i < keys->n; i++)
                key_free(keys->items[i]);
        for (size_t i = 0; i < keys->n_broken; i++)
                free(keys->broken[i]);
        free(keys->items);
        safe_close(keys->dir_fd);
        free(keys);
        return NULL;
}

static int key_write(Keys *keys, Key *k) {
        _cleanup_secret_datum_ gnutls_datum_t pem = {};
        char name[KEY_FILE_NAME_SIZE], *text;
        int r, n;

        r = key_export(k, &pem);
        if (r < 0)
                return r;
        n = asprintf(&text, KEY_HEADER "%.*s", key_purpose_to_string(k->purpose), k->created_usec,
                     k->imported ? "yes" : "no", (int) pem.size, (const char *) pem.data);
        if (n < 0)
                return -ENOMEM;
        key_file_name(k, name);
        r = state_write(keys->dir_fd, name, text, (size_t) n, 0600);
        explicit_bzero(text, (size_t) n);
        free(text);
        return r;
}

int keys_add(Keys *keys, Key *key, Key **ret_key) {
        _cleanup_(key_freep) Key *k = key;
        Key *old;
        int r;

        old = keys_find(keys, k->id);
        if (old && old->purpose != k->purpose)
                return -EEXIST;
        if (!old) {
                if (keys->n >= KEYS_MAX)
                        return -EXFULL;
                r = key_write(keys, k);
                if (r < 0)
                        return r;
                r = keys_insert(keys, k);
                if (r < 0)
                        return r;
                old = TAKE_PTR(k);
        }
        *ret_key = old;
        return 0;
}

int keys_remove(Keys *keys, Key *k) {
        char name[KEY_FILE_NAME_SIZE];
        bool found;
        size_t i;
        int r;

        key_file_name(k, name);
        r = state_remove(keys->dir_fd, name);
        if (r < 0)
                return r;
        i = keys_position(keys, k->id, &found);
        assert(found);
        memmove(keys->items + i, keys->items + i + 1, (keys->n - i - 1) * sizeof(keys->items[0]));
        keys->n--;
        key_free(k);
        return 0;
}
