/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The frame that every daemon stands in. Owns the loop, the configuration in force and the varlink server.
 */

#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <systemd/sd-daemon.h>
#include <time.h>

#include "libhagw/conf-digest.h"
#include "libhagw/conf-kept.h"
#include "libhagw/daemon.h"
#include "libhagw/keeper.h"
#include "libhagw/log.h"
#include "libhagw/pure/printable.h"
#include "libhagw/statefault.h"
#include "libhagw/usec.h"
#include "libhagw/vl-io.hagw.Service.h"

struct Daemon {
        const DaemonSpec *spec;
        sd_event *event;
        bool draining;
        sd_varlink_server *server;
        Config *config;
        const char *config_dir;
        uint64_t config_usec;
        char digests[2][CONF_DIGEST_TEXT_MAX]; /* of hagw.conf and of hosts.d, as they are in force */
        char *config_error;
        ConfKept kept; /* where usec > 0: what is in force is the last good one, less what changed since */
        char *status;
        Keeper *keeper; /* NULL: a daemon without state */
        void *userdata; /* the manager */
};

static Daemon the_daemon; /* one per process; varlink handlers of io.hagw.Service reach it here */

sd_event *daemon_event(Daemon *d) {
        return d->event;
}

static void daemon_show_status(Daemon *d) {
        _cleanup_free_ char *shown = NULL, *error = NULL, *fault = NULL, *text = NULL;

        /* systemctl shows it as it is, and a line more would be another message to systemd. */
        shown = printable(strempty(d->status), /* lines= */ false);
        error = printable(strempty(d->config_error), /* lines= */ false);
        text = state_fault_text(daemon_state_dir());
        fault = printable(strempty(text), /* lines= */ false);
        (void) sd_notifyf(/* unset_environment= */ 0, "STATUS=%s%s%s%s%s", strempty(shown),
                          d->config_error ? "; configuration refused: " : "", strempty(error),
                          text ? "; " : "", strempty(fault));
}

void daemon_set_status(Daemon *d, const char *format, ...) {
        char *status;
        va_list ap;
        int n;

        va_start(ap, format);
        n = vasprintf(&status, format, ap);
        va_end(ap);
        if (n < 0)
                return;
        free(d->status);
        d->status = status;
        daemon_show_status(d);
}

static void on_keeper(void *userdata) {
        daemon_show_status(userdata);
}

static int on_save(void *userdata) {
        Daemon *d = userdata;

        return d->spec->save ? d->spec->save(d->userdata) : 0;
}

static int listen_foreach(const char *name, void (*tell)(int fd, const char *name, void *userdata),
                          void *userdata) {
        char **names = NULL;
        int n = sd_listen_fds_with_names(/* unset_environment= */ 0, &names);

        for (int i = 0; i < n; i++) {
                size_t prefix = strcspn(name, "*");

                if (name[prefix] ? strncmp(names[i], name, prefix) == 0 : streq(names[i], name))
                        tell(SD_LISTEN_FDS_START + i, names[i], userdata);
                free(names[i]);
        }
        free(names);
        return n;
}

void daemon_listen_foreach(const char *name, void (*tell)(int fd, const char *name, void *userdata),
                           void *userdata) {
        (void) listen_foreach(name, tell, userdata);
}

typedef struct FoundFds {
        int *fds;
        size_t n, max;
} FoundFds;

static void store_fd(int fd, const char *name, void *userdata) {
        FoundFds *f = userdata;

        if (f->n++ < f->max)
                f->fds[f->n - 1] = fd;
}

int daemon_listen_fds(const char *name, int *fds, size_t max) {
        FoundFds f = { .fds = fds, .max = max };
        int r = listen_foreach(name, store_fd, &f);

        return r < 0 ? r : (int) f.n;
}

const char *daemon_state_dir(void) {
        static char dir[4096];
        const char *e = secure_getenv("STATE_DIRECTORY");
        size_t n;

        if (!e || !*e)
                return NULL;
        n = strcspn(e, ":");
        if (n >= sizeof(dir))
                return NULL;
        memcpy(dir, e, n);
        dir[n] = '\0';
        return dir;
}

