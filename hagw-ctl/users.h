/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <systemd/sd-json.h>

/* Makes a user at hagw-webd; failures are told. hosts and groups: arrays of strings. */
int user_create(const char *name, const char *password, sd_json_variant *hosts, sd_json_variant *groups);
