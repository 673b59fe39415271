/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <systemd/sd-json.h>

#include "libhagw/pure/hostname.h"
#include "libhagw/pure/relaytoken.h"

/* What hagw-tenantd says of a tenant (io.hagw.Tenant's Route), as an object of its own that crosses threads
 * by being handed over. */

typedef struct TenantInfo {
        char name[HOSTNAME_LABEL_MAX + 1];
        bool suspended; /* nothing of it is admitted */
        bool exhausted; /* its visitors are not */
        bool terminate; /* their TLS is opened here */
        bool code_waits; /* to be typed in a house */
        unsigned agents, channels;
        uint64_t connections_per_second, bytes_per_second, bytes_per_month; /* 0: no limit */
        char **domains;   /* normalized, maybe with "*." in front; NULL-ended */
        char **token_ids; /* that are good; NULL-ended */
} TenantInfo;

/* -EBADMSG: it is none. */
int tenant_info_parse(sd_json_variant *route, TenantInfo **ret);
TenantInfo *tenant_info_copy(const TenantInfo *i);
TenantInfo *tenant_info_free(TenantInfo *i);
DEFINE_TRIVIAL_CLEANUP_FUNC(TenantInfo *, tenant_info_free)

/* Somebody may attach as it. */
bool tenant_info_is_open(const TenantInfo *i);
bool tenant_info_has_token(const TenantInfo *i, const char *token_id);
