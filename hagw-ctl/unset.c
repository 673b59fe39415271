/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Is there anything set up on this machine? */

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "hagw-ctl/unset.h"
#include "libhagw/conf-kept.h"

static const char *directory = HAGW_CONF_DIR;

void unset_use(const char *config_dir) { directory = config_dir; }

bool unset_is_own(const char *config_dir) { return streq(config_dir, directory); }

bool unset_is_draft(const char *config_dir) {
        const char *rest = startswith(config_dir, HAGW_CONF_DIR);

        return !secure_getenv("HAGW_RUNTIME_DIR") && !(rest && strspn(rest, "/") == strlen(rest));
}

const char *unset_draft_text(const char *config_dir) {
        static char text[PATH_MAX + 64];

        (void) snprintf(text, sizeof(text), "hagw goes by " HAGW_CONF_DIR ", and not by %s", config_dir);
        return text;
}

bool unset_is_lost(const char *config_dir) {
        _cleanup_(config_freep) Config *config = NULL;
        const char *kept = config_kept_dir(config_dir);
        _cleanup_free_ char *why = NULL;

        return kept && unset_judge(NULL, config_dir) && config_load(kept, &config, &why) >= 0 &&
               !unset_judge(config, kept);
}

const char *unset_text(const char *config_dir) {
        static char text[4 * PATH_MAX + 256];
        const char *dir = config_dir ?: directory;

        if (unset_is_lost(dir))
                (void) snprintf(text, sizeof(text),
                                "There is no %s/hagw.conf any more, without which hagw does not start. The "
                                "last good one comes back by: cp -p %s/hagw.conf %s/; systemctl restart "
                                "hagw.target",
                                dir, config_kept_dir(dir), dir);
        else if (!unset_is_own(dir))
                (void) snprintf(text, sizeof(text), "There is no %s/hagw.conf.", dir);
        else
                return "hagw is not set up on this machine yet: hagw-ctl setup does so, or hagw-ctl attach "
                       "RELAY CODE in a house behind a relay.";
        return text;
}

bool unset_judge(const Config *c, const char *config_dir) {
        char path[PATH_MAX];

        if (c)
                return c->n_zones == 0 && c->n_hosts == 0 && !c->relay.address && !c->tenants.zone;
        return (size_t) snprintf(path, sizeof(path), "%s/hagw.conf", config_dir) < sizeof(path) &&
               faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT;
}

UnsetLook unset_look(void) {
        _cleanup_(config_freep) Config *config = NULL;
        _cleanup_free_ char *why = NULL;
        int r = config_load(directory, &config, &why);

        return r == -EACCES ? UNSET_HIDDEN : unset_judge(config, directory) ? UNSET_YES : UNSET_NO;
}
