/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Many houses in one process, for bench/tunnel: what an idle house costs at the relay must be measured with
 * thousands of them, and a real agent is a whole hagw-proxyd. On the wire each is one
 * (docs/relay-protocol.md): a control connection that stays, as many waiting channels as the relay wants,
 * and channels in place of those that were used. There is no service behind them: a visitor gets one byte.
 *
 *     agents ADDRESS PORT RELAY-NAME FILE       FILE: a token on each line
 *
 * Says "attached N of M" whenever N changed. The relay's certificate is not looked at. One thread. */

#include <arpa/inet.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <systemd/sd-event.h>
#include <systemd/sd-json.h>

#include "libhagw/net/relaykeys.h"
#include "libhagw/pure/macro.h"
#include "libhagw/pure/relaytoken.h"

#define TICK_USEC (100 * USEC_PER_MSEC)
#define HANDSHAKES_MAX 32U /* at once */
#define CHANNELS_MAX 8U    /* that wait, whatever the relay wants */
#define MESSAGE_MAX 4096U  /* bytes */
#define RETRY_USEC (2 * USEC_PER_SEC)

typedef enum AgentState {
        AGENT_IDLE,
        AGENT_HANDSHAKE, /* TCP's, then TLS's */
        AGENT_PROVING,   /* until the answer to Attach */
        AGENT_ATTACHED,
} AgentState;

typedef struct Fleet Fleet;

typedef struct Agent Agent;
struct Agent {
        Fleet *fleet;
        Agent *next; /* in the queue */
        RelayToken token;
        AgentState state;
        uint64_t retry_usec; /* CLOCK_MONOTONIC; not before then */
        int fd;
        sd_event_source *io;
        gnutls_session_t tls;
        RelayKeys keys;
        char *text; /* of a message that has not ended yet */
        size_t text_size;
        uint8_t session_id[CHANNEL_SESSION_ID_SIZE];
        unsigned session; /* counts up, so that a channel knows its own */
        uint64_t channel; /* the last number used */
        unsigned wanted, waiting;
};

typedef struct Channel {
        Agent *agent;
        unsigned session;
        uint64_t number;
        sd_event_source *io;
        bool greeted; /* the hello is out */
        bool taken;   /* a visitor has come */
        uint8_t header[CHANNEL_HEADER_SIZE_MAX];
        size_t size;
} Channel;

struct Fleet {
        sd_event *event;
        struct sockaddr_in relay;
        const char *name;
        gnutls_certificate_credentials_t credentials;
        Agent *agents;
        Agent *idle, *idle_last; /* who is to start, a queue */
        unsigned count, attached, said, busy;
};

static uint64_t now_usec(Fleet *f) {
        uint64_t t;

        (void) sd_event_now(f->event, CLOCK_MONOTONIC, &t);
        return t;
}

/* A connection that is on its way. */
static int dial(Fleet *f) {
        int one = 1;
        _cleanup_close_ int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        if (fd < 0)
                return -errno;
        (void) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
        if (connect(fd, (struct sockaddr *) &f->relay, sizeof(f->relay)) < 0 && errno != EINPROGRESS)
                return -errno;
        return TAKE_FD(fd);
}

static bool is_connected(int fd) {
        int error = 0;
        socklen_t size = sizeof(error);

        return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == 0;
}

/* --- channels ------------------------------------------------------------------------------------------ */

static void channel_free(Channel *c) {
        if (!c->taken && c->session == c->agent->session)
                c->agent->waiting--;
        sd_event_source_disable_unref(c->io); /* closes the descriptor */
        free(c);
}

static int channel_greet(Channel *c, int fd) {
        uint8_t hello[CHANNEL_HELLO_SIZE];
        ChannelHello h = { .number = c->number };

        memcpy(h.session_id, c->agent->session_id, sizeof(h.session_id));
        channel_hello_write(&h, hello);
        if (!is_connected(fd) ||
            relay_keys_sign_hello(&c->agent->keys, hello, hello + CHANNEL_HELLO_SIGNED) < 0 ||
            send(fd, hello, sizeof(hello), MSG_NOSIGNAL) != sizeof(hello))
                return -EIO;
        c->greeted = true;
        return sd_event_source_set_io_events(c->io, EPOLLIN);
}

