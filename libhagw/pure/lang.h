/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/pure/macro.h"

/* What our pages say, in each language: hagw-webd's, and those of bad moments that hagw-proxyd shows. A
 * language is a row of lang.c's table and a file lang-CODE.c, a sentence an entry in each. Pure. */

typedef enum Text {
        TEXT_LOGIN_TITLE,
        TEXT_LOGIN_INTRO,
        TEXT_WALL_RELAY,
        TEXT_WALL_HOUSE,
        TEXT_WALL_FIRST,
        TEXT_WALL_SECOND,
        TEXT_USER,
        TEXT_PASSWORD,
        TEXT_SHOW,
        TEXT_HIDE,
        TEXT_FORGOT,
        TEXT_FORGOT_HOW,
        TEXT_FORGOT_INSIDE,
        TEXT_LOGIN_BUTTON,
        TEXT_LOGIN_WRONG,
        TEXT_LOGIN_WAIT,
        TEXT_LOGIN_BUSY,
        TEXT_LOGIN_AGAIN,
        TEXT_SIGNED_IN_TITLE,
        TEXT_SIGNED_IN_INTRO,
        TEXT_SIGNED_IN_LINK,
        TEXT_LOGOUT_TITLE,
        TEXT_LOGOUT_INTRO,
        TEXT_LOGOUT_BUTTON,
        TEXT_LOGOUT_STAY,
        TEXT_LOGGED_OUT_TITLE,
        TEXT_LOGGED_OUT_INTRO,
        TEXT_LOGIN_LINK,
        TEXT_DENIED_TITLE,
        TEXT_DENIED_INTRO,
        TEXT_DENIED_BUTTON,
        TEXT_ERROR_TITLE,
        TEXT_ERROR_INTRO,
        TEXT_NOT_FOUND_TITLE,
        TEXT_NOT_FOUND_INTRO,
        TEXT_HOME_LINK,
        TEXT_FOOTER,
        TEXT_TROUBLE_BAD_REQUEST,
        TEXT_TROUBLE_LOGIN_TITLE,
        TEXT_TROUBLE_LOGIN,
        TEXT_TROUBLE_FORM_TITLE,
        TEXT_TROUBLE_FORM,
        TEXT_TROUBLE_FORM_LINK,
        TEXT_TROUBLE_FOREIGN_TITLE,
        TEXT_TROUBLE_FOREIGN,
        TEXT_TROUBLE_FOREIGN_HINT,
        TEXT_TROUBLE_FORBIDDEN,
        TEXT_TROUBLE_METHOD,
        TEXT_TROUBLE_TIMEOUT_TITLE,
        TEXT_TROUBLE_TIMEOUT,
        TEXT_TROUBLE_TOO_LONG_TITLE,
        TEXT_TROUBLE_TOO_LONG,
        TEXT_TROUBLE_EXPECTATION,
        TEXT_TROUBLE_MISDIRECTED_TITLE,
        TEXT_TROUBLE_MISDIRECTED,
        TEXT_TROUBLE_TOO_LARGE_TITLE,
        TEXT_TROUBLE_TOO_LARGE,
        TEXT_TROUBLE_GATEWAY_TITLE,
        TEXT_TROUBLE_GATEWAY,
        TEXT_TROUBLE_GATEWAY_HINT,
        TEXT_TROUBLE_OFFLINE_TITLE,
        TEXT_TROUBLE_OFFLINE,
        TEXT_TROUBLE_SUSPENDED,
        TEXT_TROUBLE_EXHAUSTED,
        TEXT_TROUBLE_CROWDED,
        TEXT_TROUBLE_NO_HOST,
        TEXT_TROUBLE_REFUSES,
        TEXT_TROUBLE_BUSY_TITLE,
        TEXT_TROUBLE_BUSY,
        TEXT_TROUBLE_BUSY_HINT,
        TEXT_TROUBLE_LATE,
        TEXT_TROUBLE_LATE_HINT,
        TEXT_TROUBLE_VERSION,
        TEXT_TROUBLE_SERVICE,
        TEXT_TROUBLE_ERROR,
        TEXT_TROUBLE_WAITS,
        TEXT_TROUBLE_NOW,
        TEXT_STATUS_ADDRESSES,
        TEXT_STATUS_HOSTS,
        TEXT_STATUS_CERTIFICATES,
        TEXT_STATUS_DAEMONS,
        TEXT_STATUS_NONE,
        TEXT_STATUS_NONE_YET,
        TEXT_STATUS_CONFIRMED,
        TEXT_STATUS_LEFT,
        TEXT_STATUS_DAYS,
        TEXT_STATUS_HOURS,
        TEXT_STATUS_MINUTES,
        TEXT_STATUS_MOMENT,
        TEXT_STATUS_SILENT,
        TEXT_STATUS_SILENT_WHY,
        TEXT_STATUS_REFUSED,
        TEXT_STATUS_RUNNING,
        TEXT_STATUS_OK,
        TEXT_STATUS_FAILING,
        TEXT_STATUS_UNKNOWN,
        TEXT_STATUS_VALID,
        TEXT_STATUS_WAITING,
        TEXT_STATUS_ORDERING,
        TEXT_STATUS_EXPIRING,
        TEXT_STATUS_EXPIRED,
        TEXT_STATUS_FAILED,
        _TEXT_MAX,
        _TEXT_INVALID = -EINVAL,
} Text;

typedef struct Language {
        const char *code; /* BCP 47 primary subtag */
        const char *const *texts; /* _TEXT_MAX of them */
} Language;

extern const Language languages[]; /* the first is the fallback; ended by code == NULL */

/* setting: a language's code or "auto", which takes the best of Accept-Language (RFC 9110 section 12.5.4;
 * may be NULL). */
const Language *language_choose(const char *setting, const char *accept);

/* The key that templates use for a text, and back; _TEXT_INVALID: no such name (of size characters). */
const char *text_name(Text t);
Text text_from_name(const char *name, size_t size);
