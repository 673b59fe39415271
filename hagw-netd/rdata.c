/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* RDATA in presentation form. c-ares describes each type as a row of fields; we know one way to write each
 * kind of field, so that every type it knows comes out right without a line here. */

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>

#include "hagw-netd/dns-answer.h"

static void put_hex(FILE *f, const unsigned char *p, size_t n) {
        for (size_t i = 0; i < n; i++)
                fprintf(f, "%02X", p[i]);
}

/* A character-string (RFC 1035 section 5.1): quoted, what is not printable as \DDD. */
static void put_quoted(FILE *f, const unsigned char *p, size_t n) {
        fputc('"', f);
        for (size_t i = 0; i < n; i++)
                if (p[i] == '"' || p[i] == '\\')
                        fprintf(f, "\\%c", p[i]);
                else if (p[i] >= 0x20 && p[i] < 0x7f)
                        fputc(p[i], f);
                else
                        fprintf(f, "\\%03u", p[i]);
        fputc('"', f);
}

/* Absolute, with its dot at the end; c-ares has escaped the octets that need it. */
static void put_name(FILE *f, const char *name) {
        size_t n = strlen(name);

        fprintf(f, "%s%s", name, n > 0 && name[n - 1] == '.' ? "" : ".");
}

static void field_inaddr(FILE *f, const ares_dns_rr_t *rr, ares_dns_rr_key_t key) {
        char text[INET_ADDRSTRLEN];

        fputs(strempty(inet_ntop(AF_INET, ares_dns_rr_get_addr(rr, key), text, sizeof(text))), f);
}

static void field_inaddr6(FILE *f, const ares_dns_rr_t *rr, ares_dns_rr_key_t key) {
        char text[INET6_ADDRSTRLEN];

        fputs(strempty(inet_ntop(AF_INET6, ares_dns_rr_get_addr6(rr, key), text, sizeof(text))), f);
}

static void field_u8(FILE *f, const ares_dns_rr_t *rr, ares_dns_rr_key_t key) {
        fprintf(f, "%u", (unsigned) ares_dns_rr_get_u8(rr, key));
}

static void field_u16(FILE *f, const ares_dns_rr_t *rr, ares_dns_rr_key_t key) {
        fprintf(f, "%u", (unsigned) ares_dns_rr_get_u16(rr, key));
}

static void field_u32(FILE *f, const ares_dns_rr_t *rr, ares_dns_rr_key_t key) {
        fprintf(f, "%u", ares_dns_rr_get_u32(rr, key));
}

static void field_name(FILE *f, const ares_dns_rr_t *rr, ares_dns_rr_key_t key) {
        put_name(f, strempty(ares_dns_rr_get_str(rr, key)));
}

static void field_str(FILE *f, const ares_dns_rr_t *rr, ares_dns_rr_key_t key) {
        const char *s = strempty(ares_dns_rr_get_str(rr, key));

        /* A CAA tag is a bare word (RFC 8659 section 4.1.1); other strings are quoted. */
        if (key == ARES_RR_CAA_TAG)
                for (; *s; s++)
                        fputc(isalnum((unsigned char) *s) ? *s : '?', f);
        else
                put_quoted(f, (const unsigned char *) s, strlen(s));
}

static void field_bin(FILE *f, const ares_dns_rr_t *rr, ares_dns_rr_key_t key) {
        size_t n = 0;
        const unsigned char *p = ares_dns_rr_get_bin(rr, key, &n);

        put_hex(f, p, p ? n : 0);
}

static void field_binp(FILE *f, const ares_dns_rr_t *rr, ares_dns_rr_key_t key) {
        size_t n = 0;
        const unsigned char *p = ares_dns_rr_get_bin(rr, key, &n);

        put_quoted(f, p, p ? n : 0);
}

