/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The relay as the house knows it. Made by the main thread, read by any. */

#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <systemd/sd-json.h>

#include "libhagw/conf-value.h"
#include "libhagw/net/relaykeys.h"
#include "libhagw/net/relaytarget.h"
#include "libhagw/pure/special.h"
#include "libhagw/usec.h"

#define PIN_PREFIX "sha256:"
#define PRIORITY "NORMAL:-VERS-ALL:+VERS-TLS1.3"

RelayTarget *relay_target_ref(RelayTarget *t) {
        if (t)
                atomic_fetch_add_explicit(&t->n_refs, 1, memory_order_relaxed);
        return t;
}

RelayTarget *relay_target_unref(RelayTarget *t) {
        if (!t || atomic_fetch_sub_explicit(&t->n_refs, 1, memory_order_acq_rel) != 1)
                return NULL;
        if (t->trust)
                gnutls_certificate_free_credentials(t->trust);
        free(t->address);
        free(t->host);
        free(t->pin_text);
        free(t->tenant);
        free(t);
        return NULL;
}

int relay_pin_parse(const char *pin, uint8_t ret[static RELAY_PIN_SIZE]) {
        const char *text = startswith(pin, PIN_PREFIX);
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;
        _cleanup_free_ void *bytes = NULL;
        size_t size;
        int r;

        if (!text)
                return -EINVAL;
        r = sd_json_variant_new_string(&v, text);
        if (r < 0)
                return r;
        if (sd_json_variant_unbase64(v, &bytes, &size) < 0 || size != RELAY_PIN_SIZE)
                return -EINVAL;
        memcpy(ret, bytes, RELAY_PIN_SIZE);
        return 0;
}

int relay_target_new(const char *address, const char *pin, RelayTarget **ret) {
        _cleanup_(relay_target_unrefp) RelayTarget *t = NULL;
        _cleanup_free_ char *reason = NULL;
        int r;

        t = calloc(1, sizeof(*t));
        if (!t)
                return -ENOMEM;
        atomic_init(&t->n_refs, 1);
        t->port = RELAY_PORT;
        t->address = strdup(address);
        if (!t->address)
                return -ENOMEM;
        r = conf_split_authority(address, &t->host, &t->port, &reason);
        if (r < 0)
                return r;
        tls_wanted_init(&t->wanted, t->host);
        t->literal = ip_parse(t->host, &t->ip) >= 0;
        if (pin) {
                r = relay_pin_parse(pin, t->pin);
                if (r < 0)
                        return r;
                t->pin_text = strdup(pin);
                if (!t->pin_text)
                        return -ENOMEM;
        }
        r = tls_trust_new(/* ca_file= */ NULL, /* verify= */ !pin, &t->trust);
        /* A machine without roots trusts nobody, and that will be said when the relay is asked. */
        if (r < 0)
                r = tls_trust_new(/* ca_file= */ NULL, /* verify= */ false, &t->trust);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(t);
        return 0;
}

static bool is_same(const RelayTarget *t, const Config *c) {
        return streq(t->address, c->relay.address) && streq_ptr(t->pin_text, c->relay.pin) &&
               streq_ptr(t->tenant, c->relay.tenant) && t->channels_min == c->relay.channels_min &&
               t->channels_max == c->relay.channels_max &&
               t->opened == (c->relay.opened == CONF_OPENED_ACCEPT) &&
               t->private_ == (c->relay.private_ == CONF_OPENED_ACCEPT) &&
               t->documentation == c->documentation_networks;
}

