/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Orders that wait for the relay to be attached. Main thread only. */

#include "hagw-acmed/manager.h"

bool manager_waits_for_relay(const Manager *m) {
        for (size_t i = 0; !m->issuance && i < m->store.n_certificates; i++)
                if (certificate_is_orderable(m->store.certificates[i]) &&
                    tries_list_is_unready(&m->store.certificates[i]->tries))
                        return true;
        return false;
}

/* What was not begun for want of it is due at once. */
void manager_ready_for_relay(Manager *m) {
        for (size_t i = 0; i < m->store.n_certificates; i++)
                tries_list_ready(&m->store.certificates[i]->tries);
}
