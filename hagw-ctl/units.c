/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What systemd says of units. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hagw-ctl/run.h"
#include "hagw-ctl/units.h"

char *units_show(const char *properties, const char *const *units, size_t n) {
        const char *argv[UNITS_MAX + 5] = { "systemctl", "show", "--timestamp=unix" };
        _cleanup_free_ char *option = NULL;
        char *shown = NULL;

        assert(n <= UNITS_MAX);
        if (!system_is_booted() || asprintf(&option, "--property=%s", properties) < 0)
                return NULL;
        argv[3] = option;
        for (size_t i = 0; i < n; i++)
                argv[4 + i] = units[i];
        return run_capture(argv, &shown) < 0 ? NULL : shown;
}

bool unit_property(const char *shown, const char *unit, const char *property,
                   char out[static UNIT_TEXT_MAX]) {
        for (const char *p = shown; p && *p;) {
                const char *end = strstr(p, "\n\n") ?: p + strlen(p), *value = NULL;
                bool found = false;

                while (p < end) {
                        const size_t n = strcspn(p, "\n");

                        if (startswith(p, "Id=") && n == 3 + strlen(unit) &&
                            memcmp(p + 3, unit, strlen(unit)) == 0)
                                found = true;
                        else if (startswith(p, property) && p[strlen(property)] == '=')
                                value = p + strlen(property) + 1;
                        p += n + !!p[n];
                }
                if (found && value) {
                        (void) snprintf(out, UNIT_TEXT_MAX, "%.*s", (int) strcspn(value, "\n"), value);
                        return true;
                }
                p += strspn(p, "\n");
        }
        return false;
}

bool unit_has(const char *shown, const char *unit, const char *property, const char *value) {
        char is[UNIT_TEXT_MAX];

        return unit_property(shown, unit, property, is) && streq(is, value);
}
