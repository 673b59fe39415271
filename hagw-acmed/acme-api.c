/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* JSON to and from the certificate authority. What it says is checked here once: types, lengths, URLs,
 * tokens. */

#include <stdio.h>
#include <systemd/sd-json.h>

#include "hagw-acmed/acme-api.h"
#include "libhagw/json.h"
#include "libhagw/pure/hostname.h"

#define SUBPROBLEMS_MAX 10U
#define DETAIL_MAX 500 /* bytes, each */

/* Whoever answers with what is no answer, or with 5xx, has not refused anything (RFC 9110 section 15.6). */
static int set_trouble(AcmeAnswer *a, const char *type, const char *what) {
        return acme_problem_set(&a->problem, type,
                                "The certificate authority is in trouble (HTTP status %u): %s",
                                a->http_status, what);
}

static int malformed(AcmeAnswer *a, const char *what) {
        char text[200];

        (void) snprintf(text, sizeof(text), "its answer cannot be used, for %s", what);
        return set_trouble(a, ACME_PROBLEM_MALFORMED, text);
}

/* 0: taken or absent; -EBADMSG: no URL we would go to. */
static int take_url(sd_json_variant *v, const char *key, char **ret) {
        const char *s = json_string(v, key);

        if (!s)
                return sd_json_variant_is_object(v) && sd_json_variant_by_key(v, key) ? -EBADMSG : 0;
        if (!acme_url_is_valid(s))
                return -EBADMSG;
        *ret = strdup(s);
        return *ret ? 0 : -ENOMEM;
}

static int take_string(sd_json_variant *v, const char *key, char **ret) {
        const char *s = json_string(v, key);

        if (!s)
                return 0;
        *ret = strdup(s);
        return *ret ? 0 : -ENOMEM;
}

static const char *problem_type(sd_json_variant *v) {
        const char *type = json_string(v, "type");

        return type ? startswith(type, "urn:ietf:params:acme:error:") ?: type : "unknown";
}

/* " (NAME: DETAIL; NAME: DETAIL)" (RFC 8555 section 6.7.1), or "". */
static int subproblems_format(sd_json_variant *v, char **ret) {
        sd_json_variant *list = sd_json_variant_by_key(v, "subproblems");
        _cleanup_free_ char *text = strdup("");

        if (!text)
                return -ENOMEM;
        for (size_t i = 0; list && sd_json_variant_is_array(list) &&
                           i < MIN(sd_json_variant_elements(list), SUBPROBLEMS_MAX);
             i++) {
                sd_json_variant *sub = sd_json_variant_by_index(list, i), *id;
                const char *detail = json_string(sub, "detail"), *name;
                char *longer;

                if (!detail)
                        continue;
                id = sd_json_variant_by_key(sub, "identifier");
                name = id ? json_string(id, "value") : NULL;
                if (asprintf(&longer, "%s%s%.255s%s%.*s", text, *text ? "; " : " (", strempty(name),
                             name ? ": " : "", DETAIL_MAX, detail) < 0)
                        return -ENOMEM;
                free(text);
                text = longer;
        }
        if (asprintf(ret, "%s%s", text, *text ? ")" : "") < 0)
                return -ENOMEM;
        return 0;
}

static int take_problem(sd_json_variant *v, AcmeProblem *ret) {
        _cleanup_free_ char *sub = NULL;
        const char *detail;
        int r;

        if (!v || !sd_json_variant_is_object(v))
                return 0;
        r = subproblems_format(v, &sub);
        if (r < 0)
                return r;
        detail = json_string(v, "detail") ?: json_string(v, "title") ?: "no reason was given";
        return acme_problem_set(ret, problem_type(v), "%.*s%s [%.100s]", DETAIL_MAX, detail, sub,
                                problem_type(v));
}

static int take_status(sd_json_variant *v, AcmeStatus *ret) {
        const char *s = json_string(v, "status");
        AcmeStatus status = s ? acme_status_from_string(s) : _ACME_STATUS_INVALID;

        if (status < 0)
                return -EBADMSG;
        *ret = status;
        return 0;
}

