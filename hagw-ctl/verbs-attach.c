/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* hagw-ctl attach: from nothing to a house that is reached through a relay. What fails before the token is
 * taken into use leaves the machine as it was, what fails after it can be gone on with by attach without a
 * code. */

#include <fcntl.h>
#include <stdio.h>

#include "hagw-ctl/attach.h"
#include "hagw-ctl/caa.h"
#include "hagw-ctl/certwait.h"
#include "hagw-ctl/client.h"
#include "hagw-ctl/confrelay.h"
#include "hagw-ctl/hostaside.h"
#include "hagw-ctl/hostfile.h"
#include "hagw-ctl/output.h"
#include "hagw-ctl/prompt.h"
#include "hagw-ctl/relay.h"
#include "hagw-ctl/reload.h"
#include "hagw-ctl/run.h"
#include "hagw-ctl/sandbox.h"
#include "hagw-ctl/start.h"
#include "hagw-ctl/terminal.h"
#include "libhagw/log.h"
#include "libhagw/pure/hostname.h"
#include "libhagw/pure/plural.h"
#include "libhagw/state.h"

#define ATTACH_WAIT_USEC (30 * USEC_PER_SEC)

static void attach_done(Attach *a) {
        setup_done(&a->setup);
        free(a->code);
        password_free(a->token);
        free(a->path);
        free(a->before);
        free(a->wrote);
        free(a->tenant);
        free(a->zone);
}

/* --- hagw.conf before the relay is known --------------------------------------------------------------- */

static int check_other_relay(const Attach *a) {
        const Config *c = a->setup.config;

        if (!c->relay.address || streq(c->relay.address, a->address))
                return 0;
        log_error("This house is attached to %s as %s; hagw-ctl detach ends that.", c->relay.address,
                  c->relay.tenant);
        return -EEXIST;
}

/* Nobody asks this machine for addresses, so it need not look for any. */
static int write_first(Attach *a) {
        Choices *c = &a->setup.choices;
        _cleanup_free_ char *text = NULL;
        int r;

        if (choices_add(c, CONF_SCOPE_MAIN, 0, "public_address", "ipv4", "none") < 0 ||
            choices_add(c, CONF_SCOPE_MAIN, 0, "public_address", "ipv6", "none") < 0 ||
            conf_text_main(c, &text) < 0)
                return log_oom();
        r = setup_make_folders(a->call->config_dir);
        if (r >= 0)
                r = write_config_file(a->path, text);
        if (r < 0)
                return r;
        a->wrote = TAKE_PTR(text);
        return load_config(a->call->config_dir, &a->setup.config);
}

/* What the options say of the authority, into a file that is there. */
static int change_first(Attach *a) {
        _cleanup_free_ char *text = strdup(a->before);
        const Config *c = a->setup.config;
        Config *changed;
        int r;

        if (!text)
                return log_oom();
        r = setup_edit_text(&a->setup, c, &text);
        if (r < 0)
                return r;
        if (streq(text, a->before))
                return 0;
        r = relay_write_config(a->call->config_dir, text, c->relay.address, c->relay.tenant, NULL, &changed);
        if (r < 0)
                return r;
        a->wrote = TAKE_PTR(text);
        config_free(a->setup.config);
        a->setup.config = changed;
        return 0;
}

static int prepare_config(Attach *a) {
        _cleanup_close_ _unused_ int lock = lock_hosts();
        int r;

        if (asprintf(&a->path, "%s/hagw.conf", a->call->config_dir) < 0) {
                a->path = NULL;
                return log_oom();
        }
        r = state_read(AT_FDCWD, a->path, &a->before, NULL);
        if (r == -ENOENT)
                return write_first(a);
        if (r < 0)
                return log_error_errno(r, "%s could not be read: %m", a->path);
        r = load_config(a->call->config_dir, &a->setup.config);
        if (r >= 0)
                r = check_other_relay(a);
        return r < 0 ? r : change_first(a);
}

/* --- the relay ----------------------------------------------------------------------------------------- */

static int enrol_at_relay(Attach *a, const char *stored_key, sd_json_variant **ret) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *parameters = NULL;
        const char *tenant = a->setup.config->relay.tenant;

        if (sd_json_buildo(&parameters, SD_JSON_BUILD_PAIR("address", SD_JSON_BUILD_STRING(a->address)),
                           SD_JSON_BUILD_PAIR_CONDITION(!!a->pin, "pin", SD_JSON_BUILD_STRING(a->pin)),
                           SD_JSON_BUILD_PAIR("code", SD_JSON_BUILD_STRING(a->code)),
                           SD_JSON_BUILD_PAIR("storedKey", SD_JSON_BUILD_STRING(stored_key)),
                           SD_JSON_BUILD_PAIR_CONDITION(!!tenant, "tenant",
                                                        SD_JSON_BUILD_STRING(tenant))) < 0) {
                log_error("The code is not valid UTF-8.");
                return -EINVAL;
        }
        return client_call("io.hagw.Proxy.Enrol", parameters, ret);
}

