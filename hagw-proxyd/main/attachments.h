/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-proxyd/relay/relay.h"
#include "libhagw/vl.h"

/* Who is attached to this relay: asked of all workers, told by io.hagw.Proxy.ListAttachments. */

typedef struct Manager Manager;

/* A worker has answered. */
void attachments_on_message(AttachmentsMessage *m);

extern const VlMethod attachments_methods[];
