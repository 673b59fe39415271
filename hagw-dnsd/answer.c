/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Queries to answers: what was asked (message), whether to answer at all (cookie, rrl), what stands there
 * (zone, overlay), and how much of it may be said. */

#include "hagw-dnsd/answer.h"
#include "hagw-dnsd/rr.h"

#define RECORD_FIXED_SIZE 12U /* owner pointer, type, class, TTL, RDLENGTH */
#define TXT_FIXED_SIZE (RECORD_FIXED_SIZE + 1) /* the string's length */

typedef enum Section { SECTION_ANSWER = 1, SECTION_AUTHORITY, SECTION_ADDITIONAL } Section;

typedef struct AnswerJob {
        AnswerSource *source;
        const AnswerClient *client;
        DnsQuery query;
        DnsReply reply;
        uint8_t cookie[COOKIE_SIZE];
        bool has_cookie;
        bool cookie_valid;
        bool overflow; /* something had no room */
        AnswerTime now;
        uint32_t caa_ttl_sec;
} AnswerJob;

/* --- records into the answer --------------------------------------------------------------------------- */

static void add_records(AnswerJob *j, const Zone *z, ZoneRecordsKind kind, Section section) {
        const ZoneRecords *records = &z->records[kind];
        uint8_t *p = message_extend(&j->reply, records->size);

        if (!p) {
                /* Glue is a kindness: without it the answer is still whole (RFC 2181 section 9). */
                j->overflow |= section != SECTION_ADDITIONAL;
                return;
        }
        memcpy(p, records->data, records->size);
        for (unsigned i = 0; i < records->n_patches; i++)
                write_u16(p + records->patches[i],
                          (uint16_t) (MESSAGE_POINTER |
                                      (MESSAGE_HEADER_SIZE + j->query.name_size - z->name_size)));
        j->reply.counts[section] += records->count;
}

static void add_text(AnswerJob *j, const char *value, uint8_t size) {
        uint8_t *p = message_extend(&j->reply, TXT_FIXED_SIZE + size);

        if (!p) {
                j->overflow = true;
                return;
        }
        write_u16(p, MESSAGE_POINTER_QUESTION);
        write_u16(p + 2, DNS_TYPE_TXT);
        write_u16(p + 4, DNS_CLASS_IN);
        write_u32(p + 6, ZONE_OVERLAY_TTL_SEC);
        write_u16(p + 10, size + 1U);
        p[RECORD_FIXED_SIZE] = size;
        memcpy(p + TXT_FIXED_SIZE, value, size);
        j->reply.counts[SECTION_ANSWER]++;
}

static bool add_texts(AnswerJob *j) {
        OverlayValues values = overlay_find(j->source->overlay, j->query.name, j->query.name_size);
        const OverlayText *t;
        bool found = false;

        while (!j->overflow && (t = overlay_next(j->source->overlay, &values))) {
                add_text(j, t->value, t->value_size);
                found = true;
        }
        return found;
}

/* Flags, the tag's length, the tag, the value (RFC 8659 section 4.1). */
static void add_caa_record(const char *tag, const char *value, void *userdata) {
        const size_t tag_size = strlen(tag), value_size = strlen(value), size = 2 + tag_size + value_size;
        AnswerJob *j = userdata;
        uint8_t *p = message_extend(&j->reply, RECORD_FIXED_SIZE + size);

        if (!p) {
                j->overflow = true;
                return;
        }
        write_u16(p, MESSAGE_POINTER_QUESTION);
        write_u16(p + 2, DNS_TYPE_CAA);
        write_u16(p + 4, DNS_CLASS_IN);
        write_u32(p + 6, j->caa_ttl_sec);
        write_u16(p + 10, (uint16_t) size);
        p += RECORD_FIXED_SIZE;
        p[0] = 0;
        p[1] = (uint8_t) tag_size;
        memcpy(p + 2, tag, tag_size);
        memcpy(p + 2 + tag_size, value, value_size);
        j->reply.counts[SECTION_ANSWER]++;
}

static int add_caa(AnswerJob *j, const Zone *z) {
        const AnswerSource *s = j->source;
        const CaaSource source = { .names = s->names, .ours = &s->ours, .tenants = s->accounts };
        char zone[DNAME_TEXT_MAX], name[DNAME_TEXT_MAX];

        j->caa_ttl_sec = z->caa_ttl_sec;
        return caa_find(&source, dname_to_text(z->name, zone), dname_to_text(j->query.name, name),
                        add_caa_record, j);
}

/* That there is no address, where nobody knows: one may come at any moment, and must not stand behind what
 * was remembered of its absence (RFC 2308). */
