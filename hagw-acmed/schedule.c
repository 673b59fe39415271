/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Times. */

#include "hagw-acmed/schedule.h"

#define SHORT_LIFETIME_USEC (10 * USEC_PER_DAY)
#define ADVICE_MIN_USEC USEC_PER_MINUTE
#define ADVICE_DEFAULT_USEC (6 * USEC_PER_HOUR)
#define DELAY_MIN_USEC USEC_PER_SEC
#define IMPORTED_ALARM_USEC (14 * USEC_PER_DAY)

uint64_t schedule_renewal(uint64_t not_before_usec, uint64_t not_after_usec) {
        uint64_t life = not_after_usec > not_before_usec ? not_after_usec - not_before_usec : 0;

        return not_after_usec - (life < SHORT_LIFETIME_USEC ? life / 2 : life / 3);
}

uint64_t schedule_in_window(uint64_t start_usec, uint64_t end_usec, uint64_t not_before_usec,
                            uint64_t not_after_usec, uint64_t random) {
        uint64_t life = not_after_usec > not_before_usec ? not_after_usec - not_before_usec : 0;
        uint64_t latest = not_after_usec - life / 10;

        return MIN(start_usec + random % (end_usec - start_usec), latest);
}

uint64_t schedule_within_life(uint64_t wait_usec, uint64_t life_usec) {
        return life_usec > 0 ? MIN(wait_usec, life_usec / SCHEDULE_LIFE_PART) : wait_usec;
}

uint64_t schedule_advice(uint64_t now_usec, uint64_t retry_after_usec, uint64_t life_usec) {
        uint64_t wait = retry_after_usec == 0 ? ADVICE_DEFAULT_USEC
                                              : MIN(MAX(retry_after_usec, ADVICE_MIN_USEC),
                                                    SCHEDULE_ADVICE_MAX_USEC);

        return now_usec + schedule_within_life(wait, life_usec);
}

uint64_t schedule_fallback(uint64_t since_usec, uint64_t not_after_usec) {
        if (not_after_usec == 0)
                return since_usec + SCHEDULE_FALLBACK_FIRST_USEC;
        return not_after_usec > since_usec ? since_usec + (not_after_usec - since_usec) / 2 : since_usec;
}

uint64_t schedule_retry(uint64_t now_usec, unsigned failures, RetryKind kind, uint64_t retry_after_usec,
                        uint64_t life_usec, uint64_t random) {
        static const struct {
                uint64_t first, most;
        } delays[_RETRY_KIND_MAX] = {
                [RETRY_LOCAL] = { 5 * USEC_PER_SEC, 5 * USEC_PER_MINUTE },
                [RETRY_TROUBLE] = { 30 * USEC_PER_SEC, 30 * USEC_PER_MINUTE },
                [RETRY_REFUSED] = { 2 * USEC_PER_MINUTE, 12 * USEC_PER_HOUR },
        };
        uint64_t delay = MIN(delays[kind].first << MIN(failures > 0 ? failures - 1 : 0, 20U),
                             delays[kind].most);

        delay = MAX(schedule_within_life(delay, life_usec), DELAY_MIN_USEC);
        delay = delay - delay / 4 + random % (delay / 2);
        return now_usec + MAX(delay, MIN(retry_after_usec, SCHEDULE_LIMIT_MAX_USEC));
}

uint64_t schedule_alarm(uint64_t renewal_usec, uint64_t not_after_usec) {
        return not_after_usec > renewal_usec ? not_after_usec - (not_after_usec - renewal_usec) / 3
                                             : not_after_usec;
}

uint64_t schedule_alarm_imported(uint64_t not_before_usec, uint64_t not_after_usec) {
        uint64_t life = not_after_usec > not_before_usec ? not_after_usec - not_before_usec : 0;

        return not_after_usec - MIN(life / 3, IMPORTED_ALARM_USEC);
}
