/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What setup and attach both do: folders, hosts, the user. Each can be done again. */

#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

#include "client.h"
#include "confedit.h"
#include "hostcert.h"
#include "hostfile.h"
#include "log.h"
#include "setup.h"
#include "users.h"

void setup_pause(uint64_t usec) {
        struct timespec ts = { (time_t) (usec / USEC_PER_SEC), (long) (usec % USEC_PER_SEC) * 1000 };

        while (nanosleep(&ts, &ts) < 0 && errno == EINTR)
                ;
}

int setup_make_folders(const char *dir) {
        _cleanup_free_ char *hosts = NULL;

        if (asprintf(&hosts, "%s/hosts.d", dir) < 0) {
                hosts = NULL;
                return log_oom();
        }
        /* The package makes both, with the right owner; this is for a --config elsewhere. */
        if ((mkdir(dir, 0750) < 0 && errno != EEXIST) || (mkdir(hosts, 0750) < 0 && errno != EEXIST)) {
                int error = errno;

                (void)log_error_errno(error, "%s could not be made: %m%s", dir,
                                      error == EACCES ? "; try again with sudo." : "");
                return -error;
        }
        return 0;
}

static const ConfZone *find_zone(const Config *c, const char *name) {
        for (size_t i = 0; i < c->n_zones; i++)
                if (streq(c->zones[i].name, name))
                        return &c->zones[i];
        return NULL;
}

/* Of those that are texts; of others nobody knows. */
static bool says_already(const ConfSetting *s, const void *object, const char *value) {
        static const ConfType texts[] = { CONF_STRING, CONF_HOSTNAME, CONF_SOURCE, CONF_PATH };

        for (size_t i = 0; i < ELEMENTSOF(texts); i++)
                if (s->type == texts[i])
                        return streq_ptr(*(char *const *) ((const char *) object + s->offset), value);
        return false;
}

/* The name of the zone that a choice belongs to. */
static const char *zone_of(const Setup *s, const Choice *o) {
        for (size_t i = 0; i < s->choices.n_items; i++) {
                const Choice *c = &s->choices.items[i];

                if (c->setting->scope == CONF_SCOPE_ZONE && c->zone == o->zone &&
                    streq(c->setting->name, "name"))
                        return c->values[0];
        }
        return "";
}

static bool is_there(const Setup *s, const Config *config, const Choice *o) {
        const ConfZone *zone;

        if (o->setting->scope == CONF_SCOPE_MAIN)
                return says_already(o->setting, config, o->values[0]);
        zone = find_zone(config, zone_of(s, o));
        return zone && says_already(o->setting, zone, o->values[0]);
}

/* A new zone's name server is ns.ZONE where nothing is said. */
static bool is_default(const Setup *s, const Choice *o) {
        const char *rest = streq(o->setting->name, "name_server") ? startswith(o->values[0], "ns.") : NULL;

        return rest && streq(rest, zone_of(s, o));
}

bool setup_is_edit(const Setup *s) {
        if (!s->present || call_option(s->call, "force"))
                return false;
        for (size_t i = 0; i < s->choices.n_items; i++) {
                const Choice *o = &s->choices.items[i];

                if (o->setting->scope == CONF_SCOPE_ZONE && !is_there(s, s->present, o))
                        return false;
        }
        return true;
}

int setup_edit_text(const Setup *s, const Config *config, char **text) {
        for (size_t i = 0; i < s->choices.n_items; i++) {
                const Choice *o = &s->choices.items[i];
                const char *name = o->setting->name, *value = o->values[0];
                int r;

                if (is_there(s, config, o) || is_default(s, o))
                        continue;
                if (o->setting->scope == CONF_SCOPE_MAIN)
                        r = confedit_set(text, o->setting->group, name, value);
                else if (streq(name, "name"))
                        r = confedit_add_zone(text, value, /* via= */ NULL);
                else {
                        log_error("%s of a zone is changed by hand in a hagw.conf that is there already.",
                                  name);
                        return -EINVAL;
                }
                if (r < 0)
                        return edit_failed("hagw.conf", r);
        }
        return 0;
}

/* A host that is there already with this service is left as it is. judge: nothing is written. */
static int write_host(const Setup *s, const Config *config, const char *pair, bool judge) {
        _cleanup_(choices_done) Choices choices = {};
        _cleanup_free_ char *typed = strndup(pair, strcspn(pair, "=")), *name = NULL, *path = NULL,
                            *text = NULL;
        const char *upstream = strchr(pair, '=') + 1;
        int r;

        if (!typed)
                return log_oom();
        r = host_expand_name(config, typed, &name);
        if (r >= 0 && !call_option(s->call, "force"))
                r = host_check_zone(config, name);
        if (r >= 0 && !call_option(s->call, "force"))
                r = host_check_certificate(config, name, upstream);
        if (r < 0)
                return r;
        for (size_t i = 0; i < config->n_hosts; i++)
                if (streq(config->hosts[i].name, name)) {
                        if (streq(config->hosts[i].upstream, upstream))
                                return 0;
                        log_error("%s leads to %s already; hagw-ctl host set %s %s changes it.", name,
                                  config->hosts[i].upstream, name, upstream);
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
        if (r >= 0 && !judge)
                setup_say(s, "%s leads to %s.\n", name, upstream);
        return r;
}

int setup_judge_hosts(const Setup *s, const Config *config) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < s->n_hosts; i++)
                r = write_host(s, config, s->hosts[i], /* judge= */ true);
        return r;
}

int setup_write_hosts(const Setup *s, const Config *config) {
        int r = 0;

        for (size_t i = 0; i < s->n_hosts; i++) {
                int k = write_host(s, config, s->hosts[i], /* judge= */ false);
                if (k < 0)
                        r = k;
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
