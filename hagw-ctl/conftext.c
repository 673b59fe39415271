/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Configuration as text, written from the table of settings. No I/O. */

#include <stdio.h>

#include "hagw-ctl/conftext.h"

const ConfSetting *conf_find_setting(ConfScope scope, const char *group, const char *name) {
        for (const ConfSetting *s = conf_settings; s->name; s++)
                if (s->scope == scope && streq_ptr(s->group, group) && streq(s->name, name))
                        return s;
        return NULL;
}

static bool is_list(const ConfSetting *s) {
        return conf_type_is_list(s->type);
}

static Choice *find_choice(const Choices *c, const ConfSetting *s, size_t zone) {
        for (size_t i = 0; c && i < c->n_items; i++)
                if (c->items[i].setting == s && c->items[i].zone == zone)
                        return &c->items[i];
        return NULL;
}

static void choice_empty(Choice *c) {
        for (size_t i = 0; i < c->n_values; i++)
                free(c->values[i]);
        c->n_values = 0;
}

int choices_add(Choices *c, ConfScope scope, size_t zone, const char *group, const char *name,
                const char *value) {
        const ConfSetting *s = conf_find_setting(scope, group, name);
        Choice *o;

        assert(s);
        o = find_choice(c, s, zone);
        if (!o) {
                if (!GREEDY_REALLOC(c->items, c->allocated, c->n_items + 1))
                        return -ENOMEM;
                o = &c->items[c->n_items++];
                *o = (Choice) { .setting = s, .zone = zone };
        }
        if (!is_list(s))
                choice_empty(o);
        if (!GREEDY_REALLOC(o->values, o->allocated, o->n_values + 1))
                return -ENOMEM;
        o->values[o->n_values] = strdup(value);
        if (!o->values[o->n_values])
                return -ENOMEM;
        o->n_values++;
        if (scope == CONF_SCOPE_ZONE)
                c->n_zones = MAX(c->n_zones, zone + 1);
        return 0;
}

void choices_done(Choices *c) {
        for (size_t i = 0; i < c->n_items; i++) {
                choice_empty(&c->items[i]);
                free(c->items[i].values);
        }
        free(c->items);
        *c = (Choices) {};
}

/* A libconfig string; what is not printable ASCII stays as it is, except control characters. */
void conf_put_string(FILE *f, const char *s) {
        fputc('"', f);
        for (; *s; s++) {
                if ((unsigned char) *s < 0x20)
                        fprintf(f, "\\x%02x", (unsigned) (unsigned char) *s);
                else {
                        if (*s == '"' || *s == '\\')
                                fputc('\\', f);
                        fputc(*s, f);
                }
        }
        fputc('"', f);
}

static bool is_bare(const ConfSetting *s) {
        return s->type == CONF_BOOL || s->type == CONF_UINT;
}

static void put_values(FILE *f, const ConfSetting *s, char *const *values, size_t n) {
        if (is_list(s)) {
                fputs("( ", f);
                for (size_t i = 0; i < n; i++) {
                        conf_put_string(f, values[i]);
                        fputs(i + 1 < n ? ", " : " ", f);
                }
                fputc(')', f);
        } else if (is_bare(s) && n > 0)
                fputs(values[0], f);
        else
                conf_put_string(f, n > 0 ? values[0] : "");
}

/* The default's words, as the schema writes lists: separated by spaces. */
static int put_fallback(FILE *f, const ConfSetting *s) {
        _cleanup_free_ char *copy = strdup(s->fallback && !streq(s->fallback, "!") ? s->fallback : "");
        char *words[CONF_LIST_MAX], *state = NULL;
        size_t n = 0;

        if (!copy)
                return -ENOMEM;
        if (!is_list(s))
                words[n++] = copy;
        else
                for (char *w = strtok_r(copy, " ", &state); w && n < ELEMENTSOF(words);
                     w = strtok_r(NULL, " ", &state))
                        words[n++] = w;
        put_values(f, s, words, n);
        return 0;
}

int conf_text_fallback(const ConfSetting *s, char **ret) {
        size_t size;
        FILE *f = open_memstream(ret, &size);
        int r;

        if (!f)
                return -ENOMEM;
        r = put_fallback(f, s);
        if (fclose(f) != 0 || r < 0) {
                free(*ret);
                *ret = NULL;
                return -ENOMEM;
        }
        return 0;
}

int conf_text_values(const ConfSetting *s, char *const *values, size_t n, char **ret) {
        size_t size;
        FILE *f = open_memstream(ret, &size);

        if (!f)
                return -ENOMEM;
        put_values(f, s, values, n);
        if (fclose(f) != 0) {
                free(*ret);
                *ret = NULL;
                return -ENOMEM;
        }
        return 0;
}

static bool help_names_choices(const ConfSetting *s) {
        for (size_t i = 0; s->choices[i]; i++)
                if (!strstr(s->help, s->choices[i]))
                        return false;
        return true;
}

