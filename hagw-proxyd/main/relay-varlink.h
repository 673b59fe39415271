/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-proxyd/main/manager.h"

/* io.hagw.Proxy, the methods of a house that has a relay; answered by the main thread. */

int vl_method_describe_relay(sd_varlink *link, sd_json_variant *parameters, sd_varlink_method_flags_t flags,
                             void *userdata);
int vl_method_publish_challenge(sd_varlink *link, sd_json_variant *parameters,
                                sd_varlink_method_flags_t flags, void *userdata);
int vl_method_withdraw_challenge(sd_varlink *link, sd_json_variant *parameters,
                                 sd_varlink_method_flags_t flags, void *userdata);
int vl_method_set_account(sd_varlink *link, sd_json_variant *parameters, sd_varlink_method_flags_t flags,
                          void *userdata);
int vl_method_enrol(sd_varlink *link, sd_json_variant *parameters, sd_varlink_method_flags_t flags,
                    void *userdata);
