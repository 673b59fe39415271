/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What setup and attach both do: folders, hosts, the user. Each can be done again. */

#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

#include "hagw-ctl/client.h"
#include "hagw-ctl/confedit.h"
#include "hagw-ctl/conffolder.h"
#include "hagw-ctl/conftext.h"
#include "hagw-ctl/confzone.h"
#include "hagw-ctl/hostcert.h"
#include "hagw-ctl/hostfile.h"
#include "hagw-ctl/hostzone.h"
#include "hagw-ctl/setup.h"
#include "hagw-ctl/tenant.h"
#include "hagw-ctl/users.h"
#include "libhagw/log.h"

void setup_pause(uint64_t usec) {
        struct timespec ts = { (time_t) (usec / USEC_PER_SEC), (long) (usec % USEC_PER_SEC) * 1000 };

        while (nanosleep(&ts, &ts) < 0 && errno == EINTR)
                ;
}

int setup_make_folders(const char *dir) {
        _cleanup_free_ char *hosts = NULL;
        int r;

        if (asprintf(&hosts, "%s/hosts.d", dir) < 0) {
                hosts = NULL;
                return log_oom();
        }
        /* The package makes both; this is for a --config elsewhere, or where somebody took them away. */
        r = conf_folder_make(dir);
        if (r >= 0)
                r = conf_folder_make(hosts);
        if (r < 0)
                (void) log_error_errno(r, "%s could not be made: %m%s", dir,
                                       r == -EACCES ? "; try again with sudo." : "");
        return MIN(r, 0);
}

/* Of those that are texts or switches; of others nobody knows. */
static bool says_already(const ConfSetting *s, const void *object, const char *value) {
        static const ConfType texts[] = { CONF_STRING, CONF_HOSTNAME, CONF_SOURCE, CONF_PATH };
        const char *field = (const char *) object + s->offset;

        if (s->type == CONF_BOOL)
                return *(const bool *) field == streq(value, "true");
        for (size_t i = 0; i < ELEMENTSOF(texts); i++)
                if (s->type == texts[i])
                        return streq_ptr(*(char *const *) field, value);
        return false;
}

const char *setup_zone_name(const Setup *s, size_t zone) {
        for (size_t i = 0; i < s->choices.n_items; i++) {
                const Choice *c = &s->choices.items[i];

                if (c->setting->scope == CONF_SCOPE_ZONE && c->zone == zone &&
                    streq(c->setting->name, "name"))
                        return c->values[0];
        }
        return NULL;
}

/* The place among the zones of hagw.conf that the answers for a zone belong to; their number: none. Without
 * a name they are for the first, second, … one that the internet asks here. */
static size_t zone_place(const Setup *s, const Config *config, size_t zone) {
        const char *name = setup_zone_name(s, zone);
        size_t direct = 0;

        if (name && zone == 0 && s->renamed)
                name = s->renamed;
        for (size_t i = 0; i < config->n_zones; i++)
                if (name ? streq(config->zones[i].name, name) :
                           config->zones[i].via == CONF_VIA_DIRECT && direct++ == zone)
                        return i;
        return config->n_zones;
}

static bool is_there(const Config *config, const Choice *o, size_t place) {
        if (o->setting->scope == CONF_SCOPE_MAIN)
                return says_already(o->setting, config, o->values[0]);
        return place < config->n_zones && says_already(o->setting, &config->zones[place], o->values[0]);
}

/* A new zone's name server is ns.ZONE where nothing is said. */
static bool is_default(const Setup *s, const Choice *o) {
        const char *rest = streq(o->setting->name, "name_server") ? startswith(o->values[0], "ns.") : NULL;

        return rest && streq_ptr(rest, setup_zone_name(s, o->zone));
}

const char *setup_direct_zone(const Config *config) {
        for (size_t i = 0; i < config->n_zones; i++)
                if (config->zones[i].via == CONF_VIA_DIRECT)
                        return config->zones[i].name;
        return NULL;
}

/* A further zone is added where it is known to be wanted beside the others. */
bool setup_is_edit(const Setup *s) {
        bool added = s->relay || call_option(s->call, "beside") ||
                     (s->ask && !call_option(s->call, "force"));

        if (!s->present)
                return false;
        for (size_t zone = 0; zone < s->choices.n_zones; zone++)
                if (setup_zone_name(s, zone) && zone_place(s, s->present, zone) == s->present->n_zones &&
                    !added && setup_direct_zone(s->present))
                        return false;
        return true;
}

/* It has certificates by this machine's accounts only. */
static int add_zone(const Setup *s, const Config *config, const char *name, size_t place, char **text) {
        static const char *const ours[] = { CONF_CAA_OURS };
        int r = confzone_add(text, name, /* via= */ NULL);

        return r < 0 ? r : confzone_set_list(text, place, "caa", ours, ELEMENTSOF(ours));
}

static int set_main(const Choice *o, char **text) {
        _cleanup_free_ char *value = NULL;
        int r = conf_text_values(o->setting, o->values, o->n_values, &value);

        return r < 0 ? r : confedit_set_text(text, o->setting->group, o->setting->name, value);
}

