/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Users over varlink. A change is stored before it is answered, and undone where it could not be stored, but
 * for what shuts somebody out: that holds at once, and is written when there is room. Calls that carry a
 * password are answered when its hash is made. Main thread only. */

#include "hagw-webd/store.h"
#include "hagw-webd/webd-varlink.h"
#include "libhagw/log.h"
#include "libhagw/password.h"
#include "libhagw/pure/strv.h"
#include "libhagw/usec.h"

#define ERROR(name) "io.hagw.Web." name

/* A call that waits for a hash. */
typedef struct Change {
        Manager *manager;
        sd_varlink *link;
        bool add;
        char *name;
        char **hosts, **groups; /* add */
} Change;

static Change *change_free(Change *c) {
        if (!c)
                return NULL;
        sd_varlink_unref(c->link);
        free(c->name);
        strv_free(c->hosts);
        strv_free(c->groups);
        free(c);
        return NULL;
}
DEFINE_TRIVIAL_CLEANUP_FUNC(Change *, change_free)

static int error_name(sd_varlink *link, const char *error, const char *name) {
        return sd_varlink_errorbo(link, error, SD_JSON_BUILD_PAIR("name", SD_JSON_BUILD_STRING(name)));
}

static int error_full(sd_varlink *link) {
        return sd_varlink_errorbo(link, ERROR("Full"),
                                  SD_JSON_BUILD_PAIR("what", SD_JSON_BUILD_STRING("users")),
                                  SD_JSON_BUILD_PAIR("limit", SD_JSON_BUILD_UNSIGNED(USERS_MAX)));
}

static int change_add(Change *c, const char *hash) {
        Manager *m = c->manager;
        User *u;
        int r;

        /* Of one of that name who was removed, sessions must not come back as this one's. */
        r = m->sessions_dirty ? store_sessions(m) : 0;
        if (r < 0)
                return sd_varlink_error_errno(c->link, r);
        r = user_add(&m->users, c->name, hash, c->hosts, c->groups, clock_usec(CLOCK_REALTIME), &u);
        if (r == -EEXIST)
                return error_name(c->link, ERROR("UserExists"), c->name);
        if (r == -E2BIG)
                return error_full(c->link);
        if (r < 0)
                return sd_varlink_error_errno(c->link, r);
        c->hosts = c->groups = NULL;
        r = store_users(m);
        if (r < 0) {
                user_remove(&m->users, u);
                return sd_varlink_error_errno(c->link, r);
        }
        log_info("User %s was added.", c->name);
        return sd_varlink_reply(c->link, NULL);
}

static int change_password(Change *c, const char *hash) {
        Manager *m = c->manager;
        User *u = user_find(&m->users, c->name);
        char *new, *old;
        int r;

        if (!u)
                return error_name(c->link, ERROR("NoSuchUser"), c->name);
        new = strdup(hash);
        if (!new)
                return sd_varlink_error_errno(c->link, -ENOMEM);
        old = u->hash;
        u->hash = new;
        r = store_users(m);
        if (r < 0) {
                u->hash = old;
                free(new);
                return sd_varlink_error_errno(c->link, r);
        }
        explicit_bzero(old, strlen(old));
        free(old);
        log_info("The password of user %s was changed.", c->name);
        /* Who came in with the old one. */
        r = manager_end_sessions(m, /* id= */ NULL, c->name, /* ret_n= */ NULL);
        return r < 0 ? reply_not_stored(c->link, r) : sd_varlink_reply(c->link, NULL);
}

static void on_hash(int result, const char *hash, void *userdata) {
        _cleanup_(change_freep) Change *c = userdata;
        int r;

        if (result < 0)
                r = sd_varlink_error_errno(c->link, result);
        else
                r = c->add ? change_add(c, hash) : change_password(c, hash);
        if (r < 0)
                (void) log_debug_errno(r, "Could not answer about user %s: %m", c->name);
        manager_update_status(c->manager);
}

