/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-acmed/certificate.h"

/* What the journal is told of certificates that end. */

#define SPAN_TEXT_MAX 48U

/* "5 days": in the unit that fits. */
const char *span_format(uint64_t usec, char out[static SPAN_TEXT_MAX]);

/* It is expiring or expired: with the highest priority. */
void certificate_shout(const Certificate *c, uint64_t now_usec);
