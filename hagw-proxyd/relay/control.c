/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Control connections from their first byte to their last. What they call is control-calls.c, what it means
 * to be attached is control-attach.c. Runs in the worker's thread. */

#include <stdio.h>
#include <sys/socket.h>

#include "hagw-proxyd/relay/control-attach.h"
#include "hagw-proxyd/relay/relay.h"
#include "hagw-proxyd/relay/tenants.h"
#include "libhagw/crew/crowd.h"
#include "libhagw/crew/worker.h"
#include "libhagw/log.h"
#include "libhagw/pure/list.h"

#define LEAVING_USEC (2 * USEC_PER_SEC) /* to read the last word */
#define BUSY_RETRY_USEC (5 * USEC_PER_SEC)

static const char *control_state_text(ControlState s) {
        static const char *const texts[_CONTROL_STATE_MAX] = {
                [CONTROL_CALL] = "call",       [CONTROL_ASKED] = "asked",
                [CONTROL_PROBING] = "probing", [CONTROL_ATTACHED] = "attached",
                [CONTROL_LEAVING] = "leaving", [CONTROL_CLOSED] = "closed",
        };
        return texts[s];
}

void control_set_state(Control *k, ControlState s) {
        static const unsigned from[_CONTROL_STATE_MAX] = {
                [CONTROL_ASKED] = STEPS_FROM(CONTROL_CALL, CONTROL_ASKED),
                [CONTROL_PROBING] = STEPS_FROM(CONTROL_ASKED),
                [CONTROL_ATTACHED] = STEPS_FROM(CONTROL_ASKED, CONTROL_PROBING),
                [CONTROL_LEAVING] = STEPS_FROM(CONTROL_CALL, CONTROL_ASKED, CONTROL_PROBING,
                                               CONTROL_ATTACHED),
                [CONTROL_CLOSED] = STEPS_FROM(CONTROL_CALL, CONTROL_ASKED, CONTROL_PROBING,
                                              CONTROL_ATTACHED, CONTROL_LEAVING),
        };
        char address[IP_TEXT_MAX];

        assert_step(from, k->state, s);
        log_debug("Control connection of %s: %s -> %s", ip_format(&k->address, address),
                  control_state_text(k->state), control_state_text(s));
        k->state = s;
}

static void free_control(Garbage *g) {
        Control *k = CONTAINER_OF(g, Control, garbage);

        free(k->machine);
        free(k->software);
        free(k->told_opens);
        machine_done(&k->says);
        free(k);
}

static void forget_question(Control *k) {
        if (k->asked)
                k->asked->asker = NULL;
        k->asked = NULL;
}

void control_unlink_stranger(Control *k) {
        LIST_REMOVE(k);
}

void control_link_stranger(Control *k) {
        LIST_ADD(&k->worker->tenants->strangers, k);
}

void control_close(Control *k) {
        Worker *w = k->worker;

        if (k->state == CONTROL_CLOSED)
                return;
        control_detach(k);
        forget_question(k);
        control_unlink_stranger(k);
        control_set_state(k, CONTROL_CLOSED);
        loop_disarm(&w->loop, &k->timer);
        transport_done(&k->transport);
        control_stream_done(&k->stream);
        relay_keys_wipe(&k->keys);
        crowd_leave(&k->crowd);
        loop_defer_free(&w->loop, &k->garbage);
}

void control_leave(Control *k) {
        Worker *w = k->worker;

        if (k->tenant) {
                control_detach(k);
                control_link_stranger(k);
        }
        forget_question(k);
        control_set_state(k, CONTROL_LEAVING);
        transport_shutdown(&k->transport);
        if (k->transport.error < 0)
                control_close(k);
        else
                loop_arm(&w->loop, &k->timer, w->loop.now_usec + LEAVING_USEC);
}

