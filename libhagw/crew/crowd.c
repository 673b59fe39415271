/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Connections and requests by visitor's address, for all workers together: a visitor may be served by
 * another than the one that accepted. Fixed memory, whoever comes: each address counts in one slot of each
 * row, and has as many as its emptiest slot at most. To share all slots with a crowd by chance is rare, and
 * by intent impossible: the hash is keyed. Any thread. */

#include <gnutls/gnutls.h>
#include <gnutls/crypto.h>
#include <stdatomic.h>

#include "libhagw/crew/crowd.h"

static struct {
        uint64_t factor, summand; /* of the row's hash */
        _Atomic uint32_t slots[_CROWD_KIND_MAX][1U << CROWD_SLOTS_LOG2];
        _Atomic uint64_t paid[1U << CROWD_SLOTS_LOG2]; /* until then what was begun is paid for, usec */
} rows[CROWD_ROWS];

int crowd_init(void) {
        for (size_t i = 0; i < CROWD_ROWS; i++) {
                if (gnutls_rnd(GNUTLS_RND_RANDOM, &rows[i].factor, sizeof(rows[i].factor)) < 0 ||
                    gnutls_rnd(GNUTLS_RND_RANDOM, &rows[i].summand, sizeof(rows[i].summand)) < 0)
                        return -EIO;
                rows[i].factor |= 1;
        }
        return 0;
}

/* The network in 7 bytes, and behind it which kind it is. */
uint64_t crowd_network(const IpAddress *address) {
        size_t size = address->family == AF_INET6 ? 7 : address->family == AF_INET ? 4 : 0;
        uint64_t network = 0;

        for (size_t i = 0; i < size; i++)
                network = network << 8 | address->bytes[i];
        return network << 8 | size;
}

static uint64_t hash(size_t row, uint64_t network) {
        return network * rows[row].factor + rows[row].summand;
}

static size_t index_of(size_t row, uint64_t network) {
        return hash(row, network) >> (64 - CROWD_SLOTS_LOG2);
}

static _Atomic uint32_t *slot_of(size_t row, const CrowdPlace *p) {
        return &rows[row].slots[p->kind][index_of(row, p->network)];
}

/* Two that come at once may both find the last place taken, but never both take it. */
bool crowd_enter(CrowdPlace *p, CrowdKind kind, const IpAddress *address, unsigned limit) {
        bool free_place = limit == 0;

        *p = (CrowdPlace) { .network = crowd_network(address), .kind = kind, .taken = true };
        for (size_t i = 0; i < CROWD_ROWS; i++)
                free_place |= atomic_fetch_add_explicit(slot_of(i, p), 1, memory_order_relaxed) <
                              limit;
        if (!free_place)
                crowd_leave(p);
        return free_place;
}

void crowd_leave(CrowdPlace *p) {
        if (!TAKE_GENERIC(p->taken, false))
                return;
        for (size_t i = 0; i < CROWD_ROWS; i++)
                (void) atomic_fetch_sub_explicit(slot_of(i, p), 1, memory_order_relaxed);
}

/* A leaky bucket whose level is a point in time. */
uint64_t crowd_due(const IpAddress *address, unsigned rate, unsigned burst) {
        uint64_t network = crowd_network(address), paid = USEC_INFINITY;

        if (rate == 0)
                return 0;
        for (size_t i = 0; i < CROWD_ROWS; i++)
                paid = MIN(paid, atomic_load_explicit(&rows[i].paid[index_of(i, network)],
                                                      memory_order_relaxed));
        return paid - MIN(paid, burst * USEC_PER_SEC);
}

void crowd_note(const IpAddress *address, uint64_t now_usec, unsigned rate) {
        uint64_t network = crowd_network(address);

        for (size_t i = 0; rate > 0 && i < CROWD_ROWS; i++) {
                _Atomic uint64_t *paid = &rows[i].paid[index_of(i, network)];
                uint64_t before = atomic_load_explicit(paid, memory_order_relaxed);

                while (!atomic_compare_exchange_weak_explicit(
                        paid, &before, MAX(before, now_usec) + USEC_PER_SEC / rate, memory_order_relaxed,
                        memory_order_relaxed))
                        ;
        }
}

uint32_t crowd_hash(const IpAddress *address) {
        return (uint32_t) (hash(0, crowd_network(address)) >> 32);
}
