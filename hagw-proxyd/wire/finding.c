/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Findings and their sentences. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "hagw-proxyd/wire/finding.h"
#include "libhagw/pure/hostname.h"

static Finding finding_from_fault(LinkFault fault) {
        static const Finding findings[_LINK_FAULT_MAX] = {
                [LINK_FAULT_NAME] = FINDING_NAME,         [LINK_FAULT_REFUSED] = FINDING_REFUSED,
                [LINK_FAULT_SILENT] = FINDING_SILENT,     [LINK_FAULT_NO_ROUTE] = FINDING_NO_ROUTE,
                [LINK_FAULT_OTHER] = FINDING_UNREACHABLE, [LINK_FAULT_TLS] = FINDING_TLS,
                [LINK_FAULT_CERTIFICATE] = FINDING_CERTIFICATE,
                [LINK_FAULT_HOST] = FINDING_HOUSE_NO_HOST,
        };

        return findings[fault];
}

/* These are what a Host or proxy check says; everything else is the service's own business. */
static bool is_refusal(const ProbeResult *r) {
        return r->answered && (r->status == 400 || r->status == 403 || r->status == 421);
}

static bool is_good(const ProbeResult *r) {
        return r->answered && status_is_good(r->status);
}

static int want(const ProbeResult *results, ProbeKind kind, ProbeKind *ret_kind) {
        *ret_kind = kind;
        return results[kind].asked ? 0 : -EAGAIN;
}

/* Also a service that speaks TLS may say 400 in plain words, so that is asked last. */
static int judge_scheme(const ProbeResult *results, const ConfHost *host, Finding otherwise,
                        ProbeKind *ret_kind) {
        const ProbeResult *other = &results[PROBE_OTHER_SCHEME];
        int r;

        if (host->upstream_kind != CONF_UPSTREAM_HTTP && host->upstream_kind != CONF_UPSTREAM_HTTPS)
                return otherwise;
        r = want(results, PROBE_OTHER_SCHEME, ret_kind);
        if (r < 0)
                return r;
        if (host->upstream_kind == CONF_UPSTREAM_HTTP)
                return other->connected ? FINDING_SPEAKS_TLS : otherwise;
        return other->answered ? FINDING_SPEAKS_HTTP : otherwise;
}

static int judge_refusal(const ProbeResult *results, const ConfHost *host, ProbeKind *ret_kind) {
        const ProbeResult *bare = &results[PROBE_BARE];
        unsigned status = results[PROBE_VISITOR].status;
        int r;

        r = want(results, PROBE_BARE, ret_kind);
        if (r < 0)
                return r;
        if (is_good(bare))
                return bare->home_assistant ? FINDING_HOME_ASSISTANT : FINDING_PROXY;
        /* Which names below a wildcard the service knows is not known here. */
        if (!startswith(host->name, "*.")) {
                r = want(results, PROBE_OWN_NAME, ret_kind);
                if (r < 0)
                        return r;
                if (is_good(&results[PROBE_OWN_NAME]) || status == 421)
                        return FINDING_HOST;
        }
        return status == 400 ? judge_scheme(results, host, FINDING_NONE, ret_kind) : FINDING_NONE;
}

/* What else ails a tenant's house is its owner's business, and which names below a wildcard it knows. */
static Finding judge_house(const ProbeResult *visitor, const ConfHost *host) {
        if (!visitor->answered && visitor->fault == LINK_FAULT_TLS)
                return FINDING_HOUSE_REFUSES;
        if (!visitor->answered && visitor->fault == LINK_FAULT_HOST && !startswith(host->name, "*."))
                return FINDING_HOUSE_NO_HOST;
        return FINDING_NONE;
}

/* What a browser gets is asked for too, because some services send whoever is none to elsewhere. */
static int judge_redirects(const ProbeResult *results, const ConfHost *host, ProbeKind *ret_kind) {
        static const Finding findings[] = {
                [LED_BACK] = FINDING_SENDS_BACK,
                [LED_ROUND] = FINDING_SENDS_ROUND,
                [LED_INSIDE] = FINDING_SENDS_INSIDE,
        };
        const ProbeResult *browser = &results[PROBE_BROWSER];
        int r;

        /* Whoever may visit it gets there by himself. */
        if (results[PROBE_VISITOR].led == LED_INSIDE && host->access.from == CONF_FROM_LAN)
                return FINDING_NONE;
        r = want(results, PROBE_BROWSER, ret_kind);
        if (r < 0)
                return r;
        return browser->led < ELEMENTSOF(findings) ? findings[browser->led] : FINDING_NONE;
}

