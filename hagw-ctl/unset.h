/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/conf.h"

/* A machine as the package leaves it: installed, and nothing set up. Whatever is asked of it then, one thing
 * is to be done first, and it is said in one way. */

/* The sentence, which stays until the next call. Of another folder than hagw-ctl's own (config_dir; NULL:
 * that) nothing is known but that there is none in it; of a machine that was set up, its copy. */
const char *unset_text(const char *config_dir);
/* The folder is that which the daemons here go by, and no draft elsewhere. */
bool unset_is_own(const char *config_dir);
/* The daemons of this machine go by another folder. Where HAGW_RUNTIME_DIR leads to others than the
 * system's, they go by what --config says. */
bool unset_is_draft(const char *config_dir);
/* "hagw goes by …, and not by …", without its end; stays until the next call. */
const char *unset_draft_text(const char *config_dir);
/* hagw.conf was there, and is there no more. */
bool unset_is_lost(const char *config_dir);

/* What config_load() gave for the folder: a configuration with nothing in it, or NULL because there is none;
 * with a configuration the folder is not looked at. */
bool unset_judge(const Config *config, const char *config_dir);

/* Where the configuration lies, for those who have none at hand; said once, at the start. */
void unset_use(const char *config_dir);

typedef enum UnsetLook {
        UNSET_NO,
        UNSET_YES,
        UNSET_HIDDEN, /* only root sees it */
} UnsetLook;
UnsetLook unset_look(void);
