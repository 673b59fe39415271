/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-acmed/account.h"
#include "hagw-acmed/certificate.h"
#include "hagw-acmed/limits.h"

/* What must survive: cert-NAME.json each, accounts.json, limits.json, retired.json, in the state directory.
 * Each is written atomically; what cannot be read is set aside, logged and listed. */

#define RETIRED_MAX 512U
#define STORE_BROKEN_MAX 32U

/* A key that is to be removed from hagw-keyd, and from when on. */
typedef struct Retired {
        char *key_id;
        uint64_t from_usec;
} Retired;

typedef struct Store {
        int dir_fd;
        Certificate **certificates;
        size_t n_certificates, allocated;
        Accounts accounts;
        Limits limits;
        Retired retired[RETIRED_MAX];
        size_t n_retired;
        char *broken[STORE_BROKEN_MAX + 1]; /* NULL-terminated */
        size_t n_broken;
} Store;

int store_open(Store *s, const char *dir);
void store_done(Store *s);

/* By its name, and by any of its names. */
Certificate *store_find(const Store *s, const char *name);
Certificate *store_find_any(const Store *s, const char *name);
/* Takes it over (not yet on disk). */
int store_add(Store *s, Certificate *c);
int store_save(Store *s, const Certificate *c);
/* From disk and memory. */
int store_remove(Store *s, Certificate *c);
int store_save_accounts(Store *s);
int store_save_limits(Store *s);
/* Everything, until one cannot be written. */
int store_save_all(Store *s);

/* Notes a key for removal from that time on. */
int store_retire(Store *s, const char *key_id, uint64_t from_usec);
int store_unretire(Store *s, size_t index);
/* None later than that: the clock was wrong when it was noted. */
void store_clamp_retired(Store *s, uint64_t latest_usec);
/* A certificate or an account still needs it. */
bool store_uses_key(const Store *s, const char *key_id);
