/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Messages. Nothing here allocates; every read is checked against the size that came. */

#include "hagw-dnsd/message.h"
#include "hagw-dnsd/rr.h"

#define RECORD_FIXED_SIZE 10U /* type, class, TTL, RDLENGTH */
#define EXTENDED_RCODE_SHIFT 4

/* The options of an OPT record (RFC 6891 section 6.1.2). Unknown ones are stepped over. */
static int parse_options(const uint8_t *data, size_t size, DnsQuery *q) {
        while (size > 0) {
                uint16_t code, length;

                if (size < 4)
                        return DNS_RCODE_FORMERR;
                code = read_u16(data);
                length = read_u16(data + 2);
                if (length > size - 4)
                        return DNS_RCODE_FORMERR;
                if (code == DNS_OPTION_COOKIE && !q->cookie) {
                        q->cookie = data + 4;
                        q->cookie_size = length;
                }
                /* A query's has no time in it (RFC 7828 section 3.2.1); one that has is not what we know. */
                if (code == DNS_OPTION_KEEPALIVE && length == 0)
                        q->keepalive = true;
                data += 4U + length;
                size -= 4U + length;
        }
        return 0;
}

/* One record behind the question. Only OPT matters, and it stands once, in the additional section, at the
 * root. */
static int parse_record(DnsQuery *q, size_t *offset, bool additional) {
        const size_t start = *offset;
        const uint8_t *p;
        uint16_t length;
        int end;

        end = dname_skip(q->data, q->size, start);
        if (end < 0 || q->size - (size_t) end < RECORD_FIXED_SIZE)
                return DNS_RCODE_FORMERR;
        p = q->data + end;
        length = read_u16(p + 8);
        if (length > q->size - (size_t) end - RECORD_FIXED_SIZE)
                return DNS_RCODE_FORMERR;
        *offset = (size_t) end + RECORD_FIXED_SIZE + length;
        if (read_u16(p) != DNS_TYPE_OPT)
                return 0;
        if (!additional || q->has_edns || q->data[start] != 0)
                return DNS_RCODE_FORMERR;
        q->has_edns = true;
        q->edns_size = read_u16(p + 2);
        q->edns_version = p[5];
        q->edns_do = read_u16(p + 6) & DNS_EDNS_DO;
        return parse_options(p + RECORD_FIXED_SIZE, length, q);
}

static int parse_question(DnsQuery *q) {
        int n = dname_read(q->data + MESSAGE_HEADER_SIZE, q->size - MESSAGE_HEADER_SIZE, q->name);

        if (n < 0 || q->size - MESSAGE_HEADER_SIZE - (size_t) n < 4)
                return DNS_RCODE_FORMERR;
        q->name_size = (uint8_t) n;
        q->type = read_u16(q->data + MESSAGE_HEADER_SIZE + n);
        q->class = read_u16(q->data + MESSAGE_HEADER_SIZE + n + 2);
        q->has_question = true;
        return 0;
}

int message_parse_query(const uint8_t *data, size_t size, DnsQuery *ret) {
        unsigned questions, before, additional;
        DnsQuery *q = ret;
        size_t offset;
        int r;

        q->data = data;
        q->size = size;
        q->has_question = q->has_edns = q->edns_do = q->keepalive = false;
        q->name_size = 0;
        q->cookie = NULL;
        if (size < MESSAGE_HEADER_SIZE)
                return -EBADMSG;
        q->id = read_u16(data);
        q->flags = read_u16(data + 2);
        if (q->flags & DNS_FLAG_QR)
                return -EBADMSG;
        if ((q->flags & DNS_OPCODE_MASK) >> DNS_OPCODE_SHIFT != DNS_OPCODE_QUERY)
                return DNS_RCODE_NOTIMP;
        questions = read_u16(data + 4);
        before = (unsigned) read_u16(data + 6) + read_u16(data + 8);
        additional = read_u16(data + 10);

        /* RFC 9619: a query has one question, or none and a cookie (RFC 7873 section 5.4), which the caller
         * sees to. */
        if (questions > 1)
                return DNS_RCODE_FORMERR;
        if (questions == 1) {
                r = parse_question(q);
                if (r != 0)
                        return r;
        }
        offset = MESSAGE_HEADER_SIZE + (q->has_question ? q->name_size + 4U : 0);
        for (unsigned i = 0; i < before + additional; i++) {
                r = parse_record(q, &offset, i >= before);
                if (r != 0)
                        return r;
        }
        return offset == size ? 0 : DNS_RCODE_FORMERR;
}