/* What stands in a CAA record for this authority (RFC 8555 section 7.1.1): the first, where it is a name. */
static int take_caa_issuer(sd_json_variant *meta, char **ret) {
        sd_json_variant *list = sd_json_variant_by_key(meta, "caaIdentities"), *first;
        char name[HOSTNAME_MAX + 1];

        first = list && sd_json_variant_is_array(list) ? sd_json_variant_by_index(list, 0) : NULL;
        if (!first || !sd_json_variant_is_string(first) ||
            hostname_normalize(sd_json_variant_string(first), strlen(sd_json_variant_string(first)), name) <
                    0)
                return 0;
        *ret = strdup(name);
        return *ret ? 0 : -ENOMEM;
}

/* What cannot be a setting's value is nothing that anybody could ask for. */
static int take_profiles(sd_json_variant *meta, AcmeDirectory *d) {
        sd_json_variant *map = sd_json_variant_by_key(meta, "profiles");
        size_t n = 0;

        if (!map || !sd_json_variant_is_object(map))
                return 0;
        for (size_t i = 0; i < sd_json_variant_elements(map) && n < ACME_PROFILES_MAX; i += 2) {
                const char *name = sd_json_variant_string(sd_json_variant_by_index(map, i));

                if (!acme_profile_is_valid(name))
                        continue;
                d->profiles[n] = strdup(name);
                if (!d->profiles[n++])
                        return -ENOMEM;
        }
        return 0;
}

static int parse_directory(sd_json_variant *v, AcmeAnswer *a) {
        AcmeDirectory *d = &a->directory;
        sd_json_variant *meta, *required;
        int r;

        if ((r = take_url(v, "newNonce", &d->new_nonce)) < 0 ||
            (r = take_url(v, "newAccount", &d->new_account)) < 0 ||
            (r = take_url(v, "newOrder", &d->new_order)) < 0 ||
            (r = take_url(v, "renewalInfo", &d->renewal_info)) < 0 ||
            (r = take_url(v, "keyChange", &d->key_change)) < 0 ||
            (r = take_url(v, "revokeCert", &d->revoke)) < 0)
                return r;
        meta = sd_json_variant_by_key(v, "meta");
        if (meta && !sd_json_variant_is_object(meta))
                meta = NULL;
        if (meta && ((r = take_caa_issuer(meta, &d->caa_issuer)) < 0 || (r = take_profiles(meta, d)) < 0))
                return r;
        required = meta ? sd_json_variant_by_key(meta, "externalAccountRequired") : NULL;
        d->external_account_required = required && sd_json_variant_is_boolean(required) &&
                                       sd_json_variant_boolean(required);
        return d->new_nonce && d->new_account && d->new_order ? 0 : -EBADMSG;
}

/* Only for people: what is none is left out. */
static int take_contacts(sd_json_variant *v, char ***ret) {
        sd_json_variant *list = sd_json_variant_by_key(v, "contact");
        size_t n = 0;

        if (!list || !sd_json_variant_is_array(list) || sd_json_variant_elements(list) == 0)
                return 0;
        *ret = calloc(ACME_CONTACTS_MAX + 1, sizeof(**ret));
        if (!*ret)
                return -ENOMEM;
        for (size_t i = 0; i < sd_json_variant_elements(list) && n < ACME_CONTACTS_MAX; i++) {
                sd_json_variant *item = sd_json_variant_by_index(list, i);

                if (!sd_json_variant_is_string(item) || strlen(sd_json_variant_string(item)) > ACME_URL_MAX)
                        continue;
                (*ret)[n] = strdup(sd_json_variant_string(item));
                if (!(*ret)[n++])
                        return -ENOMEM;
        }
        return 0;
}

static int parse_account(sd_json_variant *v, AcmeAnswer *a) {
        int r;

        r = take_status(v, &a->account.status);
        if (r >= 0)
                r = take_contacts(v, &a->account.contacts);
        if (r < 0)
                return r;
        if (a->account.status == ACME_STATUS_VALID)
                return 0;
        return acme_problem_set(&a->problem, "unauthorized", "The account is %s",
                                acme_status_to_string(a->account.status));
}

/* Host names compare without case; the authority may echo ours in another. */
static void lower(char *s) {
        for (; *s; s++)
                if (*s >= 'A' && *s <= 'Z')
                        *s += 'a' - 'A';
}

