/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdint.h>

/* How many channels of a house wait at the relay before anybody has come: a visitor who finds none waits two
 * round trips for the agent to be asked and to connect. */

#define RESERVE_MAX 12U /* two browsers of six connections each */

/* descriptors: that the relay may have. Those who wait take a fourth of them at most, one of a house at
 * least. houses: attached. Pure. */
unsigned reserve_of_house(uint64_t descriptors, uint64_t houses);
