/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/conf.h"

/* The one table of all settings: the loader, the default file, the man page's table and hagw-ctl read it. */

typedef enum ConfType {
        CONF_STRING,
        CONF_BOOL,
        CONF_UINT,
        CONF_USEC,  /* "90", "30s", "5min", "2h", "30d" */
        CONF_BYTES, /* "4096", "16K", "1M" */
        CONF_ENUM, /* one of choices, stored as its index (int) */
        CONF_WORD, /* one of choices, stored as text */
        CONF_HOSTNAME,
        CONF_PATTERN, /* host name that may start with "*." */
        CONF_STRINGS,
        CONF_HOSTNAMES,
        CONF_CIDRS,
        CONF_TARGETS, /* of notify */
        CONF_UPSTREAM, /* sets the four upstream fields */
        CONF_SOURCE,   /* of a public address */
        CONF_URL,      /* https://…, or a known short name */
        CONF_PATH,     /* absolute file name */
        CONF_AUTHORITY, /* HOST[:PORT] */
        CONF_LABEL,     /* one label of a host name */
        CONF_PIN,       /* sha256: and the base64 of 32 bytes */
        _CONF_TYPE_MAX,
} ConfType;

typedef enum ConfReader {
        CONF_READER_DNSD = 1 << 0,
        CONF_READER_NETD = 1 << 1,
        CONF_READER_ACMED = 1 << 2,
        CONF_READER_PROXYD = 1 << 3,
        CONF_READER_WEBD = 1 << 4,
        CONF_READER_TENANTD = 1 << 5,
        CONF_READER_NOTIFY = 1 << 6,
        CONF_READER_ALL = (1 << 7) - 1,
} ConfReader;

typedef enum ConfScope {
        CONF_SCOPE_MAIN, /* hagw.conf */
        CONF_SCOPE_ZONE, /* an element of zones */
        CONF_SCOPE_HOST, /* a file in hosts.d/ */
} ConfScope;

typedef struct ConfSetting {
        ConfScope scope;
        const char *group; /* "acme", within it "acme.fallback"; NULL: at the top */
        const char *name;
        ConfType type;
        size_t offset;       /* in Config, ConfZone or ConfHost */
        const char *fallback; /* default as text, NULL: unset; "!" must be given */
        uint64_t min, max;   /* numbers, usec, bytes; how many host names */
        const char *const *choices; /* NULL-ended; for CONF_ENUM in the enum's order */
        unsigned readers;
        unsigned upstreams; /* of hosts: with which ConfUpstreamKinds it does something, as bits; 0: all */
        const char *help;    /* one line */
} ConfSetting;

extern const ConfSetting conf_settings[]; /* ended by name == NULL */

static inline _unused_ bool conf_type_is_list(ConfType t) {
        return t == CONF_STRINGS || t == CONF_HOSTNAMES || t == CONF_CIDRS || t == CONF_TARGETS;
}
const char *conf_type_text(ConfType t); /* "duration", "list of strings", … */