static int enrol(Attach *a) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *prepared = NULL, *enrolled = NULL, *adopt = NULL;
        const char *configured = a->setup.config->relay.tenant;
        int r;

        r = client_call("io.hagw.Key.PrepareToken", NULL, &prepared);
        if (r >= 0)
                r = enrol_at_relay(a, strempty(field_text(prepared, "storedKey")), &enrolled);
        if (r < 0)
                return r;
        a->tenant = strdup(strempty(field_text(enrolled, "tenant")));
        a->zone = strdup(strempty(field_text(enrolled, "zone")));
        if (!a->tenant || !a->zone)
                return log_oom();
        if (configured && !streq(configured, a->tenant)) {
                /* A relay of before did not ask. */
                log_error("The code was for %s, but this house is %s there; hagw-ctl detach ends that, then "
                          "ask for a new code. At the relay, hagw-ctl tenant revoke %s %s ends the token "
                          "that this one became.",
                          a->tenant, configured, a->tenant, strempty(field_text(enrolled, "tokenId")));
                return -EEXIST;
        }
        if (sd_json_buildo(&adopt, SD_JSON_BUILD_PAIR("tenant", SD_JSON_BUILD_STRING(a->tenant)),
                           SD_JSON_BUILD_PAIR("tokenId", SD_JSON_BUILD_STRING(
                                                                 field_text(enrolled, "tokenId")))) < 0)
                return log_oom();
        return client_call("io.hagw.Key.AdoptToken", adopt, NULL);
}

static int import(const Attach *a) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *parameters = NULL;

        if (sd_json_buildo(&parameters, SD_JSON_BUILD_PAIR("token", SD_JSON_BUILD_STRING(a->token))) < 0)
                return log_oom();
        sd_json_variant_sensitive(parameters);
        return client_call("io.hagw.Key.ImportToken", parameters, NULL);
}

static int resume(Attach *a) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *reply = NULL;
        _cleanup_free_ char *reason = NULL;
        int r;

        r = client_try("io.hagw.Key.GetToken", NULL, &reply, &reason);
        if (r == -EREMOTEIO)
                return attach_refuse_no_code(a);
        if (r < 0) {
                log_error("%s", reason ?: "Out of memory.");
                return r;
        }
        a->tenant = strdup(strempty(field_text(reply, "tenant")));
        return a->tenant ? 0 : log_oom();
}

/* A wrong code costs nobody the answers that were given before. */
static int take_token(Attach *a) {
        int r;

        do
                r = a->code ? enrol(a) : a->token ? import(a) : resume(a);
        while (r == -EKEYREJECTED && attach_ask_again(a));
        return r;
}

/* --- hagw.conf with it --------------------------------------------------------------------------------- */

static bool has_zone(const Config *c, const char *name) {
        const ConfZone *z = config_find_zone(c, name);

        return z && streq(z->name, name);
}

/* zone: NULL while this house is not attached, for then nobody could get a certificate for it. With the lock
 * of the configuration. */
static int write_relay(Attach *a, const char *zone) {
        bool new_zone = zone && !has_zone(a->setup.config, zone);
        _cleanup_free_ char *text = NULL;
        Config *config;
        int r;

        r = state_read(AT_FDCWD, a->path, &text, NULL);
        if (r < 0)
                return log_error_errno(r, "%s could not be read: %m", a->path);
        r = confrelay_attach(&text, a->address, a->tenant, a->pin, new_zone ? zone : NULL);
        if (r < 0)
                return edit_failed(a->path, r);
        r = relay_write_config(a->call->config_dir, text, a->address, a->tenant, zone, &config);
        if (r < 0)
                return r;
        config_free(a->setup.config);
        a->setup.config = config;
        return 0;
}

/* Names without a dot are the new zone's, whichever others there are. */
static int complete_names(Attach *a) {
        for (size_t i = 0; i < a->setup.n_hosts; i++) {
                char **host = &a->setup.hosts[i], *full;
                int n = (int) strcspn(*host, "=.");

                if ((*host)[n] == '.')
                        continue;
                if (asprintf(&full, "%.*s.%s%s", n, *host, a->zone, *host + n) < 0)
                        return log_oom();
                free(*host);
                *host = full;
        }
        return 0;
}

