/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <systemd/sd-json.h>

#include "hagw-acmed/plan.h"
#include "libhagw/vl.h"

/* How we show that a name is ours: a row per way (RFC 8555 section 8), each done by another daemon over
 * varlink. */

/* What is shown for one name. */
typedef struct Proof {
        ProofWay way;
        char *identifier;
        char *token;             /* as the authority gave it: base64url */
        char *key_authorization; /* token "." thumbprint */
        char *name;              /* dns-01: where the TXT record stands */
        char *value;             /* dns-01: what stands there */
} Proof;

/* The challenge's type as the authority calls it. */
const char *proof_way_type(ProofWay way);
/* What to say where our own look does not see the answer. */
const char *proof_way_unserved(ProofWay way);
/* What the owner of a name has to do for this way, where the authority did not see the answer; NULL: nothing
 * more is known. alias: the name below which values stand, for PROOF_ALIAS. Freed by the caller. */
char *proof_way_advice(ProofWay way, const char *identifier, const char *alias);

/* Asks whether an order would have a chance now, before the authority is bothered. 0: nothing is to be
 * asked. */
int proof_way_ask_ready(ProofWay way, sd_event *event, VlReplyHandler handler, void *userdata,
                        VlRequest **ret);
/* NULL where the reply says that it has; else why not, in words within the reply. *ret_soon: this is about
 * to change, and worth being asked again in a moment. */
const char *proof_way_complaint(ProofWay way, sd_json_variant *reply, bool *ret_soon);

int proof_new(ProofWay way, const char *identifier, const char *alias, const char *token,
              const char *thumbprint, Proof **ret);
Proof *proof_free(Proof *p);
DEFINE_TRIVIAL_CLEANUP_FUNC(Proof *, proof_free)

/* Withdraws what an earlier order, cut short, left at the same place: too many values would not fit into a
 * datagram. 0: this way leaves nothing. */
int proof_clear(const Proof *p, sd_event *event, VlReplyHandler handler, void *userdata, VlRequest **ret);
int proof_publish(const Proof *p, sd_event *event, VlReplyHandler handler, void *userdata, VlRequest **ret);
/* 0: not to be asked for over varlink. */
int proof_check(const Proof *p, sd_event *event, VlReplyHandler handler, void *userdata, VlRequest **ret);
bool proof_is_served(const Proof *p, sd_json_variant *reply);
/* Where it can be seen over HTTP, freed by the caller; NULL: nowhere. */
char *proof_get_url(const Proof *p);
/* Nobody waits for the outcome: what is not withdrawn expires by itself. */
void proof_withdraw(const Proof *p, sd_event *event);
/* Forgets what is still being withdrawn. */
void challenges_done(void);
/* The program that publishes, for messages. */
const char *proof_get_daemon(const Proof *p);
