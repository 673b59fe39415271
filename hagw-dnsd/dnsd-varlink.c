/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* io.hagw.Dns: TXT values in and out of the overlay, and what the server would answer. */

#include <stdio.h>

#include "hagw-dnsd/clock.h"
#include "hagw-dnsd/dnsd-varlink.h"
#include "hagw-dnsd/manager.h"
#include "hagw-dnsd/publisher.h"
#include "hagw-dnsd/rr.h"
#include "libhagw/log.h"
#include "libhagw/pure/hostname.h"
#include "libhagw/vl-io.hagw.Dns.h"

#define PEERS (VL_PEER_ACMED | VL_PEER_WEBD)
#define PUBLISHERS (VL_PEER_ACMED | VL_PEER_TENANTD)

typedef struct TextParameters {
        const char *name, *value, *owner;
        uint64_t lifetime_usec;
} TextParameters;

/* Normalizes the name that a caller gave; where it is none the error was answered. */
static int check_name(sd_varlink *link, const char *parameter, const char *name, char *out) {
        return hostname_normalize(name, strlen(name), out) < 0
                       ? sd_varlink_error_invalid_parameter_name(link, parameter)
                       : 0;
}

/* Root, who may ask for anything, publishes where it likes. */
static int check_publisher(const Manager *m, sd_varlink *link, const char *name) {
        static const struct {
                VlPeer peer;
                Publisher publisher;
                const char *user;
        } rows[] = {
                { VL_PEER_ACMED, PUBLISHER_GATEWAY, "hagw-acmed" },
                { VL_PEER_TENANTD, PUBLISHER_TENANTS, "hagw-tenantd" },
        };
        const int peer = vl_peer(link, PUBLISHERS);

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                if (peer == (int) rows[i].peer && !publisher_may(m->source.names, rows[i].publisher, name)) {
                        log_warning("%s wanted a text at %s, which is not its own to publish at.",
                                    rows[i].user, name);
                        return sd_varlink_error(link, SD_VARLINK_ERROR_PERMISSION_DENIED, NULL);
                }
        return MIN(peer, 0);
}

static int publish_error(sd_varlink *link, const char *name, int error) {
        switch (error) {
        case -EHOSTUNREACH:
                return sd_varlink_errorbo(link, "io.hagw.Dns.NotInZone",
                                          SD_JSON_BUILD_PAIR("name", SD_JSON_BUILD_STRING(name)));
        case -EDQUOT:
                return sd_varlink_errorbo(
                        link, "io.hagw.Dns.OverlayFull",
                        SD_JSON_BUILD_PAIR("limit", SD_JSON_BUILD_UNSIGNED(OVERLAY_PER_NAME_MAX)));
        case -ENOSPC:
                return sd_varlink_errorbo(
                        link, "io.hagw.Dns.OverlayFull",
                        SD_JSON_BUILD_PAIR("limit", SD_JSON_BUILD_UNSIGNED(OVERLAY_TOTAL_MAX)));
        default:
                return sd_varlink_error_errno(link, error);
        }
}

/* As overlay_publish() judges it, but with the parameter's name in the error. */
static int check_text(sd_varlink *link, const TextParameters *p) {
        if (p->value && !overlay_text_is_valid(p->value, OVERLAY_VALUE_MAX))
                return sd_varlink_error_invalid_parameter_name(link, "value");
        if (!overlay_text_is_valid(p->owner, OVERLAY_OWNER_MAX))
                return sd_varlink_error_invalid_parameter_name(link, "owner");
        return 0;
}

/* What publishing and withdrawing ask first; 0: they may go on. */
static int check_change(const Manager *m, sd_varlink *link, const TextParameters *p, char *ret_name) {
        int r;

        r = check_name(link, "name", p->name, ret_name);
        if (r == 0)
                r = check_publisher(m, link, ret_name);
        return r != 0 ? r : check_text(link, p);
}

