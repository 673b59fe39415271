/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A worker without a thread, whose loop the test runs round by round, with a service, visitors, and others
 * who never pause. */

#include "hagw-proxyd/house/agentchannel.h"
#include "hagw-proxyd/house/agentline.h"
#include "hagw-proxyd/relay/control-attach.h"
#include "hagw-proxyd/visit/conn.h"
#include "hagw-proxyd/visit/visitor.h"
#include "libhagw/crew/crowd.h"
#include "libhagw/crew/worker.h"
#include "libhagw/net/tls-psk.h"
#include "tests/unit/test.h"

typedef struct Turns {
        char folder[32];
        Queue main_queue;
        AccessRing *ring;
        Snapshot *snapshot;
        Worker *crew[1], *worker;
        int keyd;
        gnutls_certificate_credentials_t nobody; /* whom visitors trust */
        int listener, service; /* the service's, and its end of the connection to it */
        int peer;              /* the end of the one who never pauses */
        int ours;              /* the other end, which the worker reads */
        gnutls_session_t tls;  /* on peer; NULL: plain */
        AgentLine *relay;
        ChannelPool channels;
        unsigned n_messages;   /* that it brought */
} Turns;

void turns_begin(Turns *t);
void turns_end(Turns *t);

#define TURNS_TURN LOOP_TURN_MIN
/* By so much a turn may go beyond: one move of a full buffer, in and out, or one handshake. */
#define TURNS_BEYOND (2 * LOOP_WORK_HANDSHAKE)

/* Makes a connection that is in the state, and floods it. False: so little may be sent in this state that it
 * needs no second turn. */
typedef bool (*TurnsEnter)(Turns *t);
/* While it is flooded, somebody else who asks for something has his answer, and no turn is too long. */
void turns_check(TurnsEnter enter);

/* So many rounds. */
void turns_run(Turns *t, unsigned n);
/* Sends the bytes again and again, until the socket takes no more. */
void turns_flood(int fd, const char *bytes, size_t size);
#define FLOOD(fd, text) turns_flood(fd, text, sizeof(text) - 1)
/* TLS records without content. */
void turns_flood_tls(Turns *t);
/* The same small frame again and again, in full records. */
void turns_flood_frames(Turns *t, const char *frame, size_t size);
void turns_say(int fd, const char *text);
/* Bytes that wait to be read. */
size_t turns_unread(int fd);

/* A visitor: his end. */
int turns_visit(Turns *t, ConnKind kind, Arrival arrival);
/* The same of somebody at another address; he has said which host he wants, with TLS as browsers speak it,
 * which needs a signature. Whoever signs listens at turns.keyd, and does not answer. */
Conn *turns_want(Turns *t, uint8_t address, gnutls_session_t *ret_tls, int *ret_peer);

/* The same as turns.peer, with the handshake done, for that name. */
Conn *turns_visit_tls(Turns *t, const char *name);
/* The same with protocol agreed upon by ALPN. */
Conn *turns_visit_alpn(Turns *t, const char *name, const char *protocol);
/* The same in HTTP/2. window: four bytes, of an answer's body, that he takes at first; NULL: as many as he
 * takes who says nothing of it. */
Conn *turns_visit_http2(Turns *t, const char *window);
/* GET / (or POST, without TURNS_END_STREAM), on the first n streams. */
#define TURNS_END_STREAM 1
void turns_ask_http2(Turns *t, unsigned n, unsigned flags);
/* Bytes to turns.tls, all of them. */
void turns_say_tls(Turns *t, const char *bytes, size_t size);
/* An agent of a relay, his handshake done. */
Control *turns_visit_agent(Turns *t);
/* As a probe comes: plain, and served as by https. */
Conn *turns_visit_plain(Turns *t, const char *name);
/* The first flight of a visitor who wants that name, in clear. */
void turns_hello(Turns *t, const char *name);
/* Runs until the worker has connected to the service. */
void turns_accept(Turns *t);
