/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* hagw-ctl complete WORDS…: how the last of the words could go on, a line each. The three shells' scripts
 * only ask this, so that they know every verb, option and name without a list of their own. */

#include <stdio.h>

#include "names.h"
#include "output.h"
#include "verbs.h"

static void offer(const char *candidate, const char *begun) {
        if (startswith(candidate, begun))
                output("%s\n", candidate);
}

static void offer_options(const Option *o, const char *begun) {
        char word[80];

        for (; o && o->name; o++) {
                (void) snprintf(word, sizeof(word), "--%s%s", o->name, o->value ? "=" : "");
                offer(word, begun);
        }
}

static void offer_verbs(const char *group, const char *begun) {
        const char *last = NULL;

        for (const Verb *v = verbs; v->name; v++) {
                if (v->names == NAMES_VERBS)
                        continue;
                if (group && streq_ptr(v->group, group))
                        offer(v->name, begun);
                else if (!group && !(v->group && streq_ptr(last, v->group))) {
                        offer(v->group ?: v->name, begun);
                        last = v->group;
                }
        }
}

static int offer_names(const Call *call, Names kind, const char *begun) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *array = NULL;

        if (names_list(kind, call->config_dir, begun, &array) < 0)
                return -ENOMEM;
        for (size_t i = 0; i < sd_json_variant_elements(array); i++)
                offer(strempty(sd_json_variant_string(sd_json_variant_by_index(array, i))), begun);
        return 0;
}

int verb_complete(const Call *call) {
        const char *begun = call->n_arguments > 0 ? call->arguments[call->n_arguments - 1] : "";
        const char *words[2] = {};
        unsigned n_words = 0;
        const Verb *verb = NULL;

        for (unsigned i = 0; i + 1 < call->n_arguments; i++)
                if (*call->arguments[i] != '-' && n_words < ELEMENTSOF(words))
                        words[n_words++] = call->arguments[i];
        for (const Verb *v = verbs; v->name && n_words > 0 && !verb; v++)
                if (!v->group ? streq(v->name, words[0]) :
                                n_words > 1 && streq(v->group, words[0]) && streq(v->name, words[1]))
                        verb = v;
        if (*begun == '-') {
                offer_options(verb ? verb->options : NULL, begun);
                offer_options(common_options, begun);
        } else if (verb)
                return offer_names(call, verb->names, begun);
        else if (n_words < 2)
                offer_verbs(n_words > 0 ? words[0] : NULL, begun);
        return CTL_OK;
}
