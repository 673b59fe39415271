/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What can be called on a control connection: judged by hagw-tenantd, which the main thread asks. Runs in
 * the worker's thread. */

#include <ctype.h>
#include <stdio.h>

#include "hagw-proxyd/relay/control-attach.h"
#include "hagw-proxyd/relay/tenantinfo.h"
#include "hagw-proxyd/relay/tenants.h"
#include "hagw-proxyd/snapshot/snapshot.h"
#include "libhagw/crew/worker.h"
#include "libhagw/vl.h"

static bool is_printable(const char *s, size_t max) {
        size_t n = s ? strlen(s) : 0;

        for (size_t i = 0; i < n; i++)
                if (!isascii(s[i]) || !isprint((unsigned char) s[i]))
                        return false;
        return n > 0 && n <= max;
}

/* hagw-tenantd's errors that the other end may know. */
static const char *translate_error(const char *id) {
        static const char *const known[] = { "NotAdmitted", "Suspended", "NameNotYours", "BadCode",
                                             "OtherTenant", "TokensFull", "TokenShared" };
        const char *name = startswith(strempty(id), "io.hagw.Tenant.");

        for (size_t i = 0; name && i < ELEMENTSOF(known); i++)
                if (streq(known[i], name))
                        return known[i];
        return "Busy";
}

/* May end k. parameters: NULL where there was no memory. */
static void ask(Control *k, CallPeer peer, const char *method, sd_json_variant *parameters,
                void (*on_answer)(CallMessage *m)) {
        CallMessage *m = parameters ? message_new(&call_message) : NULL;

        if (!m || sd_json_variant_format(parameters, /* flags= */ 0, &m->parameters) < 0) {
                message_free(m ? &m->message : NULL);
                control_end(k, "Busy");
                return;
        }
        m->worker = k->worker;
        m->asker = k;
        m->on_answer = on_answer;
        m->peer = peer;
        m->method = method;
        k->asked = m;
        control_set_state(k, CONTROL_ASKED);
        loop_arm(&k->worker->loop, &k->timer, k->worker->loop.now_usec + CONTROL_ANSWER_USEC);
        queue_push(k->worker->main_queue, &m->message);
}

/* Reads and keeps who the proof says this is. False: nobody. */
static bool take_proof(Control *k, sd_json_variant *parameters, const char **ret_proof) {
        sd_json_variant *proof = parameters ? sd_json_variant_by_key(parameters, "proof") : NULL;
        const char *tenant = control_string(proof, "tenant"), *id = control_string(proof, "tokenId");

        if (!tenant || !relay_tenant_is_valid(tenant) || !id || !relay_token_id_is_valid(id))
                return false;
        (void) snprintf(k->tenant_name, sizeof(k->tenant_name), "%s", tenant);
        (void) snprintf(k->token_id, sizeof(k->token_id), "%s", id);
        *ret_proof = control_string(proof, "proof");
        return *ret_proof;
}

static sd_json_variant *build_proof(const Control *k, const char *proof) {
        sd_json_variant *v = NULL;

        (void) sd_json_buildo(
                &v, SD_JSON_BUILD_PAIR("tenant", SD_JSON_BUILD_STRING(k->tenant_name)),
                SD_JSON_BUILD_PAIR("tokenId", SD_JSON_BUILD_STRING(k->token_id)),
                SD_JSON_BUILD_PAIR("proof", SD_JSON_BUILD_STRING(proof)),
                SD_JSON_BUILD_PAIR("binding",
                                   SD_JSON_BUILD_BASE64(k->keys.binding, sizeof(k->keys.binding))));
        return v;
}

static void on_authenticated(CallMessage *m);

/* hagw-tenantd restarts, as with an upgrade: its socket keeps the question until it is back. Who waited in
 * vain already is not made to wait as long once more. */
static bool ask_again(Control *k, const CallMessage *m) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *parameters = NULL;
        uint64_t now = k->worker->loop.now_usec;

        if (k->asked_again || now + CONTROL_ANSWER_USEC > k->timer.due_usec + CONTROL_LOST_USEC ||
            !streq_ptr(m->error, VL_ERROR_UNREACHABLE) ||
            sd_json_parse(m->parameters, /* flags= */ 0, &parameters, NULL, NULL) < 0)
                return false;
        k->asked_again = true;
        ask(k, CALL_TENANTD, "io.hagw.Tenant.Authenticate", parameters, on_authenticated);
        return true;
}

static void on_authenticated(CallMessage *m) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *reply = NULL;
        Control *k = m->asker;
        TenantInfo *info;

        k->asked = NULL;
        if (m->failed && k->worker->told)
                control_dismiss(k); /* nobody is asked any more */
        else if (m->failed) {
                if (!ask_again(k, m))
                        control_end(k, translate_error(m->error));
        } else if (sd_json_parse(m->reply, /* flags= */ 0, &reply, NULL, NULL) < 0 ||
                   tenant_info_parse(sd_json_variant_by_key(reply, "tenant"), &info) < 0)
                control_end(k, "Busy");
        else
                control_admit(k, info);
}

