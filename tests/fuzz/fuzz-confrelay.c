/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A hagw.conf of no relay's that attach changes: it stays valid, and detach makes it what it was. */

#include "hagw-ctl/confrelay.h"
#include "hagw-ctl/confspan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static Config *parse(const char *text) {
        Config *c = config_new();
        _cleanup_free_ char *error = NULL;

        return config_parse_text(text, "fuzz", /* host= */ false, c, &error) < 0 ? config_free(c) : c;
}

static bool has_relay(const char *t) {
        static const char *const names[] = { "address", "tenant", "pin" };
        Span group, value, setting, own;

        for (size_t i = 0; confspan_find_member(t, 0, "relay", &group, &value) && i < ELEMENTSOF(names); i++)
                if (confspan_find_member(t, value.begin + 1, names[i], &setting, &own))
                        return true;
        return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_free_ char *before = strndup((const char *) data, size), *text = strdup(before);
        _cleanup_(config_freep) Config *c = parse(text), *with = NULL;

        if (!c || !confspan_is_closed(text) || c->n_zones >= CONF_ZONES_MAX ||
            config_find_zone(c, "a.relay.test") || has_relay(text))
                return 0;
        for (size_t i = 0; i < c->n_zones; i++)
                if (c->zones[i].via == CONF_VIA_RELAY)
                        return 0;
        assert(confrelay_attach(&text, "relay.test", "a", NULL, size % 2 ? "a.relay.test" : NULL) == 0);
        with = parse(text);
        assert(with && streq(with->relay.address, "relay.test") && with->n_zones == c->n_zones + size % 2);
        assert(confrelay_detach(&text, with) == 0);
        assert(streq(text, before));
        return 0;
}
