/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The template engine: every value is escaped unless the template says that it is HTML. Pure. */

#include <stdio.h>

#include "page.h"

#define DEPTH_MAX 8U /* sections in sections, values in texts */

typedef struct Expansion {
        FILE *out;
        const Language *language;
        const PageValue *values;
} Expansion;

static void put_escaped(FILE *out, const char *s, size_t size) {
        for (size_t i = 0; i < size; i++)
                switch (s[i]) {
                case '&': (void) fputs("&amp;", out); break;
                case '<': (void) fputs("&lt;", out); break;
                case '>': (void) fputs("&gt;", out); break;
                case '"': (void) fputs("&quot;", out); break;
                case '\'': (void) fputs("&#39;", out); break;
                default: (void) fputc(s[i], out); break;
                }
}

char *page_escape(const char *s) {
        char *text = NULL;
        size_t size;
        FILE *f = open_memstream(&text, &size);

        if (!f)
                return NULL;
        put_escaped(f, s, strlen(s));
        if (fclose(f) != 0) {
                free(text);
                return NULL;
        }
        return text;
}

static const PageValue *find_value(const Expansion *x, const char *name, size_t size) {
        for (const PageValue *v = x->values; v->name; v++)
                if (strlen(v->name) == size && memcmp(v->name, name, size) == 0)
                        return v;
        return NULL;
}

static int expand(const Expansion *x, const char *s, const char *end, bool is_text, unsigned depth);

static int expand_text(const Expansion *x, const char *key, size_t size, unsigned depth) {
        Text t = text_from_name(key, size);

        if (t < 0)
                return -ENOKEY;
        const char *s = x->language->texts[t];
        return expand(x, s, s + strlen(s), /* is_text= */ true, depth + 1);
}

/* tag is behind "{{?" or "{{^"; returns where the section ends. */
static int expand_section(const Expansion *x, char kind, const char *name, size_t size, const char *body,
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
static int expand_tag(const Expansion *x, const char *s, const char *end, unsigned depth,
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
                (void) fputs(v->text, x->out);
        else if (v->text)
                put_escaped(x->out, v->text, strlen(v->text));
        return 0;
}

/* is_text: it is a sentence, not HTML, so what stands between the values is escaped as well. */
static int expand(const Expansion *x, const char *s, const char *end, bool is_text, unsigned depth) {
        int r;

        if (depth > DEPTH_MAX)
                return -EBADMSG;
        while (s < end) {
                const char *tag = memmem(s, (size_t) (end - s), "{{", 2) ?: end;
                if (is_text)
                        put_escaped(x->out, s, (size_t) (tag - s));
                else
                        (void) fwrite(s, 1, (size_t) (tag - s), x->out);
                s = tag;
                if (s == end)
                        break;
                r = expand_tag(x, s, end, depth, &s);
                if (r < 0)
                        return r;
                if (ftell(x->out) > (long) PAGE_MAX)
                        return -EFBIG;
        }
        return 0;
}

static int expand_all(const char *s, bool is_text, const Language *language, const PageValue *values,
                      char **ret) {
        _cleanup_free_ char *text = NULL;
        Expansion x = { .language = language, .values = values };
        size_t size;
        int r;

        x.out = open_memstream(&text, &size);
        if (!x.out)
                return -errno;
        r = expand(&x, s, s + strlen(s), is_text, 0);
        if (fclose(x.out) != 0 && r >= 0)
                r = -ENOMEM;
        if (r < 0)
                return r;
        *ret = TAKE_PTR(text);
        return 0;
}

int page_expand(const char *template, const Language *language, const PageValue *values, char **ret) {
        return expand_all(template, /* is_text= */ false, language, values, ret);
}

int page_text(Text t, const Language *language, const PageValue *values, char **ret) {
        return expand_all(language->texts[t], /* is_text= */ true, language, values, ret);
}
