/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/conf.h"

/* What may be served at a start with broken files: of the last good configuration, of which root keeps a
 * copy (hagw-ctl config keep), what nobody can have meant to close since. */

#define CONF_KEPT_DIR "/var/lib/hagw/config"
#define CONF_KEPT_CLOSED_MAX 32U /* that are named */

typedef struct ConfKept {
        uint64_t usec; /* when the copy was made, CLOCK_REALTIME */
        bool main;     /* hagw.conf is the copy's, too */
        char *closed[CONF_KEPT_CLOSED_MAX + 1]; /* hosts, "NAME: why"; NULL-terminated */
        size_t n_closed;                        /* with those that found no place */
} ConfKept;

/* Where the copy of a folder of configuration is: $HAGW_KEPT_DIR, or CONF_KEPT_DIR for the system's own.
 * NULL: there is none. */
const char *config_kept_dir(const char *dir);

/* Has what was loaded from dir lost what it held? A hagw.conf without any setting is what a write leaves
 * that was cut short, where the copy has some; a hosts.d that is not there was taken away, where the copy
 * has hosts. Where that has none, or there is no copy, nothing was set up. -EBADMSG, and *ret_error (to be
 * freed) says it. */
int config_check_lost(const Config *c, const char *dir, const char *kept, char **ret_error);

/* A host is served whose own file is byte for byte the copy's. hagw.conf is the one in dir where that is
 * valid with these hosts, else the copy's, and then only hosts are served that want a login. -ENOENT: no
 * copy, or no hagw.conf in dir: who took it away means it. -EPERM: others than root may write the copy. */
int config_load_kept(const char *dir, const char *kept, Config **ret, ConfKept *ret_kept);
void config_kept_done(ConfKept *k);
