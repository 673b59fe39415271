/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <sys/uio.h>

#include "libhagw/pure/slice.h"

/* A request, or a passage, as a journal entry. Secrets stay out: query strings unless asked for, ids of
 * webhooks and their like, and anything in a path that looks like a token. Pure: it only fills an iovec for
 * sd_journal_sendv(). */

typedef struct AccessEntry {
        bool passage; /* of a visitor who passed unopened: no method, target, status and user */
        Slice address, host, method, target;
        unsigned status;       /* 0: closed without an answer */
        uint64_t received, sent; /* body bytes from and to the visitor; of a passage: all */
        uint64_t duration_usec;
        uint64_t upstream_usec; /* until its head, of a passage: until connected; USEC_INFINITY: never */
        Slice upstream, user;  /* may be empty */
        const char *verdict;   /* "pass", "login", "bad request", … */
        const char *protocol;  /* as ALPN names it: "h2"; NULL: none */
        bool broken;           /* the answer broke off: the text tells the verdict too */
        bool query_strings;    /* log.query_strings */
} AccessEntry;

#define ACCESSLOG_TEXT_MAX 4096U
#define ACCESSLOG_FIELDS_MAX 16U

/* Fields FIELD=value in text, pointed to by iov. Returns how many. Long values are cut. */
size_t accesslog_format(const AccessEntry *e, char text[static ACCESSLOG_TEXT_MAX],
                        struct iovec iov[static ACCESSLOG_FIELDS_MAX]);

/* The target as it may be logged; returns its length. Control and non-ASCII bytes become "?". */
size_t accesslog_target(Slice target, bool query_strings, char *out, size_t size);
