/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "hagw-keyd/jws.h"
#include "hagw-keyd/keys.h"
#include "libhagw/log.h"
#include "libhagw/state.h"
#include "tests/unit/test.h"

static int setup(void **state) {
        char *dir = strdup("/tmp/test-keyd-keys-XXXXXX");

        log_set_max_level(LOG_EMERG);
        *state = dir;
        return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state) {
        DIR *d = opendir(*state);
        struct dirent *e;

        while ((e = readdir(d)))
                (void) unlinkat(dirfd(d), e->d_name, 0);
        (void) closedir(d);
        (void) rmdir(*state);
        free(*state);
        return 0;
}

/* What two threads do in turn, on one. Consumes k. */
static int add(Keys *keys, Key *k, Key **ret) {
        int r;

        *ret = k;
        r = keys_add_begin(keys, k, ret);
        if (r > 0) {
                r = keys_write(keys, k);
                keys_add_end(keys, k, r);
        }
        key_unref(k);
        return r;
}

static void test_round_trip(void **state) {
        char name[PATH_MAX];
        struct stat st;

        for (int a = 0; a <= KEY_RSA_2048; a++) {
                Keys *keys;
                Key *k, *same;
                char id[KEY_ID_SIZE + 1];

                assert_int_equal(keys_load(*state, &keys), 0);
                assert_int_equal(key_generate(a, &k), 0);
                k->created_usec = 1234567890123456;
                assert_int_equal(add(keys, k, &k), 0);
                strcpy(id, k->id);
                keys_free(keys);

                assert_int_equal(keys_load(*state, &keys), 0);
                same = keys_find(keys, id);
                assert_non_null(same);
                assert_int_equal(same->algorithm, a);
                assert_int_equal(same->purpose, KEY_PURPOSE_TLS);
                assert_int_equal(same->created_usec, 1234567890123456);
                assert_false(same->imported);
                (void) snprintf(name, sizeof(name), "%s/%s.key", (char *) *state, id);
                assert_int_equal(stat(name, &st), 0);
                assert_int_equal(st.st_mode & 07777, 0600);
                assert_int_equal(keys_remove_begin(keys, same), 0);
                assert_int_equal(keys_unlink(keys, same), 0);
                keys_remove_end(keys, same, 0);
                assert_null(keys_find(keys, id));
                assert_int_equal(stat(name, &st), -1);
                keys_free(keys);
        }
}

/* One key, one purpose: the account key never becomes a certificate's. */
static void test_one_purpose(void **state) {
        _cleanup_datum_ gnutls_datum_t pem = {};
        Keys *keys;
        Key *k, *again, *held;

        assert_int_equal(keys_load(*state, &keys), 0);
        assert_int_equal(key_generate(KEY_ECDSA_P256, &k), 0);
        assert_int_equal(add(keys, k, &held), 0);
        assert_int_equal(key_export(held, &pem), 0);
        assert_int_equal(key_import((char *) pem.data, pem.size, &again), 0);
        assert_int_equal(add(keys, again, &k), 0);
        assert_ptr_equal(k, held);
        assert_int_equal(key_import((char *) pem.data, pem.size, &again), 0);
        again->purpose = KEY_PURPOSE_ACCOUNT;
        assert_int_equal(add(keys, again, &k), -EEXIST);
        assert_int_equal(keys_count(keys), 1);
        keys_free(keys);
}

static void test_limit(void **state) {
        Keys *keys;
        Key *k;

        assert_int_equal(keys_load(*state, &keys), 0);
        for (size_t i = 0; i < KEYS_MAX; i++) {
                assert_int_equal(key_generate(KEY_ECDSA_P256, &k), 0);
                assert_int_equal(add(keys, k, &k), 0);
        }
        assert_int_equal(key_generate(KEY_ECDSA_P256, &k), 0);
        assert_int_equal(add(keys, k, &k), -EXFULL);
        keys_free(keys);
}

