/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <systemd/sd-json.h>

#include "hagw-acmed/acme.h"
#include "hagw-acmed/former.h"
#include "hagw-acmed/plan.h"
#include "hagw-acmed/tries.h"

/* One certificate: what it is for, what we hold, and when something is to be done about it. */

#define CERTIFICATES_MAX 1280U

typedef enum CertificateState {
        CERTIFICATE_WAITING,
        CERTIFICATE_ORDERING,
        CERTIFICATE_VALID,
        CERTIFICATE_EXPIRING,
        CERTIFICATE_EXPIRED,
        CERTIFICATE_KEYLESS,
        CERTIFICATE_FAILED,
        _CERTIFICATE_STATE_MAX,
        _CERTIFICATE_STATE_INVALID = -EINVAL,
} CertificateState;

/* Whether hagw-keyd has the key in the chain. */
typedef enum KeyState {
        KEY_STATE_PRESUMED, /* it had, when the chain came or when it was asked last */
        KEY_STATE_ASKED,    /* as before; and the answer to come says it of this chain */
        KEY_STATE_GONE,
} KeyState;

typedef struct Certificate {
        CertificateState state;
        char *name;
        char **names; /* NULL-terminated, the first is name where it was ordered */
        bool imported;
        bool wanted;                /* the configuration asks for it; only then it is ordered and renewed */
        bool ordering;              /* now */
        ProofWay way;
        uint64_t caa_usec; /* as in Want, likewise */
        bool caa_shared;
        char *key_id, *chain;       /* both or none */
        KeyState key_state; /* not stored */
        char *directory;            /* who issued it */
        char *account;              /* to which account of ours there; NULL: nobody noted */
        char *pending_key_id;       /* of an order that did not end yet */
        uint64_t not_before_usec, not_after_usec;
        uint64_t due_usec; /* from when on it is to be had; UINT64_MAX: not by us */
        TriesList tries;
        const char *error; /* why it cannot be ordered at all, static; NULL: it can */
        /* RFC 9773 */
        char *renewal_id;
        uint64_t window_start_usec, window_end_usec,
                renewal_usec; /* 0: no advice; renewal_usec: the point chosen */
        uint64_t advice_usec; /* when to ask again */
        uint64_t shouted_usec;
        /* The chain is revoked since; 0: it is not. And the reason for which it is to be, or REVOKE_NONE. */
        uint64_t revoked_usec;
        int revoke;
        Formers formers;
        /* When revocations that did not come about are asked for again, which is not stored. */
        uint64_t revoke_next_usec;
        unsigned revoke_failures;
} Certificate;

int certificate_new(const char *name, char *const *names, Certificate **ret);
Certificate *certificate_free(Certificate *c);
DEFINE_TRIVIAL_CLEANUP_FUNC(Certificate *, certificate_free)

/* Takes over a chain: names (only where there were none), validity, and a fresh schedule. -EBADMSG: it is
 * none. */
int certificate_set_chain(Certificate *c, const char *chain, const char *key_id, uint64_t now_usec);

/* The same, and what there was before is a former one. */
int certificate_renew_chain(Certificate *c, const char *chain, const char *key_id, uint64_t now_usec);
/* Another one is to take its place, and has its former ones, too. */
int certificate_hand_over(const Certificate *c, Certificate *to, uint64_t now_usec);
/* This one and the former ones are to be revoked. */
void certificate_want_revoked(Certificate *c, int reason, uint64_t now_usec);
bool certificate_is_revoking(const Certificate *c);
/* What was issued there (or nobody knows where) is not revoked. */
void certificate_give_up_revoking(Certificate *c, const char *directory);

/* hagw-keyd is asked which keys it has, and has answered: true where that is news. Nothing is said of a
 * chain that came between the two. */
void certificate_ask_key(Certificate *c);
bool certificate_judge_key(Certificate *c, bool there);

/* What the state should be now; true where it changed. */
bool certificate_update_state(Certificate *c, uint64_t now_usec);
/* When renewal is due by advice or lifetime, and from when on its absence is shouted about. */
uint64_t certificate_get_renewal(const Certificate *c);
uint64_t certificate_get_alarm(const Certificate *c);
/* notAfter − notBefore; 0: there is none yet. */
uint64_t certificate_get_life(const Certificate *c);
/* When one of the authorities, or that one, may be asked for it; UINT64_MAX: never. */
uint64_t certificate_get_next(const Certificate *c);
uint64_t certificate_get_next_of(const Certificate *c, AuthorityRank rank);
/* The next moment at which update_state() may say something new. */
uint64_t certificate_next_change(const Certificate *c, uint64_t now_usec);

/* It is ours to order and renew. */
bool certificate_is_orderable(const Certificate *c);

/* Brings back times that lie further ahead than the schedule puts any: the clock was wrong when they were
 * noted. */
void certificate_clamp(Certificate *c, uint64_t now_usec);

/* Why there is none, or no new one, to be freed; NULL: no try has failed. */
int certificate_describe_error(const Certificate *c, char **ret);

const char *certificate_state_to_string(CertificateState s);

/* For the state directory, and as io.hagw.Acme shows it. */
int certificate_to_record(const Certificate *c, sd_json_variant **ret);
int certificate_from_record(sd_json_variant *v, Certificate **ret);
/* limit_usec: until then the first authority wants no order for it; 0: it has not said. */
int certificate_to_json(const Certificate *c, uint64_t limit_usec, sd_json_variant **ret);
