/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Calls at the relay. Runs in the first worker's thread. */

#include <stdio.h>

#include "hagw-proxyd/crew/worker.h"
#include "hagw-proxyd/house/agent.h"
#include "hagw-proxyd/house/relaycall.h"
#include "hagw-proxyd/house/relaylink.h"

#define INTERFACE "io.hagw.Relay."

struct RelayCall {
        RelayCall *next, **link; /* in worker->house->calls */
        Garbage garbage;
        Timer timer;
        Worker *worker;
        RelayLink *relay;
        RelayCallMessage *message;
};

static void free_call(Garbage *g) {
        free(CONTAINER_OF(g, RelayCall, garbage));
}

static void answer(Worker *w, RelayCallMessage *m, RelayCallResult result, const char *text) {
        m->result = result;
        (void) snprintf(m->text, sizeof(m->text), "%s", text);
        queue_push(w->main_queue, &m->message);
}

static void finish(RelayCall *c, RelayCallResult result, const char *text) {
        Worker *w = c->worker;

        answer(w, TAKE_PTR(c->message), result, text);
        *c->link = c->next;
        if (c->next)
                c->next->link = c->link;
        loop_disarm(&w->loop, &c->timer);
        c->relay = relay_link_close(c->relay);
        loop_defer_free(&w->loop, &c->garbage);
}

/* Whose token goes back: the relay tells this house from another with the same token by its session. */
static int add_session(const RelayCall *c, sd_json_variant **v) {
        const uint8_t *id = agent_session(c->worker, c->message->target);

        return sd_json_variant_merge_objectbo(
                v, SD_JSON_BUILD_PAIR("session",
                                      SD_JSON_BUILD_BASE64(id, id ? CHANNEL_SESSION_ID_SIZE : 0)));
}

static void on_open(RelayLink *l, sd_json_variant *proof) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;
        char method[128];
        RelayCall *c = l->userdata;
        Loop *loop = &c->worker->loop;
        int r;

        (void) snprintf(method, sizeof(method), INTERFACE "%s", c->message->method);
        r = sd_json_parse(c->message->parameters, /* flags= */ 0, &v, NULL, NULL);
        if (r >= 0 && proof)
                r = sd_json_variant_set_field(&v, "proof", proof);
        if (r >= 0 && streq(c->message->method, "GiveBack"))
                r = add_session(c, &v);
        if (r >= 0)
                r = control_send_call(&l->transport, method, v, /* more= */ false);
        if (r < 0)
                finish(c, RELAY_CALL_UNREACHABLE,
                       r == -EMSGSIZE ? "the call is too long" : "the connection to the relay broke");
        else
                loop_arm(loop, &c->timer, loop->now_usec + RELAY_CALL_USEC);
}

static void on_message(RelayLink *l, sd_json_variant *message) {
        RelayCall *c = l->userdata;
        ControlReply reply;

        if (control_read_reply(message, &reply) < 0)
                finish(c, RELAY_CALL_UNREACHABLE, "it has sent something that is no answer");
        else if (reply.error)
                finish(c, RELAY_CALL_REFUSED, startswith(reply.error, INTERFACE) ?: reply.error);
        else if (reply.parameters &&
                 sd_json_variant_format(reply.parameters, /* flags= */ 0, &c->message->reply) < 0)
                finish(c, RELAY_CALL_UNREACHABLE, "out of memory");
        else
                finish(c, RELAY_CALL_OK, "");
}

static void on_failed(RelayLink *l, RelayLinkFailure failure, const char *why) {
        finish(l->userdata, RELAY_CALL_UNREACHABLE, why);
}

static const RelayLinkOps link_ops = {
        .on_open = on_open,
        .on_message = on_message,
        .on_failed = on_failed,
};

static void on_timer(Timer *t) {
        finish(CONTAINER_OF(t, RelayCall, timer), RELAY_CALL_UNREACHABLE, "it did not answer in time");
}

static void start(Worker *w, RelayCallMessage *m) {
        RelayCall *c = w->stage >= WORKER_SHUT ? NULL : calloc(1, sizeof(*c));

        if (c)
                c->relay = relay_link_new(w, m->target, m->prove, &link_ops, c);
        if (!c || !c->relay) {
                free(c);
                answer(w, m, RELAY_CALL_UNREACHABLE, w->stage >= WORKER_SHUT ? "stopping" : "out of memory");
                return;
        }
        c->garbage.free = free_call;
        c->timer.fire = on_timer;
        c->worker = w;
        c->message = m;
        c->next = w->house->calls;
        c->link = &w->house->calls;
        if (c->next)
                c->next->link = &c->next;
        w->house->calls = c;
}

/* It goes back to the main thread with the answer, whatever it is. */
static void deliver_call(Message *m, Worker *w) {
        start(w, (RelayCallMessage *) m);
}

static void free_message(Message *m) {
        RelayCallMessage *c = (RelayCallMessage *) m;

        relay_target_unref(c->target);
        free(c->parameters);
        free(c->reply);
}

const MessageKind relay_call_message = {
        .size = sizeof(RelayCallMessage), .deliver = deliver_call, .free = free_message,
};

void relay_calls_done(Worker *w) {
        while (w->house->calls)
                finish(w->house->calls, RELAY_CALL_UNREACHABLE, "stopping");
}
