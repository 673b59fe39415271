/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* hagw.conf's text, changed in a few places: libconfig keeps no comments. No I/O. */

#include <stdio.h>

#include "hagw-ctl/confedit.h"
#include "hagw-ctl/confspan.h"
#include "hagw-ctl/conftext.h"

/* A libconfig string, or a list of them; to be freed. */
char *confedit_quote(const char *const *values, size_t n, bool list) {
        char *text = NULL;
        size_t size;
        FILE *f = open_memstream(&text, &size);

        if (!f)
                return NULL;
        fputs(list ? "( " : "", f);
        for (size_t i = 0; i < n; i++) {
                fputs(i > 0 ? ", " : "", f);
                conf_put_string(f, values[i]);
        }
        fputs(list ? " )" : "", f);
        if (fclose(f) != 0) {
                free(text);
                return NULL;
        }
        return text;
}

/* What a setting's default looks like in a file of hagw-ctl's; to be freed. */
static int default_text(ConfScope scope, const char *group, const char *name, char **ret) {
        const ConfSetting *s = conf_find_setting(scope, group, name);

        *ret = NULL;
        return s ? conf_text_fallback(s, ret) : 0;
}

/* Where hagw-ctl writes a setting that is at its default: "  #name = …;" below a line of help, "  # …". */
static bool has_help_above(const char *t, size_t line) {
        size_t indent = strspn(t + line, " \t"), above = line;

        if (line == 0)
                return false;
        for (above--; above > 0 && t[above - 1] != '\n';)
                above--;
        return strspn(t + above, " \t") == indent && memcmp(t + above, t + line, indent) == 0 &&
               startswith(t + above + indent, "# ");
}

/* The line with the default within the span, without what is in front of the #. Another value in a comment
 * is a person's. A group within has lines of its own. */
static bool find_default_line(const char *t, Span in, const char *name, const char *fallback, Span *ret) {
        _cleanup_free_ char *line = NULL;

        if (!fallback || asprintf(&line, "#%s = %s;\n", name, fallback) < 0)
                return false;
        for (size_t i = in.begin; i < in.end; i += strcspn(t + i, "\n") + 1) {
                size_t hash = i + strspn(t + i, " \t");

                if (startswith(t + hash, line) && has_help_above(t, i) &&
                    !confspan_is_nested(t, in.begin + 1, hash)) {
                        *ret = (Span) { hash, hash + strlen(line) - 1 };
                        return true;
                }
        }
        return false;
}

/* What is inserted where the setting is not there yet; to be freed. */
static char *new_setting(const char *t, const char *group, bool has_group, bool own_line, const char *name,
                         const char *value) {
        size_t end = strlen(t);
        const char *newline = end > 0 && t[end - 1] != '\n' ? "\n" : "";
        char *text;
        int n;

        if (has_group)
                n = asprintf(&text, own_line ? "\n        %s = %s;" : " %s = %s;", name, value);
        else if (group)
                n = asprintf(&text, "%s%s: {\n        %s = %s;\n};\n", newline, group, name, value);
        else
                n = asprintf(&text, "%s%s = %s;\n", newline, name, value);
        return n < 0 ? NULL : text;
}

/* Where the setting stands already in the span, or as a comment. 0: nowhere. */
int confedit_in_place(char **text, Span in, ConfScope scope, const char *group, const char *name,
                      const char *value) {
        _cleanup_free_ char *with = NULL, *fallback = NULL;
        Span own, at;
        int r;

        if (confspan_find_member(*text, in.begin + !!group, name, &own, &at)) {
                r = confspan_replace(text, at, value);
                return r < 0 ? r : 1;
        }
        r = default_text(scope, group, name, &fallback);
        if (r < 0)
                return r;
        if (!find_default_line(*text, in, name, fallback, &at))
                return 0;
        if (asprintf(&with, "%s = %s;", name, value) < 0) {
                with = NULL;
                return -ENOMEM;
        }
        r = confspan_replace(text, at, with);
        return r < 0 ? r : 1;
}

int confedit_set_text(char **text, const char *group, const char *name, const char *value) {
        _cleanup_free_ char *with = NULL;
        Span setting, inside = { .end = strlen(*text) }, at;
        bool has_group, own_line = false;
        int r;

        if (!confspan_is_closed(*text))
                return -EBADMSG;
        has_group = group && confspan_find_member(*text, 0, group, &setting, &inside);
        r = has_group || !group ? confedit_in_place(text, inside, CONF_SCOPE_MAIN, group, name, value) : 0;
        if (r != 0)
                return MIN(r, 0);
        at.begin = has_group ? confspan_behind_line(*text, inside.begin + 1, &own_line) : strlen(*text);
        at.end = at.begin;
        with = new_setting(*text, group, has_group, own_line, name, value);
        return with ? confspan_replace(text, at, with) : -ENOMEM;
}

int confedit_set(char **text, const char *group, const char *name, const char *value) {
        _cleanup_free_ char *quoted = confedit_quote(&value, 1, /* list= */ false);

        return quoted ? confedit_set_text(text, group, name, quoted) : -ENOMEM;
}

int confedit_set_list(char **text, const char *group, const char *name, const char *const *values,
                      size_t n) {
        _cleanup_free_ char *quoted = confedit_quote(values, n, /* list= */ true);

        return quoted ? confedit_set_text(text, group, name, quoted) : -ENOMEM;
}

static bool find_setting(const char *t, const char *group, const char *name, Span *ret) {
        Span setting, inside = {}, value;
        bool has_group = group && confspan_find_member(t, 0, group, &setting, &inside);

        return (has_group || !group) && confspan_find_member(t, inside.begin + has_group, name, ret, &value);
}

/* The line that the setting stands on, in so far as it stands there alone. */
static bool find_line(const char *t, Span own, Span *ret) {
        size_t begin = own.begin;

        while (begin > 0 && strchr(" \t", t[begin - 1]))
                begin--;
        if (!confspan_ends_line(t, own.end) || (begin > 0 && t[begin - 1] != '\n'))
                return false;
        *ret = (Span) { begin, own.end + strcspn(t + own.end, "\n") + 1 };
        return true;
}

int confedit_unset(char **text, const char *group, const char *name) {
        _cleanup_free_ char *with = NULL, *fallback = NULL;
        Span own, line;
        int r;

        if (!confspan_is_closed(*text))
                return -EBADMSG;
        if (!find_setting(*text, group, name, &own))
                return 0;
        if (!find_line(*text, own, &line) || !has_help_above(*text, line.begin))
                return confedit_cut(text, group, name);
        r = default_text(CONF_SCOPE_MAIN, group, name, &fallback);
        if (r < 0)
                return r;
        if (asprintf(&with, "#%s = %s;", name, fallback ?: "\"\"") < 0) {
                with = NULL;
                return -ENOMEM;
        }
        return confspan_replace(text, own, with);
}

int confedit_cut(char **text, const char *group, const char *name) {
        Span own, line;

        if (!confspan_is_closed(*text))
                return -EBADMSG;
        if (!find_setting(*text, group, name, &own))
                return 0;
        if (find_line(*text, own, &line))
                own = line;
        else if (own.begin > 0 && (*text)[own.begin - 1] == ' ')
                own.begin--; /* as it is written where others stand on the line */
        return confspan_replace(text, own, "");
}
