/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The table of recent tries. Owns its entries; full, it gives up the one with the fewest tries, so that a
 * flood of new addresses does not wash out the account under attack. What comes new then begins with as many
 * tries as any that was given up, because it may be the same: a table full of others' tries would else give
 * free guesses to everybody. Pure. */

#include "hagw-webd/throttle.h"

/* What sets the kinds apart: how many tries are free (times the setting), how long the delay may grow. */
static const struct {
        unsigned factor;
        uint64_t delay_max_usec;
} kinds[_THROTTLE_KIND_MAX] = {
        /* Short, because it is the owner who waits when a stranger guesses. */
        [THROTTLE_ACCOUNT] = { 1, 30 * USEC_PER_SEC },
        /* Shorter still: here it is more likely the owner. 8,640 guesses a day from all over the house. */
        [THROTTLE_NEAR] = { 1, 10 * USEC_PER_SEC },
        [THROTTLE_DEVICE] = { 1, 15 * USEC_PER_MINUTE },
        [THROTTLE_ADDRESS] = { 1, 15 * USEC_PER_MINUTE },
        [THROTTLE_NETWORK] = { 4, 5 * USEC_PER_MINUTE },
};

static bool applies(ThrottleKind kind, const ThrottleTry *try) {
        if (try->device || kind == THROTTLE_DEVICE)
                return !!try->device == (kind == THROTTLE_DEVICE);
        return kind != (try->near ? THROTTLE_ACCOUNT : THROTTLE_NEAR);
}

/* IPv4: 127.0.0.0/8, 169.254.0.0/16. IPv6: fe80::/10. */
static unsigned prefix_length(const IpAddress *a, bool narrow) {
        const uint8_t *b = a->bytes;

        if (a->family == AF_INET)
                return b[0] == 127 ? 8 : b[0] == 169 && b[1] == 254 ? 16 : narrow ? 32 : 24;
        return b[0] == 0xfe && (b[1] & 0xc0) == 0x80 ? 10 : narrow ? 64 : 56;
}

Cidr throttle_network(const IpAddress *a, bool narrow) {
        static const IpAddress loopback4 = { .family = AF_INET, .bytes = { 127, 0, 0, 1 } },
                               loopback6 = { .family = AF_INET6, .bytes = { [15] = 1 } };
        Cidr c = {};
        size_t n;

        /* A program on this machine has both. */
        if (a->family == AF_INET6 && memcmp(a->bytes, loopback6.bytes, sizeof(loopback6.bytes)) == 0)
                a = &loopback4;
        c.prefix = (uint8_t) prefix_length(a, narrow);
        n = c.prefix / 8;
        c.address.family = a->family;
        memcpy(c.address.bytes, a->bytes, n);
        if (c.prefix % 8 > 0)
                c.address.bytes[n] = a->bytes[n] & (uint8_t) (0xff << (8 - c.prefix % 8));
        return c;
}

static void key_of(ThrottleKind kind, const ThrottleTry *try, uint8_t key[static THROTTLE_NAME_MAX]) {
        const char *text = kind == THROTTLE_DEVICE ? try->device : try->account;
        Cidr network;

        memset(key, 0, THROTTLE_NAME_MAX);
        if (kind < THROTTLE_ADDRESS) {
                memcpy(key, text, strnlen(text, THROTTLE_NAME_MAX));
                return;
        }
        network = throttle_network(&try->address, kind == THROTTLE_ADDRESS);
        key[0] = network.prefix;
        key[1] = (uint8_t) network.address.family;
        memcpy(key + 2, network.address.bytes, sizeof(network.address.bytes));
}

static ThrottleEntry *find(const Throttle *t, ThrottleKind kind, const ThrottleTry *try) {
        uint8_t key[THROTTLE_NAME_MAX];

        key_of(kind, try, key);
        for (size_t i = 0; i < t->n; i++)
                if (t->entries[i].kind == kind && memcmp(t->entries[i].key, key, sizeof(key)) == 0)
                        return t->entries + i;
        return NULL;
}

static bool forgotten(const ThrottleEntry *e, uint64_t now_usec) {
        return e->until_usec <= now_usec && now_usec - MIN(e->last_usec, now_usec) >= THROTTLE_FORGET_USEC;
}

