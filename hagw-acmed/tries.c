/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Tries. No I/O; hagw-acmed has one thread. */

#include <stdio.h>

#include "hagw-acmed/account.h"
#include "hagw-acmed/tries.h"
#include "libhagw/json.h"

#define ORDER_KEPT_MAX 5U /* failures that an unfinished order outlives */

static void tries_done(Tries *t) {
        free(t->directory);
        free(t->error);
        free(t->order_url);
        *t = (Tries) { .rank = _AUTHORITY_RANK_INVALID };
}

void tries_list_done(TriesList *l) {
        for (size_t i = 0; i < l->n; i++)
                tries_done(&l->items[i]);
        l->n = 0;
}

static Tries *find_directory(TriesList *l, const char *directory) {
        for (size_t i = 0; i < l->n; i++)
                if (streq(l->items[i].directory, directory))
                        return &l->items[i];
        return NULL;
}

/* Where there are too many, the oldest goes of those that are not asked any more. */
static void tries_list_make_room(TriesList *l) {
        size_t first = 0;

        if (l->n < TRIES_MAX)
                return;
        while (first < l->n && l->items[first].rank >= 0)
                first++;
        assert(first < l->n);
        tries_done(&l->items[first]);
        memmove(l->items + first, l->items + first + 1, (--l->n - first) * sizeof(*l->items));
}

int tries_list_rank(TriesList *l, const Settings *settings) {
        for (size_t i = 0; i < l->n; i++)
                l->items[i].rank = settings_find_rank(settings, l->items[i].directory);
        for (AuthorityRank rank = 0; rank < _AUTHORITY_RANK_MAX; rank++) {
                const char *directory = settings->authorities[rank].directory;
                char *copy;

                if (!directory || find_directory(l, directory))
                        continue;
                copy = strdup(directory);
                if (!copy)
                        return -ENOMEM;
                tries_list_make_room(l);
                l->items[l->n++] = (Tries) { .directory = copy, .rank = rank };
        }
        return 0;
}

const Tries *tries_list_find_const(const TriesList *l, AuthorityRank rank) {
        for (size_t i = 0; rank >= 0 && i < l->n; i++)
                if (l->items[i].rank == rank)
                        return &l->items[i];
        return NULL;
}

Tries *tries_list_find(TriesList *l, AuthorityRank rank) {
        return (Tries *) tries_list_find_const(l, rank);
}

unsigned tries_list_failures(const TriesList *l) {
        unsigned n = 0;

        for (size_t i = 0; i < l->n; i++)
                n += l->items[i].rank >= 0 ? l->items[i].failures : 0;
        return n;
}

bool tries_list_has_order(const TriesList *l) {
        for (size_t i = 0; i < l->n; i++)
                if (l->items[i].rank >= 0 && l->items[i].order_url)
                        return true;
        return false;
}

bool tries_list_has_error(const TriesList *l) {
        for (size_t i = 0; i < l->n; i++)
                if (l->items[i].rank >= 0 && l->items[i].error)
                        return true;
        return false;
}

bool tries_list_is_unready(const TriesList *l) {
        for (size_t i = 0; i < l->n; i++)
                if (l->items[i].rank >= 0 && l->items[i].unready)
                        return true;
        return false;
}

uint64_t tries_list_unreached(const TriesList *l) {
        uint64_t last = 0;

        for (size_t i = 0; i < l->n; i++)
                if (l->items[i].rank >= 0)
                        last = MAX(last, l->items[i].unreached_usec);
        return last;
}

void tries_list_ready(TriesList *l) {
        for (size_t i = 0; i < l->n; i++)
                if (l->items[i].unready) {
                        l->items[i].unready = false;
                        l->items[i].next_usec = 0;
                }
}

int tries_list_describe(const TriesList *l, char **ret) {
        const Tries *first = tries_list_find_const(l, AUTHORITY_FIRST),
                    *fallback = tries_list_find_const(l, AUTHORITY_FALLBACK);
        const char *error = first ? first->error : NULL, *other = fallback ? fallback->error : NULL;

        *ret = NULL;
        if (other && asprintf(ret, "%s%sof the fallback (%s): %s", strempty(error), error ? "; and " : "",
                              fallback->directory, other) < 0) {
                *ret = NULL;
                return -ENOMEM;
        }
        return other ? 0 : string_replace(ret, error);
}

static void tries_reset(Tries *t) {
        t->next_usec = t->since_usec = t->unreached_usec = 0;
        t->failures = t->refusals = 0;
        t->unready = false;
        (void) string_replace(&t->error, NULL);
}

void tries_list_succeed(TriesList *l) {
        for (size_t i = 0; i < l->n; i++) {
                tries_reset(&l->items[i]);
                (void) string_replace(&l->items[i].order_url, NULL);
        }
}

void tries_list_forgive(TriesList *l) {
        for (size_t i = 0; i < l->n; i++)
                tries_reset(&l->items[i]);
}

void tries_list_hurry(TriesList *l) {
        for (size_t i = 0; i < l->n; i++)
                l->items[i].next_usec = 0;
}

