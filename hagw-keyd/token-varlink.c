/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* io.hagw.Key's methods about the relay's token, which is a file: the writer's thread reads and changes it,
 * the main thread judges what is asked and answers. */

#include <time.h>

#include "hagw-keyd/keyd-varlink.h"
#include "hagw-keyd/task.h"
#include "hagw-keyd/token.h"
#include "libhagw/log.h"
#include "libhagw/usec.h"
#include "libhagw/vl-io.hagw.Key.h"

#define BINDING_BASE64_LENGTH ((RELAY_BINDING_SIZE + 2) / 3 * 4) /* characters */

typedef struct TokenTask {
        Task task;
        /* What is asked. */
        RelayToken token;
        uint8_t binding[RELAY_BINDING_SIZE];
        /* What came of it. */
        TokenFile file;
        uint8_t stored_key[RELAY_SECRET_SIZE], proof[RELAY_SECRET_SIZE];
        char status[TOKEN_STATUS_SIZE];
        bool credential_wins;
} TokenTask;

static void token_release(Task *task) {
        TokenTask *t = (TokenTask *) task;

        explicit_bzero(&t->token, sizeof(t->token));
        token_file_wipe(&t->file);
        explicit_bzero(t->proof, sizeof(t->proof));
}

/* A file that is broken or missing is no token to the caller; which it is, is in the log. */
static int answer_failure(Task *t) {
        if (t->result == -ENOENT || t->result == -EBADMSG)
                return sd_varlink_error(t->link, KEY_ERROR_NO_TOKEN, NULL);
        (void) log_error_errno(t->result, "Could not use the relay token: %m");
        return sd_varlink_error_errno(t->link, t->result);
}

/* What has become of the token, for the status line. */
static void change_look(TokenTask *t) {
        int fd = t->task.keyd->state_fd;

        keyd_describe_token(fd, t->status);
        t->credential_wins = token_load(fd, &t->file) >= 0 && t->file.created_usec == 0;
}

static int change_answer(Task *task) {
        TokenTask *t = (TokenTask *) task;

        if (task->result != -ECANCELED) {
                memcpy(task->keyd->token_status, t->status, sizeof(t->status));
                keyd_update_status(task->keyd);
        }
        if (task->result >= 0 && t->credential_wins)
                log_warning("The credential " TOKEN_CREDENTIAL " is there, too, and is used in place of the "
                            "token in the state.");
        return task->result < 0 ? answer_failure(task) : sd_varlink_reply(task->link, NULL);
}

static int prepare_run(Task *task) {
        return token_prepare(task->keyd->state_fd, ((TokenTask *) task)->stored_key);
}

static int prepare_answer(Task *task) {
        TokenTask *t = (TokenTask *) task;

        if (task->result < 0)
                return answer_failure(task);
        return sd_varlink_replybo(
                task->link,
                SD_JSON_BUILD_PAIR("storedKey", SD_JSON_BUILD_BASE64(t->stored_key, sizeof(t->stored_key))));
}

static int adopt_run(Task *task) {
        TokenTask *t = (TokenTask *) task;
        int r = token_adopt(task->keyd->state_fd, t->token.tenant, t->token.id, clock_usec(CLOCK_REALTIME));

        change_look(t);
        return r;
}

static int import_run(Task *task) {
        TokenTask *t = (TokenTask *) task;
        int r = token_store(task->keyd->state_fd, &t->token, clock_usec(CLOCK_REALTIME));

        change_look(t);
        return r;
}

static int remove_run(Task *task) {
        int r = token_remove(task->keyd->state_fd);

        change_look((TokenTask *) task);
        return r;
}

static int get_run(Task *task) {
        return token_load(task->keyd->state_fd, &((TokenTask *) task)->file);
}

static int get_answer(Task *task) {
        const TokenFile *f = &((TokenTask *) task)->file;

        if (task->result < 0)
                return answer_failure(task);
        return sd_varlink_replybo(
                task->link, SD_JSON_BUILD_PAIR("tenant", SD_JSON_BUILD_STRING(f->token.tenant)),
                SD_JSON_BUILD_PAIR("tokenId", SD_JSON_BUILD_STRING(f->token.id)),
                SD_JSON_BUILD_PAIR_CONDITION(f->created_usec > 0, "createdUSec",
                                             SD_JSON_BUILD_UNSIGNED(f->created_usec)));
}

static int prove_run(Task *task) {
        TokenTask *t = (TokenTask *) task;
        int r = token_load(task->keyd->state_fd, &t->file);

        return r < 0 ? r : token_prove(&t->file.token, t->binding, t->proof);
}

static int prove_answer(Task *task) {
        TokenTask *t = (TokenTask *) task;
        const TokenFile *f = &t->file;

        if (task->result < 0)
                return answer_failure(task);
        task->keyd->signatures[SIGNATURE_PROOF]++;
        return sd_varlink_replybo(
                task->link, SD_JSON_BUILD_PAIR("tenant", SD_JSON_BUILD_STRING(f->token.tenant)),
                SD_JSON_BUILD_PAIR("tokenId", SD_JSON_BUILD_STRING(f->token.id)),
                SD_JSON_BUILD_PAIR("proof", SD_JSON_BUILD_BASE64(t->proof, sizeof(t->proof))));
}

