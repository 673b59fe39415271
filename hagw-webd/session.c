/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The table of sessions. Owns its sessions; keeps them within the limits and lifetimes. Pure. */

#include <stdio.h>

#include "hagw-webd/session.h"
#include "libhagw/pure/clockmark.h"

static Session *session_free(Session *s) {
        if (!s)
                return NULL;
        free(s->user);
        free(s->host);
        free(s->address);
        free(s->agent);
        free(s);
        return NULL;
}
DEFINE_TRIVIAL_CLEANUP_FUNC(Session *, session_free)

static uint64_t add_saturated(uint64_t a, uint64_t b) {
        return a > USEC_INFINITY - b ? USEC_INFINITY : a + b;
}

uint64_t session_expires_usec(const SessionTable *t, const Session *s) {
        if (s->lasting)
                return USEC_INFINITY;
        return MIN(add_saturated(s->used_usec, t->idle_usec),
                   add_saturated(s->created_usec, t->absolute_usec));
}

uint64_t session_valid_usec(const SessionTable *t, const Session *s, uint64_t now_usec) {
        uint64_t end = session_expires_usec(t, s);

        return end <= now_usec ? 0 : MIN(end - now_usec, SESSION_VALID_USEC);
}

void session_touch(Session *s, uint64_t now_usec) {
        /* A clock that was set back makes nobody's session older. */
        s->used_usec = MAX(s->used_usec, now_usec);
}

void session_clamp(SessionTable *t, uint64_t now_usec) {
        for (size_t i = 0; i < t->n; i++) {
                t->items[i]->created_usec = MIN(t->items[i]->created_usec, now_usec);
                t->items[i]->used_usec = MIN(t->items[i]->used_usec, now_usec);
        }
}

void session_shift(SessionTable *t, int64_t jump_usec) {
        for (size_t i = 0; i < t->n; i++) {
                t->items[i]->created_usec = clock_shift(t->items[i]->created_usec, jump_usec);
                t->items[i]->used_usec = clock_shift(t->items[i]->used_usec, jump_usec);
        }
}

static void session_end_at(SessionTable *t, size_t i) {
        Session *s = t->items[i];

        t->items[i] = t->items[--t->n];
        if (t->on_end)
                t->on_end(s, t->userdata);
        session_free(s);
}

void session_end(SessionTable *t, Session *s) {
        for (size_t i = 0; i < t->n; i++)
                if (t->items[i] == s) {
                        session_end_at(t, i);
                        return;
                }
}

size_t session_end_matching(SessionTable *t, const char *id, const char *user) {
        size_t ended = 0;

        for (size_t i = t->n; i > 0; i--) {
                const Session *s = t->items[i - 1];
                if ((id && !streq(s->id, id)) || (user && !streq(s->user, user)))
                        continue;
                session_end_at(t, i - 1);
                ended++;
        }
        return ended;
}

uint64_t session_next_end_usec(const SessionTable *t) {
        uint64_t next = USEC_INFINITY;

        for (size_t i = 0; i < t->n; i++)
                next = MIN(next, session_expires_usec(t, t->items[i]));
        return next;
}

size_t session_prune(SessionTable *t, uint64_t now_usec) {
        size_t ended = 0;

        for (size_t i = t->n; i > 0; i--)
                if (session_expires_usec(t, t->items[i - 1]) <= now_usec) {
                        session_end_at(t, i - 1);
                        ended++;
                }
        return ended;
}

/* user NULL: of all. Ends the least recently used while there are max or more; lasting ones do not count. */
static void make_room(SessionTable *t, const char *user, size_t max) {
        for (;;) {
                size_t n = 0, oldest = 0;
                for (size_t i = 0; i < t->n; i++) {
                        if (t->items[i]->lasting || (user && !streq(t->items[i]->user, user)))
                                continue;
                        if (n++ == 0 || t->items[i]->used_usec < t->items[oldest]->used_usec)
                                oldest = i;
                }
                if (n < max)
                        return;
                session_end_at(t, oldest);
        }
}

static size_t count_lasting(const SessionTable *t) {
        size_t n = 0;

        for (size_t i = 0; i < t->n; i++)
                n += t->items[i]->lasting;
        return n;
}

int session_add(SessionTable *t, const uint8_t hash[static SESSION_HASH_SIZE], const char *user,
                const char *host, const char *address, const char *agent, uint64_t created_usec,
                uint64_t used_usec, bool lasting, Session **ret) {
        _cleanup_(session_freep) Session *s = NULL;

        if (lasting && count_lasting(t) >= SESSIONS_LASTING_MAX)
                return -E2BIG;
        s = calloc(1, sizeof(*s));
        if (!s)
                return -ENOMEM;
        memcpy(s->hash, hash, sizeof(s->hash));
        for (size_t i = 0; i < SESSION_ID_LENGTH / 2; i++)
                (void) snprintf(s->id + 2 * i, 3, "%02x", hash[i]);
        s->user = strdup(user);
        s->host = strdup(host);
        s->address = strdup(address);
        s->agent = strndup(agent, SESSION_AGENT_MAX);
        s->created_usec = created_usec;
        s->used_usec = used_usec;
        s->lasting = lasting;
        if (!s->user || !s->host || !s->address || !s->agent)
                return -ENOMEM;
        for (size_t i = 0; i < t->n; i++)
                if (streq(t->items[i]->id, s->id))
                        return -EEXIST;
        if (!lasting) {
                make_room(t, user, SESSIONS_PER_USER_MAX);
                make_room(t, /* user= */ NULL, SESSIONS_MAX);
        }
        if (!GREEDY_REALLOC(t->items, t->allocated, t->n + 1))
                return -ENOMEM;
        if (ret)
                *ret = s;
        t->items[t->n++] = TAKE_PTR(s);
        return 0;
}

Session *session_find(SessionTable *t, const uint8_t hash[static SESSION_HASH_SIZE], uint64_t now_usec) {
        /* The hash of a guess tells nothing about a session's secret, so an ordinary comparison gives
         * nothing away. */
        for (size_t i = 0; i < t->n; i++) {
                if (memcmp(t->items[i]->hash, hash, SESSION_HASH_SIZE) != 0)
                        continue;
                if (session_expires_usec(t, t->items[i]) > now_usec)
                        return t->items[i];
                session_end_at(t, i);
                return NULL;
        }
        return NULL;
}

Session *session_find_id(const SessionTable *t, const char *id) {
        for (size_t i = 0; i < t->n; i++)
                if (streq(t->items[i]->id, id))
                        return t->items[i];
        return NULL;
}

void session_table_done(SessionTable *t) {
        for (size_t i = 0; i < t->n; i++)
                session_free(t->items[i]);
        free(t->items);
        t->items = NULL;
        t->n = t->allocated = 0;
}
