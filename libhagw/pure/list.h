/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/pure/macro.h"

/* A list through its members, which have `next` and `place`: what points to the member, so that it goes out
 * without being looked for; NULL: it is in no list. The head is a pointer to the first member. Pure. */

/* In at the front, or before the member that *at points to. */
#define LIST_ADD(at, member)                                             \
        ({                                                               \
                __typeof__(member) _m = (member), *_at = (at);           \
                assert(!_m->place);                                       \
                _m->next = *_at;                                         \
                if (_m->next)                                            \
                        _m->next->place = &_m->next;                      \
                _m->place = _at;                                          \
                *_at = _m;                                               \
        })

/* Out of whichever it is in, if any. Its own `next` stays, for who goes through the list. */
#define LIST_REMOVE(member)                                              \
        ({                                                               \
                __typeof__(member) _m = (member);                        \
                if (_m->place) {                                          \
                        *_m->place = _m->next;                            \
                        if (_m->next)                                    \
                                _m->next->place = _m->place;               \
                        _m->place = NULL;                                 \
                }                                                        \
        })
