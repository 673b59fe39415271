/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The table of record types, and how their RDATA reads as text. A new type is a row and, if it has a form of
 * its own, a function. */

#include <arpa/inet.h>
#include <strings.h>

#include "hagw-dnsd/message.h"
#include "hagw-dnsd/rr.h"

static int format_address(const uint8_t *message, size_t offset, uint16_t rdata_size, int family, FILE *f) {
        char text[INET6_ADDRSTRLEN];

        if (rdata_size != (family == AF_INET ? 4 : 16))
                return -EBADMSG;
        fputs(inet_ntop(family, message + offset, text, sizeof(text)), f);
        return 0;
}

static int format_a(const uint8_t *message, size_t size, size_t offset, uint16_t rdata_size, FILE *f) {
        return format_address(message, offset, rdata_size, AF_INET, f);
}

static int format_aaaa(const uint8_t *message, size_t size, size_t offset, uint16_t rdata_size, FILE *f) {
        return format_address(message, offset, rdata_size, AF_INET6, f);
}

/* Returns the offset behind the name. */
static int put_name(const uint8_t *message, size_t size, size_t offset, FILE *f) {
        uint8_t name[DNAME_MAX];
        char text[DNAME_TEXT_MAX];
        size_t name_size;
        int end;

        end = dname_unpack(message, size, offset, name, &name_size);
        if (end < 0)
                return end;
        fprintf(f, "%s%s", dname_to_text(name, text), name[0] == 0 ? "" : ".");
        return end;
}

static int format_name(const uint8_t *message, size_t size, size_t offset, uint16_t rdata_size, FILE *f) {
        int end = put_name(message, size, offset, f);

        return end < 0 ? end : (size_t) end == offset + rdata_size ? 0 : -EBADMSG;
}

static int format_soa(const uint8_t *message, size_t size, size_t offset, uint16_t rdata_size, FILE *f) {
        int end;

        end = put_name(message, size, offset, f);
        if (end < 0)
                return end;
        fputc(' ', f);
        end = put_name(message, size, (size_t) end, f);
        if (end < 0 || (size_t) end + 20 != offset + rdata_size)
                return -EBADMSG;
        for (unsigned i = 0; i < 5; i++)
                fprintf(f, " %u", read_u32(message + end + 4 * i));
        return 0;
}

static void put_quoted(const uint8_t *data, size_t size, FILE *f) {
        fputc('"', f);
        for (size_t i = 0; i < size; i++)
                if (data[i] < ' ' || data[i] > '~')
                        fprintf(f, "\\%03u", data[i]);
                else
                        fprintf(f, "%s%c", strchr("\"\\", data[i]) ? "\\" : "", data[i]);
        fputc('"', f);
}

static int format_txt(const uint8_t *message, size_t size, size_t offset, uint16_t rdata_size, FILE *f) {
        const size_t end = offset + rdata_size;

        if (rdata_size == 0)
                return -EBADMSG;
        for (size_t p = offset; p < end; p += 1U + message[p]) {
                if (message[p] > end - p - 1)
                        return -EBADMSG;
                if (p > offset)
                        fputc(' ', f);
                put_quoted(message + p + 1, message[p], f);
        }
        return 0;
}

/* RFC 8659 section 4.1.1. */
static int format_caa(const uint8_t *message, size_t size, size_t offset, uint16_t rdata_size, FILE *f) {
        const uint8_t *p = message + offset;

        if (rdata_size < 2 || p[1] > rdata_size - 2)
                return -EBADMSG;
        fprintf(f, "%u %.*s ", p[0], p[1], (const char *) p + 2);
        put_quoted(p + 2 + p[1], rdata_size - 2U - p[1], f);
        return 0;
}

/* HTTPS (RFC 9460) has no data here yet: split horizon brings its records, and a format, together. */
static const RrType rr_types[] = {
        { DNS_TYPE_A, "A", .format = format_a },
        { DNS_TYPE_NS, "NS", .format = format_name },
        { DNS_TYPE_SOA, "SOA", .format = format_soa },
        { DNS_TYPE_TXT, "TXT", .format = format_txt },
        { DNS_TYPE_AAAA, "AAAA", .format = format_aaaa },
        { DNS_TYPE_OPT, "OPT", RR_POLICY_FORMERR },
        { DNS_TYPE_DS, "DS" },
        { DNS_TYPE_HTTPS, "HTTPS" },
        { DNS_TYPE_TKEY, "TKEY", RR_POLICY_FORMERR },
        { DNS_TYPE_TSIG, "TSIG", RR_POLICY_FORMERR },
        { DNS_TYPE_IXFR, "IXFR", RR_POLICY_REFUSED },
        { DNS_TYPE_AXFR, "AXFR", RR_POLICY_REFUSED },
        { DNS_TYPE_MAILB, "MAILB", RR_POLICY_NOTIMP },
        { DNS_TYPE_MAILA, "MAILA", RR_POLICY_NOTIMP },
        { DNS_TYPE_ANY, "ANY", RR_POLICY_ANY },
        { DNS_TYPE_CAA, "CAA", .format = format_caa },
};

const RrType *rr_by_type(uint16_t type) {
        for (size_t i = 0; i < ELEMENTSOF(rr_types); i++)
                if (rr_types[i].type == type)
                        return &rr_types[i];
        return NULL;
}

const RrType *rr_by_name(const char *name) {
        for (size_t i = 0; i < ELEMENTSOF(rr_types); i++)
                if (strcasecmp(rr_types[i].name, name) == 0)
                        return &rr_types[i];
        return NULL;
}

/* RFC 3597 section 5. */
static void format_unknown(const uint8_t *data, uint16_t size, FILE *f) {
        fprintf(f, "\\# %u", size);
        for (uint16_t i = 0; i < size; i++)
                fprintf(f, "%s%02x", i == 0 ? " " : "", data[i]);
}

int rr_format(uint16_t type, const uint8_t *message, size_t size, size_t offset, uint16_t rdata_size,
              char **ret) {
        const RrType *t = rr_by_type(type);
        _cleanup_free_ char *text = NULL;
        size_t length;
        FILE *f;
        int r = 0;

        f = open_memstream(&text, &length);
        if (!f)
                return -ENOMEM;
        if (t && t->format)
                r = t->format(message, size, offset, rdata_size, f);
        else
                format_unknown(message + offset, rdata_size, f);
        if (fclose(f) != 0)
                return -ENOMEM;
        if (r < 0)
                return r;
        *ret = TAKE_PTR(text);
        return 0;
}
