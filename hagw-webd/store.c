/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The state files. Owns nothing; main thread only. */

#include <stdio.h>
#include <sys/random.h>

#include "hagw-webd/store.h"
#include "libhagw/json.h"
#include "libhagw/log.h"
#include "libhagw/pure/plural.h"
#include "libhagw/pure/strv.h"
#include "libhagw/state.h"

#define USERS_FILE "users.json"
#define SESSIONS_FILE "sessions.json"
#define KEY_FILE "form.key"

static void note(Manager *m, const char *file, const char *what) {
        char *all;

        log_error("State file %s: %s. It was kept as %s.broken.", file, what, file);
        if (asprintf(&all, "%s%s%s: %s, kept as %s.broken", strempty(m->notes), m->notes ? "; " : "", file,
                     what, file) < 0)
                return;
        free(m->notes);
        m->notes = all;
}

static int load_file(Manager *m, const char *file, sd_json_variant **ret) {
        int r = state_read_json(m->state_fd, file, ret);

        if (r == -ENOENT || r == -ENOMEM)
                return r == -ENOENT ? 0 : r;
        if (r >= 0 && sd_json_variant_is_array(*ret))
                return 0;
        sd_json_variant_unref(*ret);
        *ret = NULL;
        r = state_set_aside(m->state_fd, file);
        if (r < 0)
                return log_error_errno(r, "Could not set the broken state file %s aside: %m", file);
        note(m, file, "it could not be read");
        return 0;
}

/* Some entries were unreadable: the rest goes on, the file is kept for a person to look at. */
static void keep_copy(Manager *m, const char *file, size_t bad) {
        _cleanup_free_ char *data = NULL, *name = NULL, *what = NULL;
        size_t size;
        int r;

        if (bad == 0)
                return;
        if (asprintf(&name, "%s.broken", file) < 0 ||
            asprintf(&what, "%zu %s could not be read", bad, plural(bad, "entry", "entries")) < 0)
                return;
        r = state_read(m->state_fd, file, &data, &size);
        if (r >= 0)
                r = state_write(m->state_fd, name, data, size, 0600);
        if (r < 0)
                (void) log_warning_errno(r, "Could not keep a copy of %s: %m", file);
        note(m, file, what);
}

static int load_user(Manager *m, sd_json_variant *v) {
        struct {
                const char *name, *hash;
                char **hosts, **groups;
                uint64_t created, login;
        } p = {};
        static const sd_json_dispatch_field fields[] = {
                FIELD_STRING("name", __typeof__(p), name),
                FIELD_STRING("hash", __typeof__(p), hash),
                FIELD_STRV("hosts", __typeof__(p), hosts, 0),
                FIELD_STRV("groups", __typeof__(p), groups, 0),
                FIELD_UINT64("createdUSec", __typeof__(p), created, 0),
                FIELD_UINT64("lastLoginUSec", __typeof__(p), login, 0),
                {},
        };
        User *u;
        int r;

        r = sd_json_dispatch(v, fields, SD_JSON_ALLOW_EXTENSIONS, &p);
        _cleanup_(strv_freep) char **hosts = p.hosts, **groups = p.groups;
        if (r < 0)
                return r;
        if (!user_name_is_valid(p.name) || user_hosts_check(hosts) < 0 || user_groups_check(groups) < 0)
                return -EBADMSG;
        r = user_add(&m->users, p.name, p.hash, hosts, groups, p.created, &u);
        if (r < 0)
                return r;
        TAKE_PTR(hosts);
        TAKE_PTR(groups);
        u->last_login_usec = p.login;
        return 0;
}

static int hash_from_hex(const char *s, uint8_t *out) {
        if (strlen(s) != 2 * SESSION_HASH_SIZE || strspn(s, "0123456789abcdef") != 2 * SESSION_HASH_SIZE)
                return -EBADMSG;
        for (size_t i = 0; i < SESSION_HASH_SIZE; i++) {
                char byte[3] = { s[2 * i], s[2 * i + 1], '\0' };
                out[i] = (uint8_t) strtoul(byte, NULL, 16);
        }
        return 0;
}

static int load_session(Manager *m, sd_json_variant *v) {
        struct {
                const char *hash, *user, *host, *address, *agent;
                uint64_t created, used;
                bool lasting, relayed;
        } p = {};
        static const sd_json_dispatch_field fields[] = {
                FIELD_STRING("hash", __typeof__(p), hash),
                FIELD_STRING("user", __typeof__(p), user),
                FIELD_STRING("host", __typeof__(p), host),
                FIELD_STRING("address", __typeof__(p), address, 0),
                FIELD_STRING("userAgent", __typeof__(p), agent, 0),
                FIELD_UINT64("createdUSec", __typeof__(p), created),
                FIELD_UINT64("lastUsedUSec", __typeof__(p), used),
                FIELD_BOOL("lasting", __typeof__(p), lasting, 0),
                FIELD_BOOL("relayed", __typeof__(p), relayed, 0),
                {},
        };
        uint8_t hash[SESSION_HASH_SIZE];
        Session *s;
        int r;

        r = sd_json_dispatch(v, fields, SD_JSON_ALLOW_EXTENSIONS, &p);
        if (r < 0)
                return r;
        r = hash_from_hex(p.hash, hash);
        if (r < 0)
                return r;
        if (!user_find(&m->users, p.user)) /* removed meanwhile: no session, but nothing broken */
                return 0;
        r = session_add(&m->sessions, hash, p.user, p.host, strempty(p.address), strempty(p.agent),
                        p.created, p.used, p.lasting, &s);
        if (r >= 0)
                s->relayed = p.relayed;
        return r;
}