void control_end(Control *k, const char *error) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *parameters = NULL;
        char id[64];

        if (k->state >= CONTROL_LEAVING)
                return;
        if (error && streq(error, "Busy"))
                (void) sd_json_buildo(
                        &parameters,
                        SD_JSON_BUILD_PAIR("retryUSec", SD_JSON_BUILD_UNSIGNED(BUSY_RETRY_USEC)));
        (void) snprintf(id, sizeof(id), "io.hagw.Relay.%s", strempty(error));
        if (error && control_send_error(&k->transport, id, parameters) < 0)
                control_close(k);
        else
                control_leave(k);
}

static void control_run(Control *k) {
        for (;;) {
                _cleanup_(sd_json_variant_unrefp) sd_json_variant *message = NULL;
                int r = control_stream_read(&k->stream, &k->transport, &message);

                if (r == -EAGAIN)
                        return;
                /* After its call it has nothing more to say: whoever went on would keep this thread busy. */
                if (r <= 0 || k->state != CONTROL_CALL) {
                        if (r == 0)
                                control_gone(k);
                        control_close(k);
                        return;
                }
                loop_spend(&k->worker->loop, LOOP_WORK_MESSAGE);
                if (!control_on_call(k, message) || k->state == CONTROL_CLOSED)
                        return;
        }
}

static void on_event(Handle *h, uint32_t events) {
        Control *k = CONTAINER_OF(h, Control, transport.handle);

        transport_note(&k->transport, events);
        if (transport_pending(&k->transport)) {
                int r = transport_flush(&k->transport);

                if (r < 0 && r != -EAGAIN) {
                        control_close(k);
                        return;
                }
        }
        control_run(k);
}

static void on_timer(Timer *t) {
        Control *k = CONTAINER_OF(t, Control, timer);

        switch (k->state) {
        case CONTROL_ASKED:
                control_end(k, "Busy");
                break;
        case CONTROL_PROBING:
        case CONTROL_ATTACHED:
                control_on_place_timer(k);
                break;
        default:
                control_close(k);
        }
}

static void start(Control *k) {
        Worker *w = k->worker;

        control_link_stranger(k);
        loop_arm(&w->loop, &k->timer, w->loop.now_usec + CONTROL_CALL_USEC);
        if (loop_add(&w->loop, &k->transport.handle, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET) < 0)
                control_close(k);
}

int control_begin(Worker *w, Transport *t, const IpAddress *address, uint16_t port, CrowdPlace *crowd) {
        /* What stops attaches nobody any more: he would wait here for visitors that go to its successor. */
        Control *k = w->stage >= WORKER_SHUT ? NULL : calloc(1, sizeof(*k));
        int r = k ? relay_keys_export(t->tls, &k->keys) : -ECONNREFUSED;

        if (r < 0) {
                free(k);
                return r;
        }
        k->worker = w;
        k->address = *address;
        k->port = port;
        k->garbage.free = free_control;
        k->timer.fire = on_timer;
        loop_remove(&w->loop, &t->handle);
        transport_move(t, &k->transport);
        k->transport.handle.on_event = on_event;
        k->crowd = crowd_move(crowd);
        start(k);
        if (k->state == CONTROL_CALL)
                control_run(k);
        return 0;
}

static void arrive(Worker *w, Control *k, const char *call) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *message = NULL;

        k->worker = w;
        transport_arrive(&k->transport);
        start(k);
        if (k->state != CONTROL_CALL)
                return;
        if (w->stage >= WORKER_SHUT || sd_json_parse(call, /* flags= */ 0, &message, NULL, NULL) < 0)
                control_close(k);
        else
                (void) control_on_call(k, message); /* it is at home here */
}

/* One that never arrived. */
static void drop(Control *k) {
        if (!k)
                return;
        transport_done(&k->transport);
        control_stream_done(&k->stream);
        free_control(&k->garbage);
}

static void deliver_control(Message *m, Worker *w) {
        ControlMessage *c = (ControlMessage *) m;

        arrive(w, TAKE_PTR(c->control), c->call);
        message_free(m);
}

static void free_message(Message *m) {
        drop(((ControlMessage *) m)->control);
        free(((ControlMessage *) m)->call);
}

const MessageKind control_message = {
        .size = sizeof(ControlMessage), .deliver = deliver_control, .free = free_message,
};
