/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/pure/lang.h"
#include "libhagw/pure/macro.h"

/* Pages from templates. In a template:
 *   {{name}}                 the value, escaped for HTML text and quoted attributes
 *   {{{name}}}               the value as it is: it must be HTML already
 *   {{@key}}                 the text of that key in the page's language; {{name}} works there too
 *   {{?name}}…{{/name}}      only where the value is given and not empty
 *   {{^name}}…{{/name}}      only where it is not
 * Pure. */

#define PAGE_MAX (256U * 1024) /* bytes of one page */

typedef struct PageValue {
        const char *name;
        const char *text; /* NULL: not given */
} PageValue;

/* What all pages share, from libhagw/pages/: the frame around each, its style sheet, and the page of a bad
 * moment with the script that comes back later. */
extern const char page_again[], page_layout[], page_style[], page_trouble[];

/* Fills in a template; values end with name NULL. -ENOKEY: the template names a value or text that does not
 * exist; -EBADMSG: it is malformed; -EFBIG: longer than PAGE_MAX; -ENOMEM. */
int page_expand(const char *template, const Language *language, const PageValue *values, char **ret);

/* One text with its values, escaped: HTML. The same errors. */
int page_text(Text t, const Language *language, const PageValue *values, char **ret);

/* The same two without an allocation: into out, with a NUL. Return the length; -ENOBUFS: it does not fit
 * into size bytes. */
int page_expand_into(const char *template, const Language *language, const PageValue *values, char *out,
                     size_t size);
int page_text_into(Text t, const Language *language, const PageValue *values, char *out, size_t size);
