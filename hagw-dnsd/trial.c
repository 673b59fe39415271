/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Trials: made, found, and who asked. */

#include "hagw-dnsd/trial.h"
#include "libhagw/pure/base32.h"

#define LABEL_SIZE (sizeof(TRIAL_PREFIX) - 1 + TRIAL_TEXT_SIZE)

static void remove_at(Trials *t, size_t i) {
        memmove(&t->items[i], &t->items[i + 1], (t->n - i - 1) * sizeof(*t->items));
        t->n--;
}

/* All live equally long, so that the oldest are over first. */
static void expire(Trials *t, uint32_t now_msec) {
        while (t->n > 0 && now_msec - t->items[0].made_msec > TRIAL_LIFETIME_MSEC)
                remove_at(t, 0);
}

int trial_make(Trials *t, const uint8_t *zone, size_t zone_size, const IpAddress *server,
               const uint8_t *random, uint32_t now_msec, const Trial **ret) {
        char text[TRIAL_TEXT_SIZE + 1];
        Trial *item;

        static_assert(BASE32_LENGTH(TRIAL_SECRET_SIZE) == TRIAL_TEXT_SIZE, "the text of a secret");
        if (1 + LABEL_SIZE + zone_size + (server ? TRIAL_SERVER_SIZE : 0) > DNAME_MAX)
                return -ENAMETOOLONG;
        expire(t, now_msec);
        if (t->n == TRIALS_MAX)
                remove_at(t, 0);
        item = &t->items[t->n++];
        *item = (Trial) { .name = { LABEL_SIZE }, .made_msec = now_msec };
        base32_encode(random, TRIAL_SECRET_SIZE, text);
        memcpy(item->name + 1, TRIAL_PREFIX, sizeof(TRIAL_PREFIX) - 1);
        memcpy(item->name + sizeof(TRIAL_PREFIX), text, TRIAL_TEXT_SIZE);
        memcpy(item->name + 1 + LABEL_SIZE, zone, zone_size);
        item->name_size = (uint8_t) (1 + LABEL_SIZE + zone_size);
        if (server)
                item->server = *server;
        base32_encode(random + TRIAL_SECRET_SIZE, TRIAL_SECRET_SIZE, item->value);
        *ret = item;
        return 0;
}

Trial *trial_find(Trials *t, const uint8_t *name, size_t name_size, uint32_t now_msec) {
        if (_likely_(t->n == 0))
                return NULL;
        expire(t, now_msec);
        for (size_t i = 0; i < t->n; i++) {
                Trial *item = &t->items[i];
                const bool served = item->server.family != 0 && name_size > TRIAL_SERVER_SIZE &&
                                    memcmp(name, TRIAL_SERVER, TRIAL_SERVER_SIZE) == 0;
                const size_t skip = served ? TRIAL_SERVER_SIZE : 0;

                if (item->name_size == name_size - skip &&
                    memcmp(item->name, name + skip, name_size - skip) == 0)
                        return item;
        }
        return NULL;
}

bool trial_wants_other(const Trial *t, const IpAddress *address) {
        return t->server.family != 0 && t->server.family != address->family;
}

void trial_note(Trial *t, const IpAddress *address, bool tcp, bool outside) {
        const TrialQuestion question = { .address = *address, .tcp = tcp, .outside = outside };

        t->came[outside][address->family == AF_INET6][tcp] = true;
        for (size_t i = 0; i < t->n_questions; i++)
                if (ip_equal(&t->questions[i].address, address) && t->questions[i].tcp == tcp)
                        return;
        if (t->n_questions < TRIAL_QUESTIONS_MAX)
                t->questions[t->n_questions++] = question;
}
