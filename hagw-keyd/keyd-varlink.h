/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-keyd/keyd.h"

/* What the files of io.hagw.Key share, and their methods for keyd-varlink.c's table. */

/* How a method begins that has parameters: who asks (VlPeer), and for what. 0, or what the handler
 * returns. */
int keyd_take_call(sd_varlink *link, unsigned peers, sd_json_variant *parameters,
                   const sd_json_dispatch_field table[], void *ret);
/* Counted. */
int keyd_refuse(sd_varlink *link, Keyd *keyd, const char *error, const char *reason);
/* The key, or NULL with *ret_answer set to what the handler returns. purpose may be _KEY_PURPOSE_INVALID:
 * any. */
Key *find_key(sd_varlink *link, Keyd *keyd, const char *id, KeyPurpose purpose, int *ret_answer);
int reply_key(sd_varlink *link, const Key *k);

/* store-varlink.c */
int vl_method_generate(sd_varlink *link, sd_json_variant *parameters, sd_varlink_method_flags_t flags,
                       void *userdata);
int vl_method_import(sd_varlink *link, sd_json_variant *parameters, sd_varlink_method_flags_t flags,
                     void *userdata);
int vl_method_remove(sd_varlink *link, sd_json_variant *parameters, sd_varlink_method_flags_t flags,
                     void *userdata);

/* sign-varlink.c */
int vl_method_sign_handshake(sd_varlink *link, sd_json_variant *parameters, sd_varlink_method_flags_t flags,
                             void *userdata);
int vl_method_sign_jws(sd_varlink *link, sd_json_variant *parameters, sd_varlink_method_flags_t flags,
                       void *userdata);
int vl_method_make_request(sd_varlink *link, sd_json_variant *parameters, sd_varlink_method_flags_t flags,
                           void *userdata);

/* account-varlink.c */
int vl_method_sign_key_change(sd_varlink *link, sd_json_variant *parameters, sd_varlink_method_flags_t flags,
                              void *userdata);
int vl_method_sign_revocation(sd_varlink *link, sd_json_variant *parameters, sd_varlink_method_flags_t flags,
                              void *userdata);

/* token-varlink.c */
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
