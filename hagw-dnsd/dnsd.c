/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* hagw-dnsd: the authoritative name server of the house's zones. */

#include "hagw-dnsd/dnsd-varlink.h"
#include "hagw-dnsd/manager.h"
#include "libhagw/vl-io.hagw.Dns.h"

static int dnsd_start(Daemon *daemon, const Config *config, void **ret_userdata) {
        Manager *m;
        int r;

        r = manager_new(daemon, config, &m);
        if (r < 0)
                return r;
        *ret_userdata = m;
        return 0;
}

static int dnsd_reload(const Config *config, void *userdata) {
        return manager_reload(userdata, config);
}

static int dnsd_metrics(sd_json_variant **metrics, void *userdata) {
        return manager_metrics(userdata, metrics);
}

static void *dnsd_stop(void *userdata) {
        return manager_free(userdata);
}

int main(int argc, char *argv[]) {
        static const DaemonSpec spec = {
                .name = "hagw-dnsd",
                .description = "Answers DNS queries for the house's zones.",
                .interface = &vl_interface_io_hagw_Dns,
                .methods = { dnsd_methods },
                .start = dnsd_start,
                .reload = dnsd_reload,
                .metrics = dnsd_metrics,
                .stop = dnsd_stop,
        };

        return daemon_run(&spec, argc, argv);
}
