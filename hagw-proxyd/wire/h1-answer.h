/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-proxyd/wire/h1.h"

/* Heads of answers that are not to the letter, as small devices send them: read as other clients do, and
 * made into what h1-judge.h takes. Nothing of them goes on as it came: names, values and framing are written
 * anew, and the connection is not used again. tests/component/test_odd_answers.py has them all, with what
 * others make of them. Used by h1.c alone. Pure. */

/* r->head and its size are set, r->headers empty; the head ends in an empty line and begins at start. On
 * H1_OK r is as h1_read_response() gives it. The head's bytes are changed. */
H1Verdict h1_read_odd_answer(size_t start, const H1Limits *limits, H1Asked asked, Response *r);

/* The reason phrase loses the blanks around it; one with control bytes in it says what the status means. */
void h1_clean_reason(Response *r);
