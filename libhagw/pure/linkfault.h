/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <errno.h>

/* What the text of LINK_FAULT_CERTIFICATE begins with. */
#define TLS_CERTIFICATE_REFUSED "its certificate is refused: "

/* Why there is no connection to a service. Pure. */
typedef enum LinkFault {
        LINK_FAULT_NONE,
        LINK_FAULT_NAME,     /* its name has no address */
        LINK_FAULT_REFUSED,  /* nobody listens there */
        LINK_FAULT_SILENT,   /* no answer in time */
        LINK_FAULT_NO_ROUTE, /* nobody has this address, or no way leads there */
        LINK_FAULT_TLS,      /* connected, and then no TLS */
        LINK_FAULT_CERTIFICATE, /* TLS, and not with whom it should be */
        LINK_FAULT_HOST, /* a tenant's house has no host of this name */
        LINK_FAULT_OTHER,
        _LINK_FAULT_MAX,
} LinkFault;

/* error: of connect(), negative errno. */
static inline LinkFault link_fault_from_error(int error) {
        switch (-error) {
        case ECONNREFUSED:
                return LINK_FAULT_REFUSED;
        case ETIMEDOUT:
                return LINK_FAULT_SILENT;
        case EHOSTUNREACH:
        case ENETUNREACH:
        case EHOSTDOWN:
                return LINK_FAULT_NO_ROUTE;
        default:
                return LINK_FAULT_OTHER;
        }
}
