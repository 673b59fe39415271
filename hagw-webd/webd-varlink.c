/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* io.hagw.Web: sessions for hagw-proxyd and hagw-ctl, HTTP-01 answers for hagw-acmed. Main thread only. */

#include <stdio.h>

#include "hagw-webd/store.h"
#include "hagw-webd/user-varlink.h"
#include "hagw-webd/webd-varlink.h"
#include "libhagw/log.h"
#include "libhagw/pure/hostname.h"
#include "libhagw/pure/plural.h"
#include "libhagw/pure/strv.h"
#include "libhagw/usec.h"

#define ERROR(name) "io.hagw.Web." name

static const sd_json_dispatch_field nothing[] = { {} };

typedef struct CheckParameters {
        const char *secret, *kind, *host, *address;
        bool relayed;
} CheckParameters;

static int check_session(Manager *m, const CheckParameters *p, Session **ret) {
        char name[HOSTNAME_MAX + 1];
        IpAddress a;
        Session *s;

        if (hostname_normalize(p->host, strlen(p->host), name) < 0)
                return -EINVAL;
        s = manager_find_session(m, p->secret, name, streq(p->kind, "token"));
        if (!s)
                return -ENOENT;
        if (ip_parse(p->address, &a) >= 0 && !streq(s->address, p->address)) {
                char *copy = strdup(p->address);
                if (!copy)
                        return -ENOMEM;
                free(s->address);
                s->address = copy;
        }
        s->relayed = p->relayed;
        session_touch(s, manager_now(m));
        m->sessions_dirty = true;
        *ret = s;
        return 0;
}

static int vl_method_check_session(sd_varlink *link, sd_json_variant *parameters,
                                   sd_varlink_method_flags_t flags, void *userdata) {
        static const sd_json_dispatch_field table[] = {
                { "secret", SD_JSON_VARIANT_STRING, sd_json_dispatch_const_string,
                  offsetof(CheckParameters, secret), SD_JSON_MANDATORY },
                { "kind", SD_JSON_VARIANT_STRING, sd_json_dispatch_const_string,
                  offsetof(CheckParameters, kind), SD_JSON_MANDATORY },
                { "host", SD_JSON_VARIANT_STRING, sd_json_dispatch_const_string,
                  offsetof(CheckParameters, host), SD_JSON_MANDATORY },
                { "address", SD_JSON_VARIANT_STRING, sd_json_dispatch_const_string,
                  offsetof(CheckParameters, address), SD_JSON_MANDATORY },
                { "relayed", SD_JSON_VARIANT_BOOLEAN, sd_json_dispatch_stdbool,
                  offsetof(CheckParameters, relayed), SD_JSON_NULLABLE },
                {},
        };
        CheckParameters p = {};
        Manager *m = userdata;
        Session *s;
        int r;

        r = vl_check_peer(link, VL_PEER_PROXYD);
        if (r != 0)
                return r;
        (void) sd_varlink_set_input_sensitive(link);
        r = sd_varlink_dispatch(link, parameters, table, &p);
        if (r != 0)
                return r;
        if (!streq(p.kind, "cookie") && !streq(p.kind, "token"))
                return sd_varlink_error_invalid_parameter_name(link, "kind");
        r = check_session(m, &p, &s);
        if (r == -ENOMEM)
                return sd_varlink_error_errno(link, r);
        if (r < 0)
                return sd_varlink_error(link, ERROR("NoSuchSession"), NULL);
        return sd_varlink_replybo(
                link, SD_JSON_BUILD_PAIR("user", SD_JSON_BUILD_STRING(s->user)),
                SD_JSON_BUILD_PAIR("sessionId", SD_JSON_BUILD_STRING(s->id)),
                SD_JSON_BUILD_PAIR("allowed", SD_JSON_BUILD_BOOLEAN(manager_may_pass(m, s))),
                SD_JSON_BUILD_PAIR("validUSec", SD_JSON_BUILD_UNSIGNED(session_valid_usec(
                                                        &m->sessions, s, manager_now(m)))));
}

static int living_sessions(Manager *m, sd_json_variant **ret) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;
        int r;

        (void) session_prune(&m->sessions, manager_now(m));
        r = sd_json_variant_new_array(&v, NULL, 0);
        for (size_t i = 0; i < m->sessions.n && r >= 0; i++)
                if (manager_may_pass(m, m->sessions.items[i]))
                        r = sd_json_variant_append_arrayb(&v,
                                                          SD_JSON_BUILD_STRING(m->sessions.items[i]->id));
        if (r >= 0)
                *ret = TAKE_PTR(v);
        return r;
}

