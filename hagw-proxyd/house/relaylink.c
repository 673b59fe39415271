/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* To the relay: look up, connect, TLS, prove. Runs in the worker's thread. */

#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>

#include "hagw-proxyd/crew/worker.h"
#include "hagw-proxyd/house/relaylink.h"
#include "libhagw/log.h"

const char *relay_link_state_text(RelayLinkState s) {
        static const char *const texts[_RELAY_LINK_STATE_MAX] = {
                [RELAY_LINK_RESOLVING] = "resolving", [RELAY_LINK_CONNECTING] = "connecting",
                [RELAY_LINK_HANDSHAKE] = "handshake", [RELAY_LINK_PROVING] = "proving",
                [RELAY_LINK_OPEN] = "open",           [RELAY_LINK_CLOSED] = "closed",
        };
        return s >= 0 && s < _RELAY_LINK_STATE_MAX ? texts[s] : NULL;
}

static void set_state(RelayLink *l, RelayLinkState s) {
        static const unsigned from[_RELAY_LINK_STATE_MAX] = {
                [RELAY_LINK_CONNECTING] = STEPS_FROM(RELAY_LINK_RESOLVING),
                [RELAY_LINK_HANDSHAKE] = STEPS_FROM(RELAY_LINK_CONNECTING),
                [RELAY_LINK_PROVING] = STEPS_FROM(RELAY_LINK_HANDSHAKE),
                [RELAY_LINK_OPEN] = STEPS_FROM(RELAY_LINK_HANDSHAKE, RELAY_LINK_PROVING),
                [RELAY_LINK_CLOSED] = STEPS_FROM(RELAY_LINK_RESOLVING, RELAY_LINK_CONNECTING,
                                                 RELAY_LINK_HANDSHAKE, RELAY_LINK_PROVING, RELAY_LINK_OPEN),
        };

        assert_step(from, l->state, s);
        Loop *loop = &l->worker->loop;

        log_debug("Relay %s: %s -> %s", l->target->address, relay_link_state_text(l->state),
                  relay_link_state_text(s));
        l->state = s;
        if (s < RELAY_LINK_OPEN)
                loop_arm(loop, &l->timer, loop->now_usec + RELAY_LINK_STEP_USEC);
        else
                loop_disarm(loop, &l->timer);
        if (l->ops->on_state && s != RELAY_LINK_CLOSED)
                l->ops->on_state(l);
}

static void free_link(Garbage *g) {
        free(CONTAINER_OF(g, RelayLink, garbage));
}

