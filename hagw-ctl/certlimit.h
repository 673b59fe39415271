/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdint.h>
#include <systemd/sd-json.h>

/* A certificate whose authority has asked to wait: an order by hand is refused until then, but for --now. */

/* Until when; 0: it may be ordered. */
uint64_t certlimit_get(sd_json_variant *certificate, uint64_t now);

/* What it takes behind "hagw-ctl cert renew NAME". */
const char *certlimit_option(sd_json_variant *certificate, uint64_t now);

/* Says so, and what there is to do, to be freed; NULL: nobody asks to wait. -ENOMEM. */
int certlimit_text(sd_json_variant *certificate, uint64_t now, char **ret);
