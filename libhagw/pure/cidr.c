/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Addresses and address ranges. */

#include <arpa/inet.h>
#include <endian.h>

#include "libhagw/pure/cidr.h"

static const uint8_t mapped_prefix[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

static void ip_from_v6_bytes(const uint8_t bytes[static 16], IpAddress *ret) {
        *ret = (IpAddress) {};
        if (memcmp(bytes, mapped_prefix, sizeof(mapped_prefix)) == 0) {
                ret->family = AF_INET;
                memcpy(ret->bytes, bytes + 12, 4);
        } else {
                ret->family = AF_INET6;
                memcpy(ret->bytes, bytes, 16);
        }
}

int ip_parse(const char *s, IpAddress *ret) {
        uint8_t b[16];

        if (inet_pton(AF_INET, s, b) == 1) {
                *ret = (IpAddress) { .family = AF_INET };
                memcpy(ret->bytes, b, 4);
                return 0;
        }
        if (inet_pton(AF_INET6, s, b) == 1) {
                ip_from_v6_bytes(b, ret);
                return 0;
        }
        return -EINVAL;
}

const char *ip_format(const IpAddress *a, char *out) {
        if (a->family == AF_UNSPEC || !inet_ntop(a->family, a->bytes, out, IP_TEXT_MAX))
                strcpy(out, "-");
        return out;
}

int ip_from_sockaddr(const struct sockaddr *sa, IpAddress *ret) {
        if (sa->sa_family == AF_INET) {
                *ret = (IpAddress) { .family = AF_INET };
                memcpy(ret->bytes, &((const struct sockaddr_in *) sa)->sin_addr, 4);
                return 0;
        }
        if (sa->sa_family == AF_INET6) {
                ip_from_v6_bytes(((const struct sockaddr_in6 *) sa)->sin6_addr.s6_addr, ret);
                return 0;
        }
        return -EAFNOSUPPORT;
}

socklen_t ip_to_sockaddr(const IpAddress *a, uint16_t port, struct sockaddr_storage *ret) {
        struct sockaddr_in *four = (struct sockaddr_in *) ret;
        struct sockaddr_in6 *six = (struct sockaddr_in6 *) ret;

        *ret = (struct sockaddr_storage) { .ss_family = (sa_family_t) a->family };
        if (a->family == AF_INET) {
                four->sin_port = htobe16(port);
                memcpy(&four->sin_addr, a->bytes, 4);
                return sizeof(*four);
        }
        if (a->family != AF_INET6)
                return 0;
        six->sin6_port = htobe16(port);
        memcpy(&six->sin6_addr, a->bytes, 16);
        return sizeof(*six);
}

bool ip_equal(const IpAddress *a, const IpAddress *b) {
        return a->family == b->family && memcmp(a->bytes, b->bytes, a->family == AF_INET ? 4 : 16) == 0;
}

/* Compares the first n bits. */
static bool prefix_equal(const uint8_t *a, const uint8_t *b, unsigned n) {
        unsigned whole = n / 8, rest = n % 8;

        if (memcmp(a, b, whole) != 0)
                return false;
        return rest == 0 || ((a[whole] ^ b[whole]) >> (8 - rest)) == 0;
}

int cidr_parse(const char *s, Cidr *ret) {
        static const uint8_t zero[16];
        const char *slash = strchr(s, '/');
        char text[IP_TEXT_MAX];
        size_t n = slash ? (size_t) (slash - s) : strlen(s);
        unsigned long prefix, width;
        uint8_t host[16];
        IpAddress a;

        if (n >= sizeof(text))
                return -EINVAL;
        memcpy(text, s, n);
        text[n] = '\0';
        if (ip_parse(text, &a) < 0)
                return -EINVAL;
        width = a.family == AF_INET ? 32 : 128;
        prefix = width;
        if (slash) {
                char *end;

                if (slash[1] < '0' || slash[1] > '9')
                        return -EINVAL;
                prefix = strtoul(slash + 1, &end, 10);
                if (*end || prefix > width)
                        return -EINVAL;
        }
        /* Host bits: clear the prefix's bits and see that nothing is left. */
        memcpy(host, a.bytes, sizeof(host));
        for (unsigned i = 0; i < prefix; i++)
                host[i / 8] &= (uint8_t) ~(0x80U >> (i % 8));
        if (memcmp(host, zero, width / 8) != 0)
                return -EINVAL;
        *ret = (Cidr) { .address = a, .prefix = (uint8_t) prefix };
        return 0;
}

bool cidr_contains(const Cidr *c, const IpAddress *a) {
        return c->address.family == a->family && prefix_equal(c->address.bytes, a->bytes, c->prefix);
}

bool cidr_list_contains(const Cidr *list, size_t n, const IpAddress *a) {
        for (size_t i = 0; i < n; i++)
                if (cidr_contains(&list[i], a))
                        return true;
        return false;
}
