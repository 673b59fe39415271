/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-proxyd/wire/header.h"

/* Content codings (RFC 9110 section 8.4) and which of them a visitor takes. Pure. */

typedef enum Coding {
        CODING_IDENTITY, /* none */
        CODING_GZIP,
        CODING_BROTLI,
        _CODING_MAX,
} Coding;

typedef struct CodingWish {
        Coding best;      /* what he likes best; of two alike the one that makes less of it */
        bool no_identity; /* and nothing that is not coded */
} CodingWish;

/* Accept-Encoding (RFC 9110 section 12.5.3). Who does not say what he takes gets nothing coded, though the
 * RFC lets him: it is a program that was never told of codings. What is no weight is no wish. */
CodingWish coding_wish(const HeaderList *l);

/* As Content-Encoding says it; empty for CODING_IDENTITY. */
Slice coding_name(Coding c);
