/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Who serves a visitor. Runs in the worker's thread. */

#include "hagw-proxyd/visit/conn.h"
#include "hagw-proxyd/visit/entrance.h"

/* From *at on, which is then the one behind it. */
static const Entrance *entrance_next(const Entrance *const **at, const Conn *c, const Knock *k,
                                     bool *ret_more) {
        *ret_more = false;
        while (**at) {
                const Entrance *e = *(*at)++;
                Claim claim = e->knocks & k->kind ? e->claims(c, k) : CLAIM_NONE;

                *ret_more = claim == CLAIM_MAYBE;
                if (claim != CLAIM_NONE)
                        return claim == CLAIM_MINE ? e : NULL;
        }
        return NULL;
}

const Entrance *entrance_find(const Entrance *const *entrances, const Conn *c, const Knock *k,
                              bool *ret_more) {
        return entrance_next(&entrances, c, k, ret_more);
}

Claim entrance_serve(Conn *c, const Knock *k) {
        const Entrance *const *at = c->worker->visits->entrances;
        const Entrance *e;
        bool more;

        while ((e = entrance_next(&at, c, k, &more))) {
                conn_note_outside(c, e->outside);
                if (e->enter(c, k))
                        return CLAIM_MINE;
        }
        return more ? CLAIM_MAYBE : CLAIM_NONE;
}
