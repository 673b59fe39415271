/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <systemd/sd-json.h>

#include "libhagw/conf.h"

/* Who can log in at a host, by the files and what hagw-webd knows of its users. */

/* users: io.hagw.Web.ListUsers' answer. 1: nobody can, and *ret is why and what mends it, one sentence; 0:
 * somebody can, or nobody needs to. -ENOMEM. */
int admitted_complaint(const ConfHost *host, sd_json_variant *users, char **ret);

/* Does any host ask for a login? */
bool admitted_is_asked(const Config *c);

/* After a change of users or hosts: tells where nobody can log in (only NULL: at any host). Quiet where
 * nobody could be asked. -ENOMEM, told. */
int admitted_say(const char *config_dir, const char *only);

/* The hosts that have a user on their lists by name, with commas; "": none has. To be freed; NULL: no
 * memory. */
char *admitted_listing(const char *config_dir, const char *user);
