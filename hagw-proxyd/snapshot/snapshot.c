/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Snapshots are made by the main thread; any thread may drop the last reference. */

#include "hagw-proxyd/snapshot/snapshot.h"
#include "libhagw/memory.h"
#include "libhagw/pure/hostname.h"
#include "libhagw/pure/page.h"
#include "libhagw/usec.h"

static HostVisits *host_visits_ref(HostVisits *v) {
        atomic_fetch_add_explicit(&v->n_refs, 1, memory_order_relaxed);
        return v;
}

static void host_visits_unref(HostVisits *v) {
        if (v && atomic_fetch_sub_explicit(&v->n_refs, 1, memory_order_acq_rel) == 1)
                free(v);
}

/* NULL: no memory. */
static HostVisits *host_visits_new(unsigned n_workers) {
        size_t size = sizeof(HostVisits) + n_workers * sizeof(VisitCounters);
        HostVisits *v = aligned_alloc(_Alignof(HostVisits), size);

        if (!v)
                return NULL;
        memset(v, 0, size);
        atomic_init(&v->n_refs, 1);
        return v;
}

HostStats *host_stats_ref(HostStats *s) {
        if (s)
                atomic_fetch_add_explicit(&s->n_refs, 1, memory_order_relaxed);
        return s;
}

HostStats *host_stats_unref(HostStats *s) {
        if (!s || atomic_fetch_sub_explicit(&s->n_refs, 1, memory_order_acq_rel) != 1)
                return NULL;
        host_visits_unref(s->visits);
        free(s->name);
        free(s->error);
        free(s->finding_text);
        free(s->names);
        free(s);
        return NULL;
}

InnerLogin host_stats_inner(const HostStats *s, uint64_t *ret_usec) {
        InnerLogin newest = _INNER_LOGIN_INVALID;
        uint64_t newest_usec = 0;

        if (s->names)
                return inner_names_asking(s->names, s->n_workers, ret_usec);
        for (unsigned i = 0; i < s->n_workers; i++)
                for (InnerLogin said = 0; said < _INNER_LOGIN_MAX; said++) {
                        uint64_t usec = atomic_load_explicit(&s->workers[i].inner_usec[said],
                                                             memory_order_relaxed);

                        if (usec > newest_usec) {
                                newest = said;
                                newest_usec = usec;
                        }
                }
        *ret_usec = newest_usec;
        return newest;
}

InnerLogin host_stats_inner_of(const HostStats *s, const char *name) {
        uint64_t usec;

        return s->names ? inner_names_find(s->names, s->n_workers, name) : host_stats_inner(s, &usec);
}

void host_stats_note_inner(HostStats *s, unsigned worker, const char *name, InnerLogin said, uint64_t usec) {
        if (s->names)
                inner_names_note(&s->names[worker], name, said, usec);
        else
                atomic_store_explicit(&s->workers[worker].inner_usec[said], usec, memory_order_relaxed);
}

/* before: of the same host with another service, or NULL. */
static int host_stats_new(const char *name, unsigned n_workers, const HostStats *before, HostStats **ret) {
        size_t size = sizeof(HostStats) + n_workers * sizeof(HostCounters);
        HostStats *s = aligned_alloc(_Alignof(HostStats), size);

        if (!s)
                return -ENOMEM;
        memset(s, 0, size);
        atomic_init(&s->n_refs, 1);
        s->n_workers = n_workers;
        s->name = strdup(name);
        s->visits = before ? host_visits_ref(before->visits) : host_visits_new(n_workers);
        if (startswith(name, "*."))
                s->names = calloc(n_workers, sizeof(*s->names));
        if (!s->name || !s->visits || (startswith(name, "*.") && !s->names)) {
                host_stats_unref(s);
                return -ENOMEM;
        }
        /* A trial under way ends without a finding, and is waited for. */
        s->trying = before && before->trying;
        s->asked = before && before->asked;
        *ret = s;
        return 0;
}

Trust *trust_ref(Trust *t) {
        if (t)
                atomic_fetch_add_explicit(&t->n_refs, 1, memory_order_relaxed);
        return t;
}

