/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The relay's words, as far as they can be taken. */

#include <stdio.h>
#include <string.h>

#include "hagw-proxyd/house/agentsaid.h"
#include "libhagw/net/controlstream.h"

void agent_said_forget(AgentAttached *t) {
        memset(t->refused, 0, sizeof(t->refused));
        *t->refused_name = '\0';
        t->domains_known = t->opens_known = t->exhausted_known = false;
}

bool agent_said_refused(AgentAttached *t, sd_json_variant *parameters) {
        sd_json_variant *rows = sd_json_variant_by_key(parameters, "refused");
        size_t n = rows && sd_json_variant_is_array(rows) ? sd_json_variant_elements(rows) : 0;

        for (size_t i = 0; i < MIN(n, (size_t) _REFUSAL_MAX); i++) {
                sd_json_variant *row = sd_json_variant_by_index(rows, i);
                Refusal r = refusal_from_name(strempty(control_string(row, "reason")));
                const char *name = strempty(control_string(row, "name"));

                if (r < 0)
                        continue;
                if (r == REFUSAL_HOST && hostname_normalize(name, strlen(name), t->refused_name) < 0)
                        *t->refused_name = '\0';
                t->refused[r].n = (uint64_t) MAX(control_integer(row, "count", 0), INT64_C(0));
                t->refused[r].last_usec =
                        (uint64_t) MAX(control_integer(row, "lastUSec", 0), INT64_C(0));
                t->refused[r].over = control_boolean(row, "over");
        }
        return n > 0;
}

/* Maybe with "*." in front. More than there is room for are as good as not told. */
static bool take_names(sd_json_variant *list, char names[static RELAY_DOMAINS_MAX][HOSTNAME_MAX + 3],
                       unsigned *n, bool *known) {
        char name[HOSTNAME_MAX + 1];

        if (!list || !sd_json_variant_is_array(list))
                return false;
        *n = 0;
        *known = sd_json_variant_elements(list) <= RELAY_DOMAINS_MAX;
        for (size_t i = 0; *known && i < sd_json_variant_elements(list); i++) {
                sd_json_variant *v = sd_json_variant_by_index(list, i);
                const char *text = sd_json_variant_is_string(v) ? sd_json_variant_string(v) : "";
                const char *plain = startswith(text, "*.") ?: text;

                if (hostname_normalize(plain, strlen(plain), name) >= 0)
                        (void) snprintf(names[(*n)++], sizeof(names[0]), "%s%s", plain != text ? "*." : "",
                                        name);
        }
        return true;
}

bool agent_said_domains(AgentAttached *t, sd_json_variant *parameters) {
        return take_names(sd_json_variant_by_key(parameters, "domains"), t->domains, &t->n_domains,
                          &t->domains_known);
}

bool agent_said_opens(AgentAttached *t, sd_json_variant *parameters) {
        return take_names(sd_json_variant_by_key(parameters, "opens"), t->opens, &t->n_opens,
                          &t->opens_known);
}

bool agent_said_exhausted(AgentAttached *t, sd_json_variant *parameters) {
        sd_json_variant *v = sd_json_variant_by_key(parameters, "exhausted");

        if (!v || !sd_json_variant_is_boolean(v))
                return false;
        t->exhausted_known = true;
        t->exhausted = sd_json_variant_boolean(v);
        return true;
}

bool agent_said_alone(AgentAttached *t, sd_json_variant *parameters) {
        if (!control_boolean(parameters, "alone") || t->taken_over_usec == 0)
                return false;
        t->taken_over_usec = 0;
        return true;
}
