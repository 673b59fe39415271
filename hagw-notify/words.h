/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-notify/told.h"

/* What a message says. */

typedef struct Words {
        char *subject; /* one line */
        char *text;    /* lines, each ended by \n */
} Words;

/* host: this machine's name. -ENOMEM. */
int words_of_news(const char *host, const News *news, Words *ret);
int words_of_test(const char *host, Words *ret);
void words_done(Words *w);
