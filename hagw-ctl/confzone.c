/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The list of zones in hagw.conf's text. No I/O. */

#include <stdio.h>

#include "hagw-ctl/confedit.h"
#include "hagw-ctl/confspan.h"
#include "hagw-ctl/confzone.h"

/* Behind the last element of the list in the span; its opening bracket where there is none. comma: one
 * follows. */
static size_t last_element(const char *t, Span list, bool *ret_comma) {
        size_t i = confspan_skip_blank(t, list.begin + 1), end = list.begin + 1;

        *ret_comma = true; /* none is needed before the first */
        while (i + 1 < list.end) {
                if (t[i] == ',') {
                        *ret_comma = true;
                        i++;
                } else {
                        size_t next = confspan_skip_value(t, i);

                        i = end = next > i ? next : i + 1;
                        *ret_comma = false;
                }
                i = confspan_skip_blank(t, i);
        }
        return end;
}

static char *zone_text(const char *name, const char *via) {
        static const char indent[] = "                ";
        _cleanup_free_ char *quoted = confedit_quote(&name, 1, /* list= */ false);
        char *text;

        if (!quoted ||
            asprintf(&text, "        {\n%sname = %s;\n%s%s%s%s        }", indent, quoted, via ? indent : "",
                     via ? "via = \"" : "", strempty(via), via ? "\";\n" : "") < 0)
                return NULL;
        return text;
}

/* Where a line of its own begins: its begin; else i. */
static size_t line_begin(const char *t, size_t i) {
        size_t begin = i;

        while (begin > 0 && strchr(" \t", t[begin - 1]))
                begin--;
        return begin > 0 && t[begin - 1] == '\n' ? begin : i;
}

/* As an element before the bracket that closes the list: lines of its own where that has one, and otherwise
 * from a line break to the bracket. A comma is put where the last element has none, and behind the new one
 * where there was one: confzone_remove() knows by that which it was. */
static int add_element(char **text, Span list, const char *zone) {
        _cleanup_free_ char *with = NULL;
        size_t close = list.end - 1, place = line_begin(*text, close), end;
        bool comma, own_line = place != close || (close > 0 && (*text)[close - 1] == '\n'), empty;

        end = last_element(*text, list, &comma);
        empty = end == list.begin + 1;
        if (asprintf(&with, "%s%s%s%s", own_line ? "" : "\n", zone, comma && !empty ? "," : "",
                     own_line ? "\n" : "") < 0) {
                with = NULL;
                return -ENOMEM;
        }
        /* First what stands later, so that the earlier offset stays good. */
        if (confspan_replace(text, (Span) { place, place }, with) < 0)
                return -ENOMEM;
        return comma ? 0 : confspan_replace(text, (Span) { end, end }, ",");
}

int confzone_add(char **text, const char *name, const char *via) {
        _cleanup_free_ char *zone = zone_text(name, via), *with = NULL;
        Span setting, list;
        size_t end;

        if (!zone)
                return -ENOMEM;
        if (!confspan_is_closed(*text))
                return -EBADMSG;
        if (confspan_find_member(*text, 0, "zones", &setting, &list))
                return add_element(text, list, zone);
        end = strlen(*text);
        if (asprintf(&with, "%s\nzones = (\n%s\n);\n", end > 0 && (*text)[end - 1] != '\n' ? "\n" : "",
                     zone) < 0) {
                with = NULL;
                return -ENOMEM;
        }
        return confspan_replace(text, (Span) { end, end }, with);
}

/* The group at that place of zones. */
static bool find_zone(const char *t, size_t zone, Span *ret) {
        Span setting, list;

        if (!confspan_find_member(t, 0, "zones", &setting, &list))
                return false;
        for (size_t i = confspan_skip_blank(t, list.begin + 1); i + 1 < list.end;
             i = confspan_skip_blank(t, i)) {
                size_t end = confspan_skip_value(t, i);

                if (t[i] == '{' && zone-- == 0) {
                        *ret = (Span) { i, end };
                        return true;
                }
                i = end > i ? end : i + 1;
        }
        return false;
}