static int vl_method_describe(sd_varlink *link, void *parameters, unsigned flags, void *userdata) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;
        Daemon *d = &the_daemon;
        int r;

        r = sd_json_buildo(&v, SD_JSON_BUILD_PAIR("name", SD_JSON_BUILD_STRING(d->spec->name)),
                           SD_JSON_BUILD_PAIR("version", SD_JSON_BUILD_STRING(PACKAGE_VERSION)),
                           SD_JSON_BUILD_PAIR("status", SD_JSON_BUILD_STRING(strempty(d->status))),
                           SD_JSON_BUILD_PAIR("configUSec", SD_JSON_BUILD_UNSIGNED(d->config_usec)),
                           SD_JSON_BUILD_PAIR("configMain", SD_JSON_BUILD_STRING(d->digests[0])),
                           SD_JSON_BUILD_PAIR("configHosts", SD_JSON_BUILD_STRING(d->digests[1])),
                           JSON_PAIR_IF_SET("configError", d->config_error),
                           SD_JSON_BUILD_PAIR_CONDITION(d->kept.usec > 0, "configKeptUSec",
                                                        SD_JSON_BUILD_UNSIGNED(d->kept.usec)),
                           SD_JSON_BUILD_PAIR_CONDITION(d->kept.n_closed > 0, "configClosed",
                                                        SD_JSON_BUILD_STRV(d->kept.closed)));
        if (r >= 0 && d->keeper)
                r = keeper_describe(d->keeper, &v);
        return r < 0 ? sd_varlink_error_errno(link, r) : sd_varlink_reply(link, v);
}

int metrics_append(sd_json_variant **metrics, const char *name, bool counter, const char *help, double value,
                   const char *const *labels) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *l = NULL;
        int r;

        for (; labels && labels[0]; labels += 2) {
                r = sd_json_variant_set_field_string(&l, labels[0], labels[1]);
                if (r < 0)
                        return r;
        }
        return sd_json_variant_append_arraybo(
                metrics, SD_JSON_BUILD_PAIR("name", SD_JSON_BUILD_STRING(name)),
                SD_JSON_BUILD_PAIR("type", SD_JSON_BUILD_STRING(counter ? "counter" : "gauge")),
                SD_JSON_BUILD_PAIR("help", SD_JSON_BUILD_STRING(help)),
                SD_JSON_BUILD_PAIR("value", SD_JSON_BUILD_REAL(value)),
                SD_JSON_BUILD_PAIR_CONDITION(!!l, "labels", SD_JSON_BUILD_VARIANT(l)));
}

static int vl_method_get_metrics(sd_varlink *link, void *parameters, unsigned flags, void *userdata) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *metrics = NULL;
        Daemon *d = &the_daemon;
        int r;

        r = sd_json_variant_new_array(&metrics, NULL, 0);
        if (r >= 0 && d->spec->metrics)
                r = d->spec->metrics(&metrics, d->userdata);
        if (r >= 0 && d->keeper)
                r = keeper_metrics(d->keeper, &metrics);
        if (r < 0)
                return sd_varlink_error_errno(link, r);
        return sd_varlink_replybo(link, SD_JSON_BUILD_PAIR("metrics", SD_JSON_BUILD_VARIANT(metrics)));
}

static const VlMethod service_methods[] = {
        { "io.hagw.Service.Describe", VL_PEER_ALL, vl_method_describe },
        { "io.hagw.Service.GetMetrics", VL_PEER_WEBD, vl_method_get_metrics },
        {},
};

static int daemon_load_config(Daemon *d, Config **ret) {
        _cleanup_free_ char *error = NULL;
        int r;

        r = config_load(d->config_dir, ret, &error);
        if (r < 0) {
                free(d->config_error);
                d->config_error = TAKE_PTR(error);
                return log_error_errno(r, "Configuration refused: %s", strempty(d->config_error));
        }
        return 0;
}

