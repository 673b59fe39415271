/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The table of refused logins. Owns its entries; the one behind the last is the others'. Pure. */

#include "hagw-webd/refusals.h"
#include "hagw-webd/throttle.h"

#define SLOT_USEC (USEC_PER_HOUR / REFUSALS_SLOTS)

static unsigned sum(RefusalCount c) {
        return c.wrong + c.early;
}

RefusalCount refusal_hour(const Refusal *f, uint64_t now_usec) {
        const uint64_t now = now_usec / SLOT_USEC;
        RefusalCount c = {};

        for (uint64_t i = 0; i < REFUSALS_SLOTS && i <= f->slot; i++)
                if (f->slot - i + REFUSALS_SLOTS > now) {
                        c.wrong += f->slots[(f->slot - i) % REFUSALS_SLOTS].wrong;
                        c.early += f->slots[(f->slot - i) % REFUSALS_SLOTS].early;
                }
        return c;
}

/* Forgets what is older than an hour. */
static void turn(Refusal *f, uint64_t now_usec) {
        const uint64_t now = now_usec / SLOT_USEC;

        for (unsigned i = 0; f->slot < now && i < REFUSALS_SLOTS; i++)
                f->slots[++f->slot % REFUSALS_SLOTS] = (RefusalCount) {};
        f->slot = MAX(f->slot, now);
}

/* NULL: there is none, and no place for it. */
static Refusal *entry(Refusals *t, const char *account, const Cidr *network, uint64_t now_usec) {
        Refusal *unused = NULL;

        for (size_t i = 0; i < t->n; i++) {
                Refusal *f = &t->items[i];
                if (streq(f->account, account) && f->network.prefix == network->prefix &&
                    ip_equal(&f->network.address, &network->address))
                        return f;
                if (sum(f->untold) == 0 && sum(refusal_hour(f, now_usec)) == 0)
                        unused = f;
        }
        if (!unused && t->n < REFUSALS_MAX)
                unused = &t->items[t->n++];
        if (!unused)
                return NULL;
        *unused = (Refusal) { .network = *network };
        (void) stpncpy(unused->account, account, sizeof(unused->account) - 1);
        return unused;
}

int refusals_add(Refusals *t, const char *account, const IpAddress *address, const char *host, bool early,
                 uint64_t now_usec) {
        const Cidr network = throttle_network(address, /* narrow= */ false);
        Refusal *f;

        if (!t->items) {
                t->items = calloc(REFUSALS_MAX + 1, sizeof(*t->items));
                if (!t->items)
                        return -ENOMEM;
        }
        f = entry(t, strempty(account), &network, now_usec) ?: &t->items[REFUSALS_MAX];
        turn(f, now_usec);
        f->address = *address;
        memset(f->host, 0, sizeof(f->host));
        (void) stpncpy(f->host, host, sizeof(f->host) - 1);
        if (early) {
                f->untold.early++;
                f->slots[f->slot % REFUSALS_SLOTS].early++;
        } else {
                f->untold.wrong++;
                f->slots[f->slot % REFUSALS_SLOTS].wrong++;
        }
        return 0;
}

/* The i-th one, the others' behind the last; NULL: no more. */
static Refusal *at(const Refusals *t, size_t i) {
        return !t->items || i > t->n ? NULL : &t->items[i < t->n ? i : REFUSALS_MAX];
}

Refusal *refusals_next(Refusals *t, uint64_t now_usec) {
        Refusal *f;

        for (size_t i = 0; (f = at(t, i)); i++)
                if (sum(f->untold) > 0 && f->quiet_usec <= now_usec)
                        return f;
        return NULL;
}

void refusal_told(Refusal *f, uint64_t now_usec) {
        f->untold = (RefusalCount) {};
        f->quiet_usec = now_usec + REFUSALS_QUIET_USEC;
}

uint64_t refusals_due_usec(const Refusals *t) {
        uint64_t due = USEC_INFINITY;
        const Refusal *f;

        for (size_t i = 0; (f = at(t, i)); i++)
                if (sum(f->untold) > 0)
                        due = MIN(due, f->quiet_usec);
        return due;
}

static int compare(const void *a, const void *b, void *now_usec) {
        const unsigned x = sum(refusal_hour(*(const Refusal *const *) a, *(uint64_t *) now_usec)),
                       y = sum(refusal_hour(*(const Refusal *const *) b, *(uint64_t *) now_usec));

        return (x < y) - (x > y);
}

size_t refusals_list(const Refusals *t, uint64_t now_usec, const Refusal *ret[static REFUSALS_MAX + 1]) {
        const Refusal *f;
        size_t n = 0;

        for (size_t i = 0; (f = at(t, i)); i++)
                if (sum(refusal_hour(f, now_usec)) > 0)
                        ret[n++] = f;
        if (n > 0)
                qsort_r(ret, n, sizeof(*ret), compare, &now_usec);
        return n;
}

void refusals_done(Refusals *t) {
        free(t->items);
        *t = (Refusals) {};
}
