/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Switching the gateway on. */

#include <ifaddrs.h>
#include <net/if.h>
#include <stdio.h>
#include <time.h>

#include "cidr.h"
#include "client.h"
#include "log.h"
#include "reload.h"
#include "run.h"
#include "start.h"

#define START_TRIES 100U /* a tenth of a second each */
#define ADDRESSES_MAX 32U
#define UNIT_MAX 64U

static bool unit_is_active(const char *unit) {
        return run_program((const char *const[]){ "systemctl", "--quiet", "is-active", unit, NULL },
                           /* quiet= */ true) == 0;
}

/* This machine's IPv4 addresses, as units hagw-dnsd-tcp@ADDRESS.socket. */
static size_t list_socket_units(char units[static ADDRESSES_MAX][UNIT_MAX]) {
        struct ifaddrs *list = NULL;
        size_t n = 0;

        if (getifaddrs(&list) < 0)
                return 0;
        for (struct ifaddrs *i = list; i && n < ADDRESSES_MAX; i = i->ifa_next) {
                char text[IP_TEXT_MAX];
                IpAddress a;

                if (!i->ifa_addr || i->ifa_addr->sa_family != AF_INET || (i->ifa_flags & IFF_LOOPBACK) ||
                    ip_from_sockaddr(i->ifa_addr, &a) < 0)
                        continue;
                (void) snprintf(units[n++], UNIT_MAX, "hagw-dnsd-tcp@%s.socket", ip_format(&a, text));
        }
        freeifaddrs(list);
        return n;
}

/* Beside systemd-resolved's stub there is no TCP socket for all interfaces, but one for each;
 * hagw-dnsd-tcp.socket stays off there by its condition. A new one is only handed to a name server that
 * starts after it. */
static int enable_tcp_sockets(void) {
        char units[ADDRESSES_MAX][UNIT_MAX];
        const char *argv[ADDRESSES_MAX + 5] = { "systemctl", "--quiet", "enable" };
        size_t n, fresh = 3;
        int r;

        if (access("/run/systemd/resolve/stub-resolv.conf", F_OK) < 0)
                return 0;
        n = list_socket_units(units);
        for (size_t i = 0; i < n; i++)
                if (!unit_is_active(units[i]))
                        argv[fresh++] = units[i];
        if (fresh == 3)
                return 0;
        if (unit_is_active("hagw-dnsd.service")) {
                r = run_program((const char *const[]){ "systemctl", "stop", "hagw-dnsd.service", NULL },
                                /* quiet= */ false);
                if (r != 0)
                        return r < 0 ? r : -ENOTCONN;
        }
        r = run_program(argv, /* quiet= */ false);
        return r > 0 ? -ENOTCONN : r;
}

static int wait_for_daemon(const DaemonRow *d) {
        const struct timespec tenth = { 0, 100 * 1000 * 1000 };
        _cleanup_free_ char *reason = NULL;
        int r = -ENOTCONN;

        for (unsigned i = 0; i < START_TRIES; i++) {
                free(reason);
                r = client_describe(d, NULL, &reason);
                if (r >= 0)
                        return 0;
                if (r == -EACCES)
                        break;
                (void) nanosleep(&tenth, NULL);
        }
        log_error("%s", reason ?: "Out of memory.");
        return r;
}

/* Whether the world asks this machine for names. */
static bool serves_zones(const Config *config) {
        for (size_t i = 0; i < config->n_zones; i++)
                if (config->zones[i].via == CONF_VIA_DIRECT)
                        return true;
        return false;
}

int start_gateway(const Config *config) {
        static const char *const enable[] = {
                "systemctl", "--quiet", "enable", "--now", "hagw.target", NULL
        };
        bool ran = unit_is_active("hagw.target");
        int r;

        r = serves_zones(config) ? enable_tcp_sockets() : 0;
        if (r >= 0)
                r = run_program(enable, /* quiet= */ false);
        if (r >= 0 && ran) /* what it wants and does not run, after a change of what that is */
                r = run_program((const char *const[]){ "systemctl", "start", "hagw.target", NULL },
                                /* quiet= */ false);
        if (r != 0) {
                log_error("hagw.target could not be started; systemctl status 'hagw-*' and hagw-ctl log "
                          "--errors tell more.");
                return r < 0 ? r : -ENOTCONN;
        }
        if (ran) {
                r = reload_daemons(/* must_run= */ false);
                if (r < 0)
                        return r;
        }
        for (const DaemonRow *d = daemon_rows; d->name; d++) {
                r = daemon_is_needed(d, config) ? wait_for_daemon(d) : 0;
                if (r < 0)
                        return r;
        }
        return 0;
}
