/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/conf.h"

/* The configuration's names in order: who looks for one pays for the logarithm of how many there are, also
 * where a stranger chose it. Made once per configuration, which it borrows. Pure. */

/* A name that a zone has: a host's, or that of a zone below it. */
typedef struct ZoneMember {
        const ConfZone *zone;
        const char *name;     /* of the host, where it may start with "*.", or of the zone below */
        const ConfHost *host; /* NULL: a zone below */
} ZoneMember;

typedef struct Names {
        const Config *config;
        const ConfZone *zones[CONF_ZONES_MAX];   /* by name */
        const ConfHost *hosts[CONF_HOSTS_MAX];   /* by name */
        ZoneMember *members;                     /* by zone */
        size_t n_members;
        const char **own; /* sorted: right below tenants.zone, this machine has a name at or below it */
        size_t n_own;
        unsigned labels_max; /* of the deepest host */
} Names;

/* -E2BIG: more zones or hosts than a configuration has; -ENOMEM. */
int names_new(const Config *c, Names **ret);
Names *names_free(Names *n);
DEFINE_TRIVIAL_CLEANUP_FUNC(Names *, names_free)

/* What has exactly this name, or NULL. */
const ConfZone *names_zone(const Names *n, const char *name);
const ConfHost *names_host(const Names *n, const char *name);
/* The host "*.BASE", or NULL. */
const ConfHost *names_pattern(const Names *n, const char *base);

/* The zone that a name lies in, the longest; NULL: none. */
const ConfZone *names_zone_of(const Names *n, const char *name);

/* Does a name of this machine's own lie at the name or below it? label: one right below tenants.zone. */
bool names_is_own(const Names *n, const char *label);

/* What the zone has: its hosts in order, then the zones below it. */
const ZoneMember *names_members(const Names *n, const ConfZone *zone, size_t *ret);

/* The last label of `name` before `zone`, with the zone: "a.b.zone" gives "b.zone". NULL: it is not below
 * the zone. */
const char *names_child(const char *name, const char *zone);

/* The name itself, or the one that a wildcard stands below. */
const char *names_base(const ConfHost *h);

/* The name one label up, or NULL. */
const char *names_above(const char *name);

unsigned names_labels(const char *name);
