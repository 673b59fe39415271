/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What passed for each tenant, told to hagw-tenantd. */

typedef struct ChannelClient ChannelClient;
typedef struct Tenant Tenant;
typedef struct Worker Worker;

/* Something has happened that a report tells: reports go through those of whom it has. */
void tenant_usage_note(Tenant *t);
/* Adds what went over the client's channel since the last time. */
void tenant_usage_collect(Tenant *t, ChannelClient *c);
/* Starts reporting, where that has not begun. */
void tenant_usage_begin(Worker *w);
/* Tells what passed in steps, where the tenant's month has a limit. */
void tenant_usage_watch(Tenant *t);
/* Tells all there is now. */
void tenant_usage_report(Worker *w);
