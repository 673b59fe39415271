/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Every setting there is, a row each. A new setting is a new row and a field in conf.h. */

#include "libhagw/conf-schema.h"

#define NUMBER(lo, hi) .min = (lo), .max = (hi)
#define DNSD CONF_READER_DNSD
#define NETD CONF_READER_NETD
#define ACMED CONF_READER_ACMED
#define PROXYD CONF_READER_PROXYD
#define WEBD CONF_READER_WEBD
#define TENANTD CONF_READER_TENANTD
#define NOTIFY CONF_READER_NOTIFY

/* With which upstreams a host's setting does something. */
#define WITH(kind) .upstreams = 1U << CONF_UPSTREAM_##kind
#define OPENED .upstreams = ~(1U << CONF_UPSTREAM_TCP) /* all whose visitors' requests are read here */
#define OF_HOUSE .upstreams = ~(1U << CONF_UPSTREAM_TCP | 1U << CONF_UPSTREAM_TENANT) /* and served by us */

static const char *const answer_choices[] = { "any", "hosts", NULL };
static const char *const login_choices[] = { "required", "none", NULL };
static const char *const from_choices[] = { "anywhere", "lan", NULL };
static const char *const verify_choices[] = { "system", "ca", "insecure", NULL };
static const char *const key_choices[] = { "ecdsa-p256", "ecdsa-p384", "rsa-2048",
                                           "rsa-3072",   "rsa-4096",   NULL };
static const char *const forwarded_choices[] = { "none", "forwarded", NULL };
static const char *const language_choices[] = { "auto", "en", "de", "fr", NULL };
static const char *const tls_choices[] = { "1.2", "1.3", NULL };
static const char *const via_choices[] = { "direct", "relay", NULL };
static const char *const proxy_protocol_choices[] = { "none", "v1", "v2", NULL };
static const char *const opened_choices[] = { "refuse", "accept", NULL };
static const char *const level_choices[] = { "info", "debug", NULL };

#define M(group_, name_, type_, field, fallback_, readers_, help_, ...)                        \
        {                                                                                      \
                .scope = CONF_SCOPE_MAIN, .group = group_, .name = name_, .type = type_,       \
                .offset = offsetof(Config, field), .fallback = fallback_, .readers = readers_, \
                .help = help_, __VA_ARGS__                                                     \
        }
#define Z(name_, type_, field, fallback_, readers_, help_, ...)                                  \
        {                                                                                        \
                .scope = CONF_SCOPE_ZONE, .name = name_, .type = type_,                          \
                .offset = offsetof(ConfZone, field), .fallback = fallback_, .readers = readers_, \
                .help = help_, __VA_ARGS__                                                       \
        }
#define H(group_, name_, type_, field, fallback_, readers_, help_, ...)                          \
        {                                                                                        \
                .scope = CONF_SCOPE_HOST, .group = group_, .name = name_, .type = type_,         \
                .offset = offsetof(ConfHost, field), .fallback = fallback_, .readers = readers_, \
                .help = help_, __VA_ARGS__                                                       \
        }