/* The header, and one byte for who comes behind it. */
static int channel_take(Channel *c, int fd) {
        uint8_t mac[CHANNEL_MAC_SIZE];
        ChannelVisitor kind;
        ProxyPair pair;
        ProxyResult result;
        size_t size;

        result = channel_header_read(c->header, c->size, &pair, &kind, &size);
        if (result == PROXY_MORE && c->size < sizeof(c->header))
                return 0;
        if (result != PROXY_OK ||
            relay_keys_sign_header(&c->agent->keys, c->number, c->header, size - sizeof(mac), mac) < 0 ||
            !relay_mac_equal(mac, c->header + size - sizeof(mac)) || send(fd, "h", 1, MSG_NOSIGNAL) != 1)
                return -EPROTO;
        c->taken = true;
        c->agent->waiting--;
        return 0;
}

static int on_channel(sd_event_source *io, int fd, uint32_t revents, void *userdata) {
        Channel *c = userdata;
        uint8_t rest[4096];
        ssize_t n;

        (void) io;
        (void) revents;
        if (c->session != c->agent->session || (!c->greeted && channel_greet(c, fd) < 0)) {
                channel_free(c);
                return 0;
        }
        n = c->taken ? recv(fd, rest, sizeof(rest), 0) :
                       recv(fd, c->header + c->size, sizeof(c->header) - c->size, 0);
        if (n < 0 && errno == EAGAIN)
                return 0;
        if (n > 0 && !c->taken) {
                c->size += (size_t) n;
                if (channel_take(c, fd) < 0) {
                        fprintf(stderr, "%s: what came is no visitor\n", c->agent->token.tenant);
                        n = -1;
                }
        }
        if (n <= 0)
                channel_free(c);
        return 0;
}

static int channel_new(Agent *a) {
        _cleanup_close_ int fd = dial(a->fleet);
        _cleanup_free_ Channel *c = calloc(1, sizeof(Channel));
        int r;

        if (fd < 0 || !c)
                return fd < 0 ? fd : -ENOMEM;
        *c = (Channel) { .agent = a, .session = a->session, .number = ++a->channel };
        r = sd_event_add_io(a->fleet->event, &c->io, fd, EPOLLOUT, on_channel, c);
        if (r < 0)
                return r;
        r = sd_event_source_set_io_fd_own(c->io, 1);
        if (r < 0)
                return r;
        TAKE_FD(fd);
        TAKE_PTR(c);
        a->waiting++;
        return 0;
}

/* --- control ------------------------------------------------------------------------------------------- */

static void agent_set_state(Agent *a, AgentState state) {
        Fleet *f = a->fleet;
        bool was_busy = a->state == AGENT_HANDSHAKE || a->state == AGENT_PROVING;
        bool is_busy = state == AGENT_HANDSHAKE || state == AGENT_PROVING;

        f->busy = f->busy - was_busy + is_busy;
        f->attached = f->attached - (a->state == AGENT_ATTACHED) + (state == AGENT_ATTACHED);
        a->state = state;
}

static void fleet_queue(Fleet *f, Agent *a);
static void fleet_fill(Fleet *f);

/* Its channels end when they next hear something, at the latest that the relay has closed them. */
static void agent_close(Agent *a) {
        a->io = sd_event_source_disable_unref(a->io);
        if (a->tls)
                gnutls_deinit(TAKE_PTR(a->tls));
        a->fd = safe_close(a->fd);
        free(TAKE_PTR(a->text));
        a->text_size = 0;
        a->session++;
        a->waiting = 0;
        a->retry_usec = now_usec(a->fleet) + RETRY_USEC;
        agent_set_state(a, AGENT_IDLE);
        fleet_queue(a->fleet, a);
}

static int agent_prove(Agent *a) {
        uint8_t message[RELAY_PROOF_MESSAGE_MAX], key[RELAY_SECRET_SIZE], mac[RELAY_SECRET_SIZE];
        gnutls_datum_t proof = { mac, sizeof(mac) }, text = {};
        char request[512];
        size_t size;
        int n;

        if (relay_keys_export(a->tls, &a->keys) < 0)
                return -EPROTO;
        size = relay_proof_message(a->token.tenant, a->token.id, a->keys.binding, message);
        if (gnutls_hash_fast(GNUTLS_DIG_SHA256, a->token.secret, sizeof(a->token.secret), key) < 0 ||
            gnutls_hmac_fast(GNUTLS_MAC_SHA256, key, sizeof(key), message, size, mac) < 0)
                return -EIO;
        relay_proof_xor(a->token.secret, mac, mac);
        if (gnutls_base64_encode2(&proof, &text) < 0)
                return -ENOMEM;
        n = snprintf(request, sizeof(request),
                     "{\"method\":\"io.hagw.Relay.Attach\",\"more\":true,\"parameters\":{"
                     "\"proof\":{\"tenant\":\"%s\",\"tokenId\":\"%s\",\"proof\":\"%s\"},"
                     "\"machine\":\"bench\",\"software\":\"bench/agents\"}}",
                     a->token.tenant, a->token.id, (char *) text.data);
        gnutls_free(text.data);
        /* With its NUL. It fits in the socket of a new connection. */
        if (n < 0 || (size_t) n >= sizeof(request) ||
            gnutls_record_send(a->tls, request, (size_t) n + 1) != n + 1)
                return -EIO;
        agent_set_state(a, AGENT_PROVING);
        return 0;
}

