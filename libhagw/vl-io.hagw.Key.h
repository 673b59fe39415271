/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <systemd/sd-varlink-idl.h>

#include "libhagw/vl-limit.h" /* KEY_CONNECTIONS_PER_UID_MAX */

extern const sd_varlink_interface vl_interface_io_hagw_Key;

#define KEY_ERROR_NO_SUCH_KEY "io.hagw.Key.NoSuchKey"
#define KEY_ERROR_NOT_A_TLS_HANDSHAKE "io.hagw.Key.NotATlsHandshake"
#define KEY_ERROR_WRONG_PURPOSE "io.hagw.Key.WrongPurpose"
#define KEY_ERROR_BAD_KEY "io.hagw.Key.BadKey"
#define KEY_ERROR_BAD_HEADER "io.hagw.Key.BadHeader"
#define KEY_ERROR_BAD_NAME "io.hagw.Key.BadName"
#define KEY_ERROR_BAD_PAYLOAD "io.hagw.Key.BadPayload"
#define KEY_ERROR_BUSY "io.hagw.Key.Busy"
#define KEY_ERROR_KEYS_FULL "io.hagw.Key.KeysFull"
#define KEY_ERROR_NO_TOKEN "io.hagw.Key.NoToken"
