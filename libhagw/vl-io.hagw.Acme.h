/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <systemd/sd-varlink-idl.h>

extern const sd_varlink_interface vl_interface_io_hagw_Acme;

#define ACME_ERROR_NO_SUCH_CERTIFICATE "io.hagw.Acme.NoSuchCertificate"
#define ACME_ERROR_BAD_CERTIFICATE "io.hagw.Acme.BadCertificate"
#define ACME_ERROR_LIMITED "io.hagw.Acme.Limited"
#define ACME_ERROR_BUSY "io.hagw.Acme.Busy"
#define ACME_ERROR_NO_SUCH_ACCOUNT "io.hagw.Acme.NoSuchAccount"
#define ACME_ERROR_NOT_DONE "io.hagw.Acme.NotDone"
#define ACME_ERROR_TOO_MANY "io.hagw.Acme.TooMany"
