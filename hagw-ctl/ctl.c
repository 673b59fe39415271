/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* hagw-ctl: reads the command line by the table of verbs and runs one. */

#include <getopt.h>
#include <locale.h>
#include <stdio.h>

#include "hagw-ctl/help.h"
#include "hagw-ctl/output.h"
#include "hagw-ctl/unset.h"
#include "hagw-ctl/verbs.h"
#include "libhagw/log.h"
#include "libhagw/pure/suggest.h"

#define WORDS_MAX 64U
#define LETTERS_MAX 64U

/* Of an option that takes no value, the one that says no. NULL: the verb has none. */
static const char *find_opposite(const Verb *verb, const char *name) {
        static const struct {
                const char *name, *opposite;
        } rows[] = { { "suspend", "enable" }, { "enable", "suspend" } };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                for (const Option *o = verb ? verb->options : NULL; o && o->name; o++)
                        if (streq(rows[i].name, name) && streq(rows[i].opposite, o->name))
                                return o->name;
        return NULL;
}

/* The one word that begins so, where there is one only. */
static const char *find_longer(const char *begun, const char *const *words) {
        const char *found = NULL;

        for (; strlen(begun) >= 3 && *words; words++)
                if (startswith(*words, begun)) {
                        if (found && !streq(found, *words))
                                return NULL;
                        found = *words;
                }
        return found;
}

static void refuse_option(const Verb *verb, const char *word) {
        const char *names[WORDS_MAX + 1], *near;
        char bare[64];
        size_t n = 0;

        for (const Option *o = common_options; o->name; o++)
                names[n++] = o->name;
        for (const Option *o = verb ? verb->options : NULL; o && o->name && n < WORDS_MAX; o++)
                names[n++] = o->name;
        names[n] = NULL;
        (void) snprintf(bare, sizeof(bare), "%.*s", (int) strcspn(word + 2 * !!startswith(word, "--"), "="),
                        word + 2 * !!startswith(word, "--"));
        near = find_longer(bare, names) ?: suggest(bare, names);
        if (streq_ptr(near, bare) && startswith(word, "--")) {
                const char *opposite = find_opposite(verb, bare);

                log_error("--%s takes no value%s%s.", bare, opposite ? "; its opposite is --" : "",
                          strempty(opposite));
        } else if (near && startswith(word, "--"))
                log_error("There is no option --%s; did you mean --%s?", bare, near);
        else
                log_error("There is no option %s%s; see hagw-ctl %s%s%s%s--help.",
                          startswith(word, "--") ? "--" : "", bare, verb ? strempty(verb->group) : "",
                          verb && verb->group ? " " : "", verb ? verb->name : "", verb ? " " : "");
}

/* The table as getopt_long(3) wants it; val is 256 + the index, so that letters do not meet it. */
static size_t list_options(const Verb *verb, const Option **list, struct option *ret, char *ret_letters) {
        size_t n = 0;

        *ret_letters++ = verb ? ':' : '+'; /* before the verb: stop at the first word */
        if (!verb)
                *ret_letters++ = ':';
        for (const Option *o = common_options; o->name; o++)
                list[n++] = o;
        for (const Option *o = verb ? verb->options : NULL; o && o->name && n < WORDS_MAX; o++)
                list[n++] = o;
        for (size_t i = 0; i < n; i++) {
                ret[i] = (struct option) { list[i]->name, list[i]->value ? required_argument : no_argument,
                                          NULL, 256 + (int) i };
                if (list[i]->letter) {
                        *ret_letters++ = list[i]->letter;
                        if (list[i]->value)
                                *ret_letters++ = ':';
                }
        }
        ret[n] = (struct option) {};
        *ret_letters = '\0';
        return n;
}

static const Option *find_option(const Option *const *list, size_t n, int c) {
        if (c >= 256)
                return list[c - 256];
        for (size_t i = 0; i < n; i++)
                if (list[i]->letter == c)
                        return list[i];
        return NULL;
}

