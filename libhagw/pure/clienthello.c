/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The ClientHello. First the records are walked until the whole message is there, then the message is read
 * once, through a cursor that steps over record headers; nothing is copied but the name. */

#include "libhagw/pure/clienthello.h"

#define RECORD_HEADER 5U
#define RECORD_MAX 16384U /* plaintext, RFC 8446 section 5.1 */
#define HANDSHAKE_HEADER 4U

enum {
        CONTENT_HANDSHAKE = 22,
        HANDSHAKE_CLIENT_HELLO = 1,
        EXTENSION_SERVER_NAME = 0,
        EXTENSION_ALPN = 16,
        EXTENSION_TICKET = 35,
        EXTENSION_PRE_SHARED_KEY = 41,
        EXTENSION_VERSIONS = 43,
};

static unsigned get_u16(const uint8_t *p) {
        return (unsigned) p[0] << 8 | p[1];
}

/* What is left of the message, of a vector in it, …; failed once is failed. */
typedef struct Cursor {
        const uint8_t *p, *end;
        size_t record; /* bytes left in the current record */
        size_t left;   /* bytes left of the vector that is being read */
        bool failed;
} Cursor;

static unsigned read_u8(Cursor *c) {
        if (c->failed || c->left == 0) {
                c->failed = true;
                return 0;
        }
        while (c->record == 0) {
                assert(c->end - c->p > (ptrdiff_t) RECORD_HEADER); /* clienthello_read() has walked them */
                c->record = get_u16(c->p + 3);
                c->p += RECORD_HEADER;
        }
        c->record--;
        c->left--;
        return *c->p++;
}

static unsigned read_u16(Cursor *c) {
        unsigned high = read_u8(c);

        return high << 8 | read_u8(c);
}

static void skip(Cursor *c, size_t n) {
        while (n > 0 && !c->failed) {
                size_t k = MIN(MIN(n, c->record), c->left);

                if (k == 0) {
                        (void) read_u8(c);
                        n--;
                        continue;
                }
                c->p += k;
                c->record -= k;
                c->left -= k;
                n -= k;
        }
}

/* Enters a vector of n bytes: returns what is left around it, for leave(). */
static size_t enter(Cursor *c, size_t n) {
        size_t around;

        if (n > c->left)
                c->failed = true;
        around = c->failed ? 0 : c->left - n;
        c->left = c->failed ? 0 : n;
        return around;
}

/* Leaves it; what was not read of it is an error where exact. */
static void leave(Cursor *c, size_t around, bool exact) {
        if (exact && c->left > 0)
                c->failed = true;
        skip(c, c->left);
        c->left = c->failed ? 0 : around;
}

/* RFC 6066 section 3: one list, and in it at most one name of each type; host_name is the only type there
 * is. */
static void read_server_name(Cursor *c, ClientHello *h) {
        char name[HOSTNAME_MAX + 2];
        size_t list, n;

        list = enter(c, read_u16(c));
        if (read_u8(c) != 0)
                c->failed = true;
        n = read_u16(c);
        if (n > HOSTNAME_MAX + 1 || n != c->left)
                c->failed = true;
        for (size_t i = 0; i < n && !c->failed; i++)
                name[i] = (char) read_u8(c);
        leave(c, list, /* exact= */ true);
        if (!c->failed && hostname_normalize(name, n, h->name) < 0)
                c->failed = true;
}

static void read_alpn(Cursor *c, ClientHello *h) {
        static const struct {
                const char *name;
                ClientHelloAlpn flag;
        } known[] = {
                { "http/1.1", CLIENTHELLO_ALPN_HTTP1 },
                { "h2", CLIENTHELLO_ALPN_H2 },
                { "hagw-relay/1", CLIENTHELLO_ALPN_RELAY },
                { "acme-tls/1", CLIENTHELLO_ALPN_ACME },
        };
        size_t list = enter(c, read_u16(c));

        h->alpn |= CLIENTHELLO_ALPN_OFFERED;
        if (c->left == 0)
                c->failed = true;
        while (c->left > 0 && !c->failed) {
                size_t n = read_u8(c), around = enter(c, n);
                char name[16] = {};

                if (n == 0)
                        c->failed = true;
                for (size_t i = 0; i < n && i < sizeof(name) - 1 && !c->failed; i++)
                        name[i] = (char) read_u8(c);
                for (size_t i = 0; i < ELEMENTSOF(known); i++)
                        if (strlen(known[i].name) == n && memcmp(known[i].name, name, n) == 0)
                                h->alpn |= known[i].flag;
                leave(c, around, /* exact= */ false);
        }
        leave(c, list, /* exact= */ true);
}

static unsigned version_flag(unsigned v) {
        switch (v) {
        case 0x0304:
                return CLIENTHELLO_TLS13;
        case 0x0303:
                return CLIENTHELLO_TLS12;
        case 0x0302:
                return CLIENTHELLO_TLS11;
        case 0x0300:
        case 0x0301:
                return CLIENTHELLO_TLS10;
        default: /* GREASE and the future */
                return 0;
        }
}

static void read_versions(Cursor *c, ClientHello *h) {
        size_t list = enter(c, read_u8(c));

        h->versions = 0;
        if (c->left == 0)
                c->failed = true;
        while (c->left > 0 && !c->failed)
                h->versions |= version_flag(read_u16(c));
        leave(c, list, /* exact= */ true);
}

