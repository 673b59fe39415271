/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The state directory. Main thread only. */

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "hagw-acmed/store.h"
#include "libhagw/log.h"
#include "libhagw/pure/hostname.h"
#include "libhagw/state.h"

#define PREFIX "cert-"
#define SUFFIX ".json"
#define FILE_NAME_SIZE (sizeof(PREFIX) + HOSTNAME_MAX + sizeof(SUFFIX) + 2)
#define ACCOUNTS_FILE "accounts.json"
#define LIMITS_FILE "limits.json"
#define RETIRED_FILE "retired.json"

DEFINE_VOID_CLEANUP_FUNC(DIR *, closedir)

static void file_name(const char *name, char *out) {
        (void) snprintf(out, FILE_NAME_SIZE, PREFIX "%s" SUFFIX, name);
}

Certificate *store_find(const Store *s, const char *name) {
        for (size_t i = 0; i < s->n_certificates; i++)
                if (streq(s->certificates[i]->name, name))
                        return s->certificates[i];
        return NULL;
}

Certificate *store_find_any(const Store *s, const char *name) {
        Certificate *c = store_find(s, name);

        for (size_t i = 0; !c && i < s->n_certificates; i++)
                for (char **p = s->certificates[i]->names; *p && !c; p++)
                        if (streq(*p, name) || (*name != '*' && hostname_matches(name, *p)))
                                c = s->certificates[i];
        return c;
}

int store_add(Store *s, Certificate *c) {
        if (s->n_certificates >= CERTIFICATES_MAX)
                return -ENOSPC;
        if (!GREEDY_REALLOC(s->certificates, s->allocated, s->n_certificates + 1))
                return -ENOMEM;
        s->certificates[s->n_certificates++] = c;
        return 0;
}

int store_save(Store *s, const Certificate *c) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;
        char file[FILE_NAME_SIZE];
        int r;

        file_name(c->name, file);
        r = certificate_to_record(c, &v);
        if (r >= 0)
                r = state_write_json(s->dir_fd, file, v, 0600);
        return r < 0 ? log_error_errno(r, "Could not write %s: %m", file) : 0;
}

int store_remove(Store *s, Certificate *c) {
        char file[FILE_NAME_SIZE];
        int r;

        file_name(c->name, file);
        r = state_remove(s->dir_fd, file);
        if (r < 0)
                return log_error_errno(r, "Could not remove %s: %m", file);
        for (size_t i = 0; i < s->n_certificates; i++)
                if (s->certificates[i] == c) {
                        memmove(s->certificates + i, s->certificates + i + 1,
                                (--s->n_certificates - i) * sizeof(*s->certificates));
                        break;
                }
        certificate_free(c);
        return 0;
}

int store_save_accounts(Store *s) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;
        int r;

        r = accounts_to_json(&s->accounts, &v);
        if (r >= 0)
                r = state_write_json(s->dir_fd, ACCOUNTS_FILE, v, 0600);
        return r < 0 ? log_error_errno(r, "Could not write " ACCOUNTS_FILE ": %m") : 0;
}

int store_save_limits(Store *s) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;
        int r;

        r = limits_to_json(&s->limits, &v);
        if (r >= 0)
                r = state_write_json(s->dir_fd, LIMITS_FILE, v, 0600);
        return r < 0 ? log_error_errno(r, "Could not write " LIMITS_FILE ": %m") : 0;
}

bool store_uses_key(const Store *s, const char *key_id) {
        for (size_t i = 0; i < s->n_certificates; i++)
                if (streq_ptr(s->certificates[i]->key_id, key_id) ||
                    streq_ptr(s->certificates[i]->pending_key_id, key_id))
                        return true;
        return accounts_use_key(&s->accounts, key_id);
}

static int store_save_retired(Store *s) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;
        int r;

        r = sd_json_variant_new_array(&v, NULL, 0);
        for (size_t i = 0; r >= 0 && i < s->n_retired; i++)
                r = sd_json_variant_append_arraybo(
                        &v, SD_JSON_BUILD_PAIR("keyId", SD_JSON_BUILD_STRING(s->retired[i].key_id)),
                        SD_JSON_BUILD_PAIR("fromUSec", SD_JSON_BUILD_UNSIGNED(s->retired[i].from_usec)));
        if (r >= 0)
                r = state_write_json(s->dir_fd, RETIRED_FILE, v, 0600);
        return r < 0 ? log_error_errno(r, "Could not write " RETIRED_FILE ": %m") : 0;
}

int store_save_all(Store *s) {
        int r;

        r = store_save_accounts(s);
        if (r >= 0)
                r = store_save_limits(s);
        if (r >= 0)
                r = store_save_retired(s);
        for (size_t i = 0; r >= 0 && i < s->n_certificates; i++)
                r = store_save(s, s->certificates[i]);
        return r;
}

