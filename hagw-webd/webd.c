/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* hagw-webd: the pages of the house. Fills in the daemon's frame; everything else is the manager's. */

#include "hagw-webd/routes.h"
#include "hagw-webd/webd-varlink.h"
#include "libhagw/vl-io.hagw.Web.h"

static int webd_start(Daemon *daemon, const Config *config, void **ret_userdata) {
        return manager_new(daemon, config, &page_routes, ret_userdata);
}

int main(int argc, char *argv[]) {
        const DaemonSpec spec = {
                .name = "hagw-webd",
                .description =
                        "The pages of the Home Assistant Gateway: login, status, metrics, HTTP-01 answers.",
                .interface = &vl_interface_io_hagw_Web,
                .methods = { webd_methods, user_methods },
                .start = webd_start,
                .reload = manager_reload,
                .metrics = manager_metrics,
                .drain = manager_drain,
                .stop = manager_free,
                .save = manager_save,
        };

        return daemon_run(&spec, argc, argv);
}
