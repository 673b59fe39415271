/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* hagw-proxyd moves visitors' bytes: TLS, HTTP, WebSocket. It holds no private key and no password. */

#include "hagw-proxyd/main/attachments.h"
#include "hagw-proxyd/main/proxyd-varlink.h"
#include "hagw-proxyd/main/agent-varlink.h"
#include "libhagw/daemon.h"
#include "libhagw/vl-io.hagw.Proxy.h"

int main(int argc, char *argv[]) {
        static const DaemonSpec spec = {
                .name = "hagw-proxyd",
                .description = "Takes visitors in by TLS, asks for the login, and proxies to the services.",
                .interface = &vl_interface_io_hagw_Proxy,
                .methods = { proxyd_methods, relay_methods, attachments_methods },
                .start = manager_start,
                .reload = manager_reload,
                .metrics = manager_metrics,
                .drain = manager_drain,
                .stop = manager_stop,
        };

        return daemon_run(&spec, argc, argv);
}
