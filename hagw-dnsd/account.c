/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Tenants' accounts. */

#include <stdio.h>

#include "account.h"

/* Root names the tenants: nobody aims at a slot. */
static const uint8_t no_key[SIPHASH_KEY_SIZE];

int accounts_new(const char *zone, Accounts **ret) {
        Accounts *a = calloc(1, sizeof(*a));
        int r;

        if (!a)
                return -ENOMEM;
        r = dname_from_text(zone, a->zone);
        if (r < 0) {
                free(a);
                return r;
        }
        a->zone_size = (size_t) r;
        *ret = a;
        return 0;
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
        for (; *s; s++)
                if (*s <= ' ' || *s > '~' || *s == ';')
                        return false;
        return true;
}

static int account_new(const char *label, const char *issuer, const char *uri, Account **ret) {
        char value[ACCOUNT_VALUE_MAX + 1];
        size_t length = strlen(label);
        Account *account;
        int n;

        if (length < 1 || length > DNAME_LABEL_MAX || !is_text(issuer) || !is_text(uri))
                return -EINVAL;
        /* The house proves with DNS-01 only, which is the relay's to publish. */
        n = snprintf(value, sizeof(value), "%s; accounturi=%s; validationmethods=dns-01", issuer, uri);
        if (n < 0 || (size_t) n >= sizeof(value))
                return -EINVAL;
        account = malloc(sizeof(*account) + (size_t) n + length + 1);
        if (!account)
                return -ENOMEM;
        account->value_size = (uint16_t) n;
        memcpy(account->value, value, (size_t) n);
        memcpy(account->value + n, label, length + 1);
        account->entry = (NameEntry) { .name = account->value + n, .hash = name_hash(label, no_key) };
        *ret = account;
        return 0;
}

int accounts_set(Accounts *a, const char *label, const char *issuer, const char *uri) {
        NameEntry *old = name_table_find(&a->table, label, name_hash(label, no_key));
        Account *new = NULL;
        int r;

        if (*issuer) {
                if (!old && a->table.n >= ACCOUNTS_MAX)
                        return -ENOSPC;
                r = account_new(label, issuer, uri, &new);
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

const Account *accounts_find(const Accounts *a, const uint8_t *name, size_t size) {
        char label[DNAME_LABEL_MAX + 1];
        const NameEntry *e;

        if (!a || size != 1U + *name + a->zone_size ||
            memcmp(name + 1 + *name, a->zone, a->zone_size) != 0)
                return NULL;
        memcpy(label, name + 1, *name);
        label[*name] = '\0';
        e = name_table_find(&a->table, label, name_hash(label, no_key));
        return e ? CONTAINER_OF(e, const Account, entry) : NULL;
}
