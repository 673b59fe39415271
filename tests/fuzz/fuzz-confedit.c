/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A hagw.conf that attach and detach change: it stays valid, has what was set, and then has it no more. */

#include "hagw-ctl/confedit.h"
#include "hagw-ctl/confzone.h"
#include "libhagw/conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static Config *parse(const char *text) {
        Config *c = config_new();
        _cleanup_free_ char *error = NULL;

        return config_parse_text(text, "fuzz", /* host= */ false, c, &error) < 0 ? config_free(c) : c;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static const char *const lan[] = { "10.0.0.0/8", "fd00::/8" };
        _cleanup_free_ char *text = strndup((const char *) data, size);
        _cleanup_(config_freep) Config *c = parse(text), *set = NULL, *unset = NULL;
        size_t zone;

        if (!c || c->n_zones >= CONF_ZONES_MAX || config_find_zone(c, "a.relay.test"))
                return 0;
        if (confedit_set(&text, "relay", "address", "relay.test") == -EBADMSG) /* it is not closed */
                return 0;
        assert(confzone_add(&text, "a.relay.test", size % 2 ? "relay" : NULL) == 0);
        set = parse(text);
        assert(set && streq(set->relay.address, "relay.test") && set->n_zones == c->n_zones + 1);
        assert(streq(set->zones[c->n_zones].name, "a.relay.test"));
        zone = size % (c->n_zones + 1);
        assert(confzone_set(&text, zone, "name_server", "ns.fuzz.test") == 0);
        set = config_free(set);
        set = parse(text);
        assert(set && set->n_zones == c->n_zones + 1 && streq(set->zones[zone].name_server, "ns.fuzz.test"));
        for (size_t i = 0; i < c->n_zones; i++)
                assert(streq(set->zones[i].name, c->zones[i].name) &&
                       (i == zone || streq_ptr(set->zones[i].name_server, c->zones[i].name_server)));
        assert(confedit_unset(&text, "relay", "address") == 0);
        assert(confzone_remove(&text, "a.relay.test") == 0);
        assert(confedit_set_list(&text, NULL, "lan", lan, ELEMENTSOF(lan)) == 0);
        unset = parse(text);
        assert(unset && unset->lan.n == 2);
        unset = config_free(unset);
        assert(confedit_cut(&text, NULL, "lan") == 0);
        unset = parse(text);
        assert(unset && (!unset->relay.address || !*unset->relay.address) && unset->n_zones == c->n_zones);
        return 0;
}
