/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <sys/socket.h>
#include <unistd.h>

#include "hagw-proxyd/http/flow.h"
#include "tests/unit/test.h"

static BufferPool pool;

static Buffer *buffer_of(const char *text) {
        Buffer *b = buffer_get(&pool, BUFFER_SIZE_SMALL);

        assert_non_null(b);
        buffer_append(b, text, strlen(text));
        return b;
}

#define assert_ready(f, text)                                      \
        do {                                                       \
                assert_int_equal((f)->ready.n, strlen(text));      \
                assert_memory_equal((f)->ready.p, text, strlen(text)); \
        } while (0)

/* What comes in many chunks is one piece, where it lies; what stands behind the end is left alone. */
static void test_chunks(void **state) {
        Buffer *b = buffer_of("3\r\nabc\r\n1\r\nd\r\n2;x=y\r\nef\r\n0\r\nA: b\r\n\r\nGET /");
        Flow f;

        flow_init(&f, BODY_CHUNKED, 0, H1_STRICT);
        assert_int_equal(flow_read(&f, b), 1);
        assert_ready(&f, "abcdef");
        assert_true(flow_is_done(&f));
        assert_int_equal(buffer_used(b), 5);
        assert_memory_equal(buffer_at(b), "GET /", 5);
        flow_take(&f, 4);
        assert_ready(&f, "ef");
        buffer_put(&pool, b);
}

static void test_pieces(void **state) {
        static const char text[] = "2\r\nab\r\n2\r\ncd\r\n0\r\n\r\n";
        char got[8] = {};
        size_t n = 0;
        int r = 0;
        Flow f;

        flow_init(&f, BODY_CHUNKED, 0, H1_STRICT);
        assert_int_equal(flow_read(&f, NULL), 0);
        for (size_t i = 0; text[i]; i++) {
                Buffer *b = buffer_of((char[]) { text[i], '\0' });

                assert_int_equal(r, 0);
                r = flow_read(&f, b);
                assert_int_equal(buffer_used(b), 0);
                for (size_t k = 0; k < f.ready.n; k++)
                        got[n++] = f.ready.p[k];
                flow_take(&f, f.ready.n);
                buffer_put(&pool, b);
        }
        assert_int_equal(r, 1);
        assert_string_equal(got, "abcd");
}

static void test_length(void **state) {
        Buffer *b = buffer_of("abcdef");
        Flow f;

        flow_init(&f, BODY_LENGTH, 4, H1_STRICT);
        assert_false(flow_is_done(&f));
        assert_int_equal(flow_read(&f, b), 1);
        assert_ready(&f, "abcd");
        assert_int_equal(buffer_used(b), 2);
        flow_take(&f, 4);
        assert_int_equal(flow_read(&f, b), 1);
        assert_int_equal(f.ready.n, 0);
        flow_init(&f, BODY_LENGTH, 0, H1_STRICT);
        assert_true(flow_is_done(&f));
        flow_init(&f, BODY_NONE, 0, H1_STRICT);
        assert_true(flow_is_done(&f));
        flow_init(&f, BODY_UNTIL_EOF, 0, H1_LENIENT);
        assert_int_equal(flow_read(&f, b), 0);
        assert_ready(&f, "ef");
        buffer_put(&pool, b);
}

static void test_bad(void **state) {
        static const char *const rows[] = { "x", "1\r\nab", "2\r\nab\r\n1\r\nax",
                                            "1\r\na\r\n0\r\n:\r\n\r\n" };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                Buffer *b = buffer_of(rows[i]);
                Flow f;

                flow_init(&f, BODY_CHUNKED, 0, H1_STRICT);
                assert_int_equal(flow_read(&f, b), -EBADMSG);
                buffer_put(&pool, b);
        }
}

typedef struct Pair {
        Loop loop;
        Transport transport;
        int peer;
        char scratch[64 + FLOW_SPACE], got[64 + FLOW_SPACE];
} Pair;

static void pair_begin(Pair *p) {
        int fds[2];

        assert_int_equal(loop_init(&p->loop), 0);
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
        transport_init(&p->transport, &p->loop, &pool, fds[0]);
        p->peer = fds[1];
}

static void pair_end(Pair *p) {
        transport_done(&p->transport);
        close(p->peer);
        loop_done(&p->loop);
}

static void test_write(void **state) {
        static const struct {
                BodyKind kind;
                const char *prefix, *data, *expected;
                bool last;
        } rows[] = {
                { BODY_LENGTH, "", "abc", "abc", true },
                { BODY_LENGTH, "H\r\n", "abc", "H\r\nabc", false },
                { BODY_NONE, "H\r\n", "", "H\r\n", true },
                { BODY_CHUNKED, "", "abc", "3\r\nabc\r\n", false },
                { BODY_CHUNKED, "", "abc", "3\r\nabc\r\n0\r\n\r\n", true },
                { BODY_CHUNKED, "H\r\n", "abc", "H\r\n3\r\nabc\r\n0\r\n\r\n", true },
                { BODY_CHUNKED, "H\r\n", "", "H\r\n0\r\n\r\n", true },
                { BODY_CHUNKED, "", "", "", false },
        };
        static Pair p;

        pair_begin(&p);
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                ssize_t n;

                memcpy(p.scratch, rows[i].prefix, strlen(rows[i].prefix));
                n = flow_write(&p.transport, p.scratch, strlen(rows[i].prefix), rows[i].kind,
                               slice_from(rows[i].data), rows[i].last);
                assert_int_equal(n, strlen(rows[i].data));
                n = recv(p.peer, p.got, sizeof(p.got), MSG_DONTWAIT);
                assert_int_equal(MAX(n, 0), strlen(rows[i].expected));
                assert_memory_equal(p.got, rows[i].expected, strlen(rows[i].expected));
        }
        pair_end(&p);
}

/* No more than the limit at once, and where something is left the end is not said. */
static void test_write_most(void **state) {
        static char much[TRANSPORT_WRITE_MAX + 1];
        static Pair p;

        pair_begin(&p);
        assert_int_equal(flow_write(&p.transport, p.scratch, 0, BODY_CHUNKED,
                                    (Slice) { much, sizeof(much) }, true), FLOW_WRITE_MAX);
        assert_int_equal(recv(p.peer, p.got, sizeof(p.got), MSG_DONTWAIT), FLOW_WRITE_MAX + 6 + 2);
        assert_memory_equal(p.got, "fc00\r\n", 6);
        /* What stands where it is needs no room beside it. */
        assert_int_equal(flow_write(&p.transport, p.scratch, 0, BODY_LENGTH,
                                    (Slice) { much, sizeof(much) }, true), TRANSPORT_WRITE_MAX);
        pair_end(&p);
}

/* Behind an answer that was not taken by the kernel nothing is. */
static void test_write_blocked(void **state) {
        static char much[FLOW_WRITE_MAX];
        static Pair p;
        ssize_t n = 0;

        pair_begin(&p);
        for (unsigned i = 0; i < 1000 && n >= 0; i++)
                n = flow_write(&p.transport, p.scratch, 0, BODY_LENGTH, (Slice) { much, sizeof(much) },
                               false);
        assert_int_equal(n, -EAGAIN);
        pair_end(&p);
}

TEST_MAIN(cmocka_unit_test(test_chunks), cmocka_unit_test(test_pieces), cmocka_unit_test(test_length),
          cmocka_unit_test(test_bad), cmocka_unit_test(test_write), cmocka_unit_test(test_write_most),
          cmocka_unit_test(test_write_blocked))
