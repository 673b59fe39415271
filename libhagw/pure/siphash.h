/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/pure/macro.h"

/* SipHash-2-4 (Aumasson, Bernstein 2012), a keyed hash for short inputs. Pure. */

#define SIPHASH_KEY_SIZE 16U /* octets */

uint64_t siphash24(const void *data, size_t size, const uint8_t key[static SIPHASH_KEY_SIZE]);
