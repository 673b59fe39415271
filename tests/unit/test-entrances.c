/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Who serves a visitor is found by what he says first, and by nothing else: a row for each way in, and for
 * those who are nobody's. */

#include <stdio.h>
#include <sys/socket.h>

#include "hagw-proxyd/door/door.h"
#include "hagw-proxyd/visit/conn.h"
#include "libhagw/crew/passage.h"
#include "libhagw/net/relaykeys.h"
#include "tests/unit/turns.h"

typedef struct Row {
        const char *name, *protocol; /* in the ClientHello; NULL: none */
        const char *bytes;           /* instead of one */
        size_t size;
        Arrival arrival;
        const char *entrance; /* NULL: nobody's */
        bool more;            /* not yet */
} Row;

/* What a client with that name says first. */
static size_t hello_make(Turns *t, const Row *r, uint8_t *out, size_t size) {
        gnutls_session_t tls;
        int fds[2];
        ssize_t n;

        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
        assert_int_equal(gnutls_init(&tls, GNUTLS_CLIENT | GNUTLS_NONBLOCK), 0);
        assert_int_equal(gnutls_set_default_priority(tls), 0);
        assert_int_equal(gnutls_credentials_set(tls, GNUTLS_CRD_CERTIFICATE, t->nobody), 0);
        if (r->name)
                assert_int_equal(gnutls_server_name_set(tls, GNUTLS_NAME_DNS, r->name, strlen(r->name)), 0);
        if (r->protocol) {
                const gnutls_datum_t p = { (unsigned char *) r->protocol, (unsigned) strlen(r->protocol) };

                assert_int_equal(gnutls_alpn_set_protocols(tls, &p, 1, 0), 0);
        }
        gnutls_transport_set_int(tls, fds[0]);
        assert_int_equal(gnutls_handshake(tls), GNUTLS_E_AGAIN);
        n = recv(fds[1], out, size, 0);
        assert_true(n > 0);
        gnutls_deinit(tls);
        safe_close(fds[0]);
        safe_close(fds[1]);
        return (size_t) n;
}

static void row_assert(Turns *t, const Row *r) {
        uint8_t bytes[4096];
        ClientHello hello = {};
        Knock k = { .kind = KNOCK_BYTES, .bytes = bytes };
        const Entrance *e;
        bool more;
        Conn *c;

        t->peer = turns_visit(t, CONN_HTTPS, r->arrival);
        c = t->worker->visits->first;
        if (r->bytes)
                memcpy(bytes, r->bytes, k.size = r->size);
        else {
                k.size = hello_make(t, r, bytes, sizeof(bytes));
                assert_int_equal(clienthello_read(&hello, bytes, k.size), CLIENTHELLO_OK);
                k.kind = KNOCK_HELLO;
                k.hello = &hello;
                strcpy(c->visit.name, hello.name);
                c->route = review_route(c, c->snapshot);
        }
        e = entrance_find(t->worker->visits->entrances, c, &k, &more);
        if (!r->entrance)
                assert_null(e);
        else {
                assert_non_null(e);
                assert_string_equal(e->name, r->entrance);
        }
        assert_int_equal(more, r->more);
        conn_close(c);
        safe_close(t->peer);
        t->peer = -EBADF;
        turns_run(t, 1);
}

static void test_who_serves(void **state) {
        static const char channel[CHANNEL_HELLO_SIZE + 1] = CHANNEL_HELLO_MAGIC;
        static char stray[CHANNEL_HELLO_SIZE] = CHANNEL_HELLO_MAGIC;
        static const Row rows[] = {
                { .name = "ha.example.com", .entrance = "host" },
                { .name = "ha.example.com", .protocol = "h2", .entrance = "host" },
                { .name = "raw.example.com", .entrance = "service" },
                { .name = "nobody.example.com" },
                { .name = NULL },
                { .name = "ha.example.com", .arrival = ARRIVAL_CHANNEL_OPENED, .entrance = "opened" },
                { .name = "no.example.com", .arrival = ARRIVAL_CHANNEL_OPENED, .entrance = "nameless" },
                { .name = "ha.example.com", .arrival = ARRIVAL_CHANNEL_PASSED, .entrance = "host" },
                { .name = "relay.example.com", .protocol = RELAY_ALPN, .entrance = "agent" },
                { .name = "ha.example.com", .protocol = RELAY_ALPN, .entrance = "host" },
                { .name = "house.relay.example.com", .entrance = "tenant" },
                { .name = "ha.house.relay.example.com", .protocol = "h2", .entrance = "tenant" },
                { .bytes = channel, .size = 3, .more = true },
                { .bytes = channel, .size = CHANNEL_HELLO_SIZE - 1, .more = true },
                { .bytes = channel, .size = CHANNEL_HELLO_SIZE, .entrance = "channel" },
                { .bytes = channel, .size = CHANNEL_HELLO_SIZE + 1 },
                { .bytes = channel, .size = CHANNEL_HELLO_SIZE, .arrival = ARRIVAL_CHANNEL_PASSED },
                { .bytes = stray, .size = CHANNEL_HELLO_SIZE },
                { .bytes = "GET / HTTP/1.1\r\n", .size = 16 },
        };
        Turns t;

        /* Of a session at a worker that there is none of. */
        memset(stray + CHANNEL_HELLO_MAGIC_SIZE, 0xff, CHANNEL_SESSION_ID_SIZE);
        turns_begin(&t);
        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                row_assert(&t, &rows[i]);
        turns_end(&t);
}

/* Our own look at a service says nothing: only what passes unopened has a way in for it. */
static void test_a_probe(void **state) {
        const Entrance *e;
        bool more;
        Turns t;
        Conn *c;

        turns_begin(&t);
        c = turns_visit_plain(&t, "ha.example.com");
        e = entrance_find(t.worker->visits->entrances, c, &(Knock) { .kind = KNOCK_PROBE }, &more);
        assert_null(e);
        assert_null(t.worker->passages->first);
        turns_end(&t);

        turns_begin(&t);
        assert_null(turns_visit_plain(&t, "raw.example.com"));
        assert_non_null(t.worker->passages->first);
        assert_int_equal(t.worker->passages->first->visitor.arrival, ARRIVAL_PROBE);
        turns_end(&t);
}

/* Whom another worker has read already is somebody whom that one has counted. */
static void test_who_is_handed_over_came_once(void **state) {
        Visitor v = { .kind = CONN_HTTPS, .address = { .family = AF_INET, .bytes = { 192, 88, 98, 7 } } };
        uint64_t before;
        int fds[2];
        Turns t;
        Conn *c;

        turns_begin(&t);
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
        v.fd = fds[0];
        t.peer = fds[1];
        t.worker->snapshot->hops.known = true;
        conn_new(t.worker, &v);
        c = t.worker->visits->first;
        conn_note_outside(c, OUTSIDE_HTTPS);
        before = t.worker->figures->outside[OUTSIDE_IPV4_HTTPS];
        assert_int_equal(before, 1);
        c->transport.in = buffer_get(&t.worker->pool, BUFFER_SIZE_SMALL);
        v = conn_leave(c);
        assert_non_null(v.in);
        conn_new(t.worker, &v);
        conn_note_outside(t.worker->visits->first, OUTSIDE_HTTPS);
        assert_int_equal(t.worker->figures->outside[OUTSIDE_IPV4_HTTPS], before);
        turns_end(&t);
}

TEST_MAIN(cmocka_unit_test(test_who_serves), cmocka_unit_test(test_a_probe),
          cmocka_unit_test(test_who_is_handed_over_came_once))
