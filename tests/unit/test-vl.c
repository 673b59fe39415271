/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include "libhagw/pure/strv.h"
#include "libhagw/usec.h"
#include "libhagw/vl.h"
#include "tests/unit/test.h"

typedef struct Parameters {
        const char *name;
        char **list;
        uint64_t number;
        bool yes;
        sd_json_variant *object;
} Parameters;

/* What the last call was handled with. */
static struct {
        unsigned calls;
        char *name, **taken;
        uint64_t number;
        bool yes;
        size_t elements;
} seen;

static int on_see(sd_varlink *link, void *parameters, unsigned flags, void *userdata) {
        Parameters *p = parameters;

        seen.calls++;
        free(seen.name);
        seen.name = p->name ? strdup(p->name) : NULL;
        seen.number = p->number;
        seen.yes = p->yes;
        seen.elements = p->object ? sd_json_variant_elements(p->object) : 0;
        strv_free(seen.taken);
        seen.taken = seen.yes ? TAKE_PTR(p->list) : NULL;
        return sd_varlink_reply(link, NULL);
}

static int on_fail(sd_varlink *link, void *parameters, unsigned flags, void *userdata) {
        return -EXDEV;
}

static const Parameters defaults = { .number = 7 };

#define PARAMETERS                                                    \
        VL_PARAMETERS(Parameters,                                     \
                      FIELD_STRING("name", Parameters, name),         \
                      FIELD_STRV("list", Parameters, list, 0),        \
                      FIELD_UINT64("number", Parameters, number, 0),  \
                      FIELD_BOOL("yes", Parameters, yes, 0),          \
                      FIELD_VARIANT("object", OBJECT, Parameters, object, SD_JSON_NULLABLE))

static const VlMethod methods[] = {
        { "io.hagw.Test.See", VL_PEER_ROOT, on_see, PARAMETERS },
        { "io.hagw.Test.SeeDefaults", VL_PEER_PROXYD, on_see, PARAMETERS, .defaults = &defaults,
          .secret = true },
        { "io.hagw.Test.Fail", VL_PEER_ROOT, on_fail },
        {},
};

typedef struct Pair {
        sd_event *event;
        sd_varlink_server *server;
        sd_varlink *link, *client;
        char *error; /* of the last call; NULL: none */
        bool answered;
} Pair;

static int on_reply(sd_varlink *link, sd_json_variant *parameters, const char *error,
                    sd_varlink_reply_flags_t flags, void *userdata) {
        Pair *p = userdata;

        free(p->error);
        p->error = error ? strdup(error) : NULL;
        p->answered = true;
        return 0;
}

static void call(Pair *p, const char *method, const char *json) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;

        assert_true(sd_json_parse(json, /* flags= */ 0, &v, NULL, NULL) >= 0);
        p->answered = false;
        assert_true(sd_varlink_invoke(p->client, method, v) >= 0);
        while (!p->answered)
                assert_true(sd_event_run(p->event, UINT64_MAX) >= 0);
}

static int setup(void **state) {
        Pair *p = calloc(1, sizeof(*p));
        int fds[2];

        assert_non_null(p);
        assert_true(sd_event_new(&p->event) >= 0);
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
        assert_true(sd_varlink_server_new(&p->server, 0) >= 0);
        assert_int_equal(vl_server_add_methods(p->server, methods), 0);
        assert_int_equal(vl_server_add_methods(p->server, NULL), 0);
        assert_true(sd_varlink_server_attach_event(p->server, p->event, SD_EVENT_PRIORITY_NORMAL) >= 0);
        assert_true(sd_varlink_server_add_connection(p->server, fds[0], &p->link) >= 0);
        sd_varlink_ref(p->link);
        assert_true(sd_varlink_connect_fd(&p->client, fds[1]) >= 0);
        (void) sd_varlink_set_userdata(p->client, p);
        assert_true(sd_varlink_bind_reply(p->client, on_reply) >= 0);
        assert_true(sd_varlink_attach_event(p->client, p->event, SD_EVENT_PRIORITY_NORMAL) >= 0);
        *state = p;
        return 0;
}

static int teardown(void **state) {
        Pair *p = *state;

        sd_varlink_close_unref(p->client);
        sd_varlink_close_unref(p->link);
        sd_varlink_server_unref(p->server);
        sd_event_unref(p->event);
        free(p->error);
        free(p);
        free(seen.name);
        strv_free(seen.taken);
        return 0;
}

static void test_fields(void **state) {
        Pair *p = *state;

        call(p, "io.hagw.Test.See",
             "{\"name\":\"a\",\"list\":[\"x\",\"y\"],\"number\":3,\"yes\":true,\"object\":{\"k\":1}}");
        assert_null(p->error);
        assert_string_equal(seen.name, "a");
        assert_int_equal(seen.number, 3);
        assert_int_equal(strv_length(seen.taken), 2);
        assert_int_equal(seen.elements, 2);
        /* What the handler leaves is freed; the sanitizer would say so. What is not there is zero. */
        call(p, "io.hagw.Test.See", "{\"name\":\"b\",\"list\":[\"x\"]}");
        assert_null(p->error);
        assert_false(seen.yes);
        assert_int_equal(seen.number, 0);
        call(p, "io.hagw.Test.SeeDefaults", "{\"name\":\"c\",\"object\":null}");
        assert_null(p->error);
        assert_int_equal(seen.number, 7);
        call(p, "io.hagw.Test.SeeDefaults", "{\"name\":\"c\",\"number\":8}");
        assert_int_equal(seen.number, 8);
        assert_int_equal(seen.calls, 4);
}

