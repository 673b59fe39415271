/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libhagw/conf-kept.h"
#include "libhagw/state.h"
#include "tests/unit/test.h"

#define MAIN "zones = ( { name = \"home.test\"; } );\nlan = ( \"192.168.0.0/16\" );\n"
#define HOST(name, more) "name = \"" name ".home.test\";\nupstream = \"http://192.168.1.4:8123\";\n" more
#define OPEN "access: { login = \"none\"; };\n"

static char dir[64], kept[64];

static void put(const char *where, const char *name, const char *text) {
        char path[256];

        (void) snprintf(path, sizeof(path), "%s/%s", where, name);
        if (text)
                assert_int_equal(state_write(AT_FDCWD, path, text, strlen(text), 0640), 0);
        else
                assert_int_equal(unlink(path), 0);
}

static void both(const char *name, const char *text) {
        put(dir, name, text);
        put(kept, name, text);
}

static int setup(void **state) {
        char path[128];

        (void) strcpy(dir, "/tmp/test-conf-kept-XXXXXX");
        if (!mkdtemp(dir))
                return -1;
        (void) snprintf(kept, sizeof(kept), "%s/kept", dir);
        (void) snprintf(path, sizeof(path), "%s/hosts.d", dir);
        if (mkdir(path, 0755) < 0 || mkdir(kept, 0755) < 0)
                return -1;
        (void) snprintf(path, sizeof(path), "%s/hosts.d", kept);
        if (mkdir(path, 0755) < 0)
                return -1;
        both("hagw.conf", MAIN);
        both("hosts.d/a.conf", HOST("a", ""));
        both("hosts.d/b.conf", HOST("b", OPEN));
        both("hosts.d/c.conf", HOST("c", ""));
        return 0;
}

/* Only root's folder is a copy. */
static void skip_unless_root(void) {
        Config *c;
        ConfKept k;

        if (geteuid() == 0)
                return;
        assert_int_equal(config_load_kept(dir, kept, &c, &k), -EPERM);
        skip();
}

static Config *load(ConfKept *k) {
        Config *c;

        skip_unless_root();
        assert_int_equal(config_load_kept(dir, kept, &c, k), 0);
        return c;
}

static void assert_hosts(const Config *c, const char *names) {
        char found[256] = "";

        for (size_t i = 0; i < c->n_hosts; i++)
                (void) snprintf(found + strlen(found), sizeof(found) - strlen(found), "%.1s",
                                c->hosts[i].name);
        assert_string_equal(found, names);
}

static void assert_closed(const ConfKept *k, size_t i, const char *start, const char *end) {
        assert_non_null(k->closed[i]);
        assert_non_null(startswith(k->closed[i], start));
        assert_non_null(endswith(k->closed[i], end));
}

static void test_broken_host(void **state) {
        _cleanup_(config_freep) Config *c = NULL;
        ConfKept k;

        put(dir, "hosts.d/a.conf", "name = ");
        /* What is valid, but another one than was in force, is not opened either. */
        put(dir, "hosts.d/c.conf", HOST("c", "\n"));
        put(dir, "hosts.d/d.conf", HOST("d", ""));
        c = load(&k);
        assert_hosts(c, "b");
        assert_false(k.main);
        assert_true(k.usec > 0);
        assert_int_equal(k.n_closed, 3);
        assert_closed(&k, 0, "a.home.test: ", "/hosts.d/a.conf was changed since");
        assert_closed(&k, 1, "c.home.test: ", "/hosts.d/c.conf was changed since");
        assert_closed(&k, 2, dir, "/hosts.d/d.conf: it was not in force before");
        assert_string_equal(strrchr(c->hosts[0].file, '/'), "/b.conf");
        assert_non_null(startswith(c->hosts[0].file, dir));
        assert_null(startswith(c->hosts[0].file, kept));
        config_kept_done(&k);
}

static void test_missing_host(void **state) {
        _cleanup_(config_freep) Config *c = NULL;
        ConfKept k;
        char path[128];

        put(dir, "hosts.d/a.conf", "name = ");
        put(dir, "hosts.d/b.conf", NULL);
        put(dir, "hosts.d/c.conf", NULL);
        (void) snprintf(path, sizeof(path), "%s/hosts.d/c.conf", dir);
        assert_int_equal(mkdir(path, 0755), 0); /* no file: cannot be read */
        c = load(&k);
        assert_hosts(c, "");
        assert_closed(&k, 1, "b.home.test: ", "cannot be read: No such file or directory");
        assert_closed(&k, 2, "c.home.test: ", "cannot be read: Bad message");
        config_kept_done(&k);
}

static void test_broken_main(void **state) {
        _cleanup_(config_freep) Config *c = NULL;
        ConfKept k;

        put(dir, "hagw.conf", "zones = ( { nam");
        put(dir, "hosts.d/c.conf", "name");
        c = load(&k);
        assert_true(k.main);
        assert_hosts(c, "a");
        assert_int_equal(c->n_zones, 1);
        assert_int_equal(c->lan.n, 1);
        assert_closed(&k, 0, "b.home.test: ", "it wants no login, and hagw.conf is broken");
        assert_closed(&k, 1, "c.home.test: ", "was changed since");
        config_kept_done(&k);
}

