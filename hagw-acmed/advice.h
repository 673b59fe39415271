/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <systemd/sd-event.h>

#include "hagw-acmed/certificate.h"

/* Asks the certificate authority when a certificate is to be renewed (ARI, RFC 9773). One question at a
 * time. */

typedef struct Advice Advice;

/* Called when a certificate's advice has changed, or none came; the certificate's advice_usec is in the
 * future then. */
typedef void (*AdviceHandler)(Certificate *c, void *userdata);

int advice_new(Advice **ret, sd_event *event, AdviceHandler handler, void *userdata);
Advice *advice_free(Advice *a);
DEFINE_TRIVIAL_CLEANUP_FUNC(Advice *, advice_free)

bool advice_is_busy(const Advice *a);
/* Where the authority stands; forgets what was going on. */
int advice_set_directory(Advice *a, const char *directory, const char *ca_file);
/* c has a renewal_id. */
void advice_ask(Advice *a, Certificate *c);
/* The certificate goes away. */
void advice_forget(Advice *a, const Certificate *c);
