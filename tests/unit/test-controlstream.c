/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <sys/socket.h>

#include "libhagw/net/controlstream.h"
#include "tests/unit/test.h"

typedef struct Pair {
        BufferPool pool;
        Loop loop;
        Transport near, far;
        ControlStream stream;
} Pair;

static int setup(void **state) {
        Pair *p = calloc(1, sizeof(*p));
        int fds[2];

        assert_non_null(p);
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
        assert_int_equal(loop_init(&p->loop), 0);
        transport_init(&p->near, &p->loop, &p->pool, fds[0]);
        transport_init(&p->far, &p->loop, &p->pool, fds[1]);
        *state = p;
        return 0;
}

static int teardown(void **state) {
        Pair *p = *state;

        control_stream_done(&p->stream);
        transport_done(&p->near);
        transport_done(&p->far);
        loop_done(&p->loop);
        buffer_pool_done(&p->pool);
        free(p);
        return 0;
}

static void say(Pair *p, const void *data, size_t size) {
        assert_int_equal(write(p->far.handle.fd, data, size), size);
        transport_note(&p->near, EPOLLIN);
}

static int hear(Pair *p, sd_json_variant **ret) {
        return control_stream_read(&p->stream, &p->near, ret);
}

/* However it is cut. */
static void test_pieces(void **state) {
        static const char text[] = "{\"parameters\":{\"ping\":7},\"continues\":true}\0{\"error\":\"a.b\"}";
        Pair *p = *state;

        for (size_t cut = 1; cut < sizeof(text); cut++) {
                sd_json_variant *v;
                ControlReply reply;
                int r;

                say(p, text, cut);
                r = hear(p, &v);
                say(p, text + cut, sizeof(text) - cut);
                if (r == -EAGAIN)
                        r = hear(p, &v);
                assert_int_equal(r, 1);
                assert_int_equal(control_read_reply(v, &reply), 0);
                assert_null(reply.error);
                assert_true(reply.continues);
                assert_int_equal(control_integer(reply.parameters, "ping", -1), 7);
                sd_json_variant_unref(v);
                assert_int_equal(hear(p, &v), 1);
                assert_int_equal(control_read_reply(v, &reply), 0);
                assert_string_equal(reply.error, "a.b");
                assert_null(reply.parameters);
                sd_json_variant_unref(v);
                assert_int_equal(hear(p, &v), -EAGAIN);
                assert_null(p->stream.in); /* nothing is held in between */
        }
}

static void test_end(void **state) {
        Pair *p = *state;
        sd_json_variant *v;

        say(p, "{\"error\"", 8);
        assert_int_equal(hear(p, &v), -EAGAIN);
        assert_int_equal(shutdown(p->far.handle.fd, SHUT_WR), 0);
        transport_note(&p->near, EPOLLIN | EPOLLRDHUP);
        assert_int_equal(hear(p, &v), 0);
}

static void test_bad(void **state) {
        static const char *const bad[] = { "", "7", "[]", "{", "{}x", "\"a\"", "null" };
        Pair *p = *state;
        sd_json_variant *v;

        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                say(p, bad[i], strlen(bad[i]) + 1);
                assert_int_equal(hear(p, &v), -EBADMSG);
        }
}

/* The longest is taken, one byte more is not. */
static void test_limit(void **state) {
        static char text[CONTROL_MESSAGE_MAX + 1];
        Pair *p = *state;
        sd_json_variant *v;

        memset(text, ' ', sizeof(text));
        memcpy(text, "{}", 2);
        text[CONTROL_MESSAGE_MAX - 1] = 0;
        say(p, text, CONTROL_MESSAGE_MAX);
        assert_int_equal(hear(p, &v), 1);
        sd_json_variant_unref(v);
        text[CONTROL_MESSAGE_MAX - 1] = ' ';
        say(p, text, sizeof(text));
        assert_int_equal(hear(p, &v), -EMSGSIZE);
        assert_true(p->stream.allocated <= CONTROL_MESSAGE_MAX);
}