/* What a write leaves that was cut short: to libconfig it is valid. */
static void test_blank_main(void **state) {
        static const char *const texts[] = { "", " \n\t\n", "# zones = ();\n", "/* lan */ // x" };

        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                _cleanup_(config_freep) Config *c = NULL, *no = NULL;
                _cleanup_free_ char *error = NULL;
                ConfKept k;

                put(dir, "hagw.conf", texts[i]);
                assert_int_equal(setenv("HAGW_KEPT_DIR", kept, 1), 0);
                assert_int_equal(config_load(dir, &no, &error), -EBADMSG);
                assert_int_equal(unsetenv("HAGW_KEPT_DIR"), 0);
                assert_non_null(strstr(error, "/hagw.conf:1: there is no setting in it any more"));
                assert_non_null(strstr(error, kept));
                if (geteuid() != 0)
                        continue;
                c = load(&k);
                assert_true(k.main);
                assert_hosts(c, "ac");
                assert_int_equal(c->lan.n, 1);
                config_kept_done(&k);
        }
}

/* Where nothing was set up, there is nothing to be lost. */
static void test_blank_before(void **state) {
        static const char *const texts[] = { "# nothing was set up\n", "zones = ( {", NULL };

        put(dir, "hagw.conf", "# nothing\n");
        put(dir, "hosts.d/a.conf", NULL);
        assert_int_equal(setenv("HAGW_KEPT_DIR", kept, 1), 0);
        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                _cleanup_(config_freep) Config *c = NULL;
                _cleanup_free_ char *error = NULL;

                put(kept, "hagw.conf", texts[i]);
                assert_int_equal(config_load(dir, &c, &error), 0);
                assert_true(c->blank);
        }
        assert_int_equal(unsetenv("HAGW_KEPT_DIR"), 0);
}

/* Each file is valid, and they do not fit together: hagw.conf is not believed. */
static void test_broken_together(void **state) {
        _cleanup_(config_freep) Config *c = NULL;
        ConfKept k;

        put(dir, "hagw.conf", "zones = ( { name = \"home.test\"; via = \"relay\"; } );\n");
        c = load(&k);
        assert_true(k.main);
        assert_hosts(c, "ac");
        assert_int_equal(c->zones[0].via, CONF_VIA_DIRECT);
        config_kept_done(&k);
}

/* A valid hagw.conf is what its owner wants now. */
static void test_changed_main(void **state) {
        _cleanup_(config_freep) Config *c = NULL;
        ConfKept k;

        put(dir, "hagw.conf",
            "zones = ( { name = \"home.test\"; } );\nlan = ( \"10.0.0.0/8\", \"fd00::/8\" );\n");
        put(dir, "hosts.d/a.conf", "name = ");
        c = load(&k);
        assert_false(k.main);
        assert_int_equal(c->lan.n, 2);
        assert_hosts(c, "bc");
        config_kept_done(&k);
}

static void test_nothing_to_serve(void **state) {
        ConfKept k;
        Config *c;

        assert_int_equal(config_load_kept(dir, NULL, &c, &k), -ENOENT);
        assert_int_equal(config_load_kept(dir, "/nowhere", &c, &k), -ENOENT);
        skip_unless_root();
        assert_int_equal(chmod(kept, 0777), 0);
        assert_int_equal(config_load_kept(dir, kept, &c, &k), -EPERM);
        assert_int_equal(chmod(kept, 0755), 0);
        put(kept, "hosts.d/a.conf", "name = ");
        assert_int_equal(config_load_kept(dir, kept, &c, &k), -EBADMSG);
        /* Who took it away means it. */
        put(dir, "hagw.conf", NULL);
        assert_int_equal(config_load_kept(dir, kept, &c, &k), -ENOENT);
}

static void test_many(void **state) {
        _cleanup_(config_freep) Config *c = NULL;
        char name[64], text[256];
        ConfKept k;

        for (unsigned i = 0; i <= CONF_KEPT_CLOSED_MAX; i++) {
                (void) snprintf(name, sizeof(name), "hosts.d/n%u.conf", i);
                (void) snprintf(text, sizeof(text), HOST("n%u", ""), i);
                put(kept, name, text);
        }
        c = load(&k);
        assert_hosts(c, "abc");
        assert_int_equal(k.n_closed, CONF_KEPT_CLOSED_MAX + 1);
        assert_non_null(k.closed[CONF_KEPT_CLOSED_MAX - 1]);
        assert_null(k.closed[CONF_KEPT_CLOSED_MAX]);
        config_kept_done(&k);
}

static void test_where(void **state) {
        assert_string_equal(config_kept_dir(HAGW_CONF_DIR), CONF_KEPT_DIR);
        /* The copy of the system's configuration is no other one's. */
        assert_null(config_kept_dir(dir));
        assert_int_equal(setenv("HAGW_KEPT_DIR", kept, 1), 0);
        assert_string_equal(config_kept_dir(dir), kept);
        assert_int_equal(unsetenv("HAGW_KEPT_DIR"), 0);
}

#define CASE(f) cmocka_unit_test_setup(f, setup)

TEST_MAIN(CASE(test_broken_host), CASE(test_missing_host), CASE(test_broken_main), CASE(test_blank_main),
          CASE(test_blank_before), CASE(test_broken_together), CASE(test_changed_main),
          CASE(test_nothing_to_serve), CASE(test_many), CASE(test_where))
