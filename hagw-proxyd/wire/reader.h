/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-proxyd/wire/request.h"
#include "libhagw/pure/lang.h"

/* Who reads an answer of our own: a person at a browser, or a program. Kept beside the request, because the
 * head may be gone by the time that there is something to say. Pure. */

typedef struct Reader {
        bool html;  /* wants pages */
        bool again; /* asked by GET: coming back later is harmless */
        bool form;  /* has sent a form, of which the page that answers is the person's next one */
        const Language *language;
} Reader;

/* language: the one for all, or NULL: what the browser asks for. */
void reader_of_request(const Request *r, const Language *language, Reader *ret);

/* As far as the bytes of a head tell that was refused, or that never came whole. Nothing but the looks of a
 * page may hang on it. */
void reader_of_bytes(Slice head, const Language *language, Reader *ret);