static void authenticate(Control *k, sd_json_variant *parameters) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;
        const char *proof;

        if (!take_proof(k, parameters, &proof)) {
                control_end(k, "NotAdmitted");
                return;
        }
        v = build_proof(k, proof);
        ask(k, CALL_TENANTD, "io.hagw.Tenant.Authenticate", v, on_authenticated);
}

/* The object goes on at the tenant's home, where the message is read again. False: it stays, and ends. */
static bool move_home(Control *k, Worker *home, sd_json_variant *message) {
        ControlMessage *m = message_new(&control_message);
        Worker *w = k->worker;

        if (!m || sd_json_variant_format(message, /* flags= */ 0, &m->call) < 0) {
                message_free(m ? &m->message : NULL);
                control_end(k, "Busy");
                return false;
        }
        loop_disarm(&w->loop, &k->timer);
        loop_remove(&w->loop, &k->transport.handle);
        control_unlink_stranger(k);
        transport_leave(&k->transport, &home->loop, &home->pool); /* we may be gone before it arrives */
        m->control = k;
        worker_send(home, &m->message);
        return true;
}

/* Of a call that the tenant's home serves, where its agents are known. False: not here; it ended, or went
 * there, which *ret says as a method does. */
static bool take_home(Control *k, const ControlCall *call, sd_json_variant *message, const char **ret_proof,
                      bool *ret) {
        Worker *home;

        *ret = true;
        if (!take_proof(k, call->parameters, ret_proof)) {
                control_end(k, "NotAdmitted");
                return false;
        }
        home = tenants_home(k->worker, k->tenant_name);
        if (home == k->worker)
                return true;
        *ret = !move_home(k, home, message); /* k may be served there already */
        return false;
}

static bool call_attach(Control *k, const ControlCall *call, sd_json_variant *message) {
        const char *machine = control_string(call->parameters, "machine");
        const char *software = control_string(call->parameters, "software");
        const char *proof;
        bool stays;

        if (!call->more || !is_printable(machine, CONTROL_MACHINE_MAX) ||
            !is_printable(software, CONTROL_MACHINE_MAX)) {
                control_end(k, "NotAdmitted");
                return true;
        }
        if (!take_home(k, call, message, &proof, &stays))
                return stays;
        free(k->machine);
        free(k->software);
        k->machine = strdup(machine);
        k->software = strdup(software);
        machine_hear(&k->says, call->parameters);
        if (!k->machine || !k->software)
                control_end(k, "Busy");
        else
                authenticate(k, call->parameters);
        return true;
}

static void reply_and_leave(Control *k, sd_json_variant *reply) {
        if (control_send_reply(&k->transport, reply, /* continues= */ false) < 0)
                control_close(k);
        else
                control_leave(k);
}

/* hagw-tenantd's answer is the answer. */
static void on_passed_on(CallMessage *m) {
        Control *k = m->asker;

        k->asked = NULL;
        if (m->failed)
                control_end(k, translate_error(m->error));
        else
                reply_and_leave(k, NULL);
}

/* The same with what it says. */
static void on_account_set(CallMessage *m) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *reply = NULL;
        Control *k = m->asker;

        k->asked = NULL;
        if (m->failed)
                control_end(k, translate_error(m->error));
        else {
                if (m->reply)
                        (void) sd_json_parse(m->reply, /* flags= */ 0, &reply, NULL, NULL);
                reply_and_leave(k, reply);
        }
}

/* The fields of a call that hagw-tenantd is told beside the proof, by method. */
static void pass_on(Control *k, const ControlCall *call, const char *method, const char *const *fields,
                    void (*on_answer)(CallMessage *m)) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;
        const char *proof;

        if (!take_proof(k, call->parameters, &proof)) {
                control_end(k, "NotAdmitted");
                return;
        }
        v = build_proof(k, proof);
        for (; *fields; fields++)
                if (sd_json_variant_set_field_string(
                            &v, *fields, strempty(control_string(call->parameters, *fields))) < 0)
                        v = sd_json_variant_unref(v);
        ask(k, CALL_TENANTD_SLOWLY, method, v, on_answer);
}

static bool call_publish(Control *k, const ControlCall *call, sd_json_variant *message) {
        pass_on(k, call, "io.hagw.Tenant.PublishChallenge", (const char *const[]) { "name", "value", NULL },
                on_passed_on);
        return true;
}

static bool call_withdraw(Control *k, const ControlCall *call, sd_json_variant *message) {
        pass_on(k, call, "io.hagw.Tenant.WithdrawChallenge",
                (const char *const[]) { "name", "value", NULL }, on_passed_on);
        return true;
}

static bool call_set_account(Control *k, const ControlCall *call, sd_json_variant *message) {
        pass_on(k, call, "io.hagw.Tenant.SetAccount",
                (const char *const[]) { "issuer", "accountUri", NULL }, on_account_set);
        return true;
}

/* What came in by the token is cut when hagw-tenantd says so to everybody. Whether another machine has it,
 * too, is known at the tenant's home, and told to nobody who cannot prove it. */
