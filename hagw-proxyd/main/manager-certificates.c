/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What hagw-acmed has: certificates that new handshakes are served with. Main thread only. */

#include "hagw-proxyd/main/manager.h"
#include "libhagw/json.h"
#include "libhagw/log.h"

static TlsCertificate *find_certificate(const Manager *m, const char *chain, const char *key_id,
                                        bool leftover) {
        for (size_t i = 0; i < m->n_certificates; i++)
                if (streq(m->certificates[i]->chain, chain) && streq(m->certificates[i]->key_id, key_id) &&
                    m->certificates[i]->leftover == leftover)
                        return tls_certificate_ref(m->certificates[i]);
        return NULL;
}

static bool is_leftover(sd_json_variant *v) {
        sd_json_variant *wanted = sd_json_variant_by_key(v, "wanted");

        return wanted && sd_json_variant_is_boolean(wanted) && !sd_json_variant_boolean(wanted) &&
               !streq(strempty(json_string(v, "source")), "imported");
}

/* NULL: nobody is served with it, and another one that is for the same name may be. */
static TlsCertificate *take_certificate(const Manager *m, sd_json_variant *v) {
        _cleanup_free_ char **names = NULL;
        sd_json_variant *chain = sd_json_variant_by_key(v, "chain"),
                        *key = sd_json_variant_by_key(v, "keyId");
        sd_json_variant *list = sd_json_variant_by_key(v, "names");
        const bool leftover = is_leftover(v);
        TlsCertificate *c;
        size_t n = 0;
        int r;

        if (!chain || !sd_json_variant_is_string(chain) || !key || !sd_json_variant_is_string(key) ||
            !list || !sd_json_variant_is_array(list) || streq(strempty(json_string(v, "state")), "keyless"))
                return NULL;
        c = find_certificate(m, sd_json_variant_string(chain), sd_json_variant_string(key), leftover);
        if (c)
                return c;
        names = calloc(sd_json_variant_elements(list) + 1, sizeof(char *));
        for (size_t i = 0; names && i < sd_json_variant_elements(list); i++) {
                sd_json_variant *name = sd_json_variant_by_index(list, i);
                if (sd_json_variant_is_string(name))
                        names[n++] = (char *) sd_json_variant_string(name);
        }
        r = names ? tls_certificate_new(sd_json_variant_string(chain), sd_json_variant_string(key), names,
                                        &c) :
                    -ENOMEM;
        if (r < 0) {
                (void) log_warning_errno(r, "A certificate from hagw-acmed cannot be used (%s): %m",
                                         n > 0 ? names[0] : "no name");
                return NULL;
        }
        c->leftover = leftover;
        log_info("Serving a new certificate for %s.", c->names[0] ?: "no name");
        return c;
}

/* The whole list, each time. What is open keeps what it began with. */
void manager_on_certificates(sd_json_variant *message, void *userdata) {
        Manager *m = userdata;
        sd_json_variant *list = message ? sd_json_variant_by_key(message, "certificates") : NULL;
        TlsCertificate **certificates;
        size_t n = 0;

        if (!list || !sd_json_variant_is_array(list))
                return; /* acmed is away: what we have serves on */
        certificates = calloc(SNAPSHOT_CERTIFICATES_MAX, sizeof(TlsCertificate *));
        if (!certificates) {
                (void) log_oom();
                return;
        }
        for (size_t i = 0; i < sd_json_variant_elements(list) && n < SNAPSHOT_CERTIFICATES_MAX; i++) {
                TlsCertificate *c = take_certificate(m, sd_json_variant_by_index(list, i));
                if (c)
                        certificates[n++] = c;
        }
        for (size_t i = 0; i < m->n_certificates; i++)
                tls_certificate_unref(m->certificates[i]);
        free(m->certificates);
        m->certificates = certificates;
        m->n_certificates = n;
        manager_renew_snapshot(m);
        manager_heard(m, MANAGER_CERTIFICATES);
}
