/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <systemd/sd-json.h>

/* The token of a house that leaves its relay. There it would stay good, and take one of the places that its
 * tenant has for tokens, until somebody revokes it. */

typedef enum GivenBack {
        GIVEN_BACK_NOTHING,    /* there is no token */
        GIVEN_BACK_TOKEN,      /* it is good nowhere any more */
        GIVEN_BACK_CREDENTIAL, /* it is systemd's, and stays in this house as well */
        GIVEN_BACK_NOT,        /* it is still good at the relay */
        GIVEN_BACK_UNKNOWN,    /* the relay knows of no such token */
        _GIVEN_BACK_MAX,
        _GIVEN_BACK_INVALID = -EINVAL,
} GivenBack;

/* Has the relay end it: the one that hagw-proxyd still has, by the token that hagw-keyd still holds. keep:
 * it is not asked. force: also where another machine may have the same. ret_token: io.hagw.Key.GetToken's
 * answer, or NULL; ret_why (to be freed): what hindered it, a sentence, or NULL. -ENOMEM, told; what hinders
 * it hinders nobody from leaving. */
int give_back(bool keep, bool force, sd_json_variant **ret_token, char **ret_why);
