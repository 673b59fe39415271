/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Nobody who never pauses keeps the others from their turn, whatever state his connection is in: a row for
 * each state of each machine on a worker's loop, and no state without one. Measured in rounds of the loop
 * and in the work of its longest turn, never by the clock. */

#include <stdio.h>
#include <sys/socket.h>

#include "hagw-proxyd/h1/h1stream.h"
#include "hagw-proxyd/house/agentchannel.h"
#include "hagw-proxyd/http/exchange.h"
#include "hagw-proxyd/relay/tenantinfo.h"
#include "hagw-proxyd/relay/tenants.h"
#include "hagw-proxyd/upstream/link.h"
#include "hagw-proxyd/visit/conn.h"
#include "hagw-proxyd/visit/visitor.h"
#include "libhagw/crew/passage.h"
#include "tests/unit/turns.h"

typedef struct Row {
        TurnsEnter enter;
        const char *nothing; /* why there is nothing that could be read in this state */
} Row;

/* --- visitors ------------------------------------------------------------------------------------------ */

#define REQUEST "GET / HTTP/1.1\r\nHost: ha.example.com\r\n\r\n"
#define RECORDS_WITHOUT_MEANING "\x14\x03\x03\x00\x01\x01" /* change_cipher_spec, RFC 8446 appendix D.4 */

static bool enter_proxy(Turns *t) {
        static const char head[] = "\r\n\r\n\0\r\nQUIT\n\x21\x11\xff\xff";

        t->peer = turns_visit(t, CONN_HTTP, ARRIVAL_BALANCER);
        turns_run(t, 1);
        turns_flood(t->peer, head, sizeof(head) - 1);
        assert_int_equal(t->worker->visits->first->state, CONN_PROXY);
        return false;
}

static bool enter_hello(Turns *t) {
        t->peer = turns_visit(t, CONN_HTTPS, ARRIVAL_DIRECT);
        turns_run(t, 1);
        /* The begin of a ClientHello in fragments of a byte. */
        assert_int_equal(send(t->peer, "\x16\x03\x01\x00\x01\x01\x16\x03\x01\x00\x01", 11, 0), 11);
        turns_flood(t->peer, "\x00\x16\x03\x01\x00\x01", 6);
        assert_int_equal(t->worker->visits->first->state, CONN_HELLO);
        return false;
}

static bool enter_handshake(Turns *t) {
        t->peer = turns_visit(t, CONN_HTTPS, ARRIVAL_CHANNEL_OPENED);
        turns_hello(t, "ha.example.com");
        turns_run(t, 1);
        assert_int_equal(t->worker->visits->first->state, CONN_HANDSHAKE);
        FLOOD(t->peer, RECORDS_WITHOUT_MEANING);
        return false; /* GnuTLS loses its patience */
}

static bool enter_idle(Turns *t) {
        t->peer = turns_visit(t, CONN_HTTP, ARRIVAL_DIRECT);
        turns_run(t, 1);
        assert_int_equal(t->worker->visits->first->state, CONN_IDLE);
        FLOOD(t->peer, REQUEST);
        return true;
}

static bool enter_idle_tls(Turns *t) {
        (void) turns_visit_tls(t, "ha.example.com");
        turns_flood_tls(t);
        return true;
}

/* Windows that open by a byte each, which cost no credit. */
static bool enter_streams(Turns *t) {
        (void) turns_visit_http2(t, NULL);
        turns_flood_frames(t, "\0\0\x04\x08\0\0\0\0\0\0\0\0\x01", 13);
        return true;
}

static bool enter_linger(Turns *t) {
        t->peer = turns_visit(t, CONN_HTTPS, ARRIVAL_CHANNEL_OPENED);
        turns_run(t, 1);
        conn_linger(t->worker->visits->first);
        FLOOD(t->peer, REQUEST);
        assert_int_equal(t->worker->visits->first->state, CONN_LINGER);
        return false; /* thrown away a megabyte at a time */
}

/* --- requests ------------------------------------------------------------------------------------------ */

static void expect_exchange(Turns *t, ExchangeState s) {
        Conn *c = t->worker->visits->first;

        assert_int_equal(c->state, CONN_REQUEST);
        assert_int_equal(c->h1->stream.exchange->state, s);
}

