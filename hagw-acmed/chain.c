/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Certificate chains. GnuTLS reads them; whether a root is trusted is the visitors' question, not ours. */

#include <gnutls/abstract.h>
#include <gnutls/x509.h>
#include <systemd/sd-json.h>

#include "hagw-acmed/acme.h"
#include "hagw-acmed/chain.h"
#include "libhagw/pure/base64url.h"
#include "libhagw/pure/strv.h"

#define CLOCK_TOLERANCE_USEC (10 * USEC_PER_MINUTE)
#define SERIAL_MAX 64U
#define NAME_MAX_SIZE 256U

typedef struct Certificates {
        gnutls_x509_crt_t items[CHAIN_LENGTH_MAX];
        unsigned n;
} Certificates;

static void certificates_done(Certificates *c) {
        for (unsigned i = 0; i < c->n; i++)
                gnutls_x509_crt_deinit(c->items[i]);
        c->n = 0;
}
#define _cleanup_certificates_ _cleanup_(certificates_done)

static int certificates_parse(const char *pem, Certificates *ret) {
        const gnutls_datum_t datum = { (unsigned char *) pem, (unsigned) strlen(pem) };
        unsigned n = CHAIN_LENGTH_MAX;
        int r;

        if (strlen(pem) > ACME_CHAIN_MAX)
                return -EBADMSG;
        r = gnutls_x509_crt_list_import(ret->items, &n, &datum, GNUTLS_X509_FMT_PEM,
                                        GNUTLS_X509_CRT_LIST_IMPORT_FAIL_IF_EXCEED);
        if (r < 0)
                return r == GNUTLS_E_MEMORY_ERROR ? -ENOMEM : -EBADMSG;
        ret->n = n;
        return 0;
}

void chain_done(Chain *c) {
        strv_free(c->names);
        free(c->spki);
        free(c->renewal_id);
        *c = (Chain) {};
}