uint64_t tries_list_get_next(const TriesList *l, AuthorityRank rank, uint64_t due_usec,
                             uint64_t not_after_usec) {
        const Tries *t = tries_list_find_const(l, rank), *first = tries_list_find_const(l, AUTHORITY_FIRST);

        if (!t || due_usec == UINT64_MAX)
                return UINT64_MAX;
        if (rank == AUTHORITY_FALLBACK) {
                if (!first || first->since_usec == 0)
                        return UINT64_MAX;
                due_usec = MAX(due_usec, schedule_fallback(first->since_usec, not_after_usec));
        }
        return MAX(due_usec, t->next_usec);
}

int tries_set_error(Tries *t, const char *error) {
        return string_replace(&t->error, error);
}

void tries_fail(Tries *t, RetryKind kind, uint64_t retry_after_usec, uint64_t life_usec, uint64_t now_usec,
                uint64_t random) {
        if (t->since_usec == 0)
                t->since_usec = now_usec;
        t->failures++;
        t->refusals += kind == RETRY_REFUSED;
        /* An order of which nothing comes, again and again, is given up for another one. */
        if (t->failures >= ORDER_KEPT_MAX)
                (void) string_replace(&t->order_url, NULL);
        /* What lasted for days on our side (a relay that was away, say) is no reason to wait for hours when
         * it is over and the authority refuses once. */
        t->next_usec = schedule_retry(now_usec, kind == RETRY_REFUSED ? t->refusals : t->failures, kind,
                                      retry_after_usec, life_usec, random);
}

void tries_list_clamp(TriesList *l, uint64_t now_usec) {
        for (size_t i = 0; i < l->n; i++) {
                Tries *t = &l->items[i];

                t->next_usec = MIN(t->next_usec, now_usec + SCHEDULE_RETRY_MAX_USEC);
                t->since_usec = MIN(t->since_usec, now_usec);
                t->unreached_usec = MIN(t->unreached_usec, now_usec);
        }
}

int tries_list_to_json(const TriesList *l, sd_json_variant **ret) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *list = NULL;
        int r;

        r = sd_json_variant_new_array(&list, NULL, 0);
        for (size_t i = 0; r >= 0 && i < l->n; i++) {
                const Tries *t = &l->items[i];

                r = sd_json_variant_append_arraybo(
                        &list, SD_JSON_BUILD_PAIR("directory", SD_JSON_BUILD_STRING(t->directory)),
                        SD_JSON_BUILD_PAIR("nextUSec", SD_JSON_BUILD_UNSIGNED(t->next_usec)),
                        SD_JSON_BUILD_PAIR("sinceUSec", SD_JSON_BUILD_UNSIGNED(t->since_usec)),
                        SD_JSON_BUILD_PAIR("unready", SD_JSON_BUILD_BOOLEAN(t->unready)),
                        SD_JSON_BUILD_PAIR("unreachedUSec", SD_JSON_BUILD_UNSIGNED(t->unreached_usec)),
                        SD_JSON_BUILD_PAIR("failures", SD_JSON_BUILD_UNSIGNED(t->failures)),
                        SD_JSON_BUILD_PAIR("refusals", SD_JSON_BUILD_UNSIGNED(t->refusals)),
                        JSON_PAIR_IF_SET("error", t->error),
                        JSON_PAIR_IF_SET("orderUrl", t->order_url));
        }
        if (r < 0)
                return r;
        *ret = TAKE_PTR(list);
        return 0;
}

static int tries_from_json(sd_json_variant *v, Tries *ret) {
        static const sd_json_dispatch_field table[] = {
                FIELD_COPY("directory", Tries, directory),
                FIELD_COPY("error", Tries, error, 0),
                FIELD_COPY("orderUrl", Tries, order_url, 0),
                FIELD_UINT64("nextUSec", Tries, next_usec, 0),
                FIELD_UINT64("sinceUSec", Tries, since_usec, 0),
                FIELD_UINT64("unreachedUSec", Tries, unreached_usec, 0),
                FIELD_BOOL("unready", Tries, unready, 0),
                FIELD_UINT("failures", Tries, failures, 0),
                FIELD_UINT("refusals", Tries, refusals, 0),
                {},
        };
        int r;

        *ret = (Tries) { .rank = _AUTHORITY_RANK_INVALID };
        r = sd_json_dispatch(v, table, SD_JSON_ALLOW_EXTENSIONS, ret);
        if (r >= 0)
                return 0;
        tries_done(ret);
        return r == -ENOMEM ? r : -EBADMSG;
}

int tries_list_from_json(sd_json_variant *v, TriesList *ret) {
        if (!v)
                return 0;
        if (!sd_json_variant_is_array(v) || sd_json_variant_elements(v) > TRIES_MAX)
                return -EBADMSG;
        for (size_t i = 0; i < sd_json_variant_elements(v); i++) {
                int r = tries_from_json(sd_json_variant_by_index(v, i), &ret->items[ret->n]);

                if (r < 0)
                        return r;
                ret->n++;
                for (size_t k = 0; k + 1 < ret->n; k++)
                        if (streq(ret->items[k].directory, ret->items[ret->n - 1].directory))
                                return -EBADMSG;
        }
        return 0;
}