static int vl_publish_text(sd_varlink *link, void *parameters, unsigned flags, void *userdata) {
        char name[HOSTNAME_MAX + 1];
        const TextParameters *p = parameters;
        uint32_t serial;
        int r;

        r = check_change(userdata, link, p, name);
        if (r != 0)
                return r;
        if (p->lifetime_usec < OVERLAY_LIFETIME_MIN_USEC || p->lifetime_usec > OVERLAY_LIFETIME_MAX_USEC)
                return sd_varlink_error_invalid_parameter_name(link, "lifetimeUSec");
        r = manager_publish(userdata, name, p->value, p->owner, p->lifetime_usec, &serial);
        if (r < 0)
                return publish_error(link, name, r);
        return sd_varlink_replybo(link, SD_JSON_BUILD_PAIR("serial", SD_JSON_BUILD_UNSIGNED(serial)));
}

static int vl_withdraw_text(sd_varlink *link, void *parameters, unsigned flags, void *userdata) {
        char name[HOSTNAME_MAX + 1];
        const TextParameters *p = parameters;
        int r;

        r = check_change(userdata, link, p, name);
        if (r != 0)
                return r;
        r = manager_withdraw(userdata, name, p->value, p->owner);
        if (r < 0)
                return sd_varlink_error_errno(link, r);
        return sd_varlink_replybo(link, SD_JSON_BUILD_PAIR("withdrawn", SD_JSON_BUILD_INTEGER(r)));
}

static int vl_list_text(sd_varlink *link, void *parameters, unsigned flags, void *userdata) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *list = NULL;
        const Overlay *o = ((Manager *) userdata)->source.overlay;
        char name[DNAME_TEXT_MAX];
        int r;

        r = sd_json_variant_new_array(&list, NULL, 0);
        for (size_t i = 0; r >= 0 && i < o->n; i++) {
                const OverlayText *t = o->items[i];
                r = sd_json_variant_append_arraybo(
                        &list,
                        SD_JSON_BUILD_PAIR("name", SD_JSON_BUILD_STRING(dname_to_text(t->name, name))),
                        SD_JSON_BUILD_PAIR("value", SD_JSON_BUILD_STRING(t->value)),
                        SD_JSON_BUILD_PAIR("owner", SD_JSON_BUILD_STRING(t->owner)),
                        SD_JSON_BUILD_PAIR("expiresUSec", SD_JSON_BUILD_UNSIGNED(t->expires_usec)));
        }
        if (r < 0)
                return sd_varlink_error_errno(link, r);
        return sd_varlink_replybo(link, SD_JSON_BUILD_PAIR("overlay", SD_JSON_BUILD_VARIANT(list)));
}

/* The answer section as presentation-format RDATA. */
static int collect_answers(const uint8_t *message, size_t size, sd_json_variant **list) {
        size_t offset = MESSAGE_HEADER_SIZE;
        int r;

        r = dname_skip(message, size, offset);
        if (r < 0)
                return r;
        offset = (size_t) r + 4;
        for (unsigned i = 0; i < read_u16(message + 6); i++) {
                _cleanup_free_ char *text = NULL;
                DnsRecord record;

                r = message_read_record(message, size, offset, &record);
                if (r < 0)
                        return r;
                offset = (size_t) r;
                r = rr_format(record.type, message, size, record.rdata, record.rdata_size, &text);
                if (r < 0)
                        return r;
                r = sd_json_variant_append_arrayb(list, SD_JSON_BUILD_STRING(text));
                if (r < 0)
                        return r;
        }
        return 0;
}

/* Asks the engine itself, as a TCP client would. */
static size_t ask(Manager *m, const uint8_t *name, size_t name_size, uint16_t type, uint8_t *out) {
        const AnswerClient client = { .address = { .family = AF_INET }, .tcp = true, .local = true };
        const AnswerTime now = clock_now();
        uint8_t query[MESSAGE_UDP_MIN];
        size_t n;

        n = message_make_query(name, name_size, type, query);
        return answer_query(&m->source, query, n, &client, &now, out);
}

