/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "conftext.h"
#include "verbs.h"

/* What hagw-ctl setup is told, by options or answers, and what it says at the end. */

#define SETUP_HOSTS_MAX 64U

typedef struct Setup {
        const Call *call;
        bool attach;   /* to a relay: no zone of its own, no addresses */
        bool relay;    /* this machine is to be one */
        bool ask;      /* there is a person at a terminal */
        bool has_settings; /* something for hagw.conf was given or answered */
        Choices choices;
        char *hosts[SETUP_HOSTS_MAX]; /* NAME=UPSTREAM */
        size_t n_hosts;
        char *user, *password;
        Config *config;
} Setup;

void setup_done(Setup *s);

/* setup-doors.c: who has the ports that hagw needs is told before anything is written, and a resolver of the
 * house gets hagw beside it. -EADDRINUSE: the owner wants to make room first. Told. */
int setup_check_doors(Setup *s);

/* Takes the options, and asks for what is missing. Told. */
int setup_gather(Setup *s);

/* Would the schema take the value of a setting? Says why not. */
int setup_check_value(ConfScope scope, const char *group, const char *name, const char *value);

/* What was chosen, into the text of a hagw.conf that is there and valid; config is what it says. Told. */
int setup_edit_text(const Setup *s, const Config *config, char **text);

/* The steps that attach takes as well; each is told. */
void setup_pause(uint64_t usec);
int setup_make_folders(const char *dir);
int setup_judge_hosts(const Setup *s, const Config *config); /* nothing is written */
int setup_write_hosts(const Setup *s, const Config *config);
int setup_make_user(const Setup *s);

/* A line for the person, not with --json. */
void setup_say(const Setup *s, const char *format, ...) _printf_(2, 3);

/* What to enter at the DNS provider for a zone. ipv4, ipv6: the public addresses, or NULL. */
void setup_say_records(const Setup *s, const ConfZone *zone, const char *ipv4, const char *ipv6);

/* What is left to do outside of this machine. */
void setup_say_next(const Setup *s);
