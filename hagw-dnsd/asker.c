/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Who asked last. */

#include "hagw-dnsd/asker.h"

void asker_note(const OutsideRules *o, AskersSeen *seen, const IpAddress *a, bool tcp, uint32_t now_sec) {
        uint32_t *last = &seen->last_sec[a->family == AF_INET6][tcp];

        if (*last != now_sec && outside_judge(o, a))
                *last = now_sec;
}
