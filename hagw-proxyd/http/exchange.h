/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-proxyd/http/flow.h"
#include "hagw-proxyd/http/pack.h"
#include "hagw-proxyd/http/session.h"
#include "hagw-proxyd/http/sessions.h"
#include "hagw-proxyd/http/stream.h"
#include "hagw-proxyd/upstream/link.h"
#include "hagw-proxyd/visit/visit.h"
#include "hagw-proxyd/wire/forward.h"
#include "hagw-proxyd/wire/h1.h"
#include "hagw-proxyd/wire/httpdate.h"
#include "hagw-proxyd/wire/outer.h"
#include "hagw-proxyd/wire/pages.h"
#include "hagw-proxyd/wire/policy.h"
#include "hagw-proxyd/wire/reader.h"
#include "libhagw/crew/accessring.h"

/* One request and its answer: judged, asked about, forwarded, answered, logged. Lives from the request's
 * head to the end of the answer (or of the WebSocket). Never freed while one of its own functions still runs
 * above: those that may end it say so, and their callers return. */

typedef enum ExchangeState {
        EXCHANGE_JUDGE,   /* new */
        EXCHANGE_SESSION, /* webd is asked */
        EXCHANGE_LINK,    /* a connection is being made */
        EXCHANGE_HEAD,    /* the request is on its way; waits for the answer's head */
        EXCHANGE_BODY,    /* the answer is on its way */
        EXCHANGE_UPGRADE,  /* upgraded: bytes both ways */
        _EXCHANGE_STATE_MAX,
        _EXCHANGE_STATE_INVALID = -EINVAL,
} ExchangeState;

/* A worker's. */
typedef struct Exchanges {
        Worker *worker;
        Exchange *spare; /* those that are free */
        SessionCache sessions;
        SessionUses uses;
        Encoders encoders;
        Timer tell_used; /* armed while there is something to tell */
        HttpDate date;
} Exchanges;

extern const Room http_room;

/* One direction. */
typedef struct ExchangeWay {
        BodyKind kind; /* of the request: how it goes out */
        bool done;     /* all of it was accepted by the other side */
        bool broken;   /* the other side takes no more: the rest is not wanted */
        uint64_t n;    /* payload bytes */
} ExchangeWay;

struct Exchange {
        Exchange *next_free;
        Worker *worker;
        Stream *stream;
        Visit *visit;
        Snapshot *snapshot; /* by which it is judged, whatever the connection goes on with */
        const Route *route; /* of it; NULL: none yet (port 80) */
        const char *name;   /* of the host that is asked for */
        bool inside;        /* the visitor, as the snapshot has it */
        bool old;           /* was under way when the worker began to drain */
        Timer timer;
        Again again;
        Buffer *head; /* the request's; NULL: its stream has it, or it is not needed any more */
        ExchangeState state;
        Request request;
        Response response;
        H1Scan response_scan;
        Upstream *upstream;
        LinkClient client;
        SessionMessage *asked;
        HostStats *stats;
        PolicySession session;
        Outer outer; /* what a gateway in front has said with the request */
        Flow answer; /* as it comes from the service */
        Pack *pack;  /* compresses it; NULL: it goes as it comes */
        ExchangeWay up, down;
        Reader reader;
        bool internal;    /* to webd */
        bool fronted;     /* the request says that a gateway is in front, whoever sent it */
        bool embedded;    /* so it does, but the host's embedded_by admits it */
        bool foreign;     /* another site's page asks: the visitor is not inside, wherever the browser is */
        bool retried;
        bool spent;       /* the request's head is gone: it cannot be sent again */
        bool interim;     /* an interim answer came: the service is at work on the request */
        bool broken;      /* the answer broke off behind its head */
        bool link_spent;  /* the link is for no further request */
        bool close;       /* the visitor's connection ends with this answer */
        unsigned status;
        const char *verdict;
        uint64_t begin_usec, upstream_usec;
        SessionUse *use;       /* by whose session it passed; NULL: by none */
        const char *open_path; /* the one by which it passed, of the snapshot; NULL: by none */
        uint16_t target_size, method_size, host_size;
        char user[MESSAGE_USER_MAX];
        char forward_scratch[FORWARD_SCRATCH], outer_text[OUTER_SIZE_MAX];
        char host[HOSTNAME_MAX + 1]; /* for the log */
        char own_name[HOSTNAME_MAX + 1]; /* port 80: what name points to */
        char method[16];
        char target[ACCESS_TARGET_MAX];
        size_t headers_max;
        Header *headers; /* of the request, then of the response; NULL: upgraded, there are no more */
};

