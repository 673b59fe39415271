/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdio.h>

#include "hagw-ctl/verbs.h"

/* The help texts, made from the table of verbs. */

void help_print(FILE *f);
void help_print_group(FILE *f, const char *group);
void help_print_verb(FILE *f, const Verb *v);

/* The table itself, for tests and tools. */
int help_print_json(void);
