/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-proxyd/crew/message.h"
#include "libhagw/vl.h"

/* Who is attached to this relay: asked of all workers, told by io.hagw.Proxy.ListAttachments. */

typedef struct Manager Manager;

/* In a worker's thread: fills the message and sends it back. */
void attachments_collect(Worker *w, AttachmentsMessage *m);
/* In the main thread: a worker has answered. */
void attachments_on_message(AttachmentsMessage *m);

extern const VlMethod attachments_methods[];
