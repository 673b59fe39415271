/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Strings, comments and brackets up to the line that libconfig names. */

#include <stdio.h>

#include "libhagw/conf-where.h"

#define DEPTH_MAX 32U /* brackets within brackets; deeper ones are not told apart */

typedef struct Scan {
        const char *p;
        unsigned line, last; /* the last one to be looked at */
        struct {
                char bracket;
                unsigned line;
        } open[DEPTH_MAX];
        size_t depth;
        unsigned string; /* where the first one of several lines begins; 0: there is none */
} Scan;

static void step(Scan *s) {
        s->line += *s->p == '\n';
        s->p++;
}

/* Behind the next end, or at the end of the text. */
static void skip_to(Scan *s, const char *end) {
        while (*s->p && !startswith(s->p, end))
                step(s);
        for (; *s->p && *end; end++)
                step(s);
}

static void skip_string(Scan *s) {
        const unsigned begin = s->line;

        step(s);
        while (*s->p && *s->p != '"') {
                if (*s->p == '\\' && s->p[1])
                        step(s);
                step(s);
        }
        /* Each behind the first one begins where that should have ended. */
        if ((s->line > begin || !*s->p) && s->string == 0)
                s->string = begin;
        if (*s->p)
                step(s);
}

static bool is_end_of(char closing, char opening) {
        return closing == (opening == '(' ? ')' : opening == '[' ? ']' : '}');
}

/* Returns the line where the brackets do not fit, as out says, or 0. */
static unsigned take_bracket(Scan *s, char *out) {
        if (strchr("([{", *s->p)) {
                if (s->depth < DEPTH_MAX) {
                        s->open[s->depth].bracket = *s->p;
                        s->open[s->depth].line = s->line;
                }
                s->depth++;
                return 0;
        }
        if (s->depth == 0) {
                (void) snprintf(out, CONF_WHERE_MAX, ": \"%c\" closes nothing", *s->p);
                return s->line;
        }
        if (--s->depth >= DEPTH_MAX || is_end_of(*s->p, s->open[s->depth].bracket))
                return 0;
        (void) snprintf(out, CONF_WHERE_MAX, ": \"%c\" is not closed before \"%c\" in line %u",
                        s->open[s->depth].bracket, *s->p, s->line);
        return s->open[s->depth].line;
}

/* Returns the line where a bracket does not fit, or 0. */
static unsigned scan(Scan *s, char *out) {
        unsigned wrong = 0;

        while (*s->p && s->line <= s->last && wrong == 0)
                if (*s->p == '#' || startswith(s->p, "//"))
                        skip_to(s, "\n");
                else if (startswith(s->p, "/*"))
                        skip_to(s, "*/");
                else if (*s->p == '"')
                        skip_string(s);
                else {
                        wrong = strchr("([{)]}", *s->p) ? take_bracket(s, out) : 0;
                        step(s);
                }
        return wrong;
}

unsigned conf_where(const char *text, unsigned line, char out[static CONF_WHERE_MAX]) {
        Scan s = { .p = text, .line = 1, .last = line };
        unsigned at;

        *out = '\0';
        at = scan(&s, out);
        /* A string over several lines is hardly ever meant: it ends where the next one was to begin. */
        if (s.string > 0) {
                (void) snprintf(out, CONF_WHERE_MAX, ": the quote in this line is not closed in it");
                return s.string;
        }
        if (at > 0)
                return at;
        if (!*s.p && s.depth > 0 && s.depth <= DEPTH_MAX) {
                (void) snprintf(out, CONF_WHERE_MAX, ": \"%c\" is not closed", s.open[s.depth - 1].bracket);
                return s.open[s.depth - 1].line;
        }
        (void) snprintf(out, CONF_WHERE_MAX, " in this line, or at the end of what stands before it");
        return line;
}