static bool enter_session(Turns *t) {
        static const char text[] = "GET / HTTP/1.1\r\nHost: walled.example.com\r\n"
                                   "Cookie: __Host-hagw=abc\r\n\r\n";

        (void) turns_visit_tls(t, "walled.example.com");
        assert_int_equal(gnutls_record_send(t->tls, text, sizeof(text) - 1), sizeof(text) - 1);
        turns_run(t, 1);
        expect_exchange(t, EXCHANGE_SESSION);
        turns_flood_tls(t);
        return false; /* unread */
}

static bool enter_link(Turns *t) {
        (void) turns_visit_plain(t, "ha.example.com");
        FLOOD(t->peer, REQUEST);
        turns_run(t, 1);
        expect_exchange(t, EXCHANGE_LINK);
        return false; /* unread */
}

/* A request that the service has. */
static void ask(Turns *t, const char *text) {
        (void) turns_visit_plain(t, "ha.example.com");
        turns_say(t->peer, text);
        turns_accept(t);
        expect_exchange(t, EXCHANGE_HEAD);
        t->ours = t->worker->visits->first->h1->stream.exchange->client.link->transport.handle.fd;
}

static bool enter_head(Turns *t) {
        ask(t, REQUEST);
        FLOOD(t->service, "HTTP/1.1 103 Early Hints\r\n\r\n");
        return true;
}

static bool enter_head_upload(Turns *t) {
        ask(t, "POST / HTTP/1.1\r\nHost: ha.example.com\r\nTransfer-Encoding: chunked\r\n\r\n");
        t->ours = t->worker->visits->first->transport.handle.fd;
        FLOOD(t->peer, "1\r\nx\r\n");
        return true;
}

static bool enter_body(Turns *t) {
        ask(t, REQUEST);
        turns_say(t->service, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        turns_run(t, 1);
        expect_exchange(t, EXCHANGE_BODY);
        FLOOD(t->service, "1\r\nx\r\n");
        return true;
}

static bool enter_upgrade(Turns *t) {
        ask(t, "GET / HTTP/1.1\r\nHost: ha.example.com\r\nConnection: upgrade\r\nUpgrade: websocket\r\n"
               "Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\nSec-WebSocket-Version: 13\r\n\r\n");
        turns_say(t->service, "HTTP/1.1 101 Go\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n");
        turns_run(t, 1);
        expect_exchange(t, EXCHANGE_UPGRADE);
        FLOOD(t->service, "\x8a\x00"); /* pongs */
        FLOOD(t->peer, "\x8a\x00");
        return true;
}

/* --- passages and links -------------------------------------------------------------------------------- */

static bool enter_waiting(Turns *t) {
        t->peer = turns_visit(t, CONN_HTTPS, ARRIVAL_DIRECT);
        turns_hello(t, "raw.example.com");
        FLOOD(t->peer, "x");
        turns_run(t, 1);
        assert_int_equal(t->worker->passages->first->state, PASSAGE_WAITING);
        return false; /* unread */
}

static bool enter_pumping(Turns *t) {
        t->peer = turns_visit(t, CONN_HTTPS, ARRIVAL_DIRECT);
        turns_hello(t, "raw.example.com");
        turns_accept(t);
        assert_int_equal(t->worker->passages->first->state, PASSAGE_PUMPING);
        FLOOD(t->service, "x");
        FLOOD(t->peer, "x");
        return false; /* a pump has a turn of its own, see test-pump.c */
}

static bool enter_link_handshake(Turns *t) {
        (void) turns_visit_plain(t, "tls.example.com");
        turns_say(t->peer, "GET / HTTP/1.1\r\nHost: tls.example.com\r\n\r\n");
        turns_accept(t);
        assert_int_equal(t->worker->visits->first->h1->stream.exchange->client.link->state, LINK_HANDSHAKE);
        FLOOD(t->service, RECORDS_WITHOUT_MEANING);
        return false;
}

static void enter_link_idle_quietly(Turns *t) {
        ask(t, REQUEST);
        turns_say(t->service, "HTTP/1.1 204 No\r\n\r\n");
        turns_run(t, 2);
        assert_int_equal(t->worker->upstreams->list->n_idle, 1);
}

static bool enter_link_idle(Turns *t) {
        enter_link_idle_quietly(t);
        FLOOD(t->service, "HTTP/1.1 204 No\r\n\r\n");
        return false; /* its first byte is its end */
}

/* --- at a relay: control connections and channels ------------------------------------------------------ */

static bool enter_call(Turns *t) {
        (void) turns_visit_agent(t);
        turns_flood_tls(t);
        return true;
}

static Control *ask_tenantd(Turns *t, const char *machine) {
        Control *k = turns_visit_agent(t);

        strcpy(k->tenant_name, "anna");
        strcpy(k->token_id, "t1");
        k->machine = strdup(machine);
        k->software = strdup("test");
        control_set_state(k, CONTROL_ASKED);
        return k;
}

static bool enter_asked(Turns *t) {
        (void) ask_tenantd(t, "one");
        turns_flood_tls(t);
        return true;
}

static Control *attach(Turns *t, const char *machine) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;
        Control *k = ask_tenantd(t, machine);
        TenantInfo *info;

        assert_true(sd_json_parse("{\"name\":\"anna\",\"domains\":[],\"tokenIds\":[\"t1\"],"
                                  "\"suspended\":false,\"exhausted\":false,\"terminate\":false,"
                                  "\"agents\":1,\"channels\":8,"
                                  "\"connectionsPerSecond\":0,\"bytesPerSecond\":0}",
                                  0, &v, NULL, NULL) >= 0);
        assert_int_equal(tenant_info_parse(v, &info), 0);
        control_admit(k, info);
        return k;
}

