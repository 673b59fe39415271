/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the daemons know, brought together. */

#include <stdio.h>

#include "hagw-ctl/certlimit.h"
#include "hagw-ctl/client.h"
#include "hagw-ctl/hostfile.h"
#include "hagw-ctl/hostscan.h"
#include "hagw-ctl/output.h"
#include "hagw-ctl/sandbox.h"
#include "hagw-ctl/stopped.h"
#include "hagw-ctl/useragent.h"
#include "hagw-ctl/view.h"
#include "libhagw/log.h"
#include "libhagw/pure/plural.h"
#include "libhagw/usec.h"

static int empty_list(const char *name, sd_json_variant **ret) {
        return sd_json_buildo(ret, SD_JSON_BUILD_PAIR(name, SD_JSON_BUILD_EMPTY_ARRAY));
}

/* A call's failure leaves an empty list. */
static int or_empty(int r, const char *list, sd_json_variant **ret) {
        if (r == -ENOMEM)
                return log_oom();
        if (r < 0)
                return empty_list(list, ret);
        return 0;
}

static int ask(const char *method, sd_json_variant *parameters, const char *list, sd_json_variant **ret,
               char **ret_reason) {
        return or_empty(client_look(method, parameters, ret, ret_reason), list, ret);
}

/* look: as they are now, hagw-proxyd tries first what it has not lately. One from before an upgrade refuses
 * the word. */
static int ask_hosts(bool look, sd_json_variant **ret, char **ret_reason) {
        static const char method[] = "io.hagw.Proxy.ListHosts";
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *parameters = NULL;
        int r;

        if (!look)
                return ask(method, NULL, "hosts", ret, ret_reason);
        if (sd_json_buildo(&parameters, SD_JSON_BUILD_PAIR("look", SD_JSON_BUILD_BOOLEAN(true))) < 0)
                return log_oom();
        r = client_look(method, parameters, ret, ret_reason);
        if (r != -EREMOTEIO)
                return or_empty(r, "hosts", ret);
        free(*ret_reason);
        return ask(method, NULL, "hosts", ret, ret_reason);
}

static sd_json_variant *find_by_name(sd_json_variant *v, const char *list, const char *name) {
        for (size_t i = 0; i < field_count(v, list); i++)
                if (streq(strempty(field_text(field_element(v, list, i), "name")), name))
                        return field_element(v, list, i);
        return NULL;
}

/* asked: hagw-proxyd was; else nobody knows whether it is loaded, which is null. */
static int append_host(sd_json_variant **array, const ConfHost *h, bool asked, sd_json_variant *live) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;
        int r;

        r = sd_json_buildo(&v, SD_JSON_BUILD_PAIR("name", SD_JSON_BUILD_STRING(h->name)),
                           SD_JSON_BUILD_PAIR("upstream", SD_JSON_BUILD_STRING(h->upstream)),
                           SD_JSON_BUILD_PAIR("file", SD_JSON_BUILD_STRING(h->file)),
                           SD_JSON_BUILD_PAIR("login",
                                              SD_JSON_BUILD_BOOLEAN(h->access.login == CONF_LOGIN_REQUIRED)),
                           SD_JSON_BUILD_PAIR_CONDITION(asked, "loaded", SD_JSON_BUILD_BOOLEAN(!!live)),
                           SD_JSON_BUILD_PAIR_CONDITION(!asked, "loaded", SD_JSON_BUILD_NULL));
        if (r >= 0 && live)
                r = sd_json_variant_merge_object(&v, live);
        return r < 0 ? r : sd_json_variant_append_array(array, v);
}

int view_hosts(const char *config_dir, bool look, sd_json_variant **ret, char **ret_reason) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *live = NULL, *array = NULL;
        _cleanup_(hostscan_done) HostScan scan = {};
        const Config *config;
        int r, broken;

        broken = hostscan_load(config_dir, &scan);
        if (broken < 0)
                return broken;
        if (scan.error)
                log_error("%s", scan.error);
        config = scan.config;
        r = ask_hosts(look, &live, ret_reason);
        if (r < 0)
                return r;
        r = sd_json_variant_new_array(&array, NULL, 0);
        if (r >= 0)
                r = hostscan_append_broken(&scan, &array);
        for (size_t i = 0; r >= 0 && i < config->n_hosts; i++)
                r = append_host(&array, &config->hosts[i], !*ret_reason,
                                find_by_name(live, "hosts", config->hosts[i].name));
        if (r >= 0)
                r = sd_json_buildo(ret, SD_JSON_BUILD_PAIR("hosts", SD_JSON_BUILD_VARIANT(array)));
        return r < 0 ? log_oom() : broken;
}

