/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-webd/audit.h"
#include "hagw-webd/challenge.h"
#include "hagw-webd/hash.h"
#include "hagw-webd/session.h"
#include "hagw-webd/throttle.h"
#include "hagw-webd/token.h"
#include "hagw-webd/users.h"
#include "libhagw/daemon.h"
#include "libhagw/pure/clockmark.h"
#include "libhagw/usec.h"

/* What hagw-webd holds, and what happens to it. Main thread only. */

typedef struct Http Http;
typedef struct GatherSlot GatherSlot;
typedef struct RouteTable RouteTable;

typedef struct Manager {
        Daemon *daemon;
        sd_event *event;
        const Config *config; /* the daemon's; replaced at each reload */
        int state_fd;         /* the state directory */
        UserTable users;
        SessionTable sessions;
        ClockMark clock;
        bool users_dirty, sessions_dirty, key_dirty; /* differ from what is stored; see store.h */
        Throttle throttle;
        Audit audit;
        ChallengeTable challenges;
        HashPool *hashes;
        Http *http;
        const RouteTable *routes; /* the pages */
        GatherSlot *metrics, *status; /* questions to the other daemons that are under way */
        uint8_t form_key[TOKEN_KEY_SIZE];
        VlStream revocations;
        sd_event_source *housekeeping;
        char *notes; /* state that was broken and set aside, in words; NULL: none */
        struct {
                uint64_t logins, failures, throttled, busy, requests;
        } counts;
} Manager;

/* CLOCK_REALTIME. Whoever judges sessions asks here: when the clock was set, their times are set with it. */
uint64_t manager_now(Manager *m);

int manager_new(Daemon *daemon, const Config *config, const RouteTable *routes, void **ret);
void manager_drain(void *userdata);
int manager_reload(const Config *config, void *userdata);
/* Stores again what could not be stored. */
int manager_save(void *userdata);
int manager_metrics(sd_json_variant **metrics, void *userdata);
void *manager_free(void *userdata);

/* Begins a session. token: room for TOKEN_LENGTH + 1; its secret. -E2BIG: too many lasting ones. */
int manager_new_session(Manager *m, const char *user, const char *host, const char *address,
                        const char *agent, bool lasting, char *token, Session **ret);
/* The live session behind a cookie's value at a host, or a token where it is a lasting one; or NULL. */
Session *manager_find_session(Manager *m, const char *secret, const char *host, bool lasting);
/* May this session's user pass at its host? */
bool manager_may_pass(const Manager *m, const Session *s);
/* Is the user known to come from the network of this address (a living session was last used there)? What a
 * relay says of addresses counts for nothing: it could make one known. */
bool manager_knows_address(const Manager *m, const char *user, const IpAddress *address);
/* Makes proxyd ask again about all sessions (user NULL) or a user's: their rights changed. */
void manager_ask_again(Manager *m, const char *user);
/* Ends sessions as session_end_matching() does, on disk too. A negative errno: they have ended all the same,
 * and a restart could bring them back. *ret_n: how many, in any case; may be NULL. */
int manager_end_sessions(Manager *m, const char *id, const char *user, size_t *ret_n);
/* Something passed lately by the sessions with these public ids. */
void manager_note_use(Manager *m, char *const *ids);
void manager_update_status(Manager *m);
