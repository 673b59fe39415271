/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Trials of services for host add, host set, setup and config check. */

#include <stdio.h>
#include <strings.h>
#include <unistd.h>

#include "hagw-ctl/client.h"
#include "hagw-ctl/output.h"
#include "hagw-ctl/resolve.h"
#include "hagw-ctl/tryhost.h"
#include "hagw-ctl/view.h"
#include "hagw-ctl/waiting.h"
#include "libhagw/log.h"
#include "libhagw/pure/hostname.h"
#include "libhagw/pure/plural.h"
#include "libhagw/usec.h"
#include "libhagw/vl.h"

/* A pattern is no address. */
static void say_place(const char *name, const char *upstream, bool json, const char *more) {
        if (!json)
                output_paragraph("", "%s%s leads to %s%s", *name == '*' ? "" : "https://", name, upstream,
                                 more);
}

/* Of an answer that it is one is not all: the service may be in trouble itself. */
static void say_answer(const char *name, const char *upstream, bool quiet, uint64_t status) {
        char more[80];

        (void) snprintf(more, sizeof(more), ", which answers with an error of its own (HTTP %u).",
                        (unsigned) status);
        say_place(name, upstream, quiet, status >= 500 ? more : ", which answers.");
}

int try_probe(const char *name, const char *upstream, bool quiet, sd_json_variant **ret,
              char **ret_reason) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *parameters = NULL;
        char what[HOSTNAME_MAX + sizeof("https://:65535 to answer")];
        int r;

        *ret_reason = NULL;
        if (sd_json_buildo(&parameters, SD_JSON_BUILD_PAIR("name", SD_JSON_BUILD_STRING(name))) < 0)
                return -ENOMEM;
        (void) snprintf(what, sizeof(what), "%s to answer", upstream);
        waiting_begin(what, VL_CALL_USEC, quiet);
        r = client_try("io.hagw.Proxy.Probe", parameters, ret, ret_reason);
        waiting_end();
        return r;
}

/* No waiting mends that. */
static bool is_gateway(const char *finding) {
        return streq(finding, "itself") || streq(finding, "public_address");
}

static int probe(const Config *config, const char *name, const char *upstream, bool json, bool quiet) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *reply = NULL;
        _cleanup_free_ char *reason = NULL;
        sd_json_variant *host;
        int r;

        r = try_probe(name, upstream, json, &reply, &reason);
        if (r < 0) {
                say_place(name, upstream, quiet, ".");
                return r == -ENOMEM ? log_oom() : r == -ETIMEDOUT ? -ENOTCONN : r;
        }
        host = sd_json_variant_by_key(reply, "host");
        if (streq(strempty(field_text(host, "health")), "failing")) {
                say_place(name, upstream, json,
                          view_passes_unopened(config, host) ?
                                  ". Until it has its certificate visitors pass unopened, and get through. "
                                  "Then they will not:" :
                                  ", and visitors do not get through:");
                (void) fflush(stdout);
                log_error("%s", field_text(host, "error") ?: "see hagw-ctl host show");
                return is_gateway(strempty(field_text(host, "finding"))) ? -ELOOP : -EREMOTEIO;
        }
        say_answer(name, upstream, quiet, field_number(reply, "status"));
        return 0;
}

int try_host(const char *config_dir, const char *name, const char *upstream) {
        _cleanup_(config_freep) Config *config = NULL;
        _cleanup_free_ char *error = NULL;

        (void) config_load(config_dir, &config, &error);
        return probe(config, name, upstream, /* json= */ false, /* quiet= */ false);
}

static void say_others(size_t answer, size_t left, bool gone) {
        if (answer > 0)
                output("%zu more %s.\n", answer, plural(answer, "answers", "answer"));
        if (left > 0 && !gone)
                output("%zu more %s not tried.\n", left, plural(left, "was", "were"));
}

