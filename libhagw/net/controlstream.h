/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <systemd/sd-json.h>

#include "libhagw/net/transport.h"

/* Control's messages (docs/relay-protocol.md, "Control"): JSON objects that end with a NUL, which is how
 * varlink writes them, over a Transport that is the caller's. Holds memory only while part of a message is
 * here; how long that may be is the caller's deadline. One thread. */

#define CONTROL_MESSAGE_MAX (64U * 1024) /* bytes, with the NUL */
#define CONTROL_ERROR_MAX 255U            /* characters of an error's name */

/* {} in the beginning. */
typedef struct ControlStream {
        char *in;
        size_t used, allocated;
        size_t scanned; /* bytes that have no NUL among them */
} ControlStream;

/* The next message. 1: *ret is one, a reference that is the caller's; 0: the other side ended; -EAGAIN: none
 * yet, call again after the next event; -EMSGSIZE: too long; -EBADMSG: no JSON object; else broken. After 1
 * there may be more without an event. */
int control_stream_read(ControlStream *s, Transport *t, sd_json_variant **ret);
void control_stream_done(ControlStream *s);

/* Send one message, whole or not at all. -EAGAIN: the other side does not read; -EMSGSIZE: too long. Take no
 * reference. parameters may be NULL: none. */
int control_send(Transport *t, sd_json_variant *message);
int control_send_call(Transport *t, const char *method, sd_json_variant *parameters, bool more);
int control_send_reply(Transport *t, sd_json_variant *parameters, bool continues);
int control_send_error(Transport *t, const char *error, sd_json_variant *parameters);

/* What a message says; everything points into it. parameters: an object, or NULL. -EBADMSG: no call, no
 * answer. */
typedef struct ControlCall {
        const char *method;
        sd_json_variant *parameters;
        bool more;
} ControlCall;
int control_read_call(sd_json_variant *message, ControlCall *ret);

typedef struct ControlReply {
        const char *error; /* NULL: none */
        sd_json_variant *parameters;
        bool continues;
} ControlReply;
int control_read_reply(sd_json_variant *message, ControlReply *ret);

/* A field of the parameters; NULL or fallback where it is missing or of another type. */
const char *control_string(sd_json_variant *parameters, const char *key);
int64_t control_integer(sd_json_variant *parameters, const char *key, int64_t fallback);
bool control_boolean(sd_json_variant *parameters, const char *key);
/* Exactly size bytes in base64 (RFC 4648 section 4). False: anything else. */
bool control_bytes(sd_json_variant *parameters, const char *key, uint8_t *ret, size_t size);