static int load_table(Manager *m, const char *file, int (*load)(Manager *, sd_json_variant *)) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;
        size_t bad = 0;
        int r;

        r = load_file(m, file, &v);
        if (r < 0)
                return r;
        for (size_t i = 0; i < sd_json_variant_elements(v); i++) {
                r = load(m, sd_json_variant_by_index(v, i));
                if (r == -ENOMEM)
                        return r;
                if (r < 0)
                        bad++;
        }
        keep_copy(m, file, bad);
        return 0;
}

static int store_key(Manager *m) {
        int r = state_write(m->state_fd, KEY_FILE, m->form_key, sizeof(m->form_key), 0600);

        if (r < 0)
                return log_error_errno(r, "Could not store %s: %m", KEY_FILE);
        m->key_dirty = false;
        return 0;
}

/* A lost key costs nobody more than sending a form twice. */
static int load_key(Manager *m) {
        _cleanup_free_ char *data = NULL;
        size_t size;
        int r;

        r = state_read(m->state_fd, KEY_FILE, &data, &size);
        if (r >= 0 && size == sizeof(m->form_key)) {
                memcpy(m->form_key, data, size);
                explicit_bzero(data, size);
                return 0;
        }
        if (getrandom(m->form_key, sizeof(m->form_key), 0) != (ssize_t) sizeof(m->form_key))
                return -EIO;
        m->key_dirty = true;
        (void) store_key(m);
        return 0;
}

int store_load(Manager *m) {
        int r;

        r = load_key(m);
        if (r < 0)
                return r;
        r = load_table(m, USERS_FILE, load_user);
        if (r < 0)
                return r;
        return load_table(m, SESSIONS_FILE, load_session);
}

/* An empty array, not null, for no entries. */
static int store(Manager *m, const char *file, sd_json_variant *v) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *empty = NULL;
        int r;

        if (!v) {
                r = sd_json_variant_new_array(&empty, NULL, 0);
                if (r < 0)
                        return r;
        }
        r = state_write_json(m->state_fd, file, v ?: empty, 0600);
        return r < 0 ? log_error_errno(r, "Could not store %s: %m", file) : 0;
}

int store_users(Manager *m) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;
        int r;

        for (size_t i = 0; i < m->users.n; i++) {
                const User *u = m->users.items[i];
                r = sd_json_variant_append_arraybo(
                        &v, SD_JSON_BUILD_PAIR("name", SD_JSON_BUILD_STRING(u->name)),
                        SD_JSON_BUILD_PAIR("hash", SD_JSON_BUILD_STRING(u->hash)),
                        SD_JSON_BUILD_PAIR("hosts", SD_JSON_BUILD_STRV(u->hosts)),
                        SD_JSON_BUILD_PAIR("groups", SD_JSON_BUILD_STRV(u->groups)),
                        SD_JSON_BUILD_PAIR("createdUSec", SD_JSON_BUILD_UNSIGNED(u->created_usec)),
                        SD_JSON_BUILD_PAIR("lastLoginUSec", SD_JSON_BUILD_UNSIGNED(u->last_login_usec)));
                if (r < 0)
                        return r;
        }
        r = store(m, USERS_FILE, v);
        if (r >= 0)
                m->users_dirty = false;
        return r;
}

int store_sessions(Manager *m) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;
        int r;

        for (size_t i = 0; i < m->sessions.n; i++) {
                const Session *s = m->sessions.items[i];
                r = sd_json_variant_append_arraybo(
                        &v, SD_JSON_BUILD_PAIR("hash", SD_JSON_BUILD_HEX(s->hash, sizeof(s->hash))),
                        SD_JSON_BUILD_PAIR("user", SD_JSON_BUILD_STRING(s->user)),
                        SD_JSON_BUILD_PAIR("host", SD_JSON_BUILD_STRING(s->host)),
                        SD_JSON_BUILD_PAIR("address", SD_JSON_BUILD_STRING(s->address)),
                        SD_JSON_BUILD_PAIR("userAgent", SD_JSON_BUILD_STRING(s->agent)),
                        SD_JSON_BUILD_PAIR("createdUSec", SD_JSON_BUILD_UNSIGNED(s->created_usec)),
                        SD_JSON_BUILD_PAIR("lastUsedUSec", SD_JSON_BUILD_UNSIGNED(s->used_usec)),
                        SD_JSON_BUILD_PAIR_CONDITION(s->lasting, "lasting", SD_JSON_BUILD_BOOLEAN(true)),
                        SD_JSON_BUILD_PAIR_CONDITION(s->relayed, "relayed", SD_JSON_BUILD_BOOLEAN(true)));
                if (r < 0)
                        return r;
        }
        r = store(m, SESSIONS_FILE, v);
        if (r >= 0)
                m->sessions_dirty = false;
        return r;
}

int store_flush(Manager *m) {
        int r = 0, q = 0, p = 0;

        if (m->key_dirty)
                r = store_key(m);
        if (m->users_dirty)
                q = store_users(m);
        if (m->sessions_dirty)
                p = store_sessions(m);
        return r < 0 ? r : q < 0 ? q : p;
}
