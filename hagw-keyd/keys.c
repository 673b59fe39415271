/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* All keys. Main thread only, but for keys_write() and keys_unlink(). */

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>

#include "hagw-keyd/keys.h"
#include "libhagw/log.h"
#include "libhagw/state.h"

#define KEY_SUFFIX ".key"
#define KEY_FILE_NAME_SIZE (KEY_ID_SIZE + sizeof(KEY_SUFFIX))
#define KEY_HEADER "Purpose: %s\nCreated: %" PRIu64 "\nImported: %s\n"
#define BROKEN_MAX 64U /* names kept for the listing; all are logged */

/* Of a key that something is being done with; it holds a reference. */
typedef enum KeyChange { KEY_CHANGE_ADD, KEY_CHANGE_REMOVE } KeyChange;

typedef struct PendingKey {
        Key *key;
        KeyChange change;
} PendingKey;

struct Keys {
        int dir_fd;
        Key **items; /* sorted by id */
        size_t n, allocated;
        PendingKey *pending;
        size_t n_pending, pending_allocated, n_adding;
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
        _cleanup_(key_unrefp) Key *k = NULL;
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
        _cleanup_(key_unrefp) Key *k = NULL;
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
                key_unref(keys->items[i]);
        for (size_t i = 0; i < keys->n_pending; i++)
                key_unref(keys->pending[i].key);
        free(keys->pending);
        for (size_t i = 0; i < keys->n_broken; i++)
                free(keys->broken[i]);
        free(keys->items);
        safe_close(keys->dir_fd);
        free(keys);
        return NULL;
}

int keys_write(const Keys *keys, Key *k) {
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

static PendingKey *pending_find(Keys *keys, const char *id) {
        for (size_t i = 0; i < keys->n_pending; i++)
                if (streq(keys->pending[i].key->id, id))
                        return keys->pending + i;
        return NULL;
}

static int pending_add(Keys *keys, Key *k, KeyChange change) {
        if (!GREEDY_REALLOC(keys->pending, keys->pending_allocated, keys->n_pending + 1))
                return -ENOMEM;
        keys->pending[keys->n_pending++] = (PendingKey) { key_ref(k), change };
        keys->n_adding += change == KEY_CHANGE_ADD;
        return 0;
}

static void pending_remove(Keys *keys, Key *k, KeyChange change) {
        PendingKey *p = pending_find(keys, k->id);

        assert(p && p->key == k && p->change == change);
        *p = keys->pending[--keys->n_pending];
        keys->n_adding -= change == KEY_CHANGE_ADD;
        key_unref(k);
}

bool keys_is_full(const Keys *keys) {
        return keys->n + keys->n_adding >= KEYS_MAX;
}

int keys_add_begin(Keys *keys, Key *k, Key **ret_there) {
        Key *there;

        if (pending_find(keys, k->id))
                return -EBUSY;
        there = keys_find(keys, k->id);
        if (there && there->purpose != k->purpose)
                return -EEXIST;
        if (there) {
                *ret_there = there;
                return 0;
        }
        if (keys_is_full(keys))
                return -EXFULL;
        /* The place is there when the file is: from then on nothing may fail. */
        if (!GREEDY_REALLOC(keys->items, keys->allocated, keys->n + keys->n_adding + 1))
                return -ENOMEM;
        return pending_add(keys, k, KEY_CHANGE_ADD) < 0 ? -ENOMEM : 1;
}

void keys_add_end(Keys *keys, Key *k, int result) {
        if (result >= 0)
                (void) keys_insert(keys, key_ref(k));
        pending_remove(keys, k, KEY_CHANGE_ADD);
}

int keys_remove_begin(Keys *keys, Key *k) {
        return pending_find(keys, k->id) ? -EBUSY : pending_add(keys, k, KEY_CHANGE_REMOVE);
}

int keys_unlink(const Keys *keys, const Key *k) {
        char name[KEY_FILE_NAME_SIZE];

        key_file_name(k, name);
        return state_remove(keys->dir_fd, name);
}

void keys_remove_end(Keys *keys, Key *k, int result) {
        bool found;
        size_t i;

        if (result >= 0) {
                i = keys_position(keys, k->id, &found);
                assert(found);
                memmove(keys->items + i, keys->items + i + 1, (keys->n - i - 1) * sizeof(keys->items[0]));
                keys->n--;
                key_unref(k);
        }
        pending_remove(keys, k, KEY_CHANGE_REMOVE);
}
