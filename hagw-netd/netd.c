/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* hagw-netd looks out of the window: the house's public addresses, and names for those who have no resolver.
 */

#include "hagw-netd/manager.h"
#include "hagw-netd/netd-varlink.h"
#include "libhagw/daemon.h"
#include "libhagw/vl-io.hagw.Net.h"

int main(int argc, char *argv[]) {
        static const DaemonSpec spec = {
                .name = "hagw-netd",
                .description = "Follows the public addresses of this house and looks up names.",
                .interface = &vl_interface_io_hagw_Net,
                .methods = { netd_methods, query_methods },
                .start = manager_start,
                .reload = manager_reload,
                .metrics = manager_metrics,
                .stop = manager_stop,
                .save = manager_save,
        };

        return daemon_run(&spec, argc, argv);
}
