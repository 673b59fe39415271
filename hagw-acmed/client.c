/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A conversation with a certificate authority. Main thread only. */

#include <stdio.h>

#include "hagw-acmed/acme-api.h"
#include "hagw-acmed/client.h"
#include "hagw-acmed/explain.h"
#include "libhagw/json.h"
#include "libhagw/log.h"
#include "libhagw/usec.h"
#include "libhagw/vl.h"

#define NONCE_RETRIES_MAX 20U
#define KEY_TIMEOUT_USEC (20 * USEC_PER_SEC)

struct AcmeClient {
        sd_event *event;
        Httpc *http;
        HttpRequest *request;
        VlRequest *signing;
        sd_event_source *failing; /* tells of a failure from the loop, so that the handler is never called
                                     from within post() */
        char *nonce;
        char *url, *payload, *key_id, *kid, *new_nonce;
        const char *method; /* static: hagw-keyd composes it, of: */
        sd_json_variant *parameters;
        AcmeObject expect;
        unsigned tries;
        char *failure;
        AcmeHandler handler;
        void *userdata;
};

static uint64_t requests;

uint64_t acme_client_get_requests(void) {
        return requests;
}

/* Less may be the network, and hurts nobody. */
#define CLOCK_TOLERANCE_USEC (5 * USEC_PER_MINUTE)

/* Kept against a clock that nobody sets: who sets ours right is believed at once. */
static int64_t authority_clock; /* how far it is ahead of CLOCK_BOOTTIME; 0: nobody was asked */

int64_t acme_client_get_clock_difference(void) {
        const int64_t difference = authority_clock + (int64_t) clock_usec(CLOCK_BOOTTIME) -
                                   (int64_t) clock_usec(CLOCK_REALTIME);

        return authority_clock != 0 && (difference > (int64_t) CLOCK_TOLERANCE_USEC ||
                                        -difference > (int64_t) CLOCK_TOLERANCE_USEC)
                       ? difference
                       : 0;
}

static void note_date(uint64_t date_usec) {
        if (date_usec > 0)
                authority_clock = (int64_t) date_usec - (int64_t) clock_usec(CLOCK_BOOTTIME);
}

static void client_forget_request(AcmeClient *c) {
        c->url = (free(c->url), NULL);
        c->payload = (free(c->payload), NULL);
        c->key_id = (free(c->key_id), NULL);
        c->kid = (free(c->kid), NULL);
        c->new_nonce = (free(c->new_nonce), NULL);
        c->method = NULL;
        c->parameters = sd_json_variant_unref(c->parameters);
        c->tries = 0;
}

int acme_client_new(AcmeClient **ret, sd_event *event, const char *ca_file) {
        _cleanup_(acme_client_freep) AcmeClient *c = calloc(1, sizeof(*c));
        int r;

        if (!c)
                return -ENOMEM;
        c->event = sd_event_ref(event);
        r = httpc_new(&c->http, event, ca_file);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(c);
        return 0;
}

AcmeClient *acme_client_free(AcmeClient *c) {
        if (!c)
                return NULL;
        client_forget_request(c);
        http_request_free(c->request);
        vl_request_free(c->signing);
        sd_event_source_disable_unref(c->failing);
        httpc_free(c->http);
        sd_event_unref(c->event);
        free(c->nonce);
        free(c->failure);
        free(c);
        return NULL;
}

static void client_answer(AcmeClient *c, AcmeAnswer *a) {
        AcmeHandler handler = c->handler;

        client_forget_request(c);
        handler(a, c->userdata);
}

static int on_failing(sd_event_source *s, void *userdata) {
        _cleanup_answer_ AcmeAnswer a = {};
        AcmeClient *c = userdata;

        c->failing = sd_event_source_disable_unref(c->failing);
        (void) acme_problem_set(&a.problem, ACME_PROBLEM_UNREACHABLE, "%s", strempty(c->failure));
        client_answer(c, &a);
        return 0;
}

static void client_fail(AcmeClient *c, const char *text) {
        free(c->failure);
        c->failure = strdup(text);
        if (!c->failing)
                (void) sd_event_add_defer(c->event, &c->failing, on_failing, c);
}

static int client_take_headers(const HttpResponse *response, AcmeAnswer *a) {
        size_t n = 0;

        a->retry_after_usec = response->retry_after_usec;
        if (response->location && acme_url_is_valid(response->location) &&
            !(a->location = strdup(response->location)))
                return -ENOMEM;
        for (const char *const *p = response->links; *p && n < ACME_ALTERNATES_MAX; p++) {
                a->alternates[n] = acme_link_alternate(*p);
                n += !!a->alternates[n];
        }
        return 0;
}

static int client_parse(AcmeClient *c, const HttpResponse *response, AcmeAnswer *a) {
        int r;

        a->http_status = response->status;
        if (response->status == 0)
                return acme_problem_set(&a->problem, ACME_PROBLEM_UNREACHABLE,
                                        "The certificate authority cannot be reached (%s): %s", c->url,
                                        response->error);
        r = client_take_headers(response, a);
        if (r < 0)
                return r;
        return acme_parse(c->expect, response->content_type, response->body, response->size, a);
}

/* RFC 8555 section 6.5: each answer may bring the next nonce; a value of another form is ignored. */
static void client_take_nonce(AcmeClient *c, const HttpResponse *response) {
        free(c->nonce);
        c->nonce = response->nonce && acme_token_is_valid(response->nonce) ? strdup(response->nonce) : NULL;
}

static int client_continue(AcmeClient *c);