static bool call_give_back(Control *k, const ControlCall *call, sd_json_variant *message) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;
        const char *proof;
        bool stays;

        if (!take_home(k, call, message, &proof, &stays))
                return stays;
        v = build_proof(k, proof);
        if (!control_boolean(call->parameters, "force") && control_token_is_shared(k, call->parameters) &&
            sd_json_variant_set_field_boolean(&v, "shared", true) < 0)
                v = sd_json_variant_unref(v);
        ask(k, CALL_TENANTD_SLOWLY, "io.hagw.Tenant.GiveBack", v, on_passed_on);
        return true;
}

static void on_left(CallMessage *m) {
        Control *k = m->asker;
        Tenant *t;

        k->asked = NULL;
        if (m->failed) {
                control_end(k, translate_error(m->error));
                return;
        }
        t = tenants_find(k->worker, k->tenant_name);
        if (t)
                control_settle(t);
        reply_and_leave(k, NULL);
}

/* A machine whose place was taken, and which does not want it back. */
static bool call_leave(Control *k, const ControlCall *call, sd_json_variant *message) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;
        const char *proof;
        bool stays;

        if (!take_home(k, call, message, &proof, &stays))
                return stays;
        v = build_proof(k, proof);
        ask(k, CALL_TENANTD, "io.hagw.Tenant.Authenticate", v, on_left);
        return true;
}

static void on_enrolled(CallMessage *m) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *reply = NULL;
        Control *k = m->asker;
        const char *tenant, *zone = k->worker->snapshot->routes->tenants_zone;
        char name[HOSTNAME_LABEL_MAX + HOSTNAME_MAX + 2];

        k->asked = NULL;
        if (m->failed) {
                control_end(k, translate_error(m->error));
                return;
        }
        if (sd_json_parse(m->reply, /* flags= */ 0, &reply, NULL, NULL) < 0 ||
            !(tenant = control_string(reply, "tenant")) || !zone) {
                control_end(k, "Busy");
                return;
        }
        (void) snprintf(name, sizeof(name), "%s.%s", tenant, zone);
        if (sd_json_variant_set_field_string(&reply, "zone", name) < 0)
                control_end(k, "Busy");
        else
                reply_and_leave(k, reply);
}

static bool call_enrol(Control *k, const ControlCall *call, sd_json_variant *message) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;
        const char *code = control_string(call->parameters, "code");
        const char *key = control_string(call->parameters, "storedKey");
        const char *tenant = control_string(call->parameters, "tenant");
        char address[IP_TEXT_MAX];

        if (!code || !key || (tenant && !relay_tenant_is_valid(tenant))) {
                control_end(k, "BadCode");
                return true;
        }
        (void) sd_json_buildo(&v, SD_JSON_BUILD_PAIR("code", SD_JSON_BUILD_STRING(code)),
                              SD_JSON_BUILD_PAIR("storedKey", SD_JSON_BUILD_STRING(key)),
                              SD_JSON_BUILD_PAIR_CONDITION(!!tenant, "tenant", SD_JSON_BUILD_STRING(tenant)),
                              SD_JSON_BUILD_PAIR("address",
                                                 SD_JSON_BUILD_STRING(ip_format(&k->address, address))));
        ask(k, CALL_TENANTD_SLOWLY, "io.hagw.Tenant.Enrol", v, on_enrolled);
        return true;
}

static bool call_describe(Control *k, const ControlCall *call, sd_json_variant *message) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;
        const RouteTable *routes = k->worker->snapshot->routes;

        if (sd_json_buildo(&v,
                           SD_JSON_BUILD_PAIR("name", SD_JSON_BUILD_STRING(strempty(routes->tenants_name))),
                           SD_JSON_BUILD_PAIR("zone", SD_JSON_BUILD_STRING(strempty(routes->tenants_zone))),
                           SD_JSON_BUILD_PAIR("software", SD_JSON_BUILD_STRING("hagw " VERSION))) < 0)
                control_close(k);
        else
                reply_and_leave(k, v);
        return true;
}

bool control_on_call(Control *k, sd_json_variant *message) {
        static const struct {
                const char *name;
                bool (*serve)(Control *k, const ControlCall *call, sd_json_variant *message);
        } methods[] = {
                { "io.hagw.Relay.Attach", call_attach },
                { "io.hagw.Relay.PublishChallenge", call_publish },
                { "io.hagw.Relay.WithdrawChallenge", call_withdraw },
                { "io.hagw.Relay.SetAccount", call_set_account },
                { "io.hagw.Relay.Enrol", call_enrol },
                { "io.hagw.Relay.GiveBack", call_give_back },
                { "io.hagw.Relay.Leave", call_leave },
                { "io.hagw.Relay.Describe", call_describe },
        };
        ControlCall call;

        if (control_read_call(message, &call) < 0) {
                control_close(k);
                return true;
        }
        for (size_t i = 0; i < ELEMENTSOF(methods); i++)
                if (streq(methods[i].name, call.method))
                        return methods[i].serve(k, &call, message);
        if (control_send_error(&k->transport, "org.varlink.service.MethodNotFound", NULL) < 0)
                control_close(k);
        else
                control_leave(k);
        return true;
}
