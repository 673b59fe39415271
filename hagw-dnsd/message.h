/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-dnsd/dname.h"

/* DNS messages (RFC 1035 section 4, RFC 6891): a query is taken apart, an answer is put together. Pure. */

#define MESSAGE_HEADER_SIZE 12U
#define MESSAGE_UDP_MIN 512U   /* octets that every client takes (RFC 1035 section 2.3.4) */
#define MESSAGE_UDP_MAX 1232U  /* what we send at most by UDP: no fragments (DNS flag day 2020) */
#define MESSAGE_OPT_SIZE 11U   /* an OPT record without options */
#define MESSAGE_POINTER 0xc000U /* compression (RFC 1035 section 4.1.4): to the offset in the lower bits */
#define MESSAGE_POINTER_QUESTION (MESSAGE_POINTER | MESSAGE_HEADER_SIZE)

typedef enum DnsRcode {
        DNS_RCODE_NOERROR = 0,
        DNS_RCODE_FORMERR = 1,
        DNS_RCODE_SERVFAIL = 2,
        DNS_RCODE_NXDOMAIN = 3,
        DNS_RCODE_NOTIMP = 4,
        DNS_RCODE_REFUSED = 5,
        DNS_RCODE_BADVERS = 16,
        DNS_RCODE_BADCOOKIE = 23,
        _DNS_RCODE_MAX,
} DnsRcode;

typedef enum DnsFlags {
        DNS_FLAG_QR = 1 << 15,
        DNS_FLAG_AA = 1 << 10,
        DNS_FLAG_TC = 1 << 9,
        DNS_FLAG_RD = 1 << 8,
        DNS_OPCODE_SHIFT = 11,
        DNS_OPCODE_MASK = 0xf << DNS_OPCODE_SHIFT,
} DnsFlags;

#define DNS_OPCODE_QUERY 0U
#define DNS_CLASS_IN 1U
#define DNS_OPTION_COOKIE 10U
#define DNS_OPTION_KEEPALIVE 11U
#define DNS_EDNS_DO 0x8000U

typedef struct DnsQuery {
        const uint8_t *data; /* the message as it came; the answer repeats its header and question */
        size_t size;
        uint16_t id, flags;
        uint8_t name[DNAME_MAX]; /* lower case */
        uint8_t name_size;
        uint16_t type, class;
        bool has_question;
        bool has_edns, edns_do;
        uint8_t edns_version;
        uint16_t edns_size;    /* octets that the client takes by UDP */
        const uint8_t *cookie; /* the option's content, NULL: none */
        uint16_t cookie_size;
        bool keepalive; /* asks how long a TCP connection may be silent (RFC 7828) */
} DnsQuery;

/* What an answer's OPT says besides. */
typedef struct DnsOptions {
        const uint8_t *cookie; /* NULL: none */
        uint16_t cookie_size;
        uint16_t keepalive; /* units of 100 ms; 0: none */
} DnsOptions;

/* Returns 0 and fills ret as far as it got; what the client did wrong is a positive DnsRcode. -EBADMSG: no
 * answer at all, it is too short or is an answer itself (RFC 8906 section 3.1.5). */
int message_parse_query(const uint8_t *data, size_t size, DnsQuery *ret);

/* An answer in the making. Counts and flags are written by message_finish(). */
typedef struct DnsReply {
        uint8_t *data;
        size_t size, max; /* octets; max leaves room for OPT */
        uint16_t flags;
        uint16_t counts[4]; /* question, answer, authority, additional */
} DnsReply;

/* Begins with the header and, where there is one, the question as it came (so its letters keep their case).
 */
void message_begin(DnsReply *r, const DnsQuery *q, uint8_t *data, size_t max);

/* Drops all records, keeps the question. */
void message_truncate(DnsReply *r, const DnsQuery *q);

/* Room for n octets at the end, or NULL. */
static inline _unused_ uint8_t *message_extend(DnsReply *r, size_t n) {
        uint8_t *p = r->data + r->size;

        if (_unlikely_(r->size + n > r->max))
                return NULL;
        r->size += n;
        return p;
}

/* Writes OPT (where the query has one) and the header. The buffer has room for OPT behind max. Returns the
 * message's size. */
size_t message_finish(DnsReply *r, const DnsQuery *q, DnsRcode rcode, const DnsOptions *options);

/* Octets of the OPT record that message_finish() will write. */
size_t message_opt_size(const DnsQuery *q, const DnsOptions *options);

/* Builds a query; out has room for MESSAGE_UDP_MIN. Returns its size. */
size_t message_make_query(const uint8_t *name, size_t name_size, uint16_t type, uint8_t *out);

/* NULL: none of those that we answer. */
const char *message_rcode_name(unsigned rcode);

/* A resource record in a message that somebody built. */
typedef struct DnsRecord {
        uint8_t name[DNAME_MAX];
        size_t name_size;
        uint16_t type, class;
        uint32_t ttl;
        size_t rdata;        /* offset */
        uint16_t rdata_size;
} DnsRecord;

/* Reads the record at offset; returns the offset behind it, or -EBADMSG. */
int message_read_record(const uint8_t *message, size_t size, size_t offset, DnsRecord *ret);

static inline _unused_ uint16_t read_u16(const uint8_t *p) {
        return (uint16_t) (p[0] << 8 | p[1]);
}
static inline _unused_ uint32_t read_u32(const uint8_t *p) {
        return (uint32_t) read_u16(p) << 16 | read_u16(p + 2);
}
static inline _unused_ void write_u16(uint8_t *p, uint16_t v) {
        p[0] = (uint8_t) (v >> 8);
        p[1] = (uint8_t) v;
}
static inline _unused_ void write_u32(uint8_t *p, uint32_t v) {
        write_u16(p, (uint16_t) (v >> 16));
        write_u16(p + 2, (uint16_t) v);
}
