/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <systemd/sd-event.h>

#include "libhagw/conf.h"
#include "libhagw/vl.h"

/* The frame of every daemon: arguments, configuration, the loop with SIGTERM/SIGINT/SIGHUP and the watchdog,
 * the varlink server with io.hagw.Service, READY and STATUS. A main file fills a DaemonSpec and calls
 * daemon_run(). */

typedef struct Daemon Daemon;

typedef struct DaemonSpec {
        const char *name;        /* "hagw-dnsd" */
        const char *description; /* one line for --help */
        const sd_varlink_interface *interface; /* the daemon's own, beside io.hagw.Service */
        const VlMethod *methods[8];            /* a table for each file that has some */
        unsigned connections_per_uid;          /* varlink, at once; 0: VL_CONNECTIONS_PER_UID_MAX */
        /* Makes the manager (returned in *ret_userdata, which all other callbacks and varlink handlers get).
         * The configuration is borrowed until the next reload. Runs before READY=1. */
        int (*start)(Daemon *daemon, const Config *config, void **ret_userdata);
        /* Takes over a new valid configuration, or refuses it whole (negative errno; the old one stays).
         * After success the old configuration is freed: keep no pointer into it. Positive: other threads go
         * by the old one for a moment longer; daemon_reloaded() says when none does. */
        int (*reload)(const Config *config, void *userdata);
        /* Appends the daemon's figures with metrics_append(). May be NULL. */
        int (*metrics)(sd_json_variant **metrics, void *userdata);
        /* SIGTERM has come: goes on serving, and calls daemon_finish() when it has served enough. A second
         * signal does not wait for that. NULL: the first does not either. */
        void (*drain)(void *userdata);
        void *(*stop)(void *userdata);
        /* Writes again what is newer in memory than on disk, when writing has failed and may work again.
         * NULL: who asks for something to be written is told that it was not, and nothing is left over. */
        int (*save)(void *userdata);
} DaemonSpec;

/* Runs until SIGTERM or SIGINT; returns the process's exit status. */
int daemon_run(const DaemonSpec *spec, int argc, char *argv[]);

sd_event *daemon_event(Daemon *d);
/* For spec->reload: what it took over is in force, so whoever asked for it may rely on it. */
void daemon_reloaded(Daemon *d);
/* For spec->drain: now the loop ends. */
void daemon_finish(Daemon *d);
/* The line in systemctl status and io.hagw.Service.Describe. */
void daemon_set_status(Daemon *d, const char *format, ...) _printf_(2, 3);

/* Handed-in sockets by name (sd_listen_fds_with_names(3)); a name that ends in "*" is a beginning. Returns
 * how many there are; at most max are stored. They stay owned by the caller of daemon_run's frame for the
 * process's life. */
int daemon_listen_fds(const char *name, int *fds, size_t max);
/* Tells of each such socket, with its own name. */
void daemon_listen_foreach(const char *name, void (*tell)(int fd, const char *name, void *userdata),
                           void *userdata);

/* Where this daemon may keep state: $STATE_DIRECTORY, first element. NULL where there is none. */
const char *daemon_state_dir(void);

/* Appends one figure. labels: name, value, name, value, …, NULL. counter: true for counters. */
int metrics_append(sd_json_variant **metrics, const char *name, bool counter, const char *help, double value,
                   const char *const *labels);
