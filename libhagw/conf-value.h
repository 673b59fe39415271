/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/conf-schema.h"

/* One setting's value: from text (or a list of texts) into its field. */

/* Texts of numbers. -EINVAL: not one; -ERANGE: too large. */
int conf_parse_usec(const char *s, uint64_t *ret);
int conf_parse_bytes(const char *s, uint64_t *ret);

/* Splits "HOST[:PORT]", where HOST may be a name, an IPv4 address, or an IPv6 address in brackets. *port
 * stays where none is given. -EINVAL: *reason (to be freed) says what is wrong. */
int conf_split_authority(const char *v, char **ret_host, uint16_t *port, char **reason);

/* Stores into object (Config, ConfZone or ConfHost) at the setting's offset, replacing what is there.
 * values: one text, or for lists any number. On -EINVAL ret_reason (to be freed) says what is wrong. */
int conf_value_set(const ConfSetting *s, void *object, const char *const *values, size_t n,
                   char **ret_reason);

/* Frees what the setting's field holds. */
void conf_value_free(const ConfSetting *s, void *object);
