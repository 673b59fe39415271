/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-keyd/crew.h"
#include "hagw-keyd/keys.h"
#include "libhagw/daemon.h"

/* What keyd.c owns and its varlink handlers use; the functions are keyd-state.c's. */

/* Calls that may wait for a thread; those beyond are answered with Busy. Each connection has one call at a
 * time, so that every thread of hagw-proxyd has its place. */
#define HANDSHAKES_MAX 72U
#define SIGNATURES_MAX 16U /* of other kinds */
#define KEYS_MADE_MAX 8U
#define WRITES_MAX 16U
#define TOKEN_READS_MAX 16U

#define TOKEN_STATUS_SIZE 128U

typedef enum Signature {
        SIGNATURE_HANDSHAKE,
        SIGNATURE_JWS,
        SIGNATURE_REQUEST,
        SIGNATURE_PROOF, /* of the relay's token */
        _SIGNATURE_MAX,
} Signature;

typedef struct Keyd {
        Daemon *daemon;
        Keys *keys;
        int state_fd; /* the state directory */
        Crew *signers; /* arithmetic that somebody waits for: at least two threads */
        Crew *maker;   /* makes and judges keys, which takes seconds: one thread */
        Crew *writer;  /* the only one that reads and writes files once keyd runs, in the order asked: one */
        char token_status[TOKEN_STATUS_SIZE];
        bool draining;
        uint64_t signatures[_SIGNATURE_MAX], refusals, busy; /* for the metrics */
} Keyd;

void keyd_update_status(Keyd *keyd);
/* What the status line says of the relay's token. Reads it: the writer's, or the start's. */
void keyd_describe_token(int state_fd, char *out);
/* Something ended; where that was the last of what a stop waits for, it goes on. */
void keyd_continue_stop(Keyd *keyd);