/* Takes hosts and groups over, also where it fails. */
static int change_begin(Manager *m, sd_varlink *link, const char *name, const char *password, bool add,
                        char **hosts, char **groups) {
        _cleanup_(change_freep) Change *c = calloc(1, sizeof(*c));
        int r;

        if (!c) {
                strv_free(hosts);
                strv_free(groups);
                return sd_varlink_error_errno(link, -ENOMEM);
        }
        c->manager = m;
        c->link = sd_varlink_ref(link);
        c->add = add;
        c->hosts = hosts;
        c->groups = groups;
        c->name = strdup(name);
        if (!c->name)
                return sd_varlink_error_errno(link, -ENOMEM);
        r = hash_make(m->hashes, password, on_hash, c);
        if (r == -EAGAIN)
                return sd_varlink_error(link, ERROR("Busy"), NULL);
        if (r < 0)
                return sd_varlink_error_errno(link, r);
        TAKE_PTR(c);
        return 0;
}

/* 0, or an error was sent. */
static int check_password(sd_varlink *link, const char *name, const char *password) {
        const char *problem;
        int r;

        r = password_check(name, password, &problem);
        if (r < 0) {
                (void) log_error_errno(r, "The list of common passwords cannot be read, and no password is "
                                       "taken without it: %m");
                return sd_varlink_error_errno(link, r);
        }
        return problem ? sd_varlink_errorbo(link, ERROR("BadPassword"),
                                            SD_JSON_BUILD_PAIR("reason", SD_JSON_BUILD_STRING(problem))) : 0;
}

static int check_lists(sd_varlink *link, char **hosts, char **groups) {
        const char *field = user_hosts_check(hosts) < 0     ? "hosts"
                            : user_groups_check(groups) < 0 ? "groups"
                                                            : NULL;

        return field ? sd_varlink_errorbo(link, ERROR("BadList"),
                                          SD_JSON_BUILD_PAIR("field", SD_JSON_BUILD_STRING(field)))
                     : 0;
}

typedef struct UserParameters {
        const char *name, *password;
        char **hosts, **groups;
} UserParameters;

static int vl_method_add_user(sd_varlink *link, void *parameters, unsigned flags, void *userdata) {
        UserParameters *p = parameters;
        Manager *m = userdata;
        int r;

        if (!user_name_is_valid(p->name))
                return error_name(link, ERROR("BadUserName"), p->name);
        if (user_find(&m->users, p->name))
                return error_name(link, ERROR("UserExists"), p->name);
        if (m->users.n >= USERS_MAX)
                return error_full(link);
        r = check_password(link, p->name, p->password);
        if (r == 0)
                r = check_lists(link, p->hosts, p->groups);
        if (r != 0)
                return r;
        return change_begin(m, link, p->name, p->password, /* add= */ true, TAKE_PTR(p->hosts),
                            TAKE_PTR(p->groups));
}

static int vl_method_set_password(sd_varlink *link, void *parameters, unsigned flags, void *userdata) {
        UserParameters *p = parameters;
        Manager *m = userdata;
        int r;

        if (!user_find(&m->users, p->name))
                return error_name(link, ERROR("NoSuchUser"), p->name);
        r = check_password(link, p->name, p->password);
        if (r != 0)
                return r;
        return change_begin(m, link, p->name, p->password, /* add= */ false, /* hosts= */ NULL,
                            /* groups= */ NULL);
}

static void swap_lists(char ***a, char ***b) {
        char **t = *a;
        *a = *b;
        *b = t;
}

static int vl_method_set_user(sd_varlink *link, void *parameters, unsigned flags, void *userdata) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *given = NULL;
        UserParameters *p = parameters;
        Manager *m = userdata;
        User *u;
        int r;

        u = user_find(&m->users, p->name);
        if (!u)
                return error_name(link, ERROR("NoSuchUser"), p->name);
        r = check_lists(link, p->hosts, p->groups);
        if (r != 0)
                return r;
        r = sd_varlink_get_current_parameters(link, &given);
        if (r < 0)
                return r;
        /* An empty list is NULL, too. */
        bool set_hosts = !sd_json_variant_is_null(sd_json_variant_by_key(given, "hosts")),
             set_groups = !sd_json_variant_is_null(sd_json_variant_by_key(given, "groups"));
        /* The old lists are in the parameters then, to go back to or to be freed. */
        if (set_hosts)
                swap_lists(&u->hosts, &p->hosts);
        if (set_groups)
                swap_lists(&u->groups, &p->groups);
        r = store_users(m);
        if (r < 0) {
                if (set_hosts)
                        swap_lists(&u->hosts, &p->hosts);
                if (set_groups)
                        swap_lists(&u->groups, &p->groups);
                return sd_varlink_error_errno(link, r);
        }
        log_info("What user %s may reach was changed.", u->name);
        manager_ask_again(m, u->name);
        return sd_varlink_reply(link, NULL);
}

