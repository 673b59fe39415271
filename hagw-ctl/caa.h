/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <systemd/sd-json.h>

#include "hagw-ctl/leads.h"
#include "libhagw/conf.h"

/* What has to stand in DNS so that this machine gets certificates for a name whose zone is kept elsewhere,
 * and nobody else does; and whether it does. Names at the relay are looked at, too: there others may be
 * listed. */

typedef enum CaaVerdict {
        CAA_STANDS,  /* our account is listed */
        CAA_OPEN,    /* nobody is kept out */
        CAA_FORBIDS, /* others are listed, and we are not */
        CAA_UNKNOWN, /* could not be asked, or no account is known yet */
        _CAA_MAX,
} CaaVerdict;

typedef struct CaaName {
        const char *name; /* as in the configuration */
        char *alias, *target; /* _acme-challenge.NAME, and where its CNAME leads; NULL: none is needed */
        bool alias_stands, alias_known;
        Leads leads; /* the name itself, its visitors; only where alias is not NULL */
        IpAddress stranger;
        char *owner; /* where the CAA record belongs: the name without "*." */
        char *line;  /* its content, ready to be typed; NULL: no account is known yet */
        CaaVerdict verdict;
        bool at_relay;
        bool limited; /* the authority has asked for no order yet */
        bool tenants; /* it leads to a tenant's house, which has an account of its own */
        /* Whom records list beside us, or instead; separated by ", ". NULL: nobody. */
        char *others, *machines;
        bool machines_known; /* machines of this house are among machines, and not among others */
} CaaName;

typedef struct CaaNames {
        CaaName *items;
        size_t n, allocated;
        sd_json_variant *machines; /* what lists this house's machines at the relay; NULL: not known */
        bool unnamed; /* an authority of ours has no name in records: there can be none that list us */
} CaaNames;

void caa_names_done(CaaNames *n);

/* Of all names that are elsewhere, or at the relay. ask: also what stands. -ENOMEM. */
int caa_look(const Config *c, bool ask, CaaNames *ret);

/* Kept elsewhere, so that its owner has to enter what is to stand; else at the relay, which does. */
bool caa_name_is_elsewhere(const CaaName *n);

/* What keeps us from a certificate, and what is to be entered against it. Returns 1, to be freed; 0:
 * nothing. */
int caa_name_complaint(const CaaName *n, char **ret);

/* What leads its visitors past the relay. Returns 1, to be freed; 0: nothing. */
int caa_name_astray(const CaaName *n, char **ret);

/* What is to be entered for a name elsewhere, and whether it stands, in lines that begin with prefix. */
void caa_name_print(const CaaName *n, const char *prefix);

/* The same of all such names, where there are any. Told. */
int caa_print_elsewhere(const Config *c);

/* At the relay: whom its records list beside this machine, who is who where that is known, in lines that
 * begin with prefix. */
void caa_names_print_others(const CaaNames *n, const char *prefix);

/* The record that lets this machine prove a name elsewhere over HTTP, to be freed; NULL: it has no account
 * yet, or the authority has no name in records. -ENOMEM. */
int caa_line_over_http(char **ret);

/* One element of status --json's list. */
int caa_name_to_json(const CaaName *n, sd_json_variant **ret);