static void field_abinp(FILE *f, const ares_dns_rr_t *rr, ares_dns_rr_key_t key) {
        for (size_t i = 0; i < ares_dns_rr_get_abin_cnt(rr, key); i++) {
                size_t n = 0;
                const unsigned char *p = ares_dns_rr_get_abin(rr, key, i, &n);

                if (i > 0)
                        fputc(' ', f);
                put_quoted(f, p, p ? n : 0);
        }
}

/* Parameters of SVCB and HTTPS in the generic form keyN="…" (RFC 9460 section 2.1). */
static void field_opt(FILE *f, const ares_dns_rr_t *rr, ares_dns_rr_key_t key) {
        for (size_t i = 0; i < ares_dns_rr_get_opt_cnt(rr, key); i++) {
                const unsigned char *p = NULL;
                size_t n = 0;

                fprintf(f, "%skey%u=", i > 0 ? " " : "", (unsigned) ares_dns_rr_get_opt(rr, key, i, &p, &n));
                put_quoted(f, p, p ? n : 0);
        }
}

static void (*const fields[])(FILE *f, const ares_dns_rr_t *rr, ares_dns_rr_key_t key) = {
        [ARES_DATATYPE_INADDR] = field_inaddr, [ARES_DATATYPE_INADDR6] = field_inaddr6,
        [ARES_DATATYPE_U8] = field_u8,         [ARES_DATATYPE_U16] = field_u16,
        [ARES_DATATYPE_U32] = field_u32,       [ARES_DATATYPE_NAME] = field_name,
        [ARES_DATATYPE_STR] = field_str,       [ARES_DATATYPE_BIN] = field_bin,
        [ARES_DATATYPE_BINP] = field_binp,     [ARES_DATATYPE_OPT] = field_opt,
        [ARES_DATATYPE_ABINP] = field_abinp,
};

static void put_generic(FILE *f, const ares_dns_rr_t *rr) {
        size_t n = 0;
        const unsigned char *p = ares_dns_rr_get_bin(rr, ARES_RR_RAW_RR_DATA, &n);

        fprintf(f, "\\# %zu", p ? n : 0);
        if (p && n > 0) {
                fputc(' ', f);
                put_hex(f, p, n);
        }
}

static void put_rdata(FILE *f, const ares_dns_rr_t *rr) {
        const ares_dns_rr_key_t *keys;
        size_t n = 0;

        if (ares_dns_rr_get_type(rr) == ARES_REC_TYPE_RAW_RR) {
                put_generic(f, rr);
                return;
        }
        keys = ares_dns_rr_get_keys(ares_dns_rr_get_type(rr), &n);
        for (size_t i = 0; i < n; i++) {
                ares_dns_datatype_t t = ares_dns_rr_key_datatype(keys[i]);

                if (i > 0)
                        fputc(' ', f);
                if ((size_t) t < ELEMENTSOF(fields) && fields[t])
                        fields[t](f, rr, keys[i]);
        }
}

int dns_rdata_format(const ares_dns_rr_t *rr, char **ret) {
        char *text = NULL;
        size_t size = 0;
        FILE *f;
        bool bad;

        f = open_memstream(&text, &size);
        if (!f)
                return -ENOMEM;
        put_rdata(f, rr);
        bad = ferror(f) != 0;
        if (fclose(f) != 0 || bad) {
                free(text);
                return -ENOMEM;
        }
        *ret = text;
        return 0;
}

int dns_type_parse(const char *s, ares_dns_rec_type_t *ret) {
        unsigned long n;
        char *end;

        if (ares_dns_rec_type_fromstr(ret, s) == ARES_TRUE)
                return 0;
        if (strncasecmp(s, "TYPE", 4) != 0 || !isdigit((unsigned char) s[4]))
                return -EINVAL;
        n = strtoul(s + 4, &end, 10);
        if (*end || n == 0 || n > UINT16_MAX)
                return -EINVAL;
        *ret = (ares_dns_rec_type_t) n;
        return 0;
}
