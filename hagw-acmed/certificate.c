/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One certificate. No I/O; hagw-acmed has one thread. */

#include "hagw-acmed/account.h"
#include "hagw-acmed/certificate.h"
#include "hagw-acmed/chain.h"
#include "hagw-acmed/schedule.h"
#include "libhagw/json.h"
#include "libhagw/log.h"
#include "libhagw/pure/strv.h"

static const char *const states[_CERTIFICATE_STATE_MAX] = {
        [CERTIFICATE_WAITING] = "waiting", [CERTIFICATE_ORDERING] = "ordering",
        [CERTIFICATE_VALID] = "valid",     [CERTIFICATE_EXPIRING] = "expiring",
        [CERTIFICATE_EXPIRED] = "expired", [CERTIFICATE_KEYLESS] = "keyless",
        [CERTIFICATE_FAILED] = "failed",
};

const char *certificate_state_to_string(CertificateState s) {
        return s >= 0 && s < _CERTIFICATE_STATE_MAX ? states[s] : NULL;
}

int certificate_new(const char *name, char *const *names, Certificate **ret) {
        _cleanup_(certificate_freep) Certificate *c = calloc(1, sizeof(*c));

        if (!c)
                return -ENOMEM;
        c->due_usec = UINT64_MAX;
        c->revoke = REVOKE_NONE;
        c->name = strdup(name);
        c->names = strv_copy(names);
        if (!c->name || !c->names)
                return -ENOMEM;
        *ret = TAKE_PTR(c);
        return 0;
}

Certificate *certificate_free(Certificate *c) {
        if (!c)
                return NULL;
        free(c->name);
        strv_free(c->names);
        free(c->key_id);
        free(c->chain);
        free(c->directory);
        free(c->account);
        free(c->pending_key_id);
        tries_list_done(&c->tries);
        free(c->renewal_id);
        formers_done(&c->formers);
        free(c);
        return NULL;
}

void certificate_clamp(Certificate *c, uint64_t now_usec) {
        tries_list_clamp(&c->tries, now_usec);
        c->advice_usec = MIN(c->advice_usec, now_usec + SCHEDULE_ADVICE_MAX_USEC);
        if (c->shouted_usec > now_usec)
                c->shouted_usec = 0;
        /* A renewal is as far ahead as the certificate lives; what is not there is due. */
        if (c->due_usec != UINT64_MAX)
                c->due_usec = MIN(c->due_usec, c->chain ? certificate_get_renewal(c) : now_usec);
}

int certificate_set_chain(Certificate *c, const char *pem, const char *key_id, uint64_t now_usec) {
        _cleanup_free_ char *chain_copy = NULL, *key_copy = NULL;
        _cleanup_chain_ Chain chain = {};
        const char *reason;
        int r;

        r = chain_parse(pem, &chain, &reason);
        if (r < 0)
                return r;
        chain_copy = strdup(pem);
        key_copy = strdup(key_id);
        if (!chain_copy || !key_copy)
                return -ENOMEM;
        if (!c->names[0]) {
                strv_free(c->names);
                c->names = TAKE_PTR(chain.names);
        }
        free(c->chain);
        free(c->key_id);
        free(c->renewal_id);
        c->chain = TAKE_PTR(chain_copy);
        c->key_id = TAKE_PTR(key_copy);
        c->key_state = KEY_STATE_PRESUMED;
        c->renewal_id = TAKE_PTR(chain.renewal_id);
        c->not_before_usec = chain.not_before_usec;
        c->not_after_usec = chain.not_after_usec;
        c->window_start_usec = c->window_end_usec = c->renewal_usec = 0;
        c->advice_usec = now_usec;
        c->shouted_usec = 0;
        c->revoked_usec = 0;
        c->revoke = REVOKE_NONE;
        return 0;
}

