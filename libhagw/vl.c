/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The server side of varlink: one server per process, a table of methods, who may call, and streams to
 * subscribers. Main thread only. */

#include <pwd.h>
#include <stdio.h>

#include "libhagw/log.h"
#include "libhagw/pure/list.h"
#include "libhagw/pure/strv.h"
#include "libhagw/vl.h"

static const struct {
        VlPeer peer;
        const char *user;
} peer_users[] = {
        { VL_PEER_DNSD, "hagw-dnsd" },   { VL_PEER_NETD, "hagw-netd" },     { VL_PEER_KEYD, "hagw-keyd" },
        { VL_PEER_ACMED, "hagw-acmed" }, { VL_PEER_PROXYD, "hagw-proxyd" }, { VL_PEER_WEBD, "hagw-webd" },
        { VL_PEER_TENANTD, "hagw-tenantd" },
};

static VlStream *streams; /* those that have or had subscribers */

/* The users are static (sysusers): once found, a uid is not looked up again, or each call would read
 * /etc/passwd. */
static uid_t peer_uids[ELEMENTSOF(peer_users)];

static bool uid_is_user(uid_t uid, size_t i) {
        struct passwd pw, *found = NULL;
        char buffer[4096];

        if (peer_uids[i] == 0 && getpwnam_r(peer_users[i].user, &pw, buffer, sizeof(buffer), &found) == 0 &&
            found)
                peer_uids[i] = found->pw_uid;
        return peer_uids[i] != 0 && peer_uids[i] == uid;
}

int vl_peer(sd_varlink *link, unsigned peers) {
        uid_t uid;
        int r;

        vl_limit_check(link);
        r = sd_varlink_get_peer_uid(link, &uid);
        if (r < 0)
                return r;
        if (uid == 0 || uid == geteuid())
                return VL_PEER_ROOT;
        for (size_t i = 0; i < ELEMENTSOF(peer_users); i++)
                if ((peers & peer_users[i].peer) && uid_is_user(uid, i))
                        return (int) peer_users[i].peer;
        return -EACCES;
}

/* --- methods ------------------------------------------------------------------------------------------- */

static const sd_json_dispatch_field no_fields[] = { {} };

static void parameters_free(const sd_json_dispatch_field *f, uint8_t *parameters) {
        for (; f->name; f++)
                if (f->callback == sd_json_dispatch_strv)
                        strv_free(*(char ***) (parameters + f->offset));
}

static int method_call(const VlMethod *m, sd_varlink *link, sd_json_variant *json, unsigned flags,
                       void *userdata) {
        _Alignas(max_align_t) uint8_t parameters[VL_PARAMETERS_MAX] = {};
        int r;

        if (m->secret) {
                (void) sd_varlink_set_input_sensitive(link);
                sd_json_variant_sensitive(json);
        }
        if (m->defaults)
                memcpy(parameters, m->defaults, m->size);
        r = vl_peer(link, m->peers);
        if (r < 0)
                return r == -EACCES ? sd_varlink_error(link, SD_VARLINK_ERROR_PERMISSION_DENIED, NULL) : r;
        r = sd_varlink_dispatch(link, json, m->fields ?: no_fields, parameters);
        if (r == 0)
                r = m->handler(link, parameters, flags, userdata);
        parameters_free(m->fields ?: no_fields, parameters);
        return r;
}

/* libsystemd 257 does not tell a callback which method was called: each row has one of its own, that knows
 * the row by its place. */
static const VlMethod *rows[VL_METHODS_MAX];
static size_t n_rows;

#define FOR_EACH_ROW(X)                                                                                     \
        X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14) X(15)               \
        X(16) X(17) X(18) X(19) X(20) X(21) X(22) X(23) X(24) X(25) X(26) X(27) X(28) X(29) X(30) X(31)
#define DEFINE_CALLBACK(i)                                                                                  \
        static int on_call_##i(sd_varlink *link, sd_json_variant *json, sd_varlink_method_flags_t flags,    \
                               void *userdata) {                                                            \
                return method_call(rows[i], link, json, flags, userdata);                                   \
        }
