/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Settings. No I/O. */

#include "hagw-acmed/account.h"
#include "hagw-acmed/plan.h"
#include "hagw-acmed/settings.h"

static void authority_done(Authority *a) {
        free(a->directory);
        free(a->contact);
        free(a->ca_file);
        free(a->eab_key_id);
        free(a->profile);
}

void settings_done(Settings *s) {
        for (size_t i = 0; i < ELEMENTSOF(s->authorities); i++)
                authority_done(&s->authorities[i]);
        free(s->key_algorithm);
        free(s->preferred_chain);
        free(s->relay_zone);
}

static int authority_copy(Authority *a, const ConfAuthority *c, const char *contact) {
        int r;

        if ((r = string_replace(&a->directory, c->directory)) < 0 ||
            (r = string_replace(&a->contact, c->contact ?: contact)) < 0 ||
            (r = string_replace(&a->ca_file, c->ca_file)) < 0 ||
            (r = string_replace(&a->eab_key_id, c->eab_key_id)) < 0)
                return r;
        return string_replace(&a->profile, c->profile);
}

int settings_copy(const Config *c, Settings *s) {
        const ConfZone *relay_zone = plan_relay_zone(c);
        int r;

        s->caa_others = false;
        for (size_t i = 0; i < c->n_zones; i++)
                s->caa_others |= conf_zone_has_ours(&c->zones[i]) && c->zones[i].caa_issuers[1];

        if ((r = authority_copy(&s->authorities[AUTHORITY_FIRST], &c->acme.first, NULL)) < 0 ||
            (r = authority_copy(&s->authorities[AUTHORITY_FALLBACK], &c->acme.fallback,
                                c->acme.first.contact)) < 0 ||
            (r = string_replace(&s->key_algorithm, c->acme.key_algorithm)) < 0 ||
            (r = string_replace(&s->relay_zone, relay_zone ? relay_zone->name : NULL)) < 0)
                return r;
        return string_replace(&s->preferred_chain, c->acme.preferred_chain);
}

static bool authority_equal(const Authority *a, const Authority *b) {
        return streq_ptr(a->directory, b->directory) && streq_ptr(a->contact, b->contact) &&
               streq_ptr(a->ca_file, b->ca_file) && streq_ptr(a->eab_key_id, b->eab_key_id) &&
               streq_ptr(a->profile, b->profile);
}

bool settings_equal(const Settings *a, const Settings *b) {
        for (size_t i = 0; i < ELEMENTSOF(a->authorities); i++)
                if (!authority_equal(&a->authorities[i], &b->authorities[i]))
                        return false;
        return streq_ptr(a->key_algorithm, b->key_algorithm) &&
               streq_ptr(a->preferred_chain, b->preferred_chain) &&
               streq_ptr(a->relay_zone, b->relay_zone);
}

AuthorityRank settings_find_rank(const Settings *s, const char *directory) {
        for (AuthorityRank rank = 0; directory && rank < _AUTHORITY_RANK_MAX; rank++)
                if (streq_ptr(s->authorities[rank].directory, directory))
                        return rank;
        return _AUTHORITY_RANK_INVALID;
}

const char *authority_rank_to_group(AuthorityRank rank) {
        return rank == AUTHORITY_FALLBACK ? "acme.fallback" : "acme";
}