static int vl_method_remove_user(sd_varlink *link, void *parameters, unsigned flags, void *userdata) {
        UserParameters *p = parameters;
        Manager *m = userdata;
        int r, q;
        User *u;

        u = user_find(&m->users, p->name);
        if (!u) {
                /* Whom an earlier call removed and could not write down: its caller tries again. */
                r = store_flush(m);
                return r < 0 ? reply_not_stored(link, r) : error_name(link, ERROR("NoSuchUser"), p->name);
        }
        /* Sessions go first: a later user of that name must not find them. */
        q = manager_end_sessions(m, /* id= */ NULL, p->name, /* ret_n= */ NULL);
        user_remove(&m->users, u);
        m->users_dirty = true;
        r = store_users(m);
        manager_update_status(m);
        log_info("User %s was removed.", p->name);
        if (r < 0 || q < 0)
                return reply_not_stored(link, MIN(r, q));
        return sd_varlink_reply(link, NULL);
}

/* What a clock has noted that was ahead is no later than now. */
static int append_user(sd_json_variant **v, const User *u) {
        const uint64_t now = clock_usec(CLOCK_REALTIME);

        return sd_json_variant_append_arraybo(
                v, SD_JSON_BUILD_PAIR("name", SD_JSON_BUILD_STRING(u->name)),
                SD_JSON_BUILD_PAIR("hosts", SD_JSON_BUILD_STRV(u->hosts)),
                SD_JSON_BUILD_PAIR("groups", SD_JSON_BUILD_STRV(u->groups)),
                SD_JSON_BUILD_PAIR("createdUSec", SD_JSON_BUILD_UNSIGNED(MIN(u->created_usec, now))),
                SD_JSON_BUILD_PAIR_CONDITION(u->last_login_usec > 0, "lastLoginUSec",
                                             SD_JSON_BUILD_UNSIGNED(MIN(u->last_login_usec, now))));
}

static int vl_method_list_users(sd_varlink *link, void *parameters, unsigned flags, void *userdata) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;
        Manager *m = userdata;
        int r;

        r = sd_json_variant_new_array(&v, NULL, 0);
        for (size_t i = 0; i < m->users.n && r >= 0; i++)
                r = append_user(&v, m->users.items[i]);
        if (r < 0)
                return sd_varlink_error_errno(link, r);
        return sd_varlink_replybo(link, SD_JSON_BUILD_PAIR("users", SD_JSON_BUILD_VARIANT(v)));
}

#define NAME FIELD_STRING("name", UserParameters, name)
#define PASSWORD FIELD_STRING("password", UserParameters, password)

const VlMethod user_methods[] = {
        { "io.hagw.Web.ListUsers", VL_PEER_ROOT, vl_method_list_users },
        { "io.hagw.Web.AddUser", VL_PEER_ROOT, vl_method_add_user,
          VL_PARAMETERS(UserParameters, NAME, PASSWORD,
                        FIELD_STRV("hosts", UserParameters, hosts),
                        FIELD_STRV("groups", UserParameters, groups)),
          .secret = true },
        { "io.hagw.Web.SetPassword", VL_PEER_ROOT, vl_method_set_password,
          VL_PARAMETERS(UserParameters, NAME, PASSWORD), .secret = true },
        { "io.hagw.Web.SetUser", VL_PEER_ROOT, vl_method_set_user,
          VL_PARAMETERS(UserParameters, NAME,
                        FIELD_STRV("hosts", UserParameters, hosts, SD_JSON_NULLABLE),
                        FIELD_STRV("groups", UserParameters, groups, SD_JSON_NULLABLE)) },
        { "io.hagw.Web.RemoveUser", VL_PEER_ROOT, vl_method_remove_user,
          VL_PARAMETERS(UserParameters, NAME) },
        {},
};