int try_hosts(const Config *config, bool json, unsigned *ret_failing) {
        size_t i = 0, untold = 0;
        bool gone = false;
        int n = 0;

        *ret_failing = 0;
        for (; i < config->n_hosts && *ret_failing < TRY_FAILING_MAX && !gone; i++) {
                const bool quiet = json || i >= TRY_TOLD_MAX;
                int r = probe(config, config->hosts[i].name, config->hosts[i].upstream, json, quiet);

                if (r == -ENOMEM)
                        return r;
                gone = r == -ENOTCONN;
                n += r == 0 || r == -EREMOTEIO || r == -ELOOP;
                untold += r == 0 && i >= TRY_TOLD_MAX;
                *ret_failing += r == -EREMOTEIO || r == -ELOOP;
        }
        for (size_t k = i; gone && k < config->n_hosts && k < TRY_TOLD_MAX; k++)
                say_place(config->hosts[k].name, config->hosts[k].upstream, json, ".");
        if (!json)
                say_others(untold, config->n_hosts - i, gone);
        return n;
}

static const char *system_runtime_dir(void) {
        return secure_getenv("HAGW_SYSTEM_RUNTIME_DIR") ?: "/run";
}

/* The two whom hagw-netd asks. */
static bool somebody_speaks_mdns(void) {
        static const char *const sockets[] = { "systemd/resolve/io.systemd.Resolve", "avahi-daemon/socket" };
        char path[256];

        for (size_t i = 0; i < ELEMENTSOF(sockets); i++) {
                int n = snprintf(path, sizeof(path), "%s/%s", system_runtime_dir(), sockets[i]);

                if (n > 0 && (size_t) n < sizeof(path) && access(path, F_OK) == 0)
                        return true;
        }
        return false;
}

/* http://NAME.local:8123 and the like. */
static bool take_local_name(const char *upstream, char *ret) {
        const char *p = strstr(upstream, "://");
        size_t n = p ? strcspn(p + 3, ":/") : 0;

        if (n <= strlen(".local") || n > HOSTNAME_MAX || strncasecmp(p + 3 + n - 6, ".local", 6) != 0)
                return false;
        memcpy(ret, p + 3, n);
        ret[n] = '\0';
        return true;
}

static int look_up_local(const char *name) {
        const uint64_t end = clock_usec(CLOCK_MONOTONIC) + TRY_NAME_USEC;
        uint64_t now;
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *parameters = NULL;
        _cleanup_free_ char *reason = NULL;
        Resolved resolved;
        int r;

        if (sd_json_buildo(&parameters, SD_JSON_BUILD_PAIR("name", SD_JSON_BUILD_STRING(name))) < 0)
                return -ENOMEM;
        r = client_try_within("io.hagw.Net.Resolve", parameters, TRY_NAME_NETD_USEC, NULL, &reason);
        /* Nobody has answered: hagw-netd does not run before the first setup, whoever holds its socket. */
        if (r >= 0 || r == -EREMOTEIO || r == -ENOMEM)
                return r;
        now = clock_usec(CLOCK_MONOTONIC);
        r = resolve_name(name, end - MIN(end, now), &resolved);
        return r == 0 ? -EREMOTEIO : r;
}

int try_name(const char *upstream, bool quiet, char **ret_reason) {
        char name[HOSTNAME_MAX + 1];
        bool known;
        int r;

        *ret_reason = NULL;
        if (!take_local_name(upstream, name))
                return 0;
        waiting_begin("the service to be found", TRY_NAME_USEC, quiet);
        r = look_up_local(name);
        waiting_end();
        if (r == -ENOMEM)
                return log_oom();
        known = somebody_speaks_mdns();
        if (r >= 0 || (known && r != -EREMOTEIO))
                return 0; /* whom we cannot ask may find it yet */
        if (asprintf(ret_reason,
                     known ? "No device in this network is called %s right now. Use the service's IP "
                             "address; most routers can be told to keep it." :
                             "%s is a name of mDNS, which nobody speaks on this machine: install "
                             "avahi-daemon (or have systemd-resolved do it, MulticastDNS=yes), or write the "
                             "service's address.",
                     name) < 0) {
                *ret_reason = NULL;
                return log_oom();
        }
        return known ? -ENOENT : -EOPNOTSUPP;
}
