/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/pure/macro.h"

/* Figures as OpenMetrics text (OpenMetrics 1.0, prometheus.io). Pure. */

#define OPENMETRICS_FIGURES_MAX 8192U
#define OPENMETRICS_LABELS_MAX 8U
#define OPENMETRICS_TYPE "application/openmetrics-text; version=1.0.0; charset=utf-8"

typedef struct Figure {
        const char *name; /* without "hagw_" and "_total" */
        const char *help;
        const char *daemon; /* becomes the label of that name; NULL: none */
        const char *labels[2 * OPENMETRICS_LABELS_MAX]; /* name, value, … */
        size_t n_labels;
        bool counter;
        double value;
} Figure;

/* May it stand in the text: a name of a–z, 0–9 and "_" that starts with a letter, labels likewise, a value
 * that is a number? */
bool figure_is_valid(const Figure *f);

/* The whole text, one family after the other with "# EOF" at the end. Within a family the first one's type
 * and help count; those of another type are left out. -ENOMEM. */
int openmetrics_write(const Figure *figures, size_t n, char **ret);
