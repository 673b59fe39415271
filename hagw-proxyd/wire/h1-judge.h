/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-proxyd/wire/h1.h"

/* What a well-formed HTTP/1.1 head means, and whether it means only one thing. Used by h1.c alone. Pure. */

/* line: without CRLF. Fills method and target. */
H1Verdict h1_judge_request_line(Slice line, Request *r);
/* The fields are read. Fills authority, host, body, flags. */
H1Verdict h1_judge_request(Request *r);

H1Verdict h1_judge_status_line(Slice line, Response *r, bool *ret_http10);
H1Verdict h1_judge_response(Response *r, H1Asked asked, bool http10);
