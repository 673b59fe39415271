/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The table of HTTP-01 answers. Owns its strings. Pure. */

#include "hagw-webd/challenge.h"

static bool is_base64url(const char *s) {
        size_t n = strlen(s);

        return n >= 1 && n <= CHALLENGE_TOKEN_MAX &&
                strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") == n;
}

static void remove_at(ChallengeTable *t, size_t i) {
        free(t->items[i].token);
        free(t->items[i].key_authorization);
        t->items[i] = t->items[--t->n];
}

void challenge_withdraw(ChallengeTable *t, const char *token) {
        for (size_t i = 0; i < t->n; i++)
                if (streq(t->items[i].token, token)) {
                        remove_at(t, i);
                        return;
                }
}

static void prune(ChallengeTable *t, uint64_t now_usec) {
        for (size_t i = t->n; i > 0; i--)
                if (t->items[i - 1].until_usec <= now_usec)
                        remove_at(t, i - 1);
}

int challenge_publish(ChallengeTable *t, const char *token, const char *key_authorization,
                      uint64_t now_usec) {
        _cleanup_free_ char *a = NULL, *b = NULL;
        const char *rest;

        if (!is_base64url(token))
                return -EINVAL;
        rest = startswith(key_authorization, token);
        if (!rest || *rest != '.' || !is_base64url(rest + 1))
                return -EINVAL;
        prune(t, now_usec);
        challenge_withdraw(t, token);
        if (t->n >= CHALLENGES_MAX)
                return -E2BIG;
        a = strdup(token);
        b = strdup(key_authorization);
        if (!a || !b)
                return -ENOMEM;
        t->items[t->n++] = (Challenge) { TAKE_PTR(a), TAKE_PTR(b), now_usec + CHALLENGE_LIFETIME_USEC };
        return 0;
}

const char *challenge_find(ChallengeTable *t, const char *token, uint64_t now_usec) {
        prune(t, now_usec);
        for (size_t i = 0; i < t->n; i++)
                if (streq(t->items[i].token, token))
                        return t->items[i].key_authorization;
        return NULL;
}

void challenge_table_done(ChallengeTable *t) {
        while (t->n > 0)
                remove_at(t, t->n - 1);
}
