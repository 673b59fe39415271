/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/crew/terms.h"
#include "libhagw/net/queue.h"
#include "libhagw/pure/channelframe.h"
#include "libhagw/pure/cidr.h"
#include "libhagw/pure/hostname.h"

/* What the main thread and the workers tell each other. A question comes back as its answer: the same
 * object, filled. */

typedef struct Worker Worker;

/* What is the same for all messages of a kind. Each has its own, beside what it is about. */
typedef struct MessageKind {
        size_t size;
        void (*init)(Message *m); /* NULL: zeros are right */
        /* In the worker's thread; takes it over. NULL: it is for the main thread, whose rows stand in
         * manager-messages.c. */
        void (*deliver)(Message *m, Worker *w);
        void (*free)(Message *m); /* what it holds, references and fds included; NULL: nothing */
} MessageKind;

/* NULL: no memory. */
void *message_new(const MessageKind *kind);
/* m may be NULL. */
void message_free(Message *m);

extern const MessageKind snapshot_message; /* to a worker: serve by this from now on */
extern const MessageKind settled_message;  /* to a worker and back: what was sent before it is in force */
extern const MessageKind open_message;     /* to a worker: accept; every worker has its first snapshot */
extern const MessageKind drain_message;    /* to a worker: who is here comes to his end, then all else */
extern const MessageKind drained_message;  /* to main: it has, and nobody is here */
extern const MessageKind stop_message;     /* to a worker: nobody is asked any more, and it goes */
extern const MessageKind stopped_message;  /* to main: this worker has nothing left */
extern const MessageKind network_message;  /* to a worker: another network, or settings of the relay */
extern const MessageKind resolve_message;  /* to main and back */
extern const MessageKind call_message;     /* to main and back */

#define MESSAGE_ADDRESSES_MAX 8U
#define MESSAGE_TEXT_MAX 256U

typedef struct SnapshotMessage {
        Message message;
        Snapshot *snapshot; /* with a reference */
} SnapshotMessage;

typedef struct ResolveMessage {
        Message message;
        Worker *worker;
        void *asker; /* the worker's own; NULL: it has gone, nobody wants the answer */
        void (*on_answer)(struct ResolveMessage *m); /* in the worker's thread, unless the asker has gone */
        char name[HOSTNAME_MAX + 1];
        /* The answer: */
        int error;
        char reason[MESSAGE_TEXT_MAX];
        IpAddress addresses[MESSAGE_ADDRESSES_MAX];
        size_t n_addresses;
        uint64_t ttl_usec;
} ResolveMessage;

/* Whom a worker may ask through the main thread. */
typedef enum CallPeer {
        CALL_KEYD,           /* io.hagw.Key */
        CALL_TENANTD,        /* io.hagw.Tenant: what is answered at once */
        CALL_TENANTD_SLOWLY, /* io.hagw.Tenant: what others wait for behind it */
        _CALL_PEER_MAX,
} CallPeer;

/* A varlink call that a worker wants made. Strings are owned by the message. */
typedef struct CallMessage {
        Message message;
        Worker *worker;
        void *asker; /* the worker's own; NULL: it has gone, nobody wants the answer */
        void (*on_answer)(struct CallMessage *m); /* in the worker's thread, unless the asker has gone */
        CallPeer peer;
        const char *method; /* static, with its interface */
        char *parameters;   /* JSON text */
        /* The answer: */
        bool failed;
        char *error; /* the varlink error's id; NULL while failed: no memory */
        char *reply; /* JSON text: the answer's parameters, or the error's; may be NULL while failed */
} CallMessage;
