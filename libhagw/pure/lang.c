/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The languages and the texts' names, and which language a visitor gets. The texts themselves: lang-CODE.c.
 * Pure. */

#include <strings.h>

#include "libhagw/pure/lang-texts.h"

#define ACCEPT_MAX 256U /* characters of Accept-Language that are looked at */

static const char *const names[_TEXT_MAX] = {
        [TEXT_LOGIN_TITLE] = "login_title",
        [TEXT_LOGIN_INTRO] = "login_intro",
        [TEXT_WALL_RELAY] = "wall_relay",
        [TEXT_WALL_FRONT] = "wall_front",
        [TEXT_WALL_HOUSE] = "wall_house",
        [TEXT_WALL_FIRST] = "wall_first",
        [TEXT_WALL_SECOND] = "wall_second",
        [TEXT_USER] = "user",
        [TEXT_PASSWORD] = "password",
        [TEXT_SHOW] = "show",
        [TEXT_HIDE] = "hide",
        [TEXT_FORGOT] = "forgot",
        [TEXT_FORGOT_HOW] = "forgot_how",
        [TEXT_FORGOT_INSIDE] = "forgot_inside",
        [TEXT_LOGIN_BUTTON] = "login_button",
        [TEXT_LOGIN_WRONG] = "login_wrong",
        [TEXT_LOGIN_WAIT] = "login_wait",
        [TEXT_LOGIN_BUSY] = "login_busy",
        [TEXT_LOGIN_AGAIN] = "login_again",
        [TEXT_SIGNED_IN_TITLE] = "signed_in_title",
        [TEXT_SIGNED_IN_INTRO] = "signed_in_intro",
        [TEXT_SIGNED_IN_LINK] = "signed_in_link",
        [TEXT_LOGOUT_TITLE] = "logout_title",
        [TEXT_LOGOUT_INTRO] = "logout_intro",
        [TEXT_LOGOUT_BUTTON] = "logout_button",
        [TEXT_LOGOUT_STAY] = "logout_stay",
        [TEXT_LOGGED_OUT_TITLE] = "logged_out_title",
        [TEXT_LOGGED_OUT_INTRO] = "logged_out_intro",
        [TEXT_LOGIN_LINK] = "login_link",
        [TEXT_DENIED_TITLE] = "denied_title",
        [TEXT_DENIED_INTRO] = "denied_intro",
        [TEXT_DENIED_BUTTON] = "denied_button",
        [TEXT_ERROR_TITLE] = "error_title",
        [TEXT_ERROR_INTRO] = "error_intro",
        [TEXT_NOT_FOUND_TITLE] = "not_found_title",
        [TEXT_NOT_FOUND_INTRO] = "not_found_intro",
        [TEXT_HOME_LINK] = "home_link",
        [TEXT_FOOTER] = "footer",
        [TEXT_TROUBLE_BAD_REQUEST] = "trouble_bad_request",
        [TEXT_TROUBLE_LOGIN_TITLE] = "trouble_login_title",
        [TEXT_TROUBLE_LOGIN] = "trouble_login",
        [TEXT_TROUBLE_FORM_TITLE] = "trouble_form_title",
        [TEXT_TROUBLE_FORM] = "trouble_form",
        [TEXT_TROUBLE_FORM_LINK] = "trouble_form_link",
        [TEXT_TROUBLE_FOREIGN_TITLE] = "trouble_foreign_title",
        [TEXT_TROUBLE_FOREIGN] = "trouble_foreign",
        [TEXT_TROUBLE_FOREIGN_HINT] = "trouble_foreign_hint",
        [TEXT_TROUBLE_FORBIDDEN] = "trouble_forbidden",
        [TEXT_TROUBLE_METHOD] = "trouble_method",
        [TEXT_TROUBLE_TIMEOUT_TITLE] = "trouble_timeout_title",
        [TEXT_TROUBLE_TIMEOUT] = "trouble_timeout",
        [TEXT_TROUBLE_TOO_LONG_TITLE] = "trouble_too_long_title",
        [TEXT_TROUBLE_TOO_LONG] = "trouble_too_long",
        [TEXT_TROUBLE_EXPECTATION] = "trouble_expectation",
        [TEXT_TROUBLE_MISDIRECTED_TITLE] = "trouble_misdirected_title",
        [TEXT_TROUBLE_MISDIRECTED] = "trouble_misdirected",
        [TEXT_TROUBLE_TOO_LARGE_TITLE] = "trouble_too_large_title",
        [TEXT_TROUBLE_TOO_LARGE] = "trouble_too_large",
        [TEXT_TROUBLE_GATEWAY_TITLE] = "trouble_gateway_title",
        [TEXT_TROUBLE_GATEWAY] = "trouble_gateway",
        [TEXT_TROUBLE_GATEWAY_HINT] = "trouble_gateway_hint",
        [TEXT_TROUBLE_OFFLINE_TITLE] = "trouble_offline_title",
        [TEXT_TROUBLE_OFFLINE] = "trouble_offline",
        [TEXT_TROUBLE_SUSPENDED] = "trouble_suspended",
        [TEXT_TROUBLE_EXHAUSTED] = "trouble_exhausted",
        [TEXT_TROUBLE_CROWDED] = "trouble_crowded",
        [TEXT_TROUBLE_NO_HOST] = "trouble_no_host",
        [TEXT_TROUBLE_REFUSES] = "trouble_refuses",
        [TEXT_TROUBLE_BUSY_TITLE] = "trouble_busy_title",
        [TEXT_TROUBLE_BUSY] = "trouble_busy",
        [TEXT_TROUBLE_BUSY_HINT] = "trouble_busy_hint",
        [TEXT_TROUBLE_LATE] = "trouble_late",
        [TEXT_TROUBLE_LATE_HINT] = "trouble_late_hint",
        [TEXT_TROUBLE_VERSION] = "trouble_version",
        [TEXT_TROUBLE_SERVICE] = "trouble_service",
        [TEXT_TROUBLE_ERROR] = "trouble_error",
        [TEXT_TROUBLE_WAITS] = "trouble_waits",
        [TEXT_TROUBLE_NOW] = "trouble_now",
        [TEXT_STATUS_ADDRESSES] = "status_addresses",
        [TEXT_STATUS_HOSTS] = "status_hosts",
        [TEXT_STATUS_CERTIFICATES] = "status_certificates",
        [TEXT_STATUS_DAEMONS] = "status_daemons",
        [TEXT_STATUS_NONE] = "status_none",
        [TEXT_STATUS_NONE_YET] = "status_none_yet",
        [TEXT_STATUS_CONFIRMED] = "status_confirmed",
        [TEXT_STATUS_LEFT] = "status_left",
        [TEXT_STATUS_DAYS] = "status_days",
        [TEXT_STATUS_HOURS] = "status_hours",
        [TEXT_STATUS_MINUTES] = "status_minutes",
        [TEXT_STATUS_MOMENT] = "status_moment",
        [TEXT_STATUS_SILENT] = "status_silent",
        [TEXT_STATUS_SILENT_WHY] = "status_silent_why",
        [TEXT_STATUS_REFUSED] = "status_refused",
        [TEXT_STATUS_RUNNING] = "status_running",
        [TEXT_STATUS_OK] = "status_ok",
        [TEXT_STATUS_FAILING] = "status_failing",
        [TEXT_STATUS_UNKNOWN] = "status_unknown",
        [TEXT_STATUS_VALID] = "status_valid",
        [TEXT_STATUS_WAITING] = "status_waiting",
        [TEXT_STATUS_ORDERING] = "status_ordering",
        [TEXT_STATUS_EXPIRING] = "status_expiring",
        [TEXT_STATUS_EXPIRED] = "status_expired",
        [TEXT_STATUS_KEYLESS] = "status_keyless",
        [TEXT_STATUS_FAILED] = "status_failed",
};

