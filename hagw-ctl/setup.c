/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What hagw-ctl setup is told, by options or answers. */

#include <stdio.h>

#include "conf-value.h"
#include "log.h"
#include "output.h"
#include "prompt.h"
#include "setup.h"

typedef struct Question {
        const char *option;
        ConfScope scope;
        const char *group, *name;
        const char *text; /* NULL: not asked */
        const char *fallback;
        bool attach; /* of houses behind a relay, too */
} Question;

static const Question questions[] = {
        { "zone", CONF_SCOPE_ZONE, NULL, "name",
          "The zone that is delegated to this gateway, such as home.example.com", NULL },
        { "ipv4", CONF_SCOPE_MAIN, "public_address", "ipv4",
          "The house's public IPv4 address: resolve:NAME (a dynamic DNS name), static:ADDRESS, "
          "interface:NAME or none",
          NULL },
        { "ipv6", CONF_SCOPE_MAIN, "public_address", "ipv6",
          "This machine's public IPv6 address: interface, interface:NAME, static:ADDRESS, resolve:NAME or "
          "none",
          "interface" },
        { "name-server", CONF_SCOPE_ZONE, NULL, "name_server",
          "The name server that the zone is delegated to", NULL },
        { "contact", CONF_SCOPE_MAIN, "acme", "contact",
          "A mail address for the certificate authority (may be empty)", "", .attach = true },
        { "directory", CONF_SCOPE_MAIN, "acme", "directory", NULL, NULL, .attach = true },
        { "ca-file", CONF_SCOPE_MAIN, "acme", "ca_file", NULL, NULL, .attach = true },
};

void setup_done(Setup *s) {
        choices_done(&s->choices);
        for (size_t i = 0; i < s->n_hosts; i++)
                free(s->hosts[i]);
        free(s->user);
        password_free(s->password);
        config_free(s->config);
}

int setup_check_value(ConfScope scope, const char *group, const char *name, const char *value) {
        _cleanup_(config_freep) Config *main_object = config_new();
        _cleanup_free_ char *reason = NULL;
        ConfZone zone = {};
        int r = -ENOENT;

        if (!main_object)
                return log_oom();
        for (const ConfSetting *s = conf_settings; s->name; s++) {
                if (s->scope != scope || !streq_ptr(s->group, group) || !streq(s->name, name))
                        continue;
                r = conf_value_set(s, s->scope == CONF_SCOPE_ZONE ? (void *)&zone : main_object, &value, 1,
                                   &reason);
                if (s->scope == CONF_SCOPE_ZONE)
                        conf_value_free(s, &zone);
        }
        assert(r != -ENOENT);
        if (r == -ENOMEM)
                return log_oom();
        if (r < 0)
                log_error("\"%s\" cannot be taken: %s", value, strempty(reason));
        return r < 0 ? -EINVAL : 0;
}

static int take_value(Setup *s, const Question *q, size_t zone, const char *value) {
        _cleanup_free_ char *mail = NULL;
        int r;

        if (!*value)
                return 0;
        if (streq(q->name, "contact") && !strchr(value, ':')) {
                if (asprintf(&mail, "mailto:%s", value) < 0) {
                        mail = NULL;
                        return log_oom();
                }
                value = mail;
        }
        r = setup_check_value(q->scope, q->group, q->name, value);
        if (r < 0)
                return r;
        s->has_settings = true;
        return choices_add(&s->choices, q->scope, zone, q->group, q->name, value) < 0 ? log_oom() : 0;
}

static int take_options(Setup *s) {
        const char *value;

        for (size_t i = 0; i < ELEMENTSOF(questions); i++) {
                const Question *q = &questions[i];

                if (s->attach && !q->attach)
                        continue;
                for (unsigned n = 0; (value = call_option_nth(s->call, q->option, n)); n++) {
                        int r = take_value(s, q, q->scope == CONF_SCOPE_ZONE ? n : 0, value);
                        if (r < 0)
                                return r;
                }
        }
        if (call_option(s->call, "staging") && !call_option(s->call, "directory")) {
                s->has_settings = true;
                if (choices_add(&s->choices, CONF_SCOPE_MAIN, 0, "acme", "directory",
                                "letsencrypt-staging") < 0)
                        return log_oom();
        }
        if (call_option(s->call, "laboratory")) {
                s->has_settings = true;
                if (choices_add(&s->choices, CONF_SCOPE_MAIN, 0, NULL, "documentation_networks", "true") < 0)
                        return log_oom();
        }
        for (unsigned n = 0; (value = call_option_nth(s->call, "host", n)); n++) {
                if (!strchr(value, '=') || n >= SETUP_HOSTS_MAX) {
                        log_error("--host=%s: expected NAME=UPSTREAM, such as ha=http://192.168.1.4:8123.",
                                  strchr(value, '@') ? "…" : value); /* maybe a password */
                        return -EINVAL;
                }
                s->hosts[s->n_hosts] = strdup(value);
                if (!s->hosts[s->n_hosts++])
                        return log_oom();
        }
        return 0;
}