void message_begin(DnsReply *r, const DnsQuery *q, uint8_t *data, size_t max) {
        const size_t question = q->has_question ? q->name_size + 4U : 0;

        *r = (DnsReply) { .data = data, .max = max };
        memcpy(data, q->data, MESSAGE_HEADER_SIZE + question);
        r->size = MESSAGE_HEADER_SIZE + question;
        r->flags = DNS_FLAG_QR | (q->flags & (DNS_OPCODE_MASK | DNS_FLAG_RD));
        r->counts[0] = q->has_question;
}

void message_truncate(DnsReply *r, const DnsQuery *q) {
        r->size = MESSAGE_HEADER_SIZE + (q->has_question ? q->name_size + 4U : 0);
        r->counts[1] = r->counts[2] = r->counts[3] = 0;
}

size_t message_opt_size(const DnsQuery *q, const DnsOptions *options) {
        if (!q->has_edns)
                return 0;
        return MESSAGE_OPT_SIZE + (options->cookie ? 4U + options->cookie_size : 0U) +
               (options->keepalive > 0 ? 6U : 0U);
}

static uint8_t *append_option(uint8_t *p, uint16_t code, const void *data, uint16_t size) {
        write_u16(p, code);
        write_u16(p + 2, size);
        memcpy(p + 4, data, size);
        return p + 4 + size;
}

static void append_opt(DnsReply *r, const DnsQuery *q, DnsRcode rcode, const DnsOptions *options) {
        const size_t size = message_opt_size(q, options);
        uint8_t timeout[2], *p = r->data + r->size;

        *p++ = 0;
        write_u16(p, DNS_TYPE_OPT);
        write_u16(p + 2, MESSAGE_UDP_MAX);
        p[4] = (uint8_t) (rcode >> EXTENDED_RCODE_SHIFT);
        p[5] = 0;
        write_u16(p + 6, q->edns_do ? DNS_EDNS_DO : 0);
        write_u16(p + 8, (uint16_t) (size - MESSAGE_OPT_SIZE));
        p += RECORD_FIXED_SIZE;
        if (options->cookie)
                p = append_option(p, DNS_OPTION_COOKIE, options->cookie, options->cookie_size);
        if (options->keepalive > 0) {
                write_u16(timeout, options->keepalive);
                (void) append_option(p, DNS_OPTION_KEEPALIVE, timeout, sizeof(timeout));
        }
        r->size += size;
        r->counts[3]++;
}

size_t message_finish(DnsReply *r, const DnsQuery *q, DnsRcode rcode, const DnsOptions *options) {
        if (q->has_edns)
                append_opt(r, q, rcode, options);
        write_u16(r->data + 2, (uint16_t) (r->flags | (rcode & 0xf)));
        for (unsigned i = 0; i < 4; i++)
                write_u16(r->data + 4 + 2 * i, r->counts[i]);
        return r->size;
}

size_t message_make_query(const uint8_t *name, size_t name_size, uint16_t type, uint8_t *out) {
        memset(out, 0, MESSAGE_HEADER_SIZE);
        write_u16(out + 4, 1);
        memcpy(out + MESSAGE_HEADER_SIZE, name, name_size);
        write_u16(out + MESSAGE_HEADER_SIZE + name_size, type);
        write_u16(out + MESSAGE_HEADER_SIZE + name_size + 2, DNS_CLASS_IN);
        return MESSAGE_HEADER_SIZE + name_size + 4;
}

int message_read_record(const uint8_t *message, size_t size, size_t offset, DnsRecord *ret) {
        const uint8_t *p;
        int end;

        end = dname_unpack(message, size, offset, ret->name, &ret->name_size);
        if (end < 0 || size - (size_t) end < RECORD_FIXED_SIZE)
                return -EBADMSG;
        p = message + end;
        ret->type = read_u16(p);
        ret->class = read_u16(p + 2);
        ret->ttl = read_u32(p + 4);
        ret->rdata_size = read_u16(p + 8);
        ret->rdata = (size_t) end + RECORD_FIXED_SIZE;
        if (ret->rdata_size > size - ret->rdata)
                return -EBADMSG;
        return (int) (ret->rdata + ret->rdata_size);
}

const char *message_rcode_name(unsigned rcode) {
        static const char *const names[_DNS_RCODE_MAX] = {
                [DNS_RCODE_NOERROR] = "NOERROR",   [DNS_RCODE_FORMERR] = "FORMERR",
                [DNS_RCODE_SERVFAIL] = "SERVFAIL", [DNS_RCODE_NXDOMAIN] = "NXDOMAIN",
                [DNS_RCODE_NOTIMP] = "NOTIMP",     [DNS_RCODE_REFUSED] = "REFUSED",
                [DNS_RCODE_BADVERS] = "BADVERS",   [DNS_RCODE_BADCOOKIE] = "BADCOOKIE",
        };

        return rcode < _DNS_RCODE_MAX ? names[rcode] : NULL;
}
