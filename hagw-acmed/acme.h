/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/pure/macro.h"

/* What a certificate authority says (RFC 8555 section 7.1, RFC 9773), as structs. Pure. */

#define ACME_URL_MAX 2048U          /* characters */
#define ACME_TOKEN_MAX 256U         /* characters */
#define ACME_NAMES_MAX 100U         /* in one order */
#define ACME_CHALLENGES_MAX 16U     /* in one authorization */
#define ACME_ALTERNATES_MAX 8U      /* chains beside the first */
#define ACME_PROFILES_MAX 16U       /* that an authority offers */
#define ACME_PROFILE_NAME_MAX 64U   /* characters */
#define ACME_CONTACTS_MAX 16U       /* of an account */
#define ACME_CHAIN_MAX (64U * 1024) /* bytes of PEM */

typedef enum AcmeStatus {
        ACME_STATUS_PENDING,
        ACME_STATUS_READY,
        ACME_STATUS_PROCESSING,
        ACME_STATUS_VALID,
        ACME_STATUS_INVALID,
        ACME_STATUS_DEACTIVATED,
        ACME_STATUS_EXPIRED,
        ACME_STATUS_REVOKED,
        _ACME_STATUS_MAX,
        _ACME_STATUS_INVALID = -EINVAL,
} AcmeStatus;

/* What an answer is expected to hold. */
typedef enum AcmeObject {
        ACME_DIRECTORY,
        ACME_ACCOUNT,
        ACME_ORDER,
        ACME_AUTHORIZATION,
        ACME_CHALLENGE,
        ACME_CHAIN,
        ACME_RENEWAL_INFO,
        ACME_NOTHING, /* what a success brings along does not matter */
        _ACME_OBJECT_MAX,
} AcmeObject;

/* Problems of our own making, beside those of RFC 8555 section 6.7. */
#define ACME_PROBLEM_MALFORMED "hagw:malformed"     /* the answer is none */
#define ACME_PROBLEM_UNREACHABLE "hagw:unreachable" /* there was no answer, or not even a question */

typedef struct AcmeProblem {
        char *type; /* without urn:ietf:params:acme:error:; NULL: there is no problem */
        char *text; /* for people: one line, printable */
} AcmeProblem;

typedef struct AcmeDirectory {
        char *new_nonce, *new_account, *new_order;
        char *renewal_info; /* NULL: no ARI */
        char *key_change, *revoke; /* NULL: it takes none */
        char *caa_issuer;   /* the first of caaIdentities; NULL: none */
        bool external_account_required;
        char *profiles[ACME_PROFILES_MAX + 1]; /* names, NULL-terminated (draft-ietf-acme-profiles) */
} AcmeDirectory;

typedef struct AcmeAccount {
        AcmeStatus status;
        char **contacts; /* NULL-terminated; NULL: none, or the authority does not say */
} AcmeAccount;

typedef struct AcmeOrder {
        AcmeStatus status;
        char **identifiers, **authorizations; /* NULL-terminated */
        char *finalize, *certificate;
        char *profile; /* NULL: not said */
        AcmeProblem problem;
} AcmeOrder;

typedef struct AcmeChallenge {
        char *type, *url, *token;
        AcmeStatus status;
        AcmeProblem problem;
} AcmeChallenge;

typedef struct AcmeAuthorization {
        AcmeStatus status;
        char *identifier;
        bool wildcard;
        AcmeChallenge challenges[ACME_CHALLENGES_MAX];
        size_t n_challenges;
} AcmeAuthorization;

typedef struct AcmeRenewalInfo {
        uint64_t start_usec, end_usec; /* CLOCK_REALTIME */
} AcmeRenewalInfo;

typedef struct AcmeAnswer {
        unsigned http_status; /* 0: there was none */
        char *location;
        char *alternates[ACME_ALTERNATES_MAX + 1]; /* Link: …;rel="alternate" */
        uint64_t retry_after_usec;                 /* relative; 0: not said */
        AcmeProblem problem;
        AcmeObject object;
        AcmeDirectory directory;
        AcmeAccount account;
        AcmeOrder order;
        AcmeAuthorization authorization;
        AcmeRenewalInfo renewal_info;
        char *chain; /* PEM */
} AcmeAnswer;

void acme_answer_done(AcmeAnswer *a);
void acme_directory_done(AcmeDirectory *d);
void acme_order_done(AcmeOrder *o);
#define _cleanup_answer_ _cleanup_(acme_answer_done)

const char *acme_status_to_string(AcmeStatus s);
AcmeStatus acme_status_from_string(const char *s);

/* https://, printable ASCII, of bounded length. */
bool acme_url_is_valid(const char *url);
/* base64url only (RFC 8555 section 8.1), of bounded length. Nonces have the same form (section 6.5.1). */
bool acme_token_is_valid(const char *token);

void acme_problem_done(AcmeProblem *p);
/* A problem out of formatted text; what does not print becomes a space. */
int acme_problem_set(AcmeProblem *p, const char *type, const char *format, ...) _printf_(3, 4);
bool acme_problem_is(const AcmeProblem *p, const char *type);

/* Printable ASCII without blanks, of bounded length. */
bool acme_profile_is_valid(const char *name);

/* "<https://…>;rel=\"alternate\"" → the URL, or NULL where it is another relation or not a valid URL. Freed
 * by the caller. */
char *acme_link_alternate(const char *value);

/* RFC 3339 section 5.6, to CLOCK_REALTIME usec. -EINVAL. */
int acme_time_parse(const char *s, uint64_t *ret_usec);

