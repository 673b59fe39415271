/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Names in wire form. Owns nothing; every function is bounded by the sizes it is given. */

#include "hagw-dnsd/dname.h"

#define POINTER 0xc0U
#define POINTERS_MAX 64U /* in one name */

static uint8_t lower(uint8_t c) {
        return (uint8_t) (c - 'A') < 26 ? c | 0x20 : c;
}

/* Copies one label with its length octet. The caller has checked that it is there and fits. */
static void copy_label(uint8_t *out, const uint8_t *label) {
        out[0] = label[0];
        for (unsigned i = 1; i <= label[0]; i++)
                out[i] = lower(label[i]);
}

int dname_read(const uint8_t *data, size_t size, uint8_t *out) {
        size_t n = 0;

        size = MIN(size, (size_t) DNAME_MAX);
        while (n < size) {
                if (data[n] == 0) {
                        out[n] = 0;
                        return (int) n + 1;
                }
                if (data[n] > DNAME_LABEL_MAX || n + 1 + data[n] >= size)
                        return -EBADMSG;
                copy_label(out + n, data + n);
                n += 1U + data[n];
        }
        return -EBADMSG;
}

int dname_skip(const uint8_t *message, size_t size, size_t offset) {
        size_t start = offset;

        while (offset < size && offset - start < DNAME_MAX) {
                uint8_t c = message[offset];
                if (c == 0)
                        return (int) offset + 1;
                if ((c & POINTER) == POINTER)
                        return offset + 2 <= size ? (int) offset + 2 : -EBADMSG;
                if (c > DNAME_LABEL_MAX)
                        return -EBADMSG;
                offset += 1U + c;
        }
        return -EBADMSG;
}

int dname_unpack(const uint8_t *message, size_t size, size_t offset, uint8_t *out, size_t *ret_size) {
        size_t n = 0, limit = size;
        int end = dname_skip(message, size, offset);

        if (end < 0)
                return end;
        for (unsigned pointers = 0; offset < limit;) {
                uint8_t c = message[offset];
                if (c == 0) {
                        out[n] = 0;
                        *ret_size = n + 1;
                        return end;
                }
                if ((c & POINTER) == POINTER) {
                        if (offset + 2 > size || ++pointers > POINTERS_MAX)
                                return -EBADMSG;
                        size_t target = (size_t) (c & ~POINTER) << 8 | message[offset + 1];
                        if (target >= offset)
                                return -EBADMSG;
                        offset = target;
                        continue;
                }
                if (c > DNAME_LABEL_MAX || offset + 1 + c >= size || n + 1 + c >= DNAME_MAX)
                        return -EBADMSG;
                copy_label(out + n, message + offset);
                n += 1U + c;
                offset += 1U + c;
        }
        return -EBADMSG;
}

int dname_from_text(const char *text, uint8_t *out) {
        size_t n = 0;

        if (streq(text, "."))
                text = "";
        while (*text) {
                size_t length = strcspn(text, ".");
                if (length < 1 || length > DNAME_LABEL_MAX || n + 1 + length >= DNAME_MAX)
                        return -EINVAL;
                out[n++] = (uint8_t) length;
                for (size_t i = 0; i < length; i++)
                        out[n++] = lower((uint8_t) text[i]);
                text += length;
                if (*text == '.')
                        text++;
        }
        out[n++] = 0;
        return (int) n;
}

static char *escape(char *p, uint8_t c) {
        if (c > ' ' && c < 0x7f) {
                if (strchr(".\\\"();@$", c))
                        *p++ = '\\';
                *p++ = (char) c;
                return p;
        }
        *p++ = '\\';
        *p++ = (char) ('0' + c / 100);
        *p++ = (char) ('0' + c / 10 % 10);
        *p++ = (char) ('0' + c % 10);
        return p;
}

char *dname_to_text(const uint8_t *name, char *out) {
        char *p = out;

        if (*name == 0)
                *p++ = '.';
        for (; *name; name += 1U + *name) {
                if (p != out)
                        *p++ = '.';
                for (unsigned i = 1; i <= *name; i++)
                        p = escape(p, name[i]);
        }
        *p = '\0';
        return out;
}

bool dname_in_zone(const uint8_t *name, size_t name_size, const uint8_t *zone, size_t zone_size) {
        const uint8_t *tail;

        if (name_size < zone_size)
                return false;
        tail = name + name_size - zone_size;
        if (memcmp(tail, zone, zone_size) != 0)
                return false;
        /* The tail must begin at a label's length octet, not inside a label. */
        while (name < tail)
                name += 1U + *name;
        return name == tail;
}

unsigned dname_labels(const uint8_t *name) {
        unsigned n = 0;

        for (; *name; name += 1U + *name)
                n++;
        return n;
}

size_t dname_reverse(const uint8_t *name, size_t size, uint8_t *out) {
        size_t at = size - 1;

        for (; *name; name += 1U + *name) {
                at -= 1U + *name;
                memcpy(out + at, name, 1U + *name);
        }
        return size - 1;
}
