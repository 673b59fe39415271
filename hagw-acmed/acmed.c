/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* hagw-acmed: obtains and renews certificates (RFC 8555). One thread. */

#include "hagw-acmed/acmed-varlink.h"
#include "hagw-acmed/client.h"
#include "hagw-acmed/manager.h"
#include "libhagw/usec.h"
#include "libhagw/vl-io.hagw.Acme.h"

static int acmed_save(void *userdata) {
        Manager *m = userdata;

        return store_save_all(&m->store);
}

static int certificate_metrics(sd_json_variant **metrics, const Certificate *c, uint64_t now_usec) {
        const char *const labels[] = { "name", c->name, NULL };
        int r = 0;

        if (!c->wanted && !c->imported)
                return 0;
        if (c->chain)
                r = metrics_append(metrics, "certificate_expiry_seconds", false,
                                   "Seconds until the certificate expires",
                                   ((double) c->not_after_usec - (double) now_usec) / USEC_PER_SEC, labels);
        if (r >= 0)
                r = metrics_append(metrics, "certificate_failures", false,
                                   "Tries that failed since the last success",
                                   tries_list_failures(&c->tries), labels);
        return r;
}

static int acmed_metrics(sd_json_variant **metrics, void *userdata) {
        uint64_t now_usec = clock_usec(CLOCK_REALTIME);
        size_t counts[_CERTIFICATE_STATE_MAX] = {};
        Manager *m = userdata;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < m->store.n_certificates; i++) {
                counts[m->store.certificates[i]->state]++;
                r = certificate_metrics(metrics, m->store.certificates[i], now_usec);
        }
        for (int s = 0; r >= 0 && s < _CERTIFICATE_STATE_MAX; s++)
                r = metrics_append(metrics, "certificates", false, "Certificates by state",
                                   (double) counts[s],
                                   (const char *const[]) { "state", certificate_state_to_string(s), NULL });
        if (r >= 0)
                r = metrics_append(metrics, "acme_orders", true, "Orders that ended", (double) m->orders_ok,
                                   (const char *const[]) { "result", "ok", NULL });
        if (r >= 0)
                r = metrics_append(metrics, "acme_orders", true, "Orders that ended",
                                   (double) m->orders_failed,
                                   (const char *const[]) { "result", "failed", NULL });
        if (r >= 0)
                r = metrics_append(metrics, "acme_requests", true,
                                   "Requests sent to the certificate authority",
                                   (double) acme_client_get_requests(), NULL);
        return r;
}

int main(int argc, char *argv[]) {
        static const DaemonSpec spec = {
                .name = "hagw-acmed",
                .description = "Obtains and renews certificates for the zones and hosts of hagw (RFC 8555).",
                .interface = &vl_interface_io_hagw_Acme,
                .methods = { acmed_methods, account_methods },
                .start = manager_new,
                .reload = manager_reload,
                .metrics = acmed_metrics,
                .stop = manager_free,
                .save = acmed_save,
        };

        return daemon_run(&spec, argc, argv);
}
