/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/pure/cidr.h"
#include "libhagw/pure/macro.h"

/* The configuration: /etc/hagw/hagw.conf and every .conf in hosts.d, libconfig syntax. Loading is all or
 * nothing. What may stand where is one table, conf-schema.c; this header is the result. Times are usec,
 * sizes are bytes. Immutable once loaded. */

typedef enum ConfLogin { CONF_LOGIN_REQUIRED, CONF_LOGIN_NONE } ConfLogin;
typedef enum ConfFrom { CONF_FROM_ANYWHERE, CONF_FROM_LAN } ConfFrom;
typedef enum ConfVerify { CONF_VERIFY_SYSTEM, CONF_VERIFY_CA, CONF_VERIFY_INSECURE } ConfVerify;
typedef enum ConfAnswer { CONF_ANSWER_ANY, CONF_ANSWER_HOSTS } ConfAnswer;
typedef enum ConfUpstreamKind {
        CONF_UPSTREAM_HTTP,
        CONF_UPSTREAM_HTTPS,
        CONF_UPSTREAM_UNIX,
        CONF_UPSTREAM_TCP,   /* the visitor's TLS passes unopened */
        CONF_UPSTREAM_TENANT /* opened here, and sent on through one of the tenant's channels */
} ConfUpstreamKind;
typedef enum ConfTls { CONF_TLS_1_2, CONF_TLS_1_3, _CONF_TLS_MAX } ConfTls;
typedef enum ConfVia { CONF_VIA_DIRECT, CONF_VIA_RELAY } ConfVia;
typedef enum ConfOpened { CONF_OPENED_REFUSE, CONF_OPENED_ACCEPT } ConfOpened;
typedef enum ConfProxyProtocol { CONF_PROXY_NONE, CONF_PROXY_V1, CONF_PROXY_V2 } ConfProxyProtocol;

typedef struct ConfCidrs {
        Cidr *items;
        size_t n;
} ConfCidrs;

typedef struct ConfZone {
        char *name;          /* normalized */
        char *name_server;   /* normalized; default ns.NAME */
        int answer;          /* ConfAnswer: any name below the zone has the house's address, or only hosts */
        uint64_t ttl_usec;   /* of the house's addresses */
        char *contact;       /* SOA RNAME as a mail address; default hostmaster@NAME */
        char **caa_issuers;  /* CAA issue values, CONF_CAA_OURS among them; empty: no CAA records */
        int via;             /* ConfVia: how visitors, and who asks for a challenge, come to this zone */
} ConfZone;

typedef struct ConfHost {
        char *file;          /* where it stands, for messages */
        char *name;          /* normalized; may start with "*." */
        char *upstream;      /* as written */
        int upstream_kind;   /* the three of it, split: */
        char *upstream_host; /* name or address without brackets; unix: the path; tenant: its name */
        uint16_t upstream_port;
        char *host_field;    /* what stands in Host for the service; NULL: what the visitor wrote */
        bool compress;       /* files that the service sends plain go compressed to who takes that */
        int proxy_protocol;  /* ConfProxyProtocol: what a tcp upstream is told first */
        char **caa;          /* CAA issue values for a tcp upstream's name; empty: nobody is kept out */
        struct {
                int login;   /* ConfLogin */
                char **users, **groups; /* who may pass; both empty: every user that may reach the host */
                char **open_paths;      /* path prefixes that need no login */
                int from;    /* ConfFrom */
                char **embedded_by;     /* hosts whose pages may show this one, normalized */
        } access;
        struct {
                int verify;  /* ConfVerify */
                char *ca_file;
                char *server_name;
        } tls;
        struct {
                uint64_t connect_usec, idle_usec;
        } timeouts;
} ConfHost;

typedef struct ConfAuthority {
        char *directory; /* URL; "letsencrypt" and "letsencrypt-staging" are already spelled out */
        char *contact;
        char *ca_file;    /* roots for the CA's own TLS certificate; NULL: the system's */
        char *eab_key_id; /* the HMAC key is the credential GROUP.eab_hmac_key */
        char *profile;    /* NULL: the authority's default */
} ConfAuthority;

