/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The overlay's array. Values of one name keep the order in which they came. */

#include "hagw-dnsd/overlay.h"

Overlay *overlay_new(void) {
        return calloc(1, sizeof(Overlay));
}

Overlay *overlay_free(Overlay *o) {
        if (!o)
                return NULL;
        free(o->items);
        free(o);
        return NULL;
}

static uint64_t name_fingerprint(const uint8_t *name, size_t size) {
        unsigned h = (unsigned) size;

        for (size_t i = 0; i < size; i++)
                h = h * 31 + name[i];
        return UINT64_C(1) << (h % 64);
}

static void overlay_update_fingerprints(Overlay *o) {
        o->fingerprints = 0;
        for (size_t i = 0; i < o->n; i++)
                o->fingerprints |= name_fingerprint(o->items[i].name, o->items[i].name_size);
}

static bool text_has_name(const OverlayText *t, const uint8_t *name, size_t size) {
        return t->name_size == size && memcmp(t->name, name, size) == 0;
}

bool overlay_text_is_valid(const char *s, size_t max) {
        size_t n = strlen(s);

        if (n < 1 || n > max)
                return false;
        for (; *s; s++)
                if (*s < ' ' || *s > '~')
                        return false;
        return true;
}

int overlay_publish(Overlay *o, const uint8_t *name, size_t name_size, const char *value, const char *owner,
                    uint64_t expires_usec) {
        bool answered = false;
        unsigned at_name = 0;
        OverlayText *t;

        if (!overlay_text_is_valid(value, OVERLAY_VALUE_MAX) ||
            !overlay_text_is_valid(owner, OVERLAY_OWNER_MAX))
                return -EINVAL;
        for (size_t i = 0; i < o->n; i++) {
                t = &o->items[i];
                if (!text_has_name(t, name, name_size))
                        continue;
                at_name++;
                if (!streq(t->value, value))
                        continue;
                answered = true;
                if (streq(t->owner, owner)) {
                        t->expires_usec = expires_usec;
                        return 0;
                }
        }
        if (at_name >= OVERLAY_PER_NAME_MAX)
                return -EDQUOT;
        if (o->n >= OVERLAY_TOTAL_MAX)
                return -ENOSPC;
        if (!GREEDY_REALLOC(o->items, o->allocated, o->n + 1))
                return -ENOMEM;
        t = &o->items[o->n++];
        *t = (OverlayText) { .name_size = (uint8_t) name_size,
                             .value_size = (uint8_t) strlen(value),
                             .expires_usec = expires_usec };
        memcpy(t->name, name, name_size);
        memcpy(t->value, value, t->value_size);
        memcpy(t->owner, owner, strlen(owner));
        o->fingerprints |= name_fingerprint(name, name_size);
        return answered ? 0 : 1;
}

static void overlay_remove(Overlay *o, size_t i) {
        memmove(&o->items[i], &o->items[i + 1], (--o->n - i) * sizeof(OverlayText));
}

unsigned overlay_withdraw(Overlay *o, const uint8_t *name, size_t name_size, const char *value,
                          const char *owner) {
        unsigned removed = 0;

        for (size_t i = 0; i < o->n;) {
                const OverlayText *t = &o->items[i];
                if (text_has_name(t, name, name_size) && streq(t->owner, owner) &&
                    (!value || streq(t->value, value))) {
                        overlay_remove(o, i);
                        removed++;
                } else
                        i++;
        }
        overlay_update_fingerprints(o);
        return removed;
}

unsigned overlay_expire(Overlay *o, uint64_t now_usec, void (*dropped)(const OverlayText *t, void *userdata),
                        void *userdata) {
        unsigned removed = 0;

        for (size_t i = 0; i < o->n;) {
                if (o->items[i].expires_usec > now_usec) {
                        i++;
                        continue;
                }
                if (dropped)
                        dropped(&o->items[i], userdata);
                overlay_remove(o, i);
                removed++;
        }
        overlay_update_fingerprints(o);
        return removed;
}

uint64_t overlay_next_expiry(const Overlay *o) {
        uint64_t next = USEC_INFINITY;

        for (size_t i = 0; i < o->n; i++)
                next = MIN(next, o->items[i].expires_usec);
        return next;
}

/* Two owners may publish one value; it is one record of the RRset (RFC 2181 section 5). */
static bool is_repeated(const Overlay *o, size_t i) {
        const OverlayText *t = &o->items[i];

        for (size_t j = 0; j < i; j++)
                if (text_has_name(&o->items[j], t->name, t->name_size) && streq(o->items[j].value, t->value))
                        return true;
        return false;
}

const OverlayText *overlay_next(const Overlay *o, const uint8_t *name, size_t name_size, size_t *position) {
        if (o->n == 0 || !(o->fingerprints & name_fingerprint(name, name_size)))
                return NULL;
        for (size_t i = *position; i < o->n; i++)
                if (text_has_name(&o->items[i], name, name_size) && !is_repeated(o, i)) {
                        *position = i + 1;
                        return &o->items[i];
                }
        return NULL;
}

bool overlay_has_below(const Overlay *o, const uint8_t *name, size_t name_size) {
        for (size_t i = 0; i < o->n; i++)
                if (dname_in_zone(o->items[i].name, o->items[i].name_size, name, name_size))
                        return true;
        return false;
}
