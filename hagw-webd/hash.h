/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <systemd/sd-event.h>

#include "libhagw/pure/macro.h"

/* Password hashes, made and checked on two threads of their own, so that the loop never waits for one.
 * yescrypt takes 16 MiB while it runs: two at once are 32 MiB, and no visitor can make it more. */

#define HASH_THREADS 2U

/* Who wants it. Each has a queue of its own, and the later ones come first: no flood of strangers keeps
 * the others waiting. */
typedef enum HashRank {
        HASH_STRANGER,
        HASH_KNOWN, /* a browser that was logged in before */
        HASH_ROOT,  /* a new hash */
        _HASH_RANK_MAX,
} HashRank;

#define HASH_STRANGERS_MAX 16U /* jobs that wait for a thread */
#define HASH_KNOWN_MAX 8U
#define HASH_ROOT_MAX 4U
#define HASH_PREFIX "$y$"   /* yescrypt, crypt(5), at the library's own default cost */

typedef struct HashPool HashPool;

/* Runs on the loop, once. result: for a check 1 the password fits, 0 it does not; for a new hash 0, with
 * hash set; negative errno. The hash is gone when the callback returns. */
typedef void (*HashDone)(int result, const char *hash, void *userdata);

int hash_pool_new(HashPool **ret, sd_event *event);
/* Waits for what is running; callbacks of what has not been told yet run inside, with -ECANCELED. */
HashPool *hash_pool_free(HashPool *p);
DEFINE_TRIVIAL_CLEANUP_FUNC(HashPool *, hash_pool_free)

/* Checks a password against a hash; NULL stands for nobody's, which takes as much work and never fits.
 * -EAGAIN: the queue is full. The password is copied, and wiped after use. */
int hash_verify(HashPool *p, HashRank rank, const char *password, const char *hash, HashDone done,
                void *userdata);
int hash_make(HashPool *p, const char *password, HashDone done, void *userdata);

/* Hashes computed so far, and jobs that wait. */
uint64_t hash_pool_count(const HashPool *p);
size_t hash_pool_waiting(const HashPool *p);
