/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The template engine: every value is escaped unless the template says that it is HTML. It writes into the
 * caller's room and goes on counting where that ends, so that a first round without room says how much is
 * wanted. Pure. */

#include <stdio.h>

#include "libhagw/pure/page.h"

#define DEPTH_MAX 8U /* sections in sections, values in texts */

typedef struct Expansion {
        char *out;
        size_t n, max; /* n: also what found no room */
        const Language *language;
        const PageValue *values;
} Expansion;

static void put(Expansion *x, const char *s, size_t size) {
        if (x->n < x->max)
                memcpy(x->out + x->n, s, MIN(size, x->max - x->n));
        x->n += size;
}

static void put_escaped(Expansion *x, const char *s, size_t size) {
        static const struct {
                char c;
                const char *text;
        } rows[] = {
                { '&', "&amp;" }, { '<', "&lt;" }, { '>', "&gt;" }, { '"', "&quot;" }, { '\'', "&#39;" },
        };
        const char *end = s + size, *plain = s;

        for (; s < end; s++)
                for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                        if (*s == rows[i].c) {
                                put(x, plain, (size_t) (s - plain));
                                put(x, rows[i].text, strlen(rows[i].text));
                                plain = s + 1;
                        }
        put(x, plain, (size_t) (end - plain));
}

static const PageValue *find_value(const Expansion *x, const char *name, size_t size) {
        for (const PageValue *v = x->values; v->name; v++)
                if (strlen(v->name) == size && memcmp(v->name, name, size) == 0)
                        return v;
        return NULL;
}

static int expand(Expansion *x, const char *s, const char *end, bool is_text, unsigned depth);

static int expand_text(Expansion *x, const char *key, size_t size, unsigned depth) {
        Text t = text_from_name(key, size);

        if (t < 0)
                return -ENOKEY;
        const char *s = x->language->texts[t];
        return expand(x, s, s + strlen(s), /* is_text= */ true, depth + 1);
}

/* tag is behind "{{?" or "{{^"; returns where the section ends. */
static int expand_section(Expansion *x, char kind, const char *name, size_t size, const char *body,
                          const char *end, unsigned depth, const char **ret_end) {
        const PageValue *v = find_value(x, name, size);
        char close[64];
        const char *stop;
        int r = 0;

        if (!v)
                return -ENOKEY;
        if ((size_t) snprintf(close, sizeof(close), "{{/%.*s}}", (int) size, name) >= sizeof(close))
                return -EBADMSG;
        stop = memmem(body, (size_t) (end - body), close, strlen(close));
        if (!stop)
                return -EBADMSG;
        if ((v->text && *v->text) == (kind == '?'))
                r = expand(x, body, stop, /* is_text= */ false, depth + 1);
        *ret_end = stop + strlen(close);
        return r;
}

/* s is at "{{"; writes what the tag stands for and returns what is behind it. */
static int expand_tag(Expansion *x, const char *s, const char *end, unsigned depth,
                      const char **ret_end) {
        bool raw = end - s > 2 && s[2] == '{';
        const char *close = raw ? "}}}" : "}}";
        const char *name = s + (raw ? 3 : 2), *stop, *after;
        const PageValue *v;

        stop = name < end ? memmem(name, (size_t) (end - name), close, strlen(close)) : NULL;
        if (!stop)
                return -EBADMSG;
        after = *ret_end = stop + strlen(close);
        if (*name == '@')
                return expand_text(x, name + 1, (size_t) (stop - name - 1), depth);
        if (*name == '?' || *name == '^')
                return expand_section(x, *name, name + 1, (size_t) (stop - name - 1), after, end, depth,
                                      ret_end);
        v = find_value(x, name, (size_t) (stop - name));
        if (!v)
                return -ENOKEY;
        if (v->text && raw)
                put(x, v->text, strlen(v->text));
        else if (v->text)
                put_escaped(x, v->text, strlen(v->text));
        return 0;
}

/* is_text: it is a sentence, not HTML, so what stands between the values is escaped as well. */
static int expand(Expansion *x, const char *s, const char *end, bool is_text, unsigned depth) {
        int r;

        if (depth > DEPTH_MAX)
                return -EBADMSG;
        while (s < end) {
                const char *tag = memmem(s, (size_t) (end - s), "{{", 2) ?: end;
                if (is_text)
                        put_escaped(x, s, (size_t) (tag - s));
                else
                        put(x, s, (size_t) (tag - s));
                s = tag;
                if (s == end)
                        break;
                r = expand_tag(x, s, end, depth, &s);
                if (r < 0)
                        return r;
                if (x->n > PAGE_MAX)
                        return -EFBIG;
        }
        return 0;
}

static int expand_all(const char *s, bool is_text, const Language *language, const PageValue *values,
                      char *out, size_t max, size_t *ret_size) {
        Expansion x = { .out = out, .max = max, .language = language, .values = values };
        int r;

        r = expand(&x, s, s + strlen(s), is_text, 0);
        if (r < 0)
                return r;
        if (x.n > PAGE_MAX)
                return -EFBIG;
        *ret_size = x.n;
        return 0;
}

static int expand_new(const char *s, bool is_text, const Language *language, const PageValue *values,
                      char **ret) {
        char *text;
        size_t n;
        int r;

        r = expand_all(s, is_text, language, values, /* out= */ NULL, /* max= */ 0, &n);
        if (r < 0)
                return r;
        text = malloc(n + 1);
        if (!text)
                return -ENOMEM;
        (void) expand_all(s, is_text, language, values, text, n, &n);
        text[n] = '\0';
        *ret = text;
        return 0;
}

int page_expand(const char *template, const Language *language, const PageValue *values, char **ret) {
        return expand_new(template, /* is_text= */ false, language, values, ret);
}

int page_text(Text t, const Language *language, const PageValue *values, char **ret) {
        return expand_new(language->texts[t], /* is_text= */ true, language, values, ret);
}

static int expand_into(const char *s, bool is_text, const Language *language, const PageValue *values,
                       char *out, size_t size) {
        size_t n;
        int r;

        assert(size > 0);
        r = expand_all(s, is_text, language, values, out, size - 1, &n);
        if (r < 0)
                return r;
        if (n > size - 1)
                return -ENOBUFS;
        out[n] = '\0';
        return (int) n;
}

int page_expand_into(const char *template, const Language *language, const PageValue *values, char *out,
                     size_t size) {
        return expand_into(template, /* is_text= */ false, language, values, out, size);
}

int page_text_into(Text t, const Language *language, const PageValue *values, char *out, size_t size) {
        return expand_into(language->texts[t], /* is_text= */ true, language, values, out, size);
}