/* Makes a former one of what there is, where that matters. Returns 1 where it did. */
static int certificate_leave_chain(const Certificate *c, Formers *to, uint64_t now_usec) {
        _cleanup_free_ char *leaf = NULL;
        int r;

        formers_prune(to, now_usec);
        if (!c->chain || c->revoked_usec > 0 || now_usec >= c->not_after_usec)
                return 0;
        r = chain_get_leaf(c->chain, &leaf);
        if (r >= 0)
                r = formers_add(to, &(Former) { leaf, c->key_id, c->directory, c->account, c->not_after_usec,
                                                c->revoke });
        return r < 0 ? r : 1;
}

int certificate_renew_chain(Certificate *c, const char *chain, const char *key_id, uint64_t now_usec) {
        int r, left = certificate_leave_chain(c, &c->formers, now_usec);

        r = left < 0 ? left : certificate_set_chain(c, chain, key_id, now_usec);
        if (r < 0 && left > 0)
                formers_remove(&c->formers, c->formers.n - 1);
        return r;
}

int certificate_hand_over(const Certificate *c, Certificate *to, uint64_t now_usec) {
        int r = 0;

        formers_done(&to->formers);
        for (size_t i = 0; r >= 0 && i < c->formers.n; i++)
                r = formers_add(&to->formers, &c->formers.items[i]);
        if (r >= 0)
                r = certificate_leave_chain(c, &to->formers, now_usec);
        return MIN(r, 0);
}

void certificate_want_revoked(Certificate *c, int reason, uint64_t now_usec) {
        formers_prune(&c->formers, now_usec);
        if (c->chain && c->revoked_usec == 0 && now_usec < c->not_after_usec)
                c->revoke = reason;
        for (size_t i = 0; i < c->formers.n; i++)
                c->formers.items[i].revoke = reason;
        c->revoke_next_usec = 0;
        c->revoke_failures = 0;
}

void certificate_give_up_revoking(Certificate *c, const char *directory) {
        if (!c->directory || streq(c->directory, directory))
                c->revoke = REVOKE_NONE;
        for (size_t i = 0; i < c->formers.n; i++)
                if (!c->formers.items[i].directory || streq(c->formers.items[i].directory, directory))
                        c->formers.items[i].revoke = REVOKE_NONE;
}

bool certificate_is_revoking(const Certificate *c) {
        for (size_t i = 0; i < c->formers.n; i++)
                if (c->formers.items[i].revoke != REVOKE_NONE)
                        return true;
        return c->revoke != REVOKE_NONE;
}

bool certificate_is_orderable(const Certificate *c) {
        return c->wanted && !c->imported && c->way != PROOF_NONE;
}

uint64_t certificate_get_renewal(const Certificate *c) {
        return c->renewal_usec > 0 ? c->renewal_usec
                                   : schedule_renewal(c->not_before_usec, c->not_after_usec);
}

uint64_t certificate_get_life(const Certificate *c) {
        return c->not_after_usec - c->not_before_usec;
}

uint64_t certificate_get_next_of(const Certificate *c, AuthorityRank rank) {
        /* Without its key it is as good as none: the fallback does not wait for its end. */
        return tries_list_get_next(&c->tries, rank, c->due_usec,
                                   c->key_state == KEY_STATE_GONE ? 0 : c->not_after_usec);
}

uint64_t certificate_get_next(const Certificate *c) {
        uint64_t next = UINT64_MAX;

        for (AuthorityRank rank = 0; rank < _AUTHORITY_RANK_MAX; rank++)
                next = MIN(next, certificate_get_next_of(c, rank));
        return next;
}

int certificate_describe_error(const Certificate *c, char **ret) {
        *ret = NULL;
        return c->error ? string_replace(ret, c->error) : tries_list_describe(&c->tries, ret);
}

uint64_t certificate_get_alarm(const Certificate *c) {
        if (c->imported || !c->wanted)
                return schedule_alarm_imported(c->not_before_usec, c->not_after_usec);
        return schedule_alarm(certificate_get_renewal(c), c->not_after_usec);
}

