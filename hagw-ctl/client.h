/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <systemd/sd-json.h>

#include "libhagw/conf.h"

/* Calls to the daemons whose failures are told in words, with what to do next. */

#define CLIENT_LEFT_MAX 256U /* of a sentence, with NUL */

typedef struct DaemonRow {
        const char *name;      /* "hagw-dnsd" */
        const char *interface; /* "io.hagw.Dns" */
        const char *job;
        bool relay; /* only a relay needs it */
} DaemonRow;
extern const DaemonRow daemon_rows[]; /* ended by {} */

/* Whether this machine, as it is configured, needs the daemon. config may be NULL: as if it were no relay.
 */
bool daemon_is_needed(const DaemonRow *d, const Config *config);

/* One blocking call of at most 30 s; method with its interface. On failure the reason is logged and the
 * errno is -ENOTCONN (no daemon), -ETIMEDOUT (it does not answer), -EACCES (not allowed), -EKEYREJECTED (the
 * relay refused), -EINPROGRESS (it is done, and waits to be written down) or -EREMOTEIO (the daemon did).
 * parameters may be NULL. */
int client_call(const char *method, sd_json_variant *parameters, sd_json_variant **ret);

/* The same for what waits for the certificate authority, for as long as hagw-acmed does; that is shown,
 * unless quiet. */
int client_call_patiently(const char *method, sd_json_variant *parameters, bool quiet,
                          sd_json_variant **ret);

/* The same, but the reason is returned (to be freed) instead of logged. */
int client_try(const char *method, sd_json_variant *parameters, sd_json_variant **ret, char **ret_reason);

int client_try_within(const char *method, sd_json_variant *parameters, uint64_t timeout_usec,
                      sd_json_variant **ret, char **ret_reason);

/* The same for what a daemon has at hand. One that does not answer within 5 s is not looked at again: who
 * asks all of them wants to see the others. */
int client_look(const char *method, sd_json_variant *parameters, sd_json_variant **ret, char **ret_reason);
/* Nobody is there: none is looked at any more. */
void client_silence(void);
/* It does not run, and why is known: a call would start it, or wait in vain, and there is none any more. */
void client_leave(const DaemonRow *d, const char *why);

/* A `more` call that ends by itself; each reply goes to the handler, which may end it with a negative errno.
 * Failures are logged, or (try) returned. */
typedef int (*ClientHandler)(sd_json_variant *reply, void *userdata);
int client_stream(const char *method, sd_json_variant *parameters, ClientHandler handler, void *userdata);
int client_try_stream(const char *method, sd_json_variant *parameters, ClientHandler handler, void *userdata,
                      char **ret_reason);

/* The reason for an error that a stream gave: like client_try()'s. */
char *client_explain(const char *interface, const char *error, sd_json_variant *parameters);

/* io.hagw.Service.Describe of one daemon; it has 5 s each time, since this is how it is waited for.
 * client_look() would ask the daemon whose interface it is. */
int client_describe(const DaemonRow *d, sd_json_variant **ret, char **ret_reason);

/* io.hagw.Service.GetMetrics of the daemon whose interface it is, a look. Quiet. */
int client_metrics(const char *interface, sd_json_variant **ret);

/* A field of a reply: NULL, 0 or false where it is missing or null. The text is borrowed. */
const char *field_text(sd_json_variant *v, const char *name);
uint64_t field_number(sd_json_variant *v, const char *name);
bool field_bool(sd_json_variant *v, const char *name);
/* A list's elements: for (size_t i = 0; i < field_count(v, "names"); i++) field_element(v, "names", i). */
size_t field_count(sd_json_variant *v, const char *name);
sd_json_variant *field_element(sd_json_variant *v, const char *name, size_t i);
/* A list of strings as "a, b, c"; to be freed. NULL: no memory. */
char *field_joined(sd_json_variant *v, const char *name);
/* Those of v's list that are not in other's, in the same way. */
char *field_missing(sd_json_variant *v, sd_json_variant *other, const char *name);
