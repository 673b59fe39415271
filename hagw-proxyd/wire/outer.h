/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-proxyd/wire/header.h"

/* What a gateway like this one, further out, tells the service behind it with each request, and what this
 * one tells its own: whether somebody in front of it asks for a login at this host, and what the service's
 * own names (inner.h) are called where the visitor is: "login=required; depth=2". A visitor's field of this
 * name goes no further than to the first gateway.
 *
 * Nothing that is let in hangs on it. The depth is good for the answer to this very request and for nobody
 * else's, so it is taken from whoever says it: the login of a page that says no is then named as the visitor
 * can reach it. That somebody asks is shown to the owner of this gateway and said on its login page, and so
 * only believed of somebody whom he trusts (exchange-outer.c).
 *
 * The one behind says with each answer to such a request whether it asks: "login=required". It speaks for
 * itself: what its own service says so ends there, and what it says ends at the one in front (forward.h).
 * Pure. */

#define OUTER_FIELD "X-Hagw-Outer"
#define OUTER_SIZE_MAX 32U /* bytes of its value with NUL */
#define INNER_FIELD "X-Hagw-Inner"

typedef struct Outer {
        bool told; /* a gateway is in front, as far as its word is taken */
        bool asks; /* and somebody there asks for a login */
        char depth; /* the character of inner.h that this gateway's own names have at the visitor; 'w': as
                       they are here */
} Outer;

/* Who says it. */
typedef enum OuterKind {
        OUTER_RELAY,
        OUTER_GATEWAY,
        _OUTER_KIND_MAX,
        _OUTER_KIND_INVALID = -EINVAL,
} OuterKind;

/* Whether a gateway behind asks for a login. */
typedef enum InnerLogin {
        INNER_LOGIN_NONE,     /* it says so, */
        INNER_LOGIN_REQUIRED, /* or this, */
        INNER_LOGIN_SEEN,     /* or says nothing (an older one), and has sent a visitor to its login */
        _INNER_LOGIN_MAX,
        _INNER_LOGIN_INVALID = -EINVAL,
} InnerLogin;

/* What a head says; a field that is malformed, or there twice, says nothing. */
Outer outer_read(const HeaderList *l);
InnerLogin outer_read_answer(const HeaderList *l);
/* The field's value, which lives for ever. */
Slice outer_answer(bool asks);

/* What the service behind is told; of those in front nothing where before->told is false. asks: this gateway
 * asks at this host. aside: the service's names are not changed here (forward.h). Returns the size. */
size_t outer_write(const Outer *before, bool asks, bool aside, char out[static OUTER_SIZE_MAX]);
