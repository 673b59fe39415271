/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Users, login sessions and HTTP-01 answers; tests/idl/io.hagw.Web.varlink is its text. */

#include "libhagw/vl-io.hagw.Web.h"

#define STRING(name) SD_VARLINK_DEFINE_FIELD(name, SD_VARLINK_STRING, 0)
#define INT(name) SD_VARLINK_DEFINE_FIELD(name, SD_VARLINK_INT, 0)
#define STRINGS(name) SD_VARLINK_DEFINE_FIELD(name, SD_VARLINK_STRING, SD_VARLINK_ARRAY)
#define IN(name) SD_VARLINK_DEFINE_INPUT(name, SD_VARLINK_STRING, 0)
#define IN_MAYBE(name) SD_VARLINK_DEFINE_INPUT(name, SD_VARLINK_STRING, SD_VARLINK_NULLABLE)
#define IN_STRINGS(name, flags) SD_VARLINK_DEFINE_INPUT(name, SD_VARLINK_STRING, SD_VARLINK_ARRAY | (flags))

static SD_VARLINK_DEFINE_STRUCT_TYPE(
        User, STRING(name),
        SD_VARLINK_FIELD_COMMENT("Host names, \"*.DOMAIN\" or \"*\": what the user may reach"),
        STRINGS(hosts), SD_VARLINK_FIELD_COMMENT("Names that hosts may list"), STRINGS(groups),
        SD_VARLINK_FIELD_COMMENT("CLOCK_REALTIME, as all times here"), INT(createdUSec),
        SD_VARLINK_DEFINE_FIELD(lastLoginUSec, SD_VARLINK_INT, SD_VARLINK_NULLABLE));

static SD_VARLINK_DEFINE_STRUCT_TYPE(
        Session,
        SD_VARLINK_FIELD_COMMENT("First 8 characters of the id's hash: enough to name it, nothing to steal"),
        STRING(id), STRING(user),
        SD_VARLINK_FIELD_COMMENT("A session is good at the host it was made at, and nowhere else"),
        STRING(host), SD_VARLINK_FIELD_COMMENT("Where it was last used from"), STRING(address),
        SD_VARLINK_FIELD_COMMENT("Of a token what it was called"), STRING(userAgent), INT(createdUSec),
        INT(lastUsedUSec), SD_VARLINK_FIELD_COMMENT("Null: a token, which lasts until it is revoked"),
        SD_VARLINK_DEFINE_FIELD(expiresUSec, SD_VARLINK_INT, SD_VARLINK_NULLABLE));

static SD_VARLINK_DEFINE_METHOD(ListUsers, SD_VARLINK_DEFINE_OUTPUT_BY_TYPE(users, User, SD_VARLINK_ARRAY));

static SD_VARLINK_DEFINE_METHOD(AddUser,
                                SD_VARLINK_FIELD_COMMENT("1–64 of a–z, 0–9, \".\", \"-\", \"_\", \"@\""),
                                IN(name),
                                SD_VARLINK_FIELD_COMMENT("8 to 511 bytes of UTF-8; neither one of the "
                                                         "10,000 commonest nor the user's name"),
                                IN(password),
                                IN_STRINGS(hosts, 0), IN_STRINGS(groups, 0));

static SD_VARLINK_DEFINE_METHOD(SetPassword, IN(name), IN(password));

static SD_VARLINK_DEFINE_METHOD(SetUser, IN(name), IN_STRINGS(hosts, SD_VARLINK_NULLABLE),
                                IN_STRINGS(groups, SD_VARLINK_NULLABLE));

static SD_VARLINK_DEFINE_METHOD(RemoveUser, IN(name));

