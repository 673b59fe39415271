/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What hagw-acmed answers; tests/idl/io.hagw.Acme.varlink is its text. */

#include "libhagw/vl-io.hagw.Acme.h"

static SD_VARLINK_DEFINE_ENUM_TYPE(
        CertificateState, SD_VARLINK_FIELD_COMMENT("There is none yet, and no try has failed"),
        SD_VARLINK_DEFINE_ENUM_VALUE(waiting),
        SD_VARLINK_FIELD_COMMENT("There is none yet, and an order is under way"),
        SD_VARLINK_DEFINE_ENUM_VALUE(ordering), SD_VARLINK_FIELD_COMMENT("In use, also while it is renewed"),
        SD_VARLINK_DEFINE_ENUM_VALUE(valid),
        SD_VARLINK_FIELD_COMMENT("In use, but two thirds of the time there was for renewing it are gone"),
        SD_VARLINK_DEFINE_ENUM_VALUE(expiring), SD_VARLINK_DEFINE_ENUM_VALUE(expired),
        SD_VARLINK_FIELD_COMMENT("There is one, but hagw-keyd does not have its key, and nobody is served "
                                 "with it"),
        SD_VARLINK_DEFINE_ENUM_VALUE(keyless),
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
        SD_VARLINK_FIELD_COMMENT("Until then the authority that is asked first wants no order for it, and "
                                 "Renew takes now to ask all the same, CLOCK_REALTIME; null: it has not "
                                 "asked to wait"),
        SD_VARLINK_DEFINE_FIELD(limitUSec, SD_VARLINK_INT, SD_VARLINK_NULLABLE),
        SD_VARLINK_FIELD_COMMENT("Why the last try failed, at the first authority and at the fallback; null "
                                 "where none did"),
        SD_VARLINK_DEFINE_FIELD(error, SD_VARLINK_STRING, SD_VARLINK_NULLABLE),
        SD_VARLINK_FIELD_COMMENT("The port at which the authority, which asks from the internet, did not "
                                 "reach this house at the last try: 53 or 80; null: it did, or nobody "
                                 "knows"),
        SD_VARLINK_DEFINE_FIELD(unreachedPort, SD_VARLINK_INT, SD_VARLINK_NULLABLE),
        SD_VARLINK_FIELD_COMMENT("When that was, CLOCK_REALTIME"),
        SD_VARLINK_DEFINE_FIELD(unreachedUSec, SD_VARLINK_INT, SD_VARLINK_NULLABLE),
        SD_VARLINK_FIELD_COMMENT("Since when it is revoked, CLOCK_REALTIME; null where it is not"),
        SD_VARLINK_DEFINE_FIELD(revokedUSec, SD_VARLINK_INT, SD_VARLINK_NULLABLE),
        SD_VARLINK_FIELD_COMMENT("It, or one that it took the place of, is to be revoked, and the authority "
                                 "could not be told yet"),
        SD_VARLINK_DEFINE_FIELD(revoking, SD_VARLINK_BOOL, 0),
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
        Revoke, SD_VARLINK_FIELD_COMMENT("Any of the certificate's names"),
        SD_VARLINK_DEFINE_INPUT(name, SD_VARLINK_STRING, 0),
        SD_VARLINK_FIELD_COMMENT("CRLReason (RFC 5280 section 5.3.1): 0, 1, 3, 4 or 5"),
        SD_VARLINK_DEFINE_INPUT(reason, SD_VARLINK_INT, 0),
        SD_VARLINK_FIELD_COMMENT("Order another one at once, where the configuration asks for it"),
        SD_VARLINK_DEFINE_INPUT(renew, SD_VARLINK_BOOL, 0),
        SD_VARLINK_FIELD_COMMENT("Certificates that the authority has revoked"),
        SD_VARLINK_DEFINE_OUTPUT(revoked, SD_VARLINK_INT, 0),
        SD_VARLINK_FIELD_COMMENT("That it refused to revoke"),
        SD_VARLINK_DEFINE_OUTPUT(refused, SD_VARLINK_INT, 0),
        SD_VARLINK_FIELD_COMMENT("That it is asked again about, by itself"),
        SD_VARLINK_DEFINE_OUTPUT(pending, SD_VARLINK_INT, 0),
        SD_VARLINK_FIELD_COMMENT("Why not all are revoked; null where they are"),
        SD_VARLINK_DEFINE_OUTPUT(why, SD_VARLINK_STRING, SD_VARLINK_NULLABLE),
        SD_VARLINK_FIELD_COMMENT("Another one is ordered"),
        SD_VARLINK_DEFINE_OUTPUT(ordered, SD_VARLINK_BOOL, 0));

