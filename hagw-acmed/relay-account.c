/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* io.hagw.Proxy.SetAccount, until it is done. Main thread only. */

#include <sys/random.h>

#include "hagw-acmed/account.h"
#include "hagw-acmed/explain.h"
#include "hagw-acmed/relay-account.h"
#include "hagw-acmed/schedule.h"
#include "libhagw/log.h"
#include "libhagw/vl.h"

#define TIMEOUT_USEC USEC_PER_MINUTE

struct RelayAccount {
        sd_event *event;
        char *zone, *issuer, *uri; /* all or none */
        VlRequest *request;
        sd_event_source *timer;
        unsigned failures;
};

static void relay_account_start(RelayAccount *a);

static int on_timer(sd_event_source *s, uint64_t usec, void *userdata) {
        RelayAccount *a = userdata;

        a->timer = sd_event_source_disable_unref(a->timer);
        relay_account_start(a);
        return 0;
}

static void relay_account_retry(RelayAccount *a, bool local) {
        uint64_t random = 0, delay;

        (void) !getrandom(&random, sizeof(random), 0);
        delay = schedule_retry(0, ++a->failures, local ? RETRY_LOCAL : RETRY_REFUSED, 0, 0, random);
        (void) sd_event_add_time_relative(a->event, &a->timer, CLOCK_MONOTONIC, delay, USEC_PER_SEC,
                                          on_timer, a);
}

static void on_told(sd_json_variant *reply, const char *error, void *userdata) {
        RelayAccount *a = userdata;
        char words[EXPLAIN_MAX + 1];
        OrderFailure failure;

        a->request = NULL;
        if (!error) {
                log_info("The relay knows our account for %s now.", a->zone);
                return;
        }
        failure = explain_error(error, reply, words);
        if (a->failures == 0)
                log_warning("The relay could not be told our account yet: hagw-proxyd says: %s", words);
        relay_account_retry(a, failure == FAILURE_LOCAL);
}

static void relay_account_start(RelayAccount *a) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;
        int r;

        r = sd_json_buildo(&v, SD_JSON_BUILD_PAIR("issuer", SD_JSON_BUILD_STRING(a->issuer)),
                           SD_JSON_BUILD_PAIR("accountUri", SD_JSON_BUILD_STRING(a->uri)));
        if (r >= 0)
                r = vl_request(a->event, "io.hagw.Proxy", "io.hagw.Proxy.SetAccount", v, TIMEOUT_USEC,
                               on_told, a, &a->request);
        if (r < 0)
                relay_account_retry(a, /* local= */ true);
}

int relay_account_set(RelayAccount *a, const char *zone, const char *issuer, const char *uri) {
        int r;

        if (!zone || !issuer || !uri)
                zone = issuer = uri = NULL;
        if (streq_ptr(a->zone, zone) && streq_ptr(a->issuer, issuer) && streq_ptr(a->uri, uri))
                return 0;
        a->request = vl_request_free(a->request);
        a->timer = sd_event_source_disable_unref(a->timer);
        a->failures = 0;
        if ((r = string_replace(&a->zone, zone)) < 0 || (r = string_replace(&a->issuer, issuer)) < 0 ||
            (r = string_replace(&a->uri, uri)) < 0) {
                (void) string_replace(&a->zone, NULL); /* to be set again */
                return r;
        }
        if (zone)
                relay_account_start(a);
        return 0;
}

int relay_account_new(RelayAccount **ret, sd_event *event) {
        RelayAccount *a = calloc(1, sizeof(*a));

        if (!a)
                return -ENOMEM;
        a->event = sd_event_ref(event);
        *ret = a;
        return 0;
}

RelayAccount *relay_account_free(RelayAccount *a) {
        if (!a)
                return NULL;
        vl_request_free(a->request);
        sd_event_source_disable_unref(a->timer);
        sd_event_unref(a->event);
        free(a->zone);
        free(a->issuer);
        free(a->uri);
        free(a);
        return NULL;
}
