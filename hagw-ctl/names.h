/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <systemd/sd-json.h>

#include "hagw-ctl/verbs.h"

/* The names there are of a kind, as the daemons know them: to check what was typed, and for completion. */

/* A JSON array of strings, of those that begin so at least. Quiet: what cannot be asked has no names.
 * config_dir is for NAMES_HOSTS. -ENOMEM. */
int names_list(Names kind, const char *config_dir, const char *begun, sd_json_variant **ret);

/* 0 where the name is among them (or nobody could be asked, so that the call itself tells why); -ENOENT
 * after telling the nearest. Not for NAMES_HOSTS and NAMES_TENANTS. */
int names_check(Names kind, const char *name);
/* The same of one that is to be taken away. That it is gone may still wait to be written down: then its
 * daemon is asked once more, which tells why (-EINPROGRESS). NAMES_USERS and NAMES_SESSIONS. */
int names_check_removal(Names kind, const char *name);
