/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The help texts, made from the table of verbs. */

#include <systemd/sd-json.h>

#include "hagw-ctl/help.h"
#include "hagw-ctl/output.h"
#include "hagw-ctl/terminal.h"
#include "hagw-ctl/text.h"
#include "libhagw/log.h"

#define WIDTH 80U       /* where there is no terminal */
#define COLUMN 34U      /* where the descriptions start, */
#define COLUMN_BELOW 8U /* or, each below its word, on a terminal with less room than that leaves them */
#define BESIDE_MIN 72U

/* As prose is, which leaves the last column free. */
static unsigned width_of(FILE *f) {
        const unsigned columns = terminal_columns(fileno(f));

        return columns > 0 ? columns - 1 : WIDTH;
}

/* Words from column `at` on; further lines begin in column `indent`. */
static void print_wrapped(FILE *f, unsigned at, unsigned indent, const char *text) {
        const unsigned max = width_of(f);
        char word[256];

        for (bool first = true; *text; first = false) {
                const size_t n = strcspn(text, " ");
                unsigned width;

                (void) snprintf(word, sizeof(word), "%.*s", (int) n, text);
                width = (unsigned) text_width(word);
                if (!first && at + 1 + width > max) {
                        fprintf(f, "\n%*s", (int) indent, "");
                        at = indent;
                } else if (!first) {
                        fputc(' ', f);
                        at++;
                }
                fputs(word, f);
                at += width;
                text += n + strspn(text + n, " ");
        }
        fputc('\n', f);
}

/* A word that is too long has a line of its own. */
static void print_row(FILE *f, const char *word, const char *help) {
        const unsigned width = 2 + (unsigned) text_width(word),
                       column = width_of(f) >= BESIDE_MIN ? COLUMN : COLUMN_BELOW;

        if (width < column)
                fprintf(f, "  %s%*s", word, (int) (column - width), "");
        else
                fprintf(f, "  %s\n%*s", word, (int) column, "");
        print_wrapped(f, column, column, help);
}

static void print_options(FILE *f, const Option *o) {
        for (; o && o->name; o++) {
                char word[64], letter[4] = "  ";

                if (o->letter)
                        (void) snprintf(letter, sizeof(letter), "-%c", o->letter);
                (void)snprintf(word, sizeof(word), "%s --%s%s%s", letter, o->name, o->value ? "=" : "",
                               strempty(o->value));
                print_row(f, word, o->help);
        }
}

static void print_verb_line(FILE *f, const Verb *v) {
        char word[64];

        (void)snprintf(word, sizeof(word), "%s%s%s %s", strempty(v->group), v->group ? " " : "", v->name,
                       v->arguments);
        print_row(f, word, v->help);
}

void help_print(FILE *f) {
        fprintf(f, "hagw-ctl [OPTIONS…] VERB [ARGUMENTS…]\n\nDrives the Home Assistant Gateway of this "
                   "machine.\n\nVerbs:\n");
        for (const Verb *v = verbs; v->name; v++)
                print_verb_line(f, v);
        fprintf(f, "\nOptions:\n");
        print_options(f, common_options);
        fputc('\n', f);
        print_wrapped(f, 0, 0, "hagw-ctl VERB --help tells a verb's own options; see also hagw-ctl(8) and "
                               "hagw.conf(5).");
}

/* The group itself, or one within it. */
static bool group_has(const char *group, const char *other) {
        const char *rest = startswith(other, group);

        return rest && (!*rest || *rest == ' ');
}

void help_print_group(FILE *f, const char *group) {
        fprintf(f, "hagw-ctl %s VERB [ARGUMENTS…]\n\nVerbs:\n", group);
        for (const Verb *v = verbs; v->name; v++)
                if (v->group && group_has(group, v->group))
                        print_verb_line(f, v);
}

void help_print_verb(FILE *f, const Verb *v) {
        fprintf(f, "hagw-ctl %s%s%s [OPTIONS…]%s%s\n\n", strempty(v->group), v->group ? " " : "", v->name,
                *v->arguments ? " " : "", v->arguments);
        print_wrapped(f, 0, 0, v->help);
        if (v->options && v->options->name) {
                fprintf(f, "\nOptions:\n");
                print_options(f, v->options);
        }
        fprintf(f, "\nCommon options:\n");
        print_options(f, common_options);
}

static int append_options(sd_json_variant **array, const Option *o) {
        int r = sd_json_variant_new_array(array, NULL, 0);

        for (; r >= 0 && o && o->name; o++)
                r = sd_json_variant_append_arraybo(
                                array, SD_JSON_BUILD_PAIR("name", SD_JSON_BUILD_STRING(o->name)),
                                SD_JSON_BUILD_PAIR("value", SD_JSON_BUILD_STRING(o->value)),
                                SD_JSON_BUILD_PAIR("help", SD_JSON_BUILD_STRING(o->help)));
        return r;
}

int help_print_json(void) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *list = NULL, *common = NULL, *whole = NULL;
        int r;

        r = append_options(&common, common_options);
        for (const Verb *v = verbs; r >= 0 && v->name; v++) {
                _cleanup_(sd_json_variant_unrefp) sd_json_variant *options = NULL;

                r = append_options(&options, v->options);
                if (r < 0)
                        break;
                r = sd_json_variant_append_arraybo(
                                &list, SD_JSON_BUILD_PAIR("group", SD_JSON_BUILD_STRING(v->group)),
                                SD_JSON_BUILD_PAIR("name", SD_JSON_BUILD_STRING(v->name)),
                                SD_JSON_BUILD_PAIR("arguments", SD_JSON_BUILD_STRING(v->arguments)),
                                SD_JSON_BUILD_PAIR("help", SD_JSON_BUILD_STRING(v->help)),
                                SD_JSON_BUILD_PAIR("options", SD_JSON_BUILD_VARIANT(options)));
        }
        if (r >= 0)
                r = sd_json_buildo(&whole, SD_JSON_BUILD_PAIR("verbs", SD_JSON_BUILD_VARIANT(list)),
                                   SD_JSON_BUILD_PAIR("common", SD_JSON_BUILD_VARIANT(common)));
        return r < 0 ? r : output_json(whole);
}

int verb_help(const Call *call) {
        const char *group = call->n_arguments > 0 ? call->arguments[0] : NULL,
                   *name = call->n_arguments > 1 ? call->arguments[1] : NULL;

        if (call->json)
                return help_print_json() < 0 ? CTL_FAILED : CTL_OK;
        if (!group) {
                help_print(stdout);
                return CTL_OK;
        }
        for (const Verb *v = verbs; v->name; v++) {
                const bool found = name ? streq_ptr(v->group, group) && streq(v->name, name) :
                                          !v->group && streq(v->name, group);

                if (found)
                        help_print_verb(stdout, v);
                else if (!name && streq_ptr(v->group, group))
                        help_print_group(stdout, group);
                else
                        continue;
                return CTL_OK;
        }
        log_error("There is no verb \"%s%s%s\"; hagw-ctl help shows them.", group, name ? " " : "",
                  strempty(name));
        return CTL_USAGE;
}

int verb_version(const Call *call) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;

        if (!call->json) {
                output("hagw " PACKAGE_VERSION "\n");
                return CTL_OK;
        }
        if (sd_json_buildo(&v, SD_JSON_BUILD_PAIR("version", SD_JSON_BUILD_STRING(PACKAGE_VERSION))) < 0 ||
            output_json(v) < 0)
                return log_oom();
        return CTL_OK;
}