/* The handler does not run, and what was read before the mistake is freed. */
static void test_wrong(void **state) {
        static const char *const wrong[] = {
                "{}",
                "{\"name\":null}",
                "{\"name\":\"a\",\"list\":[1]}",
                "{\"list\":[\"x\"],\"name\":7}",
                "{\"name\":\"a\",\"list\":[\"x\"],\"number\":-1}",
                "{\"name\":\"a\",\"list\":[\"x\"],\"else\":1}",
                "{\"name\":\"a\",\"object\":[]}",
        };
        const unsigned calls = seen.calls;
        Pair *p = *state;

        for (size_t i = 0; i < ELEMENTSOF(wrong); i++) {
                call(p, "io.hagw.Test.See", wrong[i]);
                assert_non_null(p->error);
                assert_string_equal(p->error, SD_VARLINK_ERROR_INVALID_PARAMETER);
        }
        assert_int_equal(seen.calls, calls);
        /* A method without parameters takes none. */
        call(p, "io.hagw.Test.Fail", "{\"name\":\"a\"}");
        assert_string_equal(p->error, SD_VARLINK_ERROR_INVALID_PARAMETER);
        call(p, "io.hagw.Test.Fail", "{}");
        assert_string_equal(p->error, "io.systemd.System");
}

/* Each row has a callback of its own up to the last, and there is no row beyond it. */
static void test_limit(void **state) {
        static char names[VL_METHODS_MAX][32];
        static VlMethod many[VL_METHODS_MAX + 1];
        const size_t n = VL_METHODS_MAX - (ELEMENTSOF(methods) - 1);
        Pair *p = *state;

        for (size_t i = 0; i < VL_METHODS_MAX; i++) {
                (void) snprintf(names[i], sizeof(names[i]), "io.hagw.Test.Many%zu", i);
                many[i] = (VlMethod) { names[i], VL_PEER_ALL, on_fail };
        }
        many[n - 1].handler = on_see;
        many[n].name = NULL;
        assert_int_equal(vl_server_add_methods(p->server, many), 0);
        const unsigned calls = seen.calls;
        call(p, names[n - 1], "{}");
        assert_null(p->error);
        assert_int_equal(seen.calls, calls + 1);
        call(p, names[0], "{}");
        assert_string_equal(p->error, "io.systemd.System");
        many[0].name = "io.hagw.Test.Further";
        assert_int_equal(vl_server_add_methods(p->server, many), -EXFULL);
}

/* --- answers of many messages -------------------------------------------------------------------------- */

#define PAGE "{\"parameters\":{},\"continues\":true}"
#define LAST_PAGE "{\"parameters\":{}}"
#define PATIENCE_USEC (2 * USEC_PER_SEC)

static sem_t looked_at;

/* Tells a page to each who calls. The first gets another one a moment after he looked at it, and goes. */
static void *tell_pages(void *userdata) {
        const int listener = *(int *) userdata;

        for (size_t i = 0; i < 2; i++) {
                _cleanup_close_ int fd = accept(listener, NULL, NULL);
                char call[4096];

                assert_true(fd >= 0 && read(fd, call, sizeof(call)) > 0);
                assert_int_equal(write(fd, PAGE, sizeof(PAGE)), sizeof(PAGE));
                if (i == 0) {
                        assert_int_equal(sem_wait(&looked_at), 0);
                        (void) usleep(100 * USEC_PER_MSEC);
                        assert_int_equal(write(fd, LAST_PAGE, sizeof(LAST_PAGE)), sizeof(LAST_PAGE));
                }
                while (read(fd, call, sizeof(call)) > 0)
                        ;
        }
        return NULL;
}

/* As a terminal does whose reader looks at the first page. */
static int take_slowly(sd_json_variant *reply, void *userdata) {
        unsigned *n = userdata;

        if ((*n)++ == 0) {
                (void) usleep(PATIENCE_USEC + PATIENCE_USEC / 10);
                assert_int_equal(sem_post(&looked_at), 0);
        }
        return 0;
}

static int count(sd_json_variant *reply, void *userdata) {
        ++*(unsigned *) userdata;
        return 0;
}

static void test_more(void **state) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *reply = NULL;
        _cleanup_close_ int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        char folder[] = "/tmp/test-vl-XXXXXX";
        _cleanup_free_ char *error = NULL;
        unsigned n = 0;
        pthread_t thread;

        assert_int_equal(sem_init(&looked_at, /* pshared= */ 0, 0), 0);
        assert_non_null(mkdtemp(folder));
        (void) snprintf(address.sun_path, sizeof(address.sun_path), "%s/io.hagw.Test", folder);
        assert_int_equal(setenv("HAGW_RUNTIME_DIR", folder, 1), 0);
        assert_int_equal(bind(listener, (struct sockaddr *) &address, sizeof(address)), 0);
        assert_int_equal(listen(listener, 8), 0);
        assert_int_equal(pthread_create(&thread, NULL, tell_pages, &listener), 0);
        /* The time that the handler takes is its own. */
        assert_int_equal(vl_call_more("io.hagw.Test", "io.hagw.Test.List", NULL, PATIENCE_USEC, take_slowly,
                                      &n, &reply, &error),
                         0);
        assert_int_equal(n, 2);
        /* Who never goes on is waited for as long as was said. */
        assert_int_equal(vl_call_more("io.hagw.Test", "io.hagw.Test.List", NULL, USEC_PER_MSEC, count, &n,
                                      &reply, &error),
                         -ETIME);
        assert_true(n <= 3);
        assert_null(error);
        assert_int_equal(pthread_join(thread, NULL), 0);
        assert_int_equal(unlink(address.sun_path), 0);
        assert_int_equal(rmdir(folder), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_fields),
                cmocka_unit_test(test_wrong),
                cmocka_unit_test(test_limit),
                cmocka_unit_test(test_more),
        };

        return cmocka_run_group_tests(tests, setup, teardown);
}
