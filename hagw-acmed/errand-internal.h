/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-acmed/client.h"
#include "hagw-acmed/errand.h"
#include "libhagw/vl.h"

/* Between errand.c, which goes from step to step, errand-account.c and errand-revoke.c, which hold them. */

struct Errand {
        sd_event *event;
        ErrandKind kind;
        const Authority *authority;
        const char *settings_group; /* where hagw.conf has it */
        Account *account;
        const ErrandHandlers *handlers;
        void *userdata;
        bool first_account;
        size_t step;
        AcmeClient *client;
        AcmeDirectory directory;
        VlRequest *request;
        sd_event_source *deadline, *end;
        char *key_id, *jwk; /* of ERRAND_NEW */
        char *former;
        char **contacts;
        ErrandLeaf leaves[ERRAND_LEAVES_MAX];
        size_t n_leaves, leaf;
        unsigned tries; /* of the leaf */
        char *refusal;  /* of the leaf, so far */
        ErrandResult result;
        char *error;
};

/* 0: it waits for an answer; 1: there is nothing to do. */
typedef int (*ErrandStep)(Errand *e);

int errand_step_settle(Errand *e);
int errand_step_look(Errand *e);
int errand_step_new_key(Errand *e);
int errand_step_jwk(Errand *e);
int errand_step_register(Errand *e);
int errand_step_next_key(Errand *e);
int errand_step_change(Errand *e);
int errand_step_deactivate(Errand *e);
int errand_step_revoke(Errand *e);

/* The step is done: the next one, or the end. */
void errand_go_on(Errand *e);
/* The same step once more. */
void errand_repeat(Errand *e);
void errand_fail(Errand *e, ErrandOutcome outcome, const char *format, ...) _printf_(3, 4);
void errand_fail_errno(Errand *e, int error, const char *what);
/* The authority's answer says no, or there was none. */
void errand_fail_answer(Errand *e, const AcmeAnswer *answer);
/* Would be the same a moment later. */
ErrandOutcome errand_judge(const AcmeAnswer *answer);
int errand_ask_key(Errand *e, const char *method, const char *id, VlReplyHandler handler);