static void on_response(const HttpResponse *response, void *userdata) {
        _cleanup_answer_ AcmeAnswer a = {};
        AcmeClient *c = userdata;
        int r;

        c->request = NULL;
        note_date(response->date_usec);
        client_take_nonce(c, response);
        r = client_parse(c, response, &a);
        if (r < 0) {
                client_fail(c, strerror(-r));
                return;
        }
        if (acme_problem_is(&a.problem, "badNonce") && (c->payload || c->method) &&
            ++c->tries < NONCE_RETRIES_MAX) {
                log_debug("The certificate authority did not like the nonce; try %u.", c->tries + 1);
                r = client_continue(c);
                if (r < 0)
                        client_fail(c, strerror(-r));
                return;
        }
        client_answer(c, &a);
}

static void on_nonce(const HttpResponse *response, void *userdata) {
        AcmeClient *c = userdata;
        int r;

        c->request = NULL;
        client_take_nonce(c, response);
        if (!c->nonce) {
                client_fail(c, response->error ?: "The certificate authority gave no nonce");
                return;
        }
        r = client_continue(c);
        if (r < 0)
                client_fail(c, strerror(-r));
}

static void on_signed(sd_json_variant *reply, const char *error, void *userdata) {
        sd_json_variant *jws = reply && !error ? sd_json_variant_by_key(reply, "jws") : NULL;
        AcmeClient *c = userdata;
        char words[EXPLAIN_MAX + 1], text[EXPLAIN_MAX + 64];
        int r;

        c->signing = NULL;
        if (!jws || !sd_json_variant_is_string(jws)) {
                (void) explain_error(strempty(error), reply, words);
                (void) snprintf(text, sizeof(text), "hagw-keyd did not sign: %s", words);
                client_fail(c, text);
                return;
        }
        requests++;
        r = httpc_start(c->http, c->url, sd_json_variant_string(jws), /* head= */ false, on_response, c,
                        &c->request);
        if (r < 0)
                client_fail(c, strerror(-r));
}

static int client_compose(AcmeClient *c) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = sd_json_variant_ref(c->parameters);
        _cleanup_free_ char *nonce = TAKE_PTR(c->nonce);
        int r;

        r = sd_json_variant_set_field_string(&v, "url", c->url);
        if (r >= 0)
                r = sd_json_variant_set_field_string(&v, "nonce", nonce);
        return r < 0 ? r : vl_request(c->event, "io.hagw.Key", c->method, v, KEY_TIMEOUT_USEC, on_signed, c,
                                      &c->signing);
}

static int client_sign(AcmeClient *c) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *header = NULL, *parameters = NULL;
        _cleanup_free_ char *nonce = TAKE_PTR(c->nonce), *text = NULL;
        int r;

        r = sd_json_buildo(&header, SD_JSON_BUILD_PAIR("nonce", SD_JSON_BUILD_STRING(nonce)),
                           SD_JSON_BUILD_PAIR("url", SD_JSON_BUILD_STRING(c->url)),
                           JSON_PAIR_IF_SET("kid", c->kid));
        if (r >= 0)
                r = sd_json_variant_format(header, /* flags= */ 0, &text);
        if (r >= 0)
                r = sd_json_buildo(&parameters, SD_JSON_BUILD_PAIR("id", SD_JSON_BUILD_STRING(c->key_id)),
                                   SD_JSON_BUILD_PAIR("protected", SD_JSON_BUILD_STRING(text)),
                                   SD_JSON_BUILD_PAIR("payload", SD_JSON_BUILD_STRING(c->payload)),
                                   SD_JSON_BUILD_PAIR("includeKey", SD_JSON_BUILD_BOOLEAN(!c->kid)));
        if (r < 0)
                return r;
        return vl_request(c->event, "io.hagw.Key", "io.hagw.Key.SignJws", parameters, KEY_TIMEOUT_USEC,
                          on_signed, c, &c->signing);
}

/* The next thing a POST needs: a nonce, then a signature. */
static int client_continue(AcmeClient *c) {
        if (c->nonce)
                return c->method ? client_compose(c) : client_sign(c);
        requests++;
        return httpc_start(c->http, c->new_nonce, /* body= */ NULL, /* head= */ true, on_nonce, c,
                           &c->request);
}

int acme_client_get(AcmeClient *c, const char *url, AcmeObject expect, AcmeHandler handler, void *userdata) {
        client_forget_request(c);
        c->url = strdup(url);
        if (!c->url)
                return -ENOMEM;
        c->expect = expect;
        c->handler = handler;
        c->userdata = userdata;
        requests++;
        return httpc_start(c->http, url, /* body= */ NULL, /* head= */ false, on_response, c, &c->request);
}

int acme_client_post(AcmeClient *c, const char *url, const char *payload, const char *key_id,
                     const char *kid, const char *new_nonce, AcmeObject expect, AcmeHandler handler,
                     void *userdata) {
        client_forget_request(c);
        c->url = strdup(url);
        c->payload = strdup(payload);
        c->key_id = strdup(key_id);
        c->kid = kid ? strdup(kid) : NULL;
        c->new_nonce = strdup(new_nonce);
        if (!c->url || !c->payload || !c->key_id || (kid && !c->kid) || !c->new_nonce)
                return -ENOMEM;
        c->expect = expect;
        c->handler = handler;
        c->userdata = userdata;
        return client_continue(c);
}

int acme_client_post_composed(AcmeClient *c, const char *url, const char *method,
                              sd_json_variant *parameters, const char *new_nonce, AcmeObject expect,
                              AcmeHandler handler, void *userdata) {
        client_forget_request(c);
        c->method = method;
        c->parameters = sd_json_variant_ref(parameters);
        c->url = strdup(url);
        c->new_nonce = strdup(new_nonce);
        if (!c->url || !c->new_nonce)
                return -ENOMEM;
        c->expect = expect;
        c->handler = handler;
        c->userdata = userdata;
        return client_continue(c);
}
