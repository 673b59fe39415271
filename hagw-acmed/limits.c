/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Limits. No I/O; hagw-acmed has one thread. */

#include "hagw-acmed/limits.h"
#include "hagw-acmed/schedule.h"
#include "libhagw/json.h"
#include "libhagw/pure/strv.h"

static void limit_done(Limit *l) {
        free(l->directory);
        free(l->account);
        strv_free(l->names);
        *l = (Limit) {};
}

void limits_done(Limits *l) {
        for (size_t i = 0; i < l->n; i++)
                limit_done(&l->items[i]);
        free(l->items);
        *l = (Limits) {};
}

static bool limit_is(const Limit *l, const char *directory, const char *account, char *const *names) {
        return streq(l->directory, directory) && streq_ptr(l->account, account) &&
               strv_length(l->names) == strv_length(names) && strv_contains_all(l->names, names);
}

static Limit *limits_find(const Limits *l, const char *directory, const char *account, char *const *names) {
        for (size_t i = 0; directory && i < l->n; i++)
                if (limit_is(&l->items[i], directory, account, names))
                        return &l->items[i];
        return NULL;
}

uint64_t limits_get(const Limits *l, const char *directory, const char *account, char *const *names) {
        const Limit *found = limits_find(l, directory, account, names);

        return found ? found->until_usec : 0;
}

static void limits_remove(Limits *l, size_t i) {
        limit_done(&l->items[i]);
        memmove(l->items + i, l->items + i + 1, (--l->n - i) * sizeof(*l->items));
}

/* Returns how many went. */
static size_t limits_prune(Limits *l, uint64_t now_usec) {
        const size_t before = l->n;

        for (size_t i = l->n; i > 0; i--)
                if (l->items[i - 1].until_usec <= now_usec)
                        limits_remove(l, i - 1);
        return before - l->n;
}

static void limits_make_room(Limits *l) {
        size_t first = 0;

        if (l->n < LIMITS_MAX)
                return;
        for (size_t i = 1; i < l->n; i++)
                if (l->items[i].until_usec < l->items[first].until_usec)
                        first = i;
        limits_remove(l, first);
}

/* Takes it over. */
static int limits_add(Limits *l, Limit *new) {
        Limit *items;

        limits_make_room(l);
        items = reallocarray(l->items, l->n + 1, sizeof(*items));
        if (!items)
                return -ENOMEM;
        l->items = items;
        l->items[l->n++] = TAKE_GENERIC(*new, (Limit) {});
        return 1;
}

int limits_set(Limits *l, const char *directory, const char *account, char *const *names,
               uint64_t until_usec, uint64_t now_usec) {
        Limit *found = limits_find(l, directory, account, names);
        _cleanup_(limit_done) Limit new = {};
        size_t gone;

        if (found)
                found->until_usec = until_usec;
        gone = limits_prune(l, now_usec);
        if (found || until_usec <= now_usec)
                return found || gone > 0;
        new.directory = strdup(directory);
        new.account = account ? strdup(account) : NULL;
        new.names = strv_copy(names);
        new.until_usec = until_usec;
        if (!new.directory || (account && !new.account) || !new.names)
                return -ENOMEM;
        return limits_add(l, &new);
}

void limits_clamp(Limits *l, uint64_t now_usec) {
        for (size_t i = 0; i < l->n; i++)
                l->items[i].until_usec = MIN(l->items[i].until_usec, now_usec + SCHEDULE_LIMIT_MAX_USEC);
}

int limits_to_json(const Limits *l, sd_json_variant **ret) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *list = NULL;
        int r;

        r = sd_json_variant_new_array(&list, NULL, 0);
        for (size_t i = 0; r >= 0 && i < l->n; i++)
                r = sd_json_variant_append_arraybo(
                        &list, SD_JSON_BUILD_PAIR("directory", SD_JSON_BUILD_STRING(l->items[i].directory)),
                        JSON_PAIR_IF_SET("account", l->items[i].account),
                        SD_JSON_BUILD_PAIR("names", SD_JSON_BUILD_STRV(l->items[i].names)),
                        SD_JSON_BUILD_PAIR("untilUSec", SD_JSON_BUILD_UNSIGNED(l->items[i].until_usec)));
        if (r < 0)
                return r;
        *ret = TAKE_PTR(list);
        return 0;
}

static int limit_from_json(sd_json_variant *v, Limit *ret) {
        static const sd_json_dispatch_field table[] = {
                FIELD_COPY("directory", Limit, directory),
                FIELD_COPY("account", Limit, account, 0),
                FIELD_STRV("names", Limit, names),
                FIELD_UINT64("untilUSec", Limit, until_usec),
                {},
        };
        int r;

        r = sd_json_dispatch(v, table, SD_JSON_ALLOW_EXTENSIONS, ret);
        if (r >= 0 && strv_length(ret->names) == 0)
                r = -EBADMSG;
        return r >= 0 || r == -ENOMEM ? r : -EBADMSG;
}

int limits_from_json(sd_json_variant *v, Limits *ret) {
        if (!sd_json_variant_is_array(v) || sd_json_variant_elements(v) > LIMITS_MAX)
                return -EBADMSG;
        for (size_t i = 0; i < sd_json_variant_elements(v); i++) {
                _cleanup_(limit_done) Limit l = {};
                int r = limit_from_json(sd_json_variant_by_index(v, i), &l);

                if (r < 0)
                        return r;
                if (limits_find(ret, l.directory, l.account, l.names))
                        return -EBADMSG;
                r = limits_add(ret, &l);
                if (r < 0)
                        return r;
        }
        return 0;
}
