/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A group or a list that is not there yet is made below a line that says by whom, and so known again when it
 * is empty. No I/O. */

#include <stdio.h>

#include "hagw-ctl/confedit.h"
#include "hagw-ctl/confrelay.h"
#include "hagw-ctl/confspan.h"
#include "hagw-ctl/confzone.h"

#define MARK "\n# Written by hagw-ctl attach; detach takes it out again.\n"
#define GROUP MARK "relay: {\n};"
#define LIST MARK "zones = (\n);"

/* At the end. A text without a line end at its own keeps that: cut() knows by it that one was put
 * between. */
static int append(char **text, const char *name, const char *block) {
        _cleanup_free_ char *with = NULL;
        size_t n = strlen(*text);
        bool ended = n == 0 || (*text)[n - 1] == '\n';
        Span setting, value;

        if (!confspan_is_closed(*text))
                return -EBADMSG;
        if (confspan_find_member(*text, 0, name, &setting, &value))
                return 0;
        if (asprintf(&with, ended ? "%s\n" : "\n%s", block) < 0) {
                with = NULL;
                return -ENOMEM;
        }
        return confspan_replace(text, (Span) { n, n }, with);
}

static int cut(char **text, const char *name, const char *block) {
        size_t begin, n = strlen(block);
        Span setting, value;

        if (!confspan_find_member(*text, 0, name, &setting, &value))
                return 0;
        begin = setting.end - MIN(setting.end, n);
        if (!startswith(*text + begin, block))
                return 0;
        if ((*text)[begin + n] == '\n')
                n++;
        else if (begin > 0 && (*text)[begin - 1] == '\n') {
                begin--;
                n++;
        }
        return confspan_replace(text, (Span) { begin, begin + n }, "");
}

int confrelay_attach(char **text, const char *address, const char *tenant, const char *pin,
                     const char *zone) {
        int r;

        r = append(text, "relay", GROUP);
        /* A new one stands before those that are there. */
        if (r >= 0 && pin)
                r = confedit_set(text, "relay", "pin", pin);
        if (r >= 0)
                r = confedit_set(text, "relay", "tenant", tenant);
        if (r >= 0)
                r = confedit_set(text, "relay", "address", address);
        if (r >= 0 && zone)
                r = append(text, "zones", LIST);
        if (r >= 0 && zone)
                r = confzone_add(text, zone, "relay");
        return r;
}

bool confrelay_trusts(const Config *c) {
        return c->relay.opened == CONF_OPENED_ACCEPT || c->relay.private_ == CONF_OPENED_ACCEPT;
}

int confrelay_detach(char **text, const Config *c) {
        static const char *const names[] = { "address", "tenant", "pin", "opened", "private" };
        int r = 0;

        for (size_t i = 0; r >= 0 && i < (confrelay_trusts(c) ? ELEMENTSOF(names) : 3U); i++)
                r = confedit_unset(text, "relay", names[i]);
        for (size_t i = 0; r >= 0 && i < c->n_zones; i++)
                if (c->zones[i].via == CONF_VIA_RELAY)
                        r = confzone_remove(text, c->zones[i].name);
        if (r >= 0)
                r = cut(text, "relay", GROUP);
        if (r >= 0)
                r = cut(text, "zones", LIST);
        return r;
}