/* What is likely: a delegation to the dynamic DNS name follows the address by itself, glue does not. */
static char *guess_name_server(const Setup *s) {
        const char *zone = NULL, *resolve = NULL;
        char *text;

        for (size_t i = 0; i < s->choices.n_items; i++) {
                const Choice *c = &s->choices.items[i];

                if (c->setting->scope == CONF_SCOPE_ZONE && streq(c->setting->name, "name"))
                        zone = c->values[0];
                else if (streq(c->setting->name, "ipv4"))
                        resolve = startswith(c->values[0], "resolve:");
        }
        if (resolve)
                return strdup(resolve);
        return asprintf(&text, "ns.%s", strempty(zone)) < 0 ? NULL : text;
}

static int ask_question(Setup *s, const Question *q) {
        _cleanup_free_ char *guess = NULL;
        const char *fallback = q->fallback;
        int r;

        if (streq(q->option, "name-server")) {
                guess = guess_name_server(s);
                if (!guess)
                        return log_oom();
                fallback = guess;
        }
        do {
                _cleanup_free_ char *answer = NULL;

                r = prompt_text(q->text, fallback, &answer);
                if (r < 0)
                        return r;
                r = take_value(s, q, 0, answer);
        } while (r == -EINVAL);
        return r;
}

static int ask_host(Setup *s) {
        _cleanup_free_ char *answer = NULL;
        int r;

        r = prompt_text("Home Assistant's address in your network, such as http://192.168.1.4:8123 (empty: "
                        "later)",
                        "", &answer);
        if (r < 0 || !*answer)
                return r;
        if (asprintf(&s->hosts[s->n_hosts], "ha=%s", answer) < 0) {
                s->hosts[s->n_hosts] = NULL;
                return log_oom();
        }
        s->n_hosts++;
        return 0;
}

static int ask_rest(Setup *s, bool keep) {
        int r = 0;

        for (size_t i = 0; r >= 0 && !keep && i < ELEMENTSOF(questions); i++)
                if (questions[i].text && (!s->attach || questions[i].attach) &&
                    !call_option(s->call, questions[i].option))
                        r = ask_question(s, &questions[i]);
        if (r >= 0 && s->relay)
                return r; /* who runs one need not be at home there */
        if (r >= 0 && s->n_hosts == 0 && !keep)
                r = ask_host(s);
        if (r >= 0 && !s->user && !keep)
                r = prompt_text("The first user that may log in (empty: none)", "", &s->user);
        return r;
}

/* The first zone is the one that tenants have their names in. */
static int take_relay_zone(Setup *s) {
        for (size_t i = 0; i < s->choices.n_items; i++) {
                const Choice *c = &s->choices.items[i];

                if (c->setting->scope != CONF_SCOPE_ZONE || c->zone > 0 || !streq(c->setting->name, "name"))
                        continue;
                if (choices_add(&s->choices, CONF_SCOPE_MAIN, 0, "tenants", "zone", c->values[0]) < 0)
                        return log_oom();
                return 0;
        }
        log_error("Which zone do the tenants have their names in? Give --zone=relay.example.com.");
        return -EINVAL;
}

int setup_gather(Setup *s) {
        _cleanup_free_ char *path = NULL;
        const char *user = call_option(s->call, "user");
        bool exists, keep = false;
        int r;

        if (asprintf(&path, "%s/hagw.conf", s->call->config_dir) < 0) {
                path = NULL;
                return log_oom();
        }
        exists = access(path, F_OK) >= 0;
        s->ask = prompt_possible() && !call_option(s->call, "yes") &&
                 !call_option(s->call, "password-stdin") && !s->call->json;
        s->user = user ? strdup(user) : NULL;
        if (user && !s->user)
                return log_oom();
        r = take_options(s);
        if (r < 0)
                return r;
        if (s->ask) {
                if (exists && s->attach)
                        keep = true;
                else if (exists && !s->has_settings) {
                        r = prompt_yes("There is a hagw.conf already. Keep its settings?", true);
                        if (r < 0)
                                return r;
                        keep = r;
                }
                r = ask_rest(s, keep);
                if (r < 0)
                        return r;
        }
        if (!exists && s->choices.n_zones == 0 && !s->attach) {
                log_error("Which zone is delegated to this gateway? Give --zone=home.example.com, and "
                          "--ipv4=SOURCE.");
                return -EINVAL;
        }
        if (s->relay) {
                r = take_relay_zone(s);
                if (r < 0)
                        return r;
        }
        if (s->user && *s->user)
                return password_read(s->user, !!call_option(s->call, "password-stdin"), &s->password);
        return 0;
}