static bool enter_attached(Turns *t) {
        assert_int_equal(attach(t, "one")->state, CONTROL_ATTACHED);
        turns_flood_tls(t);
        return true;
}

static bool enter_probing(Turns *t) {
        gnutls_session_t first;
        int fd;

        (void) attach(t, "one");
        first = TAKE_PTR(t->tls);
        fd = TAKE_FD(t->peer);
        assert_int_equal(attach(t, "two")->state, CONTROL_PROBING);
        turns_flood_tls(t);
        gnutls_deinit(first);
        safe_close(fd);
        return true;
}

static bool enter_leaving(Turns *t) {
        Control *k = turns_visit_agent(t);

        control_leave(k);
        assert_int_equal(k->state, CONTROL_LEAVING);
        turns_flood_tls(t);
        return true;
}

/* --- in a house: the connection to its relay ----------------------------------------------------------- */

static void on_open(AgentLine *l, sd_json_variant *proof) {
}

static void on_message(AgentLine *l, sd_json_variant *message) {
        ((Turns *) l->userdata)->n_messages++;
}

static void on_failed(AgentLine *l, AgentLineFailure failure, const char *why) {
        ((Turns *) l->userdata)->relay = NULL;
}

static const AgentLineOps relay_ops = {
        .on_open = on_open,
        .on_message = on_message,
        .on_failed = on_failed,
};

static bool enter_relay_handshake(Turns *t) {
        t->relay = agent_line_new(t->worker, t->snapshot->relay, /* prove= */ true, &relay_ops, t);
        turns_accept(t);
        assert_int_equal(t->relay->state, AGENT_LINE_HANDSHAKE);
        FLOOD(t->service, RECORDS_WITHOUT_MEANING);
        return false;
}

/* What a relay says that has got as far as here. Without TLS, which is the transport's business. */
static void open_relay(Turns *t, AgentLineState s) {
        t->relay = agent_line_new(t->worker, t->snapshot->relay, /* prove= */ true, &relay_ops, t);
        turns_accept(t);
        gnutls_deinit(t->relay->transport.tls);
        t->relay->transport.tls = NULL;
        t->relay->state = s;
        t->ours = t->relay->transport.handle.fd;
        turns_flood(t->service, "{}", 3);
}

static bool enter_relay_proving(Turns *t) {
        open_relay(t, AGENT_LINE_PROVING);
        return false;
}