typedef enum TokenMethod {
        TOKEN_PREPARE,
        TOKEN_ADOPT,
        TOKEN_IMPORT,
        TOKEN_REMOVE,
        TOKEN_GET,
        TOKEN_PROVE,
        _TOKEN_METHOD_MAX,
} TokenMethod;

static const TaskKind kinds[_TOKEN_METHOD_MAX] = {
        [TOKEN_PREPARE] = { sizeof(TokenTask), prepare_run, prepare_answer, token_release },
        [TOKEN_ADOPT] = { sizeof(TokenTask), adopt_run, change_answer, token_release },
        [TOKEN_IMPORT] = { sizeof(TokenTask), import_run, change_answer, token_release },
        [TOKEN_REMOVE] = { sizeof(TokenTask), remove_run, change_answer, token_release },
        [TOKEN_GET] = { sizeof(TokenTask), get_run, get_answer, token_release },
        [TOKEN_PROVE] = { sizeof(TokenTask), prove_run, prove_answer, token_release },
};

/* token and binding may be NULL. */
static int token_start(sd_varlink *link, Keyd *keyd, TokenMethod method, const RelayToken *token,
                       const void *binding) {
        TokenTask *t = task_new(kinds + method, keyd, link, NULL);

        if (!t)
                return -ENOMEM;
        if (token)
                t->token = *token;
        if (binding)
                memcpy(t->binding, binding, sizeof(t->binding));
        /* What only reads is not kept waiting by those who change. */
        return task_start(&t->task, keyd->writer, method >= TOKEN_GET ? JOB_URGENT : JOB_ORDINARY);
}

typedef struct Parameters {
        const char *tenant, *token_id, *token;
        sd_json_variant *binding;
} Parameters;

static int vl_method_prepare_token(sd_varlink *link, void *parameters, unsigned flags, void *userdata) {
        return token_start(link, userdata, TOKEN_PREPARE, NULL, NULL);
}

static int vl_method_adopt_token(sd_varlink *link, void *parameters, unsigned flags, void *userdata) {
        RelayToken token = {};
        const Parameters *p = parameters;

        if (!relay_tenant_is_valid(p->tenant))
                return sd_varlink_error_invalid_parameter_name(link, "tenant");
        if (!relay_token_id_is_valid(p->token_id))
                return sd_varlink_error_invalid_parameter_name(link, "tokenId");
        (void) stpcpy(token.tenant, p->tenant);
        (void) stpcpy(token.id, p->token_id);
        return token_start(link, userdata, TOKEN_ADOPT, &token, NULL);
}

static int vl_method_import_token(sd_varlink *link, void *parameters, unsigned flags, void *userdata) {
        _cleanup_relay_token_ RelayToken t = {};
        const Parameters *p = parameters;

        if (relay_token_parse(p->token, strlen(p->token), &t) < 0)
                return sd_varlink_error_invalid_parameter_name(link, "token");
        return token_start(link, userdata, TOKEN_IMPORT, &t, NULL);
}

static int vl_method_remove_token(sd_varlink *link, void *parameters, unsigned flags, void *userdata) {
        return token_start(link, userdata, TOKEN_REMOVE, NULL, NULL);
}

static int vl_method_get_token(sd_varlink *link, void *parameters, unsigned flags, void *userdata) {
        return token_start(link, userdata, TOKEN_GET, NULL, NULL);
}

static int vl_method_prove_token(sd_varlink *link, void *parameters, unsigned flags, void *userdata) {
        _cleanup_free_ void *binding = NULL;
        const Parameters *p = parameters;
        size_t size;

        if (strlen(sd_json_variant_string(p->binding)) != BINDING_BASE64_LENGTH ||
            sd_json_variant_unbase64(p->binding, &binding, &size) < 0 || size != RELAY_BINDING_SIZE)
                return sd_varlink_error_invalid_parameter_name(link, "binding");
        return token_start(link, userdata, TOKEN_PROVE, NULL, binding);
}

const VlMethod token_methods[] = {
        { "io.hagw.Key.PrepareToken", VL_PEER_ROOT, vl_method_prepare_token },
        { "io.hagw.Key.AdoptToken", VL_PEER_ROOT, vl_method_adopt_token,
          VL_PARAMETERS(Parameters,
                        FIELD_STRING("tenant", Parameters, tenant),
                        FIELD_STRING("tokenId", Parameters, token_id)) },
        { "io.hagw.Key.ImportToken", VL_PEER_ROOT, vl_method_import_token,
          VL_PARAMETERS(Parameters, FIELD_STRING("token", Parameters, token)),
          .secret = true },
        { "io.hagw.Key.RemoveToken", VL_PEER_ROOT, vl_method_remove_token },
        { "io.hagw.Key.GetToken", VL_PEER_PROXYD, vl_method_get_token },
        { "io.hagw.Key.ProveToken", VL_PEER_PROXYD, vl_method_prove_token,
          VL_PARAMETERS(Parameters, FIELD_VARIANT("binding", STRING, Parameters, binding)) },
        {},
};
