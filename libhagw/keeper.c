/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A timer that runs while there are faults. Nothing is tried before a file of the same size could be
 * written: each try that fails would be a line in the log. */

#include "libhagw/daemon.h"
#include "libhagw/keeper.h"
#include "libhagw/log.h"
#include "libhagw/state.h"
#include "libhagw/statefault.h"

struct Keeper {
        KeeperSpec spec;
        sd_event_source *post, *timer;
        bool bad; /* as it was told last */
};

static void tell(Keeper *k) {
        k->bad = state_fault_any();
        if (!k->bad)
                log_info("The state in %s can be written again, and was.", k->spec.dir);
        if (k->spec.changed)
                k->spec.changed(k->spec.userdata);
}

static int on_retry(sd_event_source *s, uint64_t usec, void *userdata) {
        Keeper *k = userdata;
        int r = 0;

        if (state_probe(k->spec.dir, state_fault_size()) >= 0) {
                if (k->spec.save)
                        r = k->spec.save(k->spec.userdata);
                /* What is left was refused to who asked for it, and is in no memory. */
                if (r >= 0)
                        state_fault_clear();
        }
        return 0;
}

/* Behind each turn of the loop: what a thread could not write is told to the main thread, too. */
static int on_post(sd_event_source *s, void *userdata) {
        Keeper *k = userdata;
        int enabled, r;

        if (state_fault_any() != k->bad)
                tell(k);
        if (!k->bad)
                return 0;
        r = sd_event_source_get_enabled(k->timer, &enabled);
        if (r < 0 || enabled != SD_EVENT_OFF)
                return r;
        r = sd_event_source_set_time_relative(k->timer, KEEPER_RETRY_USEC);
        return r < 0 ? r : sd_event_source_set_enabled(k->timer, SD_EVENT_ONESHOT);
}

int keeper_new(Keeper **ret, sd_event *event, const KeeperSpec *spec) {
        Keeper *k = calloc(1, sizeof(*k));
        int r;

        if (!k)
                return -ENOMEM;
        k->spec = *spec;
        r = sd_event_add_time_relative(event, &k->timer, CLOCK_MONOTONIC, KEEPER_RETRY_USEC, USEC_PER_SEC,
                                       on_retry, k);
        if (r >= 0)
                r = sd_event_source_set_enabled(k->timer, SD_EVENT_OFF);
        if (r >= 0)
                r = sd_event_add_post(event, &k->post, on_post, k);
        if (r < 0) {
                keeper_free(k);
                return r;
        }
        *ret = k;
        return 0;
}

Keeper *keeper_free(Keeper *k) {
        if (!k)
                return NULL;
        sd_event_source_disable_unref(k->timer);
        sd_event_source_disable_unref(k->post);
        free(k);
        return NULL;
}

int keeper_describe(const Keeper *k, sd_json_variant **object) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *faults = NULL;
        StateSpace space = {};
        int r;

        r = state_fault_to_json(k->spec.dir, &faults);
        if (r < 0)
                return r;
        const bool known = state_space(k->spec.dir, &space) >= 0;
        return sd_json_variant_merge_objectbo(
                object, SD_JSON_BUILD_PAIR("stateDirectory", SD_JSON_BUILD_STRING(k->spec.dir)),
                SD_JSON_BUILD_PAIR_CONDITION(known, "stateFreeBytes",
                                             SD_JSON_BUILD_UNSIGNED(space.free_bytes)),
                SD_JSON_BUILD_PAIR_CONDITION(space.low, "stateLow", SD_JSON_BUILD_BOOLEAN(true)),
                SD_JSON_BUILD_PAIR_CONDITION(space.read_only, "stateReadOnly", SD_JSON_BUILD_BOOLEAN(true)),
                SD_JSON_BUILD_PAIR_CONDITION(!!faults, "stateFaults", SD_JSON_BUILD_VARIANT(faults)));
}

int keeper_metrics(const Keeper *k, sd_json_variant **metrics) {
        StateSpace space = {};
        int r;

        r = metrics_append(metrics, "state_write_failures", true,
                           "Files of the daemon's state that could not be written, each try",
                           (double) state_fault_total(), NULL);
        if (r >= 0)
                r = metrics_append(metrics, "state_stale", false,
                                   "1 while something of the daemon's state is newer than on disk",
                                   state_fault_any(), NULL);
        if (r >= 0 && state_space(k->spec.dir, &space) >= 0)
                r = metrics_append(metrics, "state_free_bytes", false,
                                   "Room on the file system of the daemon's state",
                                   (double) space.free_bytes, NULL);
        return r;
}
