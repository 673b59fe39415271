/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/pure/slice.h"

/* Header fields of either HTTP version: slices into the head's buffer, in the order they came, duplicates
 * kept. Each knows its id, so that rules cost O(1) a field. Pure. */

/* A known field is a row here: id, name in lower case. */
#define HEADER_NAMES(X)                                                 \
        X(ACCEPT, "accept")                                             \
        X(ACCEPT_ENCODING, "accept-encoding")                           \
        X(ACCEPT_LANGUAGE, "accept-language")                           \
        X(ACCEPT_RANGES, "accept-ranges")                               \
        X(ALT_SVC, "alt-svc")                                           \
        X(AUTHORIZATION, "authorization")                               \
        X(CACHE_CONTROL, "cache-control")                               \
        X(CF_CONNECTING_IP, "cf-connecting-ip")                         \
        X(CLIENT_IP, "client-ip")                                       \
        X(CONNECTION, "connection")                                     \
        X(CONTENT_DIGEST, "content-digest")                             \
        X(CONTENT_ENCODING, "content-encoding")                         \
        X(CONTENT_LENGTH, "content-length")                             \
        X(CONTENT_MD5, "content-md5")                                   \
        X(CONTENT_TYPE, "content-type")                                 \
        X(COOKIE, "cookie")                                             \
        X(DATE, "date")                                                 \
        X(DIGEST, "digest")                                             \
        X(ETAG, "etag")                                                 \
        X(EXPECT, "expect")                                             \
        X(FASTLY_CLIENT_IP, "fastly-client-ip")                         \
        X(FORWARDED, "forwarded")                                       \
        X(HOST, "host")                                                 \
        X(HTTP2_SETTINGS, "http2-settings")                             \
        X(IF_NONE_MATCH, "if-none-match")                               \
        X(KEEP_ALIVE, "keep-alive")                                     \
        X(LAST_MODIFIED, "last-modified")                               \
        X(LOCATION, "location")                                         \
        X(ORIGIN, "origin")                                             \
        X(RANGE, "range")                                               \
        X(REFERER, "referer")                                           \
        X(REPR_DIGEST, "repr-digest")                                   \
        X(SEC_FETCH_DEST, "sec-fetch-dest")                             \
        X(SEC_FETCH_MODE, "sec-fetch-mode")                             \
        X(SEC_FETCH_SITE, "sec-fetch-site")                             \
        X(SEC_WEBSOCKET_ACCEPT, "sec-websocket-accept")                 \
        X(SEC_WEBSOCKET_EXTENSIONS, "sec-websocket-extensions")         \
        X(SEC_WEBSOCKET_KEY, "sec-websocket-key")                       \
        X(SEC_WEBSOCKET_PROTOCOL, "sec-websocket-protocol")             \
        X(SEC_WEBSOCKET_VERSION, "sec-websocket-version")               \
        X(SERVER, "server")                                             \
        X(SET_COOKIE, "set-cookie")                                     \
        X(STRICT_TRANSPORT_SECURITY, "strict-transport-security")       \
        X(TE, "te")                                                     \
        X(TRAILER, "trailer")                                           \
        X(TRANSFER_ENCODING, "transfer-encoding")                       \
        X(TRUE_CLIENT_IP, "true-client-ip")                             \
        X(UPGRADE, "upgrade")                                           \
        X(USER_AGENT, "user-agent")                                     \
        X(VARY, "vary")                                                 \
        X(VIA, "via")                                                   \
        X(WWW_AUTHENTICATE, "www-authenticate")                         \
        X(X_CLIENT_IP, "x-client-ip")                                   \
        X(X_CLUSTER_CLIENT_IP, "x-cluster-client-ip")                   \
        X(X_HAGW_TOKEN, "x-hagw-token")                                 \
        X(X_ORIGINAL_FORWARDED_FOR, "x-original-forwarded-for")         \
        X(X_ORIGINAL_HOST, "x-original-host")                           \
        X(X_ORIGINAL_URL, "x-original-url")                             \
        X(X_REAL_IP, "x-real-ip")                                       \
        X(X_REWRITE_URL, "x-rewrite-url")

typedef enum HeaderId {
        HEADER_OTHER,
#define X(id, name) HEADER_##id,
        HEADER_NAMES(X)
#undef X
        /* Families: names that begin alike (families.h). */
        HEADER_PROXY_ANY,         /* proxy, proxy-… */
        HEADER_X_FORWARDED_ANY,   /* x-forwarded, x-forwarded-… */
        HEADER_X_HAGW_ANY,        /* x-hagw-… */
        HEADER_ADDRESS_ANY,       /* where a proxy or a delivery network says the visitor comes from */
        HEADER_IDENTITY_ANY,      /* what proxies that ask for a login tell their services about the user */
        _HEADER_MAX,
} HeaderId;

typedef struct Header {
        const char *name; /* as it came */
        const char *value;
        uint32_t value_size;
        uint16_t name_size;
        uint8_t id;     /* HeaderId. An underscore makes another name: HEADER_OTHER */
        uint8_t folded; /* HeaderId with "_" and its like read as "-": what a CGI-like service would take it
                           for */
} Header;

typedef struct HeaderList {
        Header *items; /* the caller's array */
        uint16_t n, max;
} HeaderList;

/* Fields that forward.c may add; an array for a head of n fields has n + HEADER_SPARE entries. */
#define HEADER_SPARE 8U
#define HEADER_NAME_MAX 255U /* bytes */

/* Case is ignored. Constant time for names of any length. */
HeaderId header_id(const char *name, size_t n);
/* Fills id and folded from name. */
void header_classify(Header *h);
const char *header_name(HeaderId id); /* lower case; "" for HEADER_OTHER and the families */

/* Appends; the bytes must outlive the list. -ENOBUFS: the array is full. */
int header_list_add(HeaderList *l, const char *name, Slice value);
/* The same where the caller knows what header_id() would say of the name. */
int header_list_add_known(HeaderList *l, HeaderId id, Slice name, Slice value);

/* The first field with the id, or NULL. */
const Header *header_list_find(const HeaderList *l, HeaderId id);

/* tchar of RFC 9110 section 5.6.2: what names of fields and methods are made of. */
static inline _unused_ bool header_is_token_char(char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               (c && strchr("!#$%&'*+-.^_`|~", c));
}

/* What no text of a head may hold but HTAB (RFC 9110 section 5.5). */
static inline _unused_ bool header_is_control(char c) {
        return ((uint8_t) c < ' ' && c != '\t') || c == 0x7f;
}

static inline _unused_ Slice header_value(const Header *h) {
        return (Slice) { h->value, h->value_size };
}

/* Does the comma-separated value of any field with the id contain the token (case ignored)? */
bool header_list_has_token(const HeaderList *l, HeaderId id, const char *token);
