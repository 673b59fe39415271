/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-proxyd/visit/visit.h"
#include "hagw-proxyd/wire/request.h"

/* What was asked for, at that time, and became no exchange: it is counted and logged all the same. protocol
 * as ALPN names it, verdict static; r: NULL where it is malformed, and nothing of it is to be trusted. */
void unborn_note(const Visit *v, const Snapshot *s, const char *protocol, const Request *r,
                 const char *verdict, uint64_t since_usec);
