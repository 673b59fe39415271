/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "vl.h"

/* The methods of io.hagw.Key about the relay's token, for keyd-varlink.c's table. */

int vl_method_prepare_token(sd_varlink *link, sd_json_variant *parameters, sd_varlink_method_flags_t flags,
                            void *userdata);
int vl_method_adopt_token(sd_varlink *link, sd_json_variant *parameters, sd_varlink_method_flags_t flags,
                          void *userdata);
int vl_method_import_token(sd_varlink *link, sd_json_variant *parameters, sd_varlink_method_flags_t flags,
                           void *userdata);
int vl_method_remove_token(sd_varlink *link, sd_json_variant *parameters, sd_varlink_method_flags_t flags,
                           void *userdata);
int vl_method_get_token(sd_varlink *link, sd_json_variant *parameters, sd_varlink_method_flags_t flags,
                        void *userdata);
int vl_method_prove_token(sd_varlink *link, sd_json_variant *parameters, sd_varlink_method_flags_t flags,
                          void *userdata);