static SD_VARLINK_DEFINE_METHOD(
        CheckSession, IN(secret),
        SD_VARLINK_FIELD_COMMENT(
                "What the visitor sent it as: \"cookie\" or \"token\". Neither is good as the other"),
        IN(kind), SD_VARLINK_FIELD_COMMENT("The requested host name, lower case"), IN(host),
        SD_VARLINK_FIELD_COMMENT("The visitor's"), IN(address),
        SD_VARLINK_FIELD_COMMENT("True: a relay says so, and nobody else"),
        SD_VARLINK_DEFINE_INPUT(relayed, SD_VARLINK_BOOL, SD_VARLINK_NULLABLE),
        SD_VARLINK_DEFINE_OUTPUT(user, SD_VARLINK_STRING, 0),
        SD_VARLINK_DEFINE_OUTPUT(sessionId, SD_VARLINK_STRING, 0),
        SD_VARLINK_DEFINE_OUTPUT(allowed, SD_VARLINK_BOOL, 0),
        SD_VARLINK_FIELD_COMMENT("How long (relative) the answer may be kept before asking again"),
        SD_VARLINK_DEFINE_OUTPUT(validUSec, SD_VARLINK_INT, 0));

static SD_VARLINK_DEFINE_METHOD(NoteUse, SD_VARLINK_FIELD_COMMENT("Public ones"), IN_STRINGS(sessionIds, 0));

static SD_VARLINK_DEFINE_METHOD_FULL(WatchRevocations, SD_VARLINK_REQUIRES_MORE,
                                     SD_VARLINK_DEFINE_OUTPUT(sessionIds, SD_VARLINK_STRING,
                                                              SD_VARLINK_ARRAY),
                                     SD_VARLINK_FIELD_COMMENT(
                                             "True: what they have open, a WebSocket for example, ends too"),
                                     SD_VARLINK_DEFINE_OUTPUT(cut, SD_VARLINK_BOOL, SD_VARLINK_NULLABLE),
                                     SD_VARLINK_FIELD_COMMENT(
                                             "In the first message: all that live and may pass at their "
                                             "host; what others have open ends"),
                                     SD_VARLINK_DEFINE_OUTPUT(livingIds, SD_VARLINK_STRING,
                                                              SD_VARLINK_ARRAY | SD_VARLINK_NULLABLE));

static SD_VARLINK_DEFINE_METHOD(ListSessions, IN_MAYBE(user),
                                SD_VARLINK_DEFINE_OUTPUT_BY_TYPE(sessions, Session, SD_VARLINK_ARRAY));

static SD_VARLINK_DEFINE_METHOD(RevokeSession, IN_MAYBE(id), IN_MAYBE(user),
                                SD_VARLINK_DEFINE_OUTPUT(revoked, SD_VARLINK_INT, 0));

static SD_VARLINK_DEFINE_STRUCT_TYPE(
        Refusal, SD_VARLINK_FIELD_COMMENT("Null: nobody's name"),
        SD_VARLINK_DEFINE_FIELD(user, SD_VARLINK_STRING, SD_VARLINK_NULLABLE),
        SD_VARLINK_FIELD_COMMENT("Null: all those together for whom there was no more room"),
        SD_VARLINK_DEFINE_FIELD(network, SD_VARLINK_STRING, SD_VARLINK_NULLABLE),
        SD_VARLINK_FIELD_COMMENT("With a wrong name or password"), INT(wrong),
        SD_VARLINK_FIELD_COMMENT("Without a look at the password, because of those before"), INT(early));

static SD_VARLINK_DEFINE_METHOD(ListRefusals,
                                SD_VARLINK_DEFINE_OUTPUT_BY_TYPE(refusals, Refusal, SD_VARLINK_ARRAY));

static SD_VARLINK_DEFINE_METHOD(
        AddToken, IN(user), SD_VARLINK_FIELD_COMMENT("Where it is good, and nowhere else"), IN(host),
        SD_VARLINK_FIELD_COMMENT("What it is called: 1 to 160 printable ASCII characters"), IN(label),
        SD_VARLINK_FIELD_COMMENT("What the program sends in X-Hagw-Token; it is not shown again"),
        SD_VARLINK_DEFINE_OUTPUT(token, SD_VARLINK_STRING, 0),
        SD_VARLINK_DEFINE_OUTPUT(sessionId, SD_VARLINK_STRING, 0),
        SD_VARLINK_FIELD_COMMENT("May the user pass there?"),
        SD_VARLINK_DEFINE_OUTPUT(allowed, SD_VARLINK_BOOL, 0));

static SD_VARLINK_DEFINE_METHOD(PublishChallenge, IN(token), IN(keyAuthorization));
static SD_VARLINK_DEFINE_METHOD(WithdrawChallenge, IN(token));