static int vl_method_watch_revocations(sd_varlink *link, sd_json_variant *parameters,
                                       sd_varlink_method_flags_t flags, void *userdata) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *first = NULL, *living = NULL;
        Manager *m = userdata;
        int r;

        r = vl_check_peer(link, VL_PEER_PROXYD);
        if (r != 0)
                return r;
        r = sd_varlink_dispatch(link, parameters, nothing, NULL);
        if (r != 0)
                return r;
        if (!(flags & SD_VARLINK_METHOD_MORE))
                return sd_varlink_error(link, SD_VARLINK_ERROR_EXPECTED_MORE, NULL);
        r = living_sessions(m, &living);
        if (r < 0)
                return r;
        r = sd_json_buildo(&first, SD_JSON_BUILD_PAIR("sessionIds", SD_JSON_BUILD_EMPTY_ARRAY),
                           SD_JSON_BUILD_PAIR("livingIds", SD_JSON_BUILD_VARIANT(living)));
        if (r < 0)
                return r;
        return vl_stream_add(&m->revocations, link, first);
}

/* Is sent without waiting for an answer. */
static int vl_method_note_use(sd_varlink *link, sd_json_variant *parameters, sd_varlink_method_flags_t flags,
                              void *userdata) {
        static const sd_json_dispatch_field table[] = {
                { "sessionIds", SD_JSON_VARIANT_ARRAY, sd_json_dispatch_strv, 0, SD_JSON_MANDATORY },
                {},
        };
        _cleanup_(strv_freep) char **ids = NULL;
        int r;

        r = vl_check_peer(link, VL_PEER_PROXYD);
        if (r != 0)
                return r;
        r = sd_varlink_dispatch(link, parameters, table, &ids);
        if (r != 0)
                return r;
        manager_note_use(userdata, ids);
        return flags & SD_VARLINK_METHOD_ONEWAY ? 0 : sd_varlink_reply(link, NULL);
}

static int append_session(sd_json_variant **v, const SessionTable *t, const Session *s) {
        return sd_json_variant_append_arraybo(
                v, SD_JSON_BUILD_PAIR("id", SD_JSON_BUILD_STRING(s->id)),
                SD_JSON_BUILD_PAIR("user", SD_JSON_BUILD_STRING(s->user)),
                SD_JSON_BUILD_PAIR("host", SD_JSON_BUILD_STRING(s->host)),
                SD_JSON_BUILD_PAIR("address", SD_JSON_BUILD_STRING(s->address)),
                SD_JSON_BUILD_PAIR("userAgent", SD_JSON_BUILD_STRING(s->agent)),
                SD_JSON_BUILD_PAIR("createdUSec", SD_JSON_BUILD_UNSIGNED(s->created_usec)),
                SD_JSON_BUILD_PAIR("lastUsedUSec", SD_JSON_BUILD_UNSIGNED(s->used_usec)),
                SD_JSON_BUILD_PAIR_CONDITION(!s->lasting, "expiresUSec",
                                             SD_JSON_BUILD_UNSIGNED(session_expires_usec(t, s))));
}

static int vl_method_list_sessions(sd_varlink *link, sd_json_variant *parameters,
                                   sd_varlink_method_flags_t flags, void *userdata) {
        static const sd_json_dispatch_field table[] = {
                { "user", SD_JSON_VARIANT_STRING, sd_json_dispatch_const_string, 0, SD_JSON_NULLABLE }, {},
        };
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;
        const char *user = NULL;
        Manager *m = userdata;
        int r;

        r = vl_check_peer(link, VL_PEER_ROOT);
        if (r != 0)
                return r;
        r = sd_varlink_dispatch(link, parameters, table, &user);
        if (r != 0)
                return r;
        if (user && !user_find(&m->users, user))
                return sd_varlink_errorbo(link, ERROR("NoSuchUser"),
                                          SD_JSON_BUILD_PAIR("name", SD_JSON_BUILD_STRING(user)));
        if (session_prune(&m->sessions, manager_now(m)) > 0)
                manager_update_status(m);
        r = sd_json_variant_new_array(&v, NULL, 0);
        for (size_t i = 0; i < m->sessions.n && r >= 0; i++)
                if (!user || streq(m->sessions.items[i]->user, user))
                        r = append_session(&v, &m->sessions, m->sessions.items[i]);
        if (r < 0)
                return sd_varlink_error_errno(link, r);
        return sd_varlink_replybo(link, SD_JSON_BUILD_PAIR("sessions", SD_JSON_BUILD_VARIANT(v)));
}