/* The router's own page may answer where its way back is shut. At other ports it may lead to a service. */
static bool is_routers(const ProbeResult *visitor, const ConfHost *host, bool reached) {
        return visitor->published && (host->upstream_port == 443 || host->upstream_port == 80 || !reached);
}

int finding_judge(const ProbeResult *results, const ConfHost *host, ProbeKind *ret_kind) {
        const ProbeResult *visitor = &results[PROBE_VISITOR];
        const bool reached = visitor->answered ||
                             (host->upstream_kind == CONF_UPSTREAM_TCP && visitor->connected);
        int r;

        r = want(results, PROBE_VISITOR, ret_kind);
        if (r < 0)
                return r;
        if (host->upstream_kind == CONF_UPSTREAM_TENANT)
                return judge_house(visitor, host);
        if (visitor->itself)
                return FINDING_ITSELF;
        if (is_routers(visitor, host, reached))
                return FINDING_PUBLIC_ADDRESS;
        if (visitor->answered && visitor->led != LED_NONE)
                return judge_redirects(results, host, ret_kind);
        if (is_refusal(visitor))
                return judge_refusal(results, host, ret_kind);
        if (reached)
                return FINDING_NONE;
        if (visitor->fault == LINK_FAULT_NONE)
                return judge_scheme(results, host, FINDING_NO_ANSWER, ret_kind);
        if (visitor->fault == LINK_FAULT_TLS)
                return judge_scheme(results, host, FINDING_TLS, ret_kind);
        return finding_from_fault(visitor->fault);
}

FindingEnd finding_end(Finding f) {
        switch (f) {
        case FINDING_ITSELF:
        case FINDING_PUBLIC_ADDRESS:
        case FINDING_SENDS_BACK:
        case FINDING_SENDS_ROUND:
        case FINDING_SENDS_INSIDE:
                return FINDING_ENDS_WITH_TRIAL;
        case FINDING_SPEAKS_TLS:
        case FINDING_HOME_ASSISTANT:
        case FINDING_PROXY:
        case FINDING_HOST:
                return FINDING_ENDS_WITH_GOOD;
        default:
                return FINDING_ENDS_WITH_ANSWER;
        }
}

const char *finding_word(Finding f) {
        static const char *const words[_FINDING_MAX] = {
                [FINDING_NAME] = "name",
                [FINDING_REFUSED] = "refused",
                [FINDING_SILENT] = "silent",
                [FINDING_NO_ROUTE] = "unrouted",
                [FINDING_UNREACHABLE] = "unreachable",
                [FINDING_TLS] = "tls",
                [FINDING_CERTIFICATE] = "certificate",
                [FINDING_SPEAKS_TLS] = "speaks_tls",
                [FINDING_SPEAKS_HTTP] = "speaks_http",
                [FINDING_NO_ANSWER] = "no_answer",
                [FINDING_HOME_ASSISTANT] = "home_assistant",
                [FINDING_PROXY] = "proxy",
                [FINDING_HOST] = "host",
                [FINDING_HOUSE_REFUSES] = "house_refuses",
                [FINDING_HOUSE_NO_HOST] = "house_no_host",
                [FINDING_ITSELF] = "itself",
                [FINDING_PUBLIC_ADDRESS] = "public_address",
                [FINDING_SENDS_BACK] = "sends_back",
                [FINDING_SENDS_ROUND] = "sends_round",
                [FINDING_SENDS_INSIDE] = "sends_inside",
        };

        return f < 0 || f >= _FINDING_MAX ? NULL : words[f];
}

