/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* io.hagw.Key's methods that change which keys there are. A key is made or judged on the maker's thread, its
 * file written or removed on the writer's; handlers and answers are the main thread's. */

#include <time.h>

#include "hagw-keyd/keyd-varlink.h"
#include "hagw-keyd/task.h"
#include "libhagw/log.h"
#include "libhagw/usec.h"
#include "libhagw/vl-io.hagw.Key.h"

static int refuse_key(sd_varlink *link, const char *reason) {
        return sd_varlink_errorbo(link, KEY_ERROR_BAD_KEY,
                                  SD_JSON_BUILD_PAIR("reason", SD_JSON_BUILD_STRING(reason)));
}

static int refuse_full(sd_varlink *link) {
        return sd_varlink_errorbo(link, KEY_ERROR_KEYS_FULL,
                                  SD_JSON_BUILD_PAIR("limit", SD_JSON_BUILD_UNSIGNED(KEYS_MAX)));
}

static int add_run(Task *t) {
        return keys_write(t->keyd->keys, t->key);
}

static int add_answer(Task *t) {
        keys_add_end(t->keyd->keys, t->key, t->result);
        if (t->result < 0) {
                (void) log_error_errno(t->result, "Could not store a key: %m");
                return t->result == -EBUSY ? refuse_busy(t->link, t->keyd)
                                           : sd_varlink_error_errno(t->link, t->result);
        }
        keyd_update_status(t->keyd);
        return reply_key(t->link, t->key);
}

/* Answers with the key, when it is written. */
static int add_key(sd_varlink *link, Keyd *keyd, Key *k) {
        static const TaskKind kind = { sizeof(Task), add_run, add_answer, NULL };
        Key *there;
        Task *t;
        int r;

        r = keys_add_begin(keyd->keys, k, &there);
        if (r == 0)
                return reply_key(link, there);
        if (r == -EXFULL)
                return refuse_full(link);
        if (r == -EEXIST)
                return refuse_key(link, "This key is already held for another purpose.");
        if (r == -EBUSY)
                return refuse_busy(link, keyd);
        if (r < 0)
                return r;
        t = task_new(&kind, keyd, link, k);
        if (!t) {
                keys_add_end(keyd->keys, k, -ENOMEM);
                return -ENOMEM;
        }
        return task_go_on(t, keyd->writer);
}

typedef struct MakeTask {
        Task task;
        KeyPurpose purpose;
        KeyAlgorithm algorithm;
        char *pem; /* NULL: a new key is made */
        Key *made;
} MakeTask;

static int make_run(Task *task) {
        MakeTask *t = (MakeTask *) task;

        return t->pem ? key_import(t->pem, strlen(t->pem), &t->made) : key_generate(t->algorithm, &t->made);
}

static void make_release(Task *task) {
        MakeTask *t = (MakeTask *) task;

        if (t->pem)
                explicit_bzero(t->pem, strlen(t->pem));
        free(t->pem);
        key_unref(t->made);
}

static const char *import_complaint(int error) {
        switch (error) {
        case -EKEYREJECTED:
                return "The key is encrypted; decrypt it first (openssl pkey -in FILE -out FILE).";
        case -EOPNOTSUPP:
                return "Only ECDSA P-256 and P-384 and RSA with 2048, 3072 or 4096 bits are taken.";
        default:
                return "This is not a PEM private key, or its parts do not fit together.";
        }
}

static int make_answer(Task *task) {
        MakeTask *t = (MakeTask *) task;

        if (task->result == -ENOMEM || task->result == -ECANCELED)
                return task->result;
        if (task->result < 0)
                return t->pem ? refuse_key(task->link, import_complaint(task->result)) : task->result;
        t->made->purpose = t->purpose;
        t->made->created_usec = clock_usec(CLOCK_REALTIME);
        t->made->imported = !!t->pem;
        return add_key(task->link, task->keyd, t->made);
}

static const TaskKind make_kind = { sizeof(MakeTask), make_run, make_answer, make_release };

