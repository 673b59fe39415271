/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Calls at the relay. Runs in the first worker's thread. */

#include <stdio.h>

#include "hagw-proxyd/house/agent.h"
#include "hagw-proxyd/house/agentcall.h"
#include "hagw-proxyd/house/agentline.h"
#include "libhagw/crew/worker.h"
#include "libhagw/pure/list.h"

#define INTERFACE "io.hagw.Relay."

struct AgentCall {
        AgentCall *next, **place; /* in worker->house->calls */
        Garbage garbage;
        Timer timer;
        Worker *worker;
        AgentLine *relay;
        AgentCallMessage *message;
};

static void free_call(Garbage *g) {
        free(CONTAINER_OF(g, AgentCall, garbage));
}

static void answer(Worker *w, AgentCallMessage *m, AgentCallResult result, const char *text) {
        m->result = result;
        (void) snprintf(m->text, sizeof(m->text), "%s", text);
        queue_push(w->main_queue, &m->message);
}

static void finish(AgentCall *c, AgentCallResult result, const char *text) {
        Worker *w = c->worker;

        answer(w, TAKE_PTR(c->message), result, text);
        LIST_REMOVE(c);
        loop_disarm(&w->loop, &c->timer);
        c->relay = agent_line_close(c->relay);
        loop_defer_free(&w->loop, &c->garbage);
}

/* Whose token goes back: the relay tells this house from another with the same token by its session. */
static int add_session(const AgentCall *c, sd_json_variant **v) {
        const uint8_t *id = agent_session(c->worker, c->message->target);

        return sd_json_variant_merge_objectbo(
                v, SD_JSON_BUILD_PAIR("session",
                                      SD_JSON_BUILD_BASE64(id, id ? CHANNEL_SESSION_ID_SIZE : 0)));
}

static void on_open(AgentLine *l, sd_json_variant *proof) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;
        char method[128];
        AgentCall *c = l->userdata;
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
                finish(c, AGENT_CALL_UNREACHABLE,
                       r == -EMSGSIZE ? "the call is too long" : "the connection to the relay broke");
        else
                loop_arm(loop, &c->timer, loop->now_usec + AGENT_CALL_USEC);
}

static void on_message(AgentLine *l, sd_json_variant *message) {
        AgentCall *c = l->userdata;
        ControlReply reply;

        if (control_read_reply(message, &reply) < 0)
                finish(c, AGENT_CALL_UNREACHABLE, "it has sent something that is no answer");
        else if (reply.error)
                finish(c, AGENT_CALL_REFUSED, startswith(reply.error, INTERFACE) ?: reply.error);
        else if (reply.parameters &&
                 sd_json_variant_format(reply.parameters, /* flags= */ 0, &c->message->reply) < 0)
                finish(c, AGENT_CALL_UNREACHABLE, "out of memory");
        else
                finish(c, AGENT_CALL_OK, "");
}

static void on_failed(AgentLine *l, AgentLineFailure failure, const char *why) {
        finish(l->userdata, AGENT_CALL_UNREACHABLE, why);
}

static const AgentLineOps link_ops = {
        .on_open = on_open,
        .on_message = on_message,
        .on_failed = on_failed,
};

static void on_timer(Timer *t) {
        finish(CONTAINER_OF(t, AgentCall, timer), AGENT_CALL_UNREACHABLE, "it did not answer in time");
}

static void start(Worker *w, AgentCallMessage *m) {
        AgentCall *c = w->stage >= WORKER_SHUT ? NULL : calloc(1, sizeof(*c));

        if (c)
                c->relay = agent_line_new(w, m->target, m->prove, &link_ops, c);
        if (!c || !c->relay) {
                free(c);
                answer(w, m, AGENT_CALL_UNREACHABLE, w->stage >= WORKER_SHUT ? "stopping" : "out of memory");
                return;
        }
        c->garbage.free = free_call;
        c->timer.fire = on_timer;
        c->worker = w;
        c->message = m;
        LIST_ADD(&w->house->calls, c);
}

/* It goes back to the main thread with the answer, whatever it is. */
static void deliver_call(Message *m, Worker *w) {
        start(w, (AgentCallMessage *) m);
}

static void free_message(Message *m) {
        AgentCallMessage *c = (AgentCallMessage *) m;

        relay_target_unref(c->target);
        free(c->parameters);
        free(c->reply);
}

const MessageKind agent_call_message = {
        .size = sizeof(AgentCallMessage), .deliver = deliver_call, .free = free_message,
};

void agent_call_done(Worker *w) {
        while (w->house->calls)
                finish(w->house->calls, AGENT_CALL_UNREACHABLE, "stopping");
}
