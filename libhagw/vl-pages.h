/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/vl.h"

/* Answers to `more` methods that are too large for one message, or go on for as long as somebody listens: a
 * page is asked for when the one before has left, so that a slow reader costs one page and misses nothing.
 * Main thread only. */

typedef enum VlPage {
        VL_PAGE_NONE,     /* nothing to say now: asked again after each turn of the loop */
        VL_PAGE_CONTINUE, /* here is one */
        VL_PAGE_LAST,     /* here is the last one */
} VlPage;

/* What writes pages: a negative errno ends the answer with it. */
typedef struct VlPagesType {
        int (*page)(void *cursor, sd_json_variant **ret); /* a VlPage, or a negative errno */
        void (*free)(void *cursor);
} VlPagesType;

typedef struct VlPages VlPages;
int vl_pages_new(VlPages **ret, sd_event *event);
VlPages *vl_pages_free(VlPages *p);
DEFINE_TRIVIAL_CLEANUP_FUNC(VlPages *, vl_pages_free)

/* Call from the handler; returns its result. Takes the cursor over, also where it fails. */
int vl_pages_add(VlPages *p, sd_varlink *link, const VlPagesType *type, void *cursor);
/* Ends all answers with an error. Not from within page(). */
void vl_pages_end(VlPages *p, int error);
/* How many answers of this type are under way. */
size_t vl_pages_count(const VlPages *p, const VlPagesType *type);
