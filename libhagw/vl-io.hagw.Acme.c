/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What hagw-acmed answers; tests/idl/io.hagw.Acme.varlink is its text. */

#include "vl-io.hagw.Acme.h"

static SD_VARLINK_DEFINE_ENUM_TYPE(
        CertificateState, SD_VARLINK_FIELD_COMMENT("There is none yet, and no try has failed"),
        SD_VARLINK_DEFINE_ENUM_VALUE(waiting),
        SD_VARLINK_FIELD_COMMENT("There is none yet, and an order is under way"),
        SD_VARLINK_DEFINE_ENUM_VALUE(ordering), SD_VARLINK_FIELD_COMMENT("In use, also while it is renewed"),
        SD_VARLINK_DEFINE_ENUM_VALUE(valid),
        SD_VARLINK_FIELD_COMMENT("In use, but two thirds of the time there was for renewing it are gone"),
        SD_VARLINK_DEFINE_ENUM_VALUE(expiring), SD_VARLINK_DEFINE_ENUM_VALUE(expired),
        SD_VARLINK_FIELD_COMMENT("There is none yet, and the last try failed"),
        SD_VARLINK_DEFINE_ENUM_VALUE(failed));

static SD_VARLINK_DEFINE_ENUM_TYPE(Source, SD_VARLINK_DEFINE_ENUM_VALUE(acme),
                                   SD_VARLINK_DEFINE_ENUM_VALUE(imported));

static SD_VARLINK_DEFINE_STRUCT_TYPE(
        Certificate, SD_VARLINK_FIELD_COMMENT("The first of its names"),
        SD_VARLINK_DEFINE_FIELD(name, SD_VARLINK_STRING, 0),
        SD_VARLINK_DEFINE_FIELD(names, SD_VARLINK_STRING, SD_VARLINK_ARRAY),
        SD_VARLINK_DEFINE_FIELD_BY_TYPE(state, CertificateState, 0),
        SD_VARLINK_FIELD_COMMENT("An order is under way, be it the first one or a renewal"),
        SD_VARLINK_DEFINE_FIELD(ordering, SD_VARLINK_BOOL, 0),
        SD_VARLINK_DEFINE_FIELD_BY_TYPE(source, Source, 0),
        SD_VARLINK_FIELD_COMMENT("The configuration asks for it; else it is kept for a while, and nobody is "
                                 "called when it ends"),
        SD_VARLINK_DEFINE_FIELD(wanted, SD_VARLINK_BOOL, 0),
        SD_VARLINK_FIELD_COMMENT("io.hagw.Key's id of the key in the chain's first certificate; null before "
                                 "the first certificate"),
        SD_VARLINK_DEFINE_FIELD(keyId, SD_VARLINK_STRING, SD_VARLINK_NULLABLE),
        SD_VARLINK_FIELD_COMMENT("PEM, leaf first; null before the first certificate"),
        SD_VARLINK_DEFINE_FIELD(chain, SD_VARLINK_STRING, SD_VARLINK_NULLABLE),
        SD_VARLINK_FIELD_COMMENT("The first certificate's, CLOCK_REALTIME"),
        SD_VARLINK_DEFINE_FIELD(notBeforeUSec, SD_VARLINK_INT, SD_VARLINK_NULLABLE),
        SD_VARLINK_DEFINE_FIELD(notAfterUSec, SD_VARLINK_INT, SD_VARLINK_NULLABLE),
        SD_VARLINK_FIELD_COMMENT("The directory of the authority that issued it; null where it was "
                                 "imported, or there is none"),
        SD_VARLINK_DEFINE_FIELD(directory, SD_VARLINK_STRING, SD_VARLINK_NULLABLE),
        SD_VARLINK_FIELD_COMMENT("That is the fallback; null: no"),
        SD_VARLINK_DEFINE_FIELD(fallback, SD_VARLINK_BOOL, SD_VARLINK_NULLABLE),
        SD_VARLINK_FIELD_COMMENT("The next order, CLOCK_REALTIME; null where none is planned"),
        SD_VARLINK_DEFINE_FIELD(nextUSec, SD_VARLINK_INT, SD_VARLINK_NULLABLE),
        SD_VARLINK_FIELD_COMMENT("Why the last try failed, at the first authority and at the fallback; null "
                                 "where none did"),
        SD_VARLINK_DEFINE_FIELD(error, SD_VARLINK_STRING, SD_VARLINK_NULLABLE),
        SD_VARLINK_FIELD_COMMENT("Tries that failed since the last success"),
        SD_VARLINK_DEFINE_FIELD(failures, SD_VARLINK_INT, 0));

static SD_VARLINK_DEFINE_METHOD_FULL(
        Watch, SD_VARLINK_SUPPORTS_MORE,
        SD_VARLINK_DEFINE_OUTPUT_BY_TYPE(certificates, Certificate, SD_VARLINK_ARRAY),
        SD_VARLINK_FIELD_COMMENT("Files in the state directory that could not be read and were set aside"),
        SD_VARLINK_DEFINE_OUTPUT(broken, SD_VARLINK_STRING, SD_VARLINK_ARRAY),
        SD_VARLINK_FIELD_COMMENT("How far the authority's clock (Date) is ahead of this machine's; null "
                                 "where that is less than five minutes, or none has answered"),
        SD_VARLINK_DEFINE_OUTPUT(clockDifferenceUSec, SD_VARLINK_INT, SD_VARLINK_NULLABLE));