Trust *trust_unref(Trust *t) {
        if (!t || atomic_fetch_sub_explicit(&t->n_refs, 1, memory_order_acq_rel) != 1)
                return NULL;
        if (t->credentials)
                gnutls_certificate_free_credentials(t->credentials);
        free(t->ca_file);
        free(t);
        return NULL;
}

int trust_new(const char *ca_file, bool verify, Trust **ret) {
        Trust *t = calloc(1, sizeof(*t));
        int r = -ENOMEM;

        if (!t)
                return -ENOMEM;
        atomic_init(&t->n_refs, 1);
        t->verify = verify;
        if (ca_file)
                t->ca_file = strdup(ca_file);
        if (!ca_file || t->ca_file)
                r = tls_trust_new(ca_file, verify, &t->credentials);
        if (r < 0) {
                trust_unref(t);
                return r;
        }
        *ret = t;
        return 0;
}

static void snapshot_free(Snapshot *s) {
        for (size_t i = 0; s->hosts && i < s->routes->n_routes; i++) {
                host_stats_unref(s->hosts[i].stats);
                trust_unref(s->hosts[i].trust);
        }
        free(s->hosts);
        for (size_t i = 0; i < s->n_certificates; i++)
                tls_certificate_unref(s->certificates[i]);
        free(s->certificates);
        free(s->names);
        route_table_unref(s->routes);
        relay_target_unref(s->relay);
        gnutls_memset(s->ticket_secret, 0, sizeof(s->ticket_secret));
        free(s);
}

/* By name; of several for one name the one that lasts longest comes first. */
static int compare_names(const void *a, const void *b) {
        const CertificateName *x = a, *y = b;
        int r = strcmp(x->name, y->name);

        if (r != 0)
                return r;
        return (x->certificate->not_after < y->certificate->not_after) -
               (x->certificate->not_after > y->certificate->not_after);
}

static int set_certificates(Snapshot *s, TlsCertificate *const *certificates, size_t n) {
        size_t n_names = 0, k = 0;

        for (size_t i = 0; i < n; i++)
                for (char **name = certificates[i]->names; *name; name++)
                        n_names++;
        s->certificates = calloc(MAX(n, (size_t) 1), sizeof(TlsCertificate *));
        s->names = calloc(MAX(n_names, (size_t) 1), sizeof(CertificateName));
        if (!s->certificates || !s->names)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                s->certificates[s->n_certificates++] = tls_certificate_ref(certificates[i]);
                for (char **name = certificates[i]->names; *name; name++)
                        s->names[k++] = (CertificateName) { *name, certificates[i] };
        }
        qsort(s->names, k, sizeof(CertificateName), compare_names);
        s->n_names = k;
        return 0;
}

/* CA files are read at each reload; the system's roots only once, for they take a while. */
static int host_set_trust(Snapshot *s, SnapshotHost *h, const ConfHost *host, const Snapshot *old) {
        bool verify = host->tls.verify != CONF_VERIFY_INSECURE;
        const char *ca_file = host->tls.verify == CONF_VERIFY_CA ? host->tls.ca_file : NULL;
        const Snapshot *both[] = { s, old };

        for (size_t k = 0; k < ELEMENTSOF(both); k++)
                for (size_t i = 0; both[k] && i < both[k]->routes->n_routes; i++) {
                        Trust *t = both[k]->hosts[i].trust;
                        if (t && !t->empty && t->verify == verify && streq_ptr(t->ca_file, ca_file) &&
                            (!ca_file || both[k] == s)) {
                                h->trust = trust_ref(t);
                                return 0;
                        }
                }
        return trust_new(ca_file, verify, &h->trust);
}

/* One host's CA file is no reason to keep the door shut for all: at the start its host trusts nobody. */
static int host_distrust(SnapshotHost *h, const ConfHost *host, char **ret_bad_file) {
        free(*ret_bad_file);
        *ret_bad_file = strdup(strempty(host->tls.ca_file));
        if (!*ret_bad_file || trust_new(NULL, false, &h->trust) < 0)
                return -ENOMEM;
        h->trust->verify = h->trust->empty = true;
        return 0;
}

static bool is_same_service(const ConfHost *a, const ConfHost *b) {
        return streq(a->upstream, b->upstream) && streq_ptr(a->host_field, b->host_field) &&
               a->tls.verify == b->tls.verify && streq_ptr(a->tls.ca_file, b->tls.ca_file) &&
               streq_ptr(a->tls.server_name, b->tls.server_name);
}