static int take_identifier(sd_json_variant *v, char **ret) {
        const char *type = json_string(v, "type"), *value = json_string(v, "value");

        if (!type || !value || !streq(type, "dns"))
                return -EBADMSG;
        *ret = strdup(value);
        if (!*ret)
                return -ENOMEM;
        lower(*ret);
        return 0;
}

static int take_url_item(sd_json_variant *v, char **ret) {
        if (!sd_json_variant_is_string(v) || !acme_url_is_valid(sd_json_variant_string(v)))
                return -EBADMSG;
        *ret = strdup(sd_json_variant_string(v));
        return *ret ? 0 : -ENOMEM;
}

/* An array of 1 to ACME_NAMES_MAX items, to a NULL-terminated list. */
static int take_list(sd_json_variant *v, const char *key, int (*take)(sd_json_variant *, char **),
                     char ***ret) {
        sd_json_variant *list = sd_json_variant_by_key(v, key);
        char **l;
        size_t n;
        int r;

        if (!list || !sd_json_variant_is_array(list))
                return -EBADMSG;
        n = sd_json_variant_elements(list);
        if (n == 0 || n > ACME_NAMES_MAX)
                return -EBADMSG;
        *ret = l = calloc(n + 1, sizeof(*l));
        if (!l)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                r = take(sd_json_variant_by_index(list, i), &l[i]);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int parse_order(sd_json_variant *v, AcmeAnswer *a) {
        AcmeOrder *o = &a->order;
        int r;

        if ((r = take_status(v, &o->status)) < 0 ||
            (r = take_list(v, "identifiers", take_identifier, &o->identifiers)) < 0 ||
            (r = take_list(v, "authorizations", take_url_item, &o->authorizations)) < 0 ||
            (r = take_url(v, "finalize", &o->finalize)) < 0 ||
            (r = take_url(v, "certificate", &o->certificate)) < 0 ||
            (r = take_string(v, "profile", &o->profile)) < 0 ||
            (r = take_problem(sd_json_variant_by_key(v, "error"), &o->problem)) < 0)
                return r;
        return o->finalize ? 0 : -EBADMSG;
}

static int take_challenge(sd_json_variant *v, AcmeChallenge *c) {
        int r;

        if (!sd_json_variant_is_object(v))
                return -EBADMSG;
        if ((r = take_string(v, "type", &c->type)) < 0 || (r = take_url(v, "url", &c->url)) < 0 ||
            (r = take_string(v, "token", &c->token)) < 0 || (r = take_status(v, &c->status)) < 0 ||
            (r = take_problem(sd_json_variant_by_key(v, "error"), &c->problem)) < 0)
                return r;
        if (!c->type || !c->url)
                return -EBADMSG;
        /* The token becomes part of a DNS value and of a path: nothing but base64url gets any further. */
        return !c->token || acme_token_is_valid(c->token) ? 0 : -EBADMSG;
}

static int parse_authorization(sd_json_variant *v, AcmeAnswer *a) {
        sd_json_variant *identifier = sd_json_variant_by_key(v, "identifier"), *wildcard, *list;
        AcmeAuthorization *z = &a->authorization;
        int r;

        if (!identifier)
                return -EBADMSG;
        if ((r = take_status(v, &z->status)) < 0 || (r = take_identifier(identifier, &z->identifier)) < 0)
                return r;
        wildcard = sd_json_variant_by_key(v, "wildcard");
        z->wildcard = wildcard && sd_json_variant_is_boolean(wildcard) && sd_json_variant_boolean(wildcard);
        list = sd_json_variant_by_key(v, "challenges");
        if (!list || !sd_json_variant_is_array(list) || sd_json_variant_elements(list) > ACME_CHALLENGES_MAX)
                return -EBADMSG;
        for (size_t i = 0; i < sd_json_variant_elements(list); i++) {
                z->n_challenges++;
                r = take_challenge(sd_json_variant_by_index(list, i), &z->challenges[i]);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int parse_renewal_info(sd_json_variant *v, AcmeAnswer *a) {
        sd_json_variant *window = sd_json_variant_by_key(v, "suggestedWindow");
        const char *start = window ? json_string(window, "start") : NULL,
                   *end = window ? json_string(window, "end") : NULL;

        if (!start || !end || acme_time_parse(start, &a->renewal_info.start_usec) < 0 ||
            acme_time_parse(end, &a->renewal_info.end_usec) < 0)
                return -EBADMSG;
        return a->renewal_info.start_usec < a->renewal_info.end_usec ? 0 : -EBADMSG;
}

static int parse_challenge(sd_json_variant *v, AcmeAnswer *a) {
        a->authorization.n_challenges = 1;
        return take_challenge(v, &a->authorization.challenges[0]);
}

static const struct {
        const char *name;
        int (*parse)(sd_json_variant *v, AcmeAnswer *a);
} objects[_ACME_OBJECT_MAX] = {
        [ACME_DIRECTORY] = { "a directory", parse_directory },
        [ACME_ACCOUNT] = { "an account", parse_account },
        [ACME_ORDER] = { "an order", parse_order },
        [ACME_AUTHORIZATION] = { "an authorization", parse_authorization },
        [ACME_CHALLENGE] = { "a challenge", parse_challenge },
        [ACME_CHAIN] = { "a certificate chain", NULL },
        [ACME_RENEWAL_INFO] = { "renewal information", parse_renewal_info },
        [ACME_NOTHING] = { "nothing", NULL },
};

static bool is_type(const char *content_type, const char *wanted) {
        size_t n = strlen(wanted);

        return content_type && strncasecmp(content_type, wanted, n) == 0 && strchr("; \t", content_type[n]);
}

static int parse_json(const char *body, size_t size, sd_json_variant **ret) {
        if (memchr(body, '\0', size))
                return -EBADMSG;
        int r = sd_json_parse(body, /* flags= */ 0, ret, /* reterr_line= */ NULL, /* reterr_column= */ NULL);
        if (r >= 0 && !sd_json_variant_is_object(*ret))
                return -EBADMSG;
        return r == -ENOMEM ? r : r < 0 ? -EBADMSG : 0;
}

static int parse_problem(const char *content_type, const char *body, size_t size, AcmeProblem *ret) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;
        int r;

        r = is_type(content_type, "application/problem+json") ? parse_json(body, size, &v) : -EBADMSG;
        return r < 0 ? r : take_problem(v, ret);
}

static int parse_error(const char *content_type, const char *body, size_t size, AcmeAnswer *a) {
        _cleanup_(acme_problem_done) AcmeProblem p = {};
        int r;

        r = parse_problem(content_type, body, size, &p);
        if (r < 0 && r != -EBADMSG)
                return r;
        if (a->http_status / 100 != 4)
                return set_trouble(a, p.type ?: ACME_PROBLEM_MALFORMED,
                                   p.text ?: "it gives no reason that can be read");
        if (p.type) {
                a->problem = TAKE_GENERIC(p, (AcmeProblem) {});
                return 0;
        }
        return acme_problem_set(&a->problem, ACME_PROBLEM_MALFORMED,
                                "The certificate authority refuses, without a reason that can be read (HTTP "
                                "status %u)", a->http_status);
}

int acme_parse(AcmeObject expect, const char *content_type, const char *body, size_t size, AcmeAnswer *a) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;
        char what[100];
        int r;

        a->object = expect;
        if (a->http_status / 100 != 2)
                return parse_error(content_type, body, size, a);
        if (expect == ACME_NOTHING)
                return 0;
        if (expect == ACME_CHAIN) {
                if (!is_type(content_type, "application/pem-certificate-chain") || size > ACME_CHAIN_MAX ||
                    memchr(body, '\0', size))
                        return malformed(a, "it is no certificate chain");
                a->chain = strndup(body, size);
                return a->chain ? 0 : -ENOMEM;
        }
        if (!is_type(content_type, "application/json"))
                return malformed(a, "it is not JSON");
        r = parse_json(body, size, &v);
        if (r >= 0)
                r = objects[expect].parse(v, a);
        if (r != -EBADMSG)
                return r;
        (void) snprintf(what, sizeof(what), "it is not %s as RFC 8555 or RFC 9773 describe it",
                        objects[expect].name);
        return malformed(a, what);
}