int view_running_hosts(bool look, sd_json_variant **ret) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *live = NULL, *array = NULL;
        _cleanup_free_ char *reason = NULL; /* that hagw-proxyd is off is told by view_daemons() */
        int r;

        r = ask_hosts(look, &live, &reason);
        if (r < 0)
                return r;
        r = sd_json_variant_new_array(&array, NULL, 0);
        for (size_t i = 0; r >= 0 && i < field_count(live, "hosts"); i++) {
                _cleanup_(sd_json_variant_unrefp) sd_json_variant *v =
                        sd_json_variant_ref(field_element(live, "hosts", i));

                r = sd_json_variant_set_field_boolean(&v, "loaded", true);
                if (r >= 0)
                        r = sd_json_variant_append_array(&array, v);
        }
        if (r >= 0)
                r = sd_json_buildo(ret, SD_JSON_BUILD_PAIR("hosts", SD_JSON_BUILD_VARIANT(array)));
        return r < 0 ? log_oom() : 0;
}

/* Chains are long, and shown by cert show alone. */
static int without_chain(sd_json_variant *certificate, sd_json_variant **array) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = sd_json_variant_ref(certificate);
        int r = sd_json_variant_filter(&v, (char *[]){ (char *) "chain", NULL });

        return r < 0 ? r : sd_json_variant_append_array(array, v);
}

int view_certificates_of(sd_json_variant *reply, sd_json_variant **ret) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *array = NULL;
        sd_json_variant *difference;
        int r;

        r = sd_json_variant_new_array(&array, NULL, 0);
        for (size_t i = 0; r >= 0 && i < field_count(reply, "certificates"); i++)
                r = without_chain(field_element(reply, "certificates", i), &array);
        difference = sd_json_variant_by_key(reply, "clockDifferenceUSec");
        return r < 0 ? r :
                       sd_json_buildo(ret, SD_JSON_BUILD_PAIR("certificates", SD_JSON_BUILD_VARIANT(array)),
                                      SD_JSON_BUILD_PAIR_CONDITION(!!difference, "clockDifferenceUSec",
                                                                   SD_JSON_BUILD_VARIANT(difference)));
}

int view_certificates(sd_json_variant **ret, char **ret_reason) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *reply = NULL;
        int r;

        r = ask("io.hagw.Acme.Watch", NULL, "certificates", &reply, ret_reason);
        if (r < 0)
                return r;
        return view_certificates_of(reply, ret) < 0 ? log_oom() : 0;
}

int64_t view_certificate_days(sd_json_variant *c, uint64_t now) {
        uint64_t end = field_number(c, "notAfterUSec");

        if (end == 0)
                return INT64_MAX;
        return ((int64_t) end - (int64_t) now) / (int64_t) USEC_PER_DAY;
}

/* Nobody asks for it any more (a host was removed): it ends, and that is no fault. */
static bool certificate_is_over(sd_json_variant *c) {
        return sd_json_variant_by_key(c, "wanted") && !field_bool(c, "wanted") &&
               !streq(strempty(field_text(c, "source")), "imported");
}

bool view_certificate_is_bad(sd_json_variant *c) {
        static const char *const bad[] = { "expiring", "expired", "keyless", "failed" };

        if (certificate_is_over(c))
                return false;
        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                if (streq(strempty(field_text(c, "state")), bad[i]))
                        return true;
        /* Being tried again is no better than waiting for it, while there is none; nor is having to wait. */
        return !field_number(c, "notAfterUSec") &&
               (field_number(c, "failures") > 0 || certlimit_get(c, clock_usec(CLOCK_REALTIME)) > 0);
}

