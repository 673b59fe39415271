/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* hagw-tenantd: who may attach to this relay. One thread. */

#include "hagw-tenantd/manager.h"
#include "hagw-tenantd/tenantd-varlink.h"
#include "libhagw/vl-io.hagw.Tenant.h"

int main(int argc, char *argv[]) {
        static const DaemonSpec spec = {
                .name = "hagw-tenantd",
                .description = "Knows who may attach to this relay, under which names, and how much.",
                .interface = &vl_interface_io_hagw_Tenant,
                .methods = { tenantd_methods, root_methods, add_methods, list_methods, domain_methods,
                             restore_methods },
                .connections_per_uid = TENANT_CONNECTIONS_PER_UID_MAX,
                .start = manager_new,
                .reload = manager_reload,
                .metrics = manager_metrics,
                .stop = manager_free,
                .save = manager_save,
        };

        return daemon_run(&spec, argc, argv);
}