/* By s; route: of it, NULL on port 80; inside: visit_is_inside(). */
Exchange *exchange_new(Visit *v, Snapshot *s, const Route *route, bool inside);
/* One as it was left, with room for heads by s. NULL: no memory. */
Exchange *exchange_get(Worker *w, const Snapshot *s);
/* Bytes of memory that one takes by s, beside what it holds. */
size_t exchange_size(const Snapshot *s);
/* Where nothing has become of it. */
void exchange_free(Exchange *x);
void exchange_set_state(Exchange *x, ExchangeState s);

/* The request's head is complete and well-formed: goes on as far as it can. head is taken over, in which
 * x->request lies; NULL: it lies in the stream, as long as that lives. May end it. */
void exchange_begin(Exchange *x, Stream *s, Buffer *head);
/* It is not: answers why, and the connection ends. reader: as far as it tells. */
void exchange_refuse(Exchange *x, Stream *s, H1Verdict v, const Reader *reader);
/* The same for a head that does not come to its end. */
void exchange_refuse_timeout(Exchange *x, Stream *s, const Reader *reader);

/* Something happened to one of its sockets. May end it. */
void exchange_run(Exchange *x);
/* Closes both sides at once. */
void exchange_abort(Exchange *x, const char *verdict);
/* The worker drains. */
void exchange_drain(Exchange *x);
/* Why it may not go on by s; NULL: it may. */
const char *exchange_review(const Exchange *x, const Snapshot *s);
/* It is worth waiting for, as conns_busy() says. */
bool exchange_is_busy(const Exchange *x, uint64_t young_usec, uint64_t request_usec);
/* Bytes, beside the visitor's buffers. */
size_t exchange_held(const Exchange *x);
void exchange_drop_stranded(Exchange *x, IpAddress *known);

/* For the parts of it: exchange-forward.c, exchange-back.c, upgrade.c. */

extern const LinkClientOps exchange_link_ops;

/* Answers with a page of our own. Ends it. */
void exchange_answer(Exchange *x, PageKind kind, const char *error);
/* Sends the request to an upstream. May end it. */
void exchange_forward(Exchange *x, Upstream *u);
/* What the gateway in front of this one says with the request, and what the service is told. */
void exchange_hear_outer(Exchange *x);
Slice exchange_tell_outer(Exchange *x);
/* And with the answer: what this gateway tells the one in front, -ENOBUFS, and what the service has told. */
int exchange_say_inner(const Exchange *x, HeaderList *l);
void exchange_hear_inner(Exchange *x, InnerLogin said);
/* Which of two logins in a row is this gateway's, for hagw-webd; empty: there is one, as far as is known. */
Slice exchange_name_wall(const Exchange *x);
/* Both directions are through. */
void exchange_finish(Exchange *x);
/* The service has failed: a page. */
void exchange_fail(Exchange *x, PageKind kind, const char *why);
/* There is no connection to it. */
void exchange_fail_link(Exchange *x, const char *why);
/* The answer cannot be passed on whole. Once bytes of it are on their way, only the end of the connection
 * can tell the visitor, who must not see the end of its framing. */
void exchange_break(Exchange *x, const char *verdict, const char *why);
/* Behind an upgrade, which may last for days and of which nothing else is large. */
static inline void exchange_drop_headers(Exchange *x) {
        free(x->headers);
        x->headers = NULL;
        x->headers_max = 0;
        x->request.headers = x->response.headers = (HeaderList) {};
}
/* Something has passed: its session was used. */
static inline void exchange_used(Exchange *x) {
        if (x->use)
                sessions_used(x->worker, x->use);
}
/* The upstream asks for the login: it sees the session's cookie. */
bool exchange_sees_cookie(const Exchange *x);
/* The request's head is not needed any more: its buffer is free for others. */
static inline void exchange_drop_head(Exchange *x) {
        x->spent = true;
        x->head = buffer_put(&x->worker->pool, x->head);
}
/* The connection to the service ended before an answer came: tries another, or ends. */
void exchange_on_link_broken(Exchange *x, const char *why);
/* One step of the way back. 1: something moved; 0: nothing; -1: it has ended. */
int exchange_pump_head(Exchange *x);
int exchange_pump_body(Exchange *x);
void exchange_on_timeout(Exchange *x);
void exchange_pump(Exchange *x);
/* Begins its time anew. */
void upgrade_wait(Exchange *x);
/* 1: something moved; 0: nothing; -1: broken; UPGRADE_OVER: both sides are through. */
#define UPGRADE_OVER 2
int upgrade_pump(Exchange *x);