static SD_VARLINK_DEFINE_METHOD(
        Import, SD_VARLINK_FIELD_COMMENT("PEM, leaf first, each issued by the next; at most 64 KiB"),
        SD_VARLINK_DEFINE_INPUT(chain, SD_VARLINK_STRING, 0),
        SD_VARLINK_DEFINE_INPUT(keyId, SD_VARLINK_STRING, 0),
        SD_VARLINK_DEFINE_OUTPUT_BY_TYPE(certificate, Certificate, 0));

static SD_VARLINK_DEFINE_METHOD(Remove, SD_VARLINK_DEFINE_INPUT(name, SD_VARLINK_STRING, 0));

static SD_VARLINK_DEFINE_STRUCT_TYPE(
        AccountInfo, SD_VARLINK_FIELD_COMMENT("The authority's URL"),
        SD_VARLINK_DEFINE_FIELD(directory, SD_VARLINK_STRING, 0),
        SD_VARLINK_FIELD_COMMENT("Certificates are ordered there"),
        SD_VARLINK_DEFINE_FIELD(configured, SD_VARLINK_BOOL, 0),
        SD_VARLINK_FIELD_COMMENT("null: there is none yet"),
        SD_VARLINK_DEFINE_FIELD(accountUri, SD_VARLINK_STRING, SD_VARLINK_NULLABLE),
        SD_VARLINK_FIELD_COMMENT("io.hagw.Key's id"),
        SD_VARLINK_DEFINE_FIELD(keyId, SD_VARLINK_STRING, SD_VARLINK_NULLABLE),
        SD_VARLINK_FIELD_COMMENT("A change of the key was broken off: before the next order the authority "
                                 "is asked which one counts"),
        SD_VARLINK_DEFINE_FIELD(keyIsChanging, SD_VARLINK_BOOL, 0),
        SD_VARLINK_FIELD_COMMENT("As it was told to the authority"),
        SD_VARLINK_DEFINE_FIELD(contact, SD_VARLINK_STRING, SD_VARLINK_NULLABLE),
        SD_VARLINK_FIELD_COMMENT("Names of the certificates that it got"),
        SD_VARLINK_DEFINE_FIELD(certificates, SD_VARLINK_STRING, SD_VARLINK_ARRAY),
        SD_VARLINK_FIELD_COMMENT("Accounts that it took the place of, and the authority has not deactivated "
                                 "yet"),
        SD_VARLINK_DEFINE_FIELD(former, SD_VARLINK_STRING, SD_VARLINK_ARRAY));

static SD_VARLINK_DEFINE_METHOD(ListAccounts, SD_VARLINK_DEFINE_OUTPUT_BY_TYPE(accounts, AccountInfo,
                                                                               SD_VARLINK_ARRAY));

static SD_VARLINK_DEFINE_ENUM_TYPE(
        AccountState, SD_VARLINK_FIELD_COMMENT("None was made yet"), SD_VARLINK_DEFINE_ENUM_VALUE(none),
        SD_VARLINK_DEFINE_ENUM_VALUE(valid), SD_VARLINK_DEFINE_ENUM_VALUE(deactivated),
        SD_VARLINK_DEFINE_ENUM_VALUE(revoked),
        SD_VARLINK_FIELD_COMMENT("The authority knows no such account"),
        SD_VARLINK_DEFINE_ENUM_VALUE(unknown),
        SD_VARLINK_FIELD_COMMENT("The authority refuses what its key signs"),
        SD_VARLINK_DEFINE_ENUM_VALUE(refused), SD_VARLINK_FIELD_COMMENT("The authority could not be asked"),
        SD_VARLINK_DEFINE_ENUM_VALUE(unreachable));

static SD_VARLINK_DEFINE_METHOD(
        LookAtAccount, SD_VARLINK_FIELD_COMMENT("As in AccountInfo; null: the configured one"),
        SD_VARLINK_DEFINE_INPUT(directory, SD_VARLINK_STRING, SD_VARLINK_NULLABLE),
        SD_VARLINK_DEFINE_OUTPUT_BY_TYPE(state, AccountState, 0),
        SD_VARLINK_FIELD_COMMENT("In the authority's words; null where it is valid"),
        SD_VARLINK_DEFINE_OUTPUT(why, SD_VARLINK_STRING, SD_VARLINK_NULLABLE),
        SD_VARLINK_FIELD_COMMENT("As the authority tells them, which not all do"),
        SD_VARLINK_DEFINE_OUTPUT(contacts, SD_VARLINK_STRING, SD_VARLINK_ARRAY));

