/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the daemons know of both ends of a tunnel. */

#include <time.h>

#include "hagw-ctl/client.h"
#include "hagw-ctl/tenant.h"
#include "hagw-ctl/view.h"
#include "libhagw/log.h"
#include "libhagw/usec.h"

int view_relay(const Config *config, sd_json_variant **ret, char **ret_reason) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *reply = NULL;
        int r = 0;

        *ret_reason = NULL;
        /* With broken files what was in force before may have one. */
        if (!config || config->relay.address)
                r = client_look("io.hagw.Proxy.DescribeRelay", NULL, &reply, ret_reason);
        if (r == -ENOMEM)
                return log_oom();
        r = sd_json_buildo(ret, SD_JSON_BUILD_PAIR_CONDITION(!!reply, "relay",
                                                             SD_JSON_BUILD_VARIANT(reply)));
        return r < 0 ? log_oom() : 0;
}

/* A figure without labels; false where nobody tells it. */
static bool ask_metric(const char *interface, const char *name, uint64_t *ret) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *reply = NULL;

        if (client_metrics(interface, &reply) < 0)
                return false;
        for (size_t i = 0; i < field_count(reply, "metrics"); i++) {
                sd_json_variant *m = field_element(reply, "metrics", i);
                sd_json_variant *value = sd_json_variant_by_key(m, "value");

                if (streq(strempty(field_text(m, "name")), name) && value) {
                        /* sd-json reads 1001 from "1.001e3" as a little less. */
                        *ret = (uint64_t) (sd_json_variant_real(value) + 0.5);
                        return true;
                }
        }
        return false;
}

/* Tenants to whom something has befallen, by what it is. */
typedef enum Plight {
        PLIGHT_SUSPENDED,
        PLIGHT_USED_UP,
        PLIGHT_NO_TOKEN,
        _PLIGHT_MAX,
        _PLIGHT_INVALID = -EINVAL,
} Plight;

typedef struct Plights {
        sd_json_variant *names[_PLIGHT_MAX];
} Plights;

static void plights_done(Plights *p) {
        for (Plight i = 0; i < _PLIGHT_MAX; i++)
                sd_json_variant_unref(p->names[i]);
}

/* Who has a code that nobody has used yet is about to come. */
static Plight plight_of(sd_json_variant *tenant) {
        if (field_bool(tenant, "suspended"))
                return PLIGHT_SUSPENDED;
        if (field_bool(tenant, "exhausted"))
                return PLIGHT_USED_UP;
        if (field_count(tenant, "tokens") == 0 &&
            field_number(tenant, "codeExpiresUSec") <= clock_usec(CLOCK_REALTIME))
                return PLIGHT_NO_TOKEN;
        return _PLIGHT_INVALID;
}

static int take_plights(sd_json_variant *reply, void *userdata) {
        Plights *p = userdata;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < field_count(reply, "tenants"); i++) {
                sd_json_variant *t = field_element(reply, "tenants", i);
                Plight plight = plight_of(t);

                if (plight >= 0)
                        r = sd_json_variant_append_array(&p->names[plight],
                                                         sd_json_variant_by_key(t, "name"));
        }
        return r;
}

/* Of so many tenants at most: a status is not worth a look at all of a vendor's. */
static int add_plights(sd_json_variant **v, uint64_t known) {
        static const char *const fields[_PLIGHT_MAX] = {
                [PLIGHT_SUSPENDED] = "suspended",
                [PLIGHT_USED_UP] = "usedUp",
                [PLIGHT_NO_TOKEN] = "noToken",
        };
        _cleanup_free_ char *reason = NULL;
        _cleanup_(plights_done) Plights p = {};
        int r;

        if (known == 0 || known > VIEW_PLIGHTS_TENANTS_MAX)
                return 0;
        r = client_try_stream("io.hagw.Tenant.List", NULL, take_plights, &p, &reason);
        if (r < 0)
                return r == -ENOMEM ? r : 0;
        for (Plight i = 0; r >= 0 && i < _PLIGHT_MAX; i++)
                if (p.names[i])
                        r = sd_json_variant_set_field(v, fields[i], p.names[i]);
        return r;
}

