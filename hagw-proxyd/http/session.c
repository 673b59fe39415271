/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The session cache: one per worker, used by that worker alone. */

#include "hagw-proxyd/http/session.h"
#include "hagw-proxyd/http/sessionuse.h"

static size_t bucket_number(const char *text, size_t size) {
        uint64_t hash = UINT64_C(14695981039346656037); /* FNV-1a; secrets and ids are random already */

        for (size_t i = 0; i < size; i++)
                hash = (hash ^ (uint8_t) text[i]) * UINT64_C(1099511628211);
        return (hash ^ (hash >> 32)) % SESSION_CACHE_BUCKETS;
}

static SessionEntry **bucket_of(SessionCache *c, const char *secret, size_t size) {
        return &c->buckets[bucket_number(secret, size)];
}

static SessionEntry **bucket_of_id(SessionCache *c, const char *id) {
        return &c->ids[bucket_number(id, strlen(id))];
}

static void add_to_id(SessionCache *c, SessionEntry *e) {
        SessionEntry **p = bucket_of_id(c, e->session_id);

        e->next_of_id = *p;
        e->link_of_id = p;
        if (e->next_of_id)
                e->next_of_id->link_of_id = &e->next_of_id;
        *p = e;
}

static void remove_entry(SessionCache *c, SessionEntry **p) {
        SessionEntry *e = *p;

        *p = e->next;
        *e->link_of_id = e->next_of_id;
        if (e->next_of_id)
                e->next_of_id->link_of_id = e->link_of_id;
        explicit_bzero(e->key, e->secret_size);
        free(e);
        c->n--;
}

const SessionEntry *session_cache_find(SessionCache *c, const PolicyFinding *asked, const char *host,
                                       uint64_t now_usec) {
        Slice secret = asked->secret;

        for (SessionEntry **p = bucket_of(c, secret.p, secret.n); *p;) {
                SessionEntry *e = *p;

                if (e->expires_usec <= now_usec) {
                        remove_entry(c, p);
                        continue;
                }
                if (e->token == asked->token && e->secret_size == secret.n &&
                    memcmp(e->key, secret.p, secret.n) == 0 &&
                    streq(e->key + e->secret_size + 1, host))
                        return e;
                p = &e->next;
        }
        return NULL;
}

/* A full cache is emptied: it fills again with what is used. */
void session_cache_add(SessionCache *c, const SessionMessage *m, uint64_t now_usec) {
        size_t secret_size = strlen(m->secret), host_size = strlen(m->host);
        SessionEntry *e, **p;

        if (m->error < 0 || m->valid_usec == 0)
                return;
        if (c->n >= SESSION_CACHE_MAX)
                session_cache_clear(c);
        e = calloc(1, offsetof(SessionEntry, key) + secret_size + host_size + 2);
        if (!e)
                return;
        e->expires_usec = now_usec + m->valid_usec;
        e->session = m->session;
        e->token = m->token;
        memcpy(e->user, m->user, sizeof(e->user));
        memcpy(e->session_id, m->session_id, sizeof(e->session_id));
        e->secret_size = (uint16_t) secret_size;
        memcpy(e->key, m->secret, secret_size);
        memcpy(e->key + secret_size + 1, m->host, host_size);
        p = bucket_of(c, m->secret, secret_size);
        e->next = *p;
        *p = e;
        add_to_id(c, e);
        c->n++;
}

static void forget_one(SessionCache *c, const char *id) {
        for (SessionEntry *e = *bucket_of_id(c, id), *next; e; e = next) {
                SessionEntry **p = bucket_of(c, e->key, e->secret_size);

                next = e->next_of_id;
                if (!streq(e->session_id, id))
                        continue;
                while (*p != e)
                        p = &(*p)->next;
                remove_entry(c, p);
        }
}

void session_cache_forget(SessionCache *c, const SessionId *ids, size_t n) {
        for (size_t i = 0; i < n; i++)
                forget_one(c, ids[i]);
}

void session_cache_clear(SessionCache *c) {
        for (size_t i = 0; i < SESSION_CACHE_BUCKETS; i++)
                while (c->buckets[i])
                        remove_entry(c, &c->buckets[i]);
}