static int take_option(Call *call, const Option *o, const char *value) {
        if (call->n_given >= CALL_OPTIONS_MAX) {
                log_error("More than %u options.", CALL_OPTIONS_MAX);
                return -EINVAL;
        }
        for (unsigned i = 0; o->value && !o->many && i < call->n_given; i++)
                if (call->given[i].option == o && !streq(call->given[i].value, strempty(value))) {
                        log_error("--%s is given twice, as \"%s\" and as \"%s\": which is meant?", o->name,
                                  call->given[i].value, value);
                        return -EINVAL;
                }
        call->given[call->n_given].option = o;
        call->given[call->n_given++].value = strempty(value);
        if (streq(o->name, "json"))
                call->json = true;
        else if (streq(o->name, "config"))
                call->config_dir = value;
        return 0;
}

/* Reads options from optind on; -EINVAL after an error was told. */
static int read_options(Call *call, int argc, char *argv[]) {
        const Option *list[WORDS_MAX], *o;
        struct option table[WORDS_MAX + 1];
        char letters[LETTERS_MAX];
        size_t n = list_options(call->verb, list, table, letters);
        int c, at = MAX(optind, 1);

        opterr = 0;
        while ((c = getopt_long(argc, argv, letters, table, NULL)) >= 0) {
                if (c == '?' || c == ':') {
                        const char *word = argv[MAX(optind - 1, at)];
                        if (c == ':')
                                log_error("%s needs a value; see --help.", word);
                        else
                                refuse_option(call->verb, word);
                        return -EINVAL;
                }
                o = find_option(list, n, c);
                assert(o);
                if (take_option(call, o, optarg) < 0)
                        return -EINVAL;
                at = optind;
        }
        return 0;
}

static const Verb *find_verb(const char *group, const char *name) {
        for (const Verb *v = verbs; v->name; v++)
                if (streq_ptr(v->group, group) && streq(v->name, name))
                        return v;
        return NULL;
}

static bool is_group(const char *word) {
        for (const Verb *v = verbs; v->name; v++)
                if (v->group && streq(v->group, word))
                        return true;
        return false;
}

/* What other programs call it. */
static const struct {
        const char *word, *ours;
} synonyms[] = {
        { "create", "add" },    { "new", "add" },    { "del", "remove" },   { "delete", "remove" },
        { "rm", "remove" },     { "ls", "list" },    { "edit", "set" },     { "change", "set" },
        { "modify", "set" },    { "update", "set" }, { "info", "show" },    { "password", "passwd" },
        { "install", "setup" }, { "logs", "log" },   { "restart", "reload" },
};

static const char *find_synonym(const char *group, const char *word) {
        for (size_t i = 0; i < ELEMENTSOF(synonyms); i++)
                if (streq(synonyms[i].word, word) && find_verb(group, synonyms[i].ours))
                        return synonyms[i].ours;
        return NULL;
}

/* In whichever group. */
static const char *find_synonym_of_groups(const char *word) {
        for (size_t i = 0; i < ELEMENTSOF(synonyms); i++)
                if (streq(synonyms[i].word, word))
                        return synonyms[i].ours;
        return NULL;
}

#define SUSPEND "did you mean \"tenant set TENANT --suspend\"?"
#define ENABLE "did you mean \"tenant set TENANT --enable\"?"
#define TWO_STEPS "a new name is a new one: add it, then remove the old one."

/* What is a verb elsewhere, and here is done in another way. */
static const struct {
        const char *group, *word, *way;
} other_ways[] = {
        { "tenant", "suspend", SUSPEND },
        { "tenant", "disable", SUSPEND },
        { "tenant", "unsuspend", ENABLE },
        { "tenant", "resume", ENABLE },
        { "tenant", "enable", ENABLE },
        { "host", "rename", TWO_STEPS },
        { "user", "rename", TWO_STEPS },
        { NULL, "uninstall", "the system's packages do that: apt remove hagw, or dnf remove hagw." },
        { NULL, "upgrade", "the system's packages do that: apt install ./hagw_*.deb, say." },
        { NULL, "update", "the system's packages do that: apt install ./hagw_*.deb, say." },
        { NULL, "backup", "/etc/hagw and /var/lib/hagw* are all there is to keep; see hagw(7)." },
        { NULL, "enable", "systemctl enable --now hagw.target does that." },
        { NULL, "disable", "systemctl disable --now hagw.target 'hagw-*' does that." },
        { NULL, "start", "systemctl start hagw.target does that." },
        { NULL, "stop", "systemctl stop hagw.target 'hagw-*' does that." },
        { NULL, "reboot", "systemctl reboot starts this machine anew, systemctl restart hagw.target hagw." },
};

