/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-dnsd/account.h"
#include "hagw-dnsd/names.h"

/* Which CAA records stand at a name (RFC 8659, RFC 8657). Everybody who may order a certificate for a name
 * is known here: this machine's accounts (hagw-acmed tells them), tenants' accounts (hagw-tenantd), the
 * configuration's own lists, and which hosts have certificates of their own. Pure. */

#define CAA_OURS_MAX 4U     /* accounts of this machine: one at each authority that it orders from */
#define CAA_ZONE_MAX 4096U  /* octets of a zone's own list */

/* A record that restricts nobody: a tag that no authority acts on, so that there is a set at the name and no
 * authority climbs on to the zone's (RFC 8659 section 4.1). */
#define CAA_FREE_TAG "unrestricted"
#define CAA_FREE_VALUE "certificates of its own"

typedef enum CaaKnowledge {
        CAA_UNKNOWN, /* hagw-acmed has not spoken yet: no answer is right */
        CAA_UNNAMED, /* an authority of ours has no name to stand in a record: there can be none */
        CAA_KNOWN,
} CaaKnowledge;

/* This machine's accounts. */
typedef struct CaaOurs {
        CaaKnowledge knowledge;
        size_t n;
        char values[CAA_OURS_MAX][ACCOUNT_VALUE_MAX + 1];
} CaaOurs;

typedef struct CaaSource {
        const Names *names;
        const CaaOurs *ours;
        const Accounts *tenants; /* NULL: none are known */
} CaaSource;

typedef void (*CaaEmit)(const char *tag, const char *value, void *userdata);

/* zone, name: normalized; the name lies in the zone. Returns 1 after having told each record, 0: none stands
 * there; -ENODATA: not known yet. */
int caa_find(const CaaSource *s, const char *zone, const char *name, CaaEmit emit, void *userdata);

/* Whether hagw-acmed's accounts are to be known for it. */
bool caa_wants_ours(const Config *c);

/* -E2BIG: the zone's list is too long to be answered. */
int caa_check(const ConfZone *zone);

/* Of all that the configuration says about the zone's records. */
uint64_t caa_hash(const Names *n, const ConfZone *zone);
