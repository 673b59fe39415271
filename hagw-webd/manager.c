/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The manager: starts the parts, keeps the state stored and the sessions pruned, tells proxyd of sessions
 * that end. Main thread only. */

#include <fcntl.h>
#include <time.h>

#include "hagw-webd/gather.h"
#include "hagw-webd/http.h"
#include "hagw-webd/manager.h"
#include "hagw-webd/store.h"
#include "libhagw/log.h"
#include "libhagw/pure/plural.h"
#include "libhagw/usec.h"

#define HOUSEKEEPING_USEC (5 * USEC_PER_MINUTE)
#define SOCKET_NAME "web"

void manager_update_status(Manager *m) {
        daemon_set_status(m->daemon, "%zu %s, %zu %s%s%s", m->users.n, PLURAL(m->users.n, "user"),
                          m->sessions.n, PLURAL(m->sessions.n, "session"),
                          m->notes ? "; " : "", strempty(m->notes));
}

/* ids: the list, of which nothing is told where it is empty. cut: who is in goes, and not only who comes
 * next. */
static void announce(Manager *m, sd_json_variant *ids, bool cut) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;
        int r;

        if (sd_json_variant_elements(ids) == 0)
                return;
        r = sd_json_buildo(&v, SD_JSON_BUILD_PAIR("sessionIds", SD_JSON_BUILD_VARIANT(ids)),
                           SD_JSON_BUILD_PAIR_CONDITION(cut, "cut", SD_JSON_BUILD_BOOLEAN(true)));
        if (r < 0)
                (void) log_error_errno(r, "Could not tell that a session ended: %m");
        else
                vl_stream_send(&m->revocations, v);
}

static void append_id(sd_json_variant **ids, const Session *s) {
        int r = sd_json_variant_append_arrayb(ids, SD_JSON_BUILD_STRING(s->id));

        if (r < 0)
                (void) log_error_errno(r, "Could not tell that session %s ended: %m", s->id);
}

static void on_session_end(const Session *s, void *userdata) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *ids = NULL;
        Manager *m = userdata;

        m->sessions_dirty = true;
        append_id(&ids, s);
        announce(m, ids, /* cut= */ true);
}

uint64_t manager_now(Manager *m) {
        const uint64_t now = clock_usec(CLOCK_REALTIME);
        const int64_t jump = clock_mark_look(&m->clock, now, clock_usec(CLOCK_BOOTTIME));

        if (jump != 0) {
                log_info("The clock was set by %lld seconds: sessions are as old as before.",
                         (long long) (jump / (int64_t) USEC_PER_SEC));
                session_shift(&m->sessions, jump);
                session_clamp(&m->sessions, now);
                m->sessions_dirty = true;
        }
        return now;
}

void manager_ask_again(Manager *m, const char *user) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *may = NULL, *may_not = NULL;

        for (size_t i = 0; i < m->sessions.n; i++) {
                const Session *s = m->sessions.items[i];

                if (!user || streq(s->user, user))
                        append_id(manager_may_pass(m, s) ? &may : &may_not, s);
        }
        announce(m, may_not, /* cut= */ true);
        announce(m, may, /* cut= */ false);
}

int manager_end_sessions(Manager *m, const char *id, const char *user, size_t *ret_n) {
        const size_t n = session_end_matching(&m->sessions, id, user);
        int r = 0;

        /* Also what an earlier call ended and could not store: its caller tries again. */
        if (m->sessions_dirty)
                r = store_sessions(m);
        if (ret_n)
                *ret_n = n;
        return MIN(r, 0);
}

void manager_note_use(Manager *m, char *const *ids) {
        uint64_t now = manager_now(m);

        for (; ids && *ids; ids++) {
                Session *s = session_find_id(&m->sessions, *ids);

                if (!s)
                        continue;
                session_touch(s, now);
                m->sessions_dirty = true;
        }
}

/* When the next session ends, and now and then: what it has open ends with it, at once. */
static int keep_house_in_time(Manager *m) {
        uint64_t now = manager_now(m), end = session_next_end_usec(&m->sessions);
        int r;

        if (!m->housekeeping)
                return 0;
        r = sd_event_source_set_time_relative(m->housekeeping,
                                              MIN(end > now ? end - now : 0, HOUSEKEEPING_USEC));
        return r < 0 ? r : sd_event_source_set_enabled(m->housekeeping, SD_EVENT_ONESHOT);
}

