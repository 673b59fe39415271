/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a browser calls itself, which is a history of browsers that claimed to be the one before: the most
 * particular word that is in it counts. */

#include <stdio.h>

#include "hagw-ctl/useragent.h"

typedef struct Row {
        const char *word, *name;
} Row;

static const Row programs[] = {
        { "Home Assistant/", "Home Assistant app" },
        { "Edg", "Edge" },
        { "OPR/", "Opera" },
        { "Vivaldi/", "Vivaldi" },
        { "SamsungBrowser/", "Samsung Internet" },
        { "FxiOS/", "Firefox" },
        { "Firefox/", "Firefox" },
        { "CriOS/", "Chrome" },
        { "Chromium/", "Chromium" },
        { "Chrome/", "Chrome" },
        { "Safari/", "Safari" },
        {},
};

static const Row systems[] = {
        { "iPhone", "iPhone" },     { "iPad", "iPad" },   { "Android", "Android" },
        { "Windows", "Windows" },   { "CrOS", "ChromeOS" }, { "Mac OS X", "macOS" },
        { "Linux", "Linux" },       {},
};

static const char *find(const Row *rows, const char *agent) {
        for (; rows->word; rows++)
                if (strstr(agent, rows->word))
                        return rows->name;
        return NULL;
}

const char *useragent_describe(const char *agent, char *out) {
        const char *program = find(programs, agent), *system = find(systems, agent);

        if (program && system)
                (void) snprintf(out, USERAGENT_TEXT_MAX + 1, "%s on %s", program, system);
        else
                (void) snprintf(out, USERAGENT_TEXT_MAX + 1, "%s", program ?: agent);
        return out;
}