typedef struct LookupParameters {
        const char *name, *type;
} LookupParameters;

static int vl_lookup(sd_varlink *link, void *parameters, unsigned flags, void *userdata) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *answers = NULL;
        uint8_t wire[DNAME_MAX], message[ANSWER_MAX];
        char name[HOSTNAME_MAX + 1];
        const LookupParameters *p = parameters;
        const RrType *type;
        int r, size;

        r = check_name(link, "name", p->name, name);
        if (r != 0)
                return r;
        type = rr_by_name(p->type);
        if (!type)
                return sd_varlink_error_invalid_parameter_name(link, "type");
        size = dname_from_text(name, wire);
        if (size < 0)
                return sd_varlink_error_invalid_parameter_name(link, "name");
        const size_t n = ask(userdata, wire, (size_t) size, type->type, message);
        r = sd_json_variant_new_array(&answers, NULL, 0);
        if (r >= 0)
                r = n > 0 && read_u16(message + 4) == 1 ? collect_answers(message, n, &answers) : 0;
        if (r < 0)
                return sd_varlink_error_errno(link, r);
        return sd_varlink_replybo(link,
                                  SD_JSON_BUILD_PAIR("rcode", SD_JSON_BUILD_STRING(message_rcode_name(
                                                                      read_u16(message + 2) & 0xf))),
                                  SD_JSON_BUILD_PAIR("answers", SD_JSON_BUILD_VARIANT(answers)));
}

/* --- is the world led here? ---------------------------------------------------------------------------- */

static const char *const transports[] = { "udp", "tcp" };
static const char *const families[] = { "ipv4", "ipv6" };

static int family_from_text(const char *text) {
        return streq(text, families[0]) ? AF_INET : streq(text, families[1]) ? AF_INET6 : -EINVAL;
}

typedef struct TrialParameters {
        const char *zone, *family, *name;
} TrialParameters;

static int vl_make_trial(sd_varlink *link, void *parameters, unsigned flags, void *userdata) {
        char zone[HOSTNAME_MAX + 1], name[DNAME_TEXT_MAX];
        const TrialParameters *p = parameters;
        const Trial *t;
        int r, family;

        r = check_name(link, "zone", p->zone, zone);
        if (r != 0)
                return r;
        family = !p->family ? AF_UNSPEC : family_from_text(p->family);
        if (family < 0)
                return sd_varlink_error_invalid_parameter_name(link, "family");
        r = manager_make_trial(userdata, zone, family, &t);
        if (r == -EADDRNOTAVAIL)
                return sd_varlink_errorbo(link, "io.hagw.Dns.NotAskedBy",
                                          SD_JSON_BUILD_PAIR("family", SD_JSON_BUILD_STRING(p->family)));
        if (r < 0)
                return publish_error(link, zone, r);
        (void) dname_to_text(t->name, name);
        return sd_varlink_replybo(link, SD_JSON_BUILD_PAIR("name", SD_JSON_BUILD_STRING(name)),
                                  SD_JSON_BUILD_PAIR("value", SD_JSON_BUILD_STRING(t->value)));
}

/* Of those that came from outside. */
static int build_ways(const Trial *t, sd_json_variant **ret) {
        int r;

        r = sd_json_variant_new_array(ret, NULL, 0);
        for (size_t i = 0; r >= 0 && i < 4; i++)
                if (t->came[1][i / 2][i % 2])
                        r = sd_json_variant_append_arraybo(
                                ret, SD_JSON_BUILD_PAIR("family", SD_JSON_BUILD_STRING(families[i / 2])),
                                SD_JSON_BUILD_PAIR("transport", SD_JSON_BUILD_STRING(transports[i % 2])));
        return r;
}