/* A start with broken files: nobody may be there to mend them, and the house is to be reached. */
static int daemon_start_config(Daemon *d) {
        int r, q;

        r = daemon_load_config(d, &d->config);
        if (r >= 0 || r == -ENOMEM)
                return r;
        q = config_load_kept(d->config_dir, config_kept_dir(d->config_dir), &d->config, &d->kept);
        if (q < 0) {
                if (q != -ENOENT)
                        (void) log_error_errno(q, "The last good configuration cannot serve instead: %m");
                return r;
        }
        log_warning("The last good configuration serves instead%s.",
                    d->kept.main ? ", only for hosts that want a login" : "");
        for (char **p = d->kept.closed; *p; p++)
                log_warning("Closed is %s.", *p);
        return 0;
}

/* d->config is another one now. */
static void daemon_note_config(Daemon *d) {
        const ConfDigest digest = config_digest(d->config, d->spec->name);

        d->config_usec = clock_usec(CLOCK_REALTIME);
        (void) conf_digest_text(digest.main, d->digests[0]);
        (void) conf_digest_text(digest.hosts, d->digests[1]);
        log_set_max_level(streq(d->config->log.level, "debug") ? LOG_DEBUG : LOG_INFO);
}

static int on_reload(sd_event_source *s, const struct signalfd_siginfo *si, void *userdata) {
        Daemon *d = userdata;
        _cleanup_(config_freep) Config *config = NULL;
        bool later = false;
        int r;

        (void) sd_notifyf(/* unset_environment= */ 0, "RELOADING=1\nMONOTONIC_USEC=%llu",
                          (unsigned long long) clock_usec(CLOCK_MONOTONIC));
        r = daemon_load_config(d, &config);
        if (r >= 0 && d->spec->reload) {
                r = d->spec->reload(config, d->userdata);
                later = r > 0;
                if (r < 0) {
                        (void) log_error_errno(
                                r, "Could not take over the new configuration, the old one stays: %m");
                        free(d->config_error);
                        d->config_error = strdup("it could not be applied, see the log");
                }
        }
        if (r >= 0) {
                d->config_error = (free(d->config_error), NULL);
                config_kept_done(&d->kept);
                Config *old = d->config;
                d->config = TAKE_PTR(config);
                config_free(old);
                daemon_note_config(d);
                log_info("Configuration reloaded.");
        }
        daemon_show_status(d);
        if (!later)
                daemon_reloaded(d);
        return 0;
}

void daemon_reloaded(Daemon *d) {
        (void) sd_notify(/* unset_environment= */ 0, "READY=1");
}

void daemon_finish(Daemon *d) {
        vl_limit_cut_unread();
        (void) sd_event_exit(d->event, 0);
}

static int on_stop_signal(sd_event_source *s, const struct signalfd_siginfo *si, void *userdata) {
        Daemon *d = userdata;

        if (d->draining || !d->spec->drain) {
                daemon_finish(d);
                return 0;
        }
        d->draining = true;
        (void) sd_notify(/* unset_environment= */ 0, "STOPPING=1");
        d->spec->drain(d->userdata);
        return 0;
}

static int daemon_setup_loop(Daemon *d) {
        sigset_t mask;
        int r;

        if (sigemptyset(&mask) < 0 || sigaddset(&mask, SIGTERM) < 0 || sigaddset(&mask, SIGINT) < 0 ||
            sigaddset(&mask, SIGHUP) < 0 || sigprocmask(SIG_BLOCK, &mask, NULL) < 0)
                return -errno;
        (void) signal(SIGPIPE, SIG_IGN);

        r = sd_event_default(&d->event);
        if (r < 0)
                return r;
        r = sd_event_add_signal(d->event, NULL, SIGTERM, on_stop_signal, d);
        if (r < 0)
                return r;
        r = sd_event_add_signal(d->event, NULL, SIGINT, on_stop_signal, d);
        if (r < 0)
                return r;
        r = sd_event_add_signal(d->event, NULL, SIGHUP, on_reload, d);
        if (r < 0)
                return r;
        return sd_event_set_watchdog(d->event, true);
}

