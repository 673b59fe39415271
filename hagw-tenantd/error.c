/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Errors on varlink. */

#include "hagw-tenantd/error.h"
#include "hagw-tenantd/token.h"
#include "libhagw/log.h"
#include "libhagw/pure/seldom.h"
#include "libhagw/usec.h"
#include "libhagw/vl-io.hagw.Tenant.h"

int error_text(sd_varlink *link, const char *error, const char *field, const char *text) {
        return sd_varlink_errorbo(link, error, SD_JSON_BUILD_PAIR(field, SD_JSON_BUILD_STRING(text)));
}

int error_bad(sd_varlink *link, const char *error, const char *field, const char *text, const char *reason) {
        return sd_varlink_errorbo(link, error, SD_JSON_BUILD_PAIR(field, SD_JSON_BUILD_STRING(text)),
                                  SD_JSON_BUILD_PAIR("reason", SD_JSON_BUILD_STRING(reason)));
}

int error_full(sd_varlink *link, const char *what, unsigned limit) {
        return sd_varlink_errorbo(link, TENANT_ERROR_FULL,
                                  SD_JSON_BUILD_PAIR("what", SD_JSON_BUILD_STRING(what)),
                                  SD_JSON_BUILD_PAIR("limit", SD_JSON_BUILD_UNSIGNED(limit)));
}

int error_tokens_full(sd_varlink *link, const char *tenant) {
        return sd_varlink_errorbo(link, TENANT_ERROR_TOKENS_FULL,
                                  SD_JSON_BUILD_PAIR("name", SD_JSON_BUILD_STRING(tenant)),
                                  SD_JSON_BUILD_PAIR("limit", SD_JSON_BUILD_UNSIGNED(TENANT_TOKENS_MAX)));
}

int error_busy(sd_varlink *link, uint64_t retry_usec) {
        return sd_varlink_errorbo(link, TENANT_ERROR_BUSY,
                                  SD_JSON_BUILD_PAIR("retryUSec", SD_JSON_BUILD_UNSIGNED(retry_usec)));
}

/* Whoever reaches the relay meets with it at each try, with a token or without. */
int error_store(sd_varlink *link, int error) {
        static Seldom told;
        char others[SELDOM_TEXT_MAX];

        /* That was said once. */
        if (error == -EUCLEAN)
                return sd_varlink_error(link, TENANT_ERROR_DAMAGED, NULL);
        if (seldom_take(&told, clock_usec(CLOCK_MONOTONIC), others))
                (void) log_error_errno(error, "Could not read or write the database: %m%s", others);
        return sd_varlink_error_errno(link, error);
}
