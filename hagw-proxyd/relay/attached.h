/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/crew/message.h"

/* Who is attached to this relay, and who was refused: asked of all workers. */

#define ATTACHED_REFUSED_MAX 2000U /* rows of refusals in an answer, the newest; a tenant alone has fewer */

/* To a worker and back. */
typedef struct AttachmentsCall AttachmentsCall;
typedef struct AttachmentsMessage {
        Message message;
        AttachmentsCall *call; /* main's */
        char tenant[HOSTNAME_LABEL_MAX + 1]; /* of this one only; "": of all */
        bool refused_only;
        char *rows; /* the answer, JSON text: those attached and those refused; NULL: no memory */
} AttachmentsMessage;
extern const MessageKind attachments_message;
