/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What stands in turns.h. */

#include <fcntl.h>
#include <linux/sockios.h>
#include <poll.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <gnutls/x509.h>
#include <netinet/in.h>
#include <unistd.h>

#include "hagw-proxyd/door/probedoor.h"
#include "hagw-proxyd/house/agent.h"
#include "hagw-proxyd/house/agentchannel.h"
#include "hagw-proxyd/main/rooms.h"
#include "hagw-proxyd/relay/tenants.h"
#include "hagw-proxyd/visit/conn.h"
#include "hagw-proxyd/visit/visitor.h"
#include "libhagw/crew/passage.h"
#include "tests/unit/turns.h"

static const uint8_t secret[CHANNEL_SECRET_SIZE] = { 1, 2, 3 };
static const IpAddress stranger = { .family = AF_INET, .bytes = { 203, 0, 113, 7 } };

static void write_file(const Turns *t, const char *name, const char *text) {
        char path[64];
        FILE *f;

        (void) snprintf(path, sizeof(path), "%s/%s", t->folder, name);
        f = fopen(path, "we");
        assert_non_null(f);
        assert_true(fputs(text, f) >= 0);
        assert_int_equal(fclose(f), 0);
}

static uint16_t listen_somewhere(Turns *t) {
        struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        socklen_t size = sizeof(a);

        t->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_true(t->listener >= 0);
        assert_int_equal(bind(t->listener, (struct sockaddr *) &a, size), 0);
        assert_int_equal(listen(t->listener, 8), 0);
        assert_int_equal(getsockname(t->listener, (struct sockaddr *) &a, &size), 0);
        return ntohs(a.sin_port);
}

/* For ha.example.com, with a key that is at hand nowhere. */
static TlsCertificate *make_certificate(void) {
        static char *names[] = { (char *) "ha.example.com", NULL };
        gnutls_x509_privkey_t key;
        gnutls_x509_crt_t crt;
        TlsCertificate *c;
        gnutls_datum_t pem;

        assert_int_equal(gnutls_x509_privkey_init(&key), 0);
        assert_int_equal(gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA,
                                                      GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0),
                         0);
        assert_int_equal(gnutls_x509_crt_init(&crt), 0);
        assert_int_equal(gnutls_x509_crt_set_version(crt, 3), 0);
        assert_int_equal(gnutls_x509_crt_set_serial(crt, "1", 1), 0);
        assert_int_equal(gnutls_x509_crt_set_activation_time(crt, 0), 0);
        assert_int_equal(gnutls_x509_crt_set_expiration_time(crt, INT32_MAX), 0);
        assert_int_equal(gnutls_x509_crt_set_key(crt, key), 0);
        assert_int_equal(gnutls_x509_crt_set_dn(crt, "CN=ha.example.com", NULL), 0);
        assert_int_equal(gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_DNSNAME, names[0],
                                                              (unsigned) strlen(names[0]), 0),
                         0);
        assert_int_equal(gnutls_x509_crt_sign2(crt, crt, key, GNUTLS_DIG_SHA256, 0), 0);
        assert_int_equal(gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_PEM, &pem), 0);
        assert_int_equal(tls_certificate_new((char *) pem.data, "key", names, &c), 0);
        gnutls_free(pem.data);
        gnutls_x509_crt_deinit(crt);
        gnutls_x509_privkey_deinit(key);
        return c;
}

static void listen_as_keyd(Turns *t) {
        struct sockaddr_un a = { .sun_family = AF_UNIX };

        (void) snprintf(a.sun_path, sizeof(a.sun_path), "%s/io.hagw.Key", t->folder);
        assert_int_equal(setenv("HAGW_RUNTIME_DIR", t->folder, 1), 0);
        t->keyd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        assert_true(t->keyd >= 0);
        assert_int_equal(bind(t->keyd, (struct sockaddr *) &a, sizeof(a)), 0);
        assert_int_equal(listen(t->keyd, 8), 0);
}

