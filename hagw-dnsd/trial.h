/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-dnsd/dname.h"
#include "libhagw/pure/cidr.h"

/* Names made up for one question each: does the world, asked for one of them, come to this machine? No other
 * server knows the answer, and no resolver has it already. Who asks is noted. Pure: time and randomness come
 * in. Few and short-lived, so one array is searched. */

#define TRIALS_MAX 16U               /* one more puts the oldest out */
#define TRIAL_LIFETIME_MSEC 120000U
#define TRIAL_QUESTIONS_MAX 8U       /* of different askers that are remembered one by one */
#define TRIAL_SECRET_SIZE 16U
#define TRIAL_TEXT_SIZE 26U          /* characters of such a secret */
#define TRIAL_PREFIX "_hagw-"        /* no host's name: it begins with an underscore (RFC 8552) */

typedef struct TrialQuestion {
        IpAddress address;
        bool tcp, outside;
} TrialQuestion;

typedef struct Trial {
        uint8_t name[DNAME_MAX];
        uint8_t name_size;
        char value[TRIAL_TEXT_SIZE + 1]; /* of its TXT record */
        uint32_t made_msec;
        bool came[2][2]; /* from inside, from outside; by UDP, by TCP */
        size_t n_questions;
        TrialQuestion questions[TRIAL_QUESTIONS_MAX];
} Trial;

typedef struct Trials {
        size_t n;
        Trial items[TRIALS_MAX]; /* oldest first */
} Trials;

/* Makes a name right below the zone. random: TRIAL_SECRET_SIZE octets for the name, as many for its value.
 * -ENAMETOOLONG: the zone's name leaves no room. */
int trial_make(Trials *t, const uint8_t *zone, size_t zone_size, const uint8_t *random, uint32_t now_msec,
               const Trial **ret);

/* NULL: no such name, or its time is over. */
Trial *trial_find(Trials *t, const uint8_t *name, size_t name_size, uint32_t now_msec);

/* One asker's further questions are one question. */
void trial_note(Trial *t, const IpAddress *address, bool tcp, bool outside);
