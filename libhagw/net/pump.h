/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/net/buffer.h"
#include "libhagw/net/loop.h"
#include "libhagw/net/ratelimit.h"

/* Two stream sockets whose bytes go from each to the other within the kernel (splice(2)): what passes is
 * never in this process's memory. Each direction ends by itself; each is read only as fast as the other side
 * takes it. A pipe is held only while bytes lie in it. One thread.
 *
 * The sockets and their places on the loop are the owner's, who tells of events and owns the timer. */

/* Measured (CPU seconds per GiB over loopback): 64 KiB 0.28, 256 KiB 0.26, 1 MiB 0.20, the most that anybody
 * may have. The kernel lets a user have 64 MiB of pipes and gives two pages a pipe beyond that
 * (pipe-user-pages-soft, pipe(7)); so not all are large: half of that is left for those of 64 KiB, of which
 * sides that do not read hold many. */
#define PIPE_SIZE (1024U * 1024)             /* bytes, of a large one */
#define PIPES_LARGE_BYTES (32U * 1024 * 1024) /* of all large ones of all workers together */
#define PIPES_FREE_MAX 32U                   /* kept when nobody needs them */
#define PIPE_RETRY_USEC (100 * USEC_PER_MSEC) /* where none is to be had */
/* In each direction, until others get their turn: a quarter of a millisecond's work where nobody else is
 * there, and little where somebody is, whose small requests would wait for it at both ends. */
#define PUMP_ALONE_BYTES (1024U * 1024)
#define PUMP_SHARED_BYTES (256U * 1024)
/* A move of fewer bytes counts as this many: of segments with one byte each a pipe takes only a few bytes at
 * a time, and a turn would be ten thousands of system calls. */
#define PUMP_MOVE_BYTES (8U * 1024)
/* Most that waits in a TCP socket to be put on the wire, beyond what is under way (TCP_NOTSENT_LOWAT).
 * Without it the kernel lets megabytes pile up and says so only when a third of them has gone: a download
 * runs in bursts then, for which others wait, and who reads slowly has megabytes of the kernel's memory. */
#define PUMP_UNSENT_BYTES (48U * 1024)

typedef struct Pipe {
        struct Pipe *next; /* in the pool */
        int fds[2];        /* read from, write to */
        size_t size;       /* bytes that it takes at most */
        size_t used;
} Pipe;

/* {}: without large ones. */
typedef struct PipePool {
        Pipe *free; /* the large ones first */
        unsigned n_free;
        unsigned n_large, large_max; /* that there are, in use or not */
} PipePool;

void pipe_pool_done(PipePool *p);

typedef enum PumpResult {
        PUMP_WAIT,   /* for an event on either socket, or until p->resume_usec where that is not 0 */
        PUMP_AGAIN,  /* call again soon, others first */
        PUMP_DONE,   /* both directions are through, and said so to the other side */
        PUMP_BROKEN, /* one of the sockets is */
        _PUMP_RESULT_MAX,
} PumpResult;

typedef struct PumpSide {
        int fd;
        bool readable, writable; /* not known to block */
        bool ended; /* it sends no more */
        bool shut;  /* it was told that no more comes */
        Buffer *head; /* goes out to it before what is pumped */
        Pipe *pipe; /* with bytes from it, on their way to the other */
        uint64_t received; /* bytes from it, head included */
} PumpSide;

typedef struct Pump {
        PumpSide sides[2];
        PipePool *pipes;
        BufferPool *buffers; /* that the heads go back to */
        RateLimit *limit;    /* NULL: none */
        size_t turn;         /* bytes: PUMP_ALONE_BYTES, or what the owner says before pump_run() */
        uint64_t moved; /* bytes that either side has taken */
        bool waited; /* for the limit, when it was run last */
        uint64_t resume_usec; /* when the limit lets more pass, or a pipe may be had; 0: nothing of that */
} Pump;

void pump_init(Pump *p, PipePool *pipes, BufferPool *buffers, int a, int b, RateLimit *limit);
/* Gives back what it holds. Closes no socket. */
void pump_done(Pump *p);

/* What epoll (edge-triggered) said about one of the sockets. */
void pump_note(Pump *p, unsigned side, uint32_t events);
PumpResult pump_run(Pump *p, uint64_t now_usec);

/* Bytes lie here that a side does not take. */
bool pump_is_stuck(const Pump *p);
