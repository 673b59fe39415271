/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* As much of libconfig's syntax as it takes to find a setting: comments, strings, brackets, names. */

#include <stdio.h>

#include "hagw-ctl/confspan.h"

/* Behind the string that begins at i. */
static size_t skip_string(const char *t, size_t i) {
        for (i++; t[i] && t[i] != '"'; i++)
                if (t[i] == '\\' && t[i + 1])
                        i++;
        return t[i] ? i + 1 : i;
}

/* Behind the comment that begins at i; i where none does. */
static size_t skip_comment(const char *t, size_t i) {
        const char *end;

        if (t[i] == '#' || (t[i] == '/' && t[i + 1] == '/'))
                return i + strcspn(t + i, "\n");
        if (t[i] != '/' || t[i + 1] != '*')
                return i;
        end = strstr(t + i + 2, "*/");
        return end ? (size_t) (end - t) + 2 : i + strlen(t + i);
}

size_t confspan_skip_blank(const char *t, size_t i) {
        for (;;) {
                size_t next = i + strspn(t + i, " \t\r\n\f\v");

                next = skip_comment(t, next);
                if (next == i)
                        return i;
                i = next;
        }
}

/* Behind the bracket that closes the one at i. */
static size_t skip_brackets(const char *t, size_t i) {
        size_t depth = 0, next;

        while (t[i]) {
                if (t[i] == '"') {
                        i = skip_string(t, i);
                        continue;
                }
                next = skip_comment(t, i);
                if (next != i) {
                        i = next;
                        continue;
                }
                depth += !!strchr("({[", t[i]);
                if (strchr(")}]", t[i]) && --depth == 0)
                        return i + 1;
                i++;
        }
        return i;
}

/* Behind the number that begins at i; to libconfig a name may follow right behind it. */
static size_t skip_number(const char *t, size_t i) {
        static const char digits[] = "0123456789";
        size_t exponent;

        i += strspn(t + i, "+-");
        if (t[i] == '0' && t[i + 1] && strchr("xXbBoO", t[i + 1])) {
                i += 2;
                i += strspn(t + i, "0123456789abcdefABCDEF");
                return i + strspn(t + i, "L");
        }
        i += strspn(t + i, "0123456789.");
        exponent = i + 1;
        if (t[i] == 'e' || t[i] == 'E') {
                exponent += strspn(t + exponent, "+-");
                if (strspn(t + exponent, digits) > 0)
                        i = exponent + strspn(t + exponent, digits);
        }
        return i + strspn(t + i, "L");
}

size_t confspan_skip_value(const char *t, size_t i) {
        size_t next;

        if (t[i] && strchr("({[", t[i]))
                return skip_brackets(t, i);
        if (t[i] && strchr("+-.0123456789", t[i]))
                return skip_number(t, i);
        if (t[i] != '"')
                return i + strcspn(t + i, " \t\r\n\f\v;,)}]#/");
        do {
                i = skip_string(t, i);
                next = confspan_skip_blank(t, i);
        } while (t[next] == '"' && (i = next));
        return i;
}

bool confspan_find_member(const char *t, size_t i, const char *name, Span *ret_setting, Span *ret_value) {
        for (i = confspan_skip_blank(t, i); t[i] && !strchr(")}]", t[i]); i = confspan_skip_blank(t, i)) {
                Span setting = { .begin = i }, value;
                size_t n = strcspn(t + i, " \t\r\n\f\v=:;,(){}[]#/\"");

                if (n == 0) { /* a stray separator */
                        i++;
                        continue;
                }
                i = confspan_skip_blank(t, i + n);
                if (t[i] == '=' || t[i] == ':')
                        i = confspan_skip_blank(t, i + 1);
                value.begin = i;
                value.end = i = confspan_skip_value(t, i);
                setting.end = i;
                i = confspan_skip_blank(t, i);
                if (t[i] == ';' || t[i] == ',')
                        setting.end = ++i;
                if (strlen(name) == n && memcmp(t + setting.begin, name, n) == 0) {
                        *ret_setting = setting;
                        *ret_value = value;
                        return true;
                }
        }
        return false;
}

bool confspan_is_closed(const char *t) {
        for (size_t i = 0; t[i];) {
                size_t next = t[i] == '"' ? skip_string(t, i) : skip_comment(t, i);

                if (t[i] == '"' && !t[next] && (next - i < 2 || t[next - 1] != '"' || t[next - 2] == '\\'))
                        return false;
                if (startswith(t + i, "/*") && !strstr(t + i + 2, "*/"))
                        return false;
                i = next > i ? next : i + 1;
        }
        return true;
}

bool confspan_is_nested(const char *t, size_t from, size_t to) {
        size_t depth = 0;

        for (size_t i = from; i < to && t[i];) {
                size_t next = t[i] == '"' ? skip_string(t, i) : skip_comment(t, i);

                depth += next == i && strchr("({[", t[i]);
                depth -= next == i && depth > 0 && strchr(")}]", t[i]);
                i = next > i ? next : i + 1;
        }
        return depth > 0;
}

bool confspan_ends_line(const char *t, size_t i) {
        i += strspn(t + i, " \t\r");
        return t[i] == '\n';
}

size_t confspan_behind_line(const char *t, size_t i, bool *ret_alone) {
        size_t next = i + strspn(t + i, " \t\r");

        *ret_alone = t[next] == '\n' || t[next] == '#' || startswith(t + next, "//");
        return *ret_alone ? next + strcspn(t + next, "\n") : i;
}

int confspan_replace(char **text, Span s, const char *with) {
        char *changed;

        if (asprintf(&changed, "%.*s%s%s", (int) s.begin, *text, with, *text + s.end) < 0)
                return -ENOMEM;
        free(*text);
        *text = changed;
        return 0;
}
