/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <systemd/sd-json.h>

#include "libhagw/conf.h"

/* This house at its relay: the text of hagw.conf, and how hagw-proxyd gets on. */

/* Changes hagw.conf in dir: writes the text where it and the whole configuration are valid and say that this
 * house is `tenant` of `address` (NULL: of nobody) with that zone (NULL: no matter), and otherwise leaves
 * what was there. Told. */
int relay_write_config(const char *dir, const char *text, const char *address, const char *tenant,
                       const char *zone, Config **ret);

/* Whether nobody comes to this house by an address of its own: it needs none, and no port of a router. */
bool relay_is_only_way(const Config *c);

/* io.hagw.Proxy.DescribeRelay's state in words, "attached since 3 min ago, …"; to be freed, NULL: no memory.
 */
char *relay_state_text(sd_json_variant *relay);
bool relay_is_attached(sd_json_variant *relay);
/* It does not know the token (any more): nothing but another code is of use. */
bool relay_does_not_admit(sd_json_variant *relay);
/* Whether the relay leads the host's visitors here, or nobody wants it to. True where it does not say. */
bool relay_leads(const Config *c, sd_json_variant *relay, const ConfHost *h);

/* A domain that the relay leads here though there is no host for it; of several *ret_more others. NULL:
 * none, or it does not say. */
const char *relay_leads_in_vain(const Config *c, sd_json_variant *relay, size_t *ret_more);
/* "a, b" whose visitors' TLS the relay opens and leads here, where this house does not take them; to be
 * freed. NULL: none, or no memory. */
char *relay_opens_in_vain(const Config *c, sd_json_variant *relay);

/* Whether a name that somebody else chose lies in a zone of this house or is led here. */
bool relay_name_is_ours(const Config *c, sd_json_variant *relay, const char *name);

/* Follows it until this house is attached; *ret is the last description. CTL_OK; CTL_FAILED after so long
 * (told); a negative errno (told). */
int relay_wait(uint64_t timeout_usec, bool quiet, sd_json_variant **ret);
