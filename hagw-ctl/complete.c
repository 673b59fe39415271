/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* hagw-ctl complete WORDS…: how the last of the words could go on, a line each. The three shells' scripts
 * only ask this, so that they know every verb, option and name without a list of their own. */

#include <stdio.h>

#include "hagw-ctl/client.h"
#include "hagw-ctl/hostfile.h"
#include "hagw-ctl/names.h"
#include "hagw-ctl/output.h"
#include "hagw-ctl/verbs.h"

/* before: what stands in front of it in the same word, "--host=". */
static void offer_behind(const char *before, const char *candidate, const char *begun) {
        if (startswith(candidate, begun))
                output("%s%s\n", before, candidate);
}

static void offer(const char *candidate, const char *begun) {
        offer_behind("", candidate, begun);
}

static void offer_options(const Option *o, const char *begun) {
        char word[80];

        for (; o && o->name; o++) {
                (void) snprintf(word, sizeof(word), "--%s%s", o->name, o->value ? "=" : "");
                offer(word, begun);
        }
}

typedef char Words[VERB_WORDS_MAX][32];

/* The words that were given, and those that the verb begins with, agree. */
static bool verb_begins(const Words words, const Words given, size_t n_given) {
        for (size_t i = 0; i < n_given; i++)
                if (!streq(words[i], given[i]))
                        return false;
        return true;
}

static void offer_verbs(const Words given, size_t n_given, const char *begun) {
        char last[32] = "";

        for (const Verb *v = verbs; v->name; v++) {
                Words words;

                if (v->names == NAMES_VERBS || verb_get_words(v, words) <= n_given ||
                    !verb_begins(words, given, n_given) || streq(words[n_given], last))
                        continue;
                (void) stpcpy(last, words[n_given]);
                offer(last, begun);
        }
}

/* The verb whose words are all given; what follows are its arguments. */
static const Verb *find_verb(const Words given, size_t n_given) {
        for (const Verb *v = verbs; v->name; v++) {
                Words words;
                size_t n = verb_get_words(v, words);

                if (n <= n_given && verb_begins(given, words, n))
                        return v;
        }
        return NULL;
}

/* At that place among the verb's arguments: of "HOST…" each is such a name, of "HOST [UPSTREAM]" the first.
 */
static Names names_at(const Verb *v, size_t place) {
        return place == 0 || !strchr(v->arguments, ' ') || v->names == NAMES_FILES ? v->names : v->then;
}

static int offer_names(const Call *call, Names kind, const char *before, const char *begun) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *array = NULL;

        if (names_list(kind, call->config_dir, begun, &array) < 0)
                return -ENOMEM;
        for (size_t i = 0; i < sd_json_variant_elements(array); i++)
                offer_behind(before, strempty(sd_json_variant_string(sd_json_variant_by_index(array, i))),
                             begun);
        return 0;
}

static const Option *find_value_option(const Option *o, const char *word) {
        for (; o && o->name; o++)
                if (o->value && ((o->letter && word[0] == '-' && word[1] == o->letter && !word[2]) ||
                                 (startswith(word, "--") && streq(word + 2, o->name))))
                        return o;
        return NULL;
}

/* The option that a word is and whose value comes next; where the verb is not known yet, any verb's. NULL:
 * it is none, or holds its value already. */
static const Option *takes_next(const Verb *verb, const char *word) {
        const Option *o = *word == '-' ? find_value_option(common_options, word) : NULL;

        if (verb && !o && *word == '-')
                return find_value_option(verb->options, word);
        for (const Verb *v = verbs; v->name && !o && *word == '-'; v++)
                o = find_value_option(v->options, word);
        return o;
}

/* What an option's value can be; nothing where that is a file, or the person's own word. */
static int offer_values(const Call *call, const Option *o, const char *before, const char *begun) {
        static const struct {
                const char *option, *value;
                Names kind;
        } rows[] = {
                { "host", "HOST", NAMES_HOSTS },   { "embedded-by", "HOST", NAMES_HOSTS },
                { "group", "GROUP", NAMES_GROUPS }, { "group", "NAME", NAMES_GROUPS },
                { "user", "NAME", NAMES_USERS },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                if (streq(o->name, rows[i].option) && streq(o->value, rows[i].value))
                        return offer_names(call, rows[i].kind, before, begun);
        if (streq(o->value, "WORD"))
                for (const char *const *c = host_option_choices(o->name); c && *c; c++)
                        offer_behind(before, *c, begun);
        for (const DaemonRow *d = daemon_rows; streq(o->name, "daemon") && d->name; d++)
                offer_behind(before, d->name + strlen("hagw-"), begun);
        for (const char *const *u = log_other_units; streq(o->name, "daemon") && *u; u++)
                offer_behind(before, *u, begun);
        return CTL_OK;
}

/* "--option=" and what was begun of its value, in one word. false: it is none. */
static bool split_option(const Verb *verb, const char *word, char *before, size_t size,
                         const char **ret_begun, const Option **ret) {
        const char *equal = startswith(word, "--") ? strchr(word, '=') : NULL;
        char name[80];

        if (!equal || (size_t) (equal - word) >= sizeof(name))
                return false;
        (void) snprintf(name, sizeof(name), "%.*s", (int) (equal - word), word);
        (void) snprintf(before, size, "%s=", name);
        *ret_begun = equal + 1;
        *ret = takes_next(verb, name);
        return true;
}

int verb_complete(const Call *call) {
        const char *before = call->n_arguments > 1 ? call->arguments[call->n_arguments - 2] : "";
        const Option *option;
        const char *value, *begun = call->n_arguments > 0 ? call->arguments[call->n_arguments - 1] : "";
        char in_front[90];
        Words given, words;
        size_t n_given = 0, n_all = 0;
        const Verb *verb;

        for (unsigned i = 0; i + 1 < call->n_arguments; i++)
                if (takes_next(NULL, call->arguments[i]))
                        i++;
                else if (*call->arguments[i] == '-' || (n_all == 0 && streq(call->arguments[i], "help")))
                        continue; /* whose arguments are verbs */
                else if (n_all++ < ELEMENTSOF(given))
                        (void) snprintf(given[n_given++], sizeof(*given), "%s", call->arguments[i]);
        verb = find_verb(given, n_given);
        option = takes_next(verb, before);
        if (option)
                return offer_values(call, option, "", begun);
        if (split_option(verb, begun, in_front, sizeof(in_front), &value, &option))
                return option ? offer_values(call, option, in_front, value) : CTL_OK;
        if (*begun == '-') {
                offer_options(verb ? verb->options : NULL, begun);
                offer_options(common_options, begun);
        } else if (verb)
                return offer_names(call, names_at(verb, n_all - verb_get_words(verb, words)), "", begun);
        else if (n_given < VERB_WORDS_MAX)
                offer_verbs(given, n_given, begun);
        return CTL_OK;
}
