/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/net/loop.h"

/* Who goes where visitors' bytes take more memory than they may: of the network that holds most of them, the
 * one whose time is up first. Half a word has little time, and who has not read for a while less than who
 * reads. */

#define PRESSURE_PLACES 1024U /* networks told apart; those who share one by chance count as one */
#define PRESSURE_RELIEF 8U    /* this part of what is wanted at most is freed at once */

typedef struct Worker Worker;

void pressure_init(Worker *w);
