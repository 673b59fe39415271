/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-notify/words.h"

/* Takes the words to a target, however that is done: a row each. -EIO: it did not work, ret_error says why;
 * -ENOMEM. */
int send_words(const char *target, const Words *words, char **ret_error);