uint64_t throttle_wait_usec(const Throttle *t, const ThrottleTry *try, uint64_t now_usec) {
        uint64_t wait = 0;

        for (ThrottleKind k = 0; k < _THROTTLE_KIND_MAX; k++) {
                const ThrottleEntry *e;
                if (!applies(k, try))
                        continue;
                e = find(t, k, try);
                if (e && e->until_usec > now_usec)
                        wait = MAX(wait, e->until_usec - now_usec);
        }
        return wait;
}

/* 1 s after the last free try, doubling. */
static uint64_t delay_usec(ThrottleKind kind, unsigned tries, unsigned attempts) {
        uint64_t allowed = (uint64_t) attempts * kinds[kind].factor, over;

        if (tries < allowed)
                return 0;
        over = tries - allowed;
        return over >= 20 ? kinds[kind].delay_max_usec
                          : MIN(USEC_PER_SEC << over, kinds[kind].delay_max_usec);
}

/* That a key may have had without being in the table any more. Addresses never begin with more than their
 * free tries: who fills the table must not have others wait a quarter of an hour for one mistyped password.
 */
static unsigned lost_tries(const Throttle *t, ThrottleKind kind, uint64_t now_usec) {
        const ThrottleLost *l = &t->lost[kind];

        if (now_usec - MIN(l->last_usec, now_usec) >= THROTTLE_FORGET_USEC)
                return 0;
        return kind < THROTTLE_ADDRESS ? l->tries : MIN(l->tries, t->attempts * kinds[kind].factor);
}

static ThrottleEntry *give_up(Throttle *t, ThrottleEntry *e, uint64_t now_usec) {
        ThrottleLost *l = &t->lost[e->kind];
        const unsigned before = lost_tries(t, e->kind, now_usec);

        *l = (ThrottleLost) { MAX(before, e->tries), MAX(before > 0 ? l->last_usec : 0, e->last_usec) };
        return e;
}

/* A free entry, or the one that is missed least. */
static ThrottleEntry *entry_new(Throttle *t, uint64_t now_usec) {
        ThrottleEntry *victim = t->entries;

        if (t->n < THROTTLE_ENTRIES_MAX)
                return t->entries + t->n++;
        for (size_t i = 0; i < t->n; i++) {
                ThrottleEntry *e = t->entries + i;
                if (forgotten(e, now_usec))
                        return e;
                if (e->tries < victim->tries ||
                    (e->tries == victim->tries && e->last_usec < victim->last_usec))
                        victim = e;
        }
        return give_up(t, victim, now_usec);
}

int throttle_charge(Throttle *t, const ThrottleTry *try, uint64_t now_usec) {
        if (!t->entries) {
                t->entries = calloc(THROTTLE_ENTRIES_MAX, sizeof(*t->entries));
                if (!t->entries)
                        return -ENOMEM;
        }
        for (ThrottleKind k = 0; k < _THROTTLE_KIND_MAX; k++) {
                ThrottleEntry *e;
                if (!applies(k, try))
                        continue;
                e = find(t, k, try);
                if (!e) {
                        e = entry_new(t, now_usec);
                        *e = (ThrottleEntry) { .kind = k, .tries = lost_tries(t, k, now_usec) };
                        key_of(k, try, e->key);
                } else if (forgotten(e, now_usec))
                        e->tries = 0;
                if (e->tries < UINT32_MAX)
                        e->tries++;
                e->last_usec = now_usec;
                e->until_usec = now_usec + delay_usec(k, e->tries, t->attempts);
        }
        return 0;
}

void throttle_forgive(Throttle *t, const ThrottleTry *try) {
        for (ThrottleKind k = 0; k < _THROTTLE_KIND_MAX; k++) {
                ThrottleEntry *e = applies(k, try) ? find(t, k, try) : NULL;
                if (!e)
                        continue;
                /* Somebody with one account must not open the way for guesses at others from a whole
                 * network. */
                e->tries = k == THROTTLE_NETWORK && e->tries > 0 ? e->tries - 1 : 0;
                if (e->tries == 0)
                        e->until_usec = 0;
        }
}

void throttle_done(Throttle *t) {
        free(t->entries);
        *t = (Throttle) {};
}