/* 1: one could not be taken, which was told, and keeps none of the rest. */
static int write_hosts(Attach *a) {
        int r, hosts;

        if (a->setup.n_hosts == 0)
                return 0;
        r = complete_names(a);
        if (r < 0)
                return r;
        hosts = setup_write_hosts(&a->setup, a->setup.config);
        a->setup.config = config_free(a->setup.config);
        r = load_config(a->call->config_dir, &a->setup.config);
        return r < 0 ? r : hosts < 0;
}

/* A code brought the zone; else the relay tells it, mostly as relays have it. */
static int learn_zone(Attach *a, sd_json_variant *relay) {
        const char *zone = field_text(relay, "zone");

        if (a->zone)
                return 0;
        a->zone = zone ? strdup(zone) : attach_guess_zone(a);
        return a->zone ? 0 : log_oom();
}

/* A host or a zone to which visitors come by this house's own address. NULL: none lies in the zone. */
static const char *find_own_name(const Config *c, const char *zone) {
        for (size_t i = 0; i < c->n_zones; i++)
                if (c->zones[i].via == CONF_VIA_DIRECT && hostname_in_zone(c->zones[i].name, zone))
                        return c->zones[i].name;
        for (size_t i = 0; i < c->n_hosts; i++) {
                const char *name = startswith(c->hosts[i].name, "*.") ?: c->hosts[i].name;
                const ConfZone *z = config_find_zone(c, name);

                if (z && z->via == CONF_VIA_DIRECT && hostname_in_zone(name, zone))
                        return c->hosts[i].name;
        }
        return NULL;
}

/* The relay's word makes names of this house: they begin with the tenant, and it has none of them already,
 * which would be reached through the relay from then on, and certified by it. Told. */
static int check_zone(const Attach *a) {
        const char *rest = startswith(a->zone, a->tenant), *own;
        char zone[HOSTNAME_MAX + 1];

        if (!rest || *rest != '.' || hostname_normalize(a->zone, strlen(a->zone), zone) < 0) {
                log_error("The relay says that this house is \"%s\", which is no name of %s: nothing is "
                          "reached by that. hagw-ctl detach leaves the relay.",
                          a->zone, a->tenant);
                return -EBADMSG;
        }
        own = find_own_name(a->setup.config, zone);
        if (!own)
                return 0;
        log_error("The relay says that this house is %s, but %s is its own already, and would be reached "
                  "through the relay alone. hagw-ctl detach leaves the relay.",
                  zone, own);
        return -EEXIST;
}

/* --- the whole ----------------------------------------------------------------------------------------- */

static int start(Attach *a) {
        const SandboxRefusal *refusal;
        const DaemonRow *off;
        int r;

        a->started = !gateway_runs();
        if (a->started)
                setup_say(&a->setup, "\nStarting hagw …\n");
        r = start_gateway(a->setup.config, a->call->json, &off);
        refusal = r < 0 && off ? sandbox_refusal(off->name) : NULL;
        if (refusal && sandbox_mend(refusal, off->name, a->setup.ask) > 0)
                r = start_gateway(a->setup.config, a->call->json, &off);
        return r;
}

typedef struct Outcome {
        bool attached, certified, waited;
        const char *opens; /* names that the relay opens, and this machine does not take; NULL: none */
        bool failed; /* something else did not work, which was told */
} Outcome;

static int finish(Attach *a, const Outcome *o) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;
        bool failed = o->failed || !o->attached || (o->waited && !o->certified);

        if (!a->call->json && o->attached && caa_print_elsewhere(a->setup.config) < 0)
                return -ENOMEM;
        /* Written for another relay, maybe. */
        if (!a->call->json && a->setup.config->relay.opened == CONF_OPENED_ACCEPT)
                setup_say(&a->setup,
                          "hagw.conf has opened = \"accept\"; in the group relay: where %s opens visitors' "
                          "TLS it can read what they say, and this house takes them. Without that line, and "
                          "after hagw-ctl reload, it does not.\n",
                          a->address);
        if (o->opens)
                setup_say(&a->setup,
                          "The relay opens visitors' TLS of %s and leads them to %s, and this machine does "
                          "not take them. If the relay may read what they say: opened = \"accept\"; in the "
                          "group relay of hagw.conf, then hagw-ctl reload. With two machines of the house "
                          "they go to the one that takes them.\n",
                          o->opens, a->tenant);
        a->setup.unreached = !o->attached;
        a->setup.uncertified = o->waited && !o->certified;
        a->setup.userless = setup_lacks_user(&a->setup);
        (void) setup_say_next(&a->setup);
        if (!a->call->json)
                return failed ? CTL_FAILED : CTL_OK;
        if (sd_json_buildo(&v, SD_JSON_BUILD_PAIR("relay", SD_JSON_BUILD_STRING(a->address)),
                           SD_JSON_BUILD_PAIR("tenant", SD_JSON_BUILD_STRING(a->tenant)),
                           SD_JSON_BUILD_PAIR_CONDITION(!!a->zone, "zone", SD_JSON_BUILD_STRING(a->zone)),
                           SD_JSON_BUILD_PAIR("attached", SD_JSON_BUILD_BOOLEAN(o->attached)),
                           SD_JSON_BUILD_PAIR("certified", SD_JSON_BUILD_BOOLEAN(o->certified))) < 0 ||
            output_json(v) < 0)
                return log_oom();
        return failed ? CTL_FAILED : CTL_OK;
}

