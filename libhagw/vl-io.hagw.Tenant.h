/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <systemd/sd-varlink-idl.h>

extern const sd_varlink_interface vl_interface_io_hagw_Tenant;

#define TENANT_ERROR_NOT_ADMITTED "io.hagw.Tenant.NotAdmitted"
#define TENANT_ERROR_SUSPENDED "io.hagw.Tenant.Suspended"
#define TENANT_ERROR_NAME_NOT_YOURS "io.hagw.Tenant.NameNotYours"
#define TENANT_ERROR_BAD_CODE "io.hagw.Tenant.BadCode"
#define TENANT_ERROR_OTHER_TENANT "io.hagw.Tenant.OtherTenant"
#define TENANT_ERROR_TOKEN_SHARED "io.hagw.Tenant.TokenShared"
#define TENANT_ERROR_BUSY "io.hagw.Tenant.Busy"
#define TENANT_ERROR_NO_RELAY "io.hagw.Tenant.NoRelay"
#define TENANT_ERROR_NO_SUCH_TENANT "io.hagw.Tenant.NoSuchTenant"
#define TENANT_ERROR_TENANT_EXISTS "io.hagw.Tenant.TenantExists"
#define TENANT_ERROR_BAD_NAME "io.hagw.Tenant.BadName"
#define TENANT_ERROR_BAD_DOMAIN "io.hagw.Tenant.BadDomain"
#define TENANT_ERROR_DOMAIN_TAKEN "io.hagw.Tenant.DomainTaken"
#define TENANT_ERROR_NO_SUCH_TOKEN "io.hagw.Tenant.NoSuchToken"
#define TENANT_ERROR_DAMAGED "io.hagw.Tenant.Damaged"
#define TENANT_ERROR_NOT_DAMAGED "io.hagw.Tenant.NotDamaged"
#define TENANT_ERROR_NO_SUCH_COPY "io.hagw.Tenant.NoSuchCopy"
#define TENANT_ERROR_FULL "io.hagw.Tenant.Full"
#define TENANT_ERROR_TOKENS_FULL "io.hagw.Tenant.TokensFull"
