/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <systemd/sd-varlink.h>

/* io.hagw.Tenant's errors. All return what the handler returns. */

/* One text field. */
int error_text(sd_varlink *link, const char *error, const char *field, const char *text);
/* A field and why it is not taken. */
int error_bad(sd_varlink *link, const char *error, const char *field, const char *text, const char *reason);
int error_full(sd_varlink *link, const char *what, unsigned limit);
int error_tokens_full(sd_varlink *link, const char *tenant);
int error_busy(sd_varlink *link, uint64_t retry_usec);
/* The database failed: logged, and told as an errno; or it is damaged, which the manager sees to. */
int error_store(sd_varlink *link, int error);