static const char *find_other_way(const char *group, const char *word) {
        for (size_t i = 0; i < ELEMENTSOF(other_ways); i++)
                if (streq_ptr(group, other_ways[i].group) && streq(other_ways[i].word, word))
                        return other_ways[i].way;
        return NULL;
}

/* For what was mistyped. */
static const char *find_near_way(const char *group, const char *word) {
        const char *words[ELEMENTSOF(other_ways) + 1], *near;
        size_t n = 0;

        for (size_t i = 0; i < ELEMENTSOF(other_ways); i++)
                if (streq_ptr(group, other_ways[i].group))
                        words[n++] = other_ways[i].word;
        words[n] = NULL;
        near = suggest(word, words);
        return near ? find_other_way(group, near) : NULL;
}

/* "host add, user add or tenant add": the verbs of groups that are called so; "" where none is. */
static void list_of_groups(const char *name, char *out, size_t size) {
        const char *ours = find_synonym_of_groups(name) ?: name;
        const Verb *last = NULL;
        size_t n = 0;

        *out = '\0';
        for (const Verb *v = verbs; v->name; v++) {
                if (!v->group || strchr(v->group, ' ') || !streq(v->name, ours))
                        continue;
                if (last && n < size)
                        n += (size_t) snprintf(out + n, size - n, "%s%s %s", n > 0 ? ", " : "", last->group,
                                               last->name);
                last = v;
        }
        if (last && n < size)
                (void) snprintf(out + n, size - n, "%s%s %s", n > 0 ? " or " : "", last->group, last->name);
}

static void refuse_for(const char *group, const char *word, const char *way) {
        log_error("There is no verb \"%s%s%s\"; %s", strempty(group), group ? " " : "", word, way);
}

static void refuse_verb(const char *group, const char *word) {
        const char *words[WORDS_MAX + 1], *near, *way = find_other_way(group, word);
        char groups[256] = "";
        size_t n = 0;

        if (way) {
                refuse_for(group, word, way);
                return;
        }
        for (const Verb *v = verbs; v->name && n < WORDS_MAX; v++)
                if (!group || streq_ptr(v->group, group))
                        words[n++] = group ? v->name : v->group ?: v->name;
        words[n] = NULL;
        if (!group)
                list_of_groups(word, groups, sizeof(groups));
        near = find_synonym(group, word) ?: *groups ? groups : NULL;
        near = near ?: find_longer(word, words) ?: suggest(word, words);
        way = near ? NULL : find_near_way(group, word);
        if (way) {
                refuse_for(group, word, way);
                return;
        }
        log_error("There is no verb \"%s%s%s\"; %s%s%s%s%s", strempty(group), group ? " " : "", word,
                  near ? "did you mean \"" : "see hagw-ctl ", strempty(group), group ? " " : "",
                  near ?: "--help", near ? "\"?" : ".");
}

/* Finds the verb at argv[optind] and passes its words. 0: found; CTL_…: told. */
static int read_verb(Call *call, int argc, char *argv[]) {
        const char *word = argv[optind], *second = optind + 1 < argc ? argv[optind + 1] : NULL;
        char longer[64];

        call->verb = find_verb(NULL, word);
        if (call->verb) {
                optind++;
                return CTL_OK;
        }
        if (!is_group(word)) {
                refuse_verb(NULL, word);
                return CTL_USAGE;
        }
        if (second && snprintf(longer, sizeof(longer), "%s %s", word, second) < (int) sizeof(longer) &&
            is_group(longer)) {
                word = longer;
                second = ++optind + 1 < argc ? argv[optind + 1] : NULL;
        }
        if (!second || *second == '-') {
                bool asked = second && (streq(second, "--help") || streq(second, "-h"));

                if (!asked && call->json) {
                        log_error("A verb is missing behind \"%s\"; hagw-ctl %s --help shows them.", word,
                                  word);
                        return CTL_USAGE;
                }
                help_print_group(asked ? stdout : stderr, word);
                return asked ? -ECANCELED : CTL_USAGE;
        }
        call->verb = find_verb(word, second);
        if (!call->verb) {
                refuse_verb(word, second);
                return CTL_USAGE;
        }
        optind += 2;
        return CTL_OK;
}

