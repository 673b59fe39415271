/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/pure/cidr.h"

/* What to do where somebody gives an address of a special range (special.h) as the one by which the internet
 * is to come. Pure. */

typedef enum RemedyPlace {
        REMEDY_HOUSE,
        REMEDY_RELAY, /* it has no router that could tell, and no relay helps it */
        _REMEDY_PLACE_MAX,
} RemedyPlace;

/* For who reads what status found, and changes hagw.conf. */
const char *remedy_of_setting(const IpAddress *a, RemedyPlace place);
/* For who is asked by setup, and answers again. */
const char *remedy_of_answer(const IpAddress *a, RemedyPlace place);
