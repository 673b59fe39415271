/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What status finds about both ends of a tunnel: this house at its relay, and a relay's tenants. */

#include "client.h"
#include "relay.h"
#include "status.h"

int judge_relay(Status *s) {
        sd_json_variant *relay = sd_json_variant_by_key(s->relay, "relay");
        const char *error = field_text(relay, "error");

        if (relay && !relay_is_attached(relay))
                status_problem(s, "This house is not attached to its relay %s (%s)%s%s",
                               s->config->relay.address, field_text(relay, "state"), error ? ": " : ".",
                               strempty(error));
        return 0;
}

int judge_tenants(Status *s) {
        if (field_bool(sd_json_variant_by_key(s->tenants, "tenants"), "damaged"))
                status_problem(s,
                               "The tenants' database is damaged: houses that are attached stay, and no "
                               "other gets in. hagw-ctl tenant restore --list shows the copies that there "
                               "are, hagw-ctl tenant restore puts the newest one back.");
        return 0;
}