static void read_extension(Cursor *c, ClientHello *h, uint64_t *seen) {
        unsigned type = read_u16(c);
        size_t n = read_u16(c), around = enter(c, n);

        /* Twice the same is an error (RFC 8446 section 4.2), and for these it would be an ambiguity. */
        if (type < 64) {
                if (*seen & UINT64_C(1) << type)
                        c->failed = true;
                *seen |= UINT64_C(1) << type;
        }
        switch (type) {
        case EXTENSION_SERVER_NAME:
                read_server_name(c, h);
                break;
        case EXTENSION_ALPN:
                read_alpn(c, h);
                break;
        case EXTENSION_VERSIONS:
                read_versions(c, h);
                break;
        case EXTENSION_TICKET:
                h->resumes |= n > 0;
                skip(c, n);
                break;
        case EXTENSION_PRE_SHARED_KEY:
                h->resumes = true;
                skip(c, n);
                break;
        default:
                skip(c, n);
        }
        leave(c, around, /* exact= */ true);
}

static ClientHelloResult read_message(ClientHello *h, const uint8_t *data, size_t size) {
        Cursor c = { .p = data, .end = data + size, .left = h->need };
        uint64_t seen = 0;
        size_t n;

        skip(&c, HANDSHAKE_HEADER);
        n = read_u16(&c);
        if (n >> 8 != 3)
                c.failed = true;
        h->versions = n >= 0x0303 ? CLIENTHELLO_TLS12 | CLIENTHELLO_TLS11 | CLIENTHELLO_TLS10
                                  : version_flag((unsigned) n);
        skip(&c, 32); /* random */
        n = read_u8(&c);
        if (n > 32)
                c.failed = true;
        skip(&c, n); /* session id */
        n = read_u16(&c);
        if (n == 0 || n % 2 != 0)
                c.failed = true;
        skip(&c, n); /* cipher suites */
        n = read_u8(&c);
        if (n == 0)
                c.failed = true;
        skip(&c, n); /* compression methods */
        if (!c.failed && c.left > 0) {
                if (read_u16(&c) != c.left)
                        c.failed = true;
                while (c.left > 0 && !c.failed)
                        read_extension(&c, h, &seen);
        }
        return c.failed ? CLIENTHELLO_MALFORMED : CLIENTHELLO_OK;
}

/* The message's header may itself be cut over records. */
static ClientHelloResult read_need(ClientHello *h, const uint8_t *data, size_t size) {
        Cursor c = { .p = data, .end = data + size, .left = HANDSHAKE_HEADER };
        uint32_t n;

        if (read_u8(&c) != HANDSHAKE_CLIENT_HELLO)
                return CLIENTHELLO_MALFORMED;
        n = read_u8(&c) << 16;
        n |= read_u16(&c);
        h->need = n + HANDSHAKE_HEADER;
        return n < CLIENTHELLO_SIZE_MAX ? CLIENTHELLO_OK : CLIENTHELLO_TOO_LONG;
}

/* Looks at what there is of a record's header. */
static ClientHelloResult check_header(const uint8_t *p, size_t n) {
        if (n >= 1 && p[0] != CONTENT_HANDSHAKE)
                return CLIENTHELLO_NOT_TLS;
        if (n >= 2 && p[1] != 3)
                return CLIENTHELLO_NOT_TLS;
        if (n >= 3 && p[2] > 4)
                return CLIENTHELLO_NOT_TLS;
        if (n < RECORD_HEADER)
                return CLIENTHELLO_MORE;
        return get_u16(p + 3) == 0 || get_u16(p + 3) > RECORD_MAX ? CLIENTHELLO_MALFORMED : CLIENTHELLO_OK;
}

ClientHelloResult clienthello_read(ClientHello *h, const uint8_t *data, size_t size) {
        ClientHelloResult r;

        for (;;) {
                const uint8_t *p = data + h->offset;
                size_t have = size - h->offset, length;

                r = check_header(p, have);
                if (r == CLIENTHELLO_NOT_TLS && h->offset > 0)
                        return CLIENTHELLO_MALFORMED;
                if (r == CLIENTHELLO_MORE)
                        break;
                if (r != CLIENTHELLO_OK)
                        return r;
                /* A wrong message type is known before its record is complete. */
                if (h->have == 0 && have > RECORD_HEADER && p[RECORD_HEADER] != HANDSHAKE_CLIENT_HELLO)
                        return CLIENTHELLO_MALFORMED;
                length = get_u16(p + 3);
                if (have < RECORD_HEADER + length)
                        break;
                h->have += length;
                h->offset += RECORD_HEADER + length;
                if (h->need == 0 && h->have >= HANDSHAKE_HEADER) {
                        r = read_need(h, data, size);
                        if (r != CLIENTHELLO_OK)
                                return r;
                }
                if (h->need > 0 && h->have >= h->need)
                        return read_message(h, data, size);
        }
        return size >= CLIENTHELLO_SIZE_MAX ? CLIENTHELLO_TOO_LONG : CLIENTHELLO_MORE;
}

const char *clienthello_result_text(ClientHelloResult r) {
        static const char *const texts[_CLIENTHELLO_RESULT_MAX] = {
                [CLIENTHELLO_OK] = "ok",
                [CLIENTHELLO_MORE] = "incomplete ClientHello",
                [CLIENTHELLO_NOT_TLS] = "not TLS",
                [CLIENTHELLO_MALFORMED] = "malformed ClientHello",
                [CLIENTHELLO_TOO_LONG] = "ClientHello too long",
        };

        return texts[r];
}