static int set_in_zone(char **text, size_t zone, const char *name, const char *value) {
        _cleanup_free_ char *with = NULL;
        size_t begin, indent, place;
        Span in, own, at;
        bool alone;
        int r;

        if (!confspan_is_closed(*text))
                return -EBADMSG;
        if (!find_zone(*text, zone, &in) || !confspan_find_member(*text, in.begin + 1, "name", &own, &at))
                return -ENOENT;
        r = confedit_in_place(text, in, CONF_SCOPE_ZONE, /* group= */ NULL, name, value);
        if (r != 0)
                return MIN(r, 0);
        /* A new one comes behind the name, as far in as that. */
        for (begin = own.begin; begin > 0 && (*text)[begin - 1] != '\n';)
                begin--;
        indent = strspn(*text + begin, " \t");
        place = confspan_behind_line(*text, own.end, &alone);
        if (asprintf(&with, "%s%.*s%s = %s;", alone ? "\n" : " ", alone ? (int) indent : 0, *text + begin,
                     name, value) < 0) {
                with = NULL;
                return -ENOMEM;
        }
        r = confspan_replace(text, (Span) { place, place }, with);
        /* First what stands later, so that the earlier offset stays good. */
        return r < 0 || own.end > at.end ? r : confspan_replace(text, (Span) { at.end, at.end }, ";");
}

int confzone_set(char **text, size_t zone, const char *name, const char *value) {
        _cleanup_free_ char *quoted = confedit_quote(&value, 1, /* list= */ false);

        return quoted ? set_in_zone(text, zone, name, quoted) : -ENOMEM;
}

int confzone_set_list(char **text, size_t zone, const char *name, const char *const *values,
                              size_t n) {
        _cleanup_free_ char *quoted = confedit_quote(values, n, /* list= */ true);

        return quoted ? set_in_zone(text, zone, name, quoted) : -ENOMEM;
}

/* Does the group that begins at i have name = "name"? */
static bool zone_has_name(const char *t, size_t i, const char *quoted) {
        Span setting, value;

        return t[i] == '{' && confspan_find_member(t, i + 1, "name", &setting, &value) &&
               strlen(quoted) == value.end - value.begin &&
               memcmp(t + value.begin, quoted, value.end - value.begin) == 0;
}

/* The element at own, and what add_element() has put around it. comma: the one before it; 0: none. */
static int cut_element(char **text, Span own, size_t comma) {
        const char *t = *text;
        size_t next = confspan_skip_blank(t, own.end), begin = line_begin(t, own.begin);
        bool trailing = t[next] == ',';
        Span cut = { own.begin, trailing ? next + 1 : own.end };
        int r;

        if (begin > 0 && t[begin - 1] == '\n' && confspan_ends_line(t, cut.end))
                cut = (Span) { begin, cut.end + strcspn(t + cut.end, "\n") + 1 };
        else if (begin > 0 && t[begin - 1] == '\n' && t[cut.end] == ')')
                cut.begin = begin - 1;
        r = confspan_replace(text, cut, "");
        if (r < 0 || trailing || comma == 0)
                return r;
        return confspan_replace(text, (Span) { comma, comma + 1 }, "");
}

int confzone_remove(char **text, const char *name) {
        _cleanup_free_ char *quoted = confedit_quote(&name, 1, /* list= */ false);
        size_t comma = 0;
        Span setting, list;

        if (!quoted)
                return -ENOMEM;
        if (!confspan_is_closed(*text))
                return -EBADMSG;
        if (!confspan_find_member(*text, 0, "zones", &setting, &list))
                return 0;
        for (size_t i = confspan_skip_blank(*text, list.begin + 1); i + 1 < list.end;
             i = confspan_skip_blank(*text, i)) {
                size_t end = confspan_skip_value(*text, i);

                if (zone_has_name(*text, i, quoted))
                        return cut_element(text, (Span) { i, end }, comma);
                comma = (*text)[i] == ',' ? i : comma;
                i = end > i ? end : i + 1;
        }
        return 0;
}
