/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The words of ACME. */

#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include "hagw-acmed/acme.h"
#include "libhagw/pure/strv.h"

#define PROBLEM_TEXT_MAX 2000U /* bytes */

static const char *const statuses[_ACME_STATUS_MAX] = {
        [ACME_STATUS_PENDING] = "pending",       [ACME_STATUS_READY] = "ready",
        [ACME_STATUS_PROCESSING] = "processing", [ACME_STATUS_VALID] = "valid",
        [ACME_STATUS_INVALID] = "invalid",       [ACME_STATUS_DEACTIVATED] = "deactivated",
        [ACME_STATUS_EXPIRED] = "expired",       [ACME_STATUS_REVOKED] = "revoked",
};

const char *acme_status_to_string(AcmeStatus s) {
        return s >= 0 && s < _ACME_STATUS_MAX ? statuses[s] : NULL;
}

AcmeStatus acme_status_from_string(const char *s) {
        for (size_t i = 0; i < ELEMENTSOF(statuses); i++)
                if (streq(statuses[i], s))
                        return (AcmeStatus) i;
        return _ACME_STATUS_INVALID;
}

void acme_problem_done(AcmeProblem *p) {
        free(p->type);
        free(p->text);
        *p = (AcmeProblem) {};
}

void acme_directory_done(AcmeDirectory *d) {
        free(d->new_nonce);
        free(d->new_account);
        free(d->new_order);
        free(d->renewal_info);
        free(d->key_change);
        free(d->revoke);
        free(d->caa_issuer);
        for (char **p = d->profiles; *p; p++)
                free(*p);
        *d = (AcmeDirectory) {};
}

void acme_order_done(AcmeOrder *o) {
        strv_free(o->identifiers);
        strv_free(o->authorizations);
        free(o->finalize);
        free(o->certificate);
        free(o->profile);
        acme_problem_done(&o->problem);
        *o = (AcmeOrder) {};
}

static void authorization_done(AcmeAuthorization *a) {
        free(a->identifier);
        for (size_t i = 0; i < a->n_challenges; i++) {
                free(a->challenges[i].type);
                free(a->challenges[i].url);
                free(a->challenges[i].token);
                acme_problem_done(&a->challenges[i].problem);
        }
}

void acme_answer_done(AcmeAnswer *a) {
        free(a->location);
        for (char **p = a->alternates; *p; p++)
                free(*p);
        acme_problem_done(&a->problem);
        acme_directory_done(&a->directory);
        strv_free(a->account.contacts);
        acme_order_done(&a->order);
        authorization_done(&a->authorization);
        free(a->chain);
        *a = (AcmeAnswer) {};
}

bool acme_url_is_valid(const char *url) {
        const char *p = startswith(url, "https://");
        size_t n = strlen(url);

        if (!p || !*p || *p == '/' || n > ACME_URL_MAX)
                return false;
        for (; *p; p++)
                if (*p <= ' ' || *p >= 0x7f || strchr("\"<>\\^`{|}", *p))
                        return false;
        return true;
}

bool acme_token_is_valid(const char *token) {
        static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        size_t n = strlen(token);

        return n > 0 && n <= ACME_TOKEN_MAX && strspn(token, letters) == n;
}

bool acme_profile_is_valid(const char *name) {
        size_t n = strlen(name);

        for (const char *p = name; *p; p++)
                if (*p <= ' ' || *p >= 0x7f)
                        return false;
        return n > 0 && n <= ACME_PROFILE_NAME_MAX;
}

/* Bytes of the UTF-8 sequence at p, 0 where it is none. Overlong forms pass: nothing here depends on them.
 */
static size_t utf8_sequence(const uint8_t *p) {
        size_t n = *p < 0x80                 ? 1
                   : *p >= 0xc2 && *p < 0xe0 ? 2
                   : *p >= 0xe0 && *p < 0xf0 ? 3
                   : *p >= 0xf0 && *p < 0xf5 ? 4
                                             : 0;

        for (size_t i = 1; i < n; i++)
                if ((p[i] & 0xc0) != 0x80)
                        return 0;
        return n;
}