static bool says_in_doubt(const AnswerJob *j, const Zone *z) {
        const bool any = j->query.type == DNS_TYPE_ANY;

        return ((any || j->query.type == DNS_TYPE_A) && z->knowledge[ZONE_A] == ADDRESS_DOUBTFUL) ||
               ((any || j->query.type == DNS_TYPE_AAAA) && z->knowledge[ZONE_AAAA] == ADDRESS_DOUBTFUL);
}

static DnsRcode add_nothing(AnswerJob *j, const Zone *z, DnsRcode rcode) {
        const bool brief = zone_name_is_attribute(j->query.name) || says_in_doubt(j, z);

        add_records(j, z, brief ? ZONE_SOA_BRIEF : ZONE_SOA_NEGATIVE, SECTION_AUTHORITY);
        return rcode;
}

/* --- what stands at a name ----------------------------------------------------------------------------- */

static const struct {
        uint16_t type;
        ZoneRecordsKind kind;
        bool apex_only;
} record_types[] = {
        { DNS_TYPE_A, ZONE_A },
        { DNS_TYPE_AAAA, ZONE_AAAA },
        { DNS_TYPE_NS, ZONE_NS, .apex_only = true },
        { DNS_TYPE_SOA, ZONE_SOA, .apex_only = true },
};

/* Returns 1 where the name has the type, 0 where not, -ENODATA where we do not know yet. */
static int add_type(AnswerJob *j, const Zone *z, ZoneMatch match, uint16_t type) {
        if (type == DNS_TYPE_TXT)
                return add_texts(j);
        if (type == DNS_TYPE_CAA && match != ZONE_MATCH_NONE && !zone_name_is_attribute(j->query.name))
                return add_caa(j, z);
        if (match != ZONE_MATCH_APEX && match != ZONE_MATCH_HOST)
                return 0;
        for (size_t i = 0; i < ELEMENTSOF(record_types); i++) {
                const ZoneRecordsKind kind = record_types[i].kind;
                if (record_types[i].type != type)
                        continue;
                if (record_types[i].apex_only && match != ZONE_MATCH_APEX)
                        return 0;
                if ((kind == ZONE_A || kind == ZONE_AAAA) &&
                    zone_is_unasked(z, kind, j->query.name, j->query.name_size))
                        return 0;
                if ((kind == ZONE_A || kind == ZONE_AAAA) && z->knowledge[kind] == ADDRESS_UNKNOWN)
                        return -ENODATA;
                if (z->records[kind].count == 0)
                        return 0;
                add_records(j, z, kind, SECTION_ANSWER);
                if (kind == ZONE_NS)
                        add_records(j, z, ZONE_GLUE, SECTION_ADDITIONAL);
                return 1;
        }
        return 0;
}

/* One RRset, whichever the name has (RFC 8482 section 4.1). */
static int add_any(AnswerJob *j, const Zone *z, ZoneMatch match) {
        static const uint16_t order[] = { DNS_TYPE_A, DNS_TYPE_AAAA, DNS_TYPE_TXT, DNS_TYPE_SOA };
        int r = 0;

        for (size_t i = 0; i < ELEMENTSOF(order); i++) {
                int found = add_type(j, z, match, order[i]);
                if (found > 0)
                        return 1;
                if (found < 0)
                        r = found;
        }
        return r;
}

/* --- names that were made up --------------------------------------------------------------------------- */

#define TRIAL_NS_SIZE (RECORD_FIXED_SIZE + TRIAL_SERVER_SIZE + 2)

static uint8_t *put_fixed(uint8_t *p, uint16_t owner, uint16_t type, size_t rdata_size) {
        write_u16(p, owner);
        write_u16(p + 2, type);
        write_u16(p + 4, DNS_CLASS_IN);
        write_u32(p + 6, ZONE_OVERLAY_TTL_SEC);
        write_u16(p + 10, (uint16_t) rdata_size);
        return p + RECORD_FIXED_SIZE;
}

/* The address of the made-up name's server, whose own name stands at owner in the message. */
static void add_trial_address(AnswerJob *j, const Trial *t, uint16_t owner, Section section) {
        const bool v4 = t->server.family == AF_INET;
        const size_t size = v4 ? 4 : 16;
        uint8_t *p = message_extend(&j->reply, RECORD_FIXED_SIZE + size);

        if (!p) {
                j->overflow = true;
                return;
        }
        memcpy(put_fixed(p, owner, v4 ? DNS_TYPE_A : DNS_TYPE_AAAA, size), t->server.bytes, size);
        j->reply.counts[section]++;
}