static bool came(const Trial *t, bool outside, bool tcp) {
        return t->came[outside][0][tcp] || t->came[outside][1][tcp];
}

static int build_questions(const Trial *t, sd_json_variant **ret) {
        char text[IP_TEXT_MAX];
        int r;

        r = sd_json_variant_new_array(ret, NULL, 0);
        for (size_t i = 0; r >= 0 && i < t->n_questions; i++) {
                const TrialQuestion *q = &t->questions[i];

                r = sd_json_variant_append_arraybo(
                        ret,
                        SD_JSON_BUILD_PAIR("address", SD_JSON_BUILD_STRING(ip_format(&q->address, text))),
                        SD_JSON_BUILD_PAIR("transport", SD_JSON_BUILD_STRING(transports[q->tcp])),
                        SD_JSON_BUILD_PAIR("outside", SD_JSON_BUILD_BOOLEAN(q->outside)));
        }
        return r;
}

static int vl_describe_trial(sd_varlink *link, void *parameters, unsigned flags, void *userdata) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *questions = NULL, *ways = NULL;
        char name[HOSTNAME_MAX + 1];
        const TrialParameters *p = parameters;
        const Trial *t;
        int r;

        r = check_name(link, "name", p->name, name);
        if (r != 0)
                return r;
        t = manager_find_trial(userdata, name);
        if (!t)
                return sd_varlink_errorbo(link, "io.hagw.Dns.NoSuchTrial",
                                          SD_JSON_BUILD_PAIR("name", SD_JSON_BUILD_STRING(name)));
        r = build_questions(t, &questions);
        if (r >= 0)
                r = build_ways(t, &ways);
        if (r < 0)
                return sd_varlink_error_errno(link, r);
        return sd_varlink_replybo(
                link,
                SD_JSON_BUILD_PAIR("inside", SD_JSON_BUILD_BOOLEAN(came(t, false, false) ||
                                                                   came(t, false, true))),
                SD_JSON_BUILD_PAIR("outsideUdp", SD_JSON_BUILD_BOOLEAN(came(t, true, false))),
                SD_JSON_BUILD_PAIR("outsideTcp", SD_JSON_BUILD_BOOLEAN(came(t, true, true))),
                SD_JSON_BUILD_PAIR("ways", SD_JSON_BUILD_VARIANT(ways)),
                SD_JSON_BUILD_PAIR("questions", SD_JSON_BUILD_VARIANT(questions)));
}

/* The clock may have been set since then. */
static uint64_t realtime_of(uint32_t monotonic_sec) {
        const AnswerTime now = clock_now();

        return (now.realtime_sec - (now.monotonic_sec - monotonic_sec)) * USEC_PER_SEC;
}

static int append_seen(sd_json_variant **list, const AskersSeen *seen) {
        int r;

        r = sd_json_variant_new_array(list, NULL, 0);
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(families) * ELEMENTSOF(transports); i++) {
                const uint32_t last = seen->last_sec[i / 2][i % 2];

                if (last > 0)
                        r = sd_json_variant_append_arraybo(
                                list, SD_JSON_BUILD_PAIR("family", SD_JSON_BUILD_STRING(families[i / 2])),
                                SD_JSON_BUILD_PAIR("transport", SD_JSON_BUILD_STRING(transports[i % 2])),
                                SD_JSON_BUILD_PAIR("lastUSec",
                                                   SD_JSON_BUILD_UNSIGNED(realtime_of(last))));
        }
        return r;
}