static void configure(Turns *t) {
        static const struct {
                const char *file, *text;
        } hosts[] = {
                { "hosts.d/ha.conf", "name = \"ha.example.com\"; upstream = \"http://127.0.0.1:%u\"; "
                                     "access: { login = \"none\"; };" },
                { "hosts.d/walled.conf", "name = \"walled.example.com\"; "
                                         "upstream = \"http://127.0.0.1:%u\";" },
                { "hosts.d/raw.conf", "name = \"raw.example.com\"; upstream = \"tcp://127.0.0.1:%u\"; "
                                      "access: { login = \"none\"; };" },
                { "hosts.d/tls.conf", "name = \"tls.example.com\"; upstream = \"https://127.0.0.1:%u\"; "
                                      "access: { login = \"none\"; }; tls: { verify = \"insecure\"; };" },
        };
        _cleanup_(config_freep) Config *config = NULL;
        _cleanup_(tls_certificate_unrefp) TlsCertificate *certificate = NULL;
        _cleanup_free_ char *error = NULL, *bad_file = NULL;
        uint8_t tickets[TLS_TICKET_SECRET_SIZE] = {};
        unsigned port = listen_somewhere(t);
        char text[512];

        strcpy(t->folder, "/tmp/hagw-turns.XXXXXX");
        assert_non_null(mkdtemp(t->folder));
        (void) snprintf(text, sizeof(text), "%s/hosts.d", t->folder);
        assert_int_equal(mkdir(text, 0700), 0);
        (void) snprintf(text, sizeof(text),
                        "zones = ( { name = \"example.com\"; }, { name = \"relay.example.com\"; } );"
                        "tenants: { zone = \"relay.example.com\"; };"
                        "relay: { address = \"127.0.0.1:%u\"; tenant = \"me\"; opened = \"accept\"; "
                        "private = \"accept\"; };",
                        port);
        write_file(t, "hagw.conf", text);
        for (size_t i = 0; i < ELEMENTSOF(hosts); i++) {
                /* The one conversion in each of them is the port. */
                const char *mark = strstr(hosts[i].text, "%u");

                (void) snprintf(text, sizeof(text), "%.*s%u%s", (int) (mark - hosts[i].text), hosts[i].text,
                                port, mark + 2);
                write_file(t, hosts[i].file, text);
        }
        if (config_load(t->folder, &config, &error) < 0)
                fail_msg("%s", error);
        listen_as_keyd(t);
        assert_int_equal(gnutls_certificate_allocate_credentials(&t->nobody), 0);
        certificate = make_certificate();
        assert_int_equal(snapshot_new(config, &certificate, 1, tickets, 1, NULL, &t->snapshot, &bad_file),
                         0);
}

void turns_begin(Turns *t) {
        *t = (Turns) { .keyd = -EBADF, .listener = -EBADF, .service = -EBADF,
                       .peer = -EBADF, .ours = -EBADF };
        assert_int_equal(tls_global_init(), 0);
        assert_int_equal(tls_psk_global_init(), 0);
        assert_int_equal(crowd_init(), 0);
        assert_int_equal(tenants_global_init(), 0);
        assert_int_equal(queue_init(&t->main_queue), 0);
        t->ring = aligned_alloc(_Alignof(AccessRing), sizeof(AccessRing));
        assert_non_null(t->ring);
        memset(t->ring, 0, sizeof(*t->ring));
        t->ring->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        configure(t);
        assert_int_equal(worker_new(0, t->crew, 1, &t->main_queue, t->snapshot, &crew_plan, t->ring,
                                    &t->worker),
                         0);
        t->crew[0] = t->worker;
        signer_use(&t->worker->signer);
}

void turns_end(Turns *t) {
        Worker *w = t->worker;
        char command[64];

        agent_line_close(t->relay);
        channel_pool_close(&t->channels);
        w->house->agent = agent_free(w->house->agent);
        conns_done(w);
        pass_room.done(w);
        tenants_done(w);
        signer_done(&w->signer);
        turns_run(t, 1); /* what was closed is freed from the loop */
        worker_free(w);
        for (Message *m = queue_take(&t->main_queue), *next; m; m = next) {
                next = m->next;
                message_free(m);
        }
        queue_done(&t->main_queue);
        snapshot_unref(t->snapshot);
        safe_close(t->ring->event_fd);
        free(t->ring);
        if (t->tls)
                gnutls_deinit(t->tls);
        gnutls_certificate_free_credentials(t->nobody);
        safe_close(t->keyd);
        safe_close(t->listener);
        safe_close(t->service);
        safe_close(t->peer);
        tls_psk_global_done();
        tls_global_done();
        (void) snprintf(command, sizeof(command), "rm -rf %s", t->folder);
        assert_int_equal(system(command), 0);
}

void turns_run(Turns *t, unsigned n) {
        while (n-- > 0)
                assert_int_equal(loop_run(&t->worker->loop, 0), 0);
}

void turns_flood(int fd, const char *bytes, size_t size) {
        char many[16384];
        size_t n = sizeof(many) / size * size, sent = 0;

        for (size_t i = 0; i < n; i += size)
                memcpy(many + i, bytes, size);
        for (;;) {
                ssize_t k = send(fd, many + sent, n - sent, MSG_DONTWAIT | MSG_NOSIGNAL);

                if (k < 0)
                        break;
                sent = (sent + (size_t) k) % n;
        }
        assert_int_equal(errno, EAGAIN);
}

