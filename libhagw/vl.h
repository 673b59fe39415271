/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <sys/types.h>
#include <systemd/sd-event.h>
#include <systemd/sd-varlink-idl.h>
#include <systemd/sd-varlink.h>

#include "libhagw/json.h"
#include "libhagw/pure/macro.h"
#include "libhagw/vl-limit.h"

/* Varlink as hagw uses it: who may call what, and a subscription that comes back by itself. */

/* Who may call a method. Root and the daemon's own user may always, a stranger never. */
typedef enum VlPeer {
        VL_PEER_ROOT = 1 << 0, /* and nobody else; beside others it says nothing more */
        VL_PEER_DNSD = 1 << 1,
        VL_PEER_NETD = 1 << 2,
        VL_PEER_KEYD = 1 << 3,
        VL_PEER_ACMED = 1 << 4,
        VL_PEER_PROXYD = 1 << 5,
        VL_PEER_WEBD = 1 << 6,
        VL_PEER_TENANTD = 1 << 7,
        VL_PEER_ALL = (1 << 8) - 1,
} VlPeer;

/* Runs once it is known that the caller may call, and that his parameters are right. parameters: the struct
 * of the method's row, filled; what its fields allocated and the handler leaves there is freed afterwards.
 * flags: sd_varlink_method_flags_t. A negative errno returned without an answer becomes the answer. */
typedef int VlHandler(sd_varlink *link, void *parameters, unsigned flags, void *userdata);

#define VL_METHODS_MAX 32U     /* of a process */
#define VL_PARAMETERS_MAX 256U /* bytes */

/* A row of a daemon's table, which ends with {}. peers comes before the handler, so that a row without it
 * does not compile; a daemon with a row for nobody does not start. */
typedef struct VlMethod {
        const char *name; /* with its interface */
        unsigned peers;   /* a mask of VlPeer */
        VlHandler *handler;
        const sd_json_dispatch_field *fields; /* NULL: the method has no parameters */
        size_t size;                          /* of the struct that the fields fill */
        const void *defaults;                 /* such a struct; NULL: all zero */
        bool secret;                          /* the parameters are wiped, and kept out of the debug log */
} VlMethod;
/* The fields (json.h) of the struct that a method gets. */
#define VL_PARAMETERS(type, ...) \
        .fields = (const sd_json_dispatch_field[]) { __VA_ARGS__, {} }, .size = sizeof(type)

/* Makes a server with accounting and limits, attached to the event loop, listening on the handed-in sockets
 * named "varlink"; none is an error. userdata reaches the handlers. One server per process. */
int vl_server_new(sd_varlink_server **ret, sd_event *event, void *userdata);
/* Says in the debug log who may call what. -EXFULL: more than VL_METHODS_MAX. */
int vl_server_add_methods(sd_varlink_server *server, const VlMethod *methods);

/* For a method that gives its peers different rights: which of them the caller is; VL_PEER_ROOT: root, or
 * the daemon itself. -EACCES: none of them. */
int vl_peer(sd_varlink *link, unsigned peers);

/* Where the daemons' sockets are: /run/hagw, and $HAGW_RUNTIME_DIR in tests. */
const char *vl_folder(void);

/* Connects to INTERFACE in that folder. Not attached to any loop: calls on it block, for at most
 * timeout_usec each. */
int vl_connect(sd_varlink **ret, const char *interface, uint64_t timeout_usec);

/* One blocking call of at most timeout_usec; tick (may be NULL) is called each VL_TICK_USEC of it. Returns 0
 * and the reply; a varlink error becomes -EREMOTEIO with its id in ret_error (to be freed by the caller) and
 * its parameters in ret_reply. Either may be NULL. -ETIME: there was no answer in time; -ECONNRESET: the
 * connection ended before it. */
#define VL_CALL_USEC (30 * USEC_PER_SEC)
#define VL_TICK_USEC (250 * USEC_PER_MSEC)
typedef void (*VlTick)(void);
int vl_call(const char *interface, const char *method, sd_json_variant *parameters, uint64_t timeout_usec,
            VlTick tick, sd_json_variant **ret_reply, char **ret_error);

/* The same for a `more` call that ends by itself: the handler gets each reply and may end it with a negative
 * errno, which is then returned. On a varlink error ret_reply has its parameters. The timeout is for each
 * silence of the daemon's, not for the whole: how long that takes is for the handler to say. */
typedef int (*VlMoreHandler)(sd_json_variant *reply, void *userdata);
int vl_call_more(const char *interface, const char *method, sd_json_variant *parameters,
                 uint64_t timeout_usec, VlMoreHandler handler, void *userdata, sd_json_variant **ret_reply,
                 char **ret_error);

/* A call on the loop. The callback runs exactly once: with the reply and error NULL, or with error set to a
 * varlink error id (io.hagw.Unreachable where there was no connection or no answer in time). Cancel with
 * vl_request_free() before that. The callback must not free the request it is called for; it is freed
 * afterwards. */
typedef struct VlRequest VlRequest;
typedef void (*VlReplyHandler)(sd_json_variant *reply, const char *error, void *userdata);
int vl_request(sd_event *event, const char *interface, const char *method, sd_json_variant *parameters,
               uint64_t timeout_usec, VlReplyHandler handler, void *userdata, VlRequest **ret);
VlRequest *vl_request_free(VlRequest *r);
DEFINE_TRIVIAL_CLEANUP_FUNC(VlRequest *, vl_request_free)
#define VL_ERROR_UNREACHABLE "io.hagw.Unreachable"

/* A subscription (`more`) that reconnects with back-off (100 ms doubling to 5 s) for as long as it lives.
 * The handler gets each message; with NULL when the connection was lost (once per loss). */
typedef struct VlWatch VlWatch;
typedef void (*VlWatchHandler)(sd_json_variant *message, void *userdata);
int vl_watch_new(VlWatch **ret, sd_event *event, const char *interface, const char *method,
                 VlWatchHandler handler, void *userdata);
VlWatch *vl_watch_free(VlWatch *w);
DEFINE_TRIVIAL_CLEANUP_FUNC(VlWatch *, vl_watch_free)

/* Subscribers of our own stream: keeps a reference to each until it goes. */
typedef struct VlStream {
        sd_varlink **links;
        size_t n_links, allocated;
        struct VlStream *next, **place; /* in the list of those that had subscribers */
} VlStream;
/* Sends the caller the first message, and has him get what follows where he asked for `more`. Call from the
 * handler; returns its result. */
int vl_stream_answer(VlStream *s, sd_varlink *link, unsigned flags, sd_json_variant *first);
void vl_stream_send(VlStream *s, sd_json_variant *message);
void vl_stream_done(VlStream *s);
