/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <fcntl.h>
#include <sys/socket.h>

#include "libhagw/net/tls-psk.h"
#include "tests/unit/test.h"

/* Both handshakes on one thread. The client's and the server's last result. */
static void shake(gnutls_session_t client, gnutls_session_t server, int *ret_client, int *ret_server) {
        int fds[2], a = GNUTLS_E_AGAIN, b = GNUTLS_E_AGAIN;

        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
        gnutls_transport_set_int(client, fds[0]);
        gnutls_transport_set_int(server, fds[1]);
        for (unsigned i = 0; i < 50 && (a == GNUTLS_E_AGAIN || b == GNUTLS_E_AGAIN); i++) {
                if (a == GNUTLS_E_AGAIN)
                        a = gnutls_handshake(client);
                if (b == GNUTLS_E_AGAIN)
                        b = gnutls_handshake(server);
                /* The other end waits for an alert that does not come: its end says as much. */
                if (gnutls_error_is_fatal(a) || gnutls_error_is_fatal(b)) {
                        (void) shutdown(fds[0], SHUT_RDWR);
                        (void) shutdown(fds[1], SHUT_RDWR);
                }
        }
        *ret_client = a;
        *ret_server = b;
        safe_close(fds[0]);
        safe_close(fds[1]);
}

static void test_handshake(void **state) {
        uint8_t secret[CHANNEL_SECRET_SIZE] = { 1, 2, 3 };
        gnutls_session_t client, server;
        char name[64];
        size_t size = sizeof(name);
        gnutls_datum_t protocol;
        unsigned type;
        int a, b;

        assert_int_equal(tls_psk_client_new(secret, "ha.anna.relay.example.com", &client), 0);
        assert_int_equal(tls_psk_server_new(secret, &server), 0);
        shake(client, server, &a, &b);
        assert_int_equal(a, 0);
        assert_int_equal(b, 0);
        assert_int_equal(gnutls_protocol_get_version(server), GNUTLS_TLS1_3);
        assert_int_equal(gnutls_server_name_get(server, name, &size, &type, 0), 0);
        assert_string_equal(name, "ha.anna.relay.example.com");
        assert_int_equal(gnutls_alpn_get_selected_protocol(client, &protocol), 0);
        /* Whoever learns the secret later cannot read what was sent. */
        assert_int_equal(gnutls_group_get(client), GNUTLS_GROUP_X25519);
        gnutls_deinit(client);
        gnutls_deinit(server);
}

static void test_other_secret(void **state) {
        uint8_t one[CHANNEL_SECRET_SIZE] = { 1 }, two[CHANNEL_SECRET_SIZE] = { 2 };
        gnutls_session_t client, server;
        int a, b;

        assert_int_equal(tls_psk_client_new(one, "x", &client), 0);
        assert_int_equal(tls_psk_server_new(two, &server), 0);
        shake(client, server, &a, &b);
        assert_true(a < 0 && b < 0);
        gnutls_deinit(client);
        gnutls_deinit(server);
}

/* Who comes with certificates, or without the key, gets nowhere. */
static void test_without_secret(void **state) {
        uint8_t secret[CHANNEL_SECRET_SIZE] = { 1 };
        gnutls_certificate_credentials_t trust;
        gnutls_session_t client, server;
        int a, b;

        assert_int_equal(gnutls_certificate_allocate_credentials(&trust), 0);
        assert_int_equal(gnutls_init(&client, GNUTLS_CLIENT | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL), 0);
        assert_int_equal(gnutls_set_default_priority(client), 0);
        assert_int_equal(gnutls_credentials_set(client, GNUTLS_CRD_CERTIFICATE, trust), 0);
        assert_int_equal(tls_psk_server_new(secret, &server), 0);
        shake(client, server, &a, &b);
        assert_true(a < 0 && b < 0);
        gnutls_deinit(client);
        gnutls_deinit(server);
        gnutls_certificate_free_credentials(trust);
}

static int setup(void **state) {
        return tls_psk_global_init();
}

static int teardown(void **state) {
        tls_psk_global_done();
        return 0;
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_handshake),
                cmocka_unit_test(test_other_secret),
                cmocka_unit_test(test_without_secret),
        };
        return cmocka_run_group_tests(tests, setup, teardown);
}
