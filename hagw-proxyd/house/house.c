/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a house's end of the tunnel hangs on a worker, and tells the main thread. */

#include "hagw-proxyd/house/agent.h"
#include "hagw-proxyd/house/agentcall.h"
#include "hagw-proxyd/snapshot/figures.h"
#include "libhagw/crew/worker.h"

const char *agent_state_text(AgentState s) {
        static const char *const texts[_AGENT_STATE_MAX] = {
                [AGENT_RESOLVING] = "resolving", [AGENT_CONNECTING] = "connecting",
                [AGENT_PROVING] = "proving",     [AGENT_ATTACHED] = "attached",
                [AGENT_WAITING] = "waiting",
        };
        return s >= 0 && s < _AGENT_STATE_MAX ? texts[s] : NULL;
}

static void free_state(Message *m) {
        relay_target_unref(((AgentStateMessage *) m)->target);
}

const MessageKind agent_state_message = { .size = sizeof(AgentStateMessage), .free = free_state };

uint64_t agent_visitors(const Worker *w) {
        uint64_t n = 0;

        for (unsigned i = 0; i < w->n_crew; i++) {
                const Figures *f = w->crew[i]->figures;

                n += atomic_load_explicit(&f->agent_visits, memory_order_relaxed) -
                     atomic_load_explicit(&f->agent_visits_ended, memory_order_relaxed);
        }
        return n;
}

static int init(Worker *w) {
        w->house = calloc(1, sizeof(*w->house));
        return w->house ? 0 : -ENOMEM;
}

static void leave(Worker *w) {
        w->house->agent = agent_free(w->house->agent);
        agent_call_done(w);
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