void turns_flood_tls(Turns *t) {
        for (unsigned i = 0; i < 100000; i++)
                if (gnutls_record_send2(t->tls, "", 0, /* pad= */ 1, 0) < 0)
                        return;
        fail_msg("the socket took a hundred thousand records");
}

void turns_flood_frames(Turns *t, const char *frame, size_t size) {
        char many[16384];
        size_t n = sizeof(many) / size * size;

        for (size_t i = 0; i < n; i += size)
                memcpy(many + i, frame, size);
        for (unsigned i = 0; i < 10000; i++)
                if (gnutls_record_send(t->tls, many, n) < 0)
                        return;
        fail_msg("the socket took ten thousand records");
}

void turns_say(int fd, const char *text) {
        assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

size_t turns_unread(int fd) {
        int n = 0;

        assert_int_equal(ioctl(fd, SIOCINQ, &n), 0);
        return (size_t) n;
}

static void make_pair(int fds[static 2]) {
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
        (void) setsockopt(fds[1], SOL_SOCKET, SO_SNDBUF, &(int) { 1024 * 1024 }, sizeof(int));
}

int turns_visit(Turns *t, ConnKind kind, Arrival arrival) {
        int fds[2];

        make_pair(fds);
        Visitor v = { .fd = fds[0], .kind = kind, .address = stranger, .arrival = arrival };
        memcpy(v.secret, secret, sizeof(secret));
        t->ours = fds[0];
        conn_new(t->worker, &v);
        return fds[1];
}

Conn *turns_want(Turns *t, uint8_t address, gnutls_session_t *ret_tls, int *ret_peer) {
        static const gnutls_datum_t name = { (unsigned char *) "ha.example.com", 14 };
        int fds[2];

        make_pair(fds);
        Visitor v = { .fd = fds[0], .kind = CONN_HTTPS,
                      .address = { .family = AF_INET, .bytes = { 203, 0, 113, address } } };
        conn_new(t->worker, &v);
        assert_int_equal(gnutls_init(ret_tls, GNUTLS_CLIENT | GNUTLS_NONBLOCK), 0);
        assert_int_equal(gnutls_set_default_priority(*ret_tls), 0);
        assert_int_equal(gnutls_credentials_set(*ret_tls, GNUTLS_CRD_CERTIFICATE, t->nobody), 0);
        assert_int_equal(gnutls_server_name_set(*ret_tls, GNUTLS_NAME_DNS, name.data, name.size), 0);
        gnutls_transport_set_int(*ret_tls, fds[1]);
        assert_int_equal(gnutls_handshake(*ret_tls), GNUTLS_E_AGAIN);
        *ret_peer = fds[1];
        return t->worker->visits->first;
}

void turns_hello(Turns *t, const char *name) {
        assert_int_equal(tls_psk_client_new(secret, name, &t->tls), 0);
        gnutls_transport_set_int(t->tls, t->peer);
        assert_int_equal(gnutls_handshake(t->tls), GNUTLS_E_AGAIN);
}

static void shake_hands(Turns *t) {
        int r = GNUTLS_E_AGAIN;

        for (unsigned i = 0; i < 20 && r == GNUTLS_E_AGAIN; i++) {
                turns_run(t, 1);
                r = gnutls_handshake(t->tls);
        }
        assert_int_equal(r, 0);
        turns_run(t, 2);
}

/* A certificate of ours would need hagw-keyd; what is asked of the session is only that it speaks the
 * protocol. */
Conn *turns_visit_alpn(Turns *t, const char *name, const char *protocol) {
        const gnutls_datum_t spoken = { (unsigned char *) protocol, (unsigned) strlen(protocol) };
        gnutls_session_t server;
        Conn *c;

        t->peer = turns_visit(t, CONN_HTTPS, ARRIVAL_DIRECT);
        c = t->worker->visits->first;
        assert_int_equal(tls_psk_server_new(secret, &server), 0);
        assert_int_equal(gnutls_alpn_set_protocols(server, &spoken, 1, 0), 0);
        transport_start_tls(&c->transport, server);
        gnutls_session_set_ptr(server, (void *) secret);
        (void) snprintf(c->visit.name, sizeof(c->visit.name), "%s", name);
        c->route = route_find(c->snapshot->routes, name);
        conn_set_state(c, CONN_HANDSHAKE);
        assert_int_equal(tls_psk_client_new(secret, name, &t->tls), 0);
        assert_int_equal(gnutls_alpn_set_protocols(t->tls, &spoken, 1, 0), 0);
        gnutls_transport_set_int(t->tls, t->peer);
        (void) gnutls_handshake(t->tls);
        shake_hands(t);
        return t->worker->visits->first;
}

void turns_say_tls(Turns *t, const char *bytes, size_t size) {
        for (size_t n = 0; n < size;) {
                ssize_t k = gnutls_record_send(t->tls, bytes + n, size - n);

                if (k == GNUTLS_E_AGAIN)
                        turns_run(t, 1);
                else
                        assert_true(k > 0);
                n += k > 0 ? (size_t) k : 0;
        }
}

Conn *turns_visit_http2(Turns *t, const char *window) {
        static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
        /* SETTINGS_INITIAL_WINDOW_SIZE alone. */
        char settings[9 + 6] = { 0, 0, window ? 6 : 0, 4, [9] = 0, [10] = 4 };
        Conn *c = turns_visit_alpn(t, "ha.example.com", "h2");

        assert_int_equal(c->state, CONN_STREAMS);
        if (window)
                memcpy(settings + 11, window, 4);
        turns_say_tls(t, preface, sizeof(preface) - 1);
        turns_say_tls(t, settings, window ? sizeof(settings) : 9);
        turns_run(t, 1);
        return c;
}

void turns_ask_http2(Turns *t, unsigned n, unsigned flags) {
        /* :method, :path, :scheme of the static table, and :authority. */
        char frame[] = "\0\0\x13\x01\x04\0\0\0\0\x82\x84\x87\x01\x0eha.example.com";
        char many[100 * (sizeof(frame) - 1)];
        const size_t size = sizeof(frame) - 1;

        assert(n <= 100);
        frame[4] = (char) (frame[4] | (char) flags);
        frame[9] = flags & TURNS_END_STREAM ? frame[9] : (char) 0x83;
        for (unsigned i = 0; i < n; i++) {
                unsigned id = 2 * i + 1;

                frame[7] = (char) (id >> 8);
                frame[8] = (char) id;
                memcpy(many + i * size, frame, size);
        }
        turns_say_tls(t, many, n * size);
}

Control *turns_visit_agent(Turns *t) {
        (void) turns_visit_alpn(t, "relay.example.com", RELAY_ALPN);
        assert_non_null(t->worker->tenants->strangers);
        return t->worker->tenants->strangers;
}

Conn *turns_visit_tls(Turns *t, const char *name) {
        t->peer = turns_visit(t, CONN_HTTPS, ARRIVAL_CHANNEL_OPENED);
        turns_hello(t, name);
        shake_hands(t);
        assert_int_equal(t->worker->visits->first->state, CONN_IDLE);
        return t->worker->visits->first;
}

Conn *turns_visit_plain(Turns *t, const char *name) {
        ProbeMessage *probe;
        int fds[2];

        make_pair(fds);
        t->ours = fds[0];
        t->peer = fds[1];
        probe = message_new(&probe_message);
        assert_non_null(probe);
        probe->fd = fds[0];
        (void) snprintf(probe->name, sizeof(probe->name), "%s", name);
        assert_int_equal(probe_enter(t->worker, probe), 0);
        return t->worker->visits->first;
}

void turns_accept(Turns *t) {
        struct pollfd p = { .fd = t->listener, .events = POLLIN };

        for (unsigned i = 0; i < 20 && poll(&p, 1, 50) == 0; i++)
                turns_run(t, 1);
        t->service = accept4(t->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        assert_true(t->service >= 0);
        (void) setsockopt(t->service, SOL_SOCKET, SO_SNDBUF, &(int) { 1024 * 1024 }, sizeof(int));
        turns_run(t, 3);
}

static int bystander(Turns *t) {
        int ours = t->ours, fd = turns_visit(t, CONN_HTTP, ARRIVAL_DIRECT);

        t->ours = ours;
        return fd;
}

static size_t unread(int fd) {
        int n = 0;

        assert_int_equal(ioctl(fd, SIOCINQ, &n), 0);
        return (size_t) n;
}

void turns_check(TurnsEnter enter) {
        struct pollfd p = { .events = POLLIN };
        Turns t;
        bool endless;
        int other;

        turns_begin(&t);
        other = bystander(&t);
        turns_run(&t, 1);
        t.worker->loop.turn_max = t.worker->loop.turn = TURNS_TURN;
        endless = enter(&t);
        t.worker->loop.most = 0;
        turns_say(other, "GET / HTTP/1.1\r\nHost: ha.example.com\r\n\r\n");
        turns_run(&t, 2);
        p.fd = other;
        assert_int_equal(poll(&p, 1, 0), 1);
        assert_in_range(t.worker->loop.most, 0, TURNS_TURN + TURNS_BEYOND);
        if (endless)
                assert_true(t.worker->loop.again || unread(t.ours) > 0);
        safe_close(other);
        turns_end(&t);
}
