/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <systemd/sd-json.h>

#include "hagw-acmed/acme.h"
#include "hagw-acmed/httpc.h"

/* One conversation with a certificate authority: requests one after the other, signed by hagw-keyd, each
 * with a fresh nonce (RFC 8555 section 6). */

typedef struct AcmeClient AcmeClient;

/* The answer may be taken apart; it is freed afterwards. The handler may send the next request, not free the
 * client. */
typedef void (*AcmeHandler)(AcmeAnswer *answer, void *userdata);

int acme_client_new(AcmeClient **ret, sd_event *event, const char *ca_file);
AcmeClient *acme_client_free(AcmeClient *c);
DEFINE_TRIVIAL_CLEANUP_FUNC(AcmeClient *, acme_client_free)

int acme_client_get(AcmeClient *c, const char *url, AcmeObject expect, AcmeHandler handler, void *userdata);

/* kid NULL: the key itself goes along. new_nonce: where to ask for a nonce. All strings are copied. */
int acme_client_post(AcmeClient *c, const char *url, const char *payload, const char *key_id,
                     const char *kid, const char *new_nonce, AcmeObject expect, AcmeHandler handler,
                     void *userdata);

/* What hagw-keyd composes itself: method is io.hagw.Key's, parameters are all that it wants but url and
 * nonce, which are added. */
int acme_client_post_composed(AcmeClient *c, const char *url, const char *method,
                              sd_json_variant *parameters, const char *new_nonce, AcmeObject expect,
                              AcmeHandler handler, void *userdata);

/* Requests sent, for the metrics. */
uint64_t acme_client_get_requests(void);
/* How far the clock of the authority that answered last is ahead of this machine's (negative: behind); 0: as
 * good as not, or none has answered. */
int64_t acme_client_get_clock_difference(void);