static CertificateState certificate_find_state(const Certificate *c, uint64_t now_usec) {
        if (!c->chain)
                return c->ordering                           ? CERTIFICATE_ORDERING
                       : tries_list_failures(&c->tries) > 0  ? CERTIFICATE_FAILED
                       : tries_list_has_order(&c->tries)     ? CERTIFICATE_ORDERING
                       : c->error || tries_list_has_error(&c->tries) ? CERTIFICATE_FAILED
                                                             : CERTIFICATE_WAITING;
        if (c->key_state == KEY_STATE_GONE)
                return CERTIFICATE_KEYLESS;
        if (now_usec >= c->not_after_usec)
                return CERTIFICATE_EXPIRED;
        return now_usec >= certificate_get_alarm(c) ? CERTIFICATE_EXPIRING : CERTIFICATE_VALID;
}

static void certificate_set_state(Certificate *c, CertificateState state) {
        log_debug("Certificate %s: %s → %s", c->name, states[c->state], states[state]);
        c->state = state;
}

bool certificate_update_state(Certificate *c, uint64_t now_usec) {
        CertificateState state = certificate_find_state(c, now_usec);

        if (state == c->state)
                return false;
        certificate_set_state(c, state);
        return true;
}

void certificate_ask_key(Certificate *c) {
        if (c->chain && c->key_state == KEY_STATE_PRESUMED)
                c->key_state = KEY_STATE_ASKED;
}

bool certificate_judge_key(Certificate *c, bool there) {
        const bool gone = c->key_state == KEY_STATE_GONE;

        if (c->key_state == KEY_STATE_PRESUMED)
                return false;
        c->key_state = there ? KEY_STATE_PRESUMED : KEY_STATE_GONE;
        return there == gone;
}

uint64_t certificate_next_change(const Certificate *c, uint64_t now_usec) {
        if (!c->chain || now_usec >= c->not_after_usec)
                return UINT64_MAX;
        return now_usec < certificate_get_alarm(c) ? certificate_get_alarm(c) : c->not_after_usec;
}

int certificate_to_record(const Certificate *c, sd_json_variant **ret) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *tries = NULL, *formers = NULL;
        int r;

        r = tries_list_to_json(&c->tries, &tries);
        if (r >= 0)
                r = formers_to_json(&c->formers, &formers);
        if (r < 0)
                return r;
        return sd_json_buildo(
                ret, SD_JSON_BUILD_PAIR("name", SD_JSON_BUILD_STRING(c->name)),
                SD_JSON_BUILD_PAIR("names", SD_JSON_BUILD_STRV(c->names)),
                SD_JSON_BUILD_PAIR("imported", SD_JSON_BUILD_BOOLEAN(c->imported)),
                JSON_PAIR_IF_SET("chain", c->chain),
                JSON_PAIR_IF_SET("keyId", c->key_id),
                JSON_PAIR_IF_SET("directory", c->directory),
                JSON_PAIR_IF_SET("account", c->account),
                JSON_PAIR_IF_SET("pendingKeyId", c->pending_key_id),
                SD_JSON_BUILD_PAIR_CONDITION(c->due_usec != UINT64_MAX, "dueUSec",
                                             SD_JSON_BUILD_UNSIGNED(c->due_usec)),
                SD_JSON_BUILD_PAIR("tries", SD_JSON_BUILD_VARIANT(tries)),
                SD_JSON_BUILD_PAIR_CONDITION(!!formers, "formers", SD_JSON_BUILD_VARIANT(formers)),
                SD_JSON_BUILD_PAIR_CONDITION(c->revoked_usec > 0, "revokedUSec",
                                             SD_JSON_BUILD_UNSIGNED(c->revoked_usec)),
                SD_JSON_BUILD_PAIR_CONDITION(c->revoke != REVOKE_NONE, "revoke",
                                             SD_JSON_BUILD_INTEGER(c->revoke)),
                SD_JSON_BUILD_PAIR("windowStartUSec", SD_JSON_BUILD_UNSIGNED(c->window_start_usec)),
                SD_JSON_BUILD_PAIR("windowEndUSec", SD_JSON_BUILD_UNSIGNED(c->window_end_usec)),
                SD_JSON_BUILD_PAIR("renewalUSec", SD_JSON_BUILD_UNSIGNED(c->renewal_usec)),
                SD_JSON_BUILD_PAIR("adviceUSec", SD_JSON_BUILD_UNSIGNED(c->advice_usec)));
}