/* While a key is written it is none yet, and while it is removed it is one still. */
static void test_meanwhile(void **state) {
        _cleanup_datum_ gnutls_datum_t pem = {};
        Key *k, *same, *there;
        Keys *keys;

        assert_int_equal(keys_load(*state, &keys), 0);
        assert_int_equal(key_generate(KEY_ECDSA_P256, &k), 0);
        assert_int_equal(key_export(k, &pem), 0);
        assert_int_equal(key_import((char *) pem.data, pem.size, &same), 0);
        assert_int_equal(keys_add_begin(keys, k, &there), 1);
        assert_null(keys_find(keys, k->id));
        assert_int_equal(keys_count(keys), 0);
        assert_int_equal(keys_add_begin(keys, same, &there), -EBUSY);
        same->purpose = KEY_PURPOSE_ACCOUNT;
        assert_int_equal(keys_add_begin(keys, same, &there), -EBUSY);
        keys_add_end(keys, k, -ENOSPC);
        assert_int_equal(keys_count(keys), 0);

        assert_int_equal(keys_add_begin(keys, k, &there), 1);
        assert_int_equal(keys_write(keys, k), 0);
        keys_add_end(keys, k, 0);
        assert_ptr_equal(keys_find(keys, k->id), k);
        assert_int_equal(keys_remove_begin(keys, k), 0);
        assert_int_equal(keys_remove_begin(keys, k), -EBUSY);
        assert_ptr_equal(keys_find(keys, k->id), k);
        assert_int_equal(keys_add_begin(keys, same, &there), -EBUSY);
        keys_remove_end(keys, k, -EIO);
        assert_int_equal(keys_remove_begin(keys, k), 0);
        assert_int_equal(keys_unlink(keys, k), 0);
        keys_remove_end(keys, k, 0);
        assert_int_equal(keys_count(keys), 0);

        /* Who signs with it still has it; and what is under way at the end is released. */
        assert_int_equal(k->n_ref, 1);
        assert_int_equal(keys_add_begin(keys, k, &there), 1);
        key_unref(k);
        key_unref(same);
        keys_free(keys);
}

/* Places are counted when writing begins, not when it ends. */
static void test_limit_while_writing(void **state) {
        Key *k[KEYS_MAX + 1], *there;
        Keys *keys;

        assert_int_equal(keys_load(*state, &keys), 0);
        for (size_t i = 0; i < ELEMENTSOF(k); i++) {
                assert_int_equal(keys_is_full(keys), i == KEYS_MAX);
                assert_int_equal(key_generate(KEY_ECDSA_P256, k + i), 0);
                assert_int_equal(keys_add_begin(keys, k[i], &there), i < KEYS_MAX ? 1 : -EXFULL);
        }
        for (size_t i = 0; i < KEYS_MAX; i++)
                keys_add_end(keys, k[i], 0);
        assert_int_equal(keys_count(keys), KEYS_MAX);
        for (size_t i = 0; i < ELEMENTSOF(k); i++)
                key_unref(k[i]);
        keys_free(keys);
}

static void write_file(const char *dir, const char *name, const char *text, size_t size) {
        int fd = open(dir, O_RDONLY | O_DIRECTORY);

        assert_int_equal(state_write(fd, name, text, size, 0600), 0);
        close(fd);
}

