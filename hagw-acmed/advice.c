/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* ARI. Main thread only. */

#include <stdio.h>
#include <sys/random.h>

#include "hagw-acmed/account.h"
#include "hagw-acmed/advice.h"
#include "hagw-acmed/client.h"
#include "hagw-acmed/manager.h"
#include "hagw-acmed/schedule.h"
#include "libhagw/log.h"
#include "libhagw/usec.h"

struct Advice {
        sd_event *event;
        AcmeClient *client;
        char *directory;
        char *renewal_info; /* its URL in the directory */
        Certificate *asking;
        AdviceHandler handler;
        void *userdata;
};

static void advice_request(Advice *a);

bool advice_is_busy(const Advice *a) {
        return !!a->asking;
}

int advice_new(Advice **ret, sd_event *event, AdviceHandler handler, void *userdata) {
        Advice *a = calloc(1, sizeof(*a));

        if (!a)
                return -ENOMEM;
        a->event = sd_event_ref(event);
        a->handler = handler;
        a->userdata = userdata;
        *ret = a;
        return 0;
}

Advice *advice_free(Advice *a) {
        if (!a)
                return NULL;
        acme_client_free(a->client);
        sd_event_unref(a->event);
        free(a->directory);
        free(a->renewal_info);
        free(a);
        return NULL;
}

int advice_set_directory(Advice *a, const char *directory, const char *ca_file) {
        int r;

        a->client = acme_client_free(a->client);
        a->asking = NULL;
        r = string_replace(&a->renewal_info, NULL);
        if (r >= 0)
                r = string_replace(&a->directory, directory);
        return r < 0 ? r : acme_client_new(&a->client, a->event, ca_file);
}

void advice_forget(Advice *a, const Certificate *c) {
        if (a->asking == c)
                a->asking = NULL;
}

static void advice_end(Advice *a, uint64_t retry_after_usec) {
        Certificate *c = TAKE_PTR(a->asking);

        if (!c)
                return;
        c->advice_usec = schedule_advice(clock_usec(CLOCK_REALTIME), retry_after_usec,
                                         certificate_get_life(c));
        a->handler(c, a->userdata);
}

/* A point is chosen once per window, or waiting would never end. */
static void advice_take(Certificate *c, const AcmeRenewalInfo *info) {
        uint64_t random = 0;

        if (c->renewal_usec > 0 && c->window_start_usec == info->start_usec &&
            c->window_end_usec == info->end_usec)
                return;
        (void) !getrandom(&random, sizeof(random), 0);
        c->window_start_usec = info->start_usec;
        c->window_end_usec = info->end_usec;
        c->renewal_usec = schedule_in_window(info->start_usec, info->end_usec, c->not_before_usec,
                                             c->not_after_usec, random);
}

static void on_advice(AcmeAnswer *answer, void *userdata) {
        Advice *a = userdata;

        if (!a->asking)
                return;
        if (answer->problem.type)
                log_info("No advice on renewing %s: %s", a->asking->name, answer->problem.text);
        else
                advice_take(a->asking, &answer->renewal_info);
        advice_end(a, answer->retry_after_usec);
}

static void on_directory(AcmeAnswer *answer, void *userdata) {
        Advice *a = userdata;

        if (!a->asking)
                return;
        if (answer->problem.type || !answer->directory.renewal_info ||
            string_replace(&a->renewal_info, answer->directory.renewal_info) < 0) {
                advice_end(a, answer->retry_after_usec);
                return;
        }
        advice_request(a);
}

static void advice_request(Advice *a) {
        char url[ACME_URL_MAX + 256];
        int r;

        if (a->renewal_info) {
                (void) snprintf(url, sizeof(url), "%s/%s", a->renewal_info, a->asking->renewal_id);
                r = acme_client_get(a->client, url, ACME_RENEWAL_INFO, on_advice, a);
        } else
                r = acme_client_get(a->client, a->directory, ACME_DIRECTORY, on_directory, a);
        if (r < 0)
                advice_end(a, 0);
}

void advice_ask(Advice *a, Certificate *c) {
        a->asking = c;
        advice_request(a);
}
