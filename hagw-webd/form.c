/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The form parser. Owns nothing: it decodes in the caller's buffer. Pure. */

#include "hagw-webd/form.h"
#include "libhagw/pure/hex.h"

/* Decodes [s, end) in place and ends it with a NUL, at end at the latest. */
static int decode(char *s, char *end) {
        char *out = s;

        while (s < end) {
                char c = *s++;
                if (c == '+')
                        c = ' ';
                else if (c == '%') {
                        if (end - s < 2)
                                return -EBADMSG;
                        int high = hex_value(s[0]), low = hex_value(s[1]);
                        if (high < 0 || low < 0)
                                return -EBADMSG;
                        c = (char) (high * 16 + low);
                        s += 2;
                }
                if (c == '\0')
                        return -EBADMSG;
                *out++ = c;
        }
        *out = '\0';
        return 0;
}

static int form_add(Form *f, char *field, char *end) {
        char *equals, *value;
        int r;

        if (f->n >= FORM_FIELDS_MAX)
                return -E2BIG;
        equals = memchr(field, '=', (size_t) (end - field));
        value = equals ? equals + 1 : end;
        r = decode(value, end);
        if (r < 0)
                return r;
        r = decode(field, equals ?: end);
        if (r < 0)
                return r;
        if (form_get(f, field))
                return -EBADMSG;
        f->fields[f->n++] = (FormField) { field, value };
        return 0;
}

int form_parse(char *body, size_t size, Form *ret) {
        char *end = body + size;
        Form f = {};
        int r;

        while (body < end) {
                char *amp = memchr(body, '&', (size_t) (end - body)) ?: end;
                if (amp > body) {
                        r = form_add(&f, body, amp);
                        if (r < 0)
                                return r;
                }
                body = amp + 1;
        }
        *ret = f;
        return 0;
}

const char *form_get(const Form *f, const char *name) {
        for (size_t i = 0; i < f->n; i++)
                if (streq(f->fields[i].name, name))
                        return f->fields[i].value;
        return NULL;
}