typedef struct Record {
        const char *name, *chain, *key_id;
        char **names;
        char *directory, *account, *pending_key_id;
        bool imported;
        uint64_t due_usec, window_start_usec, window_end_usec, renewal_usec, advice_usec, revoked_usec;
        sd_json_variant *tries, *formers;
        int revoke;
} Record;

static void record_done(Record *r) {
        strv_free(r->names);
        free(r->directory);
        free(r->account);
        free(r->pending_key_id);
}

static const sd_json_dispatch_field record_table[] = {
        FIELD_STRING("name", Record, name),
        FIELD_STRV("names", Record, names),
        FIELD_BOOL("imported", Record, imported, 0),
        FIELD_STRING("chain", Record, chain, 0),
        FIELD_STRING("keyId", Record, key_id, 0),
        FIELD_COPY("directory", Record, directory, 0),
        FIELD_COPY("account", Record, account, 0),
        FIELD_COPY("pendingKeyId", Record, pending_key_id, 0),
        FIELD_UINT64("dueUSec", Record, due_usec, 0),
        FIELD("tries", _SD_JSON_VARIANT_TYPE_INVALID, sd_json_dispatch_variant_noref, Record, tries,
              sd_json_variant *, 0),
        FIELD_UINT64("windowStartUSec", Record, window_start_usec, 0),
        FIELD_UINT64("windowEndUSec", Record, window_end_usec, 0),
        FIELD_VARIANT("formers", ARRAY, Record, formers, 0),
        FIELD_UINT64("revokedUSec", Record, revoked_usec, 0),
        FIELD_INT("revoke", Record, revoke, 0),
        FIELD_UINT64("renewalUSec", Record, renewal_usec, 0),
        FIELD_UINT64("adviceUSec", Record, advice_usec, 0),
        {},
};

int certificate_from_record(sd_json_variant *v, Certificate **ret) {
        _cleanup_(record_done) Record record = { .due_usec = UINT64_MAX, .revoke = REVOKE_NONE };
        _cleanup_(certificate_freep) Certificate *c = NULL;
        int r;

        r = sd_json_dispatch(v, record_table, SD_JSON_ALLOW_EXTENSIONS, &record);
        if (r < 0)
                return r == -ENOMEM ? r : -EBADMSG;
        if (!record.names || !record.names[0] || !record.chain != !record.key_id)
                return -EBADMSG;
        r = certificate_new(record.name, record.names, &c);
        if (r < 0)
                return r;
        if (record.chain) {
                r = certificate_set_chain(c, record.chain, record.key_id, /* now_usec= */ 0);
                if (r < 0)
                        return r;
        }
        r = tries_list_from_json(record.tries, &c->tries);
        if (r < 0)
                return r;
        r = record.formers ? formers_from_json(record.formers, &c->formers) : 0;
        if (r < 0)
                return r;
        c->directory = TAKE_PTR(record.directory);
        c->account = TAKE_PTR(record.account);
        c->pending_key_id = TAKE_PTR(record.pending_key_id);
        c->revoked_usec = record.revoked_usec;
        c->revoke = record.revoke;
        c->imported = record.imported;
        c->due_usec = record.due_usec;
        c->window_start_usec = record.window_start_usec;
        c->window_end_usec = record.window_end_usec;
        c->renewal_usec = record.renewal_usec;
        c->advice_usec = record.advice_usec;
        *ret = TAKE_PTR(c);
        return 0;
}

