/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gnutls/gnutls.h>
#include <stdatomic.h>
#include <systemd/sd-id128.h>

#include "libhagw/conf.h"
#include "libhagw/net/tls.h"
#include "libhagw/pure/cidr.h"

/* Which relay, and how it is known: part of the snapshots of a house that has one. Immutable, counted. */

#define RELAY_PORT 443U
#define RELAY_PIN_SIZE 32U /* SHA-256 of the public key's SubjectPublicKeyInfo (RFC 7469 section 2.4) */

typedef struct RelayTarget {
        atomic_uint n_refs;
        char *address; /* as written */
        char *host;    /* its name or address */
        uint16_t port;
        bool literal;
        IpAddress ip;  /* where literal */
        char *pin_text;
        uint8_t pin[RELAY_PIN_SIZE]; /* where there is a pin_text: instead of the roots */
        gnutls_certificate_credentials_t trust;
        TlsWanted wanted; /* else */
        char *tenant;  /* NULL: not known yet */
        unsigned channels_min, channels_max;
        bool opened;   /* visitors whose TLS the relay has opened are let in */
        bool private_; /* so are those from where the internet does not lead to */
        bool documentation; /* as in Config */
        uint64_t made_usec;  /* CLOCK_MONOTONIC: since when it is what it is */
} RelayTarget;

/* "sha256:BASE64". -EINVAL. */
int relay_pin_parse(const char *pin, uint8_t ret[static RELAY_PIN_SIZE]);

/* pin: as above, or NULL. -EINVAL: one of the two is written wrong. */
int relay_target_new(const char *address, const char *pin, RelayTarget **ret);
/* NULL where no relay is configured. What is the same as before is before's. */
int relay_target_from_config(const Config *config, RelayTarget *before, RelayTarget **ret);
RelayTarget *relay_target_ref(RelayTarget *t);
RelayTarget *relay_target_unref(RelayTarget *t);
DEFINE_TRIVIAL_CLEANUP_FUNC(RelayTarget *, relay_target_unref)

/* Why the relay may not say that a visitor comes from this address (static); NULL: it may. lan: the house's
 * own networks. */
const char *relay_target_refuses(const RelayTarget *t, const ConfCidrs *lan, const IpAddress *address);

/* A TLS 1.3 client for it, which takes nobody else. */
int relay_target_start_tls(RelayTarget *t, gnutls_session_t *ret);
/* Why the handshake failed, in words. */
void relay_target_explain(const RelayTarget *t, gnutls_session_t tls, int error, char *ret, size_t size);
/* What the relay says no with, its error's id, in words that say what to do. t has a tenant. */
void relay_target_refusal(const RelayTarget *t, const char *error, char *ret, size_t size);

/* By which a relay knows this machine: the same on each start, and nothing that tells anybody else which
 * machine it is. */
void relay_machine_id(char ret[static SD_ID128_STRING_MAX]);
/* And which copy of it, where there are two of one image: until it boots again. False: not known. */
bool relay_boot_id(char ret[static SD_ID128_STRING_MAX]);
