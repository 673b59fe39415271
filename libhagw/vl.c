/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The server side of varlink: one server per process, a table of methods, who may call, and streams to
 * subscribers. Main thread only. */

#include <pwd.h>
#include <stdio.h>

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

int vl_check_peer(sd_varlink *link, unsigned peers) {
        const int r = vl_peer(link, peers);

        if (r == -EACCES)
                return sd_varlink_error(link, SD_VARLINK_ERROR_PERMISSION_DENIED, NULL);
        return MIN(r, 0);
}

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

int vl_server_new(sd_varlink_server **ret, sd_event *event, const VlMethod *methods, void *userdata) {
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
        for (; methods->name; methods++) {
                r = sd_varlink_server_bind_method(s, methods->name, methods->handler);
                if (r < 0)
                        return r;
        }
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

int vl_stream_add(VlStream *s, sd_varlink *link, sd_json_variant *first) {
        int r;

        if (!GREEDY_REALLOC(s->links, s->allocated, s->n_links + 1))
                return -ENOMEM;
        r = sd_varlink_notify(link, first);
        if (r < 0)
                return r;
        s->links[s->n_links++] = sd_varlink_ref(link);
        if (!s->listed) {
                s->next = streams;
                streams = s;
                s->listed = true;
        }
        return 0;
}

void vl_stream_send(VlStream *s, sd_json_variant *message) {
        /* A failed send leads to a disconnect event, which takes the link out. */
        for (size_t i = 0; i < s->n_links; i++)
                (void) sd_varlink_notify(s->links[i], message);
}

void vl_stream_done(VlStream *s) {
        for (VlStream **p = &streams; *p; p = &(*p)->next)
                if (*p == s) {
                        *p = s->next;
                        break;
                }
        for (size_t i = 0; i < s->n_links; i++)
                sd_varlink_unref(s->links[i]);
        free(s->links);
        *s = (VlStream) {};
}
