/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <sys/types.h>
#include <systemd/sd-event.h>
#include <systemd/sd-varlink-idl.h>
#include <systemd/sd-varlink.h>

#include "libhagw/pure/macro.h"
#include "libhagw/vl-limit.h"

/* Varlink as hagw uses it: who may call what, and a subscription that comes back by itself. */

/* Callers that a method may name. Root and the daemon's own user may always call everything. */
typedef enum VlPeer {
        VL_PEER_ROOT = 0,
        VL_PEER_DNSD = 1 << 0,
        VL_PEER_NETD = 1 << 1,
        VL_PEER_KEYD = 1 << 2,
        VL_PEER_ACMED = 1 << 3,
        VL_PEER_PROXYD = 1 << 4,
        VL_PEER_WEBD = 1 << 5,
        VL_PEER_TENANTD = 1 << 6,
        VL_PEER_ALL = (1 << 7) - 1,
} VlPeer;

typedef struct VlMethod {
        const char *name; /* with its interface */
        sd_varlink_method_t handler;
} VlMethod;

/* Makes a server with accounting and limits, attached to the event loop, listening on the handed-in sockets
 * named "varlink"; none is an error. The table ends with {}. userdata reaches the handlers. One server per
 * process. */
int vl_server_new(sd_varlink_server **ret, sd_event *event, const VlMethod *methods, void *userdata);

/* The first line of every handler: 0 where the caller may call, else PermissionDenied was answered and the
 * negative errno is to be returned. peers: a mask of VlPeer. */
int vl_check_peer(sd_varlink *link, unsigned peers);
/* Which of the peers the caller is, for a method that gives them different rights; VL_PEER_ROOT: root, or
 * the daemon itself. -EACCES: none of them, and nothing was answered. */
int vl_peer(sd_varlink *link, unsigned peers);

/* Connects to /run/hagw/INTERFACE ($HAGW_RUNTIME_DIR in tests). Not attached to any loop: calls on it block,
 * for at most timeout_usec each. */
int vl_connect(sd_varlink **ret, const char *interface, uint64_t timeout_usec);

/* One blocking call of at most timeout_usec. Returns 0 and the reply; a varlink error becomes -EREMOTEIO
 * with its id in ret_error (to be freed by the caller) and its parameters in ret_reply. Either may be NULL.
 */
#define VL_CALL_USEC (30 * USEC_PER_SEC)
int vl_call(const char *interface, const char *method, sd_json_variant *parameters, uint64_t timeout_usec,
            sd_json_variant **ret_reply, char **ret_error);

/* The same for a `more` call that ends by itself: the handler gets each reply and may end it with a negative
 * errno, which is then returned. On a varlink error ret_reply has its parameters. */
typedef int (*VlMoreHandler)(sd_json_variant *reply, void *userdata);
int vl_call_more(const char *interface, const char *method, sd_json_variant *parameters,
                 VlMoreHandler handler, void *userdata, sd_json_variant **ret_reply, char **ret_error);

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
        struct VlStream *next; /* in the list of those with subscribers */
        bool listed;
} VlStream;
/* Adds the caller of a `more` method and sends it the first message. Call from the handler; returns its
 * result. */
int vl_stream_add(VlStream *s, sd_varlink *link, sd_json_variant *first);
void vl_stream_send(VlStream *s, sd_json_variant *message);
void vl_stream_done(VlStream *s);