/* -ENODATA: it has none. */
static int take_names(gnutls_x509_crt_t leaf, char ***ret) {
        char buffer[NAME_MAX_SIZE];
        char **names;
        size_t n = 0;

        *ret = names = calloc(ACME_NAMES_MAX + 1, sizeof(*names));
        if (!names)
                return -ENOMEM;
        for (unsigned i = 0; n < ACME_NAMES_MAX; i++) {
                size_t size = sizeof(buffer);
                int type = gnutls_x509_crt_get_subject_alt_name(leaf, i, buffer, &size, NULL);

                if (type == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
                        break;
                if (type < 0)
                        return -EBADMSG;
                if (type != GNUTLS_SAN_DNSNAME)
                        continue;
                if (size == 0 || size >= sizeof(buffer) || memchr(buffer, '\0', size))
                        return -EBADMSG;
                for (size_t k = 0; k < size; k++) {
                        if (buffer[k] <= ' ' || buffer[k] >= 0x7f)
                                return -EBADMSG;
                        if (buffer[k] >= 'A' && buffer[k] <= 'Z')
                                buffer[k] += 'a' - 'A';
                }
                names[n] = strndup(buffer, size);
                if (!names[n++])
                        return -ENOMEM;
        }
        return n > 0 ? 0 : -ENODATA;
}

static int take_spki(gnutls_x509_crt_t leaf, void **ret, size_t *ret_size) {
        gnutls_datum_t der = {};
        gnutls_pubkey_t key;
        int r;

        if (gnutls_pubkey_init(&key) < 0)
                return -ENOMEM;
        r = gnutls_pubkey_import_x509(key, leaf, /* flags= */ 0);
        if (r >= 0)
                r = gnutls_pubkey_export2(key, GNUTLS_X509_FMT_DER, &der);
        gnutls_pubkey_deinit(key);
        if (r < 0)
                return -EBADMSG;
        *ret = malloc(der.size);
        if (*ret) {
                memcpy(*ret, der.data, der.size);
                *ret_size = der.size;
        }
        gnutls_free(der.data);
        return *ret ? 0 : -ENOMEM;
}

/* base64url(keyIdentifier of the AKI) "." base64url(serialNumber without tag and length). */
static int take_renewal_id(gnutls_x509_crt_t leaf, char **ret) {
        _cleanup_free_ char *a = NULL, *b = NULL;
        uint8_t aki[SERIAL_MAX], serial[SERIAL_MAX];
        size_t aki_size = sizeof(aki), serial_size = sizeof(serial);

        if (gnutls_x509_crt_get_authority_key_id(leaf, aki, &aki_size, NULL) < 0 ||
            gnutls_x509_crt_get_serial(leaf, serial, &serial_size) < 0)
                return 0;
        a = base64url_encode(aki, aki_size);
        b = base64url_encode(serial, serial_size);
        if (!a || !b)
                return -ENOMEM;
        *ret = malloc(strlen(a) + strlen(b) + 2);
        if (!*ret)
                return -ENOMEM;
        (void) stpcpy(stpcpy(stpcpy(*ret, a), "."), b);
        return 0;
}

int chain_parse(const char *pem, Chain *ret, const char **ret_reason) {
        _cleanup_certificates_ Certificates list = {};
        _cleanup_chain_ Chain c = {};
        time_t from, to;
        int r;

        *ret_reason = "It is not a chain of PEM certificates.";
        r = certificates_parse(pem, &list);
        if (r < 0)
                return r;
        *ret_reason = "A certificate in the chain was not issued by the next one.";
        for (unsigned i = 0; i + 1 < list.n; i++)
                if (!gnutls_x509_crt_check_issuer(list.items[i], list.items[i + 1]))
                        return -EBADMSG;
        *ret_reason = "The first certificate of the chain cannot be used.";
        from = gnutls_x509_crt_get_activation_time(list.items[0]);
        to = gnutls_x509_crt_get_expiration_time(list.items[0]);
        if (from < 0 || to <= from)
                return -EBADMSG;
        c.not_before_usec = (uint64_t) from * USEC_PER_SEC;
        c.not_after_usec = (uint64_t) to * USEC_PER_SEC;
        r = take_names(list.items[0], &c.names);
        if (r == -ENODATA) {
                *ret_reason = "The certificate has no DNS name in subjectAltName, and browsers look for "
                              "names nowhere else: have it issued with one.";
                return -EBADMSG;
        }
        if (r < 0 || (r = take_spki(list.items[0], &c.spki, &c.spki_size)) < 0 ||
            (r = take_renewal_id(list.items[0], &c.renewal_id)) < 0)
                return r;
        *ret = c;
        c = (Chain) {};
        return 0;
}

const char *chain_complaint(const Chain *c, char *const *names, const void *spki, size_t spki_size,
                            uint64_t now_usec) {
        if (c->spki_size != spki_size || memcmp(c->spki, spki, spki_size) != 0)
                return "The certificate is for another key.";
        if (!strv_contains_all(c->names, names))
                return "The certificate lacks a name that was asked for.";
        if (names && !strv_contains_all(names, c->names))
                return "The certificate is also for a name that was not asked for.";
        if (c->not_after_usec <= now_usec)
                return "The certificate has expired.";
        if (c->not_before_usec > now_usec + CLOCK_TOLERANCE_USEC)
                return "The certificate is not valid yet; is this machine's clock right?";
        return NULL;
}

static bool has_common_name(gnutls_x509_crt_t crt, bool issuer, const char *wanted) {
        int (*get)(gnutls_x509_crt_t, const char *, unsigned, unsigned, void *,
                   size_t *) = issuer ? gnutls_x509_crt_get_issuer_dn_by_oid : gnutls_x509_crt_get_dn_by_oid;
        char name[NAME_MAX_SIZE];
        size_t size = sizeof(name);

        return get(crt, GNUTLS_OID_X520_COMMON_NAME, 0, /* raw= */ 0, name, &size) >= 0 &&
               size < sizeof(name) && strncmp(name, wanted, size) == 0 && wanted[size] == '\0';
}

bool chain_is_preferred(const char *pem, const char *common_name) {
        _cleanup_certificates_ Certificates list = {};

        if (certificates_parse(pem, &list) < 0)
                return false;
        for (unsigned i = 1; i < list.n; i++)
                if (has_common_name(list.items[i], false, common_name))
                        return true;
        return has_common_name(list.items[list.n - 1], true, common_name);
}

int chain_get_leaf(const char *pem, char **ret) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;
        _cleanup_certificates_ Certificates list = {};
        gnutls_datum_t der = {};
        int r;

        r = certificates_parse(pem, &list);
        if (r < 0)
                return r;
        if (gnutls_x509_crt_export2(list.items[0], GNUTLS_X509_FMT_DER, &der) < 0)
                return -EBADMSG;
        r = sd_json_variant_new_base64(&v, der.data, der.size);
        gnutls_free(der.data);
        if (r < 0)
                return r;
        *ret = strdup(sd_json_variant_string(v));
        return *ret ? 0 : -ENOMEM;
}