int view_print_certificates(sd_json_variant *v, int indent, bool told) {
        static const char *const titles[] = { "CERTIFICATE", "STATE", "ENDS", "NEXT TRY", "NAMES", NULL };
        _cleanup_(table_freep) Table *t = table_new(titles, 0);
        uint64_t now = clock_usec(CLOCK_REALTIME);
        char when[TIME_TEXT_MAX];

        for (size_t i = 0; i < field_count(v, "certificates"); i++) {
                sd_json_variant *c = field_element(v, "certificates", i);
                _cleanup_free_ char *names = field_joined(c, "names");
                const char *state = strempty(field_text(c, "state")),
                           *error = told ? NULL : field_text(c, "error");
                const char *quote = *strempty(field_text(c, "name")) == '*' ? "'" : "";
                Tone tone = view_certificate_is_bad(c) ? TONE_BAD :
                            streq(state, "valid")      ? TONE_GOOD :
                                                         TONE_WARN;

                table_add(t, TONE_BOLD, "%s", field_text(c, "name"));
                table_add(t, field_number(c, "revokedUSec") ? TONE_BAD : tone, "%s%s%s", state,
                          field_number(c, "revokedUSec") ? ", revoked" : "",
                          field_bool(c, "fallback") ? " (fallback)" : "");
                table_add(t, TONE_PLAIN, "%s", field_number(c, "notAfterUSec") ?
                          format_when(field_number(c, "notAfterUSec"), now, when) : "-");
                table_add(t, TONE_PLAIN, "%s", field_number(c, "nextUSec") ?
                          format_when(field_number(c, "nextUSec"), now, when) : "-");
                table_add(t, TONE_PLAIN, "%s", strempty(names));
                if (certificate_is_over(c))
                        table_note(t, TONE_PLAIN,
                                   "no longer asked for; hagw-ctl cert remove %s%s%s takes it away",
                                   quote, field_text(c, "name"), quote);
                if (error)
                        table_note(t, TONE_WARN, "last try: %s", error);
        }
        return table_print(t, indent);
}

int view_addresses(bool refresh, sd_json_variant **ret, char **ret_reason) {
        if (refresh) /* which asks elsewhere */
                return or_empty(client_try("io.hagw.Net.Refresh", NULL, ret, ret_reason), "addresses", ret);
        return ask("io.hagw.Net.Watch", NULL, "addresses", ret, ret_reason);
}

int view_print_addresses(sd_json_variant *v, int indent, bool told) {
        _cleanup_(table_freep) Table *t = table_new(NULL, 4);
        uint64_t now = clock_usec(CLOCK_REALTIME);
        char when[TIME_TEXT_MAX];

        for (size_t i = 0; i < field_count(v, "addresses"); i++) {
                sd_json_variant *a = field_element(v, "addresses", i);
                const char *address = field_text(a, "address"), *error = field_text(a, "error");
                bool off = streq(strempty(field_text(a, "source")), "none");

                table_add(t, TONE_PLAIN, "%s",
                          streq(strempty(field_text(a, "family")), "ipv4") ? "IPv4" : "IPv6");
                table_add(t,
                          address ? TONE_BOLD :
                          off     ? TONE_DIM :
                                    TONE_BAD,
                          "%s",
                          address             ?:
                                          off ? "off" :
                                                "unknown");
                table_add(t, TONE_DIM, "%s", off ? "" : field_text(a, "source"));
                if (error && field_number(a, "confirmedUSec") == 0)
                        table_add(t, TONE_WARN, "not confirmed yet");
                else if (error)
                        table_add(t, TONE_WARN, "last confirmed %s",
                                  format_when(field_number(a, "confirmedUSec"), now, when));
                else if (field_text(a, "held"))
                        table_add(t, TONE_WARN, "has not answered yet; the address is the one of %s",
                                  field_text(a, "held"));
                else if (streq(strempty(field_text(a, "knowledge")), "unknown"))
                        table_add(t, TONE_WARN, "has not answered yet");
                else if (off || field_number(a, "confirmedUSec") == 0) /* by whom? */
                        table_add(t, TONE_PLAIN, "%s", off ? "" : "as configured");
                else
                        table_add(t, TONE_PLAIN, "confirmed %s",
                                  format_when(field_number(a, "confirmedUSec"), now, when));
                if (error && !told)
                        table_note(t, TONE_WARN, "%s", error);
        }
        return table_print(t, indent);
}

