/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <systemd/sd-json.h>

#include "libhagw/conf.h"

/* What was told to whom: each finding once to each target, and once more when it is over. Times are usec,
 * CLOCK_REALTIME; one run takes one look. */

#define TOLD_FILE "told.json"
#define TOLD_FINDINGS_MAX 64U
/* In a row, that a finding must be seen, or missed, before it is believed: a restart is no news. */
#define TOLD_LOOKS 2U
/* Messages to one target in a day. What comes then waits, and is told in one message. */
#define TOLD_MESSAGES_MAX 24U
#define TOLD_TEXT_MAX 2048U /* bytes of one finding */

typedef struct Finding {
        char *id;   /* the same for as long as it is the same trouble */
        char *text; /* as it was said last */
        bool there;
        unsigned looks; /* in a row that it was so */
} Finding;

typedef struct Target {
        char *name; /* as configured */
        Finding told[TOLD_FINDINGS_MAX];
        size_t n_told;
        uint64_t sent_usec[TOLD_MESSAGES_MAX]; /* the oldest first */
        size_t n_sent;
        uint64_t failing_usec; /* since when; 0: it works, as far as known */
        char *error;
        uint64_t test_usec; /* the newest test that was answered, and what it came to */
        char *test_error;
} Target;

typedef struct Told {
        Finding findings[TOLD_FINDINGS_MAX];
        size_t n_findings;
        Target targets[CONF_NOTIFY_MAX];
        size_t n_targets;
} Told;

/* What cannot be read is as if it were not there: who was told is told again. -ENOMEM. */
int told_from_json(sd_json_variant *v, uint64_t now_usec, Told *t);
int told_to_json(const Told *t, sd_json_variant **ret);
void told_done(Told *t);

/* These and no others; a new one was told nothing. */
int told_set_targets(Told *t, const char *const *names, size_t n);
/* One look: an array of { id, text }. */
int told_look(Told *t, sd_json_variant *findings);

/* What one target does not know yet. Borrowed; at most TOLD_FINDINGS_MAX each. */
typedef struct News {
        const Finding *begun[TOLD_FINDINGS_MAX], *over[TOLD_FINDINGS_MAX];
        size_t n_begun, n_over, n_left; /* left: what it was told of and is not over */
} News;

/* False: nothing to tell, or not yet, because it was told TOLD_MESSAGES_MAX times in a day. */
bool told_news(const Told *t, const Target *target, uint64_t now_usec, News *ret);
/* It was told that. -ENOMEM. */
int told_sent(Target *target, const News *news, uint64_t now_usec);
/* error: NULL: it works. -ENOMEM. */
int told_result(Target *target, const char *error, uint64_t now_usec);
