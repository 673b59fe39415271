/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/pure/macro.h"

/* A form's body, application/x-www-form-urlencoded (WHATWG URL, section 5). Pure. */

#define FORM_FIELDS_MAX 8U

typedef struct FormField {
        const char *name, *value;
} FormField;

typedef struct Form {
        FormField fields[FORM_FIELDS_MAX];
        size_t n;
} Form;

/* Decodes in place: the form points into body, which has one byte of room behind its size bytes. -EBADMSG: a
 * bad percent sequence, a NUL, or a name that occurs twice; -E2BIG: more than FORM_FIELDS_MAX fields. */
int form_parse(char *body, size_t size, Form *ret);

/* The field's value, or NULL where there is none. */
const char *form_get(const Form *f, const char *name);