#define NAME_CALLBACK(i) on_call_##i,
FOR_EACH_ROW(DEFINE_CALLBACK)
static const sd_varlink_method_t callbacks[] = { FOR_EACH_ROW(NAME_CALLBACK) };
_Static_assert(ELEMENTSOF(callbacks) == VL_METHODS_MAX, "a callback for each row");

/* tests/component/test_callers.py reads it. */
static void method_tell(const VlMethod *m) {
        char text[256] = "", *end = text;

        for (size_t i = 0; i < ELEMENTSOF(peer_users); i++)
                if (m->peers & peer_users[i].peer)
                        end = stpcpy(stpcpy(end, " "), peer_users[i].user);
        log_debug("%s is for root%s.", m->name, text);
}

int vl_server_add_methods(sd_varlink_server *server, const VlMethod *methods) {
        int r;

        for (const VlMethod *m = methods; m && m->name; m++) {
                assert(m->peers != 0 && m->size <= VL_PARAMETERS_MAX);
                if (n_rows == VL_METHODS_MAX)
                        return -EXFULL;
                rows[n_rows] = m;
                r = sd_varlink_server_bind_method(server, m->name, callbacks[n_rows++]);
                if (r < 0)
                        return r;
                method_tell(m);
        }
        return 0;
}

/* --- the server ---------------------------------------------------------------------------------------- */

static void stream_remove(VlStream *s, sd_varlink *link) {
        for (size_t i = 0; i < s->n_links; i++)
                if (s->links[i] == link) {
                        s->links[i] = s->links[--s->n_links];
                        sd_varlink_unref(link);
                        return;
                }
}

static int on_connect(sd_varlink_server *server, sd_varlink *link, void *userdata) {
        return vl_limit_add(link);
}

static void on_disconnect(sd_varlink_server *server, sd_varlink *link, void *userdata) {
        vl_limit_remove(link);
        for (VlStream *s = streams; s; s = s->next)
                stream_remove(s, link);
}

int vl_server_new(sd_varlink_server **ret, sd_event *event, void *userdata) {
        _cleanup_(sd_varlink_server_unrefp) sd_varlink_server *s = NULL;
        int r;

        r = sd_varlink_server_new(&s, SD_VARLINK_SERVER_ACCOUNT_UID | SD_VARLINK_SERVER_INHERIT_USERDATA);
        if (r < 0)
                return r;
        (void) sd_varlink_server_set_connections_max(s, VL_CONNECTIONS_MAX);
        (void) sd_varlink_server_set_connections_per_uid_max(s, VL_CONNECTIONS_PER_UID_MAX);
        (void) sd_varlink_server_set_userdata(s, userdata);
        r = sd_varlink_server_set_info(s, "hagw", "Home Assistant Gateway", PACKAGE_VERSION, NULL);
        if (r < 0)
                return r;
        r = sd_varlink_server_bind_connect(s, on_connect);
        if (r < 0)
                return r;
        r = sd_varlink_server_bind_disconnect(s, on_disconnect);
        if (r < 0)
                return r;
        r = sd_varlink_server_listen_auto(s);
        if (r < 0)
                return r;
        if (r == 0)
                return -ENOTCONN;
        r = sd_varlink_server_attach_event(s, event, SD_EVENT_PRIORITY_NORMAL);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(s);
        return 0;
}

int vl_stream_answer(VlStream *s, sd_varlink *link, unsigned flags, sd_json_variant *first) {
        int r;

        if (!(flags & SD_VARLINK_METHOD_MORE))
                return sd_varlink_reply(link, first);
        if (!GREEDY_REALLOC(s->links, s->allocated, s->n_links + 1))
                return -ENOMEM;
        r = sd_varlink_notify(link, first);
        if (r < 0)
                return r;
        s->links[s->n_links++] = sd_varlink_ref(link);
        if (!s->place)
                LIST_ADD(&streams, s);
        return 0;
}

void vl_stream_send(VlStream *s, sd_json_variant *message) {
        /* A failed send leads to a disconnect event, which takes the link out. */
        for (size_t i = 0; i < s->n_links; i++)
                (void) sd_varlink_notify(s->links[i], message);
}

void vl_stream_done(VlStream *s) {
        LIST_REMOVE(s);
        for (size_t i = 0; i < s->n_links; i++)
                sd_varlink_unref(s->links[i]);
        free(s->links);
        *s = (VlStream) {};
}
