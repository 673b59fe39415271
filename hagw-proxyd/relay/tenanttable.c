/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Finding: a tenant's home, its record there, and a control connection by its session. Any worker's thread
 * finds what is its own. */

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>

#include "hagw-proxyd/relay/control.h"
#include "hagw-proxyd/relay/tenants.h"
#include "libhagw/crew/worker.h"

static uint8_t hash_key[SIPHASH_KEY_SIZE]; /* the same for all workers */

int tenants_global_init(void) {
        return gnutls_rnd(GNUTLS_RND_RANDOM, hash_key, sizeof(hash_key)) < 0 ? -EIO : 0;
}

uint64_t tenants_hash(const char *name) {
        return name_hash(name, hash_key);
}

Worker *tenants_home(Worker *w, const char *label) {
        return w->crew[tenants_hash(label) % w->n_crew];
}

Tenant *tenants_find(Worker *w, const char *label) {
        NameEntry *e = name_table_find(&w->tenants->table, label, tenants_hash(label));

        return e ? CONTAINER_OF(e, Tenant, entry) : NULL;
}

Control *control_find(Worker *w, const uint8_t session_id[static CHANNEL_SESSION_ID_SIZE]) {
        uint32_t slot;
        Control *k;

        memcpy(&slot, session_id + 2, sizeof(slot));
        slot = be32toh(slot);
        k = slot < w->tenants->n_controls ? w->tenants->controls[slot] : NULL;
        return k && memcmp(k->session_id, session_id, CHANNEL_SESSION_ID_SIZE) == 0 ? k : NULL;
}