static int vl_method_revoke_session(sd_varlink *link, sd_json_variant *parameters,
                                    sd_varlink_method_flags_t flags, void *userdata) {
        static const sd_json_dispatch_field table[] = {
                { "id", SD_JSON_VARIANT_STRING, sd_json_dispatch_const_string, 0, SD_JSON_NULLABLE },
                { "user", SD_JSON_VARIANT_STRING, sd_json_dispatch_const_string, sizeof(char *),
                  SD_JSON_NULLABLE },
                {},
        };
        const char *p[2] = {};
        Manager *m = userdata;
        size_t n;
        int r;

        r = vl_check_peer(link, VL_PEER_ROOT);
        if (r != 0)
                return r;
        r = sd_varlink_dispatch(link, parameters, table, p);
        if (r != 0)
                return r;
        /* Neither would be everybody, and is more likely a mistake. */
        if (!p[0] && !p[1])
                return sd_varlink_error_invalid_parameter_name(link, "id");
        r = manager_end_sessions(m, p[0], p[1], &n);
        if (r < 0)
                return sd_varlink_error_errno(link, r);
        if (n == 0 && p[0])
                return sd_varlink_error(link, ERROR("NoSuchSession"), NULL);
        if (n > 0) {
                manager_update_status(m);
                log_info("%zu %s revoked.", n, plural(n, "session was", "sessions were"));
        }
        return sd_varlink_replybo(link, SD_JSON_BUILD_PAIR("revoked", SD_JSON_BUILD_UNSIGNED(n)));
}

static int append_refusal(sd_json_variant **v, const Refusal *f, uint64_t now_usec) {
        const bool others = f->network.address.family == AF_UNSPEC;
        const RefusalCount c = refusal_hour(f, now_usec);
        char address[IP_TEXT_MAX], network[IP_TEXT_MAX + 8];

        if (!others)
                (void) snprintf(network, sizeof(network), "%s/%u", ip_format(&f->network.address, address),
                                f->network.prefix);
        return sd_json_variant_append_arraybo(
                v, SD_JSON_BUILD_PAIR_CONDITION(f->account[0], "user", SD_JSON_BUILD_STRING(f->account)),
                SD_JSON_BUILD_PAIR_CONDITION(!others, "network", SD_JSON_BUILD_STRING(network)),
                SD_JSON_BUILD_PAIR("wrong", SD_JSON_BUILD_UNSIGNED(c.wrong)),
                SD_JSON_BUILD_PAIR("early", SD_JSON_BUILD_UNSIGNED(c.early)));
}

static int vl_method_list_refusals(sd_varlink *link, sd_json_variant *parameters,
                                   sd_varlink_method_flags_t flags, void *userdata) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;
        const uint64_t now = clock_usec(CLOCK_MONOTONIC);
        const Refusal *list[REFUSALS_MAX + 1];
        Manager *m = userdata;
        size_t n;
        int r;

        r = vl_check_peer(link, VL_PEER_ROOT);
        if (r != 0)
                return r;
        r = sd_varlink_dispatch(link, parameters, nothing, NULL);
        if (r != 0)
                return r;
        r = sd_json_variant_new_array(&v, NULL, 0);
        n = refusals_list(&m->audit.refusals, now, list);
        for (size_t i = 0; i < n && r >= 0; i++)
                r = append_refusal(&v, list[i], now);
        if (r < 0)
                return sd_varlink_error_errno(link, r);
        return sd_varlink_replybo(link, SD_JSON_BUILD_PAIR("refusals", SD_JSON_BUILD_VARIANT(v)));
}

static bool label_is_valid(const char *s) {
        size_t n = strlen(s);

        for (size_t i = 0; i < n; i++)
                if (s[i] < 0x20 || s[i] > 0x7e)
                        return false;
        return n > 0 && n <= SESSION_AGENT_MAX;
}

static int vl_method_add_token(sd_varlink *link, sd_json_variant *parameters,
                               sd_varlink_method_flags_t flags, void *userdata) {
        static const sd_json_dispatch_field table[] = {
                { "user", SD_JSON_VARIANT_STRING, sd_json_dispatch_const_string, 0, SD_JSON_MANDATORY },
                { "host", SD_JSON_VARIANT_STRING, sd_json_dispatch_const_string, sizeof(char *),
                  SD_JSON_MANDATORY },
                { "label", SD_JSON_VARIANT_STRING, sd_json_dispatch_const_string, 2 * sizeof(char *),
                  SD_JSON_MANDATORY },
                {},
        };
        char token[TOKEN_LENGTH + 1], host[HOSTNAME_MAX + 1];
        const char *p[3] = {};
        Manager *m = userdata;
        Session *s;
        int r;

        r = vl_check_peer(link, VL_PEER_ROOT);
        if (r != 0)
                return r;
        r = sd_varlink_dispatch(link, parameters, table, p);
        if (r != 0)
                return r;
        if (!user_find(&m->users, p[0]))
                return sd_varlink_errorbo(link, ERROR("NoSuchUser"),
                                          SD_JSON_BUILD_PAIR("name", SD_JSON_BUILD_STRING(p[0])));
        if (hostname_normalize(p[1], strlen(p[1]), host) < 0 || !config_find_host(m->config, host))
                return sd_varlink_error_invalid_parameter_name(link, "host");
        if (!label_is_valid(p[2]))
                return sd_varlink_error_invalid_parameter_name(link, "label");
        r = manager_new_session(m, p[0], host, /* address= */ "", p[2], /* lasting= */ true, token, &s);
        if (r == -E2BIG)
                return sd_varlink_errorbo(
                        link, ERROR("Full"), SD_JSON_BUILD_PAIR("what", SD_JSON_BUILD_STRING("tokens")),
                        SD_JSON_BUILD_PAIR("limit", SD_JSON_BUILD_UNSIGNED(SESSIONS_LASTING_MAX)));
        if (r >= 0) {
                r = store_sessions(m);
                if (r < 0)
                        session_end(&m->sessions, s);
        }
        if (r < 0)
                return sd_varlink_error_errno(link, r);
        manager_update_status(m);
        log_info("A token for %s at %s was made: %s.", s->user, s->host, s->agent);
        r = sd_varlink_replybo(link, SD_JSON_BUILD_PAIR("token", SD_JSON_BUILD_STRING(token)),
                               SD_JSON_BUILD_PAIR("sessionId", SD_JSON_BUILD_STRING(s->id)),
                               SD_JSON_BUILD_PAIR("allowed", SD_JSON_BUILD_BOOLEAN(manager_may_pass(m, s))));
        explicit_bzero(token, sizeof(token));
        return r;
}