static SD_VARLINK_DEFINE_STRUCT_TYPE(
        Account, SD_VARLINK_FIELD_COMMENT("The certificate authority's domain as in CAA records"),
        SD_VARLINK_DEFINE_FIELD(issuer, SD_VARLINK_STRING, 0),
        SD_VARLINK_FIELD_COMMENT("The account's URL (RFC 8657)"),
        SD_VARLINK_DEFINE_FIELD(accountUri, SD_VARLINK_STRING, 0));

static SD_VARLINK_DEFINE_METHOD_FULL(
        WatchAccounts, SD_VARLINK_SUPPORTS_MORE,
        SD_VARLINK_DEFINE_OUTPUT_BY_TYPE(accounts, Account, SD_VARLINK_ARRAY),
        SD_VARLINK_FIELD_COMMENT(
                "One of our accounts is at an authority that has no name in CAA records, so that records "
                "would forbid it"),
        SD_VARLINK_DEFINE_OUTPUT(unnamed, SD_VARLINK_BOOL, 0));

static SD_VARLINK_DEFINE_METHOD(
        Renew, SD_VARLINK_FIELD_COMMENT("Any of the certificate's names"),
        SD_VARLINK_DEFINE_INPUT(name, SD_VARLINK_STRING, 0),
        SD_VARLINK_FIELD_COMMENT("Also where the authority has asked to wait; null: no"),
        SD_VARLINK_DEFINE_INPUT(now, SD_VARLINK_BOOL, SD_VARLINK_NULLABLE));

static SD_VARLINK_DEFINE_METHOD(Retry);

static SD_VARLINK_DEFINE_METHOD(
        Import, SD_VARLINK_FIELD_COMMENT("PEM, leaf first, each issued by the next; at most 64 KiB"),
        SD_VARLINK_DEFINE_INPUT(chain, SD_VARLINK_STRING, 0),
        SD_VARLINK_DEFINE_INPUT(keyId, SD_VARLINK_STRING, 0),
        SD_VARLINK_DEFINE_OUTPUT_BY_TYPE(certificate, Certificate, 0));

static SD_VARLINK_DEFINE_METHOD(Remove, SD_VARLINK_DEFINE_INPUT(name, SD_VARLINK_STRING, 0));

static SD_VARLINK_DEFINE_ERROR(NoSuchCertificate, SD_VARLINK_DEFINE_FIELD(name, SD_VARLINK_STRING, 0));
static SD_VARLINK_DEFINE_ERROR(BadCertificate, SD_VARLINK_DEFINE_FIELD(reason, SD_VARLINK_STRING, 0));
static SD_VARLINK_DEFINE_ERROR(Limited, SD_VARLINK_DEFINE_FIELD(name, SD_VARLINK_STRING, 0),
                               SD_VARLINK_FIELD_COMMENT("CLOCK_REALTIME"),
                               SD_VARLINK_DEFINE_FIELD(untilUSec, SD_VARLINK_INT, 0));
static SD_VARLINK_DEFINE_ERROR(Busy, SD_VARLINK_DEFINE_FIELD(name, SD_VARLINK_STRING, 0));

SD_VARLINK_DEFINE_INTERFACE(
        io_hagw_Acme, "io.hagw.Acme",
        SD_VARLINK_INTERFACE_COMMENT(
                "Certificates: obtained, renewed, imported, and handed to whoever terminates TLS."),
        SD_VARLINK_SYMBOL_COMMENT("What a certificate is good for now"), &vl_type_CertificateState,
        SD_VARLINK_SYMBOL_COMMENT("Where it came from"), &vl_type_Source,
        SD_VARLINK_SYMBOL_COMMENT("One certificate"), &vl_type_Certificate,
        SD_VARLINK_SYMBOL_COMMENT("The whole list at once; with more: again after each change. hagw-proxyd "
                                  "and hagw-webd only."),
        &vl_method_Watch,
        SD_VARLINK_SYMBOL_COMMENT("An account of this machine, for CAA"), &vl_type_Account,
        SD_VARLINK_SYMBOL_COMMENT("Our accounts at the authorities that are configured, all at once; with "
                                  "more: again after each change. hagw-dnsd and root only."),
        &vl_method_WatchAccounts,
        SD_VARLINK_SYMBOL_COMMENT("Orders it anew, whatever its age. Returns when that is decided; Watch "
                                  "tells the rest. Root only."),
        &vl_method_Renew,
        SD_VARLINK_SYMBOL_COMMENT("A person has corrected something elsewhere: what failed is tried at "
                                  "once, and older errors are told no more; what an authority asked for "
                                  "holds. Root only."),
        &vl_method_Retry,
        SD_VARLINK_SYMBOL_COMMENT(
                "Takes over a certificate chain whose private key io.hagw.Key already holds (Import it "
                "there first); "
                "it takes the place of one that was ordered for the same first name. Root only."),
        &vl_method_Import,
        SD_VARLINK_SYMBOL_COMMENT("Drops an imported certificate, or one that the configuration no longer "
                                  "asks for. Root only."),
        &vl_method_Remove, SD_VARLINK_SYMBOL_COMMENT("There is no certificate for that name"),
        &vl_error_NoSuchCertificate,
        SD_VARLINK_SYMBOL_COMMENT(
                "The chain does not fit together or does not fit the key, or the certificate is in use"),
        &vl_error_BadCertificate,
        SD_VARLINK_SYMBOL_COMMENT("The authority has asked for no order before that"), &vl_error_Limited,
        SD_VARLINK_SYMBOL_COMMENT("It is being ordered already"), &vl_error_Busy);