/* From the authority that is asked when the first cannot be had. */
static bool certificate_is_from_fallback(const Certificate *c) {
        const Tries *t = tries_list_find_const(&c->tries, AUTHORITY_FALLBACK);

        return t && streq_ptr(t->directory, c->directory);
}

int certificate_to_json(const Certificate *c, uint64_t limit_usec, sd_json_variant **ret) {
        const uint64_t next_usec = certificate_get_next(c), unreached_usec = tries_list_unreached(&c->tries);
        const unsigned port = unreached_usec > 0 && certificate_is_orderable(c) ? proof_way_port(c->way) : 0;
        _cleanup_free_ char *error = NULL;
        int r;

        r = certificate_describe_error(c, &error);
        if (r < 0)
                return r;
        return sd_json_buildo(
                ret, SD_JSON_BUILD_PAIR("name", SD_JSON_BUILD_STRING(c->name)),
                SD_JSON_BUILD_PAIR("names", SD_JSON_BUILD_STRV(c->names)),
                SD_JSON_BUILD_PAIR("state", SD_JSON_BUILD_STRING(states[c->state])),
                SD_JSON_BUILD_PAIR("ordering", SD_JSON_BUILD_BOOLEAN(c->ordering)),
                SD_JSON_BUILD_PAIR("source", SD_JSON_BUILD_STRING(c->imported ? "imported" : "acme")),
                SD_JSON_BUILD_PAIR("wanted", SD_JSON_BUILD_BOOLEAN(c->wanted)),
                JSON_PAIR_IF_SET("keyId", c->key_id),
                JSON_PAIR_IF_SET("chain", c->chain),
                SD_JSON_BUILD_PAIR_CONDITION(!!c->chain, "notBeforeUSec",
                                             SD_JSON_BUILD_UNSIGNED(c->not_before_usec)),
                SD_JSON_BUILD_PAIR_CONDITION(!!c->chain, "notAfterUSec",
                                             SD_JSON_BUILD_UNSIGNED(c->not_after_usec)),
                SD_JSON_BUILD_PAIR_CONDITION(c->chain && c->directory && !c->imported, "directory",
                                             SD_JSON_BUILD_STRING(c->directory)),
                SD_JSON_BUILD_PAIR_CONDITION(c->chain && certificate_is_from_fallback(c), "fallback",
                                             SD_JSON_BUILD_BOOLEAN(true)),
                SD_JSON_BUILD_PAIR_CONDITION(next_usec != UINT64_MAX, "nextUSec",
                                             SD_JSON_BUILD_UNSIGNED(next_usec)),
                SD_JSON_BUILD_PAIR_CONDITION(limit_usec > 0 && certificate_is_orderable(c), "limitUSec",
                                             SD_JSON_BUILD_UNSIGNED(limit_usec)),
                JSON_PAIR_IF_SET("error", error),
                SD_JSON_BUILD_PAIR_CONDITION(port > 0, "unreachedPort", SD_JSON_BUILD_UNSIGNED(port)),
                SD_JSON_BUILD_PAIR_CONDITION(port > 0, "unreachedUSec",
                                             SD_JSON_BUILD_UNSIGNED(unreached_usec)),
                SD_JSON_BUILD_PAIR_CONDITION(c->revoked_usec > 0, "revokedUSec",
                                             SD_JSON_BUILD_UNSIGNED(c->revoked_usec)),
                SD_JSON_BUILD_PAIR("revoking", SD_JSON_BUILD_BOOLEAN(certificate_is_revoking(c))),
                SD_JSON_BUILD_PAIR("failures", SD_JSON_BUILD_UNSIGNED(tries_list_failures(&c->tries))));
}
