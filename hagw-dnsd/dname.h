/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/pure/macro.h"

/* Domain names in wire form (RFC 1035 section 3.1): length-prefixed labels up to the root's zero octet.
 * Pure. */

#define DNAME_MAX 255U       /* octets, with the root's */
#define DNAME_LABEL_MAX 63U  /* octets of one label */
#define DNAME_TEXT_MAX 1017U /* every octet as \DDD, dots, NUL */

/* Reads the uncompressed name at data, in lower case into out (DNAME_MAX octets). Returns its size, or
 * -EBADMSG where it is cut short, too long, or has a compression pointer. */
int dname_read(const uint8_t *data, size_t size, uint8_t *out);

/* Steps over the name at offset, which may end in a compression pointer (not followed). Returns the offset
 * behind it, or -EBADMSG. */
int dname_skip(const uint8_t *message, size_t size, size_t offset);

/* Reads a name that may be compressed, following only pointers that lead backwards. Returns the offset
 * behind it. */
int dname_unpack(const uint8_t *message, size_t size, size_t offset, uint8_t *out, size_t *ret_size);

/* From text without escapes, lower-cased; one trailing dot may stand. Returns the size, or -EINVAL. */
int dname_from_text(const char *text, uint8_t *out);

/* To text without the trailing dot ("." for the root); what is no printable character becomes \DDD (RFC 1035
 * section 5.1). out has room for DNAME_TEXT_MAX. Returns out. */
char *dname_to_text(const uint8_t *name, char *out);

/* Both in lower case. True where name is zone or lies below it. */
bool dname_in_zone(const uint8_t *name, size_t name_size, const uint8_t *zone, size_t zone_size);

/* Labels without the root. */
unsigned dname_labels(const uint8_t *name);

/* The labels last first, without the root's: so a name's octets begin with those of each name above it, and
 * what lies at or below a name stands together in any list sorted by them. out has room for DNAME_MAX.
 * Returns the size. */
size_t dname_reverse(const uint8_t *name, size_t size, uint8_t *out);
