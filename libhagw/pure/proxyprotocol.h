/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/pure/cidr.h"

/* The PROXY protocol: who a connection really comes from, told in front of its first byte
 * (https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt). Version 1 is a line of text, version 2 is
 * binary. Pure. */

#define PROXY_V1_SIZE_MAX 108U /* bytes, with the terminating NUL that snprintf() writes */
#define PROXY_V2_HEAD 16U      /* bytes: signature, version and command, family, length */
#define PROXY_V2_SIZE_MAX 52U  /* bytes: head and two IPv6 addresses with their ports */
#define PROXY_V2_READ_MAX 552U /* bytes of a header that is read: 16 + 536, what the protocol promises */

typedef struct ProxyPair {
        IpAddress source, destination; /* of one family; AF_UNSPEC: not known */
        uint16_t source_port, destination_port;
} ProxyPair;

typedef enum ProxyResult {
        PROXY_OK,
        PROXY_MORE,  /* nothing is wrong so far */
        PROXY_LOCAL, /* a header that says nothing about a visitor: the sender's own connection */
        PROXY_BAD,
        _PROXY_RESULT_MAX,
} ProxyResult;

/* Return the number of bytes. IPv4 and IPv6 mixed are written as IPv6 (IPv4-mapped). */
size_t proxy_v1_write(const ProxyPair *p, char out[static PROXY_V1_SIZE_MAX]);
/* extra: bytes that the caller appends (TLVs); they count in the length field. */
size_t proxy_v2_write(const ProxyPair *p, uint16_t extra, uint8_t out[static PROXY_V2_SIZE_MAX]);

/* data: the first bytes of a connection. PROXY_OK: *ret is set; with PROXY_OK and PROXY_LOCAL *ret_size is
 * the header's size, TLVs included, and *ret_tlv where they begin. */
ProxyResult proxy_v2_read(const uint8_t *data, size_t size, ProxyPair *ret, size_t *ret_tlv,
                          size_t *ret_size);

/* One end of a pair. -EAFNOSUPPORT: no internet address. */
int proxy_endpoint_from_sockaddr(const struct sockaddr *sa, IpAddress *ret, uint16_t *ret_port);