int manager_new_session(Manager *m, const char *user, const char *host, const char *address,
                        const char *agent, bool lasting, char *token, Session **ret) {
        uint64_t now = manager_now(m);
        uint8_t hash[TOKEN_HASH_SIZE];
        int r = -EEXIST;

        /* The public id is short: another one where it is taken. */
        for (unsigned i = 0; i < 16 && r == -EEXIST; i++) {
                r = token_new(token);
                if (r >= 0)
                        r = token_hash(token, hash);
                if (r >= 0)
                        r = session_add(&m->sessions, hash, user, host, address, agent, now, now, lasting,
                                        ret);
        }
        if (r >= 0)
                (void) keep_house_in_time(m);
        return r;
}

Session *manager_find_session(Manager *m, const char *secret, const char *host, bool lasting) {
        uint8_t hash[TOKEN_HASH_SIZE];
        Session *s;

        if (!secret || !token_is_well_formed(secret) || token_hash(secret, hash) < 0)
                return NULL;
        s = session_find(&m->sessions, hash, manager_now(m));
        /* A service that sees the cookie of its own host must not be able to use it at another one. A token
         * as a cookie's value would be sent by browsers for any page; a cookie's value as a token would be
         * known to more than its flags allow. */
        return s && streq(s->host, host) && s->lasting == lasting ? s : NULL;
}

bool manager_may_pass(const Manager *m, const Session *s) {
        const User *u = user_find(&m->users, s->user);

        return u && user_may_reach(u, config_find_host(m->config, s->host), s->host);
}

bool manager_knows_address(const Manager *m, const char *user, const IpAddress *address) {
        size_t bytes = address->family == AF_INET ? 4 : 8;

        for (size_t i = 0; i < m->sessions.n; i++) {
                const Session *s = m->sessions.items[i];
                IpAddress a;
                if (streq(s->user, user) && !s->relayed && ip_parse(s->address, &a) >= 0 &&
                    a.family == address->family && memcmp(a.bytes, address->bytes, bytes) == 0)
                        return true;
        }
        return false;
}

static int on_housekeeping(sd_event_source *source, uint64_t usec, void *userdata) {
        Manager *m = userdata;

        if (session_prune(&m->sessions, manager_now(m)) > 0)
                manager_update_status(m);
        (void) store_flush(m);
        return keep_house_in_time(m);
}

static void apply_config(Manager *m, const Config *config) {
        m->config = config;
        m->sessions.idle_usec = config->login.idle_usec + SESSION_USE_LAG_USEC;
        m->sessions.absolute_usec = config->login.absolute_usec;
        m->throttle.attempts = config->login.attempts;
}

static int open_state(Manager *m) {
        const char *dir = daemon_state_dir();

        if (!dir)
                return log_error_errno(ENOENT,
                                       "There is no state directory; systemd makes it (StateDirectory=).");
        m->state_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return m->state_fd < 0 ? log_error_errno(errno, "Could not open %s: %m", dir) : 0;
}

static int start_parts(Manager *m) {
        int fd, r;

        if (daemon_listen_fds(SOCKET_NAME, &fd, 1) != 1)
                return log_error_errno(ENOTCONN, "One socket named \"%s\" must be handed in; "
                                       "systemd does it through hagw-webd-web.socket.", SOCKET_NAME);
        r = hash_pool_new(&m->hashes, m->event);
        if (r < 0)
                return log_error_errno(r, "Could not start the hashing threads: %m");
        m->metrics = calloc(1, sizeof(*m->metrics));
        m->status = calloc(1, sizeof(*m->status));
        if (!m->metrics || !m->status)
                return -ENOMEM;
        r = audit_new(&m->audit, m->event);
        if (r < 0)
                return r;
        r = http_new(&m->http, m, fd);
        if (r < 0)
                return log_error_errno(r, "Could not start the HTTP server: %m");
        return sd_event_add_time_relative(m->event, &m->housekeeping, CLOCK_BOOTTIME, HOUSEKEEPING_USEC,
                                          /* accuracy= */ USEC_PER_SEC / 4, on_housekeeping, m);
}

