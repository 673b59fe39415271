/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which upstreams there are, where they are, and their waiting connections. Runs in the worker's thread. How
 * one connection is made and watched: link.c. */

#include <stdio.h>
#include <sys/socket.h>

#include "hagw-proxyd/snapshot/figures.h"
#include "hagw-proxyd/snapshot/snapshot.h"
#include "hagw-proxyd/upstream/link.h"
#include "hagw-proxyd/upstream/upstream.h"
#include "libhagw/crew/worker.h"
#include "libhagw/net/ownaddress.h"
#include "libhagw/pure/list.h"

#define RESOLVE_RETRY_USEC (5 * USEC_PER_SEC) /* after a failed look-up while older addresses are known */

static const uint8_t no_key[SIPHASH_KEY_SIZE]; /* the keys are the owner's: nobody aims at a slot */

static const char *runtime_dir(void) {
        return secure_getenv("HAGW_RUNTIME_DIR") ?: "/run/hagw";
}

static char *make_key(const ConfHost *h) {
        char *key;

        if (!h)
                return strdup("webd");
        if (asprintf(&key, "%s %d %s %s %llu %llu", h->upstream, h->tls.verify, strempty(h->tls.ca_file),
                     strempty(h->tls.server_name), (unsigned long long) h->timeouts.connect_usec,
                     (unsigned long long) h->timeouts.idle_usec) < 0)
                return NULL;
        return key;
}

static Upstream *upstream_free(Upstream *u) {
        if (!u)
                return NULL;
        while (u->idle)
                link_close(u->idle);
        if (u->asked)
                u->asked->asker = NULL;
        free(u->key);
        free(u->host);
        free(u->server_name);
        gnutls_free(u->resumption.data);
        trust_unref(u->trust);
        free(u);
        return NULL;
}

DEFINE_TRIVIAL_CLEANUP_FUNC(Upstream *, upstream_free)

static int upstreams_add(Worker *w, Upstream *u) {
        Upstreams *all = w->upstreams;
        int r;

        r = name_table_add(&all->table, &u->entry);
        if (r < 0)
                return r;
        u->round = all->round;
        LIST_ADD(&all->list, u);
        return 0;
}

static void upstreams_remove(Worker *w, Upstream *u) {
        Upstreams *all = w->upstreams;

        if (all->next == u)
                all->next = u->next;
        LIST_REMOVE(u);
        name_table_remove(&all->table, &u->entry);
        upstream_free(u);
}

static int set_host(Upstream *u, const ConfHost *h) {
        u->kind = h->upstream_kind;
        u->port = h->upstream_port;
        u->connect_usec = h->timeouts.connect_usec;
        u->idle_usec = h->timeouts.idle_usec;
        u->host = strdup(h->upstream_host);
        if (!u->host)
                return -ENOMEM;
        u->literal = u->kind != CONF_UPSTREAM_UNIX && ip_parse(u->host, &u->addresses[0]) >= 0;
        u->n_addresses = u->literal;
        if (u->kind != CONF_UPSTREAM_HTTPS)
                return 0;
        if (h->tls.server_name || h->tls.verify != CONF_VERIFY_INSECURE) {
                u->server_name = strdup(h->tls.server_name ?: h->upstream_host);
                if (!u->server_name)
                        return -ENOMEM;
        }
        u->sni = h->tls.server_name ? u->server_name : u->literal ? NULL : u->host;
        u->verify = h->tls.verify != CONF_VERIFY_INSECURE;
        tls_wanted_init(&u->wanted, u->server_name);
        return 0;
}

/* webd listens in the runtime directory. */
static int set_webd(Upstream *u) {
        u->kind = CONF_UPSTREAM_UNIX;
        u->idle_max = u->burst_max = LINK_IDLE_WEBD_MAX;
        u->connect_usec = 5 * USEC_PER_SEC;
        u->idle_usec = USEC_PER_MINUTE;
        if (asprintf(&u->host, "%s/web", runtime_dir()) < 0) {
                u->host = NULL;
                return -ENOMEM;
        }
        return 0;
}

/* The CA file was read again: neither a waiting connection nor a session to resume has been judged by it. */
static void set_trust(Upstream *u, Trust *trust) {
        while (u->idle)
                link_close(u->idle);
        gnutls_free(u->resumption.data);
        u->resumption = (gnutls_datum_t) {};
        u->trusted++;
        trust_unref(u->trust);
        u->trust = trust_ref(trust);
}