/* Where the service was looked for. */
static void write_place(FILE *f, const FindingFacts *facts) {
        const IpAddress *peer = &facts->visitor->peer;
        char text[IP_TEXT_MAX];

        if (peer->family == AF_UNSPEC)
                fputs(facts->host->upstream, f);
        else
                fprintf(f, peer->family == AF_INET6 ? "[%s]:%u" : "%s:%u", ip_format(peer, text),
                        facts->host->upstream_port);
}

/* This machine, by the address that the service finds in its log. */
static void write_own(FILE *f, const FindingFacts *facts) {
        char text[IP_TEXT_MAX];

        fputs("this machine", f);
        if (facts->own.family != AF_UNSPEC)
                fprintf(f, " (%s)", ip_format(&facts->own, text));
}

/* Without the relay's host, a name that is the tenant's own has its visitors passed on. Whose a domain
 * elsewhere is, is not known here. */
static void write_unopened(FILE *f, const FindingFacts *facts) {
        const char *name = facts->host->name, *plain = startswith(name, "*.") ?: name,
                   *zone = facts->tenants_zone;
        const bool elsewhere = !zone || !hostname_in_zone(plain, zone);
        char own[HOSTNAME_LABEL_MAX + HOSTNAME_MAX + 2];

        (void) snprintf(own, sizeof(own), "%s.%s", facts->host->upstream_host, strempty(zone));
        if (elsewhere || hostname_in_zone(plain, own))
                fprintf(f, "; hagw-ctl host remove %s lets visitors pass unopened again%s", name,
                        elsewhere ? ", where the name is a domain of the tenant's" : "");
}

/* %P: the place; %M: this machine; %A: its address alone; %N: the host's name; %S: the status; %H: the
 * service's own name; %O: its address with the other scheme; %T: what was heard; %C: the same of a
 * certificate; %U: what lets visitors pass unopened; %L: where redirects lead; %R: what the router does with
 * whoever asks it; %F: why the service may name itself otherwise. */
static const char *const texts[_FINDING_MAX] = {
        [FINDING_NAME] = "%T. Write a name that this machine can look up, or the service's address.",
        [FINDING_REFUSED] = "%P refuses connections from %M: the service does not run there, or listens on "
                            "another port or for its own machine only.",
        [FINDING_SILENT] = "%P does not answer %M: what was there is off or has another address, or a "
                           "firewall is in the way.",
        [FINDING_NO_ROUTE] = "%P cannot be reached from %M: what was there is off or has another address, "
                             "or no route leads there.",
        [FINDING_UNREACHABLE] = "%P cannot be reached from %M: %T.",
        [FINDING_TLS] = "%P and %M do not agree on TLS: %T. See tls in hagw.conf(5).",
        [FINDING_CERTIFICATE] =
                "%P has a certificate that %M refuses: %C Where it is the service's own: hagw-ctl host set "
                "%N --verify ca --ca-file FILE, with that certificate or its root in FILE; where it is for "
                "another name: --server-name NAME; --verify insecure takes whatever comes.",
        [FINDING_SPEAKS_TLS] = "%P speaks TLS and upstream says http: hagw-ctl host set %N %O (and "
                               "--verify insecure, where its certificate is its own).",
        [FINDING_SPEAKS_HTTP] = "%P speaks no TLS and upstream says https: hagw-ctl host set %N %O",
        [FINDING_NO_ANSWER] = "%P takes the connection from %M and gives no answer in HTTP: %T.",
        [FINDING_HOME_ASSISTANT] =
                "Home Assistant answers 400 because it does not know %M as a proxy. There, in Settings > "
                "System > Network > HTTP server, switch on \"Trust X-Forwarded-For\" and add %A to "
                "\"Trusted proxies\"; it restarts, and takes this back unless it is confirmed within five "
                "minutes. (Before 2026.8: http: in configuration.yaml.)",
        [FINDING_PROXY] = "The service answers %S to whatever a proxy brings: its settings have to name %A, "
                          "this machine's address, as a trusted proxy.",
        [FINDING_HOST] = "The service answers %S to the name %N and not to its own: allow %N in its "
                         "settings, or hagw-ctl host set %N --upstream-host %H",
        [FINDING_HOUSE_REFUSES] =
                "The house does not take visitors whose TLS this relay has opened: opened = "
                "\"accept\"; in the group relay of its hagw.conf, then hagw-ctl reload there, does%U.",
        [FINDING_HOUSE_NO_HOST] = "The house has no host %N: there, hagw-ctl host add %N SERVICE (and "
                                  "--force for a name of the relay's own).",
        [FINDING_ITSELF] = "%P is this gateway itself, and not the service: hagw-ctl host set %N "
                           "http://ADDRESS:PORT, with the address of the machine that the service runs on.",
        [FINDING_PUBLIC_ADDRESS] =
                "%P is this house's public address: %R. hagw-ctl host set %N http://ADDRESS:PORT gives it "
                "the address that the service has inside.",
        [FINDING_SENDS_ROUND] =
                "The service sends whoever asks for https://%N/ in a circle (%L), without end. Its settings "
                "have to have https://%N as its address, or to name %A, this machine's, as a trusted proxy, "
                "whose X-Forwarded-Proto and X-Forwarded-Host it believes.",
        [FINDING_SENDS_INSIDE] =
                "The service sends whoever asks for https://%N/ to %L, which nobody outside of the house "
                "reaches. Its settings (base URL, external address) have to say https://%N, or to name %A, "
                "this machine's address, as a trusted proxy, whose X-Forwarded-Host it believes%F.",
        [FINDING_SENDS_BACK] =
                "The service sends whoever asks for https://%N%L to just that again, without end: it takes "
                "visitors for ones without TLS. Its settings have to name %A, this machine's address, as a "
                "trusted proxy, whose X-Forwarded-Proto it believes; or its own redirect to https has to be "
                "switched off.",
};

