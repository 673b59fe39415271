/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdatomic.h>

#include "hagw-proxyd/wire/finding.h"
#include "hagw-proxyd/wire/innernames.h"
#include "hagw-proxyd/wire/inside.h"
#include "hagw-proxyd/wire/outer.h"
#include "hagw-proxyd/wire/route.h"
#include "libhagw/conf.h"
#include "libhagw/crew/terms.h"
#include "libhagw/net/relaytarget.h"
#include "libhagw/net/tls.h"
#include "libhagw/pagepolicy.h"
#include "libhagw/pure/lang.h"
#include "libhagw/pure/seldom.h"

/* Everything a worker needs to know to serve, at one moment: routes, certificates, settings. Immutable,
 * counted, swapped whole. The main thread makes it; a connection keeps the one it began with until its next
 * request. */

#define SNAPSHOT_CERTIFICATES_MAX 1024U

/* A quarter of the memory is for the bytes of visitors, a quarter for their connections; the rest is the
 * kernel's for their sockets, and everything else's. */
#define SNAPSHOT_MEMORY_PARTS 4U
#define SNAPSHOT_MEMORY_LEAST (32U * 1024 * 1024)
#define SNAPSHOT_CONNECTION_BYTES (32U * 1024) /* with its TLS session, and half of a handshake */
#define SNAPSHOT_CONNECTIONS_LEAST 256U
#define SNAPSHOT_CONNECTIONS_MOST 8192U

/* One host's figures. Each worker writes only its own element; anybody reads. */
typedef struct HostCounters {
        _Alignas(64) _Atomic uint64_t ok_usec; /* CLOCK_MONOTONIC of the last answer; 0: never */
        _Atomic uint64_t good_usec; /* the same of one that says that a visitor got through (finding.h) */
        _Atomic uint64_t inner_usec[_INNER_LOGIN_MAX]; /* the same of what a gateway behind has said */
        /* Of what a gateway in front has said last (outer.h): that nobody there asks, that somebody does. */
        _Atomic uint64_t outer_usec[_OUTER_KIND_MAX][2];
        _Atomic uint64_t bare_usec; /* of the last visitor from outside who came past all of these */
        /* TenantState of whom the host leads to, by the tenant's home, when it was asked for last. */
        atomic_uint tenant_state;
} HostCounters;

typedef struct VisitCounters {
        _Alignas(64) _Atomic uint64_t requests;
        _Atomic uint64_t active;
} VisitCounters;

/* Who came to a host, whatever stands behind it. Outlives reloads. */
typedef struct HostVisits {
        atomic_uint n_refs;
        VisitCounters workers[];
} HostVisits;

/* What is known of a host's service, and what gateways in front and behind say. Outlives reloads for as long
 * as the service is the same, and those whose word is believed: of others nothing of it is true. */
typedef struct HostStats {
        atomic_uint n_refs;
        char *name;
        HostVisits *visits;
        /* Main thread only: */
        char *error;
        uint64_t error_usec; /* CLOCK_MONOTONIC */
        Seldom failures;     /* in the log */
        Finding finding;       /* of the last trial */
        char *finding_text;    /* NULL: none */
        uint64_t tried_usec;   /* CLOCK_MONOTONIC of the last trial; 0: never */
        unsigned status;       /* of the answer that it got; 0: none */
        uint64_t found_usec;   /* of the first in a row with this finding */
        unsigned n_found;      /* trials in a row that found something */
        uint64_t due_usec;     /* of the next; 0: not planned yet */
        bool trying, asked; /* somebody waits for it */
        unsigned n_workers;
        InnerNames *names; /* by worker, as the counters; NULL: the host has one name */
        HostCounters workers[];
} HostStats;

/* Whom an https upstream must prove to be. */
typedef struct Trust {
        atomic_uint n_refs;
        char *ca_file;
        bool verify;
        bool empty; /* its CA file could not be used: it trusts nobody */
        gnutls_certificate_credentials_t credentials;
} Trust;

typedef struct SnapshotHost {
        HostStats *stats;
        Trust *trust; /* NULL: not https */
} SnapshotHost;

typedef struct CertificateName {
        const char *name;
        TlsCertificate *certificate; /* counted in Snapshot.certificates */
} CertificateName;

struct Snapshot {
        Terms terms;
        RouteTable *routes;
        SnapshotHost *hosts; /* by Route.index */
        TlsCertificate **certificates;
        size_t n_certificates;
        CertificateName *names; /* sorted; the longest certificate for each name first */
        size_t n_names;
        uint8_t ticket_secret[TLS_TICKET_SECRET_SIZE];
        unsigned attachments, connections, connections_per_address, header_count;
        uint64_t hello_usec, head_usec, idle_usec;
        size_t head_size; /* bytes */
        RelayTarget *relay; /* the house's; NULL: it has none */
        Hops hops;
        const Language *language; /* of our own pages; NULL: what the browser asks for */
        char page_policy[PAGE_POLICY_MAX];
        ConfTls tls; /* the oldest version for visitors */
        bool http2, forwarded, log_query_strings;
        bool documentation; /* as in Config */
};

/* routes and certificates are counted up. old may be NULL, at the start: else figures and trust are taken
 * over from it, figures that are about the service where it is the same. ret_bad_file (to be freed, also
 * after success) is a CA file that could not be used, or NULL: with an old snapshot that is -EBADMSG or
 * -ENOENT; without one its hosts trust nobody, and the others are served. */
int snapshot_new(const Config *config, TlsCertificate *const *certificates, size_t n_certificates,
                 const uint8_t *ticket_secret, unsigned n_workers, const Snapshot *old, Snapshot **ret,
                 char **ret_bad_file);
/* The same hosts and settings with other certificates or another ticket secret. */
int snapshot_renew(const Snapshot *old, TlsCertificate *const *certificates, size_t n_certificates,
                   const uint8_t *ticket_secret, Snapshot **ret);

/* The certificate for a normalized name, or NULL. One for exactly that name comes before a wildcard's, but
 * not where it has expired or nobody asks for it any more, and the other one serves better. */
TlsCertificate *snapshot_find_certificate(const Snapshot *s, const char *name);
static inline const SnapshotHost *snapshot_host(const Snapshot *s, const Route *r) {
        return &s->hosts[r->index];
}

HostStats *host_stats_ref(HostStats *s);
HostStats *host_stats_unref(HostStats *s);
/* What a gateway behind has said last, to any worker; behind a wildcard, whether it asks at one of its
 * names. ret_usec: when (CLOCK_MONOTONIC), 0: nothing. Any thread. */
InnerLogin host_stats_inner(const HostStats *s, uint64_t *ret_usec);
/* The same of this name, which the host is for. */
InnerLogin host_stats_inner_of(const HostStats *s, const char *name);
/* It says so of this name, to that worker, in its thread. */
void host_stats_note_inner(HostStats *s, unsigned worker, const char *name, InnerLogin said, uint64_t usec);
int trust_new(const char *ca_file, bool verify, Trust **ret);
Trust *trust_ref(Trust *t);
Trust *trust_unref(Trust *t);