static SD_VARLINK_DEFINE_ERROR(NoSuchUser, STRING(name));
static SD_VARLINK_DEFINE_ERROR(UserExists, STRING(name));
static SD_VARLINK_DEFINE_ERROR(BadUserName, STRING(name));
static SD_VARLINK_DEFINE_ERROR(BadPassword, STRING(reason));
static SD_VARLINK_DEFINE_ERROR(BadList, STRING(field));
static SD_VARLINK_DEFINE_ERROR(NoSuchSession);
static SD_VARLINK_DEFINE_ERROR(NotStored, STRING(reason));
static SD_VARLINK_DEFINE_ERROR(BadChallenge, STRING(token));
static SD_VARLINK_DEFINE_ERROR(Busy);
static SD_VARLINK_DEFINE_ERROR(Full, STRING(what), INT(limit));

SD_VARLINK_DEFINE_INTERFACE(
        io_hagw_Web, "io.hagw.Web",
        SD_VARLINK_INTERFACE_COMMENT("The pages' process: users, login sessions and HTTP-01 answers."),
        SD_VARLINK_SYMBOL_COMMENT("A person who may log in"), &vl_type_User,
        SD_VARLINK_SYMBOL_COMMENT("A login"), &vl_type_Session,
        SD_VARLINK_SYMBOL_COMMENT("Logins at one account from one network that were refused"),
        &vl_type_Refusal, &vl_method_ListUsers,
        SD_VARLINK_SYMBOL_COMMENT("Root only, like all methods about users and sessions."),
        &vl_method_AddUser, SD_VARLINK_SYMBOL_COMMENT("Ends the user's sessions."), &vl_method_SetPassword,
        SD_VARLINK_SYMBOL_COMMENT("Null leaves as it is."), &vl_method_SetUser,
        SD_VARLINK_SYMBOL_COMMENT("Ends the user's sessions."), &vl_method_RemoveUser,
        SD_VARLINK_SYMBOL_COMMENT(
                "Is this secret that of a live session that may reach the host? hagw-proxyd only. Renews "
                "the rolling lifetime."),
        &vl_method_CheckSession,
        SD_VARLINK_SYMBOL_COMMENT(
                "Something passed by these sessions in the last half minute: their idle time begins anew. "
                "hagw-proxyd only, which sends it without waiting for an answer."),
        &vl_method_NoteUse,
        SD_VARLINK_SYMBOL_COMMENT(
                "Streams the (public) ids of sessions that ended, or about which must be asked again "
                "because "
                "rights changed; the first message has none, but all that live. After a reconnect, forget "
                "every cached answer. hagw-proxyd only."),
        &vl_method_WatchRevocations, &vl_method_ListSessions,
        SD_VARLINK_SYMBOL_COMMENT("By public id, or all of a user's."), &vl_method_RevokeSession,
        SD_VARLINK_SYMBOL_COMMENT("In the last hour, the most first."), &vl_method_ListRefusals,
        SD_VARLINK_SYMBOL_COMMENT(
                "A session for a program that cannot log in. It is listed and revoked like others, and ends "
                "with the user's password."),
        &vl_method_AddToken,
        SD_VARLINK_SYMBOL_COMMENT(
                "What GET /.well-known/acme-challenge/TOKEN answers (RFC 8555 section 8.3), for an hour at "
                "most. hagw-acmed only."),
        &vl_method_PublishChallenge, &vl_method_WithdrawChallenge, &vl_error_NoSuchUser,
        &vl_error_UserExists,
        SD_VARLINK_SYMBOL_COMMENT(
                "Who was to be shut out is, and a restart undoes it until it is written, which is done when "
                "that works again"),
        &vl_error_NotStored, &vl_error_BadUserName, &vl_error_BadPassword,
        SD_VARLINK_SYMBOL_COMMENT("Hosts or groups that are none, or too many"), &vl_error_BadList,
        &vl_error_NoSuchSession,
        SD_VARLINK_SYMBOL_COMMENT("A token or key authorization that RFC 8555 section 8.3 does not allow"),
        &vl_error_BadChallenge,
        SD_VARLINK_SYMBOL_COMMENT("Too many passwords are being hashed; try again in a moment"),
        &vl_error_Busy, &vl_error_Full);
