/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <time.h>

#include "libhagw/pure/macro.h"

/* The Date field (RFC 9110 section 5.6.7), made once a second. Zero-initialized. Pure: time comes in. */

#define HTTP_DATE_SIZE 30U /* "Sun, 06 Nov 1994 08:49:37 GMT" with its NUL */

typedef struct HttpDate {
        time_t sec;
        char text[HTTP_DATE_SIZE];
} HttpDate;

/* Good until the next call. sec: CLOCK_REALTIME. "": that is no time of the years 1970 to 9999. */
const char *http_date(HttpDate *d, time_t sec);