/* What detach has set aside. */
static int take_hosts_back(Attach *a) {
        size_t n;
        int r;

        r = hosts_take_back(a->call->config_dir, a->setup.config, &n);
        if (r < 0 || n == 0)
                return r;
        a->setup.config = config_free(a->setup.config);
        r = load_config(a->call->config_dir, &a->setup.config);
        if (r >= 0)
                setup_say(&a->setup, "%zu %s that went with the relay %s back.\n", n, PLURAL(n, "host"),
                          plural(n, "is", "are"));
        return r;
}

/* zone: NULL, or what is known of this house once it is attached: its hosts come with it. 1: not all of
 * them, as was told. */
static int take_relay(Attach *a, const char *zone) {
        _cleanup_close_ int lock = lock_hosts();
        int r, hosts = 0;

        r = write_relay(a, zone);
        if (r >= 0 && zone)
                r = take_hosts_back(a);
        if (r >= 0 && zone)
                r = hosts = write_hosts(a);
        lock = safe_close(lock);
        if (r >= 0)
                r = reload_daemons(/* must_run= */ false);
        return r < 0 ? r : hosts;
}

/* From here on the token is this house's: what fails can be gone on with. */
static int go_on(Attach *a, uint64_t wait_usec) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *relay = NULL;
        _cleanup_free_ char *opens = NULL;
        char limit[TIME_TEXT_MAX];
        Outcome o = {};
        int r;

        output_on_interrupt("hagw goes on by itself; \"hagw-ctl attach\" with the relay's address, "
                              "without a code, goes on from here.");
        r = take_relay(a, NULL);
        if (r < 0)
                return r;
        o.failed = setup_make_user(&a->setup) < 0;
        r = relay_wait(ATTACH_WAIT_USEC, a->call->json, &relay);
        if (r < 0)
                return r;
        o.attached = r == CTL_OK;
        r = o.attached ? learn_zone(a, relay) : 0;
        if (r >= 0 && a->zone)
                r = check_zone(a);
        if (r >= 0 && a->zone)
                r = take_relay(a, a->zone);
        if (r < 0)
                return r;
        a->setup.hostless = r > 0;
        o.failed = o.failed || r > 0;
        if (!o.attached)
                return finish(a, &o);
        r = certwait_retry();
        if (r < 0)
                return r;
        setup_say(&a->setup, "Attached to %s as %s: this house is %s.\n", a->address, a->tenant, a->zone);
        o.opens = opens = relay_opens_in_vain(a->setup.config, relay);
        if (wait_usec > 0) {
                setup_say(&a->setup, "Waiting for the certificates, for at most %s:\n",
                          format_span(wait_usec, limit));
                r = certwait_all(wait_usec, a->call->json);
                if (r < 0 && r != -EINTR)
                        return r;
                o.waited = r != -EINTR;
                o.certified = r == CTL_OK;
        }
        r = finish(a, &o);
        if (wait_usec > 0 && !o.waited)
                terminal_end_interrupted();
        return r;
}

int verb_attach(const Call *call) {
        _cleanup_(attach_done) Attach a = { .call = call, .setup = { .call = call, .attach = true } };
        uint64_t wait_usec;
        int r;

        r = certwait_parse_option(call, &wait_usec);
        if (r >= 0)
                r = setup_check_doors(&a.setup);
        if (r >= 0)
                r = attach_gather(&a);
        if (r < 0)
                return r;
        output_on_interrupt("Not attached yet: \"hagw-ctl attach\" with the same words begins again.");
        r = prepare_config(&a);
        if (r >= 0)
                r = start(&a);
        if (r >= 0)
                r = take_token(&a);
        if (r < 0) {
                if (a.wrote || a.started)
                        attach_undo(&a);
                return r;
        }
        r = go_on(&a, wait_usec);
        if (r < 0)
                log_error("The token is kept: \"hagw-ctl attach %s\", without a code, goes on from here.",
                          a.address);
        return r;
}