int view_zones(sd_json_variant **ret, char **ret_reason) {
        return ask("io.hagw.Dns.ListZones", NULL, "zones", ret, ret_reason);
}

int view_sessions(const char *user, sd_json_variant **ret, char **ret_reason) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *parameters = NULL;

        if (sd_json_buildo(&parameters,
                           SD_JSON_BUILD_PAIR_CONDITION(!!user, "user", SD_JSON_BUILD_STRING(user))) < 0)
                return log_oom();
        return ask("io.hagw.Web.ListSessions", parameters, "sessions", ret, ret_reason);
}

int view_refusals(sd_json_variant **ret, char **ret_reason) {
        return ask("io.hagw.Web.ListRefusals", NULL, "refusals", ret, ret_reason);
}

/* The worst ones; how many more there are is told. */
#define REFUSALS_SHOWN_MAX 8U
void view_print_refusals(sd_json_variant *v, int indent) {
        const size_t n = field_count(v, "refusals");

        for (size_t i = 0; i < n && i < REFUSALS_SHOWN_MAX; i++) {
                sd_json_variant *f = field_element(v, "refusals", i);
                const char *user = field_text(f, "user"), *network = field_text(f, "network");
                const unsigned long wrong = field_number(f, "wrong"), early = field_number(f, "early");

                output("%*s%lu refused %s for %s from %s in the last hour\n", indent, "", wrong + early,
                       PLURAL(wrong + early, "login"),
                       user            ? user :
                               network ? "unknown users" :
                                         "various users",
                       network ?: "many more networks");
        }
        if (n > REFUSALS_SHOWN_MAX)
                output("%*sand %zu more such lines: hagw-ctl status --json\n", indent, "",
                       n - REFUSALS_SHOWN_MAX);
}

/* Its sessions are good again should it come back. */
static bool host_is_gone(const Config *config, const char *host) {
        return config && host && !config_find_host(config, host);
}

int view_print_sessions(sd_json_variant *v, const Config *config, int indent) {
        static const char *const titles[] = { "SESSION", "USER", "HOST", "FROM", "LAST USED",
                                              "ENDS",    "WITH", NULL };
        _cleanup_(table_freep) Table *t = table_new(titles, 0);
        uint64_t now = clock_usec(CLOCK_REALTIME);
        char when[TIME_TEXT_MAX], agent[USERAGENT_TEXT_MAX + 1];

        for (size_t i = 0; i < field_count(v, "sessions"); i++) {
                sd_json_variant *s = field_element(v, "sessions", i);

                table_add(t, TONE_BOLD, "%s", field_text(s, "id"));
                table_add(t, TONE_PLAIN, "%s", field_text(s, "user"));
                table_add(t, TONE_PLAIN, "%s%s", field_text(s, "host"),
                          host_is_gone(config, field_text(s, "host")) ? " (gone)" : "");
                table_add(t, TONE_PLAIN, "%s", field_text(s, "address"));
                table_add(t, TONE_PLAIN, "%s", format_when(field_number(s, "lastUsedUSec"), now, when));
                table_add(t, TONE_PLAIN, "%s", field_number(s, "expiresUSec") > 0 ?
                                  format_when(field_number(s, "expiresUSec"), now, when) :
                                  "when revoked");
                table_add(t, TONE_DIM, "%s",
                          useragent_describe(strempty(field_text(s, "userAgent")), agent));
        }
        return table_print(t, indent);
}

int view_hops(sd_json_variant **ret) {
        _cleanup_free_ char *reason = NULL; /* that hagw-proxyd is off is told by view_daemons() */
        int r = client_look("io.hagw.Proxy.ListHops", NULL, ret, &reason);

        return r == -ENOMEM ? log_oom() : 0;
}

int view_outside(sd_json_variant **ret) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *reply = NULL;
        _cleanup_free_ char *reason = NULL; /* as above */
        int r = client_look("io.hagw.Proxy.DescribeOutside", NULL, &reply, &reason);

        if (r >= 0)
                r = sd_json_buildo(ret, SD_JSON_BUILD_PAIR("visitors", SD_JSON_BUILD_VARIANT(reply)));
        return r == -ENOMEM ? log_oom() : 0;
}

