/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stddef.h>
#include <systemd/sd-json.h>

#include "libhagw/pure/macro.h"

/* What a member of an object says, that another program or somebody on the internet has made; the text is
 * borrowed. NULL, 0, false: v is NULL or no object, or has no such member of that type. */

static inline _unused_ sd_json_variant *json_member(sd_json_variant *v, const char *key) {
        return v && sd_json_variant_is_object(v) ? sd_json_variant_by_key(v, key) : NULL;
}

static inline _unused_ const char *json_string(sd_json_variant *v, const char *key) {
        sd_json_variant *m = json_member(v, key);

        return m && sd_json_variant_is_string(m) ? sd_json_variant_string(m) : NULL;
}

static inline _unused_ uint64_t json_unsigned(sd_json_variant *v, const char *key) {
        sd_json_variant *m = json_member(v, key);

        return m && sd_json_variant_is_unsigned(m) ? sd_json_variant_unsigned(m) : 0;
}

static inline _unused_ bool json_bool(sd_json_variant *v, const char *key) {
        sd_json_variant *m = json_member(v, key);

        return m && sd_json_variant_is_boolean(m) && sd_json_variant_boolean(m);
}

/* For sd_json_buildo(): left out where s is NULL. */
#define JSON_PAIR_IF_SET(name, s) SD_JSON_BUILD_PAIR_CONDITION(!!(s), name, SD_JSON_BUILD_STRING(s))

/* Rows of a table for sd_json_dispatch() or of a method (vl.h): the field of that name goes to that member
 * of the struct `in`; a member of another type does not compile. It has to be there, unless flags follow:
 * SD_JSON_NULLABLE (missing leaves the member as it is, null makes it NULL), or 0. A table ends with {}. */

#define FIELD_MEMBER(in, member, type) _Generic(&((in *) 0)->member, type *: offsetof(in, member))
#define FIELD_FLAGS_(flags, ...) flags
#define FIELD_FLAGS(...) FIELD_FLAGS_(__VA_ARGS__ __VA_OPT__(, ) SD_JSON_MANDATORY, )
#define FIELD(name, kind, dispatch, in, member, type, ...) \
        { name, kind, dispatch, FIELD_MEMBER(in, member, type), FIELD_FLAGS(__VA_ARGS__) }

/* Borrowed from the variant. */
#define FIELD_STRING(name, in, member, ...)                                                  \
        FIELD(name, SD_JSON_VARIANT_STRING, sd_json_dispatch_const_string, in, member, const char *, \
              __VA_ARGS__)
/* The same in a struct that owns its strings elsewhere: it is only lent to who copies it. */
#define FIELD_LENT(name, in, member, ...)                                                            \
        FIELD(name, SD_JSON_VARIANT_STRING, sd_json_dispatch_const_string, in, member, char *, __VA_ARGS__)
/* A copy, that belongs to the struct. */
#define FIELD_COPY(name, in, member, ...) \
        FIELD(name, SD_JSON_VARIANT_STRING, sd_json_dispatch_string, in, member, char *, __VA_ARGS__)
/* The variant itself, borrowed, for what has to be looked into. kind: STRING, ARRAY, … */
#define FIELD_VARIANT(name, kind, in, member, ...)                                                  \
        FIELD(name, SD_JSON_VARIANT_##kind, sd_json_dispatch_variant_noref, in, member, sd_json_variant *, \
              __VA_ARGS__)
/* Belongs to who dispatches. */
#define FIELD_STRV(name, in, member, ...) \
        FIELD(name, SD_JSON_VARIANT_ARRAY, sd_json_dispatch_strv, in, member, char **, __VA_ARGS__)
#define FIELD_BOOL(name, in, member, ...) \
        FIELD(name, SD_JSON_VARIANT_BOOLEAN, sd_json_dispatch_stdbool, in, member, bool, __VA_ARGS__)
#define FIELD_UINT64(name, in, member, ...) \
        FIELD(name, _SD_JSON_VARIANT_TYPE_INVALID, sd_json_dispatch_uint64, in, member, uint64_t, \
              __VA_ARGS__)
#define FIELD_UINT(name, in, member, ...) \
        FIELD(name, _SD_JSON_VARIANT_TYPE_INVALID, sd_json_dispatch_uint, in, member, unsigned, __VA_ARGS__)
#define FIELD_INT(name, in, member, ...) \
        FIELD(name, _SD_JSON_VARIANT_TYPE_INVALID, sd_json_dispatch_int, in, member, int, __VA_ARGS__)
#define FIELD_INT64(name, in, member, ...) \
        FIELD(name, _SD_JSON_VARIANT_TYPE_INVALID, sd_json_dispatch_int64, in, member, int64_t, __VA_ARGS__)

/* What is on the wire; v is unreferenced in any case. */
static inline int json_format_and_free(sd_json_variant *v, char **ret) {
        int r = sd_json_variant_format(v, /* flags= */ 0, ret);

        sd_json_variant_unref(v);
        return r < 0 ? r : 0;
}
