/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gnutls/gnutls.h>
#include <stdatomic.h>
#include <sys/uio.h>

#include "libhagw/net/buffer.h"
#include "libhagw/net/loop.h"
#include "libhagw/net/ratelimit.h"

/* Bytes of many sockets. One thread writes, any reads. */
typedef struct TransportMeter {
        _Atomic uint64_t received, sent;
} TransportMeter;

/* Bytes under a limit that others share. */
typedef struct TransportPace {
        RateLimit *limit;
        Loop *loop;
        bool waited; /* who asked last was held back */
        Timer timer; /* due when who was held back may go on; what it fires is the owner's */
} TransportPace;

/* A stream socket with or without TLS on it, as bytes in and bytes out. One thread. Never blocks.
 *
 * It keeps the loop's contract for whoever reads from it: when the turn is over there is nothing to be read
 * (-EAGAIN), and the owner's handler is called again, without events, as soon as the others have had theirs.
 */

typedef struct Transport {
        Handle handle;
        Again again; /* the turn was over: calls the handle's on_event */
        Loop *loop;
        BufferPool *pool;
        TransportMeter *meter; /* NULL: nobody counts */
        TransportPace *pace;   /* NULL: as fast as it goes. Only with TLS, whose handshake is free */
        gnutls_session_t tls; /* NULL: plain */
        Buffer *in;           /* TLS: received, not yet taken by GnuTLS */
        Buffer *out;          /* accepted from the caller, not yet taken by the kernel */
        bool readable;        /* the socket may have more: an edge was seen and recv() has not drained it */
        bool held;            /* recv() has to wait for the pace */
        bool hung_up;         /* epoll said that the end is in sight: a short read does not mean drained */
        bool ended;           /* recv() said that the other side sends no more */
        bool open;            /* TLS: the handshake is done, and more than a few bytes are expected */
        bool lean;            /* TLS: what is received ahead is little */
        bool batching;        /* TLS: collect records in out instead of sending each */
        bool shut;            /* our direction is closed, or will be when out is empty */
        size_t n_unchecked;   /* bytes moved since the kernel's buffers were looked at */
        int locks;            /* of them: SO_BUF_LOCK */
        unsigned n_warnings;  /* TLS alerts that are none */
        int error;            /* of the socket, sticky; negative errno */
        int tls_error;        /* what GnuTLS said to the failed handshake */
} Transport;

/* What the kernel holds for a side that stands still, 4 MiB at most each way: bytes that wait to be put on
 * the wire, those that are not acknowledged, and those that are not read. The bounds lie where a line of
 * 100 Mbit/s and 100 ms is still filled; the kernel's own may be 32 MiB. */
#define TRANSPORT_UNSENT_BYTES (128U * 1024)
#define TRANSPORT_UNREAD_BYTES (2U * 1024 * 1024) /* growth stops here, at the most at twice as much */
#define TRANSPORT_UNACKNOWLEDGED_BYTES (3U * 1024 * 1024) /* the same, somewhat beyond */
#define TRANSPORT_CHECK_BYTES (256U * 1024) /* moved between two looks */

/* At most this much is accepted in one transport_write(). */
#define TRANSPORT_WRITE_MAX (64U * 1024)

/* Takes the fd over. handle.on_event is the owner's to set, and the place on the loop. */
void transport_init(Transport *t, Loop *loop, BufferPool *pool, int fd);
/* Closes at once. Frees the TLS session. */
void transport_done(Transport *t);

/* It goes on as to, which is not initialized, off the loop; from is as after transport_done(). */
void transport_move(Transport *from, Transport *to);
/* It goes on in another thread, off the loop until then: nothing that it holds goes back to the old one.
 * There it arrives. */
void transport_leave(Transport *t, Loop *loop, BufferPool *pool);
void transport_arrive(Transport *t);

/* Puts TLS on it. The session is taken over; its push, pull and transport pointer are set here. */
void transport_start_tls(Transport *t, gnutls_session_t tls);
/* 0: done, -EAGAIN: call again after the next event, else failed. */
int transport_handshake(Transport *t);

/* Tells what epoll said. */
void transport_note(Transport *t, uint32_t events);

/* Reads without TLS even where TLS comes later: for the ClientHello. Bytes stay in t->in for GnuTLS.
 * Returns how much is there now, 0 at the end, -EAGAIN. */
ssize_t transport_peek(Transport *t);

/* n > 0; 0: the other side ended; -EAGAIN: nothing now; else broken. */
ssize_t transport_read(Transport *t, void *data, size_t size);

/* Nothing has come from the other side but TLS's own business, not even its end. Looks for itself: the event
 * that would tell may stand behind the one that is being served, whose turn may be over. */
bool transport_is_silent(Transport *t);

/* True where transport_read() might have something without waiting for an event. */
bool transport_may_read(const Transport *t);

/* Accepts all of it, or nothing: -EAGAIN while earlier bytes still wait for the kernel. What the kernel does
 * not take is copied. Call with at most TRANSPORT_WRITE_MAX bytes, except for a head. */
int transport_write(Transport *t, const struct iovec *iov, size_t n);

static inline bool transport_pending(const Transport *t) {
        return t->out;
}

/* 0: nothing waits any more; -EAGAIN; else broken. */
int transport_flush(Transport *t);

/* Ends our direction behind what is pending: close_notify, then FIN. */
void transport_shutdown(Transport *t);
