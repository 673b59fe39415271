/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* io.hagw.Web: sessions for hagw-proxyd and hagw-ctl, HTTP-01 answers for hagw-acmed. Main thread only. */

#include <stdio.h>

#include "hagw-webd/store.h"
#include "hagw-webd/webd-varlink.h"
#include "libhagw/log.h"
#include "libhagw/pure/hostname.h"
#include "libhagw/pure/plural.h"
#include "libhagw/pure/strv.h"
#include "libhagw/statefault.h"
#include "libhagw/usec.h"

#define ERROR(name) "io.hagw.Web." name

int reply_not_stored(sd_varlink *link, int error) {
        _cleanup_free_ char *reason = state_fault_text(daemon_state_dir());

        return sd_varlink_errorbo(
                link, ERROR("NotStored"),
                SD_JSON_BUILD_PAIR("reason", SD_JSON_BUILD_STRING(reason ?: strerrordesc_np(-error))));
}

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

static int vl_method_check_session(sd_varlink *link, void *parameters, unsigned flags, void *userdata) {
        const CheckParameters *p = parameters;
        Manager *m = userdata;
        Session *s;
        int r;

        if (!streq(p->kind, "cookie") && !streq(p->kind, "token"))
                return sd_varlink_error_invalid_parameter_name(link, "kind");
        r = check_session(m, p, &s);
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

static int vl_method_watch_revocations(sd_varlink *link, void *parameters, unsigned flags, void *userdata) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *first = NULL, *living = NULL;
        Manager *m = userdata;
        int r;

        if (!(flags & SD_VARLINK_METHOD_MORE))
                return sd_varlink_error(link, SD_VARLINK_ERROR_EXPECTED_MORE, NULL);
        r = living_sessions(m, &living);
        if (r < 0)
                return r;
        r = sd_json_buildo(&first, SD_JSON_BUILD_PAIR("sessionIds", SD_JSON_BUILD_EMPTY_ARRAY),
                           SD_JSON_BUILD_PAIR("livingIds", SD_JSON_BUILD_VARIANT(living)));
        if (r < 0)
                return r;
        return vl_stream_answer(&m->revocations, link, flags, first);
}

typedef struct NoteUseParameters {
        char **ids;
} NoteUseParameters;

/* Is sent without waiting for an answer. */
static int vl_method_note_use(sd_varlink *link, void *parameters, unsigned flags, void *userdata) {
        const NoteUseParameters *p = parameters;

        manager_note_use(userdata, p->ids);
        return flags & SD_VARLINK_METHOD_ONEWAY ? 0 : sd_varlink_reply(link, NULL);
}

typedef struct SessionParameters {
        const char *id, *user;
} SessionParameters;

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

static int vl_method_list_sessions(sd_varlink *link, void *parameters, unsigned flags, void *userdata) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;
        const char *user = ((const SessionParameters *) parameters)->user;
        Manager *m = userdata;
        int r;

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