int relay_target_from_config(const Config *config, RelayTarget *before, RelayTarget **ret) {
        _cleanup_(relay_target_unrefp) RelayTarget *t = NULL;
        int r;

        if (!config->relay.address) {
                *ret = NULL;
                return 0;
        }
        if (before && is_same(before, config)) {
                *ret = relay_target_ref(before);
                return 0;
        }
        r = relay_target_new(config->relay.address, config->relay.pin, &t);
        if (r < 0)
                return r;
        t->tenant = strdup(config->relay.tenant);
        if (!t->tenant)
                return -ENOMEM;
        t->channels_min = config->relay.channels_min;
        t->channels_max = MAX(config->relay.channels_max, config->relay.channels_min);
        t->opened = config->relay.opened == CONF_OPENED_ACCEPT;
        t->made_usec = clock_usec(CLOCK_MONOTONIC);
        t->private_ = config->relay.private_ == CONF_OPENED_ACCEPT;
        t->documentation = config->documentation_networks;
        *ret = TAKE_PTR(t);
        return 0;
}

const char *relay_target_refuses(const RelayTarget *t, const ConfCidrs *lan, const IpAddress *address) {
        /* The relay's word would open what is for the house's own networks only, here and in services. */
        if (cidr_list_contains(lan->items, lan->n, address))
                return "it claims to come from one of the house's own networks (lan)";
        /* Services have a notion of their own of what is near. */
        if (!t->private_ && !special_is_public(address, t->documentation))
                return "it claims to come from an address that nobody on the internet has (relay.private)";
        return NULL;
}

/* The SHA-256 of the public key that the other side has shown. */
static int read_pin(gnutls_session_t tls, uint8_t ret[static RELAY_PIN_SIZE]) {
        unsigned n = 0;
        const gnutls_datum_t *chain = gnutls_certificate_get_peers(tls, &n);
        gnutls_datum_t key = {};
        gnutls_pubkey_t pubkey = NULL;
        gnutls_x509_crt_t leaf = NULL;
        int r;

        if (!chain || n == 0)
                return -ENOENT;
        r = gnutls_x509_crt_init(&leaf);
        if (r >= 0)
                r = gnutls_x509_crt_import(leaf, &chain[0], GNUTLS_X509_FMT_DER);
        if (r >= 0)
                r = gnutls_pubkey_init(&pubkey);
        if (r >= 0)
                r = gnutls_pubkey_import_x509(pubkey, leaf, /* flags= */ 0);
        if (r >= 0)
                r = gnutls_pubkey_export2(pubkey, GNUTLS_X509_FMT_DER, &key);
        if (r >= 0)
                r = gnutls_hash_fast(GNUTLS_DIG_SHA256, key.data, key.size, ret);
        gnutls_free(key.data);
        if (pubkey)
                gnutls_pubkey_deinit(pubkey);
        if (leaf)
                gnutls_x509_crt_deinit(leaf);
        return r < 0 ? -EBADMSG : 0;
}

static int verify_pin(gnutls_session_t tls) {
        const RelayTarget *t = gnutls_session_get_ptr(tls);
        uint8_t pin[RELAY_PIN_SIZE];

        return read_pin(tls, pin) >= 0 && memcmp(pin, t->pin, sizeof(pin)) == 0 ? 0 :
                                                                                  GNUTLS_E_CERTIFICATE_ERROR;
}

int relay_target_start_tls(RelayTarget *t, gnutls_session_t *ret) {
        static const gnutls_datum_t protocol = { (unsigned char *) RELAY_ALPN, sizeof(RELAY_ALPN) - 1 };
        gnutls_session_t s;
        int r;

        if (gnutls_init(&s, GNUTLS_CLIENT | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL) < 0)
                return -ENOMEM;
        r = gnutls_priority_set_direct(s, t->pin_text ? PRIORITY : PRIORITY ":%PROFILE_MEDIUM", NULL);
        if (r >= 0)
                r = gnutls_credentials_set(s, GNUTLS_CRD_CERTIFICATE, t->trust);
        if (r >= 0)
                r = gnutls_alpn_set_protocols(s, &protocol, 1, /* flags= */ 0);
        /* Addresses are not sent (RFC 6066 section 3). */
        if (r >= 0 && !t->literal)
                r = gnutls_server_name_set(s, GNUTLS_NAME_DNS, t->host, strlen(t->host));
        if (r < 0) {
                gnutls_deinit(s);
                return -EINVAL;
        }
        gnutls_session_set_ptr(s, (void *) t);
        if (t->pin_text)
                gnutls_session_set_verify_function(s, verify_pin);
        else
                tls_want_server(s, &t->wanted);
        *ret = s;
        return 0;
}

