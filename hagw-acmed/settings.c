/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Settings. No I/O. */

#include "account.h"
#include "plan.h"
#include "settings.h"

void settings_done(Settings *s) {
        free(s->directory);
        free(s->contact);
        free(s->ca_file);
        free(s->eab_key_id);
        free(s->key_algorithm);
        free(s->preferred_chain);
        free(s->profile);
        free(s->relay_zone);
}

int settings_copy(const Config *c, Settings *s) {
        const ConfZone *relay_zone = plan_relay_zone(c);
        int r;

        s->caa_others = false;
        for (size_t i = 0; i < c->n_zones; i++)
                s->caa_others |= conf_zone_has_ours(&c->zones[i]) && c->zones[i].caa_issuers[1];

        if ((r = string_replace(&s->directory, c->acme.directory)) < 0 ||
            (r = string_replace(&s->contact, c->acme.contact)) < 0 ||
            (r = string_replace(&s->ca_file, c->acme.ca_file)) < 0 ||
            (r = string_replace(&s->eab_key_id, c->acme.eab_key_id)) < 0 ||
            (r = string_replace(&s->key_algorithm, c->acme.key_algorithm)) < 0 ||
            (r = string_replace(&s->profile, c->acme.profile)) < 0 ||
            (r = string_replace(&s->relay_zone, relay_zone ? relay_zone->name : NULL)) < 0)
                return r;
        return string_replace(&s->preferred_chain, c->acme.preferred_chain);
}

bool settings_equal(const Settings *a, const Settings *b) {
        return streq_ptr(a->directory, b->directory) && streq_ptr(a->contact, b->contact) &&
               streq_ptr(a->ca_file, b->ca_file) && streq_ptr(a->eab_key_id, b->eab_key_id) &&
               streq_ptr(a->key_algorithm, b->key_algorithm) &&
               streq_ptr(a->preferred_chain, b->preferred_chain) && streq_ptr(a->profile, b->profile) &&
               streq_ptr(a->relay_zone, b->relay_zone);
}
