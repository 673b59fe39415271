/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What status finds about who may log in. */

#include "hagw-ctl/admitted.h"
#include "hagw-ctl/client.h"
#include "hagw-ctl/hostfile.h"
#include "hagw-ctl/status.h"

/* A wall without a door keeps its owner out, too. */
int judge_users(Status *s) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *reply = NULL;
        _cleanup_free_ char *reason = NULL;
        int r;

        if (!s->config || !admitted_is_asked(s->config))
                return 0;
        r = client_look("io.hagw.Web.ListUsers", NULL, &reply, &reason);
        if (r < 0) /* a daemon that is off was told */
                return r == -ENOMEM ? r : 0;
        if (sd_json_variant_by_key(reply, "users") && field_count(reply, "users") == 0)
                status_problem(s, "Nobody can log in: there is no user yet. hagw-ctl user add NAME makes "
                                  "one.");
        for (size_t i = 0; r >= 0 && i < s->config->n_hosts; i++) {
                _cleanup_free_ char *text = NULL;

                r = admitted_complaint(&s->config->hosts[i], reply, &text);
                if (r > 0)
                        status_problem(s, "%s", text);
        }
        return MIN(r, 0);
}