/* One setting with its help; commented out where nothing was chosen. */
static int put_setting(FILE *f, const ConfSetting *s, const Choice *o, const char *indent) {
        fprintf(f, "%s# %s", indent, s->help);
        if (s->choices && !help_names_choices(s)) {
                for (size_t i = 0; s->choices[i]; i++)
                        fprintf(f, "%s%s", i == 0 ? " (" : ", ", s->choices[i]);
                fputc(')', f);
        }
        fputc('\n', f);
        if (o) {
                fprintf(f, "%s%s = ", indent, s->name);
                put_values(f, s, o->values, o->n_values);
                fputs(";\n", f);
                return 0;
        }
        fprintf(f, "%s#%s = ", indent, s->name);
        if (put_fallback(f, s) < 0)
                return -ENOMEM;
        fputs(";\n", f);
        return 0;
}

static int put_zone(FILE *f, const Choices *c, size_t zone, bool last) {
        int r = 0;

        fputs("        {\n", f);
        for (const ConfSetting *s = conf_settings; r >= 0 && s->name; s++)
                if (s->scope == CONF_SCOPE_ZONE)
                        r = put_setting(f, s, find_choice(c, s, zone), "                ");
        fputs(last ? "        }\n" : "        },\n", f);
        return r;
}

/* What a zone may look like, all of it commented out. */
static int put_zone_example(FILE *f) {
        fputs("#zones = (\n#        {\n#                name = \"home.example.com\";\n", f);
        for (const ConfSetting *s = conf_settings; s->name; s++)
                if (s->scope == CONF_SCOPE_ZONE && !streq(s->name, "name")) {
                        int r = put_setting(f, s, NULL, "#                ");
                        if (r < 0)
                                return r;
                }
        fputs("#        }\n#);\n", f);
        return 0;
}

static int put_zones(FILE *f, const Choices *c) {
        fputs("\n# The zones that were delegated to this gateway.\n", f);
        if (!c || c->n_zones == 0)
                return put_zone_example(f);
        fputs("zones = (\n", f);
        for (size_t i = 0; i < c->n_zones; i++) {
                int r = put_zone(f, c, i, i + 1 == c->n_zones);
                if (r < 0)
                        return r;
        }
        fputs(");\n", f);
        return 0;
}

/* Ends the groups that the next row is not in, and begins those that it is in: rows of a group within
 * another stand behind the other's own. Returns how deep it is. */
static size_t put_group(FILE *f, const char *group, const char *next) {
        const char *inner = next ? strrchr(next, '.') : NULL, *outer = group ? strrchr(group, '.') : NULL;

        if (!streq_ptr(group, next)) {
                if (outer)
                        fputs("        };\n", f);
                if (inner)
                        fprintf(f, "        %s: {\n", inner + 1);
                else {
                        fputs(group ? "};\n" : "", f);
                        if (next)
                                fprintf(f, "\n%s: {\n", next);
                }
        }
        return !!next + !!inner;
}

static int put_main(FILE *f, const Choices *c) {
        static const char *const indents[] = { "", "        ", "                " };
        const char *group = NULL;
        size_t depth;
        int r;

        fputs("# hagw.conf: the settings of this gateway; hagw.conf(5) describes them.\n"
              "# What is commented out is the default. After an edit: hagw-ctl reload\n"
              "# The hosts stand in hosts.d/, a file each: hagw-ctl host add\n", f);
        r = put_zones(f, c);
        if (r < 0)
                return r;
        for (const ConfSetting *s = conf_settings; s->name; s++) {
                if (s->scope != CONF_SCOPE_MAIN)
                        continue;
                depth = put_group(f, group, s->group);
                group = s->group;
                if (!group)
                        fputc('\n', f);
                r = put_setting(f, s, find_choice(c, s, 0), indents[depth]);
                if (r < 0)
                        return r;
        }
        (void) put_group(f, group, NULL);
        return 0;
}

static int put_host(FILE *f, const Choices *c) {
        const char *group = NULL;

        fputs(CONF_TEXT_HOST_HEAD, f);
        for (const ConfSetting *s = conf_settings; s->name; s++) {
                const Choice *o = s->scope == CONF_SCOPE_HOST ? find_choice(c, s, 0) : NULL;

                if (!o)
                        continue;
                if (!streq_ptr(s->group, group)) {
                        fputs(group ? "};\n" : "", f);
                        fprintf(f, "%s: {\n", s->group);
                        group = s->group;
                }
                fprintf(f, "%s%s = ", group ? "        " : "", s->name);
                put_values(f, s, o->values, o->n_values);
                fputs(";\n", f);
        }
        fputs(group ? "};\n" : "", f);
        return 0;
}

static int to_text(int (*put)(FILE *f, const Choices *c), const Choices *c, char **ret) {
        char *text = NULL;
        size_t size;
        FILE *f = open_memstream(&text, &size);
        int r;

        if (!f)
                return -ENOMEM;
        r = put(f, c);
        if (fclose(f) != 0 || r < 0) {
                free(text);
                return r < 0 ? r : -ENOMEM;
        }
        *ret = text;
        return 0;
}

int conf_text_main(const Choices *c, char **ret) {
        return to_text(put_main, c, ret);
}

int conf_text_host(const Choices *c, char **ret) {
        return to_text(put_host, c, ret);
}
