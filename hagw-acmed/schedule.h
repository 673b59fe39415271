/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/pure/macro.h"

/* When a certificate is renewed, tried again, asked about, and when its owner is called. Pure; all times
 * usec, CLOCK_REALTIME; random: any 64 bits; life: the certificate's, 0 where it is not known. */

/* No wait of our own is longer than such a part of a certificate's life: what is right for months would
 * outlive one of days, or, in tests, of minutes. */
#define SCHEDULE_LIFE_PART 20U
uint64_t schedule_within_life(uint64_t wait_usec, uint64_t life_usec);

/* Without the authority's advice: when a third of the lifetime is left, half for those of less than ten
 * days. */
uint64_t schedule_renewal(uint64_t not_before_usec, uint64_t not_after_usec);

/* A point in the window the authority suggests (RFC 9773 section 4.2), but not later than a tenth before the
 * end, whatever it suggests. */
uint64_t schedule_in_window(uint64_t start_usec, uint64_t end_usec, uint64_t not_before_usec,
                            uint64_t not_after_usec, uint64_t random);

/* When to ask again for that advice: Retry-After (relative, 0: not said) within a minute and a day, else six
 * hours. */
uint64_t schedule_advice(uint64_t now_usec, uint64_t retry_after_usec, uint64_t life_usec);

/* From when on the fallback is asked, too, where the first authority has failed since then: when half of the
 * time is gone that was left of the certificate (none: not_after_usec 0), at once where it is over. */
#define SCHEDULE_FALLBACK_FIRST_USEC USEC_PER_HOUR /* for a first certificate */
uint64_t schedule_fallback(uint64_t since_usec, uint64_t not_after_usec);

/* Whose fault a failure was. */
typedef enum RetryKind {
        RETRY_LOCAL,   /* ours: from five seconds to five minutes */
        RETRY_TROUBLE, /* the authority is in trouble: from half a minute to half an hour */
        RETRY_REFUSED, /* the authority says no: from two minutes to twelve hours */
        _RETRY_KIND_MAX,
} RetryKind;

/* The n-th failure in a row: doubling, with a quarter of jitter either way, and never before
 * retry_after_usec (relative, bounded by a week) is over. */
uint64_t schedule_retry(uint64_t now_usec, unsigned failures, RetryKind kind, uint64_t retry_after_usec,
                        uint64_t life_usec, uint64_t random);

/* Nothing of it lies further ahead: what does was noted while the clock was wrong. */
#define SCHEDULE_RETRY_MAX_USEC (15 * USEC_PER_HOUR)
#define SCHEDULE_LIMIT_MAX_USEC (7 * USEC_PER_DAY)
#define SCHEDULE_ADVICE_MAX_USEC USEC_PER_DAY

/* From when on a certificate that was not renewed is shouted about: the last third of the time there was for
 * renewing it. Those that cannot be renewed (imported): the last two weeks, or the last third of a shorter
 * life. */
uint64_t schedule_alarm(uint64_t renewal_usec, uint64_t not_after_usec);
uint64_t schedule_alarm_imported(uint64_t not_before_usec, uint64_t not_after_usec);
