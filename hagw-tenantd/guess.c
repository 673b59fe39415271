/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What wrong codes cost: a virtual scheduling (GCRA) per network, one time each. */

#include "hagw-tenantd/guess.h"

static void key_of(const IpAddress *from, uint8_t key[static 8]) {
        memset(key, 0, 8);
        key[0] = (uint8_t) from->family;
        memcpy(key + 1, from->bytes, from->family == AF_INET ? 4 : 7);
}

/* n where there is none. */
static size_t find(const Guesses *g, const IpAddress *from) {
        uint8_t key[sizeof(g->networks[0].key)];
        size_t i;

        key_of(from, key);
        for (i = 0; i < g->n; i++)
                if (memcmp(g->networks[i].key, key, sizeof(key)) == 0)
                        break;
        return i;
}

uint64_t guess_wait_usec(const Guesses *g, const IpAddress *from, uint64_t now_usec) {
        const uint64_t free_until = now_usec + (GUESS_FREE - 1) * GUESS_INTERVAL_USEC;
        const size_t i = find(g, from);

        return i < g->n && g->networks[i].paid_usec > free_until ? g->networks[i].paid_usec - free_until : 0;
}

/* One that owes nothing any more, or else the one that soon will not. */
static GuessNetwork *entry_new(Guesses *g, uint64_t now_usec) {
        GuessNetwork *best = g->networks;

        for (size_t i = 0; i < g->n; i++)
                if (g->networks[i].paid_usec < best->paid_usec)
                        best = &g->networks[i];
        if (g->n > 0 && (best->paid_usec <= now_usec || g->n == GUESS_NETWORKS_MAX))
                return best;
        return &g->networks[g->n++];
}

void guess_charge(Guesses *g, const IpAddress *from, uint64_t now_usec) {
        const size_t i = find(g, from);
        const bool known = i < g->n;
        GuessNetwork *n = known ? &g->networks[i] : entry_new(g, now_usec);

        n->paid_usec = known ? MAX(n->paid_usec, now_usec) : now_usec;
        key_of(from, n->key);
        n->paid_usec += GUESS_INTERVAL_USEC;
}