/* An answer to Attach: the first has the session's id. */
static int agent_hear(Agent *a, const char *text) {
        sd_json_variant *answer = NULL, *parameters, *v;
        gnutls_datum_t encoded, id = {};
        int r = -EPROTO;

        if (sd_json_parse(text, 0, &answer, NULL, NULL) < 0)
                return -EPROTO;
        parameters = sd_json_variant_by_key(answer, "parameters");
        if (sd_json_variant_by_key(answer, "error") || !parameters)
                goto out;
        v = sd_json_variant_by_key(parameters, "waiting");
        if (v && sd_json_variant_is_unsigned(v))
                a->wanted = (unsigned) MIN(sd_json_variant_unsigned(v), (uint64_t) CHANNELS_MAX);
        v = sd_json_variant_by_key(parameters, "sessionId");
        if (v && sd_json_variant_is_string(v)) {
                encoded = (gnutls_datum_t) { (unsigned char *) sd_json_variant_string(v),
                                             (unsigned) strlen(sd_json_variant_string(v)) };
                if (gnutls_base64_decode2(&encoded, &id) < 0 || id.size != sizeof(a->session_id))
                        goto out;
                memcpy(a->session_id, id.data, id.size);
                a->channel = 0;
                agent_set_state(a, AGENT_ATTACHED);
        }
        r = 0;
out:
        if (r < 0)
                fprintf(stderr, "%s: %s\n", a->token.tenant, text);
        gnutls_free(id.data);
        sd_json_variant_unref(answer);
        return r;
}

static int agent_read(Agent *a) {
        char *end;
        ssize_t n;
        int r;

        for (;;) {
                if (!a->text && !(a->text = malloc(MESSAGE_MAX)))
                        return -ENOMEM;
                n = gnutls_record_recv(a->tls, a->text + a->text_size, MESSAGE_MAX - a->text_size);
                if (n == GNUTLS_E_AGAIN || n == GNUTLS_E_INTERRUPTED)
                        break;
                if (n <= 0)
                        return -ECONNRESET;
                a->text_size += (size_t) n;
                while ((end = memchr(a->text, 0, a->text_size))) {
                        r = agent_hear(a, a->text);
                        if (r < 0)
                                return r;
                        a->text_size -= (size_t) (end + 1 - a->text);
                        memmove(a->text, end + 1, a->text_size);
                }
                if (a->text_size == MESSAGE_MAX)
                        return -EMSGSIZE;
        }
        if (a->text_size == 0)
                free(TAKE_PTR(a->text));
        return 0;
}

static int agent_handshake(Agent *a) {
        int r;

        if (!is_connected(a->fd))
                return -ECONNREFUSED;
        r = gnutls_handshake(a->tls);
        if (r == GNUTLS_E_SUCCESS)
                r = agent_prove(a);
        else if (!gnutls_error_is_fatal(r))
                r = 0;
        if (r < 0)
                return r;
        return sd_event_source_set_io_events(
                a->io, a->state == AGENT_HANDSHAKE && gnutls_record_get_direction(a->tls) == 1 ? EPOLLOUT :
                                                                                                  EPOLLIN);
}

static void agent_fill(Agent *a) {
        while (a->state == AGENT_ATTACHED && a->waiting < a->wanted)
                if (channel_new(a) < 0)
                        return;
}

static int on_control(sd_event_source *io, int fd, uint32_t revents, void *userdata) {
        Agent *a = userdata;
        int r;

        (void) io;
        (void) fd;
        (void) revents;
        r = a->state == AGENT_HANDSHAKE ? agent_handshake(a) : 0;
        if (r >= 0 && a->state != AGENT_HANDSHAKE)
                r = agent_read(a);
        if (r < 0)
                agent_close(a);
        agent_fill(a);
        fleet_fill(a->fleet);
        return 0;
}