static bool is_same_relay(const RelayTarget *a, const RelayTarget *b) {
        return a == b || (a && b && streq(a->address, b->address) && streq_ptr(a->tenant, b->tenant));
}

static bool is_same_list(const ConfCidrs *a, const ConfCidrs *b) {
        if (a->n != b->n)
                return false;
        for (size_t i = 0; i < a->n; i++)
                if (!ip_equal(&a->items[i].address, &b->items[i].address) ||
                    a->items[i].prefix != b->items[i].prefix)
                        return false;
        return true;
}

/* Whose word of what is in front is believed (exchange-outer.c). */
static bool is_same_front(const Snapshot *a, const Snapshot *b) {
        return is_same_relay(a->relay, b->relay) && is_same_list(&a->routes->lan, &b->routes->lan);
}

static int set_stats(Snapshot *s, size_t i, unsigned n_workers, const Snapshot *old) {
        const ConfHost *host = &s->routes->routes[i].host;
        const Route *route = old ? route_find_host(old->routes, host->name) : NULL;
        HostStats *before = route ? snapshot_host(old, route)->stats : NULL;

        if (!before || !is_same_service(host, &route->host) || !is_same_front(s, old))
                return host_stats_new(host->name, n_workers, before, &s->hosts[i].stats);
        s->hosts[i].stats = host_stats_ref(before);
        return 0;
}

static int set_hosts(Snapshot *s, unsigned n_workers, const Snapshot *old, char **ret_bad_file) {
        s->hosts = calloc(MAX(s->routes->n_routes, (size_t) 1), sizeof(SnapshotHost));
        if (!s->hosts)
                return -ENOMEM;
        for (size_t i = 0; i < s->routes->n_routes; i++) {
                const ConfHost *host = &s->routes->routes[i].host;
                int r;

                r = set_stats(s, i, n_workers, old);
                if (r >= 0 && host->upstream_kind == CONF_UPSTREAM_HTTPS)
                        r = host_set_trust(s, &s->hosts[i], host, old);
                if ((r == -ENOENT || r == -EBADMSG) && !old) {
                        r = host_distrust(&s->hosts[i], host, ret_bad_file);
                } else if (r < 0 && host->tls.ca_file)
                        *ret_bad_file = strdup(host->tls.ca_file);
                if (r < 0)
                        return r;
        }
        return 0;
}

static void set_memory(Snapshot *s, const Config *config, unsigned n_workers) {
        uint64_t memory = MAX(config->proxy.memory ?: memory_limit(""), (uint64_t) SNAPSHOT_MEMORY_LEAST);
        uint64_t part = memory / SNAPSHOT_MEMORY_PARTS / n_workers;

        s->terms.buffer_max = part;
        s->connections = config->proxy.connections ?:
                                 (unsigned) MIN(MAX(part / SNAPSHOT_CONNECTION_BYTES,
                                                    (uint64_t) SNAPSHOT_CONNECTIONS_LEAST),
                                                (uint64_t) SNAPSHOT_CONNECTIONS_MOST);
}

int snapshot_new(const Config *config, TlsCertificate *const *certificates, size_t n_certificates,
                 const uint8_t *ticket_secret, unsigned n_workers, const Snapshot *old, Snapshot **ret,
                 char **ret_bad_file) {
        _cleanup_(snapshot_unrefp) Snapshot *s = NULL;
        int r;

        *ret_bad_file = NULL;
        s = calloc(1, sizeof(*s));
        if (!s)
                return -ENOMEM;
        atomic_init(&s->terms.n_refs, 1);
        s->terms.free = snapshot_free;
        s->attachments = config->tenants.attachments;
        set_memory(s, config, n_workers);
        s->connections_per_address = config->proxy.connections_per_address;
        s->terms.handshakes_per_address = config->proxy.handshakes_per_address;
        s->header_count = config->proxy.header_count;
        s->hello_usec = config->proxy.hello_usec;
        s->head_usec = config->proxy.head_usec;
        s->idle_usec = config->proxy.idle_usec;
        s->terms.drain_usec = config->proxy.drain_usec;
        s->head_size = config->proxy.head_size;
        s->tls = (ConfTls) config->proxy.tls;
        s->forwarded = streq(config->proxy.forwarded, "forwarded");
        s->terms.log_access = config->log.access;
        s->log_query_strings = config->log.query_strings;
        s->http2 = config->proxy.http2;
        s->documentation = config->documentation_networks;
        memcpy(s->ticket_secret, ticket_secret, sizeof(s->ticket_secret));
        s->language = streq(config->login.language, "auto") ? NULL :
                                                              language_choose(config->login.language, NULL);
        r = page_policy(page_style, page_again, /* asks= */ false, s->page_policy);
        if (r < 0)
                return r;
        r = route_table_new(&s->routes, config);
        if (r < 0)
                return r;
        r = relay_target_from_config(config, old ? old->relay : NULL, &s->relay);
        if (r < 0)
                return r;
        r = set_hosts(s, n_workers, old, ret_bad_file);
        if (r < 0)
                return r;
        r = set_certificates(s, certificates, n_certificates);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(s);
        return 0;
}

