/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* hagw-dnsd: the authoritative name server of the house's zones. */

#include "hagw-dnsd/dnsd-varlink.h"
#include "hagw-dnsd/manager.h"
#include "libhagw/vl-io.hagw.Dns.h"

int main(int argc, char *argv[]) {
        static const DaemonSpec spec = {
                .name = "hagw-dnsd",
                .description = "Answers DNS queries for the house's zones.",
                .interface = &vl_interface_io_hagw_Dns,
                .methods = { dnsd_methods },
                .start = manager_new,
                .reload = manager_reload,
                .metrics = manager_metrics,
                .stop = manager_free,
        };

        return daemon_run(&spec, argc, argv);
}
