/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A worker's table of sessions in use. That worker's thread only. */

#include "hagw-proxyd/http/sessionuse.h"

int session_id_compare(const void *a, const void *b) {
        return strcmp(a, b);
}

static SessionUse **bucket_of(SessionUses *t, const char *id) {
        uint32_t hash = 2166136261U; /* FNV-1a; the ids are random already */

        for (; *id; id++)
                hash = (hash ^ (uint8_t) *id) * 16777619U;
        return &t->buckets[hash % SESSION_USES_BUCKETS];
}

static void remove_at(SessionUses *t, SessionUse **p) {
        SessionUse *u = *p;

        *p = u->next;
        free(u);
        t->n--;
}

static void forget_unused(SessionUses *t) {
        for (size_t i = 0; i < SESSION_USES_BUCKETS; i++)
                for (SessionUse **p = &t->buckets[i]; *p;)
                        if ((*p)->n == 0)
                                remove_at(t, p);
                        else
                                p = &(*p)->next;
}

SessionUse *session_use_begin(SessionUses *t, const char *id) {
        SessionUse **p = bucket_of(t, id), *u;

        for (u = *p; u; u = u->next)
                if (!u->ended && streq(u->id, id)) {
                        u->n++;
                        return u;
                }
        if (t->n >= SESSION_USES_MAX)
                forget_unused(t);
        u = t->n < SESSION_USES_MAX && strlen(id) < sizeof(u->id) ? calloc(1, sizeof(*u)) : NULL;
        if (!u)
                return NULL;
        strcpy(u->id, id);
        u->n = 1;
        u->next = *p;
        *p = u;
        t->n++;
        return u;
}

/* What it was used for is still to be told, unless it has ended. */
void session_use_end(SessionUses *t, SessionUse *u) {
        SessionUse **p = bucket_of(t, u->id);

        if (--u->n > 0 || (u->used && !u->ended))
                return;
        while (*p != u)
                p = &(*p)->next;
        remove_at(t, p);
}

/* Returns whether something is under way by it. */
static bool revoke_one(SessionUse *u) {
        u->ended = true;
        u->used = false;
        return u->n > 0;
}

static bool revoke_others(SessionUses *t, const SessionId *ids, size_t n) {
        bool any = false;

        for (size_t i = 0; i < SESSION_USES_BUCKETS; i++)
                for (SessionUse *u = t->buckets[i]; u; u = u->next)
                        if (n == 0 || !bsearch(u->id, ids, n, sizeof(*ids), session_id_compare))
                                any |= revoke_one(u);
        return any;
}

bool session_uses_revoke(SessionUses *t, const SessionId *ids, size_t n, bool others) {
        bool any = false;

        if (others)
                return revoke_others(t, ids, n);
        for (size_t i = 0; i < n; i++)
                for (SessionUse *u = *bucket_of(t, ids[i]); u; u = u->next)
                        if (streq(u->id, ids[i]))
                                any |= revoke_one(u);
        return any;
}

size_t session_uses_take(SessionUses *t, SessionId ids[static SESSION_USES_MAX]) {
        size_t n = 0;

        for (size_t i = 0; i < SESSION_USES_BUCKETS; i++)
                for (SessionUse *u = t->buckets[i]; u; u = u->next) {
                        if (!u->used)
                                continue;
                        u->used = false;
                        memcpy(ids[n++], u->id, sizeof(u->id));
                }
        forget_unused(t);
        return n;
}

void session_uses_done(SessionUses *t) {
        for (size_t i = 0; i < SESSION_USES_BUCKETS; i++)
                while (t->buckets[i])
                        remove_at(t, &t->buckets[i]);
}