static int vl_list_zones(sd_varlink *link, void *parameters, unsigned flags, void *userdata) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *list = NULL;
        char name[DNAME_TEXT_MAX], v4[IP_TEXT_MAX], v6[IP_TEXT_MAX];
        const Manager *m = userdata;
        int r;

        r = sd_json_variant_new_array(&list, NULL, 0);
        for (size_t i = 0; r >= 0 && i < m->source.n_zones; i++) {
                const Zone *z = m->source.zones[i];
                const ConfZone *c = names_zone(m->source.names, dname_to_text(z->name, name));
                _cleanup_(sd_json_variant_unrefp) sd_json_variant *seen = NULL;

                r = append_seen(&seen, z->seen);
                if (r < 0)
                        break;
                r = sd_json_variant_append_arraybo(
                        &list, SD_JSON_BUILD_PAIR("name", SD_JSON_BUILD_STRING(name)),
                        SD_JSON_BUILD_PAIR("serial", SD_JSON_BUILD_UNSIGNED(z->serial)),
                        SD_JSON_BUILD_PAIR("nameServers",
                                           SD_JSON_BUILD_ARRAY(SD_JSON_BUILD_STRING(c->name_server))),
                        SD_JSON_BUILD_PAIR("outside", SD_JSON_BUILD_VARIANT(seen)),
                        SD_JSON_BUILD_PAIR("outsideSinceUSec",
                                           SD_JSON_BUILD_UNSIGNED(realtime_of(z->seen->since_sec))),
                        SD_JSON_BUILD_PAIR_CONDITION(m->ipv4.knowledge == ADDRESS_KNOWN, "ipv4",
                                                     SD_JSON_BUILD_STRING(ip_format(&m->ipv4.address, v4))),
                        SD_JSON_BUILD_PAIR_CONDITION(m->ipv6.knowledge == ADDRESS_KNOWN, "ipv6",
                                                     SD_JSON_BUILD_STRING(ip_format(&m->ipv6.address, v6))));
        }
        if (r < 0)
                return sd_varlink_error_errno(link, r);
        return sd_varlink_replybo(link, SD_JSON_BUILD_PAIR("zones", SD_JSON_BUILD_VARIANT(list)));
}

static int vl_list_listeners(sd_varlink *link, void *parameters, unsigned flags, void *userdata) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;
        const Manager *m = userdata;
        int r;

        r = listeners_build(m->listeners, &v);
        return r < 0 ? sd_varlink_error_errno(link, r) : sd_varlink_reply(link, v);
}

const VlMethod dnsd_methods[] = {
        { "io.hagw.Dns.PublishText", PUBLISHERS, vl_publish_text,
          VL_PARAMETERS(TextParameters,
                        FIELD_STRING("name", TextParameters, name),
                        FIELD_STRING("value", TextParameters, value),
                        FIELD_STRING("owner", TextParameters, owner),
                        FIELD_UINT64("lifetimeUSec", TextParameters, lifetime_usec)) },
        { "io.hagw.Dns.WithdrawText", PUBLISHERS, vl_withdraw_text,
          VL_PARAMETERS(TextParameters,
                        FIELD_STRING("name", TextParameters, name),
                        FIELD_STRING("value", TextParameters, value, SD_JSON_NULLABLE),
                        FIELD_STRING("owner", TextParameters, owner)) },
        { "io.hagw.Dns.ListText", PEERS, vl_list_text },
        { "io.hagw.Dns.Lookup", PEERS, vl_lookup,
          VL_PARAMETERS(LookupParameters,
                        FIELD_STRING("name", LookupParameters, name),
                        FIELD_STRING("type", LookupParameters, type)) },
        { "io.hagw.Dns.ListZones", PEERS, vl_list_zones },
        { "io.hagw.Dns.MakeTrial", VL_PEER_ROOT, vl_make_trial,
          VL_PARAMETERS(TrialParameters,
                        FIELD_STRING("zone", TrialParameters, zone),
                        FIELD_STRING("family", TrialParameters, family, SD_JSON_NULLABLE)) },
        { "io.hagw.Dns.DescribeTrial", VL_PEER_ROOT, vl_describe_trial,
          VL_PARAMETERS(TrialParameters, FIELD_STRING("name", TrialParameters, name)) },
        { "io.hagw.Dns.ListListeners", VL_PEER_ROOT, vl_list_listeners },
        {},
};
