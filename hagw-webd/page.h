/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "lang.h"
#include "macro.h"

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

/* The templates, from hagw-webd/pages/; "style" is the style sheet, "script" what the login page can do
 * where scripts may run. */
extern const char page_heading[], page_layout[], page_login[], page_logout[], page_message[], page_row[],
        page_script[], page_status[], page_style[];

/* Fills in a template; values end with name NULL. -ENOKEY: the template names a value or text that does not
 * exist; -EBADMSG: it is malformed; -EFBIG: longer than PAGE_MAX; -ENOMEM. */
int page_expand(const char *template, const Language *language, const PageValue *values, char **ret);

/* One text with its values, escaped: HTML. The same errors. */
int page_text(Text t, const Language *language, const PageValue *values, char **ret);

/* A new string, escaped for HTML. NULL: no memory. */
char *page_escape(const char *s);