static void write_one(FILE *f, char c, const FindingFacts *facts) {
        const ConfHost *host = facts->host;
        char text[IP_TEXT_MAX];

        switch (c) {
        case 'P':
                write_place(f, facts);
                break;
        case 'M':
                write_own(f, facts);
                break;
        case 'A':
                fputs(facts->own.family == AF_UNSPEC ? "this machine's address" :
                                                       ip_format(&facts->own, text), f);
                break;
        case 'N':
                fputs(host->name, f);
                break;
        case 'S':
                fprintf(f, "%u", facts->visitor->status);
                break;
        case 'L':
                fputs(strempty(facts->led), f);
                break;
        case 'R':
                fputs(host->upstream_port == 443 || host->upstream_port == 80 ?
                              "the router leads back to this gateway" :
                              "the router is asked there, and not the service", f);
                break;
        case 'F':
                if (host->host_field)
                        fputs("; by upstream_host it hears another name here", f);
                break;
        case 'U':
                write_unopened(f, facts);
                break;
        case 'H':
                fprintf(f, "%.*s", (int) facts->authority.n, facts->authority.p);
                break;
        case 'C':
                fputs(startswith(facts->visitor->text, TLS_CERTIFICATE_REFUSED) ?: facts->visitor->text, f);
                break;
        case 'O':
                fprintf(f, "%s://%s", host->upstream_kind == CONF_UPSTREAM_HTTP ? "https" : "http",
                        strstr(host->upstream, "://") + strlen("://"));
                break;
        default:
                fputs(facts->visitor->text, f);
        }
}

int finding_text(Finding f, const FindingFacts *facts, char **ret) {
        char *text = NULL;
        size_t size;
        FILE *out = open_memstream(&text, &size);

        if (!out)
                return -ENOMEM;
        for (const char *p = texts[f]; *p; p++)
                if (*p == '%')
                        write_one(out, *++p, facts);
                else
                        fputc(*p, out);
        if (f == FINDING_NAME && endswith(strempty(facts->host->upstream_host), ".local"))
                fputs(" Names in .local need mDNS on this machine: avahi-daemon, or systemd-resolved with "
                      "MulticastDNS=yes.", out);
        if (f == FINDING_REFUSED && facts->host->upstream_port == 8123)
                fputs(" (Home Assistant that was set up since 2026.8 under its Supervisor listens on port "
                      "80.)", out);
        if (fclose(out) != 0) {
                free(text);
                return -ENOMEM;
        }
        *ret = text;
        return 0;
}