/* Who is attached by at least one machine. Of so many machines at most, as above. 1; 0: not known. */
static int count_attached(uint64_t *machines, uint64_t *ret) {
        _cleanup_(attachments_done) Attachments a = {};

        *ret = 0;
        if (*machines == 0 || *machines > VIEW_PLIGHTS_TENANTS_MAX)
                return *machines == 0;
        if (attachments_load(&a, NULL) < 0)
                return -ENOMEM;
        if (a.reason)
                return 0;
        for (size_t i = 0, n; i < a.n; i += n) {
                (void) attachments_of(&a, strempty(field_text(a.items[i], "tenant")), &n);
                (*ret)++;
        }
        *machines = a.n;
        return 1;
}

int view_tenants(const Config *config, sd_json_variant **ret) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;
        uint64_t known = 0, machines = 0, attached = 0, damaged = 0;
        bool has_known, has_machines;
        int r, has_attached;

        if (!config || !config->tenants.zone)
                return sd_json_buildo(ret, SD_JSON_BUILD_PAIR_CONDITION(false, "tenants",
                                                                        SD_JSON_BUILD_NULL)) < 0 ?
                               log_oom() :
                               0;
        has_known = ask_metric("io.hagw.Tenant", "tenants", &known);
        (void) ask_metric("io.hagw.Tenant", "tenants_damaged", &damaged);
        has_machines = ask_metric("io.hagw.Proxy", "proxy_relay_attached", &machines);
        has_attached = has_machines ? count_attached(&machines, &attached) : 0;
        if (has_attached < 0)
                return has_attached;
        r = sd_json_buildo(&v,
                           SD_JSON_BUILD_PAIR_CONDITION(has_known && damaged == 0, "known",
                                                        SD_JSON_BUILD_UNSIGNED(known)),
                           SD_JSON_BUILD_PAIR_CONDITION(has_attached > 0, "attached",
                                                        SD_JSON_BUILD_UNSIGNED(attached)),
                           SD_JSON_BUILD_PAIR_CONDITION(has_machines, "machines",
                                                        SD_JSON_BUILD_UNSIGNED(machines)),
                           SD_JSON_BUILD_PAIR_CONDITION(damaged > 0, "damaged",
                                                        SD_JSON_BUILD_BOOLEAN(true)));
        if (r >= 0 && has_known && damaged == 0)
                r = add_plights(&v, known);
        if (r >= 0)
                r = sd_json_buildo(ret, SD_JSON_BUILD_PAIR("tenants", SD_JSON_BUILD_VARIANT(v)));
        return r < 0 ? log_oom() : 0;
}

static int take_refused(sd_json_variant *reply, void *userdata) {
        sd_json_variant **last = userdata;

        sd_json_variant_unref(*last);
        *last = sd_json_variant_ref(reply);
        return 0;
}

int view_tenants_refused(const Config *config, sd_json_variant **ret) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *parameters = NULL, *reply = NULL;
        _cleanup_free_ char *reason = NULL; /* that hagw-proxyd is off is told by view_daemons() */
        sd_json_variant *rows, *more, *swaps, *gaps;
        int r;

        if (!config || !config->tenants.zone)
                return 0;
        r = sd_json_buildo(&parameters, SD_JSON_BUILD_PAIR("refusedOnly", SD_JSON_BUILD_BOOLEAN(true)));
        if (r >= 0)
                r = client_try_stream("io.hagw.Proxy.ListAttachments", parameters, take_refused, &reply,
                                      &reason);
        rows = sd_json_variant_by_key(reply, "refused");
        more = sd_json_variant_by_key(reply, "refusedMore");
        swaps = sd_json_variant_by_key(reply, "swaps");
        gaps = sd_json_variant_by_key(reply, "gaps");
        if (r >= 0 && (rows || swaps || gaps))
                r = sd_json_buildo(ret,
                                   SD_JSON_BUILD_PAIR_CONDITION(!!swaps, "tenantsSwapping",
                                                                SD_JSON_BUILD_VARIANT(swaps)),
                                   SD_JSON_BUILD_PAIR_CONDITION(!!gaps, "tenantsGaps",
                                                                SD_JSON_BUILD_VARIANT(gaps)),
                                   SD_JSON_BUILD_PAIR_CONDITION(!!rows, "tenantsRefused",
                                                                SD_JSON_BUILD_VARIANT(rows)),
                                   SD_JSON_BUILD_PAIR_CONDITION(!!more, "tenantsRefusedMore",
                                                                SD_JSON_BUILD_VARIANT(more)));
        return r == -ENOMEM ? log_oom() : 0;
}
