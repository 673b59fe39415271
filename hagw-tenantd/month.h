/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/pure/macro.h"

/* Months of the calendar in UTC, counted from year 0: what traffic is summed over. Pure. */

#define MONTH_TEXT_SIZE sizeof("2026-11")

typedef unsigned Month;

/* realtime_usec: CLOCK_REALTIME; beyond the year 9999 it is that year's last month. */
Month month_of(uint64_t realtime_usec);
/* CLOCK_REALTIME of its first instant. */
uint64_t month_start_usec(Month m);
/* out has room for MONTH_TEXT_SIZE. Returns out. */
const char *month_format(Month m, char *out);