void relay_target_explain(const RelayTarget *t, gnutls_session_t tls, int error, char *ret, size_t size) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;
        uint8_t pin[RELAY_PIN_SIZE];

        if (t->pin_text && error == GNUTLS_E_CERTIFICATE_ERROR && read_pin(tls, pin) >= 0 &&
            memcmp(pin, t->pin, sizeof(pin)) != 0 && sd_json_variant_new_base64(&v, pin, sizeof(pin)) >= 0)
                (void) snprintf(ret, size, "its public key is another than relay.pin says: " PIN_PREFIX "%s",
                                sd_json_variant_string(v));
        else if (error == GNUTLS_E_FATAL_ALERT_RECEIVED &&
                 (gnutls_alert_get(tls) == GNUTLS_A_UNRECOGNIZED_NAME ||
                  gnutls_alert_get(tls) == GNUTLS_A_NO_APPLICATION_PROTOCOL))
                (void) snprintf(ret, size, "what answers there is no relay of the name %s", t->host);
        else if (error == GNUTLS_E_PREMATURE_TERMINATION)
                (void) snprintf(ret, size,
                                "what answers there has closed the connection at once: is it a relay of the "
                                "name %s?",
                                t->host);
        else
                (void) tls_failure_text(tls, error, ret, size);
}

void relay_target_refusal(const RelayTarget *t, const char *error, char *ret, size_t size) {
        static const struct {
                const char *error, *why;
        } rows[] = {
                { "Busy", "it has too much to do and asks to come later" },
        };
        const char *name = strempty(startswith(error, "io.hagw.Relay."));

        if (streq(name, "NotAdmitted")) {
                (void) snprintf(ret, size,
                                "it does not admit this house: the tenant or its token is not known there, "
                                "or was revoked. Who runs it makes a new code with hagw-ctl tenant rotate "
                                "%s, which is given here: hagw-ctl attach %s CODE",
                                t->tenant, t->address);
                return;
        }
        if (streq(name, "Suspended")) {
                (void) snprintf(ret, size,
                                "it has suspended this tenant: whoever runs it lets it in again with "
                                "hagw-ctl tenant set %s --enable",
                                t->tenant);
                return;
        }
        if (streq(name, "TakenOver")) {
                (void) snprintf(ret, size,
                                "another machine has attached as this tenant: hagw-ctl detach on one of the "
                                "two, or at the relay hagw-ctl tenant set %s --agents=2",
                                t->tenant);
                return;
        }
        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                if (streq(rows[i].error, name)) {
                        (void) snprintf(ret, size, "%s", rows[i].why);
                        return;
                }
        (void) snprintf(ret, size, "it answers with the error %s", error);
}

static const sd_id128_t hagw_id =
        SD_ID128_MAKE(6e, 2f, 51, d0, 3b, 0c, 4c, 7e, 9a, 84, 1f, 77, c6, 2b, e0, 95);

void relay_machine_id(char ret[static SD_ID128_STRING_MAX]) {
        sd_id128_t id;

        /* An image that was never started has none. */
        if (sd_id128_get_machine_app_specific(hagw_id, &id) < 0 &&
            sd_id128_get_boot_app_specific(hagw_id, &id) < 0)
                id = hagw_id;
        (void) sd_id128_to_string(id, ret);
}

bool relay_boot_id(char ret[static SD_ID128_STRING_MAX]) {
        sd_id128_t id;

        if (sd_id128_get_boot_app_specific(hagw_id, &id) < 0)
                return false;
        (void) sd_id128_to_string(id, ret);
        return true;
}