const ConfSetting conf_settings[] = {
        M(NULL, "lan", CONF_CIDRS, lan,
          "127.0.0.0/8 ::1 10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 169.254.0.0/16 fc00::/7 fe80::/10",
          PROXYD | WEBD | DNSD, "networks that count as inside the house"),
        M(NULL, "notify", CONF_TARGETS, notify, NULL, NOTIFY,
          "who is told what needs a person, once, and when it is over: \"mailto:ADDRESS\", \"https://…\" "
          "(as ntfy has it) or \"command:/PROGRAM\"",
          NUMBER(0, CONF_NOTIFY_MAX)),
        M(NULL, "documentation_networks", CONF_BOOL, documentation_networks, "false", PROXYD | NETD | DNSD,
          "for laboratories: the networks for documentation (192.0.2.0/24, 198.51.100.0/24, 203.0.113.0/24, "
          "2001:db8::/32, 3fff::/20) count as parts of the internet"),

        Z("name", CONF_HOSTNAME, name, "!", CONF_READER_ALL, "the zone that was delegated to this gateway"),
        Z("name_server", CONF_HOSTNAME, name_server, NULL, DNSD,
          "name in the zone's NS record; ns.ZONE if not given"),
        Z("answer", CONF_ENUM, answer, "any", DNSD,
          "any: every name below the zone has the house's address; hosts: only configured hosts",
          .choices = answer_choices),
        Z("ttl", CONF_USEC, ttl_usec, "60s", DNSD, "how long resolvers may keep the house's addresses",
          NUMBER(USEC_PER_SEC, USEC_PER_DAY)),
        Z("contact", CONF_STRING, contact, NULL, DNSD,
          "mail address for the SOA record; hostmaster@ZONE if not given"),
        Z("caa", CONF_STRINGS, caa_issuers, NULL, DNSD | ACMED,
          "who may issue for the zone (RFC 8659): ours (this machine's own accounts, RFC 8657) and "
          "certificate authorities, e.g. letsencrypt.org; empty: no CAA record"),
        Z("via", CONF_ENUM, via, "direct", DNSD | ACMED | PROXYD,
          "direct: the world asks this machine; relay: the zone is a tenant's name at the relay of group "
          "relay",
          .choices = via_choices),

        M("public_address", "ipv4", CONF_SOURCE, public_address.ipv4, "none", NETD,
          "none, static:ADDRESS, resolve:NAME (a dynamic DNS name) or interface:NAME"),
        M("public_address", "ipv6", CONF_SOURCE, public_address.ipv6, "interface", NETD,
          "none, static:ADDRESS, resolve:NAME, interface:NAME, or interface (the one with the default "
          "route)"),

        M("acme", "directory", CONF_URL, acme.first.directory, "letsencrypt", ACMED,
          "the certificate authority's directory: letsencrypt, letsencrypt-staging, or an https:// URL"),
        M("acme", "contact", CONF_STRING, acme.first.contact, NULL, ACMED,
          "mailto: address that the authority may write to"),
        M("acme", "ca_file", CONF_PATH, acme.first.ca_file, NULL, ACMED,
          "PEM file with the roots for the authority's own server, instead of the system's"),
        M("acme", "eab_key_id", CONF_STRING, acme.first.eab_key_id, NULL, ACMED,
          "external account binding: key id; the HMAC key is the credential acme.eab_hmac_key"),
        M("acme", "key_algorithm", CONF_WORD, acme.key_algorithm, "ecdsa-p256", ACMED,
          "kind of new certificates' keys", .choices = key_choices),
        M("acme", "preferred_chain", CONF_STRING, acme.preferred_chain, NULL, ACMED,
          "common name of the root or intermediate to prefer where the authority offers several chains"),
        M("acme", "profile", CONF_STRING, acme.first.profile, NULL, ACMED,
          "the authority's profile for new certificates, such as Let's Encrypt's tlsserver or shortlived "
          "(six days); its default if not given"),
        M("acme.fallback", "directory", CONF_URL, acme.fallback.directory, NULL, ACMED,
          "a second authority, asked when the first has failed for half of the time that is left, or for an "
          "hour for a first certificate"),
        M("acme.fallback", "contact", CONF_STRING, acme.fallback.contact, NULL, ACMED,
          "mailto: address that it may write to; acme.contact if not given"),
        M("acme.fallback", "ca_file", CONF_PATH, acme.fallback.ca_file, NULL, ACMED,
          "PEM file with the roots for its own server, instead of the system's"),
        M("acme.fallback", "eab_key_id", CONF_STRING, acme.fallback.eab_key_id, NULL, ACMED,
          "external account binding there: key id; the HMAC key is the credential "
          "acme.fallback.eab_hmac_key"),
        M("acme.fallback", "profile", CONF_STRING, acme.fallback.profile, NULL, ACMED,
          "its profile for new certificates; its default if not given"),

        M("dns", "rate_limit", CONF_UINT, dns.rate_limit, "200", DNSD,
          "answers per second to one client network (IPv4 /24, IPv6 /56) over UDP without a cookie; 0: no "
          "limit",
          NUMBER(0, 1000000)),
        M("dns", "ipv4_port", CONF_UINT, dns.ipv4_port, "53", DNSD,
          "where to listen at this machine's IPv4 addresses; another port than 53 is one that the router "
          "sends its port 53 to; 0: not at all",
          NUMBER(0, 65535)),
        M("dns", "ipv6_port", CONF_UINT, dns.ipv6_port, "53", DNSD,
          "the same for IPv6", NUMBER(0, 65535)),
        M("dns", "listen", CONF_CIDRS, dns.listen, NULL, DNSD,
          "this machine's addresses or networks to listen at; if not given, all to which strangers' packets "
          "come"),
        M("dns", "tcp_idle", CONF_USEC, dns.tcp_idle_usec, "10s", DNSD,
          "how long a silent TCP client is kept", NUMBER(USEC_PER_SEC, USEC_PER_HOUR)),
        M("dns", "tcp_clients", CONF_UINT, dns.tcp_clients, "256", DNSD, "TCP clients at once",
          NUMBER(1, 65536)),

        M("proxy", "workers", CONF_UINT, proxy.workers, "0", PROXYD,
          "threads that serve visitors; 0: one per core", NUMBER(0, 64)),
        M("proxy", "memory", CONF_BYTES, proxy.memory, "0", PROXYD,
          "memory that visitors may take; 0: what the unit's MemoryMax= says, half of the machine's",
          NUMBER(0, UINT64_C(1) << 50)),
        M("proxy", "connections", CONF_UINT, proxy.connections, "0", PROXYD,
          "visitors' connections at once, per thread; 0: as many as a quarter of the memory holds, up to "
          "8192",
          NUMBER(0, 1000000)),
        M("proxy", "connections_per_address", CONF_UINT, proxy.connections_per_address, "512", PROXYD,
          "connections at once from one visitor's address (IPv4 /32, IPv6 /56), and requests beyond the "
          "first on each over HTTP/2, where those beyond wait; 0: no limit",
          NUMBER(0, 1000000)),
        M("proxy", "handshakes_per_address", CONF_UINT, proxy.handshakes_per_address, "50", PROXYD,
          "new TLS sessions a second from one visitor's address, four seconds' worth at once; those beyond "
          "wait; resumed ones do not count; 0: no limit",
          NUMBER(0, 1000000)),
        M("proxy", "hello_timeout", CONF_USEC, proxy.hello_usec, "10s", PROXYD,
          "how long a visitor may take from connecting to the end of the TLS handshake",
          NUMBER(USEC_PER_SEC, USEC_PER_HOUR)),
        M("proxy", "head_timeout", CONF_USEC, proxy.head_usec, "30s", PROXYD,
          "how long a request's head may take", NUMBER(USEC_PER_SEC, USEC_PER_HOUR)),
        M("proxy", "idle_timeout", CONF_USEC, proxy.idle_usec, "75s", PROXYD,
          "how long a connection without a request is kept", NUMBER(USEC_PER_SEC, USEC_PER_DAY)),
        M("proxy", "ticket_lifetime", CONF_USEC, proxy.ticket_usec, "12h", PROXYD,
          "how long a TLS session ticket resumes at most", NUMBER(USEC_PER_SEC, 7 * USEC_PER_DAY)),
        M("proxy", "drain", CONF_USEC, proxy.drain_usec, "30s", PROXYD,
          "how long requests, WebSockets and passed connections go on when hagw-proxyd restarts, beside "
          "who comes",
          NUMBER(0, USEC_PER_HOUR)),
        M("proxy", "probe_interval", CONF_USEC, proxy.probe_usec, "10min", PROXYD,
          "how long after the last visitor a service is tried without one; \"0s\": never",
          NUMBER(0, USEC_PER_DAY)),
        M("proxy", "head_size", CONF_BYTES, proxy.head_size, "32K", PROXYD,
          "largest head of a request or an answer", NUMBER(4096, 256 * 1024)),
        M("proxy", "header_count", CONF_UINT, proxy.header_count, "128", PROXYD,
          "most header fields in one head", NUMBER(16, 1024)),
        M("proxy", "tls", CONF_ENUM, proxy.tls, "1.2", PROXYD,
          "oldest version of TLS that visitors may speak: 1.2, or 1.3 for those of today alone",
          .choices = tls_choices),
        M("proxy", "http2", CONF_BOOL, proxy.http2, "true", PROXYD,
          "offer visitors HTTP/2, beside HTTP/1.1"),
        M("proxy", "forwarded", CONF_WORD, proxy.forwarded, "none", PROXYD,
          "forwarded: also tell the service the visitor's address in Forwarded (RFC 7239)",
          .choices = forwarded_choices),
        M("proxy", "proxy_protocol_from", CONF_CIDRS, proxy.proxy_protocol_from, NULL, PROXYD,
          "load balancers whose connections begin with a PROXY protocol v2 header"),

        M("relay", "address", CONF_AUTHORITY, relay.address, NULL, PROXYD | ACMED,
          "HOST[:PORT] of the relay that this house is reached through; port 443 if not given"),
        M("relay", "tenant", CONF_LABEL, relay.tenant, NULL, PROXYD | ACMED,
          "this house's name at the relay; its token is held by hagw-keyd"),
        M("relay", "pin", CONF_PIN, relay.pin, NULL, PROXYD,
          "sha256:BASE64 of the relay's public key (RFC 7469), checked instead of the system's roots"),
        M("relay", "channels_min", CONF_UINT, relay.channels_min, "1", PROXYD,
          "channels that wait at the relay when nobody visits", NUMBER(1, 64)),
        M("relay", "channels_max", CONF_UINT, relay.channels_max, "1024", PROXYD,
          "channels at once, waiting and in use", NUMBER(1, 65536)),
        M("relay", "opened", CONF_ENUM, relay.opened, "refuse", PROXYD,
          "visitors whose TLS the relay has opened, which can read them then: refuse or accept",
          .choices = opened_choices),
        M("relay", "private", CONF_ENUM, relay.private_, "refuse", PROXYD,
          "visitors with addresses to which the internet does not lead, as a relay that stands in a private "
          "network names them: refuse or accept",
          .choices = opened_choices),

        M("tenants", "zone", CONF_HOSTNAME, tenants.zone, NULL, PROXYD | TENANTD | ACMED | DNSD | WEBD,
          "makes this machine a relay: the zone, one of zones, below which each tenant has its name"),
        M("tenants", "name", CONF_HOSTNAME, tenants.name, NULL, PROXYD | TENANTD,
          "the name that agents connect to; the zone itself if not given"),
        M("tenants", "channels", CONF_UINT, tenants.channels, "1024", PROXYD | TENANTD,
          "channels of a tenant at once, waiting and in use, where the tenant has no limit of its own",
          NUMBER(1, 65536)),
        M("tenants", "attachments", CONF_UINT, tenants.attachments, "20000", PROXYD,
          "houses attached at once", NUMBER(1, 1000000)),

        M("login", "idle", CONF_USEC, login.idle_usec, "30d", WEBD,
          "a login ends after this long without use", NUMBER(USEC_PER_MINUTE, 366 * USEC_PER_DAY)),
        M("login", "absolute", CONF_USEC, login.absolute_usec, "180d", WEBD,
          "a login ends after this long in any case", NUMBER(USEC_PER_MINUTE, 3660 * USEC_PER_DAY)),
        M("login", "attempts", CONF_UINT, login.attempts, "5", WEBD,
          "wrong passwords per account and per address network before tries are slowed down",
          NUMBER(1, 1000)),
        M("login", "language", CONF_WORD, login.language, "auto", WEBD | PROXYD,
          "language of the pages; auto: what the browser asks for", .choices = language_choices),

        M("log", "access", CONF_BOOL, log.access, "true", PROXYD, "write a journal entry for each request"),
        M("log", "query_strings", CONF_BOOL, log.query_strings, "false", PROXYD,
          "keep what follows the ? in logged paths; it may hold secrets"),
        M("log", "level", CONF_WORD, log.level, "info", CONF_READER_ALL, "info or debug",
          .choices = level_choices),

        H(NULL, "name", CONF_PATTERN, name, "!", CONF_READER_ALL,
          "the host's name as visitors type it, or *.DOMAIN"),
        H(NULL, "upstream", CONF_UPSTREAM, upstream, "!", PROXYD | ACMED,
          "the service: http://HOST[:PORT], https://HOST[:PORT], unix:/PATH, tcp://HOST:PORT (the visitor's "
          "TLS passes unopened) or tenant:NAME (opened here, through that house's channels)"),
        H(NULL, "upstream_host", CONF_AUTHORITY, host_field, NULL, PROXYD,
          "what the service gets in the Host field, instead of what the visitor wrote; for services that "
          "take only their own", OF_HOUSE),
        H(NULL, "compress", CONF_BOOL, compress, "true", PROXYD,
          "compress files that the service sends plain: scripts, styles, fonts, SVG, WASM, JSON", OF_HOUSE),
        H(NULL, "proxy_protocol", CONF_ENUM, proxy_protocol, "none", PROXYD,
          "what a tcp:// service is told first about the visitor: a PROXY protocol header v1 or v2",
          .choices = proxy_protocol_choices, WITH(TCP)),
        H(NULL, "caa", CONF_STRINGS, caa, NULL, DNSD,
          "certificate authorities that may issue for a tcp:// service's name; empty: any, whatever the "
          "zone says",
          WITH(TCP)),
        H("access", "login", CONF_ENUM, access.login, "required", PROXYD | WEBD, "required or none",
          .choices = login_choices),
        H("access", "users", CONF_STRINGS, access.users, NULL, WEBD,
          "users that may pass; none listed: all that may reach the host", OPENED),
        H("access", "groups", CONF_STRINGS, access.groups, NULL, WEBD, "groups whose members may pass",
          OPENED),
        H("access", "open_paths", CONF_STRINGS, access.open_paths, NULL, PROXYD,
          "path prefixes that pass without a login, e.g. /share/ for what everybody may see", OPENED),
        H("access", "from", CONF_ENUM, access.from, "anywhere", PROXYD,
          "anywhere, or lan: visitors from elsewhere get no answer", .choices = from_choices),
        H("access", "embedded_by", CONF_HOSTNAMES, access.embedded_by, NULL, PROXYD,
          "hosts of the same site whose pages may show this one within themselves, e.g. a dashboard", OPENED,
          NUMBER(0, CONF_EMBEDDERS_MAX)),
        H("tls", "verify", CONF_ENUM, tls.verify, "system", PROXYD,
          "for https upstreams: system (the system's roots), ca (only ca_file), insecure (no check)",
          .choices = verify_choices, WITH(HTTPS)),
        H("tls", "ca_file", CONF_PATH, tls.ca_file, NULL, PROXYD, "PEM file with the roots for verify = ca",
          WITH(HTTPS)),
        H("tls", "server_name", CONF_HOSTNAME, tls.server_name, NULL, PROXYD,
          "name in the upstream's certificate, where it is not the one in its URL", WITH(HTTPS)),
        H("timeouts", "connect", CONF_USEC, timeouts.connect_usec, "5s", PROXYD,
          "how long connecting to the service may take", NUMBER(100 * USEC_PER_MSEC, USEC_PER_HOUR)),
        H("timeouts", "idle", CONF_USEC, timeouts.idle_usec, "1h", PROXYD,
          "how long a request, stream or WebSocket may be silent in both directions",
          NUMBER(USEC_PER_SEC, 7 * USEC_PER_DAY)),
        {},
};