/* What a stranger wrote is shown in a terminal and a journal: no control characters, neither C0 nor C1, and
 * nothing that cutting left half. */
static void text_clean(char *s) {
        uint8_t *p = (uint8_t *) s;

        while (*p) {
                size_t n = utf8_sequence(p);

                if (n == 0 || *p < ' ' || *p == 0x7f)
                        *p++ = ' ';
                else if (n == 2 && p[0] == 0xc2 && p[1] < 0xa0)
                        *p++ = ' ', *p++ = ' ';
                else
                        p += n;
        }
}

int acme_problem_set(AcmeProblem *p, const char *type, const char *format, ...) {
        _cleanup_free_ char *t = NULL, *text = NULL;
        va_list ap;
        int n;

        va_start(ap, format);
        n = vasprintf(&text, format, ap);
        va_end(ap);
        if (n < 0) {
                text = NULL;
                return -ENOMEM;
        }
        t = strdup(type);
        if (!t)
                return -ENOMEM;
        if (strlen(text) > PROBLEM_TEXT_MAX)
                text[PROBLEM_TEXT_MAX] = '\0';
        text_clean(text);
        acme_problem_done(p);
        p->type = TAKE_PTR(t);
        p->text = TAKE_PTR(text);
        return 0;
}

bool acme_problem_is(const AcmeProblem *p, const char *type) {
        return p->type && streq(p->type, type);
}

char *acme_link_alternate(const char *value) {
        const char *end;
        char *url;

        if (*value != '<')
                return NULL;
        end = strchr(value, '>');
        if (!end || !(strstr(end, "rel=\"alternate\"") || strstr(end, "rel=alternate")))
                return NULL;
        url = strndup(value + 1, (size_t) (end - value - 1));
        if (url && !acme_url_is_valid(url)) {
                free(url);
                return NULL;
        }
        return url;
}

int acme_time_parse(const char *s, uint64_t *ret_usec) {
        int year, month, day, hour, minute, second, n = 0, offset_hour = 0, offset_minute = 0;
        struct tm tm = {};
        int64_t t;

        if (strspn(s, "0123456789") != 4 ||
            sscanf(s, "%4d-%2d-%2d%*1[Tt]%2d:%2d:%2d%n", &year, &month, &day, &hour, &minute, &second, &n) !=
                    6 ||
            n == 0)
                return -EINVAL;
        s += n;
        if (*s == '.') {
                size_t digits = strspn(s + 1, "0123456789");

                if (digits == 0)
                        return -EINVAL;
                s += 1 + digits;
        }
        if (*s == '+' || *s == '-') {
                if (sscanf(s + 1, "%2d:%2d%n", &offset_hour, &offset_minute, &n) != 2 || n != 5 ||
                    s[6] != '\0')
                        return -EINVAL;
                if (*s == '-')
                        offset_hour = -offset_hour, offset_minute = -offset_minute;
        } else if (!streq(s, "Z") && !streq(s, "z"))
                return -EINVAL;
        if (year < 1970 || month < 1 || month > 12 || day < 1 || day > 31 || hour < 0 || hour > 23 ||
            minute < 0 || minute > 59 || second < 0 || second > 60)
                return -EINVAL;
        tm = (struct tm) { .tm_year = year - 1900,
                           .tm_mon = month - 1,
                           .tm_mday = day,
                           .tm_hour = hour,
                           .tm_min = minute,
                           .tm_sec = second };
        t = (int64_t) timegm(&tm) - offset_hour * 3600 - offset_minute * 60;
        if (t < 0)
                return -EINVAL;
        *ret_usec = (uint64_t) t * USEC_PER_SEC;
        return 0;
}