Upstream *upstream_get(Worker *w, const ConfHost *host, Trust *trust) {
        _cleanup_free_ char *key = make_key(host);
        _cleanup_(upstream_freep) Upstream *u = NULL;
        NameEntry *known;
        uint64_t hash;

        if (!key)
                return NULL;
        hash = name_hash(key, no_key);
        known = name_table_find(&w->upstreams->table, key, hash);
        if (known) {
                Upstream *i = CONTAINER_OF(known, Upstream, entry);

                if (i->trust != trust)
                        set_trust(i, trust);
                return i;
        }
        u = calloc(1, sizeof(*u));
        if (!u)
                return NULL;
        u->worker = w;
        u->current = true;
        u->idle_max = LINK_IDLE_MAX;
        u->burst_max = LINK_BURST_MAX;
        u->trust = trust_ref(trust);
        if ((host ? set_host(u, host) : set_webd(u)) < 0)
                return NULL;
        u->key = TAKE_PTR(key);
        u->authority = (Slice) { u->key, strcspn(u->key, " ") };
        u->entry = (NameEntry) { .hash = hash, .name = u->key };
        if (upstreams_add(w, u) < 0)
                return NULL;
        return TAKE_PTR(u);
}

Upstream *upstream_new_single(Worker *w, const ConfHost *host, const char *tenant, const char *name) {
        _cleanup_(upstream_freep) Upstream *u = calloc(1, sizeof(*u));

        if (!u)
                return NULL;
        u->worker = w;
        u->current = u->single = true;
        u->idle_max = u->burst_max = 1;
        u->kind = CONF_UPSTREAM_TENANT;
        u->connect_usec = host->timeouts.connect_usec;
        u->idle_usec = host->timeouts.idle_usec;
        u->host = strdup(tenant);
        u->server_name = strdup(name);
        if (!u->host || !u->server_name || asprintf(&u->key, "tenant:%s", tenant) < 0) {
                u->key = NULL;
                return NULL;
        }
        u->authority = slice_from(u->key);
        return TAKE_PTR(u);
}

Upstream *upstream_new_other(Worker *w, const ConfHost *host) {
        _cleanup_(upstream_freep) Upstream *u = calloc(1, sizeof(*u));
        ConfHost other = *host;

        other.upstream_kind = host->upstream_kind == CONF_UPSTREAM_HTTP ? CONF_UPSTREAM_HTTPS :
                                                                          CONF_UPSTREAM_HTTP;
        other.tls.verify = CONF_VERIFY_INSECURE;
        if (!u)
                return NULL;
        u->worker = w;
        u->current = u->single = true;
        if (trust_new(/* ca_file= */ NULL, /* verify= */ false, &u->trust) < 0 || set_host(u, &other) < 0)
                return NULL;
        u->key = strdup(host->upstream);
        if (!u->key)
                return NULL;
        u->authority = slice_from(u->key);
        return TAKE_PTR(u);
}

IpAddress upstream_peer(const Upstream *u) {
        return u->n_addresses > 0 ? u->addresses[u->preferred] : (IpAddress) { .family = AF_UNSPEC };
}

Upstream *upstream_hold(Upstream *u) {
        if (u)
                u->n_holders++;
        return u;
}

/* Of no host any more, and nobody's. Who is still served by it keeps it until the next sweep. */
static bool is_over(const Upstream *u) {
        return !u->current && u->n_links == 0 && !u->waiting && u->n_clients == 0 && u->n_holders == 0;
}

Upstream *upstream_let_go(Upstream *u) {
        if (!u)
                return NULL;
        u->n_holders--;
        if (u->single)
                return u->n_holders == 0 ? upstream_free(u) : NULL;
        if (is_over(u))
                upstreams_remove(u->worker, u);
        return NULL;
}

void upstreams_drop_stranded(Worker *w) {
        IpAddress known = { .family = AF_UNSPEC };

        for (Upstream *u = w->upstreams->list; u; u = u->next)
                for (Link *k = u->idle, *next; k; k = next) {
                        next = k->next;
                        if (is_stranded(k->transport.handle.fd, &known))
                                link_close(k);
                }
}

/* False: the snapshot has no more of them. */
static bool mark_one(Worker *w) {
        const RouteTable *routes = w->snapshot->routes;
        Upstreams *all = w->upstreams;
        _cleanup_free_ char *key = NULL;
        NameEntry *e;

        if (all->next_route >= routes->n_routes)
                return false;
        key = make_key(&routes->routes[all->next_route++].host);
        e = key ? name_table_find(&all->table, key, name_hash(key, no_key)) : NULL;
        if (e)
                CONTAINER_OF(e, Upstream, entry)->round = all->round;
        if (all->next_route >= routes->n_routes)
                all->next = all->list;
        return true;
}

/* Those that came during the sweep stand before, and are of the newest snapshot. */
static bool sweep_one(Worker *w) {
        Upstream *u = w->upstreams->next;

        if (!u)
                return false;
        w->upstreams->next = u->next;
        u->current = u->round == w->upstreams->round || streq(u->key, "webd");
        if (u->current)
                return true;
        while (u->idle)
                link_close(u->idle);
        if (is_over(u))
                upstreams_remove(w, u);
        return true;
}

static void on_sweep(Again *a) {
        Worker *w = CONTAINER_OF(a, Upstreams, sweep)->worker;

        while (!loop_turn_is_over(&w->loop)) {
                loop_spend(&w->loop, LOOP_WORK_LETTER);
                if (!mark_one(w) && !sweep_one(w))
                        return;
        }
        loop_again(&w->loop, a);
}

