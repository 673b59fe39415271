/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Who listens: one line a socket, "  0: ADDRESS:PORT ADDRESS:PORT STATE …" in hexadecimal. */

#include <stdio.h>

#include "listeners.h"

#define STATE_LISTEN 0x0aU

static unsigned count_in(const char *path, unsigned port) {
        FILE *f = fopen(path, "re");
        unsigned n = 0, local, state;
        char line[512];

        if (!f)
                return 0;
        while (fgets(line, sizeof(line), f))
                if (sscanf(line, " %*[0-9]: %*[0-9A-F]:%x %*[0-9A-F]:%*x %x", &local, &state) == 2)
                        n += local == port && state == STATE_LISTEN;
        (void) fclose(f);
        return n;
}

unsigned count_listeners(unsigned port) {
        return count_in("/proc/net/tcp", port) + count_in("/proc/net/tcp6", port);
}