static bool enter_relay_open(Turns *t) {
        open_relay(t, AGENT_LINE_OPEN);
        return true;
}

/* A channel to it that waits for a visitor. */
static bool enter_channel(Turns *t) {
        static const uint8_t session_id[CHANNEL_SESSION_ID_SIZE] = {};
        const IpAddress address = { .family = AF_INET, .bytes = { 127, 0, 0, 1 } };
        const RelayKeys keys = {};

        channel_pool_init(&t->channels, t->worker);
        channel_pool_open(&t->channels, t->snapshot->relay, session_id, &keys, &address, 1, 1);
        turns_accept(t);
        assert_int_equal(t->channels.n_waiting, 1);
        turns_flood(t->service, "\r\n\r\n\0\r\nQUIT\n\x21\x11\xff\xff", 16);
        return false; /* no header is so long: that is its end */
}

/* --- the rows ------------------------------------------------------------------------------------------ */

static const Row conn_rows[_CONN_STATE_MAX] = {
        [CONN_PROXY] = { enter_proxy },
        [CONN_HELLO] = { enter_hello },
        [CONN_HANDSHAKE] = { enter_handshake },
        [CONN_IDLE] = { enter_idle },
        [CONN_REQUEST] = { .nothing = "its exchange's state counts" },
        [CONN_STREAMS] = { enter_streams },
        [CONN_LINGER] = { enter_linger },
        [CONN_CLOSED] = { .nothing = "it has no socket" },
};
static const Row exchange_rows[_EXCHANGE_STATE_MAX] = {
        [EXCHANGE_JUDGE] = { .nothing = "it waits for nothing in it" },
        [EXCHANGE_SESSION] = { enter_session },
        [EXCHANGE_LINK] = { enter_link },
        [EXCHANGE_HEAD] = { enter_head },
        [EXCHANGE_BODY] = { enter_body },
        [EXCHANGE_UPGRADE] = { enter_upgrade },
};
static const Row passage_rows[_PASSAGE_STATE_MAX] = {
        [PASSAGE_WAITING] = { enter_waiting },
        [PASSAGE_PUMPING] = { enter_pumping },
        [PASSAGE_CLOSED] = { .nothing = "it has no socket" },
};
static const Row link_rows[_LINK_STATE_MAX] = {
        [LINK_CONNECTING] = { .nothing = "it is not connected" },
        [LINK_HANDSHAKE] = { enter_link_handshake },
        [LINK_BUSY] = { enter_head_upload },
        [LINK_IDLE] = { enter_link_idle },
        [LINK_CLOSED] = { .nothing = "it has no socket" },
};
static const Row control_rows[_CONTROL_STATE_MAX] = {
        [CONTROL_CALL] = { enter_call },         [CONTROL_ASKED] = { enter_asked },
        [CONTROL_PROBING] = { enter_probing },   [CONTROL_ATTACHED] = { enter_attached },
        [CONTROL_LEAVING] = { enter_leaving },   [CONTROL_CLOSED] = { .nothing = "it has no socket" },
};
static const Row agent_line_rows[_AGENT_LINE_STATE_MAX] = {
        [AGENT_LINE_RESOLVING] = { .nothing = "it is not connected" },
        [AGENT_LINE_CONNECTING] = { .nothing = "it is not connected" },
        [AGENT_LINE_HANDSHAKE] = { enter_relay_handshake },
        [AGENT_LINE_PROVING] = { enter_relay_proving },
        [AGENT_LINE_OPEN] = { enter_relay_open },
        [AGENT_LINE_CLOSED] = { .nothing = "it has no socket" },
};

static const Row agent_channel_rows[_AGENT_CHANNEL_STATE_MAX] = {
        [AGENT_CHANNEL_CONNECTING] = { .nothing = "it is not connected" },
        [AGENT_CHANNEL_WAITING] = { enter_channel },
        [AGENT_CHANNEL_CLOSED] = { .nothing = "it has no socket" },
};

