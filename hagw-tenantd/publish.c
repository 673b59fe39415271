/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Values that stand in hagw-dnsd for tenants, and the calls to it that are under way. Main thread only. */

#include "hagw-tenantd/error.h"
#include "hagw-tenantd/name.h"
#include "hagw-tenantd/publish.h"
#include "libhagw/log.h"
#include "libhagw/pure/list.h"

#define OWNER "tenantd"
#define INTERFACE "io.hagw.Dns"
#define TIMEOUT_USEC (10 * USEC_PER_SEC)
#define RETRY_USEC (5 * USEC_PER_SEC)      /* hagw-dnsd does not answer */
#define RETRY_FULL_USEC (30 * USEC_PER_SEC) /* orders take about as long */

typedef struct Value {
        char tenant[HOSTNAME_LABEL_MAX + 1];
        char name[HOSTNAME_MAX + 1];
        char value[CHALLENGE_VALUE_LENGTH + 1];
        uint64_t expires_usec; /* CLOCK_REALTIME */
} Value;

typedef struct Call {
        Publisher *publisher;
        sd_varlink *link; /* who waits; NULL: nobody */
        VlRequest *request;
        struct Call *next, **place;
        /* Of a value that is being published: dropped where hagw-dnsd does not take it. */
        char name[HOSTNAME_MAX + 1];
        char value[CHALLENGE_VALUE_LENGTH + 1];
        bool publishing;
} Call;

struct Publisher {
        sd_event *event;
        Value *values;
        size_t n, allocated;
        Call *calls;
};

int publisher_new(Publisher **ret, sd_event *event) {
        Publisher *p = calloc(1, sizeof(*p));

        if (!p)
                return -ENOMEM;
        p->event = sd_event_ref(event);
        *ret = p;
        return 0;
}

static void call_free(Call *c) {
        LIST_REMOVE(c);
        vl_request_free(c->request);
        sd_varlink_unref(c->link);
        free(c);
}

Publisher *publisher_free(Publisher *p) {
        if (!p)
                return NULL;
        while (p->calls)
                call_free(p->calls);
        sd_event_unref(p->event);
        free(p->values);
        free(p);
        return NULL;
}

size_t publisher_count(const Publisher *p) {
        return p->n;
}

/* --- the values ---------------------------------------------------------------------------------------- */

static Value *find(const Publisher *p, const char *name, const char *value) {
        for (size_t i = 0; i < p->n; i++)
                if (streq(p->values[i].value, value) && streq(p->values[i].name, name))
                        return &p->values[i];
        return NULL;
}

static void drop(Publisher *p, Value *v) {
        *v = p->values[--p->n];
}

static void expire(Publisher *p, uint64_t now_usec) {
        for (size_t i = 0; i < p->n;)
                if (p->values[i].expires_usec <= now_usec)
                        drop(p, &p->values[i]);
                else
                        i++;
}

/* -EDQUOT: no more fit. */
static int add(Publisher *p, const char *tenant, const char *name, const char *value, uint64_t now_usec,
               Value **ret) {
        Value *v = find(p, name, value);
        size_t n = 0;

        if (!v) {
                for (size_t i = 0; i < p->n; i++)
                        n += streq(p->values[i].tenant, tenant);
                if (n >= PUBLISHED_PER_TENANT_MAX || p->n >= PUBLISHED_MAX)
                        return -EDQUOT;
                if (!GREEDY_REALLOC(p->values, p->allocated, p->n + 1))
                        return -ENOMEM;
                v = &p->values[p->n++];
                *v = (Value) {};
                (void) stpncpy(v->tenant, tenant, sizeof(v->tenant) - 1);
                (void) stpncpy(v->name, name, sizeof(v->name) - 1);
                (void) stpncpy(v->value, value, sizeof(v->value) - 1);
        }
        v->expires_usec = now_usec + PUBLISHED_LIFETIME_USEC;
        *ret = v;
        return 0;
}

/* --- calls to hagw-dnsd -------------------------------------------------------------------------------- */

