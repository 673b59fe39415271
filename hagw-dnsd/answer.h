/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-dnsd/caa.h"
#include "libhagw/pure/cidr.h"
#include "hagw-dnsd/cookie.h"
#include "hagw-dnsd/message.h"
#include "hagw-dnsd/asker.h"
#include "hagw-dnsd/overlay.h"
#include "hagw-dnsd/rrl.h"
#include "hagw-dnsd/trial.h"
#include "hagw-dnsd/zone.h"

/* The engine: a query in, an answer out. Pure: no socket, no clock, no allocation. */

#define ANSWER_MAX 16384U /* octets of the largest answer there can be, by TCP */
#define ANSWER_AMPLIFICATION_MAX 4U /* times the query, by UDP, to who has not shown a cookie */

/* What is answered from, and the figures of having done so. */
typedef struct AnswerSource {
        Zone **zones; /* sorted by zone_compare() */
        size_t n_zones;
        Overlay *overlay;
        Trials trials;
        OutsideRules outside;
        Names *names; /* the configuration's, which CAA records go by */
        Accounts *accounts;   /* tenants'; NULL: none are known */
        CaaOurs ours;
        Rrl *rrl;
        uint8_t cookie_secret[SIPHASH_KEY_SIZE];
        struct AnswerStats {
                uint64_t queries[2]; /* UDP, TCP */
                uint64_t rcodes[_DNS_RCODE_MAX];
                uint64_t ignored;    /* too short, or no query */
                uint64_t truncated;
                uint64_t limited[2]; /* dropped, answered short */
                uint64_t cookies;    /* valid ones */
        } stats;
} AnswerSource;

typedef struct AnswerClient {
        IpAddress address;
        bool tcp;
        bool local; /* asked by ourselves: no limits and no figures */
        uint16_t keepalive; /* by TCP: how long it may be silent, in units of 100 ms */
} AnswerClient;

typedef struct AnswerTime {
        uint32_t realtime_sec, monotonic_msec, monotonic_sec; /* the second one begins anew after 49 days */
} AnswerTime;

/* out has room for ANSWER_MAX, or by UDP MESSAGE_UDP_MAX. Returns the answer's size, 0 for none. */
size_t answer_query(AnswerSource *s, const uint8_t *data, size_t size, const AnswerClient *client,
                    const AnswerTime *now, uint8_t *out);
