/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* /metrics: what every daemon says about itself, in one OpenMetrics text. A daemon that does not answer is a
 * figure too. Main thread only. */

#include "hagw-webd/gather.h"
#include "hagw-webd/openmetrics.h"
#include "hagw-webd/routes.h"

#define METHOD "io.hagw.Service.GetMetrics"

/* A daemon is a row; the last one is asked only at a relay, or asking would start it everywhere. */
static const GatherCall daemons[] = {
        { "dnsd", "io.hagw.Dns", METHOD },     { "netd", "io.hagw.Net", METHOD },
        { "keyd", "io.hagw.Key", METHOD },     { "acmed", "io.hagw.Acme", METHOD },
        { "proxyd", "io.hagw.Proxy", METHOD }, { "webd", "io.hagw.Web", METHOD },
        { "tenantd", "io.hagw.Tenant", METHOD },
};

typedef struct Figures {
        Figure *items;
        size_t n, allocated;
} Figures;

static int figures_add(Figures *fs, const Figure *f) {
        if (fs->n >= OPENMETRICS_FIGURES_MAX || !figure_is_valid(f))
                return 0;
        if (!GREEDY_REALLOC(fs->items, fs->allocated, fs->n + 1))
                return -ENOMEM;
        fs->items[fs->n++] = *f;
        return 0;
}

/* Strings are borrowed from the reply. */
static int figure_from_json(sd_json_variant *v, const char *daemon, Figure *ret) {
        sd_json_variant *name = sd_json_variant_by_key(v, "name"), *type = sd_json_variant_by_key(v, "type"),
                        *help = sd_json_variant_by_key(v, "help"),
                        *value = sd_json_variant_by_key(v, "value"),
                        *labels = sd_json_variant_by_key(v, "labels"), *key, *label;
        Figure f = { .daemon = daemon };

        if (!sd_json_variant_is_string(name) || !sd_json_variant_is_string(type) ||
            !sd_json_variant_is_string(help) || !sd_json_variant_is_number(value))
                return -EBADMSG;
        f.name = sd_json_variant_string(name);
        f.help = sd_json_variant_string(help);
        f.counter = streq(sd_json_variant_string(type), "counter");
        f.value = sd_json_variant_real(value);
        /* An object's elements are key, value, key, value, … */
        for (size_t i = 0; sd_json_variant_is_object(labels) && i + 1 < sd_json_variant_elements(labels);
             i += 2) {
                key = sd_json_variant_by_index(labels, i);
                label = sd_json_variant_by_index(labels, i + 1);
                if (f.n_labels >= OPENMETRICS_LABELS_MAX || !sd_json_variant_is_string(label))
                        return -EBADMSG;
                f.labels[2 * f.n_labels] = sd_json_variant_string(key);
                f.labels[2 * f.n_labels++ + 1] = sd_json_variant_string(label);
        }
        *ret = f;
        return 0;
}

static int figures_collect(Figures *fs, const Gather *g, size_t i) {
        sd_json_variant *metrics = sd_json_variant_by_key(g->replies[i], "metrics");
        Figure up = { .name = "up",
                      .help = "Whether the daemon answers",
                      .daemon = g->calls[i].daemon,
                      .value = !!metrics };
        int r;

        r = figures_add(fs, &up);
        for (size_t k = 0; k < sd_json_variant_elements(metrics) && r >= 0; k++) {
                Figure f;
                if (figure_from_json(sd_json_variant_by_index(metrics, k), g->calls[i].daemon, &f) >= 0)
                        r = figures_add(fs, &f);
        }
        return r;
}

static int metrics_resumed(Request *q) {
        const Gather *g = q->data;
        Figures fs = {};
        char *text = NULL;
        int r = 0;

        for (size_t i = 0; i < g->n && r >= 0; i++)
                r = figures_collect(&fs, g, i);
        if (r >= 0)
                r = openmetrics_write(fs.items, fs.n, &text);
        free(fs.items);
        if (r < 0)
                return r;
        return request_reply(q, MHD_HTTP_OK, OPENMETRICS_TYPE, text, /* headers= */ NULL);
}

int metrics_get(Request *q) {
        const size_t n = ELEMENTSOF(daemons) - !q->manager->config->tenants.zone;

        return gather_join(q->manager->metrics, daemons, n, q, metrics_resumed);
}
