/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What status finds about hosts outside all zones. Where an order has failed: hagw-acmed looks at this
 * machine's port 80, and the authority goes where the name leads. Where none has: whether visitors find the
 * name at all. An address that is not ours may then be in front of this machine on purpose. */

#include <netinet/in.h>

#include "hagw-ctl/caa.h"
#include "hagw-ctl/certlimit.h"
#include "hagw-ctl/client.h"
#include "hagw-ctl/glue.h"
#include "hagw-ctl/lost.h"
#include "hagw-ctl/status.h"
#include "libhagw/usec.h"

static sd_json_variant *failed_certificate(const Status *s, const char *name) {
        for (size_t i = 0; i < field_count(s->certificates, "certificates"); i++) {
                sd_json_variant *c = field_element(s->certificates, "certificates", i);

                if (streq(strempty(field_text(c, "name")), name))
                        return field_number(c, "failures") > 0 || field_text(c, "error") ? c : NULL;
        }
        return NULL;
}

/* The address of ours that belongs there, to be freed; none: no record belongs there. */
static int remedy(const Status *s, const CaaName *n, char **ret) {
        const bool six = n->stranger.family == AF_INET6;
        const char *ours[_GLUE_FAMILIES_MAX], *address;

        glue_addresses(s->addresses, ours);
        address = ours[six ? GLUE_IPV6 : GLUE_IPV4];
        return (address ? asprintf(ret, "there has to be %s. %s %s", n->name, six ? "AAAA" : "A", address)
                        : asprintf(ret, "take its %s record out (this machine has no such address that is "
                                        "public)",
                                   six ? "AAAA" : "A")) < 0
                       ? -ENOMEM
                       : 0;
}

static int tell(Status *s, const CaaName *n, sd_json_variant *certificate) {
        const char *error = strempty(field_text(certificate, "error"));
        const char *option = certlimit_option(certificate, clock_usec(CLOCK_REALTIME));
        _cleanup_free_ char *what = NULL;
        const bool six = n->stranger.family == AF_INET6;
        char address[IP_TEXT_MAX];
        int r;

        if (n->leads == LEADS_NOWHERE) {
                status_problem(s,
                               "%s has no address, so that the certificate authority does not find it: "
                               "where its DNS is kept, it has to lead to this machine; then: "
                               "hagw-ctl cert renew %s%s",
                               n->name, n->name, option);
                return 0;
        }
        r = remedy(s, n, &what);
        if (r < 0)
                return r;
        status_problem(s,
                       "%s has the IPv%c address %s, which is not this machine's, so that the certificate "
                       "authority asked somebody else%s (%s). Where its DNS is kept, %s; then: "
                       "hagw-ctl cert renew %s%s",
                       n->name, six ? '6' : '4', ip_format(&n->stranger, address),
                       six ? ", for IPv6 comes first" : "", error, what, n->name, option);
        return 0;
}

static CaaName *find_name(Status *s, const char *name) {
        for (size_t i = 0; i < s->names.n; i++)
                if (streq(s->names.items[i].name, name))
                        return &s->names.items[i];
        return NULL;
}

static int judge_host(Status *s, const ConfHost *h, CaaName *n, sd_json_variant *failed) {
        _cleanup_free_ char *text = NULL;
        IpAddress stranger = {};
        bool sure;
        Leads leads;
        int r;

        r = lost_look(s->config, h, s->addresses, &leads, &stranger);
        if (r < 0)
                return r;
        if (n) {
                n->leads = leads;
                n->stranger = stranger;
        }
        if (n && failed && (leads == LEADS_ASTRAY || leads == LEADS_NOWHERE))
                return tell(s, n, failed);
        r = lost_complaint(h, leads, s->certificates, &sure, &text);
        if (r > 0)
                (sure ? status_problem : status_notice)(s, "%s", text);
        return r;
}

int judge_proofs(Status *s) {
        const uint64_t end = clock_usec(CLOCK_MONOTONIC) + LOST_LOOK_USEC;
        int r = 0;

        if (!s->ask || !s->config || s->denied || s->told[CAUSE_RESOLVER])
                return 0;
        for (size_t i = 0; r >= 0 && i < s->config->n_hosts && clock_usec(CLOCK_MONOTONIC) < end; i++) {
                const ConfHost *h = &s->config->hosts[i];
                CaaName *n = find_name(s, h->name);
                sd_json_variant *failed = n ? failed_certificate(s, h->name) : NULL;

                if (lost_is_outside(s->config, h) && (failed || lost_wants_visitors(h)))
                        r = judge_host(s, h, n, failed);
        }
        return MIN(r, 0);
}