static SD_VARLINK_DEFINE_METHOD(
        NewAccount, SD_VARLINK_FIELD_COMMENT("As in AccountInfo; null: the configured one"),
        SD_VARLINK_DEFINE_INPUT(directory, SD_VARLINK_STRING, SD_VARLINK_NULLABLE),
        SD_VARLINK_DEFINE_OUTPUT(accountUri, SD_VARLINK_STRING, 0),
        SD_VARLINK_FIELD_COMMENT("The account that it took the place of; null: there was none"),
        SD_VARLINK_DEFINE_OUTPUT(former, SD_VARLINK_STRING, SD_VARLINK_NULLABLE),
        SD_VARLINK_FIELD_COMMENT("The authority has deactivated that one"),
        SD_VARLINK_DEFINE_OUTPUT(deactivated, SD_VARLINK_BOOL, 0),
        SD_VARLINK_FIELD_COMMENT("It is tried again by itself"),
        SD_VARLINK_DEFINE_OUTPUT(pending, SD_VARLINK_BOOL, 0),
        SD_VARLINK_FIELD_COMMENT("Why not; null where it has"),
        SD_VARLINK_DEFINE_OUTPUT(why, SD_VARLINK_STRING, SD_VARLINK_NULLABLE));

static SD_VARLINK_DEFINE_METHOD(
        ChangeAccountKey, SD_VARLINK_FIELD_COMMENT("As in AccountInfo; null: the configured one"),
        SD_VARLINK_DEFINE_INPUT(directory, SD_VARLINK_STRING, SD_VARLINK_NULLABLE),
        SD_VARLINK_DEFINE_OUTPUT(accountUri, SD_VARLINK_STRING, 0),
        SD_VARLINK_FIELD_COMMENT("io.hagw.Key's id of the new key"),
        SD_VARLINK_DEFINE_OUTPUT(keyId, SD_VARLINK_STRING, 0));

static SD_VARLINK_DEFINE_ERROR(NoSuchAccount, SD_VARLINK_DEFINE_FIELD(directory, SD_VARLINK_STRING, 0));
static SD_VARLINK_DEFINE_ERROR(NotDone, SD_VARLINK_DEFINE_FIELD(reason, SD_VARLINK_STRING, 0));
static SD_VARLINK_DEFINE_ERROR(TooMany);
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
        SD_VARLINK_SYMBOL_COMMENT("Revokes it and those before it that have not ended (RFC 8555 section "
                                  "7.6). Answers when the authority has. Root only."),
        &vl_method_Revoke,
        SD_VARLINK_SYMBOL_COMMENT(
                "Takes over a certificate chain whose private key io.hagw.Key already holds (Import it "
                "there first); "
                "it takes the place of one that was ordered for the same first name. Root only."),
        &vl_method_Import,
        SD_VARLINK_SYMBOL_COMMENT("Drops an imported certificate, or one that the configuration no longer "
                                  "asks for. Root only."),
        &vl_method_Remove, SD_VARLINK_SYMBOL_COMMENT("An account of this machine, as it is known here"),
        &vl_type_AccountInfo, SD_VARLINK_SYMBOL_COMMENT("Our accounts at all authorities. Root only."),
        &vl_method_ListAccounts, SD_VARLINK_SYMBOL_COMMENT("What the authority says of an account"),
        &vl_type_AccountState,
        SD_VARLINK_SYMBOL_COMMENT("Asks the authority how our account is. Root only."),
        &vl_method_LookAtAccount,
        SD_VARLINK_SYMBOL_COMMENT("Makes another account, with a key of its own, that orders from now on; "
                                  "the one before is deactivated (RFC 8555 section 7.3.6). Root only."),
        &vl_method_NewAccount,
        SD_VARLINK_SYMBOL_COMMENT("Gives the account another key (RFC 8555 section 7.3.5). Root only."),
        &vl_method_ChangeAccountKey,
        SD_VARLINK_SYMBOL_COMMENT("There is no account at that authority"), &vl_error_NoSuchAccount,
        SD_VARLINK_SYMBOL_COMMENT("The authority refused, or could not be asked"), &vl_error_NotDone,
        SD_VARLINK_SYMBOL_COMMENT("Too much waits for its turn at the authority already; try again"),
        &vl_error_TooMany, SD_VARLINK_SYMBOL_COMMENT("There is no certificate for that name"),
        &vl_error_NoSuchCertificate,
        SD_VARLINK_SYMBOL_COMMENT(
                "The chain does not fit together or does not fit the key, or the certificate is in use"),
        &vl_error_BadCertificate,
        SD_VARLINK_SYMBOL_COMMENT("The authority has asked for no order before that"), &vl_error_Limited,
        SD_VARLINK_SYMBOL_COMMENT("It is being ordered already"), &vl_error_Busy);