typedef struct Parameters {
        const char *purpose, *algorithm, *pem, *id;
} Parameters;

static int vl_method_generate(sd_varlink *link, void *parameters, unsigned flags, void *userdata) {
        Keyd *keyd = userdata;
        KeyAlgorithm algorithm;
        const Parameters *p = parameters;
        MakeTask *t;

        if (key_purpose_from_string(p->purpose) < 0)
                return sd_varlink_error_invalid_parameter_name(link, "purpose");
        algorithm = p->algorithm ? key_algorithm_from_string(p->algorithm) : KEY_ECDSA_P256;
        if (algorithm < 0)
                return sd_varlink_error_invalid_parameter_name(link, "algorithm");
        if (keys_is_full(keyd->keys))
                return refuse_full(link);
        t = task_new(&make_kind, keyd, link, NULL);
        if (!t)
                return -ENOMEM;
        t->purpose = key_purpose_from_string(p->purpose);
        t->algorithm = algorithm;
        return task_start(&t->task, keyd->maker, JOB_ORDINARY);
}

static int vl_method_import(sd_varlink *link, void *parameters, unsigned flags, void *userdata) {
        _cleanup_(task_freep) Task *task = NULL;
        const Parameters *p = parameters;
        Keyd *keyd = userdata;
        MakeTask *t;

        if (key_purpose_from_string(p->purpose) < 0)
                return sd_varlink_error_invalid_parameter_name(link, "purpose");
        if (strlen(p->pem) > KEY_PEM_MAX)
                return refuse_key(link, "The text is too long for a private key.");
        t = task_new(&make_kind, keyd, link, NULL);
        if (!t)
                return -ENOMEM;
        task = &t->task;
        t->purpose = key_purpose_from_string(p->purpose);
        t->pem = strdup(p->pem);
        if (!t->pem)
                return -ENOMEM;
        return task_start(TAKE_PTR(task), keyd->maker, JOB_ORDINARY);
}

static int remove_run(Task *t) {
        return keys_unlink(t->keyd->keys, t->key);
}

static int remove_answer(Task *t) {
        keys_remove_end(t->keyd->keys, t->key, t->result);
        if (t->result < 0)
                return t->result == -EBUSY ? refuse_busy(t->link, t->keyd)
                                           : sd_varlink_error_errno(t->link, t->result);
        keyd_update_status(t->keyd);
        return sd_varlink_reply(t->link, NULL);
}

static int vl_method_remove(sd_varlink *link, void *parameters, unsigned flags, void *userdata) {
        static const TaskKind kind = { sizeof(Task), remove_run, remove_answer, NULL };
        const Parameters *p = parameters;
        Keyd *keyd = userdata;
        Task *t;
        Key *k;
        int r;

        k = find_key(link, keyd, p->id, _KEY_PURPOSE_INVALID, &r);
        if (!k)
                return r;
        if (keyd->draining)
                return refuse_busy(link, keyd);
        t = task_new(&kind, keyd, link, k);
        if (!t)
                return -ENOMEM;
        r = keys_remove_begin(keyd->keys, k);
        if (r < 0) {
                task_free(t);
                return r == -EBUSY ? refuse_busy(link, keyd) : r;
        }
        return task_go_on(t, keyd->writer);
}

const VlMethod store_methods[] = {
        { "io.hagw.Key.Generate", VL_PEER_ACMED, vl_method_generate,
          VL_PARAMETERS(Parameters,
                        FIELD_STRING("purpose", Parameters, purpose),
                        FIELD_STRING("algorithm", Parameters, algorithm, SD_JSON_NULLABLE)) },
        { "io.hagw.Key.Import", VL_PEER_ROOT, vl_method_import,
          VL_PARAMETERS(Parameters,
                        FIELD_STRING("purpose", Parameters, purpose),
                        FIELD_STRING("pem", Parameters, pem)),
          .secret = true },
        { "io.hagw.Key.Remove", VL_PEER_ACMED, vl_method_remove,
          VL_PARAMETERS(Parameters, FIELD_STRING("id", Parameters, id)) },
        {},
};
