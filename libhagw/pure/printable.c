/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Escaping, and printf() around it. Pure. */

#include <stdio.h>

#include "libhagw/pure/printable.h"

/* What is no letter to look at: controls, joiners and marks without a width, line separators, the ones that
 * turn the direction, blanks that are letters, and tags. The selectors that emoji are written with
 * (U+FE00 to U+FE0F) stay. */
static const struct {
        uint32_t first, last;
} hidden[] = {
        { 0x00, 0x1f },       { 0x7f, 0x9f },       { 0xad, 0xad },       { 0x34f, 0x34f },
        { 0x61c, 0x61c },     { 0x115f, 0x1160 },   { 0x17b4, 0x17b5 },   { 0x180b, 0x180f },
        { 0x200b, 0x200f },   { 0x2028, 0x202e },   { 0x2060, 0x206f },   { 0x3164, 0x3164 },
        { 0xfeff, 0xfeff },   { 0xffa0, 0xffa0 },   { 0xfff0, 0xfffb },   { 0x1bca0, 0x1bca3 },
        { 0x1d173, 0x1d17a }, { 0xe0000, 0xe0fff },
};

/* Bytes of the character that begins there (RFC 3629); 0: it is none. */
static size_t decode(const char *s, uint32_t *ret) {
        static const struct {
                uint8_t mask, mark;
                uint32_t least;
        } kinds[] = {
                { 0x80, 0x00, 0 },
                { 0xe0, 0xc0, 0x80 },
                { 0xf0, 0xe0, 0x800 },
                { 0xf8, 0xf0, 0x10000 },
        };

        for (size_t n = 1; n <= ELEMENTSOF(kinds); n++) {
                const uint8_t lead = (uint8_t) s[0];
                uint32_t c = lead & (uint8_t) ~kinds[n - 1].mask;

                if ((lead & kinds[n - 1].mask) != kinds[n - 1].mark)
                        continue;
                for (size_t i = 1; i < n; i++) {
                        if (((uint8_t) s[i] & 0xc0) != 0x80)
                                return 0;
                        c = c << 6 | ((uint8_t) s[i] & 0x3f);
                }
                if (c < kinds[n - 1].least || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
                        return 0;
                *ret = c;
                return n;
        }
        return 0;
}

static bool is_hidden(uint32_t c) {
        for (size_t i = 0; i < ELEMENTSOF(hidden); i++)
                if (c >= hidden[i].first && c <= hidden[i].last)
                        return true;
        return false;
}

static void put(FILE *f, const char *s, bool lines) {
        while (*s) {
                uint32_t c;
                size_t n = decode(s, &c);

                if (n == 0 || (c < 0x80 && is_hidden(c) && !(lines && (c == '\n' || c == '\t'))))
                        fprintf(f, "\\x%02x", (unsigned) (uint8_t) *s);
                else if (c >= 0x80 && is_hidden(c))
                        fprintf(f, c > 0xffff ? "\\U%08x" : "\\u%04x", (unsigned) c);
                else
                        (void) fwrite(s, 1, n, f);
                s += MAX(n, (size_t) 1);
        }
}

char *printable(const char *s, bool lines) {
        char *text = NULL;
        size_t size;
        FILE *f = open_memstream(&text, &size);

        if (!f)
                return NULL;
        put(f, s ?: "(null)", lines);
        if (fclose(f) == 0)
                return text;
        free(text);
        return NULL;
}

/* A writer of JSON escapes what is below a space itself. */
char *printable_json(const char *s) {
        char *text = NULL;
        size_t size;
        FILE *f = open_memstream(&text, &size);

        if (!f)
                return NULL;
        while (*s) {
                uint32_t c;
                size_t n = decode(s, &c);

                if (n == 0)
                        (void) fputs("\\ufffd", f);
                else if (c < ' ' || !is_hidden(c))
                        (void) fwrite(s, 1, n, f);
                else if (c <= 0xffff)
                        fprintf(f, "\\u%04x", (unsigned) c);
                else /* as UTF-16 has it */
                        fprintf(f, "\\u%04x\\u%04x", (unsigned) (0xd7c0 + (c >> 10)),
                                (unsigned) (0xdc00 | (c & 0x3ff)));
                s += MAX(n, (size_t) 1);
        }
        if (fclose(f) == 0)
                return text;
        free(text);
        return NULL;
}

/* A conversion, as it stands in a format. */
typedef struct Spec {
        char flags[8], size[4], type;
        int width, precision; /* of the precision -1: not given */
} Spec;

static int number(const char **p, va_list *ap) {
        int n = 0;

        if (**p == '*') {
                (*p)++;
                return va_arg(*ap, int);
        }
        for (; **p >= '0' && **p <= '9'; (*p)++)
                n = 10 * n + (**p - '0');
        return n;
}

/* The characters that are in the set, into out. */
static void take(const char **p, const char *set, char *out, size_t size) {
        const size_t n = strspn(*p, set);

        assert(n < size);
        memcpy(out, *p, n);
        out[n] = '\0';
        *p += n;
}

static Spec spec_parse(const char **p, va_list *ap) {
        Spec s = { .precision = -1 };

        take(p, "-+ #0", s.flags, sizeof(s.flags));
        s.width = number(p, ap);
        if (**p == '.') {
                (*p)++;
                s.precision = number(p, ap);
        }
        take(p, "hlzjt", s.size, sizeof(s.size));
        s.type = *(*p)++;
        return s;
}

static void put_text(FILE *f, const Spec *s, const char *text) {
        _cleanup_free_ char *cut = text && s->precision >= 0 ? strndup(text, (size_t) s->precision) : NULL,
                            *shown = printable(cut ?: text, /* lines= */ false);
        const bool left = s->width < 0 || strchr(s->flags, '-');
        int pad = abs(s->width);
        uint32_t c;

        for (const char *p = strempty(shown); *p; p += MAX(decode(p, &c), (size_t) 1))
                pad--;
        fprintf(f, "%*s%s%*s", left ? 0 : MAX(pad, 0), "", strempty(shown), left ? MAX(pad, 0) : 0, "");
}

static long long integer(const Spec *s, va_list *ap) {
        const bool sign = strchr("di", s->type);

        static_assert(sizeof(size_t) == sizeof(long), "z and l are read alike");
        if (streq(s->size, "ll") || streq(s->size, "j"))
                return va_arg(*ap, long long);
        if (*s->size && *s->size != 'h')
                return sign ? va_arg(*ap, long) : (long long) va_arg(*ap, unsigned long);
        return sign ? va_arg(*ap, int) : (long long) va_arg(*ap, unsigned);
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
static void put_number(FILE *f, const Spec *s, va_list *ap) {
        char format[32];

        assert(strchr("diuxXf", s->type));
        (void) snprintf(format, sizeof(format), "%%%s*.*%s%c", s->flags, s->type == 'f' ? "" : "ll",
                        s->type);
        if (s->type == 'f')
                fprintf(f, format, s->width, s->precision, va_arg(*ap, double));
        else
                fprintf(f, format, s->width, s->precision, integer(s, ap));
}
#pragma GCC diagnostic pop

static void put_all(FILE *f, const char *format, va_list *ap, const char *error) {
        while (*format) {
                const size_t n = strcspn(format, "%");
                Spec s;

                (void) fwrite(format, 1, n, f);
                format += n;
                if (*format == '\0')
                        break;
                format++;
                s = spec_parse(&format, ap);
                if (s.type == '%')
                        fputc('%', f);
                else if (strchr("sm", s.type))
                        put_text(f, &s, s.type == 's' ? va_arg(*ap, const char *) : error);
                else
                        put_number(f, &s, ap);
        }
}

int printable_format(char **ret, const char *format, va_list ap) {
        const char *error = strerror(errno);
        char *text = NULL;
        size_t size = 0;
        FILE *f = open_memstream(&text, &size);
        va_list copy;

        if (!f)
                return -ENOMEM;
        va_copy(copy, ap);
        put_all(f, format, &copy, error);
        va_end(copy);
        if (fclose(f) != 0) {
                free(text);
                return -ENOMEM;
        }
        *ret = text;
        return (int) size;
}
