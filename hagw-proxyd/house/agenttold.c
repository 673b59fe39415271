/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Attach's parameters. */

#include "hagw-proxyd/house/agenttold.h"
#include "hagw-proxyd/house/house.h"
#include "libhagw/log.h"

/* Of a wildcard any host below it will do. */
static bool has_host(const RouteTable *routes, const char *domain) {
        const char *suffix = startswith(domain, "*");

        if (!suffix)
                return route_find(routes, domain);
        for (size_t i = 0; i < routes->n_routes; i++)
                if (endswith(routes->routes[i].host.name, suffix))
                        return true;
        return false;
}

static int list_lacking(const RouteTable *routes, const AgentAttached *said, sd_json_variant **ret) {
        int r = 0;

        for (unsigned i = 0; r >= 0 && said->domains_known && i < said->n_domains; i++)
                if (!has_host(routes, said->domains[i]))
                        r = sd_json_variant_append_arrayb(ret, SD_JSON_BUILD_STRING(said->domains[i]));
        return r;
}

static char *lacking_text(const RouteTable *routes, const AgentAttached *said) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *lacking = NULL;
        char *text;

        if (list_lacking(routes, said, &lacking) < 0 || !lacking ||
            sd_json_variant_format(lacking, /* flags= */ 0, &text) < 0)
                return NULL;
        return text;
}

/* One that does not say what it leads here does not want to hear it either. */
bool agent_told_is_old(const char *told, const RouteTable *routes, const AgentAttached *said) {
        _cleanup_free_ char *text = lacking_text(routes, said);

        return said->domains_known && !streq_ptr(told, text);
}

bool agent_told_has_missed(uint64_t hosts, const RouteTable *routes, const AgentAttached *said) {
        return said->refused[REFUSAL_HOST].n != hosts && *said->refused_name &&
               route_find(routes, said->refused_name);
}

int agent_told_build(const RelayTarget *t, const RouteTable *routes, const AgentAttached *said,
                     sd_json_variant *proof, char **told, sd_json_variant **ret) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *lacking = NULL;
        char machine[SD_ID128_STRING_MAX], boot[SD_ID128_STRING_MAX];
        int r;

        r = list_lacking(routes, said, &lacking);
        if (r < 0)
                return r;
        free(*told);
        *told = lacking_text(routes, said);
        relay_machine_id(machine);
        return sd_json_buildo(ret, SD_JSON_BUILD_PAIR_VARIANT("proof", proof),
                              SD_JSON_BUILD_PAIR_STRING("machine", machine),
                              SD_JSON_BUILD_PAIR_CONDITION(relay_boot_id(boot), "boot",
                                                           SD_JSON_BUILD_STRING(boot)),
                              SD_JSON_BUILD_PAIR_STRING("software", RELAY_SOFTWARE),
                              SD_JSON_BUILD_PAIR_BOOLEAN("opened", t->opened),
                              SD_JSON_BUILD_PAIR_CONDITION(!!lacking, "lacking",
                                                           SD_JSON_BUILD_VARIANT(lacking)));
}