RelayLink *relay_link_close(RelayLink *l) {
        if (!l || l->state == RELAY_LINK_CLOSED)
                return NULL;
        if (l->state == RELAY_LINK_PROVING || l->state == RELAY_LINK_OPEN)
                transport_shutdown(&l->transport);
        set_state(l, RELAY_LINK_CLOSED);
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

static void fail(RelayLink *l, RelayLinkFailure failure, const char *why) {
        relay_link_close(l);
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

static void read_messages(RelayLink *l) {
        Loop *loop = &l->worker->loop;

        while (l->state == RELAY_LINK_OPEN) {
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
                        fail(l, RELAY_LINK_UNREACHABLE, stream_failure(r));
                        return;
                }
                loop_spend(loop, LOOP_WORK_MESSAGE);
                l->ops->on_message(l, v);
        }
}

static void open_link(RelayLink *l, sd_json_variant *proof) {
        set_state(l, RELAY_LINK_OPEN);
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
        RelayLink *l = m->asker;
        const char *tenant, *id, *text;
        char why[MESSAGE_TEXT_MAX];

        l->proving = NULL;
        if (m->failed) {
                bool no_token = m->error && streq(m->error, "io.hagw.Key.NoToken");

                fail(l, no_token ? RELAY_LINK_NO_TOKEN : RELAY_LINK_UNREACHABLE, proof_failure(m));
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
                fail(l, RELAY_LINK_UNREACHABLE, "hagw-keyd's answer is no proof");
                return;
        }
        if (l->target->tenant && !streq(l->target->tenant, tenant)) {
                (void) snprintf(why, sizeof(why),
                                "the token is that of \"%s\", and relay.tenant is \"%s\": attach anew",
                                tenant, l->target->tenant);
                fail(l, RELAY_LINK_NO_TOKEN, why);
                return;
        }
        (void) snprintf(l->token_id, sizeof(l->token_id), "%s", id);
        open_link(l, proof);
}

static int ask_proof(RelayLink *l) {
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

static void handshake(RelayLink *l) {
        char why[MESSAGE_TEXT_MAX];
        int r;

        r = transport_handshake(&l->transport);
        if (r == -EAGAIN) {
                (void) transport_flush(&l->transport);
                return;
        }
        if (r < 0) {
                relay_target_explain(l->target, l->transport.tls, l->transport.tls_error, why, sizeof(why));
                fail(l, RELAY_LINK_UNREACHABLE, why);
                return;
        }
        if (relay_keys_export(l->transport.tls, &l->keys) < 0) {
                fail(l, RELAY_LINK_UNREACHABLE, "what answers there is no relay of hagw's");
                return;
        }
        if (!l->prove) {
                open_link(l, NULL);
                return;
        }
        set_state(l, RELAY_LINK_PROVING);
        if (ask_proof(l) < 0)
                fail(l, RELAY_LINK_UNREACHABLE, "out of memory");
}

static void on_event(Handle *h, uint32_t events) {
        RelayLink *l = CONTAINER_OF(h, RelayLink, transport.handle);
        int r;

        transport_note(&l->transport, events);
        if (l->state == RELAY_LINK_HANDSHAKE) {
                handshake(l);
                return;
        }
        r = transport_pending(&l->transport) ? transport_flush(&l->transport) : 0;
        if (r < 0 && r != -EAGAIN)
                fail(l, RELAY_LINK_UNREACHABLE, stream_failure(r));
        else
                read_messages(l);
}

static void on_again(Again *a) {
        read_messages(CONTAINER_OF(a, RelayLink, again));
}

static void on_dialled(int fd, size_t index, void *userdata) {
        RelayLink *l = userdata;
        Loop *loop = &l->worker->loop;
        gnutls_session_t tls;
        char why[MESSAGE_TEXT_MAX];

        l->dial = NULL;
        if (fd < 0) {
                errno = -fd;
                (void) snprintf(why, sizeof(why),
                                fd == -ETIMEDOUT ? "connecting took too long" : "connecting failed: %m");
                fail(l, RELAY_LINK_UNREACHABLE, why);
                return;
        }
        l->address = l->addresses[index];
        (void) setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT,
                          &(unsigned) { RELAY_LINK_UNACKNOWLEDGED_USEC / USEC_PER_MSEC }, sizeof(unsigned));
        transport_init(&l->transport, loop, &l->worker->pool, fd);
        if (loop_add(loop, &l->transport.handle, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET) < 0 ||
            relay_target_start_tls(l->target, &tls) < 0) {
                fail(l, RELAY_LINK_UNREACHABLE, "out of memory");
                return;
        }
        transport_start_tls(&l->transport, tls);
        set_state(l, RELAY_LINK_HANDSHAKE);
        loop_spend(loop, LOOP_WORK_HANDSHAKE);
        handshake(l);
}

static void dial(RelayLink *l, size_t n) {
        const DialTarget target = {
                .addresses = l->addresses,
                .n_addresses = n,
                .port = l->target->port,
                .timeout_usec = RELAY_LINK_STEP_USEC / 2,
        };

        set_state(l, RELAY_LINK_CONNECTING);
        if (dial_new(&l->worker->loop, &target, NULL, on_dialled, l, &l->dial) < 0)
                fail(l, RELAY_LINK_UNREACHABLE, "out of memory");
}

static void on_resolved(ResolveMessage *m) {
        RelayLink *l = m->asker;

        l->asked = NULL;
        if (m->error < 0) {
                fail(l, RELAY_LINK_UNREACHABLE, m->reason);
                return;
        }
        memcpy(l->addresses, m->addresses, sizeof(l->addresses));
        dial(l, m->n_addresses);
}

/* From the loop: whoever makes a link is not called back before he has it. */
static void on_start(Again *a) {
        RelayLink *l = CONTAINER_OF(a, RelayLink, again);
        ResolveMessage *m;

        a->run = on_again;
        if (l->target->literal) {
                l->addresses[0] = l->target->ip;
                dial(l, 1);
                return;
        }
        m = message_new(&resolve_message);
        if (!m) {
                fail(l, RELAY_LINK_UNREACHABLE, "out of memory");
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
        static const char *const why[_RELAY_LINK_STATE_MAX] = {
                [RELAY_LINK_RESOLVING] = "its name could not be looked up in time",
                [RELAY_LINK_CONNECTING] = "connecting took too long",
                [RELAY_LINK_HANDSHAKE] = "its TLS handshake took too long",
                [RELAY_LINK_PROVING] = "hagw-keyd does not answer",
        };
        RelayLink *l = CONTAINER_OF(t, RelayLink, timer);

        fail(l, RELAY_LINK_UNREACHABLE, why[l->state]);
}

RelayLink *relay_link_new(Worker *w, RelayTarget *target, bool prove, const RelayLinkOps *ops,
                          void *userdata) {
        RelayLink *l = calloc(1, sizeof(*l));

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
        loop_arm(&w->loop, &l->timer, w->loop.now_usec + RELAY_LINK_STEP_USEC);
        loop_again(&w->loop, &l->again);
        return l;
}
