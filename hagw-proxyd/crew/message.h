/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-proxyd/crew/relaytarget.h"
#include "hagw-proxyd/crew/snapshot.h"
#include "hagw-proxyd/crew/tenantinfo.h"
#include "hagw-proxyd/visit/conn.h"
#include "hagw-proxyd/wire/balancer.h"
#include "hagw-proxyd/wire/policy.h"
#include "hagw-proxyd/wire/refusal.h"
#include "libhagw/net/queue.h"
#include "libhagw/pure/channelframe.h"
#include "libhagw/pure/hostname.h"

/* What the main thread and the workers tell each other. A question comes back as its answer: the same
 * object, filled. */

typedef struct Control Control;
typedef struct Worker Worker;

typedef enum MessageKind {
        MESSAGE_SNAPSHOT,    /* to a worker: serve by this from now on */
        MESSAGE_OPEN,        /* to a worker: accept; every worker has its first snapshot */
        MESSAGE_DRAIN,       /* to a worker: what is under way now comes to its end, then all else */
        MESSAGE_DRAINED,     /* to main: it has, and nobody is here */
        MESSAGE_STOP,        /* to a worker: nobody is asked any more, and it goes */
        MESSAGE_FORGET,      /* to a worker: these sessions ended, or all */
        MESSAGE_VISITOR,     /* to a worker, from another: serve this visitor, you have fewer */
        MESSAGE_PROBE,       /* to a worker and back: serve this socket as a visitor of that host */
        MESSAGE_TENANT,      /* to a worker: what hagw-tenantd says */
        MESSAGE_CONTROL,     /* to a worker, from another: an agent, you are its tenant's home */
        MESSAGE_CHANNEL,     /* to a worker, from another: a channel of a session of yours */
        MESSAGE_ATTACHMENTS, /* to a worker and back: who is attached */
        MESSAGE_SESSION,     /* to main and back */
        MESSAGE_USED,        /* to main: something passed by these sessions */
        MESSAGE_RESOLVE,     /* to main and back */
        MESSAGE_CALL,        /* to main and back */
        MESSAGE_NETWORK,     /* to a worker: the network, or the settings of the relay, have changed */
        MESSAGE_RELAY_CALL,  /* to the first worker and back */
        MESSAGE_RELAY_STATE, /* to main: what has become of the attachment to the relay */
        MESSAGE_HIDDEN,      /* to main: somebody came by a hop */
        MESSAGE_FAILURE,     /* to main: a host's upstream failed */
        MESSAGE_CROWD_LEFT,  /* to main: most of those who were here have gone */
        MESSAGE_STOPPED,     /* to main: this worker has nothing left */
        _MESSAGE_KIND_MAX,
} MessageKind;

#define MESSAGE_USER_MAX 65U
#define MESSAGE_SESSION_ID_MAX 33U
#define MESSAGE_ADDRESSES_MAX 8U
#define MESSAGE_TEXT_MAX 256U
#define RELAY_ERROR_MAX 768U /* with a tenant's name and the relay's in it */

typedef char SessionId[MESSAGE_SESSION_ID_MAX];

typedef struct SnapshotMessage {
        Message message;
        Snapshot *snapshot; /* with a reference */
} SnapshotMessage;

typedef struct ForgetMessage {
        Message message;
        bool all; /* but those with these ids live */
        bool cut; /* what they have open ends too; all: what those have open that do not live */
        SessionId *ids; /* sorted */
        size_t n;
} ForgetMessage;

typedef struct UsedMessage {
        Message message;
        SessionId *ids;
        size_t n;
} UsedMessage;

typedef struct VisitorMessage {
        Message message;
        Visitor visitor; /* given away */
} VisitorMessage;

typedef enum TenantOp {
        TENANT_RESET,    /* what is not said again until complete is gone */
        TENANT_PUT,      /* info */
        TENANT_REMOVE,   /* name */
        TENANT_COMPLETE,
} TenantOp;

typedef struct TenantMessage {
        Message message;
        TenantOp op;
        TenantInfo *info; /* given away */
        char name[HOSTNAME_LABEL_MAX + 1];
} TenantMessage;

