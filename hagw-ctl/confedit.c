/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* hagw.conf's text, changed in a few places. libconfig keeps no comments, so this reads as much of its
 * syntax as it takes to find a setting: comments, strings, brackets, names. Offsets, not pointers, because
 * the text moves. No I/O. */

#include <stdio.h>

#include "hagw-ctl/confedit.h"

typedef struct Span {
        size_t begin, end;
} Span;

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

static size_t skip_blank(const char *t, size_t i) {
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

/* Behind the value that begins at i; neighbouring strings are one. */
static size_t skip_value(const char *t, size_t i) {
        size_t next;

        if (t[i] && strchr("({[", t[i]))
                return skip_brackets(t, i);
        if (t[i] && strchr("+-.0123456789", t[i]))
                return skip_number(t, i);
        if (t[i] != '"')
                return i + strcspn(t + i, " \t\r\n\f\v;,)}]#/");
        do {
                i = skip_string(t, i);
                next = skip_blank(t, i);
        } while (t[next] == '"' && (i = next));
        return i;
}

/* The member of that name among those that begin at i. *ret_setting ends behind its semicolon. */
static bool find_member(const char *t, size_t i, const char *name, Span *ret_setting, Span *ret_value) {
        for (i = skip_blank(t, i); t[i] && !strchr(")}]", t[i]); i = skip_blank(t, i)) {
                Span setting = { .begin = i }, value;
                size_t n = strcspn(t + i, " \t\r\n\f\v=:;,(){}[]#/\"");

                if (n == 0) { /* a stray separator */
                        i++;
                        continue;
                }
                i = skip_blank(t, i + n);
                if (t[i] == '=' || t[i] == ':')
                        i = skip_blank(t, i + 1);
                value.begin = i;
                value.end = i = skip_value(t, i);
                setting.end = i;
                i = skip_blank(t, i);
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

/* libconfig also takes a text that ends within a string or a comment: nothing can stand behind that. */
static bool is_closed(const char *t) {
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

static int replace(char **text, Span s, const char *with) {
        char *changed;

        if (asprintf(&changed, "%.*s%s%s", (int) s.begin, *text, with, *text + s.end) < 0)
                return -ENOMEM;
        free(*text);
        *text = changed;
        return 0;
}

static void put_string(FILE *f, const char *value) {
        fputc('"', f);
        for (; *value; value++)
                if ((unsigned char) *value < 0x20)
                        fprintf(f, "\\x%02x", (unsigned) (unsigned char) *value);
                else
                        fprintf(f, strchr("\"\\", *value) ? "\\%c" : "%c", *value);
        fputc('"', f);
}

/* A libconfig string, or a list of them; to be freed. */
static char *quote(const char *const *values, size_t n, bool list) {
        char *text = NULL;
        size_t size;
        FILE *f = open_memstream(&text, &size);

        if (!f)
                return NULL;
        fputs(list ? "( " : "", f);
        for (size_t i = 0; i < n; i++) {
                fputs(i > 0 ? ", " : "", f);
                put_string(f, values[i]);
        }
        fputs(list ? " )" : "", f);
        if (fclose(f) != 0) {
                free(text);
                return NULL;
        }
        return text;
}

/* Whether a group begins between the two places and has not ended. */
static bool is_nested(const char *t, size_t from, size_t to) {
        size_t depth = 0;

        for (size_t i = from; i < to && t[i];) {
                size_t next = t[i] == '"' ? skip_string(t, i) : skip_comment(t, i);

                depth += next == i && strchr("({[", t[i]);
                depth -= next == i && depth > 0 && strchr(")}]", t[i]);
                i = next > i ? next : i + 1;
        }
        return depth > 0;
}

/* The line "  #name = …;" within the span, as hagw-ctl writes settings that are at their default; without
 * what is in front of the #. A group within has lines of its own. */
static bool find_default_line(const char *t, Span in, const char *name, Span *ret) {
        for (size_t i = in.begin; i < in.end; i += strcspn(t + i, "\n") + 1) {
                size_t hash = i + strspn(t + i, " \t"), end = i + strcspn(t + i, "\n");
                const char *rest = t[hash] == '#' ? startswith(t + hash + 1, name) : NULL;

                if (end <= in.end && rest && (rest = startswith(rest, " = ")) && t[end - 1] == ';' &&
                    !is_nested(t, in.begin + 1, hash)) {
                        *ret = (Span) { hash, end };
                        return true;
                }
        }
        return false;
}

/* What is inserted where the setting is not there yet; to be freed. */
static char *new_setting(const char *t, const char *group, bool has_group, const char *name,
                         const char *value) {
        size_t end = strlen(t);
        const char *newline = end > 0 && t[end - 1] != '\n' ? "\n" : "";
        char *text;
        int n;

        if (has_group)
                n = asprintf(&text, "\n        %s = %s;", name, value);
        else if (group)
                n = asprintf(&text, "%s%s: {\n        %s = %s;\n};\n", newline, group, name, value);
        else
                n = asprintf(&text, "%s%s = %s;\n", newline, name, value);
        return n < 0 ? NULL : text;
}

/* Where the setting stands already in the span, or as a comment. 0: nowhere. */
static int set_in_place(char **text, Span in, size_t first, const char *name, const char *value) {
        _cleanup_free_ char *with = NULL;
        Span own, at;
        int r;

        if (find_member(*text, first, name, &own, &at)) {
                r = replace(text, at, value);
                return r < 0 ? r : 1;
        }
        if (!find_default_line(*text, in, name, &at))
                return 0;
        if (asprintf(&with, "%s = %s;", name, value) < 0) {
                with = NULL;
                return -ENOMEM;
        }
        r = replace(text, at, with);
        return r < 0 ? r : 1;
}

static int set_value(char **text, const char *group, const char *name, const char *value) {
        _cleanup_free_ char *with = NULL;
        Span setting, inside = { .end = strlen(*text) }, own, at;
        bool has_group;
        int r;

        if (!is_closed(*text))
                return -EBADMSG;
        has_group = group && find_member(*text, 0, group, &setting, &inside);
        if (!group && find_member(*text, 0, name, &own, &at))
                return replace(text, at, value);
        r = has_group ? set_in_place(text, inside, inside.begin + 1, name, value) : 0;
        if (r != 0)
                return MIN(r, 0);
        with = new_setting(*text, group, has_group, name, value);
        if (!with)
                return -ENOMEM;
        at.begin = at.end = has_group ? inside.begin + 1 : strlen(*text);
        return replace(text, at, with);
}

int confedit_set(char **text, const char *group, const char *name, const char *value) {
        _cleanup_free_ char *quoted = quote(&value, 1, /* list= */ false);

        return quoted ? set_value(text, group, name, quoted) : -ENOMEM;
}

int confedit_set_list(char **text, const char *group, const char *name, const char *const *values,
                      size_t n) {
        _cleanup_free_ char *quoted = quote(values, n, /* list= */ true);

        return quoted ? set_value(text, group, name, quoted) : -ENOMEM;
}

static bool find_setting(const char *t, const char *group, const char *name, Span *ret) {
        Span setting, inside = {}, value;
        bool has_group = group && find_member(t, 0, group, &setting, &inside);

        return (has_group || !group) && find_member(t, inside.begin + has_group, name, ret, &value);
}

/* Whether nothing follows on the line. */
static bool ends_line(const char *t, size_t i) {
        i += strspn(t + i, " \t\r");
        return t[i] == '\n';
}

int confedit_unset(char **text, const char *group, const char *name) {
        _cleanup_free_ char *with = NULL;
        Span own;

        if (!find_setting(*text, group, name, &own))
                return 0;
        /* A comment takes the rest of its line: only where that holds nothing else. */
        if (!ends_line(*text, own.end))
                return replace(text, own, "");
        if (asprintf(&with, "#%s = \"\";", name) < 0) {
                with = NULL;
                return -ENOMEM;
        }
        return replace(text, own, with);
}

int confedit_cut(char **text, const char *group, const char *name) {
        size_t begin;
        Span own;

        if (!find_setting(*text, group, name, &own))
                return 0;
        /* With its line, where that holds nothing else. */
        for (begin = own.begin; begin > 0 && strchr(" \t", (*text)[begin - 1]);)
                begin--;
        if (ends_line(*text, own.end) && (begin == 0 || (*text)[begin - 1] == '\n'))
                own = (Span) { begin, own.end + strcspn(*text + own.end, "\n") + 1 };
        return replace(text, own, "");
}

/* Behind the last element of the list in the span; its opening bracket where there is none. comma: one
 * follows. */
static size_t last_element(const char *t, Span list, bool *ret_comma) {
        size_t i = skip_blank(t, list.begin + 1), end = list.begin + 1;

        *ret_comma = true; /* none is needed before the first */
        while (i + 1 < list.end) {
                if (t[i] == ',') {
                        *ret_comma = true;
                        i++;
                } else {
                        size_t next = skip_value(t, i);

                        i = end = next > i ? next : i + 1;
                        *ret_comma = false;
                }
                i = skip_blank(t, i);
        }
        return end;
}

static char *zone_text(const char *name, const char *via) {
        static const char indent[] = "                ";
        _cleanup_free_ char *quoted = quote(&name, 1, /* list= */ false);
        char *text;

        if (!quoted ||
            asprintf(&text, "        {\n%sname = %s;\n%s%s%s%s        }\n", indent, quoted,
                     via ? indent : "", via ? "via = \"" : "", strempty(via), via ? "\";\n" : "") < 0)
                return NULL;
        return text;
}

int confedit_add_zone(char **text, const char *name, const char *via) {
        _cleanup_free_ char *zone = zone_text(name, via), *with = NULL;
        Span setting, list;
        size_t end;
        bool comma;

        if (!zone)
                return -ENOMEM;
        if (!is_closed(*text))
                return -EBADMSG;
        if (!find_member(*text, 0, "zones", &setting, &list)) {
                end = strlen(*text);
                if (asprintf(&with, "%s\nzones = (\n%s);\n",
                             end > 0 && (*text)[end - 1] != '\n' ? "\n" : "", zone) < 0) {
                        with = NULL;
                        return -ENOMEM;
                }
                return replace(text, (Span) { end, end }, with);
        }
        end = last_element(*text, list, &comma);
        if (asprintf(&with, "\n%s", zone) < 0) {
                with = NULL;
                return -ENOMEM;
        }
        /* First what stands later, so that the earlier offset stays good. */
        if (replace(text, (Span) { list.end - 1, list.end - 1 }, with) < 0)
                return -ENOMEM;
        return comma ? 0 : replace(text, (Span) { end, end }, ",");
}

/* The group at that place of zones. */
static bool find_zone(const char *t, size_t zone, Span *ret) {
        Span setting, list;

        if (!find_member(t, 0, "zones", &setting, &list))
                return false;
        for (size_t i = skip_blank(t, list.begin + 1); i + 1 < list.end; i = skip_blank(t, i)) {
                size_t end = skip_value(t, i);

                if (t[i] == '{' && zone-- == 0) {
                        *ret = (Span) { i, end };
                        return true;
                }
                i = end > i ? end : i + 1;
        }
        return false;
}

/* Behind the setting, or behind the comment that follows it on its line; *ret_alone: nothing else does. */
static size_t behind_line(const char *t, size_t i, bool *ret_alone) {
        size_t next = i + strspn(t + i, " \t\r");

        *ret_alone = t[next] == '\n' || t[next] == '#' || startswith(t + next, "//");
        return *ret_alone ? next + strcspn(t + next, "\n") : i;
}

static int set_in_zone(char **text, size_t zone, const char *name, const char *value) {
        _cleanup_free_ char *with = NULL;
        size_t begin, indent, place;
        Span in, own, at;
        bool alone;
        int r;

        if (!is_closed(*text))
                return -EBADMSG;
        if (!find_zone(*text, zone, &in) || !find_member(*text, in.begin + 1, "name", &own, &at))
                return -ENOENT;
        r = set_in_place(text, in, in.begin + 1, name, value);
        if (r != 0)
                return MIN(r, 0);
        /* A new one comes behind the name, as far in as that. */
        for (begin = own.begin; begin > 0 && (*text)[begin - 1] != '\n';)
                begin--;
        indent = strspn(*text + begin, " \t");
        place = behind_line(*text, own.end, &alone);
        if (asprintf(&with, "%s%.*s%s = %s;", alone ? "\n" : " ", alone ? (int) indent : 0, *text + begin,
                     name, value) < 0) {
                with = NULL;
                return -ENOMEM;
        }
        r = replace(text, (Span) { place, place }, with);
        /* First what stands later, so that the earlier offset stays good. */
        return r < 0 || own.end > at.end ? r : replace(text, (Span) { at.end, at.end }, ";");
}

int confedit_set_in_zone(char **text, size_t zone, const char *name, const char *value) {
        _cleanup_free_ char *quoted = quote(&value, 1, /* list= */ false);

        return quoted ? set_in_zone(text, zone, name, quoted) : -ENOMEM;
}

int confedit_set_list_in_zone(char **text, size_t zone, const char *name, const char *const *values,
                              size_t n) {
        _cleanup_free_ char *quoted = quote(values, n, /* list= */ true);

        return quoted ? set_in_zone(text, zone, name, quoted) : -ENOMEM;
}

/* Does the group that begins at i have name = "name"? */
static bool zone_has_name(const char *t, size_t i, const char *quoted) {
        Span setting, value;

        return t[i] == '{' && find_member(t, i + 1, "name", &setting, &value) &&
               strlen(quoted) == value.end - value.begin &&
               memcmp(t + value.begin, quoted, value.end - value.begin) == 0;
}

int confedit_remove_zone(char **text, const char *name) {
        _cleanup_free_ char *quoted = quote(&name, 1, /* list= */ false);
        size_t comma = 0, i;
        Span setting, list;

        if (!quoted)
                return -ENOMEM;
        if (!find_member(*text, 0, "zones", &setting, &list))
                return 0;
        for (i = skip_blank(*text, list.begin + 1); i + 1 < list.end; i = skip_blank(*text, i)) {
                size_t end = skip_value(*text, i), next;

                if (!zone_has_name(*text, i, quoted)) {
                        comma = (*text)[i] == ',' ? i : comma;
                        i = end > i ? end : i + 1;
                        continue;
                }
                /* With the comma behind it, or else the one before it. */
                next = skip_blank(*text, end);
                if ((*text)[next] == ',')
                        return replace(text, (Span) { i, next + 1 }, "");
                if (replace(text, (Span) { i, end }, "") < 0)
                        return -ENOMEM;
                return comma ? replace(text, (Span) { comma, comma + 1 }, "") : 0;
        }
        return 0;
}
