/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-ctl/conftext.h"
#include "hagw-ctl/typed.h"
#include "hagw-ctl/verbs.h"

/* What hagw-ctl setup is told, by options or answers, and what it says at the end. */

#define SETUP_HOSTS_MAX 64U

typedef struct Setup {
        const Call *call;
        bool attach;   /* to a relay: no zone of its own, no addresses */
        bool relay;    /* this machine is to be one */
        bool ask;      /* there is a person at a terminal */
        bool loaded;   /* hagw.conf was looked at, if there is one */
        bool has_settings; /* something for hagw.conf was given or answered */
        bool beside_resolver; /* and what lets hagw live beside a resolver of the house, or no more */
        bool written; /* a file of the configuration */
        Choices choices;
        char *hosts[SETUP_HOSTS_MAX]; /* NAME=UPSTREAM */
        size_t n_hosts;
        char *user, *password;
        Config *present; /* what hagw.conf said before; NULL: there was none, or none that can be read */
        const char *renamed; /* of present: the zone whose name is to be the first one that was given */
        Config *config;
        bool asked;     /* the internet asks this machine for all of its zones, over UDP and TCP */
        bool unseen[2]; /* but not by the address family (GLUE_IPV4, GLUE_IPV6), as was told */
        bool unreached; /* it does not find its way here yet, as was told */
        bool shut;      /* something else keeps visitors away, as was told */
        bool doubted[2]; /* the source of a family's address (GLUE_IPV4, GLUE_IPV6) was, and was meant */
        bool down;        /* not all of hagw runs */
        bool hostless;    /* a host could not be written */
        bool uncertified; /* not every certificate came */
        bool userless;    /* hosts ask for a login, and there is no user */
        char *answers; /* as options, for who wants to go on later; NULL: none */
} Setup;

void setup_done(Setup *s);

/* setup-doors.c: who has the ports that hagw needs is told before anything is written, and a resolver of the
 * house gets hagw beside it. Who attaches is only told. -EADDRINUSE: the owner wants to make room first.
 * Told. */
int setup_check_doors(Setup *s);

/* A setting that options give or questions ask for. */
typedef struct Question {
        const char *option;
        ConfScope scope;
        const char *group, *name;
        int kind;           /* TypedKind; negative: whatever the schema takes */
        const char *text;   /* the sentence that introduces it; NULL: not asked */
        const char *relay;  /* the same where this is to be a relay; NULL: the same */
        const char *prompt; /* the words before the answer */
        const char *fallback;
        bool attach; /* of houses behind a relay, too */
} Question;
extern const Question setup_questions[]; /* ended by {} */

/* Nothing was done yet, so what keeps all of it from being done is told first: who is not root, where
 * systemd does not run. start: hagw is to be started. Told. */
int setup_check_root(const Call *call, bool start);
int setup_check_booted(const Call *call);

/* The options, of which nothing is taken yet. Told. */
int setup_check_options(const Setup *s);

/* Takes the options, and asks for what is missing. Told. */
int setup_gather(Setup *s);

/* Would the schema take the value of a setting? Says why not. */
int setup_check_value(ConfScope scope, const char *group, const char *name, const char *value);
/* The same with the reason, to be freed, instead of telling it. -EINVAL or -ENOMEM. */
int setup_judge_value(ConfScope scope, const char *group, const char *name, const char *value,
                      char **ret_reason);

/* --- questions (setup-ask.c) ------------------------------------------------------------------------ */

/* What is known while something is typed. */
TypedContext setup_context(const Setup *s);

/* The path that was left out of a service's address, if there was one: host_say_path() for who is asked. */
void setup_say_path(const Setup *s, const char *typed);

/* The name that is taken of a URL or a pattern that was pasted. */
void setup_say_name(const Setup *s, TypedKind kind, const char *typed, const char *value);

/* A value that is doubted: told why, and at a terminal asked whether it is meant all the same. 1: it is. */
int setup_confirm(Setup *s, TypedKind kind, const char *reason);