/* Who came by the other family is sent on, to a server that has an address of the wanted one alone. */
static DnsRcode refer_trial(AnswerJob *j, const Trial *t) {
        const uint16_t name = (uint16_t) (MESSAGE_POINTER_QUESTION + j->query.name_size - t->name_size);
        uint8_t *p = message_extend(&j->reply, TRIAL_NS_SIZE);

        j->reply.flags &= (uint16_t) ~DNS_FLAG_AA;
        if (!p) {
                j->overflow = true;
                return DNS_RCODE_NOERROR;
        }
        p = put_fixed(p, name, DNS_TYPE_NS, TRIAL_SERVER_SIZE + 2);
        memcpy(p, TRIAL_SERVER, TRIAL_SERVER_SIZE);
        write_u16(p + TRIAL_SERVER_SIZE, name);
        j->reply.counts[SECTION_AUTHORITY]++;
        add_trial_address(j, t, (uint16_t) (MESSAGE_POINTER + (size_t) (p - j->reply.data)),
                          SECTION_ADDITIONAL);
        return DNS_RCODE_NOERROR;
}

static DnsRcode answer_trial_server(AnswerJob *j, const Zone *z, const Trial *t, bool any) {
        const uint16_t type = t->server.family == AF_INET ? DNS_TYPE_A : DNS_TYPE_AAAA;

        if (!any && j->query.type != type)
                return add_nothing(j, z, DNS_RCODE_NOERROR);
        add_trial_address(j, t, MESSAGE_POINTER_QUESTION, SECTION_ANSWER);
        return DNS_RCODE_NOERROR;
}

/* By UDP it is cut short: who asks shows that TCP comes here, too. */
static DnsRcode answer_trial(AnswerJob *j, const Zone *z, Trial *t, bool any) {
        const AnswerClient *c = j->client;

        if (!c->local)
                trial_note(t, &c->address, c->tcp, outside_judge(&j->source->outside, &c->address));
        if (!c->local && trial_wants_other(t, &c->address))
                return refer_trial(j, t);
        if (j->query.name_size != t->name_size)
                return answer_trial_server(j, z, t, any);
        if (!c->tcp)
                j->overflow = true;
        else if (any || j->query.type == DNS_TYPE_TXT)
                add_text(j, t->value, TRIAL_TEXT_SIZE);
        else
                return add_nothing(j, z, DNS_RCODE_NOERROR);
        return DNS_RCODE_NOERROR;
}

/* ------------------------------------------------------------------------------------------------------- */

static DnsRcode answer_name(AnswerJob *j, const Zone *z, bool any) {
        const DnsQuery *q = &j->query;
        ZoneMatch match;
        Trial *t;
        int r;

        j->reply.flags |= DNS_FLAG_AA;
        t = trial_find(&j->source->trials, q->name, q->name_size, j->now.monotonic_msec);
        if (t)
                return answer_trial(j, z, t, any);
        match = zone_find(z, q->name, q->name_size);
        r = any ? add_any(j, z, match) : add_type(j, z, match, q->type);
        if (r < 0) {
                j->reply.flags &= (uint16_t) ~DNS_FLAG_AA;
                return DNS_RCODE_SERVFAIL;
        }
        if (r > 0)
                return DNS_RCODE_NOERROR;
        if (match == ZONE_MATCH_NONE && !overlay_has_below(j->source->overlay, q->name, q->name_size))
                return add_nothing(j, z, DNS_RCODE_NXDOMAIN);
        return add_nothing(j, z, DNS_RCODE_NOERROR);
}

static DnsRcode answer_question(AnswerJob *j) {
        static const DnsRcode by_policy[] = {
                [RR_POLICY_REFUSED] = DNS_RCODE_REFUSED,
                [RR_POLICY_NOTIMP] = DNS_RCODE_NOTIMP,
                [RR_POLICY_FORMERR] = DNS_RCODE_FORMERR,
        };
        const DnsQuery *q = &j->query;
        const RrType *t = rr_by_type(q->type);
        const RrPolicy policy = t ? t->policy : RR_POLICY_LOOKUP;
        const Zone *z;

        if (policy != RR_POLICY_LOOKUP && policy != RR_POLICY_ANY)
                return by_policy[policy];
        if (q->class != DNS_CLASS_IN)
                return DNS_RCODE_REFUSED;
        z = zone_find_for(j->source->zones, j->source->n_zones, q->name, q->name_size,
                          q->type == DNS_TYPE_DS);
        if (z && !j->client->local)
                asker_note(&j->source->outside, z->seen, &j->client->address, j->client->tcp,
                             j->now.monotonic_sec);
        return z ? answer_name(j, z, policy == RR_POLICY_ANY) : DNS_RCODE_REFUSED;
}

/* --- who asks, and how much they may be told ----------------------------------------------------------- */

