/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/pure/channelframe.h"
#include "libhagw/pure/slice.h"

/* What hagw-proxyd and hagw-relayd tell each other: messages on a socket that keeps their bounds, each with
 * one file descriptor, which is a visitor's, or with none. Both programs are of one package, and the version
 * is for the moment in which one of them is older. Authenticated by nothing: the socket's owner is. Pure. */

#define HANDOVER_VERSION 1U /* the first byte of each */

/* docs/architecture.md, "hagw-relayd", has who sends which. */
typedef enum HandoverKind {
        HANDOVER_VISITOR, /* as he came; read: what he has said */
        HANDOVER_PASSED,  /* by a channel, his TLS untouched */
        HANDOVER_OPENED,  /* by a channel, and the relay has opened his TLS: secret is of its own with us */
        HANDOVER_LINK,    /* our end of a link to a house, for a visitor whose TLS was opened; read: which
                             house */
        HANDOVER_COUNT,   /* no descriptor: of those who were handed over so far; HandoverCount */
        _HANDOVER_KIND_MAX,
        _HANDOVER_KIND_INVALID = -EINVAL,
} HandoverKind;

#define HANDOVER_HEAD_SIZE 72U
#define HANDOVER_READ_MAX (64U * 1024) /* bytes of a visitor's: a ClientHello has no more */
#define HANDOVER_SIZE_MAX (HANDOVER_HEAD_SIZE + HANDOVER_READ_MAX)
#define HANDOVER_COUNT_SIZE 34U

typedef struct Handover {
        HandoverKind kind; /* not HANDOVER_COUNT */
        ProxyPair pair;    /* where he comes from, and to; AF_UNSPEC: not known, the socket may know */
        uint8_t secret[CHANNEL_SECRET_SIZE]; /* HANDOVER_OPENED */
        Slice read; /* stands in the message */
} Handover;

/* Ever, and not since the last one, so that one that is lost is no matter. */
typedef struct HandoverCount {
        uint64_t ended, received, sent; /* visitors who have gone, bytes from and to all of them */
        uint64_t opened_usec; /* CLOCK_MONOTONIC of the last HANDOVER_OPENED who was let in; 0: never */
} HandoverCount;

/* The message but for h->read, which stands behind it. */
void handover_write(const Handover *h, uint8_t out[static HANDOVER_HEAD_SIZE]);
void handover_count_write(const HandoverCount *c, uint8_t out[static HANDOVER_COUNT_SIZE]);

/* Which kind it is; invalid: no message of this version. */
HandoverKind handover_kind(const uint8_t *data, size_t size);
/* -EBADMSG: no message of such a kind, which only another version would have sent. */
int handover_read(const uint8_t *data, size_t size, Handover *ret);
int handover_count_read(const uint8_t *data, size_t size, HandoverCount *ret);
