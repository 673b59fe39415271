/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* io.hagw.Net.Query: one DNS question, asked as somebody else would ask it, and the answer as it came. Main
 * thread only. */

#include <stdio.h>

#include "hagw-netd/dns-answer.h"
#include "hagw-netd/netd-varlink.h"
#include "libhagw/pure/hostname.h"
#include "libhagw/pure/list.h"
#include "libhagw/pure/strv.h"

typedef struct Query {
        struct Query *next, **place;
        Manager *manager;
        sd_varlink *link;
        Lookup *lookup;
        ares_dns_rec_type_t type;
        char name[HOSTNAME_MAX + 1];
} Query;

typedef struct QueryParameters {
        const char *name, *type, *server;
} QueryParameters;

static void query_free(Query *q) {
        Manager *m = q->manager;

        LIST_REMOVE(q);
        m->n_queries--;
        lookup_free(q->lookup);
        sd_varlink_unref(q->link);
        free(q);
}

void queries_done(Manager *m) {
        while (m->queries)
                query_free(m->queries);
}

static int build_section(const ares_dns_record_t *record, ares_dns_section_t section,
                         ares_dns_rec_type_t type, sd_json_variant **ret) {
        _cleanup_(strv_freep) char **list = NULL;
        int r;

        r = dns_answer_list(record, section, type, &list);
        return r < 0 ? r : sd_json_build(ret, SD_JSON_BUILD_STRV(list));
}

static int build_glue(const ares_dns_record_t *record, sd_json_variant **ret) {
        DnsGlue glue[LOOKUP_ADDRESSES_MAX];
        size_t n = dns_answer_glue(record, glue, ELEMENTSOF(glue));
        char text[IP_TEXT_MAX];
        int r;

        r = sd_json_variant_new_array(ret, NULL, 0);
        for (size_t i = 0; i < n && r >= 0; i++)
                r = sd_json_variant_append_arraybo(
                        ret, SD_JSON_BUILD_PAIR("name", SD_JSON_BUILD_STRING(glue[i].name)),
                        SD_JSON_BUILD_PAIR("address",
                                           SD_JSON_BUILD_STRING(ip_format(&glue[i].address, text))));
        return r;
}

static int reply_record(const Query *q, const ares_dns_record_t *record) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *answers = NULL, *authority = NULL,
                                                          *glue = NULL;
        int r;

        r = build_section(record, ARES_SECTION_ANSWER, q->type, &answers);
        if (r >= 0)
                r = build_section(record, ARES_SECTION_AUTHORITY, ARES_REC_TYPE_NS, &authority);
        if (r >= 0)
                r = build_glue(record, &glue);
        if (r < 0)
                return sd_varlink_error_errno(q->link, r);
        return sd_varlink_replybo(
                q->link,
                SD_JSON_BUILD_PAIR("rcode", SD_JSON_BUILD_STRING(ares_dns_rcode_tostr(
                                                    ares_dns_record_get_rcode(record)))),
                SD_JSON_BUILD_PAIR(
                        "authoritative",
                        SD_JSON_BUILD_BOOLEAN((ares_dns_record_get_flags(record) & ARES_FLAG_AA) != 0)),
                SD_JSON_BUILD_PAIR("answers", SD_JSON_BUILD_VARIANT(answers)),
                SD_JSON_BUILD_PAIR("authority", SD_JSON_BUILD_VARIANT(authority)),
                SD_JSON_BUILD_PAIR("glue", SD_JSON_BUILD_VARIANT(glue)));
}

static void on_records(Lookup *lookup, const LookupResult *result, void *userdata) {
        Query *q = userdata;

        /* An answer without records is an answer: its RCODE says what it means. The caller may be gone. */
        if (result->record)
                (void) reply_record(q, result->record);
        else
                (void) sd_varlink_errorbo(
                        q->link, "io.hagw.Net.ResolverFailed",
                        SD_JSON_BUILD_PAIR("name", SD_JSON_BUILD_STRING(q->name)),
                        SD_JSON_BUILD_PAIR("reason", SD_JSON_BUILD_STRING(result->reason)));
        query_free(q);
}

/* "53" for an address alone, so that c-ares sees one form. Only addresses: a name would have to be looked up
 * first. */
static bool server_is_valid(const char *server) {
        char host[IP_TEXT_MAX + 2];
        const char *port = NULL;
        IpAddress a;
        size_t n;

        if (ip_parse(server, &a) >= 0)
                return true;
        if (*server == '[') {
                const char *end = strchr(server++, ']');

                if (!end || (end[1] && end[1] != ':'))
                        return false;
                n = (size_t) (end - server);
                port = end[1] ? end + 2 : "53";
        } else {
                n = strcspn(server, ":");
                port = server[n] ? server + n + 1 : "53";
        }
        if (n >= sizeof(host) || strspn(port, "0123456789") != strlen(port) || strlen(port) < 1 ||
            strlen(port) > 5 || strtoul(port, NULL, 10) < 1 || strtoul(port, NULL, 10) > UINT16_MAX)
                return false;
        memcpy(host, server, n);
        host[n] = '\0';
        return ip_parse(host, &a) >= 0;
}

static int vl_method_query(sd_varlink *link, void *parameters, unsigned flags, void *userdata) {
        const QueryParameters *p = parameters;
        Manager *m = userdata;
        Query *q;
        int r;

        if (m->n_queries >= MANAGER_QUERIES_MAX)
                return sd_varlink_error_errno(link, -EBUSY);
        q = calloc(1, sizeof(*q));
        if (!q)
                return sd_varlink_error_errno(link, -ENOMEM);
        *q = (Query) { .manager = m, .link = sd_varlink_ref(link) };
        LIST_ADD(&m->queries, q);
        m->n_queries++;
        r = -EINVAL;
        /* The root is a name too. */
        if (!streq(p->name, ".") && hostname_normalize(p->name, strlen(p->name), q->name) < 0)
                r = sd_varlink_error_invalid_parameter_name(link, "name");
        else if (dns_type_parse(p->type, &q->type) < 0)
                r = sd_varlink_error_invalid_parameter_name(link, "type");
        else if (p->server && !server_is_valid(p->server))
                r = sd_varlink_error_invalid_parameter_name(link, "server");
        else {
                r = lookup_records_new(&q->lookup, m->event, q->name, q->type, p->server, on_records, q);
                if (r >= 0)
                        return 0;
                r = sd_varlink_error_errno(link, r);
        }
        query_free(q);
        return r;
}

const VlMethod query_methods[] = {
        { "io.hagw.Net.Query", VL_PEER_ACMED | VL_PEER_WEBD, vl_method_query,
          VL_PARAMETERS(QueryParameters,
                        FIELD_STRING("name", QueryParameters, name),
                        FIELD_STRING("type", QueryParameters, type),
                        FIELD_STRING("server", QueryParameters, server, SD_JSON_NULLABLE)) },
        {},
};
