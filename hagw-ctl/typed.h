/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/pure/macro.h"

/* What a person answers to a question of setup: made into what hagw.conf says, refused with the reason, or
 * doubted where it can be meant but hardly is. Pure. */

#define TYPED_MAX 256U /* bytes that an answer may have */

typedef enum TypedKind {
        TYPED_ZONE,
        TYPED_IPV4,
        TYPED_IPV6,
        TYPED_NAME_SERVER,
        TYPED_CONTACT,  /* may be empty */
        TYPED_UPSTREAM, /* of Home Assistant; may be empty */
        TYPED_USER,     /* may be empty */
        TYPED_CODE,     /* of a relay, or its token */
        _TYPED_MAX,
} TypedKind;

/* What is known when it is typed. */
typedef struct TypedContext {
        const char *zone; /* NULL: none yet */
        bool relay;       /* this machine is to be one */
        bool laboratory;  /* the names and networks of documentation are used in earnest */
        bool (*is_interface)(const char *name); /* of this machine; NULL: nobody knows */
} TypedContext;

/* -EINVAL: the name (what follows a colon is none of it) stands in the guides and is nobody's, as the reason
 * says; 0: it is somebody's. -ENOMEM. */
int typed_judge_example(const char *name, bool laboratory, char **ret_reason);

/* As 1, and it can never lead to anything: where nobody can be asked it is refused. */
#define TYPED_VAIN 2

/* 0: *ret is what was meant. 1: so it is, but *ret_reason says in a sentence why hardly anybody wants that.
 * -EINVAL: *ret_reason says in a sentence what is wrong. -ENOMEM. Both are to be freed. */
int typed_read(TypedKind kind, const char *typed, const TypedContext *c, char **ret, char **ret_reason);

/* A service's address may be pasted with what a browser shows behind it, which is left out: true, and out
 * has it. */
bool typed_path(const char *typed, char out[static TYPED_MAX + 1]);