typedef struct Config {
        ConfZone *zones;
        size_t n_zones;
        ConfHost *hosts; /* sorted by name */
        size_t n_hosts;
        ConfCidrs lan;
        char **notify; /* who is told what status finds: "mailto:…", "https://…", "http://…", "command:/…" */
        bool blank;    /* hagw.conf holds no setting at all: blanks and comments */
        bool documentation_networks; /* count as parts of the internet */
        struct {
                char *ipv4; /* "none", "static:ADDRESS", "resolve:NAME", "interface:NAME" */
                char *ipv6; /* "none", "static:ADDRESS", "interface" or "interface:NAME", "resolve:NAME" */
        } public_address;
        struct {
                ConfAuthority first, fallback; /* fallback.directory NULL: there is none */
                char *key_algorithm;
                char *preferred_chain;
        } acme;
        struct {
                unsigned rate_limit; /* responses per second and client prefix; 0: off */
                uint64_t tcp_idle_usec;
                unsigned tcp_clients;
                unsigned ipv4_port, ipv6_port; /* 0: none */
                ConfCidrs listen; /* none: where strangers come */
        } dns;
        struct {
                unsigned workers; /* 0: one per core */
                uint64_t memory;      /* bytes; 0: as much as there is */
                unsigned connections; /* per worker; 0: as the memory allows */
                unsigned connections_per_address; /* of all workers; 0: off */
                unsigned handshakes_per_address; /* a second; 0: off */
                uint64_t hello_usec, head_usec, idle_usec, ticket_usec;
                uint64_t drain_usec; /* what is under way may take so long at the end */
                uint64_t probe_usec; /* between trials of a service that nobody visits; 0: none */
                uint64_t head_size;
                unsigned header_count;
                int tls;         /* ConfTls: the oldest version that visitors may speak */
                bool http2;      /* offered to visitors */
                char *forwarded; /* "none" or "forwarded": also write Forwarded (RFC 7239) */
                ConfCidrs proxy_protocol_from; /* whose connections begin with a PROXY protocol v2 header */
        } proxy;
        struct { /* this machine's relay, where it is an agent */
                char *address; /* as written; NULL: it is none */
                char *tenant;
                char *pin;     /* "sha256:BASE64" of the relay's public key, instead of the roots; or NULL */
                unsigned channels_min, channels_max; /* that wait, and at all */
                int opened; /* ConfOpened */
                int private_; /* ConfOpened */
        } relay;
        struct { /* of this machine, where it is a relay */
                char *zone; /* normalized; NULL: it is none */
                char *name; /* normalized; zone if not given */
                unsigned channels; /* most per tenant, where the tenant has no limit of its own */
                ConfHost *opened; /* how visitors whose TLS the relay opens are served; not in hosts */
                unsigned attachments; /* most control connections, of all tenants */
        } tenants;
        struct {
                uint64_t idle_usec, absolute_usec;
                unsigned attempts; /* wrong passwords per account and prefix until throttled */
                char *language;    /* "auto", "en", "de", "fr" */
        } login;
        struct {
                bool access;
                bool query_strings;
                char *level;
        } log;
} Config;

#define CONF_ZONES_MAX 64U
#define CONF_HOSTS_MAX 1024U
#define CONF_NOTIFY_MAX 8U
#define CONF_TARGET_SIZE 512U /* bytes of one, with its end */
#define CONF_EMBEDDERS_MAX 16U /* hosts in embedded_by: all of them stand in a field of each answer */
#define CONF_LIST_MAX 256U
#define CONF_CAA_OURS "ours" /* in a zone's caa: every account that hagw-acmed has */
#define CONF_CAA_TTL_USEC (60 * USEC_PER_SEC) /* CAA records live so long at most */
#define CONF_FILE_MAX (1024U * 1024) /* bytes of one file */

/* Reads DIR/hagw.conf and every .conf in DIR/hosts.d. On failure ret_error (to be freed) says file, line,
 * what was found, what was expected, and the nearest known key. -EBADMSG: the content; -ENOENT: no
 * hagw.conf; else errno. */
int config_load(const char *dir, Config **ret, char **ret_error);
Config *config_free(Config *c);
DEFINE_TRIVIAL_CLEANUP_FUNC(Config *, config_free)

/* The same from one text, for hagw-ctl, tests and fuzzing. host: it is a hosts.d file. */
int config_parse_text(const char *text, const char *file, bool host, Config *c, char **ret_error);
Config *config_new(void);

/* Whether a host and the rest of a configuration, which may be without it, go together; as config_load(). */
int config_check_host(const Config *c, const ConfHost *h, char **ret_error);

/* The zone that a normalized name lies in (the longest), or NULL. */
const ConfZone *config_find_zone(const Config *c, const char *name);
/* Of a house: the name lies in its relay's zone, and is not its own: the relay's certificates and records
 * are at it. name: normalized, without "*." */
bool config_is_the_relays(const Config *c, const char *name);
const ConfHost *config_find_host(const Config *c, const char *name);

/* Its CAA records list this machine's accounts. */
static inline bool conf_zone_has_ours(const ConfZone *z) {
        for (char *const *p = z->caa_issuers; p && *p; p++)
                if (streq(*p, CONF_CAA_OURS))
                        return true;
        return false;
}

/* How long resolvers keep its CAA records. */
static inline uint64_t conf_zone_caa_usec(const ConfZone *z) {
        return MIN(z->ttl_usec, CONF_CAA_TTL_USEC);
}
