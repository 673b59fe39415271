/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Fixed places, numbers in network order, and zeros wherever nothing is said: what is read is what would be
 * written. */

#include <endian.h>
#include <string.h>
#include <sys/socket.h>

#include "libhagw/pure/handover.h"

#define ADDRESS_SIZE 16U

enum {
        AT_VERSION,
        AT_KIND,
        AT_SOURCE_FAMILY,
        AT_DESTINATION_FAMILY,
        AT_SOURCE,
        AT_DESTINATION = AT_SOURCE + ADDRESS_SIZE,
        AT_SOURCE_PORT = AT_DESTINATION + ADDRESS_SIZE,
        AT_DESTINATION_PORT = AT_SOURCE_PORT + 2,
        AT_SECRET = AT_DESTINATION_PORT + 2,
        AT_READ = AT_SECRET + CHANNEL_SECRET_SIZE,
        AT_COUNT = 2,
};
static_assert(AT_READ == HANDOVER_HEAD_SIZE, "the head is as long as it is said to be");

/* As a byte, and how many bytes of the address there are. */
static const struct {
        sa_family_t family;
        uint8_t size;
} families[] = { { AF_UNSPEC, 0 }, { AF_INET, 4 }, { AF_INET6, 16 } };

static void endpoint_write(const IpAddress *a, uint16_t port, uint8_t *family, uint8_t *address,
                           uint8_t *out_port) {
        const uint16_t p = htobe16(port);

        for (uint8_t i = 0; i < ELEMENTSOF(families); i++)
                if (families[i].family == a->family) {
                        *family = i;
                        memcpy(address, a->bytes, families[i].size);
                }
        memcpy(out_port, &p, sizeof(p));
}

static bool is_zero(const uint8_t *data, size_t size) {
        for (size_t i = 0; i < size; i++)
                if (data[i] != 0)
                        return false;
        return true;
}

static int endpoint_read(uint8_t family, const uint8_t *address, const uint8_t *port, IpAddress *ret,
                         uint16_t *ret_port) {
        uint16_t p;

        if (family >= ELEMENTSOF(families) ||
            !is_zero(address + families[family].size, ADDRESS_SIZE - families[family].size))
                return -EBADMSG;
        *ret = (IpAddress) { .family = families[family].family };
        memcpy(ret->bytes, address, families[family].size);
        memcpy(&p, port, sizeof(p));
        *ret_port = be16toh(p);
        return 0;
}

void handover_write(const Handover *h, uint8_t out[static HANDOVER_HEAD_SIZE]) {
        assert(h->kind != HANDOVER_COUNT && h->read.n <= HANDOVER_READ_MAX);
        memset(out, 0, HANDOVER_HEAD_SIZE);
        out[AT_VERSION] = HANDOVER_VERSION;
        out[AT_KIND] = (uint8_t) h->kind;
        endpoint_write(&h->pair.source, h->pair.source_port, &out[AT_SOURCE_FAMILY], &out[AT_SOURCE],
                       &out[AT_SOURCE_PORT]);
        endpoint_write(&h->pair.destination, h->pair.destination_port, &out[AT_DESTINATION_FAMILY],
                       &out[AT_DESTINATION], &out[AT_DESTINATION_PORT]);
        if (h->kind == HANDOVER_OPENED)
                memcpy(&out[AT_SECRET], h->secret, sizeof(h->secret));
}

HandoverKind handover_kind(const uint8_t *data, size_t size) {
        return size > AT_KIND && data[AT_VERSION] == HANDOVER_VERSION && data[AT_KIND] < _HANDOVER_KIND_MAX ?
                       (HandoverKind) data[AT_KIND] :
                       _HANDOVER_KIND_INVALID;
}

int handover_read(const uint8_t *data, size_t size, Handover *ret) {
        Handover h = { .kind = handover_kind(data, size) };
        int r;

        if (h.kind < 0 || h.kind == HANDOVER_COUNT || size < HANDOVER_HEAD_SIZE || size > HANDOVER_SIZE_MAX)
                return -EBADMSG;
        r = endpoint_read(data[AT_SOURCE_FAMILY], &data[AT_SOURCE], &data[AT_SOURCE_PORT], &h.pair.source,
                          &h.pair.source_port);
        if (r >= 0)
                r = endpoint_read(data[AT_DESTINATION_FAMILY], &data[AT_DESTINATION],
                                  &data[AT_DESTINATION_PORT], &h.pair.destination,
                                  &h.pair.destination_port);
        if (r < 0)
                return r;
        if (h.kind == HANDOVER_OPENED)
                memcpy(h.secret, &data[AT_SECRET], sizeof(h.secret));
        else if (!is_zero(&data[AT_SECRET], sizeof(h.secret)))
                return -EBADMSG;
        h.read = (Slice) { (const char *) data + HANDOVER_HEAD_SIZE, size - HANDOVER_HEAD_SIZE };
        *ret = h;
        return 0;
}

void handover_count_write(const HandoverCount *c, uint8_t out[static HANDOVER_COUNT_SIZE]) {
        const uint64_t numbers[] = { htobe64(c->ended), htobe64(c->received), htobe64(c->sent),
                                     htobe64(c->opened_usec) };

        static_assert(AT_COUNT + sizeof(numbers) == HANDOVER_COUNT_SIZE, "they fill it");
        out[AT_VERSION] = HANDOVER_VERSION;
        out[AT_KIND] = HANDOVER_COUNT;
        memcpy(&out[AT_COUNT], numbers, sizeof(numbers));
}

int handover_count_read(const uint8_t *data, size_t size, HandoverCount *ret) {
        uint64_t numbers[4];

        if (handover_kind(data, size) != HANDOVER_COUNT || size != HANDOVER_COUNT_SIZE)
                return -EBADMSG;
        memcpy(numbers, &data[AT_COUNT], sizeof(numbers));
        *ret = (HandoverCount) { be64toh(numbers[0]), be64toh(numbers[1]), be64toh(numbers[2]),
                                 be64toh(numbers[3]) };
        return 0;
}