static int vl_method_publish_challenge(sd_varlink *link, sd_json_variant *parameters,
                                       sd_varlink_method_flags_t flags, void *userdata) {
        static const sd_json_dispatch_field table[] = {
                { "token", SD_JSON_VARIANT_STRING, sd_json_dispatch_const_string, 0, SD_JSON_MANDATORY },
                { "keyAuthorization", SD_JSON_VARIANT_STRING, sd_json_dispatch_const_string, sizeof(char *),
                  SD_JSON_MANDATORY },
                {},
        };
        const char *p[2] = {};
        Manager *m = userdata;
        int r;

        r = vl_check_peer(link, VL_PEER_ACMED);
        if (r != 0)
                return r;
        r = sd_varlink_dispatch(link, parameters, table, p);
        if (r != 0)
                return r;
        r = challenge_publish(&m->challenges, p[0], p[1], clock_usec(CLOCK_MONOTONIC));
        if (r == -EINVAL)
                return sd_varlink_errorbo(link, ERROR("BadChallenge"),
                                          SD_JSON_BUILD_PAIR("token", SD_JSON_BUILD_STRING(p[0])));
        if (r == -E2BIG)
                return sd_varlink_errorbo(
                        link, ERROR("Full"), SD_JSON_BUILD_PAIR("what", SD_JSON_BUILD_STRING("challenges")),
                        SD_JSON_BUILD_PAIR("limit", SD_JSON_BUILD_UNSIGNED(CHALLENGES_MAX)));
        if (r < 0)
                return sd_varlink_error_errno(link, r);
        return sd_varlink_reply(link, NULL);
}

static int vl_method_withdraw_challenge(sd_varlink *link, sd_json_variant *parameters,
                                        sd_varlink_method_flags_t flags, void *userdata) {
        static const sd_json_dispatch_field table[] = {
                { "token", SD_JSON_VARIANT_STRING, sd_json_dispatch_const_string, 0, SD_JSON_MANDATORY }, {},
        };
        const char *token = NULL;
        Manager *m = userdata;
        int r;

        r = vl_check_peer(link, VL_PEER_ACMED);
        if (r != 0)
                return r;
        r = sd_varlink_dispatch(link, parameters, table, &token);
        if (r != 0)
                return r;
        challenge_withdraw(&m->challenges, token);
        return sd_varlink_reply(link, NULL);
}

const VlMethod webd_methods[] = {
        { "io.hagw.Web.ListUsers", vl_method_list_users },
        { "io.hagw.Web.AddUser", vl_method_add_user },
        { "io.hagw.Web.SetPassword", vl_method_set_password },
        { "io.hagw.Web.SetUser", vl_method_set_user },
        { "io.hagw.Web.RemoveUser", vl_method_remove_user },
        { "io.hagw.Web.CheckSession", vl_method_check_session },
        { "io.hagw.Web.NoteUse", vl_method_note_use },
        { "io.hagw.Web.WatchRevocations", vl_method_watch_revocations },
        { "io.hagw.Web.ListSessions", vl_method_list_sessions },
        { "io.hagw.Web.RevokeSession", vl_method_revoke_session },
        { "io.hagw.Web.ListRefusals", vl_method_list_refusals },
        { "io.hagw.Web.AddToken", vl_method_add_token },
        { "io.hagw.Web.PublishChallenge", vl_method_publish_challenge },
        { "io.hagw.Web.WithdrawChallenge", vl_method_withdraw_challenge },
        {},
};