int setup_edit_text(const Setup *s, const Config *config, char **text) {
        size_t n_zones = config->n_zones, new_place[CALL_OPTIONS_MAX];

        for (size_t i = 0; i < s->choices.n_items; i++) {
                const Choice *o = &s->choices.items[i];
                const char *name = o->setting->name, *value = o->values[0];
                size_t place = zone_place(s, config, o->zone);
                bool is_new = place == config->n_zones;
                int r;

                if (is_there(config, o, place))
                        continue;
                if (o->setting->scope == CONF_SCOPE_MAIN)
                        r = set_main(o, text);
                else if (is_new && streq(name, "name"))
                        r = add_zone(s, config, value, new_place[o->zone] = n_zones++, text);
                else if (is_new && is_default(s, o))
                        continue;
                else if (is_new && !setup_zone_name(s, o->zone)) {
                        log_error("hagw.conf has no zone that %s = \"%s\" could be for; give its --zone.",
                                  name, value);
                        return -EINVAL;
                } else
                        r = confzone_set(text, is_new ? new_place[o->zone] : place, name, value);
                if (r < 0)
                        return edit_failed("hagw.conf", r);
        }
        return 0;
}

/* A host that is there already with this service is left as it is. judge: nothing is written. 1: it was. */
static int write_host(const Setup *s, const Config *config, const char *pair, bool judge) {
        _cleanup_(choices_done) Choices choices = {};
        _cleanup_free_ char *typed = strndup(pair, strcspn(pair, "=")), *name = NULL, *path = NULL,
                            *text = NULL;
        /* What is planned has no hosts yet. */
        const Config *there = judge && s->present ? s->present : config;
        const char *upstream = strchr(pair, '=') + 1;
        int r;

        if (!typed)
                return log_oom();
        r = host_expand_name(config, typed, &name);
        if (r >= 0 && !call_option(s->call, "force"))
                r = host_check_zone(config, name);
        if (r >= 0 && !call_option(s->call, "force"))
                r = host_check_certificate(config, name, upstream);
        /* A relay that is new has no tenants, and nobody who knows them. */
        if (r >= 0 && judge && !call_option(s->call, "force") && s->present && s->present->tenants.zone)
                r = tenant_check_host(config, name, upstream);
        if (r < 0)
                return r;
        for (size_t i = 0; i < there->n_hosts; i++)
                if (streq(there->hosts[i].name, name)) {
                        if (streq(there->hosts[i].upstream, upstream))
                                return 0;
                        log_error("%s leads to %s already; hagw-ctl host set %s %s changes it.", name,
                                  there->hosts[i].upstream, name, upstream);
                        return -EEXIST;
                }
        r = host_begin(&choices, name, upstream, /* asked_behind= */ false);
        if (r < 0)
                return r;
        if (conf_text_host(&choices, &text) < 0)
                return log_oom();
        r = host_path(s->call->config_dir, name, &path);
        if (r >= 0)
                r = (judge ? host_judge : host_write)(config, s->call->config_dir, path, text);
        if (r < 0 || judge)
                return r;
        setup_say(s, "%s leads to %s.\n", name, upstream);
        return 1;
}

/* The whole name of a --host NAME=URL. Told. */
static int expand_host(const Config *config, const char *host, char **ret) {
        _cleanup_free_ char *typed = strndup(host, strcspn(host, "="));

        if (!typed) {
                (void) log_oom();
                return -ENOMEM;
        }
        return host_expand_name(config, typed, ret);
}

/* The same name, however it was typed, and another service. Told. */
static int judge_twice(const Setup *s, const Config *config, size_t at) {
        const char *upstream = strchr(s->hosts[at], '=') + 1;
        _cleanup_free_ char *name = NULL;
        int r = expand_host(config, s->hosts[at], &name);

        for (size_t i = 0; r >= 0 && i < at; i++) {
                _cleanup_free_ char *other = NULL;

                r = expand_host(config, s->hosts[i], &other);
                if (r < 0 || !streq(other, name) || streq(strchr(s->hosts[i], '=') + 1, upstream))
                        continue;
                log_error("%s is given twice, with %s and with %s: which is meant?", name,
                          strchr(s->hosts[i], '=') + 1, upstream);
                r = -EINVAL;
        }
        return r;
}

int setup_judge_hosts(const Setup *s, const Config *config) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < s->n_hosts; i++) {
                r = write_host(s, config, s->hosts[i], /* judge= */ true);
                if (r >= 0)
                        r = judge_twice(s, config, i);
        }
        return r;
}

int setup_write_hosts(Setup *s, const Config *config) {
        int r = 0;

        for (size_t i = 0; i < s->n_hosts; i++) {
                int k = write_host(s, config, s->hosts[i], /* judge= */ false);

                s->written = s->written || k > 0;
                r = MIN(k, r);
        }
        return r;
}

int setup_make_user(const Setup *s) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *hosts = NULL, *groups = NULL;
        int r;

        if (!s->password)
                return 0;
        if (setup_has_user(s->user, NULL)) {
                setup_say(s, "There is a user %s already; hagw-ctl user passwd %s gives a new password.\n",
                          s->user, s->user);
                return 0;
        }
        if (sd_json_build(&hosts, SD_JSON_BUILD_ARRAY(SD_JSON_BUILD_STRING("*"))) < 0 ||
            sd_json_variant_new_array(&groups, NULL, 0) < 0)
                return log_oom();
        r = user_create(s->user, s->password, hosts, groups);
        if (r >= 0)
                setup_say(s, "%s may log in.\n", s->user);
        return r;
}
