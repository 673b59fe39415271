/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <systemd/sd-json.h>

#include "libhagw/conf.h"

/* What stands in hosts.d/ where the configuration as a whole is not valid: each file by itself, the broken
 * ones with the reason. */

typedef struct BrokenFile {
        char *path, *error;
} BrokenFile;

typedef struct HostScan {
        Config *config; /* what can be read: hagw.conf's, and hosts that may not fit together */
        BrokenFile *broken;
        size_t n_broken, allocated;
        char *error; /* why the whole is refused, where no broken file says it; or NULL */
} HostScan;

/* The configuration, or (1) what can be read where it is not valid. What keeps everything from being read is
 * told, as load_config() does. */
int hostscan_load(const char *config_dir, HostScan *ret);
void hostscan_done(HostScan *s);

/* The file that was meant by a host's name, or by its own ("ha", "ha.home.example.com",
 * "ha.home.example.com.conf"). *ret_error: why it is broken, or NULL. -ENOENT: none, or several. Told. */
int hostscan_find(const HostScan *s, const char *typed, const char **ret_path, const char **ret_error);

/* The broken ones, as view_hosts() has hosts: with health "broken", and why. -ENOMEM. */
int hostscan_append_broken(const HostScan *s, sd_json_variant **array);