void upstreams_sweep(Worker *w) {
        w->upstreams->round++;
        w->upstreams->next_route = 0;
        w->upstreams->next = w->snapshot->routes->n_routes > 0 ? NULL : w->upstreams->list;
        loop_again(&w->loop, &w->upstreams->sweep);
}

void upstreams_done(Worker *w) {
        while (w->upstreams->list)
                upstreams_remove(w, w->upstreams->list);
        name_table_done(&w->upstreams->table);
}

static void on_resolved(ResolveMessage *m);

static int ask_addresses(Upstream *u) {
        ResolveMessage *m;

        if (u->asked)
                return 0;
        m = message_new(&resolve_message);
        if (!m)
                return -ENOMEM;
        m->worker = u->worker;
        m->asker = u;
        m->on_answer = on_resolved;
        (void) snprintf(m->name, sizeof(m->name), "%s", u->host);
        u->asked = m;
        queue_push(u->worker->main_queue, &m->message);
        return 0;
}

static void on_resolved(ResolveMessage *m) {
        Upstream *u = m->asker;
        LinkClient *list;

        u->asked = NULL;
        if (m->error >= 0 && m->n_addresses > 0) {
                memcpy(u->addresses, m->addresses, sizeof(u->addresses));
                u->n_addresses = m->n_addresses;
                u->preferred = 0;
                u->resolved_until_usec = u->worker->loop.now_usec + m->ttl_usec;
        } else if (u->n_addresses > 0)
                /* Where none is known whoever comes asks again; hagw-netd remembers a "no" for a while. */
                u->resolved_until_usec = u->worker->loop.now_usec + RESOLVE_RETRY_USEC;
        list = TAKE_PTR(u->waiting);
        if (list)
                list->place = &list;
        while (list) {
                LinkClient *l = list;

                LIST_REMOVE(l);
                if (u->n_addresses == 0) {
                        l->fault = LINK_FAULT_NAME;
                        l->ops->on_failed(l, m->reason);
                } else
                        link_connect(u, l);
        }
}

/* Who parked last is first. A house answers for its own waiting connections. */
static bool is_old(const Link *k) {
        const Upstream *u = k->upstream;

        return u->kind != CONF_UPSTREAM_TENANT &&
               u->worker->loop.now_usec > k->parked_usec + LINK_YOUNG_USEC;
}

static Link *take_idle(Upstream *u, UpstreamWish wish) {
        while (u->idle) {
                Link *k = u->idle;

                if (wish == UPSTREAM_YOUNG && is_old(k))
                        return NULL;
                if (link_is_alive(k)) {
                        link_unpark(k);
                        return k;
                }
                link_close(k);
        }
        return NULL;
}

int upstream_acquire(Upstream *u, LinkClient *l, UpstreamWish wish) {
        Link *k = wish == UPSTREAM_FRESH ? NULL : take_idle(u, wish);
        int r;

        if (k) {
                k->client = l;
                l->link = k;
                counter_add(&u->worker->figures->upstream_reuses, 1);
                return 1;
        }
        if (u->kind == CONF_UPSTREAM_UNIX || u->kind == CONF_UPSTREAM_TENANT || u->literal) {
                link_connect(u, l);
                return 0;
        }
        if (u->resolved_until_usec <= u->worker->loop.now_usec) {
                r = ask_addresses(u);
                if (r < 0)
                        return r;
        }
        /* Older addresses serve while newer ones are looked up. */
        if (u->n_addresses > 0)
                link_connect(u, l);
        else
                LIST_ADD(&u->waiting, l);
        return 0;
}

void upstream_forget(LinkClient *l) {
        LIST_REMOVE(l);
}

static void free_failure(Message *m) {
        host_stats_unref(((FailureMessage *) m)->stats);
}

const MessageKind failure_message = { .size = sizeof(FailureMessage), .free = free_failure };

void upstream_report(Upstream *u, HostStats *stats, const char *text) {
        FailureMessage *m;

        if (u->failure_usec > 0 && u->worker->loop.now_usec < u->failure_usec + USEC_PER_SEC)
                return;
        m = message_new(&failure_message);
        if (!m)
                return;
        u->failure_usec = u->worker->loop.now_usec;
        m->stats = host_stats_ref(stats);
        m->usec = u->worker->loop.now_usec;
        (void) snprintf(m->text, sizeof(m->text), "%s", text);
        queue_push(u->worker->main_queue, &m->message);
}

static int init(Worker *w) {
        w->upstreams = calloc(1, sizeof(*w->upstreams));
        if (!w->upstreams)
                return -ENOMEM;
        w->upstreams->worker = w;
        w->upstreams->sweep.run = on_sweep;
        return 0;
}

static void free_room(Worker *w) {
        if (w->upstreams)
                upstreams_done(w);
        free(w->upstreams);
        w->upstreams = NULL;
}

const Room upstream_room = {
        .init = init,
        .snapshot = upstreams_sweep,
        .network = upstreams_drop_stranded,
        .stranded = upstreams_drop_stranded,
        .free = free_room,
};