typedef struct ControlMessage {
        Message message;
        Control *control; /* given away, off the loop */
        char *call;       /* the message that it was about to serve, JSON text */
} ControlMessage;

typedef struct AttachmentsCall AttachmentsCall;
typedef struct AttachmentsMessage {
        Message message;
        AttachmentsCall *call; /* main's */
        char tenant[HOSTNAME_LABEL_MAX + 1]; /* of this one only; "": of all */
        bool refused_only;
        char *rows; /* the answer, JSON text: those attached and those refused; NULL: no memory */
} AttachmentsMessage;

typedef struct ChannelMessage {
        Message message;
        int fd; /* given away */
        IpAddress address;
        bool uncounted; /* as in Visitor */
        uint8_t hello[CHANNEL_HELLO_SIZE];
} ChannelMessage;

typedef struct ProbeMessage {
        Message message;
        uint64_t id; /* the main thread's own */
        int fd;      /* given away; the worker reads a request there and writes the answer */
        char name[HOSTNAME_MAX + 1];
        ProbeKind kind;
        /* The answer, once fd's other end is closed: */
        ProbeResult result;
} ProbeMessage;

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

typedef enum RelayCallResult {
        RELAY_CALL_OK,
        RELAY_CALL_UNREACHABLE, /* text: why, in words */
        RELAY_CALL_REFUSED,     /* text: the relay's error, without its interface */
        _RELAY_CALL_RESULT_MAX,
} RelayCallResult;

/* A call that the main thread wants made at the relay, on a connection of its own. */
typedef struct RelayCallMessage {
        Message message;
        void *asker; /* the main thread's own */
        RelayTarget *target; /* with a reference */
        const char *method;  /* static, without its interface */
        bool prove;          /* a proof of the token goes with it */
        char *parameters;    /* JSON text */
        /* The answer: */
        RelayCallResult result;
        char text[MESSAGE_TEXT_MAX];
        char *reply; /* JSON text: the answer's parameters */
} RelayCallMessage;

#define RELAY_DOMAINS_MAX 32U /* of a tenant's; hagw-tenantd has no more */

/* Of an agent that is attached, or was. */
typedef struct RelayAttached {
        uint64_t since_usec; /* CLOCK_REALTIME; 0: it is not attached */
        char zone[HOSTNAME_MAX + 1]; /* empty: never attached */
        char address[IP_TEXT_MAX + sizeof("[]:65535")]; /* the relay's */
        char token_id[RELAY_TOKEN_ID_LENGTH + 1]; /* that it was admitted with */
        uint64_t taken_over_usec; /* CLOCK_REALTIME: another machine took its place; 0: none ever did */
        struct {
                uint64_t n, last_usec; /* CLOCK_REALTIME */
        } refused[_REFUSAL_MAX]; /* our visitors, there, since it runs */
        bool domains_known; /* what the next two say: an older relay does not tell them */
        unsigned n_domains;
        char domains[RELAY_DOMAINS_MAX][HOSTNAME_MAX + 3]; /* elsewhere that lead here; maybe "*.…" */
} RelayAttached;

typedef struct RelayStateMessage {
        Message message;
        RelayTarget *target; /* with a reference */
        int state;           /* RelayState */
        bool refused;        /* the relay, or our own keyd, has said no */
        uint64_t retry_usec; /* CLOCK_MONOTONIC of the next attempt, while waiting */
        RelayAttached attached;
        /* While waiting; while attached: why it cannot attach anew with the token that there is now. */
        char error[RELAY_ERROR_MAX];
} RelayStateMessage;

typedef struct HiddenMessage {
        Message message;
        IpAddress address;
        bool balancer; /* no hop, but a load balancer that begins like this: */
        BalancerHeader header;
} HiddenMessage;

typedef struct FailureMessage {
        Message message;
        HostStats *stats; /* with a reference */
        uint64_t usec;
        char text[MESSAGE_TEXT_MAX];
} FailureMessage;

/* NULL: no memory. Freed with message_free(), references and fds included. */
void *message_new(MessageKind kind);
void message_free(Message *m);
