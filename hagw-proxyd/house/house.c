/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a house's end of the tunnel hangs on a worker, and tells the main thread. */

#include "hagw-proxyd/crew/worker.h"
#include "hagw-proxyd/house/agent.h"
#include "hagw-proxyd/house/relaycall.h"

const char *relay_state_text(RelayState s) {
        static const char *const texts[_RELAY_STATE_MAX] = {
                [RELAY_RESOLVING] = "resolving", [RELAY_CONNECTING] = "connecting",
                [RELAY_PROVING] = "proving",     [RELAY_ATTACHED] = "attached",
                [RELAY_WAITING] = "waiting",
        };
        return s >= 0 && s < _RELAY_STATE_MAX ? texts[s] : NULL;
}

static void free_state(Message *m) {
        relay_target_unref(((RelayStateMessage *) m)->target);
}

const MessageKind relay_state_message = { .size = sizeof(RelayStateMessage), .free = free_state };

static int init(Worker *w) {
        w->house = calloc(1, sizeof(*w->house));
        return w->house ? 0 : -ENOMEM;
}

static void leave(Worker *w) {
        w->house->agent = agent_free(w->house->agent);
        relay_calls_done(w);
}

static void free_room(Worker *w) {
        free(w->house);
        w->house = NULL;
}

const Room house_room = {
        .init = init,
        .snapshot = agent_apply,
        .network = agent_nudge,
        .shut = agent_leave,
        .leave = leave,
        .free = free_room,
};
