/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The session cache: one per worker, used by that worker alone. */

#include "hagw-proxyd/http/session.h"
#include "hagw-proxyd/http/sessionuse.h"

static SessionEntry **bucket_of(SessionCache *c, const char *secret, size_t size) {
        uint64_t hash = UINT64_C(14695981039346656037); /* FNV-1a; the secrets are random already */

        for (size_t i = 0; i < size; i++)
                hash = (hash ^ (uint8_t) secret[i]) * UINT64_C(1099511628211);
        return &c->buckets[(hash ^ (hash >> 32)) % SESSION_CACHE_BUCKETS];
}

static void remove_entry(SessionCache *c, SessionEntry **p) {
        SessionEntry *e = *p;

        *p = e->next;
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
        c->n++;
}

void session_cache_forget(SessionCache *c, const SessionId *ids, size_t n) {
        for (size_t i = 0; i < SESSION_CACHE_BUCKETS; i++)
                for (SessionEntry **p = &c->buckets[i]; *p;)
                        if (n > 0 && bsearch((*p)->session_id, ids, n, sizeof(*ids), session_id_compare))
                                remove_entry(c, p);
                        else
                                p = &(*p)->next;
}

void session_cache_clear(SessionCache *c) {
        for (size_t i = 0; i < SESSION_CACHE_BUCKETS; i++)
                while (c->buckets[i])
                        remove_entry(c, &c->buckets[i]);
}