int manager_new(Daemon *daemon, const Config *config, const RouteTable *routes, void **ret) {
        Manager *m;
        int r;

        m = calloc(1, sizeof(*m));
        if (!m)
                return -ENOMEM;
        m->daemon = daemon;
        m->routes = routes;
        m->event = daemon_event(daemon);
        m->state_fd = -EBADF;
        apply_config(m, config);
        r = open_state(m);
        if (r >= 0)
                r = store_load(m);
        if (r >= 0)
                r = start_parts(m);
        if (r < 0) {
                manager_free(m);
                return r;
        }
        /* Only from here: what was pruned while loading was nobody's. */
        m->sessions.on_end = on_session_end;
        m->sessions.userdata = m;
        session_clamp(&m->sessions, manager_now(m));
        (void) session_prune(&m->sessions, manager_now(m));
        (void) keep_house_in_time(m);
        manager_update_status(m);
        *ret = m;
        return 0;
}

int manager_reload(const Config *config, void *userdata) {
        Manager *m = userdata;

        apply_config(m, config);
        if (session_prune(&m->sessions, manager_now(m)) > 0)
                manager_update_status(m);
        manager_ask_again(m, /* user= */ NULL);
        return keep_house_in_time(m);
}

static void on_drained(Manager *m) {
        daemon_finish(m->daemon);
}

void manager_drain(void *userdata) {
        Manager *m = userdata;

        if (m->http)
                http_drain(m->http, on_drained);
        else
                daemon_finish(m->daemon);
}

void *manager_free(void *userdata) {
        Manager *m = userdata;

        if (!m)
                return NULL;
        /* First what requests wait for: they are resumed. */
        m->hashes = hash_pool_free(m->hashes);
        m->metrics = gather_slot_free(m->metrics);
        m->status = gather_slot_free(m->status);
        m->http = http_free(m->http);
        if (m->state_fd >= 0)
                (void) store_flush(m);
        sd_event_source_disable_unref(m->housekeeping);
        vl_stream_done(&m->revocations);
        session_table_done(&m->sessions);
        user_table_done(&m->users);
        throttle_done(&m->throttle);
        audit_done(&m->audit);
        challenge_table_done(&m->challenges);
        (void) safe_close(m->state_fd);
        explicit_bzero(m->form_key, sizeof(m->form_key));
        free(m->notes);
        free(m);
        return NULL;
}

/* In the last hour, and by how many accounts and networks. */
static size_t count_refusals(const Manager *m, size_t *ret) {
        const Refusal *list[REFUSALS_MAX + 1];
        const uint64_t now = clock_usec(CLOCK_MONOTONIC);
        size_t n = refusals_list(&m->audit.refusals, now, list);

        *ret = 0;
        for (size_t i = 0; i < n; i++)
                *ret += refusal_hour(list[i], now).wrong + refusal_hour(list[i], now).early;
        return n;
}

int manager_metrics(sd_json_variant **metrics, void *userdata) {
        const Manager *m = userdata;
        size_t refused, refused_kinds = count_refusals(m, &refused);
        const struct {
                const char *name;
                bool counter;
                const char *help;
                double value;
        } rows[] = {
                { "logins", true, "Logins that succeeded", m->counts.logins },
                { "login_failures", true, "Logins with a wrong name or password", m->counts.failures },
                { "login_throttled", true, "Logins refused before the password was looked at",
                  m->counts.throttled },
                { "login_refused_hour", false, "Logins refused in the last hour, for either reason",
                  (double) refused },
                { "login_refused_sources", false, "Accounts and networks that these were for and from",
                  (double) refused_kinds },
                { "login_busy", true, "Logins refused because too many were under way", m->counts.busy },
                { "password_hashes", true, "Password hashes computed", hash_pool_count(m->hashes) },
                { "password_hashes_waiting", false, "Password hashes that wait for a thread",
                  hash_pool_waiting(m->hashes) },
                { "pages", true, "Requests for pages", m->counts.requests },
                { "sessions", false, "Login sessions", m->sessions.n },
                { "users", false, "Users", m->users.n },
        };
        int r;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                r = metrics_append(metrics, rows[i].name, rows[i].counter, rows[i].help, rows[i].value,
                                   /* labels= */ NULL);
                if (r < 0)
                        return r;
        }
        return 0;
}

int manager_save(void *userdata) {
        return store_flush(userdata);
}