static void test_send(void **state) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *parameters = NULL;
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL, *w = NULL, *x = NULL;
        const uint8_t bytes[] = { 0, 255, 7 };
        uint8_t back[4];
        ControlReply reply;
        ControlCall call;
        Pair *p = *state;

        assert_true(sd_json_buildo(&parameters, SD_JSON_BUILD_PAIR_STRING("name", "ä"),
                                   SD_JSON_BUILD_PAIR_BASE64("bytes", bytes, sizeof(bytes)),
                                   SD_JSON_BUILD_PAIR_INTEGER("number", -3)) >= 0);
        assert_int_equal(control_send_call(&p->far, "a.b.C", parameters, /* more= */ true), 0);
        assert_int_equal(control_send_reply(&p->far, NULL, /* continues= */ false), 0);
        assert_int_equal(control_send_error(&p->far, "a.b.Bad", parameters), 0);
        transport_note(&p->near, EPOLLIN);

        assert_int_equal(hear(p, &v), 1);
        assert_int_equal(control_read_reply(v, &reply), -EBADMSG);
        assert_int_equal(control_read_call(v, &call), 0);
        assert_string_equal(call.method, "a.b.C");
        assert_true(call.more);
        assert_string_equal(control_string(call.parameters, "name"), "ä");
        assert_null(control_string(call.parameters, "number"));
        assert_int_equal(control_integer(call.parameters, "number", 9), -3);
        assert_int_equal(control_integer(call.parameters, "name", 9), 9);
        assert_true(control_bytes(call.parameters, "bytes", back, 3));
        assert_memory_equal(back, bytes, 3);
        assert_false(control_bytes(call.parameters, "bytes", back, 2));
        assert_false(control_bytes(call.parameters, "bytes", back, 4));
        assert_false(control_bytes(call.parameters, "name", back, 4));

        assert_int_equal(hear(p, &w), 1);
        assert_int_equal(control_read_call(w, &call), -EBADMSG);
        assert_int_equal(control_read_reply(w, &reply), 0);
        assert_null(reply.error);
        assert_false(reply.continues);

        assert_int_equal(hear(p, &x), 1);
        assert_int_equal(control_read_reply(x, &reply), 0);
        assert_string_equal(reply.error, "a.b.Bad");
        assert_int_equal(control_integer(reply.parameters, "number", 9), -3);
}

/* Who does not read costs what fits into one message. */
static void test_full(void **state) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;
        static char text[CONTROL_MESSAGE_MAX];
        Pair *p = *state;
        unsigned n = 0;
        int r;

        memset(text, 'a', sizeof(text) - 1);
        assert_true(sd_json_buildo(&v, SD_JSON_BUILD_PAIR_STRING("a", text)) >= 0);
        assert_int_equal(control_send(&p->near, v), -EMSGSIZE);
        v = sd_json_variant_unref(v);
        text[CONTROL_MESSAGE_MAX / 2] = 0;
        assert_true(sd_json_buildo(&v, SD_JSON_BUILD_PAIR_STRING("a", text)) >= 0);
        do
                r = control_send(&p->near, v);
        while (r == 0 && ++n < 10000);
        assert_int_equal(r, -EAGAIN);
        assert_true(buffer_used(p->near.out) <= CONTROL_MESSAGE_MAX);
}

TEST_MAIN(cmocka_unit_test_setup_teardown(test_pieces, setup, teardown),
          cmocka_unit_test_setup_teardown(test_end, setup, teardown),
          cmocka_unit_test_setup_teardown(test_bad, setup, teardown),
          cmocka_unit_test_setup_teardown(test_limit, setup, teardown),
          cmocka_unit_test_setup_teardown(test_send, setup, teardown),
          cmocka_unit_test_setup_teardown(test_full, setup, teardown))
