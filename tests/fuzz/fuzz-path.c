/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Targets: an open one holds nothing that a service could read in another way; the log and the login page's
 * address hold only what they may. */

#include "hagw-proxyd/wire/policy.h"
#include "libhagw/pure/accesslog.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_free_ char *copy = malloc(size ?: 1);
        Request r = { .target = { memcpy(copy, data, size), size } };
        char location[POLICY_LOCATION_MAX], log[512];
        Slice path = request_path(&r);
        size_t n;

        if (policy_path_is_open(r.target, (char *[]) { (char *) "/o/", NULL })) {
                assert(path.p[0] == '/' && !memmem(path.p, path.n, "//", 2) &&
                       !memmem(path.p, path.n, "/../", 4));
                assert(!memchr(path.p, '\\', path.n) && !memchr(path.p, ';', path.n) &&
                       !memchr(path.p, '\0', path.n));
                assert(!memmem(path.p, path.n, "%2", 2) || !memmem(path.p, path.n, "%2e", 3));
        }
        policy_login_location(&r, location);
        assert(strspn(location, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~/?=%") ==
               strlen(location));
        n = accesslog_target(r.target, size % 2, log, sizeof(log));
        for (size_t i = 0; i < n; i++)
                assert(log[i] >= ' ' && log[i] < 0x7f);
        return 0;
}