/* Asks until the answer can be taken; *ret is to be freed. fallback: NULL where an answer has to come. */
int setup_ask(Setup *s, TypedKind kind, const char *text, const char *prompt, const char *fallback,
              char **ret);

/* All that the options left open. keep: the settings that there are stay. Told. */
int setup_ask_rest(Setup *s, bool keep);

/* Stores a value of the question's setting; "" is none. */
int setup_take_value(Setup *s, const Question *q, size_t zone, const char *value);

/* An answer, as an option that brings it back ("--zone="; "" for a bare word); Ctrl-C tells all of them. */
int setup_remember(Setup *s, const char *option, const char *value);
/* Nothing is written: says so, with the command line that goes on. */
void setup_tell_answers(const Setup *s);

/* --- names that lead nowhere (setup-look.c) --------------------------------------------------------- */

/* 1, or TYPED_VAIN: the name in a value that was typed is not found, or leads where nobody can come from, as
 * *ret_reason (to be freed) says in a sentence. 0: nothing is known against it. -ENOMEM. It may take
 * RESOLVE_USEC. */
int setup_look(const Setup *s, TypedKind kind, const char *value, char **ret_reason);

/* --- what is known without being asked (setup-known.c) ---------------------------------------------- */

bool setup_is_interface(const char *name);

/* What hagw.conf says of it, or what this machine shows; NULL: nothing is known, or no memory. To be freed.
 */
char *setup_known_value(const Setup *s, const Question *q);

/* What stands in the choices, or NULL. */
const char *setup_chosen(const Setup *s, ConfScope scope, const char *name);

/* Is there such a user already? Quiet: where hagw-webd does not run, nobody knows of one. name NULL:
 * anybody; ret_names (may be NULL) is to be freed. */
bool setup_has_user(const char *name, char **ret_names);
/* Hosts ask for a login that nobody can pass. False where hagw-webd does not say. */
bool setup_lacks_user(const Setup *s);

/* --- addresses by which nobody would come (setup-sources.c) ----------------------------------------- */

/* Who is asked has none at all: once more whether that is meant, and else the questions again. */
int setup_ask_sources(Setup *s, int (*again)(Setup *s));
/* The same where nobody can be asked. Told. */
int setup_check_sources(const Setup *s);

/* --- whether visitors can come (setup-reach.c) ------------------------------------------------------ */

/* Addresses in hagw.conf that nobody on the internet reaches. Told. -ENOMEM. */
int setup_check_static(Setup *s);
/* The public addresses, and whether the internet's questions come here: returns how many zones it does not
 * find. Told. */
int setup_check_reach(Setup *s);

/* --- steps that attach takes as well; each is told -------------------------------------------------- */

/* What was chosen, into the text of a hagw.conf that is there and valid; config is what it says. */
int setup_edit_text(const Setup *s, const Config *config, char **text);
/* Can it be done so, with what else stands there kept? */
bool setup_is_edit(const Setup *s);
/* The name that was given for a zone, or NULL. */
const char *setup_zone_name(const Setup *s, size_t zone);
/* The first zone that the internet asks this machine for, or NULL. */
const char *setup_direct_zone(const Config *config);

void setup_pause(uint64_t usec);
int setup_make_folders(const char *dir);
int setup_judge_hosts(const Setup *s, const Config *config); /* nothing is written */
int setup_write_hosts(Setup *s, const Config *config); /* as many as can be */
int setup_make_user(const Setup *s);

/* A line for the person, not with --json. */
void setup_say(const Setup *s, const char *format, ...) _printf_(2, 3);

/* What to enter at the DNS provider for a zone. ipv4, ipv6: the public addresses, or NULL. */
void setup_say_records(const Setup *s, const ConfZone *zone, const char *ipv4, const char *ipv6);

/* Tries the services, and says what is left to do outside of this machine; with --json only the first.
 * Returns how many services do not let visitors through. */
unsigned setup_say_next(const Setup *s);
