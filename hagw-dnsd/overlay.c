/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The overlay's values, sorted by name for who asks and, in a heap, by their ends. */

#include "hagw-dnsd/overlay.h"

Overlay *overlay_new(void) {
        return calloc(1, sizeof(Overlay));
}

Overlay *overlay_free(Overlay *o) {
        if (!o)
                return NULL;
        for (size_t i = 0; i < o->n; i++)
                free(o->items[i]);
        free(o->items);
        free(o->ends);
        free(o);
        return NULL;
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

/* --- by name ------------------------------------------------------------------------------------------- */

/* Below 0 where the text's name stands before the key. What lies below the key stands behind it. */
static int text_compare(const OverlayText *t, const uint8_t *key, size_t size) {
        const int r = memcmp(t->key, key, MIN((size_t) t->key_size, size));

        return r != 0 ? r : (int) t->key_size - (int) size;
}

/* The first text at the key or behind it; o->n where there is none. */
static size_t overlay_place(const Overlay *o, const uint8_t *key, size_t size) {
        size_t low = 0, high = o->n;

        while (low < high) {
                const size_t middle = low + (high - low) / 2;

                if (text_compare(o->items[middle], key, size) < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

static bool text_is_same_name(const OverlayText *a, const OverlayText *b) {
        return a->key_size == b->key_size && memcmp(a->key, b->key, a->key_size) == 0;
}

/* Two owners may publish one value; it is one record of the RRset (RFC 2181 section 5). */
static bool is_repeated(const Overlay *o, size_t first, size_t i) {
        for (size_t j = first; j < i; j++)
                if (streq(o->items[j]->value, o->items[i]->value))
                        return true;
        return false;
}

OverlayValues overlay_find(const Overlay *o, const uint8_t *name, size_t name_size) {
        OverlayValues v = { o->n, o->n };
        uint8_t key[DNAME_MAX];
        size_t size, place;

        if (o->n == 0)
                return v;
        size = dname_reverse(name, name_size, key);
        place = overlay_place(o, key, size);
        if (place < o->n && text_compare(o->items[place], key, size) == 0)
                v.first = v.next = place;
        return v;
}

const OverlayText *overlay_next(const Overlay *o, OverlayValues *v) {
        while (v->next < o->n && text_is_same_name(o->items[v->next], o->items[v->first])) {
                const size_t i = v->next++;

                if (!is_repeated(o, v->first, i))
                        return o->items[i];
        }
        return NULL;
}

bool overlay_has_below(const Overlay *o, const uint8_t *name, size_t name_size) {
        uint8_t key[DNAME_MAX];
        size_t size, place;

        if (o->n == 0)
                return false;
        size = dname_reverse(name, name_size, key);
        place = overlay_place(o, key, size);
        return place < o->n && o->items[place]->key_size >= size &&
               memcmp(o->items[place]->key, key, size) == 0;
}

/* --- by end -------------------------------------------------------------------------------------------- */

static void ends_put(Overlay *o, size_t place, OverlayText *t) {
        o->ends[place] = t;
        t->end = place;
}

/* Its end may have moved either way. */
static void ends_settle(Overlay *o, OverlayText *t) {
        size_t i = t->end;

        for (size_t up; i > 0 && o->ends[up = (i - 1) / 2]->expires_usec > t->expires_usec; i = up)
                ends_put(o, i, o->ends[up]);
        for (size_t down; (down = 2 * i + 1) < o->n; i = down) {
                if (down + 1 < o->n && o->ends[down + 1]->expires_usec < o->ends[down]->expires_usec)
                        down++;
                if (o->ends[down]->expires_usec >= t->expires_usec)
                        break;
                ends_put(o, i, o->ends[down]);
        }
        ends_put(o, i, t);
}

uint64_t overlay_next_expiry(const Overlay *o) {
        return o->n > 0 ? o->ends[0]->expires_usec : USEC_INFINITY;
}

/* --- changes ------------------------------------------------------------------------------------------- */

static int overlay_insert(Overlay *o, size_t place, const OverlayText *text) {
        OverlayText *t;

        if (!GREEDY_REALLOC(o->items, o->items_allocated, o->n + 1) ||
            !GREEDY_REALLOC(o->ends, o->ends_allocated, o->n + 1))
                return -ENOMEM;
        t = malloc(sizeof(*t));
        if (!t)
                return -ENOMEM;
        *t = *text;
        memmove(&o->items[place + 1], &o->items[place], (o->n - place) * sizeof(OverlayText *));
        o->items[place] = t;
        ends_put(o, o->n++, t);
        ends_settle(o, t);
        return 0;
}

static void overlay_remove(Overlay *o, size_t place) {
        OverlayText *t = o->items[place], *last = o->ends[--o->n];

        memmove(&o->items[place], &o->items[place + 1], (o->n - place) * sizeof(OverlayText *));
        if (last != t) {
                ends_put(o, t->end, last);
                ends_settle(o, last);
        }
        free(t);
}

/* What is published, but for its place among the others. */
static int text_init(OverlayText *t, const uint8_t *name, size_t name_size, const char *value,
                     const char *owner, uint64_t expires_usec) {
        if (!overlay_text_is_valid(value, OVERLAY_VALUE_MAX) ||
            !overlay_text_is_valid(owner, OVERLAY_OWNER_MAX))
                return -EINVAL;
        *t = (OverlayText) { .name_size = (uint8_t) name_size,
                             .value_size = (uint8_t) strlen(value),
                             .expires_usec = expires_usec };
        memcpy(t->name, name, name_size);
        memcpy(t->value, value, t->value_size);
        memcpy(t->owner, owner, strlen(owner));
        t->key_size = (uint8_t) dname_reverse(name, name_size, t->key);
        return 0;
}

int overlay_publish(Overlay *o, const uint8_t *name, size_t name_size, const char *value, const char *owner,
                    uint64_t expires_usec) {
        bool answered = false;
        size_t first, place;
        OverlayText text;
        int r;

        r = text_init(&text, name, name_size, value, owner, expires_usec);
        if (r < 0)
                return r;
        first = overlay_place(o, text.key, text.key_size);
        for (place = first; place < o->n && text_is_same_name(o->items[place], &text); place++) {
                OverlayText *t = o->items[place];

                if (!streq(t->value, value))
                        continue;
                answered = true;
                if (streq(t->owner, owner)) {
                        t->expires_usec = expires_usec;
                        ends_settle(o, t);
                        return 0;
                }
        }
        if (place - first >= OVERLAY_PER_NAME_MAX)
                return -EDQUOT;
        if (o->n >= OVERLAY_TOTAL_MAX)
                return -ENOSPC;
        r = overlay_insert(o, place, &text);
        return r < 0 ? r : !answered;
}

unsigned overlay_withdraw(Overlay *o, const uint8_t *name, size_t name_size, const char *value,
                          const char *owner) {
        uint8_t key[DNAME_MAX];
        const size_t size = dname_reverse(name, name_size, key);
        unsigned removed = 0;
        size_t i = overlay_place(o, key, size);

        while (i < o->n && text_compare(o->items[i], key, size) == 0) {
                const OverlayText *t = o->items[i];

                if (streq(t->owner, owner) && (!value || streq(t->value, value))) {
                        overlay_remove(o, i);
                        removed++;
                } else
                        i++;
        }
        return removed;
}

unsigned overlay_expire(Overlay *o, uint64_t now_usec, void (*dropped)(const OverlayText *t, void *userdata),
                        void *userdata) {
        unsigned removed = 0;

        while (o->n > 0 && o->ends[0]->expires_usec <= now_usec) {
                const OverlayText *t = o->ends[0];
                size_t place = overlay_place(o, t->key, t->key_size);

                while (o->items[place] != t)
                        place++; /* at most OVERLAY_PER_NAME_MAX */
                if (dropped)
                        dropped(t, userdata);
                overlay_remove(o, place);
                removed++;
        }
        return removed;
}
