/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "hagw-proxyd/h2/h2-ids.h"

/* 0: nothing is known of it. */
static uint64_t bit(const H2Ids *ids, int32_t id) {
        uint32_t back = ((uint32_t) ids->last - (uint32_t) id) / 2;

        return id % 2 == 1 && id <= ids->last && back < H2_IDS ? 1ULL << back : 0;
}

bool h2_ids_open(H2Ids *ids, int32_t id) {
        uint32_t step = ((uint32_t) id + 1) / 2 - ((uint32_t) ids->last + 1) / 2;

        if (id % 2 != 1 || id <= ids->last)
                return false;
        ids->opened = step < H2_IDS ? ids->opened << step : 0;
        ids->ended = step < H2_IDS ? ids->ended << step : 0;
        ids->opened |= 1;
        ids->last = id;
        return true;
}

void h2_ids_end(H2Ids *ids, int32_t id) {
        ids->ended |= bit(ids, id);
}

H2Past h2_ids_past(const H2Ids *ids, int32_t id) {
        uint64_t b = bit(ids, id);

        if (b == 0)
                return H2_PAST_OURS;
        if (!(ids->opened & b))
                return H2_PAST_SKIPPED;
        return ids->ended & b ? H2_PAST_ENDED : H2_PAST_OURS;
}
