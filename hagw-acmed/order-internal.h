/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-acmed/order.h"

/* Between order.c, which holds the table of states, and order-answer.c, which says what answers do in them.
 */

void order_enter(Order *o, OrderState state);
/* The first challenge that has still something to do from `from` on decides; otherwise on to the state
 * after. */
void order_enter_challenges(Order *o, OrderState state, OrderState after, size_t from);
void order_drop_challenges(Order *o);

/* These return what the function that was called for an answer returns. */
int order_fail(Order *o, OrderFailure failure, const char *type, const char *text);
int order_fail_hostile(Order *o, const char *text);
/* Looks again later: as the authority says, else a little later each time. */
int order_poll_later(Order *o, uint64_t retry_after_usec, uint64_t now_usec);

int order_take_directory(Order *o, AcmeAnswer *a, uint64_t now_usec);
int order_take_account(Order *o, AcmeAnswer *a, uint64_t now_usec);
int order_take_contact(Order *o, AcmeAnswer *a, uint64_t now_usec);
/* The order of before leads nowhere: another one. */
void order_forget(Order *o);

int order_take_resumed(Order *o, AcmeAnswer *a, uint64_t now_usec);
int order_take_look(Order *o, AcmeAnswer *a, uint64_t now_usec);
int order_take_new(Order *o, AcmeAnswer *a, uint64_t now_usec);
int order_take_authorization(Order *o, AcmeAnswer *a, uint64_t now_usec);
int order_take_challenge(Order *o, AcmeAnswer *a, uint64_t now_usec);
int order_take_poll_authorization(Order *o, AcmeAnswer *a, uint64_t now_usec);
int order_take_poll_ready(Order *o, AcmeAnswer *a, uint64_t now_usec);
int order_take_finalized(Order *o, AcmeAnswer *a, uint64_t now_usec);
int order_take_chain(Order *o, AcmeAnswer *a, uint64_t now_usec);