static int agent_start(Agent *a) {
        static const gnutls_datum_t alpn = { (unsigned char *) RELAY_ALPN, sizeof(RELAY_ALPN) - 1 };
        Fleet *f = a->fleet;

        a->fd = dial(f);
        if (a->fd < 0)
                return a->fd;
        if (gnutls_init(&a->tls, GNUTLS_CLIENT | GNUTLS_NONBLOCK) < 0 ||
            gnutls_set_default_priority(a->tls) < 0 ||
            gnutls_credentials_set(a->tls, GNUTLS_CRD_CERTIFICATE, f->credentials) < 0 ||
            gnutls_server_name_set(a->tls, GNUTLS_NAME_DNS, f->name, strlen(f->name)) < 0 ||
            gnutls_alpn_set_protocols(a->tls, &alpn, 1, GNUTLS_ALPN_MANDATORY) < 0)
                return -ENOMEM;
        gnutls_transport_set_int(a->tls, a->fd);
        agent_set_state(a, AGENT_HANDSHAKE);
        return sd_event_add_io(f->event, &a->io, a->fd, EPOLLOUT, on_control, a);
}

/* --- all of them --------------------------------------------------------------------------------------- */

static void fleet_queue(Fleet *f, Agent *a) {
        a->next = NULL;
        *(f->idle ? &f->idle_last->next : &f->idle) = a;
        f->idle_last = a;
}

/* As many idle ones as may go on. All wait equally long: the first in the queue is the first to go. */
static void fleet_fill(Fleet *f) {
        Agent *a;

        while ((a = f->idle) && f->busy < HANDSHAKES_MAX && a->retry_usec <= now_usec(f)) {
                f->idle = a->next;
                if (agent_start(a) < 0)
                        agent_close(a);
        }
}

static int on_tick(sd_event_source *timer, uint64_t usec, void *userdata) {
        Fleet *f = userdata;

        (void) usec;
        fleet_fill(f);
        for (unsigned i = 0; i < f->count; i++)
                agent_fill(f->agents + i);
        if (f->said != f->attached) {
                f->said = f->attached;
                printf("attached %u of %u\n", f->attached, f->count);
                (void) fflush(stdout);
        }
        (void) sd_event_source_set_time_relative(timer, TICK_USEC);
        return sd_event_source_set_enabled(timer, SD_EVENT_ONESHOT);
}

static int fleet_read(Fleet *f, const char *path) {
        char line[RELAY_TOKEN_TEXT_SIZE + 1];
        FILE *file = fopen(path, "re");
        int r = 0;

        if (!file)
                return -errno;
        while (r == 0 && fgets(line, sizeof(line), file)) {
                Agent *grown = reallocarray(f->agents, f->count + 1, sizeof(Agent));

                if (!grown) {
                        r = -ENOMEM;
                        break;
                }
                f->agents = grown;
                f->agents[f->count] = (Agent) { .fleet = f, .fd = -EBADF };
                r = relay_token_parse(line, strcspn(line, "\n"), &f->agents[f->count].token);
                f->count++;
        }
        (void) fclose(file);
        if (r < 0)
                return r;
        /* Now they stay where they are. */
        for (unsigned i = 0; i < f->count; i++)
                fleet_queue(f, f->agents + i);
        return 0;
}

static int run(Fleet *f, char **argv) {
        int r, port = atoi(argv[2]);

        f->relay = (struct sockaddr_in) { .sin_family = AF_INET, .sin_port = htons((uint16_t) port) };
        f->name = argv[3];
        if (inet_pton(AF_INET, argv[1], &f->relay.sin_addr) != 1)
                return -EINVAL;
        r = fleet_read(f, argv[4]);
        if (r < 0)
                return r;
        r = sd_event_new(&f->event);
        if (r < 0)
                return r;
        if (gnutls_certificate_allocate_credentials(&f->credentials) < 0)
                return -ENOMEM;
        r = sd_event_add_time_relative(f->event, NULL, CLOCK_MONOTONIC, 0, 0, on_tick, f);
        if (r < 0)
                return r;
        return sd_event_loop(f->event);
}

int main(int argc, char **argv) {
        Fleet fleet = {};
        int r;

        if (argc != 5) {
                fprintf(stderr, "usage: agents ADDRESS PORT RELAY-NAME FILE\n");
                return 2;
        }
        r = run(&fleet, argv);
        if (r < 0)
                fprintf(stderr, "agents: %s\n", strerror(-r));
        return r < 0;
}
