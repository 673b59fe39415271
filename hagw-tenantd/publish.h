/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/vl.h"

/* Tenants' DNS-01 values in hagw-dnsd. hagw-dnsd forgets them when it restarts, and is then told again; when
 * this daemon restarts, hagw-dnsd keeps them until they end. Names, values and whose they are have been
 * checked (name.h). */

#define PUBLISHED_MAX 4096U
#define PUBLISHED_PER_TENANT_MAX 16U
#define PUBLISHED_LIFETIME_USEC USEC_PER_HOUR

typedef struct Publisher Publisher;
int publisher_new(Publisher **ret, sd_event *event);
Publisher *publisher_free(Publisher *p);
DEFINE_TRIVIAL_CLEANUP_FUNC(Publisher *, publisher_free)

/* The caller is answered when hagw-dnsd has answered. Return the handler's result. */
int publisher_publish(Publisher *p, sd_varlink *link, const char *tenant, const char *name,
                      const char *value, uint64_t now_usec);
int publisher_withdraw(Publisher *p, sd_varlink *link, const char *name, const char *value);

/* Takes all values of a tenant back. */
void publisher_forget(Publisher *p, const char *tenant);
/* hagw-dnsd has started anew. */
void publisher_repeat(Publisher *p, uint64_t now_usec);

size_t publisher_count(const Publisher *p);