/* Returns 0, or the rcode that a broken cookie option gets. */
static DnsRcode check_cookie(AnswerJob *j, const AnswerTime *now) {
        const DnsQuery *q = &j->query;
        CookieVerdict verdict;

        if (!q->cookie)
                return DNS_RCODE_NOERROR;
        verdict = cookie_check(q->cookie, q->cookie_size, &j->client->address, now->realtime_sec,
                               j->source->cookie_secret);
        if (verdict == COOKIE_MALFORMED)
                return DNS_RCODE_FORMERR;
        j->cookie_valid = verdict == COOKIE_VALID;
        j->source->stats.cookies += j->cookie_valid;
        j->has_cookie = true;
        cookie_make(q->cookie, &j->client->address, now->realtime_sec, j->source->cookie_secret, j->cookie);
        return DNS_RCODE_NOERROR;
}

static size_t reply_limit(const AnswerJob *j) {
        const DnsQuery *q = &j->query;
        size_t max = MESSAGE_UDP_MIN;

        if (j->client->tcp)
                return ANSWER_MAX;
        if (q->has_edns)
                max = MIN(MAX((size_t) q->edns_size, (size_t) MESSAGE_UDP_MIN), (size_t) MESSAGE_UDP_MAX);
        if (!j->cookie_valid && !j->client->local)
                max = MIN(max, ANSWER_AMPLIFICATION_MAX * q->size);
        return max;
}

static DnsOptions reply_options(const AnswerJob *j) {
        return (DnsOptions) {
                .cookie = j->has_cookie ? j->cookie : NULL,
                .cookie_size = COOKIE_SIZE,
                .keepalive = j->query.keepalive && j->client->tcp ? j->client->keepalive : 0,
        };
}

static void begin_reply(AnswerJob *j, uint8_t *out) {
        const DnsOptions options = reply_options(j);
        const size_t opt = message_opt_size(&j->query, &options), limit = reply_limit(j);

        message_begin(&j->reply, &j->query, out, limit > opt ? limit - opt : 0);
}

static size_t finish_reply(AnswerJob *j, DnsRcode rcode) {
        const DnsOptions options = reply_options(j);

        if (j->overflow) {
                message_truncate(&j->reply, &j->query);
                j->reply.flags |= DNS_FLAG_TC;
                j->source->stats.truncated++;
        }
        if (!j->client->local)
                j->source->stats.rcodes[rcode]++;
        return message_finish(&j->reply, &j->query, rcode, &options);
}

/* By UDP, without a cookie, more than a network's share: mostly silence, sometimes the shortest thing that
 * lets a real client come back, with its new cookie (RFC 7873 section 5.2.3) or by TCP. */
static int limit_rate(AnswerJob *j, const AnswerTime *now) {
        RrlVerdict verdict;

        if (j->client->tcp || j->client->local || j->cookie_valid)
                return 0;
        verdict = rrl_check(j->source->rrl, &j->client->address, now->monotonic_msec);
        if (verdict == RRL_PASS)
                return 0;
        j->source->stats.limited[verdict == RRL_SLIPPED]++;
        if (verdict == RRL_DROP)
                return -EBUSY;
        if (j->has_cookie)
                return DNS_RCODE_BADCOOKIE;
        j->overflow = true;
        return 0;
}

/* What the answer's rcode is, after its records are in. */
static DnsRcode answer_parsed(AnswerJob *j, DnsRcode parsed, DnsRcode cookie) {
        const DnsQuery *q = &j->query;

        if (parsed != DNS_RCODE_NOERROR)
                return parsed;
        if (q->has_edns && q->edns_version > 0)
                return DNS_RCODE_BADVERS;
        if (cookie != DNS_RCODE_NOERROR)
                return cookie;
        if (!q->has_question)
                return j->has_cookie ? DNS_RCODE_NOERROR : DNS_RCODE_FORMERR;
        return answer_question(j);
}

size_t answer_query(AnswerSource *s, const uint8_t *data, size_t size, const AnswerClient *client,
                    const AnswerTime *now, uint8_t *out) {
        AnswerJob j;
        DnsRcode cookie = DNS_RCODE_NOERROR;
        int parsed, limited;

        /* Not initialized as a whole: the query's name alone is 255 octets. */
        j.source = s;
        j.client = client;
        j.now = *now;
        j.has_cookie = j.cookie_valid = j.overflow = false;

        parsed = message_parse_query(data, size, &j.query);
        if (parsed < 0) {
                s->stats.ignored++;
                return 0;
        }
        if (!client->local)
                s->stats.queries[client->tcp]++;
        if (parsed != DNS_RCODE_NOERROR)
                /* What could not be read is not repeated either; OPT is, where it was read (RFC 6891 section
                 * 7). */
                j.query.has_question = false;
        else
                cookie = check_cookie(&j, now);
        limited = limit_rate(&j, now);
        if (limited < 0)
                return 0;
        begin_reply(&j, out);
        if (limited > 0)
                return finish_reply(&j, (DnsRcode) limited);
        if (j.overflow) /* slipped */
                return finish_reply(&j, DNS_RCODE_NOERROR);
        return finish_reply(&j, answer_parsed(&j, (DnsRcode) parsed, cookie));
}
