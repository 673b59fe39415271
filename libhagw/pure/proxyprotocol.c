/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* PROXY protocol headers, as text and as bytes. */

#include <stdio.h>

#include "libhagw/pure/proxyprotocol.h"

static const uint8_t signature[12] = { 0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d,
                                       0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a };

enum {
        COMMAND_LOCAL = 0x20,
        COMMAND_PROXY = 0x21,
        FAMILY_UNSPEC = 0x00,
        FAMILY_TCP4 = 0x11,
        FAMILY_TCP6 = 0x21,
};

static void put_u16(uint8_t *p, unsigned v) {
        p[0] = (uint8_t) (v >> 8);
        p[1] = (uint8_t) v;
}

static unsigned get_u16(const uint8_t *p) {
        return (unsigned) p[0] << 8 | p[1];
}

/* The family in which both can be written. */
static int common_family(const ProxyPair *p) {
        if (p->source.family == AF_UNSPEC || p->destination.family == AF_UNSPEC)
                return AF_UNSPEC;
        return p->source.family == AF_INET6 || p->destination.family == AF_INET6 ? AF_INET6 : AF_INET;
}

static IpAddress widen(const IpAddress *a, int family) {
        IpAddress mapped = { .family = AF_INET6, .bytes = { [10] = 0xff, [11] = 0xff } };

        if (a->family == family)
                return *a;
        memcpy(mapped.bytes + 12, a->bytes, 4);
        return mapped;
}

size_t proxy_v1_write(const ProxyPair *p, char out[static PROXY_V1_SIZE_MAX]) {
        int family = common_family(p), n;
        char source[IP_TEXT_MAX], destination[IP_TEXT_MAX];
        IpAddress s, d;

        if (family == AF_UNSPEC) {
                memcpy(out, "PROXY UNKNOWN\r\n", sizeof("PROXY UNKNOWN\r\n"));
                return sizeof("PROXY UNKNOWN\r\n") - 1;
        }
        s = widen(&p->source, family);
        d = widen(&p->destination, family);
        n = snprintf(out, PROXY_V1_SIZE_MAX, "PROXY TCP%c %s %s %u %u\r\n", family == AF_INET6 ? '6' : '4',
                     ip_format(&s, source), ip_format(&d, destination), p->source_port,
                     p->destination_port);
        return (size_t) MIN(MAX(n, 0), (int) PROXY_V1_SIZE_MAX - 1);
}

size_t proxy_v2_write(const ProxyPair *p, uint16_t extra, uint8_t out[static PROXY_V2_SIZE_MAX]) {
        int family = common_family(p);
        size_t length = family == AF_INET6 ? 16 : family == AF_INET ? 4 : 0;
        IpAddress s = widen(&p->source, family), d = widen(&p->destination, family);
        uint8_t *a = out + PROXY_V2_HEAD;

        memcpy(out, signature, sizeof(signature));
        out[12] = family == AF_UNSPEC ? COMMAND_LOCAL : COMMAND_PROXY;
        out[13] = family == AF_INET6 ? FAMILY_TCP6 : family == AF_INET ? FAMILY_TCP4 : FAMILY_UNSPEC;
        if (length > 0) {
                memcpy(a, s.bytes, length);
                memcpy(a + length, d.bytes, length);
                put_u16(a + 2 * length, p->source_port);
                put_u16(a + 2 * length + 2, p->destination_port);
                length = 2 * length + 4;
        }
        put_u16(out + 14, (unsigned) length + extra);
        return PROXY_V2_HEAD + length;
}

/* A mapped address is the IPv4 address it maps: no rule of the house may see two names for one visitor. */
static IpAddress read_address(const uint8_t *p, int family) {
        struct sockaddr_in6 six = { .sin6_family = AF_INET6 };
        IpAddress a = { .family = AF_INET };

        if (family == AF_INET) {
                memcpy(a.bytes, p, 4);
                return a;
        }
        memcpy(&six.sin6_addr, p, 16);
        (void) ip_from_sockaddr((struct sockaddr *) &six, &a);
        return a;
}

ProxyResult proxy_v2_read(const uint8_t *data, size_t size, ProxyPair *ret, size_t *ret_tlv,
                          size_t *ret_size) {
        size_t length, width, addresses;
        int family;

        if (memcmp(data, signature, MIN(size, sizeof(signature))) != 0)
                return PROXY_BAD;
        if (size < PROXY_V2_HEAD)
                return PROXY_MORE;
        length = get_u16(data + 14);
        if ((data[12] != COMMAND_LOCAL && data[12] != COMMAND_PROXY) ||
            PROXY_V2_HEAD + length > PROXY_V2_READ_MAX)
                return PROXY_BAD;
        family = data[13] == FAMILY_TCP4 ? AF_INET : data[13] == FAMILY_TCP6 ? AF_INET6 : AF_UNSPEC;
        width = family == AF_INET6 ? 16 : family == AF_INET ? 4 : 0;
        addresses = width > 0 ? 2 * width + 4 : 0;
        if (length < addresses)
                return PROXY_BAD;
        if (size < PROXY_V2_HEAD + length)
                return PROXY_MORE;
        *ret_size = PROXY_V2_HEAD + length;
        *ret_tlv = PROXY_V2_HEAD + addresses;
        if (data[12] == COMMAND_LOCAL)
                return PROXY_LOCAL;
        /* A visitor whose address is not known would be taken for one of the house. */
        if (family == AF_UNSPEC)
                return PROXY_BAD;
        data += PROXY_V2_HEAD;
        *ret = (ProxyPair) {
                .source = read_address(data, family),
                .destination = read_address(data + width, family),
                .source_port = (uint16_t) get_u16(data + 2 * width),
                .destination_port = (uint16_t) get_u16(data + 2 * width + 2),
        };
        return PROXY_OK;
}

int proxy_endpoint_from_sockaddr(const struct sockaddr *sa, IpAddress *ret, uint16_t *ret_port) {
        int r;

        r = ip_from_sockaddr(sa, ret);
        if (r < 0)
                return r;
        *ret_port = be16toh(sa->sa_family == AF_INET6 ? ((const struct sockaddr_in6 *) sa)->sin6_port :
                                                        ((const struct sockaddr_in *) sa)->sin_port);
        return 0;
}
