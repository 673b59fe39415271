/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the relay's end hangs on a worker, and tells of its tenants. */

#include <sys/resource.h>

#include "hagw-proxyd/relay/control.h"
#include "hagw-proxyd/relay/relay.h"
#include "hagw-proxyd/relay/tenants.h"
#include "hagw-proxyd/relay/tenantusage.h"
#include "libhagw/crew/worker.h"

static int init(Worker *w) {
        struct rlimit limit = {};

        w->tenants = calloc(1, sizeof(*w->tenants));
        if (!w->tenants)
                return -ENOMEM;
        w->tenants->worker = w;
        (void) getrlimit(RLIMIT_NOFILE, &limit);
        w->tenants->descriptors = limit.rlim_cur / MAX(w->n_crew, 1U);
        return 0;
}

void tenants_follow(Worker *w, void (*on_change)(Worker *w)) {
        w->tenants->on_change = on_change;
}

const TenantInfo *tenant_info(const Tenant *t) {
        return t->info;
}

static void open_room(Worker *w) {
        w->tenants->open_usec = w->loop.now_usec;
}

static void free_room(Worker *w) {
        free(w->tenants);
        w->tenants = NULL;
}

const Room relay_room = {
        .init = init,
        .open = open_room,
        .snapshot = controls_snapshot,
        .leave = tenants_stop,
        .left = tenant_usage_report,
        .done = tenants_done,
        .free = free_room,
};