int snapshot_renew(const Snapshot *old, TlsCertificate *const *certificates, size_t n_certificates,
                   const uint8_t *ticket_secret, Snapshot **ret) {
        _cleanup_(snapshot_unrefp) Snapshot *s = NULL;
        int r;

        s = calloc(1, sizeof(*s));
        if (!s)
                return -ENOMEM;
        /* Without n_refs, which workers count at. */
        memcpy(&s->terms.free, &old->terms.free, sizeof(*s) - offsetof(Snapshot, terms.free));
        atomic_init(&s->terms.n_refs, 1);
        s->certificates = NULL;
        s->names = NULL;
        s->n_certificates = s->n_names = 0;
        memcpy(s->ticket_secret, ticket_secret, sizeof(s->ticket_secret));
        s->routes = route_table_ref(old->routes);
        s->relay = relay_target_ref(old->relay);
        s->hosts = calloc(MAX(s->routes->n_routes, (size_t) 1), sizeof(SnapshotHost));
        if (!s->hosts)
                return -ENOMEM;
        for (size_t i = 0; i < s->routes->n_routes; i++) {
                s->hosts[i].stats = host_stats_ref(old->hosts[i].stats);
                s->hosts[i].trust = trust_ref(old->hosts[i].trust);
        }
        r = set_certificates(s, certificates, n_certificates);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(s);
        return 0;
}

static int compare_key(const void *key, const void *element) {
        return strcmp(key, ((const CertificateName *) element)->name);
}

/* How well a certificate serves; 0: there is none. */
typedef enum Fitness { FITNESS_NONE, FITNESS_EXPIRED, FITNESS_LEFTOVER, FITNESS_GOOD } Fitness;

static Fitness certificate_judge(const TlsCertificate *c, uint64_t now_usec) {
        return !c                                                          ? FITNESS_NONE
               : (uint64_t) MAX(c->not_after, 0) * USEC_PER_SEC <= now_usec ? FITNESS_EXPIRED
               : c->leftover                                               ? FITNESS_LEFTOVER
                                                                           : FITNESS_GOOD;
}

/* best, or one for that name that serves better. */
static TlsCertificate *find_better(const Snapshot *s, const char *name, uint64_t now_usec,
                                   TlsCertificate *best) {
        const CertificateName *n = bsearch(name, s->names, s->n_names, sizeof(CertificateName), compare_key);

        while (n && n > s->names && streq(n[-1].name, name))
                n--;
        for (; n && n < s->names + s->n_names && streq(n->name, name); n++)
                if (certificate_judge(n->certificate, now_usec) > certificate_judge(best, now_usec))
                        best = n->certificate;
        return best;
}

TlsCertificate *snapshot_find_certificate(const Snapshot *s, const char *name) {
        const uint64_t now_usec = clock_usec(CLOCK_REALTIME);
        TlsCertificate *best = find_better(s, name, now_usec, NULL);
        char wildcard[HOSTNAME_MAX + 3] = "*";
        const char *dot;

        if (certificate_judge(best, now_usec) < FITNESS_GOOD && (dot = strchr(name, '.')) &&
            strlen(dot) < sizeof(wildcard) - 1) {
                strcpy(wildcard + 1, dot);
                best = find_better(s, wildcard, now_usec, best);
        }
        return best;
}
