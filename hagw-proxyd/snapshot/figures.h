/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-proxyd/wire/outsideway.h"
#include "libhagw/crew/worker.h"
#include "libhagw/pure/refusal.h"

/* What each worker of hagw-proxyd counts; main/metrics.c adds them up. */

#define FIGURES_TROUBLES 7U

struct Figures {
        _Alignas(64) _Atomic uint64_t accepted, crowded, refused, handshakes, resumed,
                failed_handshakes, evicted, requests, upgrades;
        _Atomic uint64_t http2, http2_calmed; /* connections in HTTP/2; of them those that cost too much */
        _Atomic uint64_t http2_troubles[FIGURES_TROUBLES]; /* by kind (h2/h2.h) */
        _Atomic uint64_t http2_waited, http2_crowded; /* requests: for a place; of them those in vain */
        _Atomic uint64_t hidden;     /* visitors who came by a hop */
        _Atomic uint64_t opened_usec; /* when the relay last brought one whose TLS it had opened; 0: never */
        _Atomic uint64_t outside[_OUTSIDE_WAY_MAX]; /* visitors who came from the internet */
        _Atomic uint64_t outside_usec[_OUTSIDE_WAY_MAX]; /* the last one; CLOCK_MONOTONIC, 0: never */
        _Atomic uint64_t compressed, compress_crowded; /* answers */
        _Atomic uint64_t compressed_from, compressed_to; /* bytes */
        _Atomic uint64_t answers[6]; /* by the status's first digit; [0]: none */
        _Atomic uint64_t refusals[_REFUSAL_MAX]; /* as a relay: visitors of tenants */
        _Atomic uint64_t attached, channels, channels_refused; /* as a relay: agents, channels that wait */
        _Atomic uint64_t upstream_connects, upstream_reuses, retries;
        _Atomic uint64_t agent_attached, agent_attempts, agent_waiting, agent_rejected;
        _Atomic uint64_t agent_visits;       /* visitors who came by a channel: counted where they came in */
        _Atomic uint64_t agent_visits_ended; /* and where they were served */
        TransportMeter agent_bytes;          /* from and to them */
};
