/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The copies of the tenants' database, which hagw-tenantd makes each day, and putting one back. */

#include "hagw-ctl/client.h"
#include "hagw-ctl/output.h"
#include "hagw-ctl/verbs.h"
#include "libhagw/log.h"
#include "libhagw/pure/plural.h"
#include "libhagw/usec.h"

static void print_taken(sd_json_variant *v, const char *indent) {
        for (size_t i = 0; i < field_count(v, "taken"); i++)
                output("%s%s\n", indent, strempty(sd_json_variant_string(field_element(v, "taken", i))));
}

static int print_copies(sd_json_variant *reply) {
        static const char *const titles[] = { "COPY", "MADE", "TENANTS", "TAKEN SINCE", "", NULL };
        _cleanup_(table_freep) Table *t = table_new(titles, 0);
        uint64_t now = clock_usec(CLOCK_REALTIME);
        char when[TIME_TEXT_MAX];

        if (field_text(reply, "trouble"))
                output("Now %s.\n", field_text(reply, "trouble"));
        if (field_count(reply, "copies") == 0) {
                output("There is no copy yet: one is made each day.\n");
                return CTL_OK;
        }
        for (size_t i = 0; i < field_count(reply, "copies"); i++) {
                sd_json_variant *c = field_element(reply, "copies", i);
                bool good = field_bool(c, "good");

                table_add(t, TONE_BOLD, "%s", field_text(c, "name"));
                if (good) {
                        table_add(t, TONE_PLAIN, "%s", format_when(field_number(c, "madeUSec"), now, when));
                        table_add(t, TONE_PLAIN, "%lu", (unsigned long) field_number(c, "tenants"));
                        table_add(t, TONE_PLAIN, "%zu", field_count(c, "taken"));
                } else
                        for (size_t k = 0; k < 3; k++)
                                table_add(t, TONE_DIM, "-");
                table_add(t, field_bool(c, "complete") ? TONE_GOOD : TONE_BAD, "%s",
                          !good                     ? "damaged" :
                          field_bool(c, "complete") ? "good" :
                                                      "not all that was taken since is known");
        }
        return table_print(t, 0) < 0 ? log_oom() : CTL_OK;
}

static int list_copies(const Call *call) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *reply = NULL;
        int r;

        r = client_call("io.hagw.Tenant.ListCopies", NULL, &reply);
        if (r < 0)
                return r;
        if (call->json)
                return output_json(reply) < 0 ? CTL_FAILED : CTL_OK;
        return print_copies(reply);
}

static void print_restored(sd_json_variant *reply) {
        char when[TIME_TEXT_MAX];

        if (!field_text(reply, "name")) {
                output_sentences("A new database is begun, with no tenant in it. The old one is kept as "
                                 "tenants.db.broken.\n");
                return;
        }
        output_sentences("The copy of %s is in use, made %s: %lu %s. The old one is kept as "
                         "tenants.db.broken.\n",
                         field_text(reply, "name"),
                         format_when(field_number(reply, "madeUSec"), clock_usec(CLOCK_REALTIME), when),
                         (unsigned long) field_number(reply, "tenants"),
                         PLURAL(field_number(reply, "tenants"), "tenant"));
        if (field_count(reply, "taken") > 0)
                output("Taken from tenants since, and now again:\n");
        print_taken(reply, "  ");
        output_sentences("What was given since is lost: tenants that were added, tokens and limits. A "
                         "house with such a token needs a new code: hagw-ctl tenant rotate NAME, or "
                         "hagw-ctl tenant add NAME where hagw-ctl tenant list does not show it any "
                         "more.\n");
}

int verb_tenant_restore(const Call *call) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *parameters = NULL, *reply = NULL;
        const char *name = call->n_arguments > 0 ? call->arguments[0] : NULL;
        bool empty = call_option(call, "empty"), force = call_option(call, "force");
        int r;

        if (call_option(call, "list"))
                return list_copies(call);
        if (name && empty) {
                log_error("--empty takes no copy.");
                return CTL_USAGE;
        }
        /* The newest one would be today's, which nobody goes back to. */
        if (force && !name) {
                log_error("--force wants a copy by its name: hagw-ctl tenant restore --list shows them.");
                return CTL_USAGE;
        }
        if (sd_json_buildo(&parameters,
                           SD_JSON_BUILD_PAIR_CONDITION(!!name, "name", SD_JSON_BUILD_STRING(name)),
                           SD_JSON_BUILD_PAIR_CONDITION(empty, "empty", SD_JSON_BUILD_BOOLEAN(true)),
                           SD_JSON_BUILD_PAIR_CONDITION(force, "force", SD_JSON_BUILD_BOOLEAN(true))) < 0)
                return log_oom();
        r = client_call("io.hagw.Tenant.RestoreCopy", parameters, &reply);
        if (r < 0)
                return r;
        if (call->json)
                return output_json(reply) < 0 ? CTL_FAILED : CTL_OK;
        print_restored(reply);
        return CTL_OK;
}

int verb_tenant_copy(const Call *call) {
        int r = client_call("io.hagw.Tenant.MakeCopy", NULL, NULL);

        return r < 0 ? r : output_change(call->json, "tenants.db", "copied", "Today's copy is made.\n");
}