const Language languages[] = {
        { "en", lang_en },
        { "de", lang_de },
        { "fr", lang_fr },
        {},
};

const char *text_name(Text t) {
        return t >= 0 && t < _TEXT_MAX ? names[t] : NULL;
}

Text text_from_name(const char *name, size_t size) {
        for (Text t = 0; t < _TEXT_MAX; t++)
                if (strlen(names[t]) == size && memcmp(names[t], name, size) == 0)
                        return t;
        return _TEXT_INVALID;
}

/* The language of a range such as "de-AT", by its first subtag. */
static const Language *find(const char *range, size_t size) {
        size_t n = 0;

        while (n < size && range[n] != '-')
                n++;
        for (const Language *l = languages; l->code; l++)
                if (strlen(l->code) == n && strncasecmp(l->code, range, n) == 0)
                        return l;
        return NULL;
}

/* "0.8" in thousandths; what is no weight counts as 0. */
static unsigned weight_parse(const char *s, size_t size) {
        unsigned w = 0, scale = 1000;

        for (size_t i = 0; i < size && i < 5; i++) {
                if (i == 1 && s[i] == '.')
                        continue;
                if (s[i] < '0' || s[i] > '9' || (i == 0 && s[i] > '1'))
                        return 0;
                w += (unsigned) (s[i] - '0') * scale;
                scale /= 10;
        }
        return MIN(w, 1000U);
}

/* One element, "de-AT;q=0.8". */
static unsigned element_weight(const char *s, size_t size, size_t *ret_range) {
        const char *semicolon = memchr(s, ';', size);
        const char *end = s + size, *q;

        *ret_range = semicolon ? (size_t) (semicolon - s) : size;
        while (*ret_range > 0 && s[*ret_range - 1] == ' ')
                (*ret_range)--;
        if (!semicolon)
                return 1000;
        q = semicolon + 1;
        while (q < end && *q == ' ')
                q++;
        if (end - q < 3 || (q[0] != 'q' && q[0] != 'Q') || q[1] != '=')
                return 1000;
        return weight_parse(q + 2, (size_t) (end - q - 2));
}

static const Language *best(const char *accept) {
        const char *end = accept + strnlen(accept, ACCEPT_MAX);
        const Language *found = NULL;
        unsigned found_weight = 0;

        while (accept < end) {
                size_t size, range;
                unsigned weight;
                const Language *l;

                accept += strspn(accept, " ,\t");
                if (accept >= end)
                        break;
                size = MIN(strcspn(accept, ","), (size_t) (end - accept));
                weight = element_weight(accept, size, &range);
                l = find(accept, range);
                if (l && weight > found_weight) {
                        found = l;
                        found_weight = weight;
                }
                accept += size;
        }
        return found;
}

const Language *language_choose(const char *setting, const char *accept) {
        const Language *l;

        if (!streq(setting, "auto"))
                l = find(setting, strlen(setting));
        else
                l = accept ? best(accept) : NULL;
        return l ?: languages;
}