static int retired_add(Store *s, const char *key_id, uint64_t from_usec) {
        char *copy;

        for (size_t i = 0; i < s->n_retired; i++)
                if (streq(s->retired[i].key_id, key_id))
                        return 0;
        if (s->n_retired >= RETIRED_MAX)
                return -ENOSPC;
        copy = strdup(key_id);
        if (!copy)
                return -ENOMEM;
        s->retired[s->n_retired++] = (Retired) { copy, from_usec };
        return 1;
}

int store_retire(Store *s, const char *key_id, uint64_t from_usec) {
        int r = retired_add(s, key_id, from_usec);

        return r > 0 ? store_save_retired(s) : r;
}

void store_clamp_retired(Store *s, uint64_t latest_usec) {
        for (size_t i = 0; i < s->n_retired; i++)
                s->retired[i].from_usec = MIN(s->retired[i].from_usec, latest_usec);
}

int store_unretire(Store *s, size_t index) {
        free(s->retired[index].key_id);
        s->retired[index] = s->retired[--s->n_retired];
        return store_save_retired(s);
}

static int load_certificate(Store *s, const char *file, sd_json_variant *v) {
        _cleanup_(certificate_freep) Certificate *c = NULL;
        char expected[FILE_NAME_SIZE];
        int r;

        r = certificate_from_record(v, &c);
        if (r < 0)
                return r;
        if (strlen(c->name) > HOSTNAME_MAX)
                return -EBADMSG;
        file_name(c->name, expected);
        if (!streq(file, expected))
                return -EBADMSG;
        r = store_add(s, c);
        if (r < 0)
                return r;
        TAKE_PTR(c);
        return 0;
}

static int load_retired(Store *s, const char *file, sd_json_variant *v) {
        if (!sd_json_variant_is_array(v))
                return -EBADMSG;
        for (size_t i = 0; i < sd_json_variant_elements(v); i++) {
                sd_json_variant *item = sd_json_variant_by_index(v, i), *id, *from;

                if (!sd_json_variant_is_object(item))
                        return -EBADMSG;
                id = sd_json_variant_by_key(item, "keyId");
                from = sd_json_variant_by_key(item, "fromUSec");
                if (!id || !sd_json_variant_is_string(id) || !from || !sd_json_variant_is_unsigned(from))
                        return -EBADMSG;
                int r = retired_add(s, sd_json_variant_string(id), sd_json_variant_unsigned(from));
                if (r < 0)
                        return r;
        }
        return 0;
}

static int load_accounts(Store *s, const char *file, sd_json_variant *v) {
        return accounts_from_json(v, &s->accounts);
}

static int load_limits(Store *s, const char *file, sd_json_variant *v) {
        return limits_from_json(v, &s->limits);
}

typedef int (*Load)(Store *s, const char *file, sd_json_variant *v);

/* NULL: it is none of ours. */
static Load find_load(const char *file) {
        static const struct {
                const char *file;
                Load load;
        } rows[] = {
                { ACCOUNTS_FILE, load_accounts },
                { LIMITS_FILE, load_limits },
                { RETIRED_FILE, load_retired },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                if (streq(file, rows[i].file))
                        return rows[i].load;
        return startswith(file, PREFIX) && endswith(file, SUFFIX) ? load_certificate : NULL;
}

static int load_file(Store *s, const char *file) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;
        const Load load = find_load(file);
        int r;

        if (!load)
                return 0;
        r = state_read_json(s->dir_fd, file, &v);
        return r < 0 ? r : load(s, file, v);
}

static void report_broken(Store *s, const char *file, int error) {
        if ((error == -EBADMSG || error == -EFBIG || error == -EINVAL) &&
            state_set_aside(s->dir_fd, file) >= 0)
                log_error("The state file %s is damaged; it was set aside as %s.broken.", file, file);
        else
                (void) log_error_errno(error, "Could not read the state file %s: %m", file);
        if (s->n_broken < STORE_BROKEN_MAX && (s->broken[s->n_broken] = strdup(file)))
                s->n_broken++;
}

int store_open(Store *s, const char *dir) {
        _cleanup_(closedirp) DIR *d = NULL;
        struct dirent *entry;
        int r;

        s->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (s->dir_fd < 0)
                return -errno;
        d = opendir(dir);
        if (!d)
                return -errno;
        while ((errno = 0, entry = readdir(d))) {
                if (entry->d_name[0] == '.')
                        continue;
                r = load_file(s, entry->d_name);
                if (r == -ENOMEM)
                        return r;
                if (r < 0)
                        report_broken(s, entry->d_name, r);
        }
        return errno > 0 ? -errno : 0;
}

void store_done(Store *s) {
        for (size_t i = 0; i < s->n_certificates; i++)
                certificate_free(s->certificates[i]);
        free(s->certificates);
        accounts_done(&s->accounts);
        limits_done(&s->limits);
        for (size_t i = 0; i < s->n_retired; i++)
                free(s->retired[i].key_id);
        for (size_t i = 0; i < s->n_broken; i++)
                free(s->broken[i]);
        safe_close(s->dir_fd);
}