static void test_broken_files(void **state) {
        _cleanup_free_ char *text = NULL;
        char file[KEY_ID_SIZE + 8], path[PATH_MAX];
        struct stat st;
        size_t size;
        Keys *keys;
        Key *k;
        int fd;

        assert_int_equal(keys_load(*state, &keys), 0);
        assert_int_equal(key_generate(KEY_ECDSA_P256, &k), 0);
        assert_int_equal(add(keys, k, &k), 0);
        (void) snprintf(file, sizeof(file), "%s.key", k->id);
        keys_free(keys);
        fd = open(*state, O_RDONLY | O_DIRECTORY);
        assert_int_equal(state_read(fd, file, &text, &size), 0);
        close(fd);

        /* Cut short at every length, and a good key under another's name. */
        for (size_t cut = 0; cut < (size_t) (strstr(text, "-----END") - text); cut += 7) {
                write_file(*state, file, text, cut);
                assert_int_equal(keys_load(*state, &keys), 0);
                assert_int_equal(keys_count(keys), 0);
                assert_string_equal(keys_get_broken(keys)[0], file);
                keys_free(keys);
                (void) snprintf(path, sizeof(path), "%s/%s.broken", (char *) *state, file);
                assert_int_equal(stat(path, &st), 0);
        }
        write_file(*state, "0123456789abcdef0123456789abcdef.key", text, size);
        write_file(*state, file, text, size);
        write_file(*state, "0123.key.new", text, size); /* a kill while writing */
        assert_int_equal(keys_load(*state, &keys), 0);
        assert_int_equal(keys_count(keys), 1);
        keys_free(keys);
        (void) snprintf(path, sizeof(path), "%s/0123.key.new", (char *) *state);
        assert_int_equal(stat(path, &st), -1);
}

static void test_import_refuses(void **state) {
        static const char *const texts[] = {
                "",
                "-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n",
                "hello",
                "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        };
        Key *k;

        for (size_t i = 0; i < ELEMENTSOF(texts); i++)
                assert_int_equal(key_import(texts[i], strlen(texts[i]), &k), -EBADMSG);
}

/* RFC 7638 section 3.1 gives a key and its thumbprint; ours must have the canonical form for its own kind.
 */
static void test_jws(void **state) {
        _cleanup_free_ char *jwk = NULL, *thumbprint = NULL;
        const char *reason;
        char *text;
        Jws jws;
        Key *k;

        assert_int_equal(key_generate(KEY_ECDSA_P256, &k), 0);
        assert_int_equal(jwk_format(k, &jwk), 0);
        assert_int_equal(strlen(jwk),
                         strlen("{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"\",\"y\":\"\"}") + 86);
        assert_int_equal(jwk_thumbprint(k, &thumbprint), 0);
        assert_int_equal(strlen(thumbprint), 43);
        static const struct {
                const char *header;
                bool include_key;
        } bad[] = {
                { "{", true },
                { "[]", true },
                { "{}", true },
                { "{\"url\":\"u\",\"alg\":\"none\"}", true },
                { "{\"url\":\"u\",\"jwk\":{}}", true },
                { "{\"url\":\"u\",\"kid\":\"k\"}", true },
                { "{\"url\":\"u\"}", false },
                { "{\"url\":\"u\",\"url\":\"v\"}", true },
                { "{\"url\":\"u\",\"b64\":false,\"crit\":[\"b64\"]}", true },
                { "{\"url\":\"u\",\"nonce\":{}}", true },
        };
        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                assert_int_equal(jws_compose(k, bad[i].header, "", bad[i].include_key, &jws, &reason),
                                 -EINVAL);
        assert_int_equal(jws_compose(k, "{\"url\":\"u\",\"kid\":\"k\"}", "", false, &jws, &reason), 0);
        assert_int_equal(jws_sign(k, &jws, &text), 0);
        free(text);
        jws_done(&jws);
        key_unref(k);
}

TEST_MAIN(cmocka_unit_test_setup_teardown(test_round_trip, setup, teardown),
          cmocka_unit_test_setup_teardown(test_one_purpose, setup, teardown),
          cmocka_unit_test_setup_teardown(test_limit, setup, teardown),
          cmocka_unit_test_setup_teardown(test_meanwhile, setup, teardown),
          cmocka_unit_test_setup_teardown(test_limit_while_writing, setup, teardown),
          cmocka_unit_test_setup_teardown(test_broken_files, setup, teardown),
          cmocka_unit_test(test_import_refuses), cmocka_unit_test(test_jws))
