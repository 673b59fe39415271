/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* To the relay: look up, connect, TLS, prove. Runs in the worker's thread. */

#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>

#include "hagw-proxyd/house/agentline.h"
#include "libhagw/crew/worker.h"
#include "libhagw/log.h"

const char *agent_line_state_text(AgentLineState s) {
        static const char *const texts[_AGENT_LINE_STATE_MAX] = {
                [AGENT_LINE_RESOLVING] = "resolving", [AGENT_LINE_CONNECTING] = "connecting",
                [AGENT_LINE_HANDSHAKE] = "handshake", [AGENT_LINE_PROVING] = "proving",
                [AGENT_LINE_OPEN] = "open",           [AGENT_LINE_CLOSED] = "closed",
        };
        return s >= 0 && s < _AGENT_LINE_STATE_MAX ? texts[s] : NULL;
}

static void set_state(AgentLine *l, AgentLineState s) {
        static const unsigned from[_AGENT_LINE_STATE_MAX] = {
                [AGENT_LINE_CONNECTING] = STEPS_FROM(AGENT_LINE_RESOLVING),
                [AGENT_LINE_HANDSHAKE] = STEPS_FROM(AGENT_LINE_CONNECTING),
                [AGENT_LINE_PROVING] = STEPS_FROM(AGENT_LINE_HANDSHAKE),
                [AGENT_LINE_OPEN] = STEPS_FROM(AGENT_LINE_HANDSHAKE, AGENT_LINE_PROVING),
                [AGENT_LINE_CLOSED] = STEPS_FROM(AGENT_LINE_RESOLVING, AGENT_LINE_CONNECTING,
                                                 AGENT_LINE_HANDSHAKE, AGENT_LINE_PROVING, AGENT_LINE_OPEN),
        };

        assert_step(from, l->state, s);
        Loop *loop = &l->worker->loop;

        log_debug("Relay %s: %s -> %s", l->target->address, agent_line_state_text(l->state),
                  agent_line_state_text(s));
        l->state = s;
        if (s < AGENT_LINE_OPEN)
                loop_arm(loop, &l->timer, loop->now_usec + AGENT_LINE_STEP_USEC);
        else
                loop_disarm(loop, &l->timer);
        if (l->ops->on_state && s != AGENT_LINE_CLOSED)
                l->ops->on_state(l);
}

static void free_link(Garbage *g) {
        free(CONTAINER_OF(g, AgentLine, garbage));
}

AgentLine *agent_line_close(AgentLine *l) {
        if (!l || l->state == AGENT_LINE_CLOSED)
                return NULL;
        if (l->state == AGENT_LINE_PROVING || l->state == AGENT_LINE_OPEN)
                transport_shutdown(&l->transport);
        set_state(l, AGENT_LINE_CLOSED);
        if (l->asked)
                l->asked->asker = NULL;
        if (l->proving)
                l->proving->asker = NULL;
        l->dial = dial_free(l->dial);
        loop_not_again(&l->worker->loop, &l->again);
        control_stream_done(&l->stream);
        transport_done(&l->transport);
        relay_keys_wipe(&l->keys);
        l->target = relay_target_unref(l->target);
        loop_defer_free(&l->worker->loop, &l->garbage);
        return NULL;
}

static void fail(AgentLine *l, AgentLineFailure failure, const char *why) {
        agent_line_close(l);
        l->ops->on_failed(l, failure, why);
}

static const char *stream_failure(int r) {
        return r == 0             ? "the relay has closed the connection" :
               r == -EMSGSIZE     ? "the relay has sent a message that is too long" :
               r == -EBADMSG      ? "the relay has sent something that is no message" :
               r == -ENOMEM       ? "out of memory" :
               r == -ETIMEDOUT    ? "the relay does not answer any more" :
               r == -EHOSTUNREACH ? "there is no way to the relay any more" :
                                    "the connection to the relay broke";
}

static void read_messages(AgentLine *l) {
        Loop *loop = &l->worker->loop;

        while (l->state == AGENT_LINE_OPEN) {
                _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;
                int r;

                if (loop_turn_is_over(loop)) {
                        loop_again(loop, &l->again);
                        return;
                }
                r = control_stream_read(&l->stream, &l->transport, &v);
                if (r == -EAGAIN)
                        return;
                if (r <= 0) {
                        fail(l, AGENT_LINE_UNREACHABLE, stream_failure(r));
                        return;
                }
                loop_spend(loop, LOOP_WORK_MESSAGE);
                l->ops->on_message(l, v);
        }
}

