/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Who can log in where. */

#include <stdio.h>

#include "hagw-ctl/admitted.h"
#include "hagw-ctl/client.h"
#include "hagw-ctl/output.h"
#include "libhagw/log.h"
#include "libhagw/pure/admit.h"
#include "libhagw/pure/strv.h"

bool admitted_is_asked(const Config *c) {
        for (size_t i = 0; i < c->n_hosts; i++)
                if (c->hosts[i].access.login == CONF_LOGIN_REQUIRED)
                        return true;
        return false;
}

typedef struct Tally {
        size_t known, listed, admitted; /* users: all; on the host's lists; of these, those who reach it */
        const char *shut_out;           /* one who is listed and reaches other hosts only */
} Tally;

static int count(const ConfHost *host, sd_json_variant *users, Tally *ret) {
        Tally t = {};

        for (size_t i = 0; i < field_count(users, "users"); i++) {
                sd_json_variant *u = field_element(users, "users", i);
                _cleanup_(strv_freep) char **hosts = NULL, **groups = NULL;
                const char *name = strempty(field_text(u, "name"));

                if (sd_json_variant_strv(sd_json_variant_by_key(u, "hosts"), &hosts) < 0 ||
                    sd_json_variant_strv(sd_json_variant_by_key(u, "groups"), &groups) < 0)
                        return -ENOMEM;
                t.known++;
                if (!admit_lists(host->access.users, host->access.groups, name, groups))
                        continue;
                t.listed++;
                if (admit_reaches(hosts, host->name))
                        t.admitted++;
                else
                        t.shut_out = t.shut_out ?: name;
        }
        *ret = t;
        return 0;
}

static void write_list(FILE *f, const char *what, char **list) {
        for (char **w = list; w && *w; w++)
                fprintf(f, "%s%s", w == list ? what : ", ", *w);
}

/* "its users (tom) and groups (fam)" */
static void write_lists(FILE *f, const ConfHost *host) {
        const bool users = strv_length(host->access.users) > 0,
                   groups = strv_length(host->access.groups) > 0;

        write_list(f, "its users (", host->access.users);
        fputs(users && groups ? ") and " : "", f);
        write_list(f, users ? "groups (" : "its groups (", host->access.groups);
        fputs(")", f);
}

static void write_complaint(FILE *f, const ConfHost *host, const Tally *t) {
        fprintf(f, "Nobody can log in at %s: ", host->name);
        if (t->listed == 0) {
                write_lists(f, host);
                fprintf(f, " have nobody who is there any more. hagw-ctl host set %s --user NAME says who "
                           "may pass, --user= --group= that everybody may.", host->name);
        } else
                fprintf(f, "%s may reach other hosts only. hagw-ctl user set %s --host HOST, with a --host "
                           "for each that is meant, mends that.",
                        t->listed == 1 ? t->shut_out : "those who could", t->shut_out);
}

int admitted_complaint(const ConfHost *host, sd_json_variant *users, char **ret) {
        char *text = NULL;
        size_t size;
        Tally t;
        FILE *f;
        int r;

        if (host->access.login != CONF_LOGIN_REQUIRED)
                return 0;
        r = count(host, users, &t);
        if (r < 0 || t.admitted > 0 || t.known == 0)
                return r;
        f = open_memstream(&text, &size);
        if (!f)
                return -ENOMEM;
        write_complaint(f, host, &t);
        if (fclose(f) != 0) {
                free(text);
                return -ENOMEM;
        }
        *ret = text;
        return 1;
}

/* NULL: there are none that could be read. */
static Config *load(const char *config_dir) {
        _cleanup_free_ char *error = NULL;
        Config *config;

        return config_load(config_dir, &config, &error) < 0 ? NULL : config;
}

int admitted_say(const char *config_dir, const char *only) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *users = NULL;
        _cleanup_(config_freep) Config *config = load(config_dir);
        _cleanup_free_ char *reason = NULL;
        int r = 0;

        if (!config || client_try("io.hagw.Web.ListUsers", NULL, &users, &reason) < 0)
                return 0;
        for (size_t i = 0; r >= 0 && i < config->n_hosts; i++) {
                _cleanup_free_ char *text = NULL;

                if (only && !streq(config->hosts[i].name, only))
                        continue;
                r = admitted_complaint(&config->hosts[i], users, &text);
                if (r > 0)
                        output("%s\n", text);
        }
        return r < 0 ? log_oom() : 0;
}

char *admitted_listing(const char *config_dir, const char *user) {
        _cleanup_(config_freep) Config *config = load(config_dir);
        char *names = NULL;
        size_t size, n = 0;
        FILE *f = open_memstream(&names, &size);

        if (!f)
                return NULL;
        for (size_t i = 0; config && i < config->n_hosts; i++)
                if (strv_contains(config->hosts[i].access.users, user))
                        fprintf(f, "%s%s", n++ > 0 ? ", " : "", config->hosts[i].name);
        if (fclose(f) == 0)
                return names;
        free(names);
        return NULL;
}