static int daemon_setup_varlink(Daemon *d) {
        int r;

        r = vl_server_new(&d->server, d->event, d->userdata);
        if (r >= 0)
                r = vl_server_add_methods(d->server, service_methods);
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(d->spec->methods); i++)
                r = vl_server_add_methods(d->server, d->spec->methods[i]);
        if (r < 0)
                return r;
        if (d->spec->connections_per_uid > 0) {
                /* Who takes all of his leaves the others theirs. */
                (void) sd_varlink_server_set_connections_max(
                        d->server, d->spec->connections_per_uid + VL_CONNECTIONS_MAX);
                (void) sd_varlink_server_set_connections_per_uid_max(d->server,
                                                                     d->spec->connections_per_uid);
        }
        r = sd_varlink_server_add_interface(d->server, &vl_interface_io_hagw_Service);
        if (r < 0)
                return r;
        if (d->spec->interface) {
                r = sd_varlink_server_add_interface(d->server, d->spec->interface);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int daemon_setup_keeper(Daemon *d) {
        const char *dir = daemon_state_dir();

        if (!dir)
                return 0;
        return keeper_new(&d->keeper, d->event, &(KeeperSpec) {
                .dir = dir,
                .save = on_save,
                .changed = on_keeper,
                .userdata = d,
        });
}

static int daemon_main(Daemon *d) {
        int r;

        r = daemon_setup_loop(d);
        if (r < 0)
                return log_error_errno(r, "Could not set up the event loop: %m");
        r = daemon_start_config(d);
        if (r < 0)
                return r;
        daemon_note_config(d);
        r = d->spec->start(d, d->config, &d->userdata);
        if (r < 0)
                return log_error_errno(r, "Could not start: %m");
        r = daemon_setup_keeper(d);
        if (r < 0)
                return log_error_errno(r, "Could not set up the state's keeper: %m");
        r = daemon_setup_varlink(d);
        if (r == -ENOTCONN)
                return log_error_errno(
                        r, "No varlink socket was handed in; systemd starts %s through its socket unit.",
                        d->spec->name);
        if (r < 0)
                return log_error_errno(r, "Could not set up varlink: %m");
        (void) sd_notify(/* unset_environment= */ 0, "READY=1");
        r = sd_event_loop(d->event);
        if (r < 0)
                return log_error_errno(r, "The event loop failed: %m");
        (void) sd_notify(/* unset_environment= */ 0, "STOPPING=1");
        return 0;
}

static int parse_arguments(Daemon *d, int argc, char *argv[]) {
        static const struct option options[] = {
                { "help", no_argument, NULL, 'h' },
                { "version", no_argument, NULL, 'V' },
                { "config", required_argument, NULL, 'c' },
                {},
        };
        int c;

        d->config_dir = HAGW_CONF_DIR;
        while ((c = getopt_long(argc, argv, "hVc:", options, NULL)) >= 0)
                switch (c) {
                case 'h':
                        printf("%s [OPTIONS…]\n\n%s\n\n"
                               "  -h --help          Show this help\n"
                               "  -V --version       Show the version\n"
                               "  -c --config=DIR    Read hagw.conf and hosts.d/ there (default: %s)\n\n"
                               "Started by systemd with its sockets; see %s(8).\n",
                               d->spec->name, d->spec->description, HAGW_CONF_DIR, d->spec->name);
                        return 0;
                case 'V':
                        puts("hagw " PACKAGE_VERSION);
                        return 0;
                case 'c':
                        d->config_dir = optarg;
                        break;
                default:
                        return -EINVAL;
                }
        if (optind < argc) {
                log_error("%s takes no arguments besides options; see --help.", d->spec->name);
                return -EINVAL;
        }
        return 1;
}

int daemon_run(const DaemonSpec *spec, int argc, char *argv[]) {
        Daemon *d = &the_daemon;
        int r;

        *d = (Daemon) { .spec = spec };
        log_setup(spec->name);
        r = parse_arguments(d, argc, argv);
        if (r <= 0)
                return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;

        r = daemon_main(d);
        if (d->userdata && spec->stop)
                d->userdata = spec->stop(d->userdata);
        sd_varlink_server_unref(d->server);
        d->keeper = keeper_free(d->keeper);
        config_free(d->config);
        config_kept_done(&d->kept);
        free(d->config_error);
        free(d->status);
        sd_event_unref(d->event);
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
