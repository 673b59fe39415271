/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Who may pass where. */

#include "libhagw/pure/admit.h"
#include "libhagw/pure/hostname.h"
#include "libhagw/pure/strv.h"

bool admit_reaches(char *const *hosts, const char *host) {
        const bool wildcard = startswith(host, "*.");

        for (char *const *h = hosts; h && *h; h++)
                if (streq(*h, "*") || hostname_matches(host, *h) || (wildcard && hostname_matches(*h, host)))
                        return true;
        return false;
}

bool admit_lists(char *const *users, char *const *groups, const char *user, char *const *user_groups) {
        if (strv_length(users) == 0 && strv_length(groups) == 0)
                return true;
        if (strv_contains(users, user))
                return true;
        for (char *const *g = groups; g && *g; g++)
                if (strv_contains(user_groups, *g))
                        return true;
        return false;
}
