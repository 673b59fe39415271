/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-proxyd/snapshot/snapshot.h"
#include "libhagw/net/loop.h"

/* What is open is judged anew when what it was let in by has changed: the configuration, a session that has
 * ended, or whose a domain is. What would not be let in now is cut. Goes through the worker's connections
 * slice by slice. */

#define REVIEW_SLICE 128U /* connections of a turn */

typedef struct Conn Conn;
typedef struct Worker Worker;

typedef struct Review {
        Again again;
        Conn *next; /* to be looked at; NULL: none is under way */
        bool again_wanted; /* something has changed since this one began: another follows */
} Review;

void review_init(Worker *w);
/* Begins soon, or once more behind the one that is under way. */
void review_start(Worker *w);
/* The connection closes. */
void review_pass_over(Worker *w, const Conn *c);

/* Where s leads the visitor, who has been let in before; NULL: nowhere (any more). */
const Route *review_route(const Conn *c, const Snapshot *s);
/* Its name belongs to that house behind the relay. */
bool review_is_name_of(const Conn *c, const char *house);
/* Its requests went to a house whose its name is no more. */
bool review_leads_elsewhere(const Conn *c);