static void open_link(AgentLine *l, sd_json_variant *proof) {
        set_state(l, AGENT_LINE_OPEN);
        l->ops->on_open(l, proof);
        /* What it said already, before it was asked, or its end. */
        read_messages(l);
}

/* Tells what keyd said as what is to be done. */
static const char *proof_failure(const CallMessage *m) {
        return m->error && streq(m->error, "io.hagw.Key.NoToken") ?
                       "hagw-keyd holds no token for a relay: attach with hagw-ctl attach" :
                       "hagw-keyd could not prove the token: see its log";
}

static void on_proof(CallMessage *m) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *reply = NULL, *proof = NULL;
        AgentLine *l = m->asker;
        const char *tenant, *id, *text;
        char why[MESSAGE_TEXT_MAX];

        l->proving = NULL;
        if (m->failed) {
                bool no_token = m->error && streq(m->error, "io.hagw.Key.NoToken");

                fail(l, no_token ? AGENT_LINE_NO_TOKEN : AGENT_LINE_UNREACHABLE, proof_failure(m));
                return;
        }
        (void) sd_json_parse(m->reply, /* flags= */ 0, &reply, NULL, NULL);
        tenant = control_string(reply, "tenant");
        id = control_string(reply, "tokenId");
        text = control_string(reply, "proof");
        if (!tenant || !id || !text ||
            sd_json_buildo(&proof, SD_JSON_BUILD_PAIR_STRING("tenant", tenant),
                           SD_JSON_BUILD_PAIR_STRING("tokenId", id),
                           SD_JSON_BUILD_PAIR_STRING("proof", text)) < 0) {
                fail(l, AGENT_LINE_UNREACHABLE, "hagw-keyd's answer is no proof");
                return;
        }
        if (l->target->tenant && !streq(l->target->tenant, tenant)) {
                (void) snprintf(why, sizeof(why),
                                "the token is that of \"%s\", and relay.tenant is \"%s\": attach anew",
                                tenant, l->target->tenant);
                fail(l, AGENT_LINE_NO_TOKEN, why);
                return;
        }
        (void) snprintf(l->token_id, sizeof(l->token_id), "%s", id);
        open_link(l, proof);
}

static int ask_proof(AgentLine *l) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;
        CallMessage *m;
        int r;

        r = sd_json_buildo(&v, SD_JSON_BUILD_PAIR_BASE64("binding", l->keys.binding,
                                                         sizeof(l->keys.binding)));
        if (r < 0)
                return r;
        m = message_new(&call_message);
        if (!m)
                return -ENOMEM;
        r = sd_json_variant_format(v, /* flags= */ 0, &m->parameters);
        if (r < 0) {
                message_free(&m->message);
                return r;
        }
        m->worker = l->worker;
        m->asker = l;
        m->on_answer = on_proof;
        m->peer = CALL_KEYD;
        m->method = "io.hagw.Key.ProveToken";
        l->proving = m;
        queue_push(l->worker->main_queue, &m->message);
        return 0;
}

static void handshake(AgentLine *l) {
        char why[MESSAGE_TEXT_MAX];
        int r;

        r = transport_handshake(&l->transport);
        if (r == -EAGAIN) {
                (void) transport_flush(&l->transport);
                return;
        }
        if (r < 0) {
                relay_target_explain(l->target, l->transport.tls, l->transport.tls_error, why, sizeof(why));
                fail(l, AGENT_LINE_UNREACHABLE, why);
                return;
        }
        if (relay_keys_export(l->transport.tls, &l->keys) < 0) {
                fail(l, AGENT_LINE_UNREACHABLE, "what answers there is no relay of hagw's");
                return;
        }
        if (!l->prove) {
                open_link(l, NULL);
                return;
        }
        set_state(l, AGENT_LINE_PROVING);
        if (ask_proof(l) < 0)
                fail(l, AGENT_LINE_UNREACHABLE, "out of memory");
}

static void on_event(Handle *h, uint32_t events) {
        AgentLine *l = CONTAINER_OF(h, AgentLine, transport.handle);
        int r;

        transport_note(&l->transport, events);
        if (l->state == AGENT_LINE_HANDSHAKE) {
                handshake(l);
                return;
        }
        r = transport_pending(&l->transport) ? transport_flush(&l->transport) : 0;
        if (r < 0 && r != -EAGAIN)
                fail(l, AGENT_LINE_UNREACHABLE, stream_failure(r));
        else
                read_messages(l);
}

