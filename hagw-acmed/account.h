/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <systemd/sd-json.h>

#include "libhagw/pure/macro.h"

/* Our accounts, one per certificate authority (directory URL). */

#define ACCOUNTS_MAX 32U
#define ACCOUNT_FORMER_MAX 4U /* of one authority */

/* One that another took the place of, until the authority has deactivated it. */
typedef struct FormerAccount {
        char *url, *key_id;
} FormerAccount;

typedef struct Account {
        char *directory;
        char *key_id;  /* hagw-keyd's; NULL: none yet */
        char *next_key_id; /* that it is being given; NULL: none. Which of the two counts, only the
                              authority knows */
        char *url;     /* NULL: not made yet */
        char *contact; /* as the authority knows it; NULL: none */
        char *issuer;  /* the authority in CAA records (RFC 8659), "" where it has no name; NULL: unknown */
        uint64_t since_usec; /* CLOCK_REALTIME when it came into our CAA records, which were without it
                                before; 0: they never were */
        FormerAccount former[ACCOUNT_FORMER_MAX];
        size_t n_former;
        /* When the authority is asked again to deactivate them, which is not stored. */
        uint64_t former_next_usec;
        unsigned former_failures;
} Account;

typedef struct Accounts {
        Account *items[ACCOUNTS_MAX];
        size_t n;
} Accounts;

/* The one for that directory, made where there is none. Stays where it is for as long as the collection
 * lives. */
int accounts_get(Accounts *a, const char *directory, Account **ret);
/* NULL: there is none. directory may be NULL. */
Account *accounts_find(const Accounts *a, const char *directory);
/* The account that there is becomes a former one, and there is none. -ENOSPC: too many are. */
int account_leave(Account *a);
void account_forget_former(Account *a, size_t i);
bool accounts_use_key(const Accounts *a, const char *key_id);
bool accounts_is_empty(const Accounts *a); /* none was made yet */
void accounts_done(Accounts *a);

int accounts_to_json(const Accounts *a, sd_json_variant **ret);
int accounts_from_json(sd_json_variant *v, Accounts *ret);

/* s NULL clears. */
int string_replace(char **p, const char *s);
