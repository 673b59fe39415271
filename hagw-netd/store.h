/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-netd/address-source.h"

/* The last good addresses on disk, so that a house that boots without the internet still knows where it was.
 */

#define STORE_FILE "addresses.json"

/* Restores the sources whose specification is still the one that the address came from. 0 also where there
 * is no file. -EBADMSG: the file is broken; it was set aside. */
int store_load(int dir_fd, AddressSource *const *sources, size_t n);
int store_save(int dir_fd, AddressSource *const *sources, size_t n);
