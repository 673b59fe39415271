/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include "libhagw/pure/macro.h"

/* Addresses and address ranges (RFC 4632, RFC 4291). Pure. IPv4-mapped IPv6 addresses (::ffff:0:0/96) are
 * IPv4. */

#define IP_TEXT_MAX 46U /* INET6_ADDRSTRLEN: longest text form with its NUL */

typedef struct IpAddress {
        int family; /* AF_INET or AF_INET6; AF_UNSPEC: none */
        uint8_t bytes[16];
} IpAddress;

typedef struct Cidr {
        IpAddress address; /* host bits are zero */
        uint8_t prefix;    /* bits */
} Cidr;

int ip_parse(const char *s, IpAddress *ret);
/* out has room for IP_TEXT_MAX. Returns out. */
const char *ip_format(const IpAddress *a, char *out);
int ip_from_sockaddr(const struct sockaddr *sa, IpAddress *ret);
/* Returns the bytes of *ret that count; 0: the address has no family. */
socklen_t ip_to_sockaddr(const IpAddress *a, uint16_t port, struct sockaddr_storage *ret);
bool ip_equal(const IpAddress *a, const IpAddress *b);

/* "192.168.0.0/16", "fd00::/8", or a bare address. -EINVAL also where host bits are set. */
int cidr_parse(const char *s, Cidr *ret);
bool cidr_contains(const Cidr *c, const IpAddress *a);
bool cidr_list_contains(const Cidr *list, size_t n, const IpAddress *a);
