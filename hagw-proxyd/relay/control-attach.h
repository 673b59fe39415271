/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-proxyd/relay/control.h"
#include "hagw-proxyd/relay/tenantinfo.h"

/* Control connections that stay: an agent's place at its tenant. For control.c. */

/* hagw-tenantd admits it. Takes info over. May end k. */
void control_admit(Control *k, TenantInfo *info);
/* Whether another machine is attached with k's token, or took turns with one just now. parameters: the
 * call's, which may say by which session the asking one is attached itself. At the tenant's home. */
bool control_token_is_shared(const Control *k, sd_json_variant *parameters);
/* The deadline of an attached one, or of one that waits for a place. May end k. */
void control_on_place_timer(Control *k);
/* It has ended the connection by itself. */
void control_gone(Control *k);
/* A machine has left that took turns with those who are attached: they hear it. */
void control_settle(Tenant *t);
/* Gives back the place and all that hangs on it; nothing where it has none. */
void control_detach(Control *k);