static void on_reply(sd_json_variant *reply, const char *error, void *userdata) {
        Call *c = userdata;

        if (error) {
                log_warning("hagw-dnsd did not take a value for %s: %s",
                            c->publishing ? c->name : "a tenant", error);
                if (c->publishing) {
                        Value *v = find(c->publisher, c->name, c->value);
                        if (v)
                                drop(c->publisher, v);
                }
        }
        if (c->link && error && c->publishing)
                (void) error_busy(c->link, endswith(error, ".OverlayFull") ? RETRY_FULL_USEC : RETRY_USEC);
        else if (c->link)
                /* One that could not be withdrawn ends with its lifetime. */
                (void) sd_varlink_reply(c->link, NULL);
        c->request = NULL;
        call_free(c);
}

/* Takes parameters over. link may be NULL. publishing: the value that it is about. */
static int call(Publisher *p, sd_varlink *link, const char *method, sd_json_variant *parameters,
                const Value *publishing) {
        Call *c = calloc(1, sizeof(*c));
        int r = -ENOMEM;

        if (c) {
                *c = (Call) { .publisher = p, .link = sd_varlink_ref(link) };
                LIST_ADD(&p->calls, c);
                if (publishing) {
                        c->publishing = true;
                        memcpy(c->name, publishing->name, sizeof(c->name));
                        memcpy(c->value, publishing->value, sizeof(c->value));
                }
                r = vl_request(p->event, INTERFACE, method, parameters, TIMEOUT_USEC, on_reply, c,
                               &c->request);
                if (r < 0)
                        call_free(c);
        }
        sd_json_variant_unref(parameters);
        return r;
}

static int send_publish(Publisher *p, sd_varlink *link, const Value *v, uint64_t now_usec) {
        sd_json_variant *parameters;
        int r;

        r = sd_json_buildo(&parameters, SD_JSON_BUILD_PAIR("name", SD_JSON_BUILD_STRING(v->name)),
                           SD_JSON_BUILD_PAIR("value", SD_JSON_BUILD_STRING(v->value)),
                           SD_JSON_BUILD_PAIR("owner", SD_JSON_BUILD_STRING(OWNER)),
                           SD_JSON_BUILD_PAIR("lifetimeUSec",
                                              SD_JSON_BUILD_UNSIGNED(v->expires_usec - now_usec)));
        return r < 0 ? r : call(p, link, INTERFACE ".PublishText", parameters, v);
}

static int send_withdraw(Publisher *p, sd_varlink *link, const char *name, const char *value) {
        sd_json_variant *parameters;
        int r;

        r = sd_json_buildo(&parameters, SD_JSON_BUILD_PAIR("name", SD_JSON_BUILD_STRING(name)),
                           SD_JSON_BUILD_PAIR("value", SD_JSON_BUILD_STRING(value)),
                           SD_JSON_BUILD_PAIR("owner", SD_JSON_BUILD_STRING(OWNER)));
        return r < 0 ? r : call(p, link, INTERFACE ".WithdrawText", parameters, /* publishing= */ NULL);
}

int publisher_publish(Publisher *p, sd_varlink *link, const char *tenant, const char *name,
                      const char *value, uint64_t now_usec) {
        Value *v;
        int r;

        expire(p, now_usec);
        r = add(p, tenant, name, value, now_usec, &v);
        if (r == -EDQUOT)
                return error_busy(link, RETRY_FULL_USEC);
        if (r >= 0)
                r = send_publish(p, link, v, now_usec);
        return r < 0 ? sd_varlink_error_errno(link, r) : 0;
}

int publisher_withdraw(Publisher *p, sd_varlink *link, const char *name, const char *value) {
        Value *v = find(p, name, value);
        int r;

        if (v)
                drop(p, v);
        r = send_withdraw(p, link, name, value);
        return r < 0 ? sd_varlink_error_errno(link, r) : 0;
}

void publisher_forget(Publisher *p, const char *tenant) {
        for (size_t i = 0; i < p->n;) {
                if (!streq(p->values[i].tenant, tenant)) {
                        i++;
                        continue;
                }
                (void) send_withdraw(p, /* link= */ NULL, p->values[i].name, p->values[i].value);
                drop(p, &p->values[i]);
        }
}

void publisher_repeat(Publisher *p, uint64_t now_usec) {
        expire(p, now_usec);
        for (size_t i = 0; i < p->n; i++)
                (void) send_publish(p, /* link= */ NULL, &p->values[i], now_usec);
}
