/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/pure/hostname.h"

/* Which names a tenant may have. Names are normalized: lower case, no trailing dot. Pure. */

#define TENANT_DOMAIN_MAX (HOSTNAME_MAX + 2) /* with "*." */
#define CHALLENGE_VALUE_LENGTH 43U           /* base64url of a SHA-256 (RFC 8555 section 8.4) */

/* NULL where the label may be a tenant's, else a sentence that says why not. */
const char *tenant_name_problem(const char *name, const char *zone);

/* Whether one of the relay's own names is NAME.ZONE or lies below it: then the label is the relay's. */
bool tenant_name_covers(const char *name, const char *zone, const char *own);

/* Normalizes a further domain, "*." allowed, into out (TENANT_DOMAIN_MAX + 1). NULL where a tenant of this
 * zone may have it, else a sentence that says why not; out is then not set. */
const char *tenant_domain_problem(const char *domain, const char *zone, char *out);

/* Whether a DNS-01 value of the tenant may stand at the name: _acme-challenge.TENANT.ZONE, or with host
 * labels between. The result, normalized, goes to out (HOSTNAME_MAX + 1). */
bool challenge_name_is_tenants(const char *name, const char *tenant, const char *zone, char *out);
bool challenge_value_is_valid(const char *value);

/* What stands in CAA records (RFC 8657): a host name into out (HOSTNAME_MAX + 1), or false. */
bool account_issuer_normalize(const char *issuer, char *out);
#define ACCOUNT_URI_MAX 200U
bool account_uri_is_valid(const char *uri);