const char *conf_type_text(ConfType t) {
        static const char *const texts[_CONF_TYPE_MAX] = {
                [CONF_STRING] = "string",
                [CONF_BOOL] = "true or false",
                [CONF_UINT] = "whole number",
                [CONF_USEC] = "duration such as \"30s\", \"5min\", \"2h\", \"30d\"",
                [CONF_BYTES] = "size such as 4096, \"32K\", \"1M\"",
                [CONF_ENUM] = "one of a few words",
                [CONF_WORD] = "one of a few words",
                [CONF_HOSTNAME] = "host name",
                [CONF_PATTERN] = "host name or \"*.DOMAIN\"",
                [CONF_STRINGS] = "list of strings, ( \"a\", \"b\" )",
                [CONF_HOSTNAMES] = "list of host names, ( \"a.example.com\", \"b.example.com\" )",
                [CONF_CIDRS] = "list of networks, ( \"192.168.0.0/16\", \"fd00::/8\" )",
                [CONF_TARGETS] = "list of \"mailto:ADDRESS\", \"https://…\" or \"command:/PROGRAM\"",
                [CONF_UPSTREAM] = "\"http://HOST[:PORT]\", \"https://HOST[:PORT]\", \"unix:/PATH\", "
                                  "\"tcp://HOST:PORT\" or \"tenant:NAME\"",
                [CONF_SOURCE] = "\"none\", \"static:ADDRESS\", \"resolve:NAME\" or \"interface:NAME\"",
                [CONF_URL] = "\"letsencrypt\", \"letsencrypt-staging\" or \"https://…\"",
                [CONF_PATH] = "absolute file name",
                [CONF_AUTHORITY] = "HOST[:PORT]",
                [CONF_LABEL] = "name of 1 to 63 letters, digits and hyphens",
                [CONF_PIN] = "\"sha256:\" and the base64 of a public key's SHA-256",
        };
        return t < _CONF_TYPE_MAX ? texts[t] : NULL;
}
