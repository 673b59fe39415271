/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What hagw-keyd says of itself, and when its stop may go on: for its start and for who answers a call. */

#include "hagw-keyd/keyd.h"
#include "hagw-keyd/token.h"
#include "libhagw/pure/plural.h"

void keyd_describe_token(int state_fd, char *out) {
        _cleanup_token_file_ TokenFile f = {};
        int r = token_load(state_fd, &f);

        if (r >= 0)
                (void) snprintf(out, TOKEN_STATUS_SIZE, ", and the relay token of %s", f.token.tenant);
        else
                (void) snprintf(out, TOKEN_STATUS_SIZE, "%s",
                                r == -ENOENT ? "" : "; broken relay token, see the log");
}

void keyd_update_status(Keyd *keyd) {
        size_t account = 0, n = keys_count(keyd->keys), broken = 0;
        const char *token = keyd->token_status;

        for (size_t i = 0; i < n; i++)
                account += keys_get(keyd->keys, i)->purpose == KEY_PURPOSE_ACCOUNT;
        while (keys_get_broken(keyd->keys)[broken])
                broken++;
        if (broken > 0)
                daemon_set_status(keyd->daemon,
                                  "%zu certificate %s, %zu account %s%s; %zu broken key %s, see the log",
                                  n - account, PLURAL(n - account, "key"), account, PLURAL(account, "key"),
                                  token, broken, PLURAL(broken, "file"));
        else
                daemon_set_status(keyd->daemon, "%zu certificate %s, %zu account %s%s", n - account,
                                  PLURAL(n - account, "key"), account, PLURAL(account, "key"), token);
}

void keyd_continue_stop(Keyd *keyd) {
        if (keyd->draining && crew_is_idle(keyd->maker) && crew_is_idle(keyd->writer))
                daemon_finish(keyd->daemon);
}
