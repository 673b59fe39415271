/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <systemd/sd-json.h>

#include "vl.h"

/* How we show that a name is ours: a row per challenge type (RFC 8555 section 8), each done by another
 * daemon over varlink. */

typedef struct ChallengeType ChallengeType;

/* What is shown for one name. */
typedef struct Proof {
        const ChallengeType *type;
        char *token;             /* as the authority gave it: base64url */
        char *key_authorization; /* token "." thumbprint */
        char *name;              /* dns-01: where the TXT record stands */
        char *value;             /* dns-01: what stands there */
} Proof;

const ChallengeType *challenge_type_find(const char *name);

int proof_new(const ChallengeType *type, const char *identifier, const char *token, const char *thumbprint,
              Proof **ret);
Proof *proof_free(Proof *p);
DEFINE_TRIVIAL_CLEANUP_FUNC(Proof *, proof_free)

/* Withdraws what an earlier order, cut short, left at the same place: too many values would not fit into a
 * datagram. 0: this type leaves nothing. */
int proof_clear(const Proof *p, sd_event *event, VlReplyHandler handler, void *userdata, VlRequest **ret);
int proof_publish(const Proof *p, sd_event *event, VlReplyHandler handler, void *userdata, VlRequest **ret);
/* 0: this type cannot be looked up from here, and needs no check. */
int proof_check(const Proof *p, sd_event *event, VlReplyHandler handler, void *userdata, VlRequest **ret);
bool proof_is_served(const Proof *p, sd_json_variant *reply);
/* Nobody waits for the outcome: what is not withdrawn expires by itself. */
void proof_withdraw(const Proof *p, sd_event *event);
/* Forgets what is still being withdrawn. */
void challenges_done(void);
/* The program that publishes, for messages. */
const char *proof_get_daemon(const Proof *p);