static int read_arguments(Call *call, int argc, char *argv[]) {
        const Verb *v = call->verb;

        if (v->names == NAMES_VERBS && argc > 1 && streq(argv[1], "--"))
                optind++;
        for (; optind < argc; optind++) {
                if (call->n_arguments >= v->arguments_max) {
                        log_error("\"%s\" is one argument too many: hagw-ctl %s%s%s%s%s", argv[optind],
                                  strempty(v->group), v->group ? " " : "", v->name,
                                  *v->arguments ? " " : "", v->arguments);
                        return CTL_USAGE;
                }
                call->arguments[call->n_arguments++] = argv[optind];
        }
        if (call->n_arguments < v->arguments_min) {
                log_error("Too few arguments: hagw-ctl %s%s%s %s", strempty(v->group),
                          v->group ? " " : "", v->name, v->arguments);
                return CTL_USAGE;
        }
        return CTL_OK;
}

static int status_of(int r) {
        if (r >= 0)
                return r;
        switch (-r) {
        case EACCES:
        case EPERM:
                return CTL_DENIED;
        case ENOTCONN:
        case ETIMEDOUT:
                return CTL_UNREACHABLE;
        case EINVAL:
                return CTL_USAGE;
        default:
                return CTL_FAILED;
        }
}

static int answer_common(const Call *call) {
        if (call_option(call, "help")) {
                if (call->json)
                        return help_print_json() < 0 ? CTL_FAILED : CTL_OK;
                if (call->verb)
                        help_print_verb(stdout, call->verb);
                else
                        help_print(stdout);
                return CTL_OK;
        }
        if (call_option(call, "version")) {
                output("hagw " PACKAGE_VERSION "\n");
                return CTL_OK;
        }
        return -ENOENT;
}

/* What is wrong with the command line is told in the form that its end may ask for. */
static bool wants_json(char *argv[]) {
        for (; *argv && !streq(*argv, "--"); argv++)
                if (streq(*argv, "--json") || streq(*argv, "-j"))
                        return true;
        return false;
}

int main(int argc, char *argv[]) {
        Call call = { .config_dir = HAGW_CONF_DIR, .json = wants_json(argv + 1) };
        int r;

        (void) setlocale(LC_ALL, "");
        log_setup("hagw-ctl");
        log_set_json(call.json);
        log_set_writer(output_error_line);
        if (read_options(&call, argc, argv) < 0)
                return CTL_USAGE;
        r = answer_common(&call);
        if (r >= 0)
                return r;
        if (optind >= argc && call.json) {
                log_error("A verb is missing; hagw-ctl --help shows them.");
                return CTL_USAGE;
        }
        if (optind >= argc) {
                help_print(stderr);
                return CTL_USAGE;
        }
        r = read_verb(&call, argc, argv);
        if (r != CTL_OK)
                return r == -ECANCELED ? CTL_OK : r;
        /* From here on options may stand among the arguments; glibc forgets the "+" of before when optind is
         * 0. */
        argv += optind - 1;
        argc -= optind - 1;
        optind = call.verb->names == NAMES_VERBS ? 1 : 0;
        /* What is completed is somebody else's command line. */
        if (call.verb->names != NAMES_VERBS && read_options(&call, argc, argv) < 0)
                return CTL_USAGE;
        r = answer_common(&call);
        if (r >= 0)
                return r;
        r = read_arguments(&call, argc, argv);
        if (r != CTL_OK)
                return r;
        unset_use(call.config_dir);
        if (call.verb->machine && call_check_draft(&call, "") < 0)
                return CTL_USAGE;
        return status_of(call.verb->run(&call));
}
