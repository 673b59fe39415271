/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/daemon.h"
#include "hagw-tenantd/guess.h"
#include "hagw-tenantd/publish.h"
#include "hagw-tenantd/copies.h"
#include "hagw-tenantd/tenant.h"
#include "libhagw/pure/seldom.h"
#include "libhagw/vl-pages.h"

/* What hagw-tenantd is while it runs. Main loop only. */

typedef struct Feed Feed;

/* Why an enrolment code was of no use. */
typedef enum RefusedCode {
        REFUSED_CODE_BAD,
        REFUSED_CODE_SUSPENDED,
        REFUSED_CODE_OTHER, /* the house is another tenant's */
        REFUSED_CODE_FULL,
        _REFUSED_CODE_MAX,
} RefusedCode;

/* Whoever has a token names the authority anew as often as he likes: so many lines a minute are told. */
#define MANAGER_ACCOUNT_LINES_MAX 64U

typedef struct Manager {
        Daemon *daemon;
        sd_event *event;
        const Config *config; /* in force; replaced by a reload */
        Db db; /* not open while there is trouble */
        Ledger ledger;
        const char *trouble; /* what is wrong with the database, in words; NULL: nothing */
        VlPages *pages;
        Publisher *publisher;
        Feed *feeds; /* feed.c's: who listens */
        Guesses guesses;
        Seldom refused_codes[_REFUSED_CODE_MAX], accounts, store_errors; /* in the log */
        sd_event_source *due;   /* CLOCK_REALTIME: a token ends, or a month begins */
        sd_event_source *flush; /* the times of use wait to be stored */
        Month month;            /* that watchers were told about */
        uint64_t channels;      /* tenants.channels that watchers were told about */
        sd_event_source *copy;  /* the next look whether a copy is due */
        sd_event_source *watch; /* whether the database was found damaged */
        struct {
                uint64_t admitted, refused, enrolled, refused_codes, throttled;
        } counts;
} Manager;


int manager_new(Daemon *daemon, const Config *config, void **ret);
void *manager_free(void *userdata);
int manager_reload(const Config *config, void *userdata);
int manager_metrics(sd_json_variant **metrics, void *userdata);
/* Makes again what could not be stored. */
int manager_save(void *userdata);

/* Tenants or their tokens were changed: the status line, and when the next token ends. */
void manager_changed(Manager *m);
/* A token was used: stored within a minute. */
void manager_used(Manager *m);

/* Opens the database, as it is or as it was put back. What is wrong with it becomes trouble, and is no
 * error: who is attached stays, and only a person can say what is to be. */
int manager_open_store(Manager *m, bool anew);
void manager_close_store(Manager *m);
/* As manager_open_store(); where it fails, this process ends. */
int manager_reopen(Manager *m, bool anew);
/* Makes a copy now. */
int manager_copy(Manager *m);

/* NULL where a tenant may have the name, else a sentence that says why not. */
const char *manager_name_problem(const Manager *m, const char *name);
/* Whether the domain is one of this machine's own hosts, or its name. */
bool manager_is_own_name(const Manager *m, const char *domain);
