/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Tenants' accounts. */

#include <stdio.h>

#include "hagw-dnsd/account.h"
#include "hagw-dnsd/dname.h"

/* Root names the tenants: nobody aims at a slot. */
static const uint8_t no_key[SIPHASH_KEY_SIZE];

Accounts *accounts_new(void) {
        return calloc(1, sizeof(Accounts));
}

static void free_entry(NameEntry *e, void *userdata) {
        free(CONTAINER_OF(e, Account, entry));
}

Accounts *accounts_free(Accounts *a) {
        if (!a)
                return NULL;
        name_table_foreach(&a->table, free_entry, NULL);
        name_table_done(&a->table);
        free(a);
        return NULL;
}

static bool is_text(const char *s) {
        if (!*s)
                return false;
        for (; *s; s++)
                if (*s <= ' ' || *s > '~' || *s == ';')
                        return false;
        return true;
}

int account_value(const AccountLine *line, char *out) {
        int n;

        if (!is_text(line->issuer) || !is_text(line->uri))
                return -EINVAL;
        /* Proofs by DNS-01 only: who answers on port 80 for a while gets no certificate by it. */
        n = snprintf(out, ACCOUNT_VALUE_MAX + 1, "%s; accounturi=%s; validationmethods=dns-01", line->issuer,
                     line->uri);
        return n < 0 || (size_t) n > ACCOUNT_VALUE_MAX ? -EINVAL : n;
}

static int account_new(const char *label, const AccountLine *lines, size_t n, Account **ret) {
        char values[ACCOUNT_LINES_MAX * (ACCOUNT_VALUE_MAX + 1)];
        const size_t length = strlen(label);
        size_t size = 0;
        Account *account;

        if (length < 1 || length > DNAME_LABEL_MAX || n > ACCOUNT_LINES_MAX)
                return -EINVAL;
        for (size_t i = 0; i < n; i++) {
                int r = account_value(&lines[i], values + size);
                if (r < 0)
                        return r;
                size += (size_t) r + 1;
        }
        account = malloc(sizeof(*account) + size + length + 1);
        if (!account)
                return -ENOMEM;
        account->n = (unsigned) n;
        memcpy(account->values, values, size);
        memcpy(account->values + size, label, length + 1);
        account->entry = (NameEntry) { .name = account->values + size, .hash = name_hash(label, no_key) };
        *ret = account;
        return 0;
}

int accounts_set(Accounts *a, const char *label, const AccountLine *lines, size_t n) {
        NameEntry *old = name_table_find(&a->table, label, name_hash(label, no_key));
        Account *new = NULL;
        int r;

        if (n > 0) {
                if (!old && a->table.n >= ACCOUNTS_MAX)
                        return -ENOSPC;
                r = account_new(label, lines, n, &new);
                if (r < 0)
                        return r;
        }
        if (old) {
                name_table_remove(&a->table, old);
                free_entry(old, NULL);
        }
        if (!new)
                return 0;
        r = name_table_add(&a->table, &new->entry);
        if (r < 0)
                free(new);
        return r;
}

const Account *accounts_find(const Accounts *a, const char *label) {
        const NameEntry *e = a ? name_table_find(&a->table, label, name_hash(label, no_key)) : NULL;

        return e ? CONTAINER_OF(e, const Account, entry) : NULL;
}
