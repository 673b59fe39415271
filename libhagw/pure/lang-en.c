/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* English, which also stands in for every language that there is none of. Pure. */

#include "libhagw/pure/lang-texts.h"

const char *const lang_en[_TEXT_MAX] = {
        [TEXT_LOGIN_TITLE] = "Welcome home",
        [TEXT_LOGIN_INTRO] = "Sign in to open {{host}}.",
        [TEXT_WALL_RELAY] = "This is the login of the relay. "
                                "The house has its own, which comes next.",
        [TEXT_WALL_FRONT] = "This is the login of the relay. "
                                "The house may have its own, which comes next.",
        [TEXT_WALL_HOUSE] = "You have passed the login of the relay. "
                                "This is the one of the house, with its own users and passwords.",
        [TEXT_WALL_FIRST] = "This is the login of the first of two gateways. "
                                "The second has its own, which comes next.",
        [TEXT_WALL_SECOND] = "You have passed the login of the first gateway. "
                                 "This is the one of the second, with its own users and passwords.",
        [TEXT_USER] = "User name",
        [TEXT_PASSWORD] = "Password",
        [TEXT_SHOW] = "Show",
        [TEXT_HIDE] = "Hide",
        [TEXT_FORGOT] = "Password forgotten?",
        [TEXT_FORGOT_HOW] = "Nobody can look it up, but whoever looks after this house can give "
                             "you a new one.",
        [TEXT_FORGOT_INSIDE] = "On the gateway: sudo hagw-ctl user passwd NAME.",
        [TEXT_LOGIN_BUTTON] = "Sign in",
        [TEXT_LOGIN_WRONG] = "The user name or the password is not right. Please try again.",
        [TEXT_LOGIN_WAIT] = "Too many tries. Please wait {{seconds}} s before the next one.",
        [TEXT_LOGIN_BUSY] = "Many people are signing in right now. Please try again in a moment.",
        [TEXT_LOGIN_AGAIN] = "This page had grown old. Please enter your password once more.",
        [TEXT_SIGNED_IN_TITLE] = "You are in",
        [TEXT_SIGNED_IN_INTRO] = "Opening {{host}} …",
        [TEXT_SIGNED_IN_LINK] = "Go on",
        [TEXT_LOGOUT_TITLE] = "Sign out?",
        [TEXT_LOGOUT_INTRO] = "You are signed in at {{host}} as {{user}}.",
        [TEXT_LOGOUT_BUTTON] = "Sign out",
        [TEXT_LOGOUT_STAY] = "Stay signed in",
        [TEXT_LOGGED_OUT_TITLE] = "Signed out",
        [TEXT_LOGGED_OUT_INTRO] = "You are not signed in at {{host}} any more.",
        [TEXT_LOGIN_LINK] = "Sign in again",
        [TEXT_DENIED_TITLE] = "Not your door",
        [TEXT_DENIED_INTRO] = "You are signed in as {{user}}, who may not open {{host}}. "
                              "Whoever looks after this house can change that.",
        [TEXT_DENIED_BUTTON] = "Sign in as somebody else",
        [TEXT_ERROR_TITLE] = "That did not work",
        [TEXT_ERROR_INTRO] = "Your browser sent something that this page does not understand.",
        [TEXT_NOT_FOUND_TITLE] = "Nothing here",
        [TEXT_NOT_FOUND_INTRO] = "There is no such page.",
        [TEXT_HOME_LINK] = "Back to {{host}}",
        [TEXT_FOOTER] = "Guarded by hagw",
        [TEXT_TROUBLE_BAD_REQUEST] = "Your browser sent something that could not be understood, or could "
                                     "be understood in more than one way.",
        [TEXT_TROUBLE_LOGIN_TITLE] = "Please sign in first",
        [TEXT_TROUBLE_LOGIN] = "Nobody is signed in at {{host}} in this browser.",
        [TEXT_TROUBLE_FORM_TITLE] = "You are not signed in any more",
        [TEXT_TROUBLE_FORM] = "What you sent is not lost: sign in in a new tab, come back here, and "
                              "reload this page. Your browser then asks whether it may send it once more.",
        [TEXT_TROUBLE_FORM_LINK] = "Sign in in a new tab",
        [TEXT_TROUBLE_FOREIGN_TITLE] = "Asked by another site",
        [TEXT_TROUBLE_FOREIGN] = "A page of another site asked for this, and your login here is not for "
                                 "its use. Open {{host}} itself.",
        [TEXT_TROUBLE_FOREIGN_HINT] = "A site that may show this host is named by embedded_by, see "
                                      "hagw.conf(5).",
        [TEXT_TROUBLE_FORBIDDEN] = "You are signed in, but your account may not open {{host}}. Whoever "
                                   "looks after this house can change that.",
        [TEXT_TROUBLE_METHOD] = "This kind of request is not served here.",
        [TEXT_TROUBLE_TIMEOUT_TITLE] = "That took too long",
        [TEXT_TROUBLE_TIMEOUT] = "The request took too long to arrive. Please try again.",
        [TEXT_TROUBLE_TOO_LONG_TITLE] = "The address is too long",
        [TEXT_TROUBLE_TOO_LONG] = "Addresses of this length are not served here.",
        [TEXT_TROUBLE_EXPECTATION] = "The request expects something that this gateway does not know.",
        [TEXT_TROUBLE_MISDIRECTED_TITLE] = "The wrong door",
        [TEXT_TROUBLE_MISDIRECTED] = "Your browser used a connection that was made for another name. "
                                     "Trying again makes a new one.",
        [TEXT_TROUBLE_TOO_LARGE_TITLE] = "Too much luggage",
        [TEXT_TROUBLE_TOO_LARGE] = "What your browser sends along with each request is too large. "
                                   "Deleting the cookies of this site helps.",
        [TEXT_TROUBLE_GATEWAY_TITLE] = "No answer from inside",
        [TEXT_TROUBLE_GATEWAY] = "The service behind {{host}} does not answer as it should. It may just "
                                 "be restarting.",
        [TEXT_TROUBLE_GATEWAY_HINT] = "If it stays so, check that the service runs, and that its address "
                                      "and port are right: hagw-ctl status shows both.",
        [TEXT_TROUBLE_OFFLINE_TITLE] = "Nobody opens",
        [TEXT_TROUBLE_OFFLINE] = "The house that you want to visit is offline: it is not connected to "
                                 "this relay at the moment.",
        [TEXT_TROUBLE_SUSPENDED] = "The way to the house that you want to visit is suspended by this "
                                   "relay. Only who runs the relay can open it again.",
        [TEXT_TROUBLE_EXHAUSTED] = "What the house that you want to visit may send and receive "
                                   "through this relay in a month is used up. It opens again at the "
                                   "beginning of the next month, or when who runs the relay allows "
                                   "more.",
        [TEXT_TROUBLE_CROWDED] = "The house that you want to visit has as many visitors as it can "
                                 "take through this relay at once.",
        [TEXT_TROUBLE_NO_HOST] = "The house that you want to visit is there, but knows nothing of the "
                                 "name {{host}}. Only who lives there can change that.",
        [TEXT_TROUBLE_REFUSES] = "The house that you want to visit is there, but does not take "
                                 "visitors whose connections this relay has opened. Only who lives "
                                 "there can change that.",
        [TEXT_TROUBLE_BUSY_TITLE] = "One moment, please",
        [TEXT_TROUBLE_BUSY] = "The gateway is busy, or not ready yet.",
        [TEXT_TROUBLE_BUSY_HINT] = "If it stays so, hagw-ctl status tells why.",
        [TEXT_TROUBLE_LATE] = "The service behind {{host}} took too long to answer.",
        [TEXT_TROUBLE_LATE_HINT] = "If it stays so, check that the service runs and is not overloaded; "
                                   "hagw-ctl status shows how it answers.",
        [TEXT_TROUBLE_VERSION] = "Only HTTP/1.1 is served here.",
        [TEXT_TROUBLE_SERVICE] = "Service",
        [TEXT_TROUBLE_ERROR] = "What failed",
        [TEXT_TROUBLE_WAITS] = "This page tries again by itself.",
        [TEXT_TROUBLE_NOW] = "Try now",
        [TEXT_STATUS_ADDRESSES] = "Public addresses",
        [TEXT_STATUS_HOSTS] = "Hosts",
        [TEXT_STATUS_CERTIFICATES] = "Certificates",
        [TEXT_STATUS_DAEMONS] = "Daemons",
        [TEXT_STATUS_NONE] = "none",
        [TEXT_STATUS_NONE_YET] = "none yet",
        [TEXT_STATUS_CONFIRMED] = "confirmed {{span}} ago",
        [TEXT_STATUS_LEFT] = "{{span}} left",
        [TEXT_STATUS_DAYS] = "{{n}} d",
        [TEXT_STATUS_HOURS] = "{{n}} h",
        [TEXT_STATUS_MINUTES] = "{{n}} min",
        [TEXT_STATUS_MOMENT] = "a moment",
        [TEXT_STATUS_SILENT] = "does not answer",
        [TEXT_STATUS_SILENT_WHY] = "systemctl status tells why",
        [TEXT_STATUS_REFUSED] = "configuration refused",
        [TEXT_STATUS_RUNNING] = "running",
        [TEXT_STATUS_OK] = "ok",
        [TEXT_STATUS_FAILING] = "failing",
        [TEXT_STATUS_UNKNOWN] = "not asked yet",
        [TEXT_STATUS_VALID] = "valid",
        [TEXT_STATUS_WAITING] = "waiting",
        [TEXT_STATUS_ORDERING] = "being ordered",
        [TEXT_STATUS_EXPIRING] = "expiring",
        [TEXT_STATUS_EXPIRED] = "expired",
        [TEXT_STATUS_KEYLESS] = "without its key",
        [TEXT_STATUS_FAILED] = "failed",
};
