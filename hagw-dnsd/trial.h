/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-dnsd/dname.h"
#include "libhagw/pure/cidr.h"

/* Names made up for one question each: does the world, asked for one of them, come to this machine? No other
 * server knows the answer, and no resolver has it already. Who asks is noted. A resolver chooses between
 * IPv4 and IPv6 by itself; one that comes by the wrong one is sent on to a name server that has an address
 * of the wanted one alone: itself, under another name. Pure: time and randomness come in. Few and
 * short-lived, so one array is searched. */

#define TRIALS_MAX 16U               /* one more puts the oldest out */
#define TRIAL_LIFETIME_MSEC 120000U
#define TRIAL_QUESTIONS_MAX 8U       /* of different askers that are remembered one by one */
#define TRIAL_SECRET_SIZE 16U
#define TRIAL_TEXT_SIZE 26U          /* characters of such a secret */
#define TRIAL_PREFIX "_hagw-"        /* no host's name: it begins with an underscore (RFC 8552) */
#define TRIAL_SERVER "\2ns"          /* the name server below such a name */
#define TRIAL_SERVER_SIZE (sizeof(TRIAL_SERVER) - 1)

typedef struct TrialQuestion {
        IpAddress address;
        bool tcp, outside;
} TrialQuestion;

typedef struct Trial {
        uint8_t name[DNAME_MAX];
        uint8_t name_size;
        char value[TRIAL_TEXT_SIZE + 1]; /* of its TXT record */
        uint32_t made_msec;
        IpAddress server;   /* this machine's, by which it is to be asked; without a family: by any */
        bool came[2][2][2]; /* from inside, from outside; by IPv4, by IPv6; by UDP, by TCP */
        size_t n_questions;
        TrialQuestion questions[TRIAL_QUESTIONS_MAX];
} Trial;

typedef struct Trials {
        size_t n;
        Trial items[TRIALS_MAX]; /* oldest first */
} Trials;

/* Makes a name right below the zone. random: TRIAL_SECRET_SIZE octets for the name, as many for its value.
 * server: see above; NULL: any. -ENAMETOOLONG: the zone's name leaves no room. */
int trial_make(Trials *t, const uint8_t *zone, size_t zone_size, const IpAddress *server,
               const uint8_t *random, uint32_t now_msec, const Trial **ret);

/* By its name, or by its name server's. NULL: no such name, or its time is over. */
Trial *trial_find(Trials *t, const uint8_t *name, size_t name_size, uint32_t now_msec);

/* Who asks from there is to be sent on. */
bool trial_wants_other(const Trial *t, const IpAddress *address);

/* One asker's further questions are one question. */
void trial_note(Trial *t, const IpAddress *address, bool tcp, bool outside);
