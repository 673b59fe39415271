/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <systemd/sd-event.h>

#include "hagw-webd/refusals.h"
#include "hagw-webd/session.h"

/* What the journal hears of logins: each one that came about, and those that were refused, by account and
 * network, once a minute. */

typedef struct Request Request;

typedef struct Audit {
        Refusals refusals;
        sd_event_source *due; /* refused ones wait to be told */
} Audit;

int audit_new(Audit *a, sd_event *event);
/* Tells what waits. */
void audit_done(Audit *a);

/* A login or logout of a session. */
void audit_session(const Request *q, const char *event, const Session *s);
/* user: NULL or somebody's, never what was typed: people type passwords into the wrong field. early: without
 * a look at the password. */
void audit_refusal(Request *q, const char *user, bool early);
