/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/pure/macro.h"

/* Where a service sends whoever asks for a page of a host, and whether he gets anywhere. What leads to
 * another machine is not followed. Pure. */

#define REDIRECTS_MAX 4U /* of one host that are followed; browsers take 20 */
#define REDIRECT_TARGET_MAX 512U /* bytes of a path with its query; a longer one is not followed */
#define REDIRECT_TEXT_MAX 256U

typedef enum Led {
        LED_NONE,   /* he gets a page, or goes where nobody looks */
        LED_ON,     /* to another page of the host, which is to be asked for */
        LED_BACK,   /* to the very URL that he asked for, by its whole name */
        LED_ROUND,  /* the same by a path alone, or by other pages */
        LED_INSIDE, /* to a place that only the house has */
} Led;

/* The pages that were asked for one after the other, "/" first. */
typedef struct Trail {
        char targets[REDIRECTS_MAX + 1][REDIRECT_TARGET_MAX];
        size_t n;
} Trail;

void trail_begin(Trail *t);

/* Where the answer to the last of them leads: a head as it is sent, ended by NUL, of a visitor's request to
 * https://NAME. LED_ON: the next target is the last one now. ret_text: for LED_BACK the path; for LED_ROUND
 * all of them; for LED_INSIDE the place. */
Led trail_follow(Trail *t, const char *answer, unsigned status, const char *name,
                 char ret_text[static REDIRECT_TEXT_MAX]);
