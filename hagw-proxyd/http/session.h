/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-proxyd/http/sessionuse.h"
#include "hagw-proxyd/wire/policy.h"
#include "libhagw/crew/message.h"

/* What a worker remembers of webd's answers about sessions: for as long as webd allowed, until webd takes it
 * back. */

#define SESSION_CACHE_BUCKETS 1024U /* a power of two */
#define SESSION_CACHE_MAX 4096U

#define MESSAGE_USER_MAX 65U

/* A question to hagw-webd, through the main thread; it comes back as its answer. */
typedef struct SessionMessage {
        Message message;
        Worker *worker;
        void *asker; /* the worker's own; the main thread does not look at it */
        char secret[POLICY_SECRET_MAX + 1];
        bool token; /* it came as a token; else it is a cookie's value */
        char host[HOSTNAME_MAX + 1];
        char address[IP_TEXT_MAX];
        bool relayed;   /* the address is a relay's word */
        bool ask_again; /* a session was revoked after this was asked */
        bool retried;   /* the link was lost once before there was an answer */
        /* The answer: */
        int error;   /* 0, or negative errno: nobody could tell */
        PolicySession session;
        uint64_t valid_usec; /* relative */
        char user[MESSAGE_USER_MAX];
        char session_id[MESSAGE_SESSION_ID_MAX];
} SessionMessage;
extern const MessageKind session_message;

typedef struct SessionEntry {
        struct SessionEntry *next;
        struct SessionEntry *next_of_id, **link_of_id;
        uint64_t expires_usec; /* CLOCK_MONOTONIC */
        PolicySession session;
        char user[MESSAGE_USER_MAX];
        char session_id[MESSAGE_SESSION_ID_MAX];
        bool token; /* the same bytes as a cookie's value are another secret */
        uint16_t secret_size;
        char key[]; /* secret, NUL, host, NUL */
} SessionEntry;

typedef struct SessionCache {
        SessionEntry *buckets[SESSION_CACHE_BUCKETS];
        SessionEntry *ids[SESSION_CACHE_BUCKETS]; /* by session_id */
        size_t n;
} SessionCache;

/* NULL: not known, or too old. */
const SessionEntry *session_cache_find(SessionCache *c, const PolicyFinding *asked, const char *host,
                                       uint64_t now_usec);
/* Remembers an answer. Nothing where it may not be kept, or memory is short: it is only a cache. */
void session_cache_add(SessionCache *c, const SessionMessage *m, uint64_t now_usec);
/* What belongs to these sessions; costs what they have. */
void session_cache_forget(SessionCache *c, const SessionId *ids, size_t n);
void session_cache_clear(SessionCache *c);
