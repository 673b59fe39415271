/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/vl.h"

/* io.hagw.Tenant, a table for each file. */
extern const VlMethod tenantd_methods[], root_methods[], add_methods[], list_methods[], domain_methods[],
        restore_methods[];

/* Of what was taken since a copy was made, so much is told. */
#define TENANT_TAKEN_MAX 1000U