int view_daemons(const Config *config, sd_json_variant **ret) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *array = NULL;
        bool refused = false;
        int r = 0;

        stopped_find(config);
        for (const DaemonRow *d = daemon_rows; r >= 0 && d->name; d++) {
                _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL, *reply = NULL;
                _cleanup_free_ char *reason = NULL;
                int k;

                if (!daemon_is_needed(d, config))
                        continue;
                k = refused ? -ETIMEDOUT : client_describe(d, &reply, &reason);
                /* What the machine refuses to one it refuses to all, and systemd's sockets would take each
                 * call. */
                if (k == -ETIMEDOUT && !refused && sandbox_refusal(d->name)) {
                        refused = true;
                        client_silence();
                }
                r = sd_json_buildo(&v, SD_JSON_BUILD_PAIR("name", SD_JSON_BUILD_STRING(d->name)),
                                   SD_JSON_BUILD_PAIR("job", SD_JSON_BUILD_STRING(d->job)),
                                   SD_JSON_BUILD_PAIR("running", SD_JSON_BUILD_BOOLEAN(k >= 0)),
                                   SD_JSON_BUILD_PAIR("denied", SD_JSON_BUILD_BOOLEAN(k == -EACCES)),
                                   SD_JSON_BUILD_PAIR("silent", SD_JSON_BUILD_BOOLEAN(k == -ETIMEDOUT)),
                                   SD_JSON_BUILD_PAIR_CONDITION(stopped_ends_always(d), "endsAlways",
                                                                SD_JSON_BUILD_BOOLEAN(true)),
                                   SD_JSON_BUILD_PAIR_CONDITION(k < 0, "error",
                                                                SD_JSON_BUILD_STRING(strempty(reason))));
                if (r >= 0 && reply)
                        r = sd_json_variant_merge_object(&v, reply);
                if (r >= 0)
                        r = sd_json_variant_append_array(&array, v);
        }
        if (r >= 0)
                r = sd_json_buildo(ret, SD_JSON_BUILD_PAIR("daemons", SD_JSON_BUILD_VARIANT(array)));
        return r < 0 ? log_oom() : 0;
}

/* What a daemon says of itself, without what it has none of. */
static char *without_zeros(const char *status) {
        char *text = NULL;
        size_t size;
        FILE *f = open_memstream(&text, &size);

        if (!f)
                return NULL;
        while (*status) {
                size_t n = strcspn(status, ",;");

                const char *first = ftello(f) == 0 ? startswith(status, "and ") : NULL;

                if (!startswith(status, "0 "))
                        fprintf(f, "%s%.*s", ftello(f) > 0 ? ", " : "",
                                (int) (n - (size_t) (first ? first - status : 0)), first ?: status);
                status += n + !!status[n];
                status += strspn(status, " ");
        }
        if (fclose(f) != 0) {
                free(text);
                return NULL;
        }
        return text;
}

int view_print_daemons(sd_json_variant *v, int indent) {
        _cleanup_(table_freep) Table *t = table_new(NULL, 3);

        for (size_t i = 0; i < field_count(v, "daemons"); i++) {
                sd_json_variant *d = field_element(v, "daemons", i);
                const char *refused = field_text(d, "configError");
                bool running = field_bool(d, "running"), shut = field_bool(d, "shut");
                _cleanup_free_ char *status = without_zeros(strempty(field_text(d, "status")));

                table_add(t, TONE_PLAIN, "%s", field_text(d, "name"));
                table_add(t, running && !shut ? refused ? TONE_WARN : TONE_GOOD : TONE_BAD, "%s",
                          shut                     ? "door shut" :
                          running                  ? "running" :
                          field_bool(d, "denied") ? "denied" :
                          field_bool(d, "silent") ? "silent" :
                                                     "off");
                /* Why it refused the new one is told with the problems. */
                table_add(t, TONE_DIM, "%s",
                          refused ? "keeps its old configuration" :
                          running ? strempty(status) :
                                    strempty(field_text(d, "job")));
        }
        return table_print(t, indent);
}