static int vl_method_revoke_session(sd_varlink *link, void *parameters, unsigned flags, void *userdata) {
        const SessionParameters *p = parameters;
        Manager *m = userdata;
        size_t n;
        int r;

        /* Neither would be everybody, and is more likely a mistake. */
        if (!p->id && !p->user)
                return sd_varlink_error_invalid_parameter_name(link, "id");
        r = manager_end_sessions(m, p->id, p->user, &n);
        if (n > 0) {
                manager_update_status(m);
                log_info("%zu %s revoked.", n, plural(n, "session was", "sessions were"));
        }
        if (r < 0)
                return reply_not_stored(link, r);
        if (n == 0 && p->id)
                return sd_varlink_error(link, ERROR("NoSuchSession"), NULL);
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

static int vl_method_list_refusals(sd_varlink *link, void *parameters, unsigned flags, void *userdata) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;
        const uint64_t now = clock_usec(CLOCK_MONOTONIC);
        const Refusal *list[REFUSALS_MAX + 1];
        Manager *m = userdata;
        size_t n;
        int r;

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

typedef struct TokenParameters {
        const char *user, *host, *label;
} TokenParameters;

static int vl_method_add_token(sd_varlink *link, void *parameters, unsigned flags, void *userdata) {
        char token[TOKEN_LENGTH + 1], host[HOSTNAME_MAX + 1];
        const TokenParameters *p = parameters;
        Manager *m = userdata;
        Session *s;
        int r;

        if (!user_find(&m->users, p->user))
                return sd_varlink_errorbo(link, ERROR("NoSuchUser"),
                                          SD_JSON_BUILD_PAIR("name", SD_JSON_BUILD_STRING(p->user)));
        if (hostname_normalize(p->host, strlen(p->host), host) < 0 || !config_find_host(m->config, host))
                return sd_varlink_error_invalid_parameter_name(link, "host");
        if (!label_is_valid(p->label))
                return sd_varlink_error_invalid_parameter_name(link, "label");
        r = manager_new_session(m, p->user, host, /* address= */ "", p->label, /* lasting= */ true, token,
                                &s);
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

typedef struct ChallengeParameters {
        const char *token, *key_authorization;
} ChallengeParameters;

static int vl_method_publish_challenge(sd_varlink *link, void *parameters, unsigned flags, void *userdata) {
        const ChallengeParameters *p = parameters;
        Manager *m = userdata;
        int r;

        r = challenge_publish(&m->challenges, p->token, p->key_authorization, clock_usec(CLOCK_MONOTONIC));
        if (r == -EINVAL)
                return sd_varlink_errorbo(link, ERROR("BadChallenge"),
                                          SD_JSON_BUILD_PAIR("token", SD_JSON_BUILD_STRING(p->token)));
        if (r == -E2BIG)
                return sd_varlink_errorbo(
                        link, ERROR("Full"), SD_JSON_BUILD_PAIR("what", SD_JSON_BUILD_STRING("challenges")),
                        SD_JSON_BUILD_PAIR("limit", SD_JSON_BUILD_UNSIGNED(CHALLENGES_MAX)));
        if (r < 0)
                return sd_varlink_error_errno(link, r);
        return sd_varlink_reply(link, NULL);
}

static int vl_method_withdraw_challenge(sd_varlink *link, void *parameters, unsigned flags, void *userdata) {
        const ChallengeParameters *p = parameters;
        Manager *m = userdata;

        challenge_withdraw(&m->challenges, p->token);
        return sd_varlink_reply(link, NULL);
}

const VlMethod webd_methods[] = {
        { "io.hagw.Web.CheckSession", VL_PEER_PROXYD, vl_method_check_session,
          VL_PARAMETERS(CheckParameters,
                        FIELD_STRING("secret", CheckParameters, secret),
                        FIELD_STRING("kind", CheckParameters, kind),
                        FIELD_STRING("host", CheckParameters, host),
                        FIELD_STRING("address", CheckParameters, address),
                        FIELD_BOOL("relayed", CheckParameters, relayed, SD_JSON_NULLABLE)),
          .secret = true },
        { "io.hagw.Web.NoteUse", VL_PEER_PROXYD, vl_method_note_use,
          VL_PARAMETERS(NoteUseParameters, FIELD_STRV("sessionIds", NoteUseParameters, ids)) },
        { "io.hagw.Web.WatchRevocations", VL_PEER_PROXYD, vl_method_watch_revocations },
        { "io.hagw.Web.ListSessions", VL_PEER_ROOT, vl_method_list_sessions,
          VL_PARAMETERS(SessionParameters,
                        FIELD_STRING("user", SessionParameters, user, SD_JSON_NULLABLE)) },
        { "io.hagw.Web.RevokeSession", VL_PEER_ROOT, vl_method_revoke_session,
          VL_PARAMETERS(SessionParameters,
                        FIELD_STRING("id", SessionParameters, id, SD_JSON_NULLABLE),
                        FIELD_STRING("user", SessionParameters, user, SD_JSON_NULLABLE)) },
        { "io.hagw.Web.ListRefusals", VL_PEER_ROOT, vl_method_list_refusals },
        { "io.hagw.Web.AddToken", VL_PEER_ROOT, vl_method_add_token,
          VL_PARAMETERS(TokenParameters,
                        FIELD_STRING("user", TokenParameters, user),
                        FIELD_STRING("host", TokenParameters, host),
                        FIELD_STRING("label", TokenParameters, label)) },
        { "io.hagw.Web.PublishChallenge", VL_PEER_ACMED, vl_method_publish_challenge,
          VL_PARAMETERS(ChallengeParameters,
                        FIELD_STRING("token", ChallengeParameters, token),
                        FIELD_STRING("keyAuthorization", ChallengeParameters, key_authorization)) },
        { "io.hagw.Web.WithdrawChallenge", VL_PEER_ACMED, vl_method_withdraw_challenge,
          VL_PARAMETERS(ChallengeParameters, FIELD_STRING("token", ChallengeParameters, token)) },
        {},
};
