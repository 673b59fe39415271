/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <systemd/sd-json.h>

#include "hagw-ctl/verbs.h"
#include "libhagw/conf.h"
#include "libhagw/usec.h"

/* Tenants of this relay, as hagw-tenantd keeps them and hagw-proxyd sees them. */

#define TENANT_NAME_MAX 64U

/* As hagw-tenantd takes them. */
#define CODE_LIFETIME_MIN_USEC USEC_PER_MINUTE
#define CODE_LIFETIME_MAX_USEC (366 * USEC_PER_DAY)
#define TOKEN_LIFETIME_MAX_USEC (100 * 366 * USEC_PER_DAY)

/* The configuration of a relay; told where this machine is none. */
int tenant_load_config(const Call *call, Config **ret);

/* "anna", or "anna.relay.example.com" as "anna"; to be freed. Told. */
int tenant_short_name(const Config *config, const char *typed, char **ret);

/* The tenant of that name; an unknown one is told with the nearest. ret may be NULL. */
int tenant_get(const char *name, sd_json_variant **ret);

/* 0: there is none, or the database is damaged; -ENOMEM; another negative errno: nobody answers. Quiet. */
int tenant_exists(const char *name);

/* Whose visitors a name's are as long as the relay has no host of it; to be freed. NULL: nobody's, or nobody
 * can be asked. Quiet. */
char *tenant_of_name(const Config *config, const char *name);

/* What verbs of one tenant begin with: a relay, and a tenant that is there. Told. */
int tenant_find(const Call *call, Config **ret_config, char **ret_name, sd_json_variant **ret);
bool tenant_has_token(sd_json_variant *tenant, const char *id);

/* The same of what was typed, for call_each(); userdata: the Config. */
int tenant_check_known(const Call *call, const char *typed, void *userdata);

/* At a relay: whether a host of its own may have that name and lead to that service. It must not take a
 * tenant's visitors unseen, nor lead to a tenant that is not there. Told. Where hagw-tenantd does not answer
 * it may. */
int tenant_check_host(const Config *config, const char *name, const char *upstream);

/* Says which domains came, and which went. 1: some did; 0; -ENOMEM (told). */
int tenant_say_domains(const Config *config, const char *name, sd_json_variant *before,
                       sd_json_variant *after);

/* Names that begin so, at most limit, as an array of strings. Quiet: empty where nobody can be asked. */
int tenant_names(const char *begun, unsigned limit, sd_json_variant **ret);

/* Sets a field of parameters to what an option says, for each that is given. Told. */
int tenant_take_options(const Call *call, sd_json_variant **parameters);

/* The option --lifetime; 0: not given. Told. */
int tenant_take_lifetime(const Call *call, sd_json_variant **parameters);

/* Added to an end before it is told: a lifetime that has just begun is told whole. */
#define END_SLACK_USEC (30 * USEC_PER_SEC)

/* Who is attached, of one tenant or (NULL) of all, sorted by tenant. */
typedef struct Attachments {
        sd_json_variant **items;
        size_t n, allocated;
        sd_json_variant *refused; /* visitors of them, by reason; NULL: none */
        char *reason; /* why hagw-proxyd could not be asked; NULL: it answered */
} Attachments;
int attachments_load(Attachments *a, const char *tenant);
/* The first one of that tenant, and how many there are. */
sd_json_variant **attachments_of(const Attachments *a, const char *tenant, size_t *ret_n);
void attachments_done(Attachments *a);