static void check_rows(const char *machine, const Row *rows, int n) {
        for (int s = 0; s < n; s++) {
                if (!rows[s].enter && !rows[s].nothing)
                        fail_msg("%s: state %i has no row", machine, s);
                print_message("# %s, state %i%s%s\n", machine, s, rows[s].enter ? "" : ": ",
                              strempty(rows[s].nothing));
                if (rows[s].enter)
                        turns_check(rows[s].enter);
        }
}

#define ROWS(machine)                                                                            \
        static void test_##machine(void **state) {                                               \
                check_rows(#machine, machine##_rows, (int) ELEMENTSOF(machine##_rows));          \
        }
ROWS(conn)
ROWS(exchange)
ROWS(passage)
ROWS(link)
ROWS(control)
ROWS(agent_line)
ROWS(agent_channel)

static void test_records(void **state) {
        turns_check(enter_idle_tls);
}

/* Records that have come are one read, so that they are one write to the service; not where the turn is
 * over. */
static void test_records_together(void **state) {
        static char sent[3 * 16384], got[TRANSPORT_WRITE_MAX];
        Transport *c;
        Turns t;

        turns_begin(&t);
        c = &turns_visit_tls(&t, "ha.example.com")->transport;
        turns_run(&t, 2);
        for (unsigned i = 0; i < 2; i++) {
                memset(sent, 'a' + (int) i, sizeof(sent));
                turns_say_tls(&t, sent, sizeof(sent));
                c->lean = false;
                c->readable = true;
                t.worker->loop.spent = i == 0 ? 0 : t.worker->loop.turn - 1;
                assert_int_equal(transport_read(c, got, sizeof(got)),
                                 i == 0 ? sizeof(sent) : sizeof(sent) / 3);
                assert_memory_equal(got, sent, sizeof(sent) / 3);
        }
        turns_end(&t);
}

/* A service's connection that waits is looked at in the turn of whoever wants it, and what lies there is
 * seen however much he has done before: it would be taken for his answer. */
static void test_stray_bytes(void **state) {
        Turns t;

        turns_begin(&t);
        enter_link_idle_quietly(&t);
        t.worker->loop.spent = t.worker->loop.turn;
        assert_true(link_is_alive(t.worker->upstreams->list->idle));
        assert_true(loop_turn_is_over(&t.worker->loop));
        turns_say(t.service, "HTTP/1.1 200 OK\r\n\r\n");
        assert_false(link_is_alive(t.worker->upstreams->list->idle));
        turns_end(&t);
}

/* From other threads, as many as they like. */
static void test_letters(void **state) {
        Turns t;

        turns_begin(&t);
        for (unsigned i = 0; i < 10000; i++) {
                TenantMessage *m = message_new(&tenant_message);

                m->op = TENANT_REMOVE;
                (void) snprintf(m->name, sizeof(m->name), "t%u", i);
                worker_send(t.worker, &m->message);
        }
        t.worker->loop.turn_max = TURNS_TURN;
        t.worker->loop.most = 0;
        turns_run(&t, 1);
        assert_non_null(t.worker->inbox);
        assert_in_range(t.worker->loop.most, 1, TURNS_TURN + LOOP_WORK_LETTER);
        turns_run(&t, 10000 / (TURNS_TURN / LOOP_WORK_LETTER) + 2);
        assert_null(t.worker->inbox);
        turns_end(&t);
}

/* A timer that its room has not disarmed stands in a list with others', who are let go of after it. */
static void test_an_end_with_timers(void **state) {
        Worker *w;
        Turns t;

        turns_begin(&t);
        w = t.worker;
        enter_link_idle_quietly(&t);
        loop_arm(&w->loop, &w->exchanges->tell_used, w->upstreams->list->idle->timer.due_usec);
        turns_end(&t);
}

TEST_MAIN(cmocka_unit_test(test_an_end_with_timers), cmocka_unit_test(test_conn),
          cmocka_unit_test(test_exchange), cmocka_unit_test(test_passage),
          cmocka_unit_test(test_link), cmocka_unit_test(test_control), cmocka_unit_test(test_agent_line),
          cmocka_unit_test(test_agent_channel),
          cmocka_unit_test(test_records), cmocka_unit_test(test_records_together),
          cmocka_unit_test(test_stray_bytes),
          cmocka_unit_test(test_letters))