static void on_again(Again *a) {
        read_messages(CONTAINER_OF(a, AgentLine, again));
}

static void on_dialled(int fd, size_t index, void *userdata) {
        AgentLine *l = userdata;
        Loop *loop = &l->worker->loop;
        gnutls_session_t tls;
        char why[MESSAGE_TEXT_MAX];

        l->dial = NULL;
        if (fd < 0) {
                errno = -fd;
                (void) snprintf(why, sizeof(why),
                                fd == -ETIMEDOUT ? "connecting took too long" : "connecting failed: %m");
                fail(l, AGENT_LINE_UNREACHABLE, why);
                return;
        }
        l->address = l->addresses[index];
        (void) setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT,
                          &(unsigned) { AGENT_LINE_UNACKNOWLEDGED_USEC / USEC_PER_MSEC }, sizeof(unsigned));
        transport_init(&l->transport, loop, &l->worker->pool, fd);
        if (loop_add(loop, &l->transport.handle, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET) < 0 ||
            relay_target_start_tls(l->target, &tls) < 0) {
                fail(l, AGENT_LINE_UNREACHABLE, "out of memory");
                return;
        }
        transport_start_tls(&l->transport, tls);
        set_state(l, AGENT_LINE_HANDSHAKE);
        loop_spend(loop, LOOP_WORK_HANDSHAKE);
        handshake(l);
}

static void dial(AgentLine *l, size_t n) {
        const DialTarget target = {
                .addresses = l->addresses,
                .n_addresses = n,
                .port = l->target->port,
                .timeout_usec = AGENT_LINE_STEP_USEC / 2,
        };

        set_state(l, AGENT_LINE_CONNECTING);
        if (dial_new(&l->worker->loop, &target, NULL, on_dialled, l, &l->dial) < 0)
                fail(l, AGENT_LINE_UNREACHABLE, "out of memory");
}

static void on_resolved(ResolveMessage *m) {
        AgentLine *l = m->asker;

        l->asked = NULL;
        if (m->error < 0) {
                fail(l, AGENT_LINE_UNREACHABLE, m->reason);
                return;
        }
        memcpy(l->addresses, m->addresses, sizeof(l->addresses));
        dial(l, m->n_addresses);
}

/* From the loop: whoever makes a link is not called back before he has it. */
static void on_start(Again *a) {
        AgentLine *l = CONTAINER_OF(a, AgentLine, again);
        ResolveMessage *m;

        a->run = on_again;
        if (l->target->literal) {
                l->addresses[0] = l->target->ip;
                dial(l, 1);
                return;
        }
        m = message_new(&resolve_message);
        if (!m) {
                fail(l, AGENT_LINE_UNREACHABLE, "out of memory");
                return;
        }
        m->worker = l->worker;
        m->asker = l;
        m->on_answer = on_resolved;
        (void) snprintf(m->name, sizeof(m->name), "%s", l->target->host);
        l->asked = m;
        queue_push(l->worker->main_queue, &m->message);
}

static void on_timer(Timer *t) {
        static const char *const why[_AGENT_LINE_STATE_MAX] = {
                [AGENT_LINE_RESOLVING] = "its name could not be looked up in time",
                [AGENT_LINE_CONNECTING] = "connecting took too long",
                [AGENT_LINE_HANDSHAKE] = "its TLS handshake took too long",
                [AGENT_LINE_PROVING] = "hagw-keyd does not answer",
        };
        AgentLine *l = CONTAINER_OF(t, AgentLine, timer);

        fail(l, AGENT_LINE_UNREACHABLE, why[l->state]);
}

AgentLine *agent_line_new(Worker *w, RelayTarget *target, bool prove, const AgentLineOps *ops,
                          void *userdata) {
        AgentLine *l = calloc(1, sizeof(*l));

        if (!l)
                return NULL;
        l->worker = w;
        l->target = relay_target_ref(target);
        l->prove = prove;
        l->ops = ops;
        l->userdata = userdata;
        l->garbage.free = free_link;
        l->timer.fire = on_timer;
        l->again.run = on_start;
        l->transport.handle.on_event = on_event;
        transport_init(&l->transport, &w->loop, &w->pool, -EBADF);
        loop_arm(&w->loop, &l->timer, w->loop.now_usec + AGENT_LINE_STEP_USEC);
        loop_again(&w->loop, &l->again);
        return l;
}
