/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/conf.h"

/* Which certificates a configuration asks for. No I/O. */

/* How it is shown that names are ours. */
typedef enum ProofWay {
        PROOF_NONE,  /* nothing can show it (a wildcard outside all zones) */
        PROOF_DNS,   /* DNS-01 in a zone of hagw-dnsd */
        PROOF_RELAY, /* DNS-01 below our name at the relay, which publishes the value for us */
        PROOF_ALIAS, /* the same for names elsewhere, whose owner leads the question there with a CNAME */
        PROOF_HTTP,  /* HTTP-01 through hagw-webd */
        _PROOF_WAY_MAX,
} ProofWay;

typedef struct Want {
        char *names[3]; /* NULL-terminated, the first is the certificate's name */
        ProofWay way;
        uint64_t caa_usec; /* PROOF_DNS: our CAA records there list our accounts, and are remembered for so
                              long; 0: they do not */
        bool caa_shared; /* there is a tenant's list at the name, which we are in while we want it */
} Want;

/* Of this house, at which the authority asks from the internet; 0: it asks the relay, or nobody. */
unsigned proof_way_port(ProofWay way);

/* Our name at the relay, TENANT.RELAYZONE: the first zone with via = "relay". NULL: there is none. */
const ConfZone *plan_relay_zone(const Config *config);

/* One per zone (apex and wildcard), one per host that no wildcard of a zone covers, and none for a name in
 * the relay's zone that is not ours. Outside all zones HTTP-01, or, where no zone is asked from this machine
 * and so nobody outside reaches its port 80, by alias. */
int plan_make(const Config *config, Want **ret, size_t *ret_n);
void plan_free(Want *wants, size_t n);
