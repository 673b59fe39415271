/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What hagw-tenantd answers; tests/idl/io.hagw.Tenant.varlink is its text. */

#include "libhagw/vl-io.hagw.Tenant.h"

/* --- what there is ------------------------------------------------------------------------------------- */

static SD_VARLINK_DEFINE_STRUCT_TYPE(
        Route, SD_VARLINK_FIELD_COMMENT("The label below the relay's zone"),
        SD_VARLINK_DEFINE_FIELD(name, SD_VARLINK_STRING, 0),
        SD_VARLINK_FIELD_COMMENT("Further names, \"*.DOMAIN\" among them"),
        SD_VARLINK_DEFINE_FIELD(domains, SD_VARLINK_STRING, SD_VARLINK_ARRAY),
        SD_VARLINK_FIELD_COMMENT("Everything of it is cut, nothing is admitted"),
        SD_VARLINK_DEFINE_FIELD(suspended, SD_VARLINK_BOOL, 0),
        SD_VARLINK_FIELD_COMMENT("The month's bytes are used up: control stays, visitors are closed"),
        SD_VARLINK_DEFINE_FIELD(exhausted, SD_VARLINK_BOOL, 0),
        SD_VARLINK_FIELD_COMMENT("The relay opens the visitors' TLS"),
        SD_VARLINK_DEFINE_FIELD(terminate, SD_VARLINK_BOOL, 0),
        SD_VARLINK_FIELD_COMMENT("A code waits to be typed in a house"),
        SD_VARLINK_DEFINE_FIELD(codeWaits, SD_VARLINK_BOOL, 0),
        SD_VARLINK_FIELD_COMMENT("Machines that may be attached at once"),
        SD_VARLINK_DEFINE_FIELD(agents, SD_VARLINK_INT, 0),
        SD_VARLINK_FIELD_COMMENT("Channels at once, waiting and in use"),
        SD_VARLINK_DEFINE_FIELD(channels, SD_VARLINK_INT, 0),
        SD_VARLINK_FIELD_COMMENT("New visitors; 0: no limit"),
        SD_VARLINK_DEFINE_FIELD(connectionsPerSecond, SD_VARLINK_INT, 0),
        SD_VARLINK_FIELD_COMMENT("Both directions together; 0: no limit"),
        SD_VARLINK_DEFINE_FIELD(bytesPerSecond, SD_VARLINK_INT, 0),
        SD_VARLINK_FIELD_COMMENT("Both directions together; a five hundredth of it is told as soon as it "
                                 "has passed; 0: no limit"),
        SD_VARLINK_DEFINE_FIELD(bytesPerMonth, SD_VARLINK_INT, 0),
        SD_VARLINK_FIELD_COMMENT("Those that are good; a control connection that came with another one is "
                                 "cut"),
        SD_VARLINK_DEFINE_FIELD(tokenIds, SD_VARLINK_STRING, SD_VARLINK_ARRAY));

static SD_VARLINK_DEFINE_STRUCT_TYPE(
        Token, SD_VARLINK_DEFINE_FIELD(tokenId, SD_VARLINK_STRING, 0),
        SD_VARLINK_FIELD_COMMENT("CLOCK_REALTIME, as all times here"),
        SD_VARLINK_DEFINE_FIELD(createdUSec, SD_VARLINK_INT, 0),
        SD_VARLINK_FIELD_COMMENT("The house made the secret and brought a code; else it was issued here"),
        SD_VARLINK_DEFINE_FIELD(enrolled, SD_VARLINK_BOOL, 0),
        SD_VARLINK_FIELD_COMMENT("When it ends by itself; null: never"),
        SD_VARLINK_DEFINE_FIELD(expiresUSec, SD_VARLINK_INT, SD_VARLINK_NULLABLE),
        SD_VARLINK_FIELD_COMMENT("When it was last proved; null: never"),
        SD_VARLINK_DEFINE_FIELD(usedUSec, SD_VARLINK_INT, SD_VARLINK_NULLABLE),
        SD_VARLINK_FIELD_COMMENT("In the CAA records of the tenant's name: the certificate authority of the "
                                 "machine that has the token, and its account there (RFC 8657); null: it "
                                 "has not said"),
        SD_VARLINK_DEFINE_FIELD(issuer, SD_VARLINK_STRING, SD_VARLINK_NULLABLE),
        SD_VARLINK_DEFINE_FIELD(accountUri, SD_VARLINK_STRING, SD_VARLINK_NULLABLE));

static SD_VARLINK_DEFINE_STRUCT_TYPE(
        Tenant, SD_VARLINK_DEFINE_FIELD(name, SD_VARLINK_STRING, 0),
        SD_VARLINK_FIELD_COMMENT("NAME.ZONE; just the name where tenants.zone is not set any more"),
        SD_VARLINK_DEFINE_FIELD(zone, SD_VARLINK_STRING, 0),
        SD_VARLINK_DEFINE_FIELD(domains, SD_VARLINK_STRING, SD_VARLINK_ARRAY),
        SD_VARLINK_DEFINE_FIELD(note, SD_VARLINK_STRING, 0),
        SD_VARLINK_DEFINE_FIELD(createdUSec, SD_VARLINK_INT, 0),
        SD_VARLINK_DEFINE_FIELD(suspended, SD_VARLINK_BOOL, 0),
        SD_VARLINK_DEFINE_FIELD(exhausted, SD_VARLINK_BOOL, 0),
        SD_VARLINK_DEFINE_FIELD(terminate, SD_VARLINK_BOOL, 0),
        SD_VARLINK_DEFINE_FIELD(agents, SD_VARLINK_INT, 0),
        SD_VARLINK_FIELD_COMMENT("0: tenants.channels of the configuration"),
        SD_VARLINK_DEFINE_FIELD(channels, SD_VARLINK_INT, 0),
        SD_VARLINK_FIELD_COMMENT("0: no limit, as in the next two"),
        SD_VARLINK_DEFINE_FIELD(connectionsPerSecond, SD_VARLINK_INT, 0),
        SD_VARLINK_DEFINE_FIELD(bytesPerSecond, SD_VARLINK_INT, 0),
        SD_VARLINK_DEFINE_FIELD(bytesPerMonth, SD_VARLINK_INT, 0),
        SD_VARLINK_DEFINE_FIELD_BY_TYPE(tokens, Token, SD_VARLINK_ARRAY),
        SD_VARLINK_FIELD_COMMENT("When the last enrolment code that nobody has used ends; null: there is "
                                 "none"),
        SD_VARLINK_DEFINE_FIELD(codeExpiresUSec, SD_VARLINK_INT, SD_VARLINK_NULLABLE),
        SD_VARLINK_FIELD_COMMENT("From and to visitors in this month (UTC), bytes"),
        SD_VARLINK_DEFINE_FIELD(received, SD_VARLINK_INT, 0),
        SD_VARLINK_DEFINE_FIELD(sent, SD_VARLINK_INT, 0));

static SD_VARLINK_DEFINE_STRUCT_TYPE(
        Account, SD_VARLINK_DEFINE_FIELD(issuer, SD_VARLINK_STRING, 0),
        SD_VARLINK_DEFINE_FIELD(accountUri, SD_VARLINK_STRING, 0));

static SD_VARLINK_DEFINE_STRUCT_TYPE(
        TenantAccounts, SD_VARLINK_FIELD_COMMENT("The tenant's label"),
        SD_VARLINK_DEFINE_FIELD(name, SD_VARLINK_STRING, 0),
        SD_VARLINK_FIELD_COMMENT(
                "One of each of its tokens whose machine has told one; empty: none any more"),
        SD_VARLINK_DEFINE_FIELD_BY_TYPE(accounts, Account, SD_VARLINK_ARRAY));

static SD_VARLINK_DEFINE_STRUCT_TYPE(
        Usage, SD_VARLINK_DEFINE_FIELD(tenant, SD_VARLINK_STRING, 0),
        SD_VARLINK_FIELD_COMMENT("From visitors, bytes"),
        SD_VARLINK_DEFINE_FIELD(received, SD_VARLINK_INT, 0),
        SD_VARLINK_FIELD_COMMENT("To visitors, bytes"), SD_VARLINK_DEFINE_FIELD(sent, SD_VARLINK_INT, 0),
        SD_VARLINK_DEFINE_FIELD(visitors, SD_VARLINK_INT, 0));

static SD_VARLINK_DEFINE_STRUCT_TYPE(
        MonthUsage, SD_VARLINK_DEFINE_FIELD(tenant, SD_VARLINK_STRING, 0),
        SD_VARLINK_FIELD_COMMENT("\"2026-11\", UTC"), SD_VARLINK_DEFINE_FIELD(month, SD_VARLINK_STRING, 0),
        SD_VARLINK_DEFINE_FIELD(received, SD_VARLINK_INT, 0),
        SD_VARLINK_DEFINE_FIELD(sent, SD_VARLINK_INT, 0),
        SD_VARLINK_DEFINE_FIELD(visitors, SD_VARLINK_INT, 0));

static SD_VARLINK_DEFINE_ENUM_TYPE(
        Credential, SD_VARLINK_FIELD_COMMENT("Neither; IssueToken or IssueCode later"),
        SD_VARLINK_DEFINE_ENUM_VALUE(none), SD_VARLINK_FIELD_COMMENT("A token"),
        SD_VARLINK_DEFINE_ENUM_VALUE(token),
        SD_VARLINK_FIELD_COMMENT("A code that an agent exchanges for a token, once"),
        SD_VARLINK_DEFINE_ENUM_VALUE(code));

static SD_VARLINK_DEFINE_STRUCT_TYPE(
        NewTenant, SD_VARLINK_DEFINE_FIELD(name, SD_VARLINK_STRING, 0),
        SD_VARLINK_FIELD_COMMENT("NAME.ZONE"), SD_VARLINK_DEFINE_FIELD(zone, SD_VARLINK_STRING, 0),
        SD_VARLINK_FIELD_COMMENT("The token's text or the code, told this once; null: none was wanted"),
        SD_VARLINK_DEFINE_FIELD(credential, SD_VARLINK_STRING, SD_VARLINK_NULLABLE),
        SD_VARLINK_FIELD_COMMENT("When it ends by itself; null: never"),
        SD_VARLINK_DEFINE_FIELD(expiresUSec, SD_VARLINK_INT, SD_VARLINK_NULLABLE));

/* --- hagw-proxyd's and hagw-dnsd's --------------------------------------------------------------------- */

static SD_VARLINK_DEFINE_METHOD_FULL(
        Watch, SD_VARLINK_REQUIRES_MORE,
        SD_VARLINK_FIELD_COMMENT("Forget what was said before; in the first message"),
        SD_VARLINK_DEFINE_OUTPUT(reset, SD_VARLINK_BOOL, 0),
        SD_VARLINK_FIELD_COMMENT("What was told so far is all there is"),
        SD_VARLINK_DEFINE_OUTPUT(complete, SD_VARLINK_BOOL, 0),
        SD_VARLINK_FIELD_COMMENT("New ones, and those that changed; each replaces what was said of it"),
        SD_VARLINK_DEFINE_OUTPUT_BY_TYPE(tenants, Route, SD_VARLINK_ARRAY),
        SD_VARLINK_FIELD_COMMENT("Names of those that are gone; none of them is among tenants"),
        SD_VARLINK_DEFINE_OUTPUT(removed, SD_VARLINK_STRING, SD_VARLINK_ARRAY));

static SD_VARLINK_DEFINE_METHOD_FULL(
        WatchAccounts, SD_VARLINK_REQUIRES_MORE,
        SD_VARLINK_FIELD_COMMENT("Forget what was said before; in the first message"),
        SD_VARLINK_DEFINE_OUTPUT(reset, SD_VARLINK_BOOL, 0),
        SD_VARLINK_FIELD_COMMENT("What was told so far is all there is"),
        SD_VARLINK_DEFINE_OUTPUT(complete, SD_VARLINK_BOOL, 0),
        SD_VARLINK_DEFINE_OUTPUT_BY_TYPE(accounts, TenantAccounts, SD_VARLINK_ARRAY));

#define PROOF                                                                                         \
        SD_VARLINK_DEFINE_INPUT(tenant, SD_VARLINK_STRING, 0),                                        \
                SD_VARLINK_DEFINE_INPUT(tokenId, SD_VARLINK_STRING, 0),                               \
                SD_VARLINK_FIELD_COMMENT("base64 of 32 bytes, see docs/relay-protocol.md"),           \
                SD_VARLINK_DEFINE_INPUT(proof, SD_VARLINK_STRING, 0),                                 \
                SD_VARLINK_FIELD_COMMENT("base64 of 32 bytes, the exporter's binding"),               \
                SD_VARLINK_DEFINE_INPUT(binding, SD_VARLINK_STRING, 0)

static SD_VARLINK_DEFINE_METHOD(Authenticate, PROOF, SD_VARLINK_DEFINE_OUTPUT_BY_TYPE(tenant, Route, 0));

static SD_VARLINK_DEFINE_METHOD(
        GiveBack, PROOF,
        SD_VARLINK_FIELD_COMMENT("Another machine has the token, too: it stays good. To whoever proves it"),
        SD_VARLINK_DEFINE_INPUT(shared, SD_VARLINK_BOOL, SD_VARLINK_NULLABLE));

static SD_VARLINK_DEFINE_METHOD(
        Enrol, SD_VARLINK_FIELD_COMMENT("As it was typed: in any case, with or without separators"),
        SD_VARLINK_DEFINE_INPUT(code, SD_VARLINK_STRING, 0),
        SD_VARLINK_FIELD_COMMENT("base64 of the SHA-256 of the token's 32 bytes"),
        SD_VARLINK_DEFINE_INPUT(storedKey, SD_VARLINK_STRING, 0),
        SD_VARLINK_FIELD_COMMENT("Where the agent comes from, without a port"),
        SD_VARLINK_DEFINE_INPUT(address, SD_VARLINK_STRING, 0),
        SD_VARLINK_FIELD_COMMENT("That the house is already: a code of another one is refused, and stays "
                                 "good; null: whosever it is"),
        SD_VARLINK_DEFINE_INPUT(tenant, SD_VARLINK_STRING, SD_VARLINK_NULLABLE),
        SD_VARLINK_DEFINE_OUTPUT(tenant, SD_VARLINK_STRING, 0),
        SD_VARLINK_DEFINE_OUTPUT(tokenId, SD_VARLINK_STRING, 0));

static SD_VARLINK_DEFINE_METHOD(
        PublishChallenge, PROOF,
        SD_VARLINK_FIELD_COMMENT("_acme-challenge.TENANT.ZONE or _acme-challenge.LABELS.TENANT.ZONE"),
        SD_VARLINK_DEFINE_INPUT(name, SD_VARLINK_STRING, 0),
        SD_VARLINK_FIELD_COMMENT("43 characters of base64url (RFC 8555 section 8.4)"),
        SD_VARLINK_DEFINE_INPUT(value, SD_VARLINK_STRING, 0));

static SD_VARLINK_DEFINE_METHOD(WithdrawChallenge, PROOF,
                                SD_VARLINK_DEFINE_INPUT(name, SD_VARLINK_STRING, 0),
                                SD_VARLINK_DEFINE_INPUT(value, SD_VARLINK_STRING, 0));

static SD_VARLINK_DEFINE_METHOD(
        SetAccount, PROOF,
        SD_VARLINK_FIELD_COMMENT("The authority's domain as in CAA records; empty: take the record back"),
        SD_VARLINK_DEFINE_INPUT(issuer, SD_VARLINK_STRING, 0),
        SD_VARLINK_FIELD_COMMENT("Of the house's account there; https, at most 200 characters"),
        SD_VARLINK_DEFINE_INPUT(accountUri, SD_VARLINK_STRING, 0),
        SD_VARLINK_FIELD_COMMENT(
                "An order before that may be refused: the tenant's records may be remembered without this "
                "one; null: at once"),
        SD_VARLINK_DEFINE_OUTPUT(waitUSec, SD_VARLINK_INT, SD_VARLINK_NULLABLE));

static SD_VARLINK_DEFINE_METHOD(ReportUsage,
                                SD_VARLINK_FIELD_COMMENT("Since the last report, at most 5,000 tenants; "
                                                         "unknown ones are passed over"),
                                SD_VARLINK_DEFINE_INPUT_BY_TYPE(usage, Usage, SD_VARLINK_ARRAY));

/* --- root's -------------------------------------------------------------------------------------------- */

/* What a tenant has; null: the default (Add), or stays as it is (Set). */
#define TENANT_FIELDS                                                                                    \
        SD_VARLINK_FIELD_COMMENT("Host names outside of the relay's zone, or \"*.DOMAIN\"; at most 32"), \
                SD_VARLINK_DEFINE_INPUT(domains, SD_VARLINK_STRING,                                      \
                                        SD_VARLINK_ARRAY | SD_VARLINK_NULLABLE),                         \
                SD_VARLINK_FIELD_COMMENT("At most 256 bytes"),                                           \
                SD_VARLINK_DEFINE_INPUT(note, SD_VARLINK_STRING, SD_VARLINK_NULLABLE), LIMIT_FIELDS

#define LIMIT_FIELDS                                                                                        \
        SD_VARLINK_DEFINE_INPUT(suspended, SD_VARLINK_BOOL, SD_VARLINK_NULLABLE),                           \
                SD_VARLINK_DEFINE_INPUT(terminate, SD_VARLINK_BOOL, SD_VARLINK_NULLABLE),                   \
                SD_VARLINK_FIELD_COMMENT("1 to 64; 1 by default"),                                          \
                SD_VARLINK_DEFINE_INPUT(agents, SD_VARLINK_INT, SD_VARLINK_NULLABLE),                       \
                SD_VARLINK_FIELD_COMMENT("1 to 65536; 0, the default: tenants.channels of the "             \
                                         "configuration"),                                                  \
                SD_VARLINK_DEFINE_INPUT(channels, SD_VARLINK_INT, SD_VARLINK_NULLABLE),                     \
                SD_VARLINK_FIELD_COMMENT("0, the default: no limit; in the next two as well"),              \
                SD_VARLINK_DEFINE_INPUT(connectionsPerSecond, SD_VARLINK_INT, SD_VARLINK_NULLABLE),         \
                SD_VARLINK_DEFINE_INPUT(bytesPerSecond, SD_VARLINK_INT, SD_VARLINK_NULLABLE),               \
                SD_VARLINK_DEFINE_INPUT(bytesPerMonth, SD_VARLINK_INT, SD_VARLINK_NULLABLE)

#define CREDENTIAL_FIELDS                                                                                   \
        SD_VARLINK_FIELD_COMMENT("code where null"),                                                        \
                SD_VARLINK_DEFINE_INPUT_BY_TYPE(credential, Credential, SD_VARLINK_NULLABLE),               \
                SD_VARLINK_FIELD_COMMENT("From now; null: a token never ends, a code after 24 hours (it "   \
                                         "may have 1 minute to 1 year)"),                                   \
                SD_VARLINK_DEFINE_INPUT(lifetimeUSec, SD_VARLINK_INT, SD_VARLINK_NULLABLE)

/* A field of TENANT_FIELDS by itself, so that two who change it keep each other's. */
static SD_VARLINK_DEFINE_METHOD(
        ChangeDomains, SD_VARLINK_DEFINE_INPUT(name, SD_VARLINK_STRING, 0),
        SD_VARLINK_FIELD_COMMENT("What the tenant has already, or has not, is no error"),
        SD_VARLINK_DEFINE_INPUT(add, SD_VARLINK_STRING, SD_VARLINK_ARRAY | SD_VARLINK_NULLABLE),
        SD_VARLINK_DEFINE_INPUT(remove, SD_VARLINK_STRING, SD_VARLINK_ARRAY | SD_VARLINK_NULLABLE),
        SD_VARLINK_DEFINE_OUTPUT_BY_TYPE(tenant, Tenant, 0));

static SD_VARLINK_DEFINE_METHOD(
        FindDomain,
        SD_VARLINK_FIELD_COMMENT("A normalized host name outside of the relay's zone, or \"*.DOMAIN\""),
        SD_VARLINK_DEFINE_INPUT(domain, SD_VARLINK_STRING, 0),
        SD_VARLINK_FIELD_COMMENT("The tenant whose it is, by itself or by a wildcard; null: nobody's"),
        SD_VARLINK_DEFINE_OUTPUT(tenant, SD_VARLINK_STRING, SD_VARLINK_NULLABLE));

static SD_VARLINK_DEFINE_METHOD(Add, SD_VARLINK_DEFINE_INPUT(name, SD_VARLINK_STRING, 0), TENANT_FIELDS,
                                CREDENTIAL_FIELDS, SD_VARLINK_DEFINE_OUTPUT_BY_TYPE(tenant, NewTenant, 0));

static SD_VARLINK_DEFINE_METHOD_FULL(
        AddMany, SD_VARLINK_REQUIRES_MORE,
        SD_VARLINK_FIELD_COMMENT("The names are this and 8 random characters behind it: \"hub-\"; at most "
                                 "40 characters; empty where null"),
        SD_VARLINK_DEFINE_INPUT(prefix, SD_VARLINK_STRING, SD_VARLINK_NULLABLE),
        SD_VARLINK_FIELD_COMMENT("1 to 100,000"), SD_VARLINK_DEFINE_INPUT(count, SD_VARLINK_INT, 0),
        SD_VARLINK_FIELD_COMMENT("At most 256 bytes"),
        SD_VARLINK_DEFINE_INPUT(note, SD_VARLINK_STRING, SD_VARLINK_NULLABLE), LIMIT_FIELDS,
        CREDENTIAL_FIELDS, SD_VARLINK_DEFINE_OUTPUT_BY_TYPE(tenants, NewTenant, SD_VARLINK_ARRAY));

static SD_VARLINK_DEFINE_METHOD_FULL(
        List, SD_VARLINK_REQUIRES_MORE,
        SD_VARLINK_FIELD_COMMENT("Only those whose names begin so"),
        SD_VARLINK_DEFINE_INPUT(prefix, SD_VARLINK_STRING, SD_VARLINK_NULLABLE),
        SD_VARLINK_FIELD_COMMENT("No more than so many"),
        SD_VARLINK_DEFINE_INPUT(limit, SD_VARLINK_INT, SD_VARLINK_NULLABLE),
        SD_VARLINK_DEFINE_OUTPUT_BY_TYPE(tenants, Tenant, SD_VARLINK_ARRAY));

static SD_VARLINK_DEFINE_METHOD(Get, SD_VARLINK_DEFINE_INPUT(name, SD_VARLINK_STRING, 0),
                                SD_VARLINK_DEFINE_OUTPUT_BY_TYPE(tenant, Tenant, 0));

static SD_VARLINK_DEFINE_METHOD(Set, SD_VARLINK_DEFINE_INPUT(name, SD_VARLINK_STRING, 0), TENANT_FIELDS,
                                SD_VARLINK_DEFINE_OUTPUT_BY_TYPE(tenant, Tenant, 0));

static SD_VARLINK_DEFINE_METHOD(
        IssueToken, SD_VARLINK_DEFINE_INPUT(name, SD_VARLINK_STRING, 0),
        SD_VARLINK_FIELD_COMMENT("From now; null: it never ends"),
        SD_VARLINK_DEFINE_INPUT(lifetimeUSec, SD_VARLINK_INT, SD_VARLINK_NULLABLE),
        SD_VARLINK_FIELD_COMMENT("From now, for the tokens that there are; null: they stay as they are"),
        SD_VARLINK_DEFINE_INPUT(othersLifetimeUSec, SD_VARLINK_INT, SD_VARLINK_NULLABLE),
        SD_VARLINK_DEFINE_OUTPUT(tokenId, SD_VARLINK_STRING, 0),
        SD_VARLINK_FIELD_COMMENT("hagw_TENANT_ID_SECRET, told this once"),
        SD_VARLINK_DEFINE_OUTPUT(token, SD_VARLINK_STRING, 0));

static SD_VARLINK_DEFINE_METHOD(
        IssueCode, SD_VARLINK_DEFINE_INPUT(name, SD_VARLINK_STRING, 0),
        SD_VARLINK_FIELD_COMMENT("1 minute to 1 year from now; 24 hours where null"),
        SD_VARLINK_DEFINE_INPUT(lifetimeUSec, SD_VARLINK_INT, SD_VARLINK_NULLABLE),
        SD_VARLINK_FIELD_COMMENT("Told this once"), SD_VARLINK_DEFINE_OUTPUT(code, SD_VARLINK_STRING, 0),
        SD_VARLINK_DEFINE_OUTPUT(expiresUSec, SD_VARLINK_INT, 0));

static SD_VARLINK_DEFINE_METHOD(
        RevokeToken, SD_VARLINK_DEFINE_INPUT(name, SD_VARLINK_STRING, 0),
        SD_VARLINK_FIELD_COMMENT("Null: all tokens, and all codes that nobody has used"),
        SD_VARLINK_DEFINE_INPUT(tokenId, SD_VARLINK_STRING, SD_VARLINK_NULLABLE),
        SD_VARLINK_DEFINE_OUTPUT(tokens, SD_VARLINK_INT, 0),
        SD_VARLINK_DEFINE_OUTPUT(codes, SD_VARLINK_INT, 0));

static SD_VARLINK_DEFINE_METHOD(Remove, SD_VARLINK_DEFINE_INPUT(name, SD_VARLINK_STRING, 0));

static SD_VARLINK_DEFINE_METHOD_FULL(
        GetUsage, SD_VARLINK_REQUIRES_MORE, SD_VARLINK_FIELD_COMMENT("Null: of all"),
        SD_VARLINK_DEFINE_INPUT(name, SD_VARLINK_STRING, SD_VARLINK_NULLABLE),
        SD_VARLINK_FIELD_COMMENT("Of the last so many months; 1: this one; null: of all that are kept (36)"),
        SD_VARLINK_DEFINE_INPUT(months, SD_VARLINK_INT, SD_VARLINK_NULLABLE),
        SD_VARLINK_FIELD_COMMENT("By tenant, then month; a month without any is missing"),
        SD_VARLINK_DEFINE_OUTPUT_BY_TYPE(usage, MonthUsage, SD_VARLINK_ARRAY));

static SD_VARLINK_DEFINE_STRUCT_TYPE(
        Copy, SD_VARLINK_FIELD_COMMENT("The day it was made (UTC), such as 2026-11-29"),
        SD_VARLINK_DEFINE_FIELD(name, SD_VARLINK_STRING, 0),
        SD_VARLINK_FIELD_COMMENT("Found whole now; else nothing below is known"),
        SD_VARLINK_DEFINE_FIELD(good, SD_VARLINK_BOOL, 0),
        SD_VARLINK_FIELD_COMMENT("Everything that was taken from tenants since is known; else tokens that "
                                 "were revoked since may be good again with it"),
        SD_VARLINK_DEFINE_FIELD(complete, SD_VARLINK_BOOL, 0),
        SD_VARLINK_DEFINE_FIELD(madeUSec, SD_VARLINK_INT, 0),
        SD_VARLINK_DEFINE_FIELD(tenants, SD_VARLINK_INT, 0),
        SD_VARLINK_FIELD_COMMENT("What was taken since, and will be again: \"token anna 7k3m\"; at most "
                                 "1,000"),
        SD_VARLINK_DEFINE_FIELD(taken, SD_VARLINK_STRING, SD_VARLINK_ARRAY));

static SD_VARLINK_DEFINE_METHOD(
        ListCopies, SD_VARLINK_FIELD_COMMENT("What is wrong with the database; null: nothing"),
        SD_VARLINK_DEFINE_OUTPUT(trouble, SD_VARLINK_STRING, SD_VARLINK_NULLABLE),
        SD_VARLINK_FIELD_COMMENT("The newest first"),
        SD_VARLINK_DEFINE_OUTPUT_BY_TYPE(copies, Copy, SD_VARLINK_ARRAY));

static SD_VARLINK_DEFINE_METHOD(MakeCopy);

static SD_VARLINK_DEFINE_METHOD(
        RestoreCopy,
        SD_VARLINK_FIELD_COMMENT("Null: the newest one that is good and complete"),
        SD_VARLINK_DEFINE_INPUT(name, SD_VARLINK_STRING, SD_VARLINK_NULLABLE),
        SD_VARLINK_FIELD_COMMENT("True: none; a new database is begun"),
        SD_VARLINK_DEFINE_INPUT(empty, SD_VARLINK_BOOL, SD_VARLINK_NULLABLE),
        SD_VARLINK_FIELD_COMMENT("True: a copy takes the place of a database that is in order as well, if "
                                 "all that was taken since is known"),
        SD_VARLINK_DEFINE_INPUT(force, SD_VARLINK_BOOL, SD_VARLINK_NULLABLE),
        SD_VARLINK_DEFINE_OUTPUT(name, SD_VARLINK_STRING, SD_VARLINK_NULLABLE),
        SD_VARLINK_DEFINE_OUTPUT(madeUSec, SD_VARLINK_INT, SD_VARLINK_NULLABLE),
        SD_VARLINK_DEFINE_OUTPUT(tenants, SD_VARLINK_INT, 0),
        SD_VARLINK_FIELD_COMMENT("As in Copy"),
        SD_VARLINK_DEFINE_OUTPUT(taken, SD_VARLINK_STRING, SD_VARLINK_ARRAY));

static SD_VARLINK_DEFINE_ERROR(Damaged);
static SD_VARLINK_DEFINE_ERROR(NotDamaged);
static SD_VARLINK_DEFINE_ERROR(NoSuchCopy, SD_VARLINK_DEFINE_FIELD(name, SD_VARLINK_STRING, 0));
static SD_VARLINK_DEFINE_ERROR(NotAdmitted);
static SD_VARLINK_DEFINE_ERROR(Suspended);
static SD_VARLINK_DEFINE_ERROR(NameNotYours, SD_VARLINK_DEFINE_FIELD(name, SD_VARLINK_STRING, 0));
static SD_VARLINK_DEFINE_ERROR(BadCode);
static SD_VARLINK_DEFINE_ERROR(OtherTenant);
static SD_VARLINK_DEFINE_ERROR(TokenShared);
static SD_VARLINK_DEFINE_ERROR(Busy, SD_VARLINK_FIELD_COMMENT("From now"),
                               SD_VARLINK_DEFINE_FIELD(retryUSec, SD_VARLINK_INT, 0));
static SD_VARLINK_DEFINE_ERROR(NoRelay);
static SD_VARLINK_DEFINE_ERROR(NoSuchTenant, SD_VARLINK_DEFINE_FIELD(name, SD_VARLINK_STRING, 0));
static SD_VARLINK_DEFINE_ERROR(TenantExists, SD_VARLINK_DEFINE_FIELD(name, SD_VARLINK_STRING, 0));
static SD_VARLINK_DEFINE_ERROR(BadName, SD_VARLINK_DEFINE_FIELD(name, SD_VARLINK_STRING, 0),
                               SD_VARLINK_FIELD_COMMENT("One sentence"),
                               SD_VARLINK_DEFINE_FIELD(reason, SD_VARLINK_STRING, 0));
static SD_VARLINK_DEFINE_ERROR(BadDomain, SD_VARLINK_DEFINE_FIELD(domain, SD_VARLINK_STRING, 0),
                               SD_VARLINK_FIELD_COMMENT("One sentence"),
                               SD_VARLINK_DEFINE_FIELD(reason, SD_VARLINK_STRING, 0));
static SD_VARLINK_DEFINE_ERROR(DomainTaken, SD_VARLINK_DEFINE_FIELD(domain, SD_VARLINK_STRING, 0),
                               SD_VARLINK_FIELD_COMMENT("Whose it is"),
                               SD_VARLINK_DEFINE_FIELD(tenant, SD_VARLINK_STRING, 0));
static SD_VARLINK_DEFINE_ERROR(NoSuchToken, SD_VARLINK_DEFINE_FIELD(tokenId, SD_VARLINK_STRING, 0));
static SD_VARLINK_DEFINE_ERROR(Full, SD_VARLINK_FIELD_COMMENT("tenants, codes or domains"),
                               SD_VARLINK_DEFINE_FIELD(what, SD_VARLINK_STRING, 0),
                               SD_VARLINK_DEFINE_FIELD(limit, SD_VARLINK_INT, 0));
static SD_VARLINK_DEFINE_ERROR(TokensFull, SD_VARLINK_FIELD_COMMENT("The tenant"),
                               SD_VARLINK_DEFINE_FIELD(name, SD_VARLINK_STRING, 0),
                               SD_VARLINK_DEFINE_FIELD(limit, SD_VARLINK_INT, 0));

SD_VARLINK_DEFINE_INTERFACE(
        io_hagw_Tenant, "io.hagw.Tenant",
        SD_VARLINK_INTERFACE_COMMENT("Who may attach to this relay, under which names, how much."),
        SD_VARLINK_SYMBOL_COMMENT("A tenant as hagw-proxyd needs to know it"), &vl_type_Route,
        SD_VARLINK_SYMBOL_COMMENT("What is told of a token; its secret is nowhere"), &vl_type_Token,
        SD_VARLINK_SYMBOL_COMMENT("All that is known of a tenant"), &vl_type_Tenant,
        SD_VARLINK_SYMBOL_COMMENT("An account at a certificate authority, for CAA"), &vl_type_Account,
        SD_VARLINK_SYMBOL_COMMENT("All accounts of a tenant"),
        &vl_type_Account, SD_VARLINK_SYMBOL_COMMENT("What visitors of a tenant have moved"), &vl_type_Usage,
        SD_VARLINK_SYMBOL_COMMENT("What visitors of a tenant have moved in a month"), &vl_type_MonthUsage,
        SD_VARLINK_SYMBOL_COMMENT("What a new tenant's house gets in"), &vl_type_Credential,
        SD_VARLINK_SYMBOL_COMMENT("What is told once of a tenant that was just made"), &vl_type_NewTenant,
        SD_VARLINK_SYMBOL_COMMENT("All tenants, in messages of at most 1,000, and then what changes, within "
                                  "milliseconds. hagw-proxyd only."),
        &vl_method_Watch,
        SD_VARLINK_SYMBOL_COMMENT("Accounts of all tenants that have one, in messages of at most 1,000, and "
                                  "then what changes. hagw-dnsd only."),
        &vl_method_WatchAccounts,
        SD_VARLINK_SYMBOL_COMMENT("Whether the proof is one of the tenant's token, made for this binding. "
                                  "hagw-proxyd only, as all methods that take a proof."),
        &vl_method_Authenticate,
        SD_VARLINK_SYMBOL_COMMENT("Exchanges a code for a token whose secret the house has made; the code is"
                                  " used up. hagw-proxyd only."),
        &vl_method_Enrol,
        SD_VARLINK_SYMBOL_COMMENT("Ends the token that the proof is of: its house leaves. Also where the "
                                  "tenant is suspended."),
        &vl_method_GiveBack,
        SD_VARLINK_SYMBOL_COMMENT("Publishes a DNS-01 value below the tenant's own name, for an hour at "
                                  "most. When this returns, hagw-dnsd answers with it."),
        &vl_method_PublishChallenge,
        SD_VARLINK_SYMBOL_COMMENT("Takes a value back. Not an error when there is none."),
        &vl_method_WithdrawChallenge,
        SD_VARLINK_SYMBOL_COMMENT("Has the CAA records of the tenant's name list the account of the "
                                  "machine that has the token (RFC 8657), for as long as the token lives."),
        &vl_method_SetAccount,
        SD_VARLINK_SYMBOL_COMMENT("Adds up what visitors moved; when this returns it is stored. hagw-proxyd "
                                  "only."),
        &vl_method_ReportUsage,
        SD_VARLINK_SYMBOL_COMMENT("Makes a tenant. Root only, as all that follow."), &vl_method_Add,
        SD_VARLINK_SYMBOL_COMMENT("Makes many tenants with names of its own, all or none, and then tells "
                                  "them in messages of at most 1,000."),
        &vl_method_AddMany,
        SD_VARLINK_SYMBOL_COMMENT("Tenants by name, in messages of at most 1,000."), &vl_method_List,
        SD_VARLINK_SYMBOL_COMMENT("One tenant."), &vl_method_Get,
        SD_VARLINK_SYMBOL_COMMENT("Changes what is given."), &vl_method_Set,
        SD_VARLINK_SYMBOL_COMMENT("Domains come and go; the others stay."), &vl_method_ChangeDomains,
        SD_VARLINK_SYMBOL_COMMENT("Whose visitors a name's are."), &vl_method_FindDomain,
        SD_VARLINK_SYMBOL_COMMENT("Makes one more token. The others stay good until they are revoked or "
                                  "end."),
        &vl_method_IssueToken, SD_VARLINK_SYMBOL_COMMENT("Makes an enrolment code, good once."),
        &vl_method_IssueCode,
        SD_VARLINK_SYMBOL_COMMENT("Ends a token, or all; what came with it is cut."), &vl_method_RevokeToken,
        SD_VARLINK_SYMBOL_COMMENT("Forgets a tenant with its tokens and usage; what is there of it is cut."),
        &vl_method_Remove, SD_VARLINK_SYMBOL_COMMENT("What was moved, by tenant and month."),
        &vl_method_GetUsage,
        SD_VARLINK_SYMBOL_COMMENT("A copy of the database"), &vl_type_Copy,
        SD_VARLINK_SYMBOL_COMMENT("The copies that there are; also while the database is damaged."),
        &vl_method_ListCopies,
        SD_VARLINK_SYMBOL_COMMENT("Makes today's copy now, in the place of an older one of today."),
        &vl_method_MakeCopy,
        SD_VARLINK_SYMBOL_COMMENT("Puts a copy in the place of a damaged database, and takes from tenants "
                                  "again what was taken since."),
        &vl_method_RestoreCopy,
        SD_VARLINK_SYMBOL_COMMENT("The database is damaged: see ListCopies and RestoreCopy"),
        &vl_error_Damaged, SD_VARLINK_SYMBOL_COMMENT("The database is in order"), &vl_error_NotDamaged,
        SD_VARLINK_SYMBOL_COMMENT("There is no such copy, or it is damaged as well, or not all that was "
                                  "taken since is known"), &vl_error_NoSuchCopy,
        SD_VARLINK_SYMBOL_COMMENT("Unknown tenant, unknown or ended token, wrong proof: strangers are not "
                                  "told which"),
        &vl_error_NotAdmitted, SD_VARLINK_SYMBOL_COMMENT("The proof is right, but the tenant is suspended"),
        &vl_error_Suspended, SD_VARLINK_SYMBOL_COMMENT("Not a challenge's name below the tenant's own"),
        &vl_error_NameNotYours, SD_VARLINK_SYMBOL_COMMENT("No such code, or not any more"),
        &vl_error_BadCode,
        SD_VARLINK_SYMBOL_COMMENT("The code is good and stays so, but it is another tenant's than the house "
                                  "is"), &vl_error_OtherTenant,
        SD_VARLINK_SYMBOL_COMMENT("Another machine has the token, too, and would be cut with it"),
        &vl_error_TokenShared,
        SD_VARLINK_SYMBOL_COMMENT("Too many wrong codes, too many values at once, or hagw-dnsd does not "
                                  "answer"),
        &vl_error_Busy, SD_VARLINK_SYMBOL_COMMENT("tenants.zone is not set in hagw.conf"), &vl_error_NoRelay,
        SD_VARLINK_SYMBOL_COMMENT("There is no tenant of that name"), &vl_error_NoSuchTenant,
        SD_VARLINK_SYMBOL_COMMENT("There is one of that name already"), &vl_error_TenantExists,
        SD_VARLINK_SYMBOL_COMMENT("Not a label, or one that is kept for the relay"), &vl_error_BadName,
        SD_VARLINK_SYMBOL_COMMENT("Not a host name, or one of the relay's own"), &vl_error_BadDomain,
        SD_VARLINK_SYMBOL_COMMENT("Another tenant has the domain"), &vl_error_DomainTaken,
        SD_VARLINK_SYMBOL_COMMENT("The tenant has no token of that id"), &vl_error_NoSuchToken,
        SD_VARLINK_SYMBOL_COMMENT("No more of this kind fit"), &vl_error_Full,
        SD_VARLINK_SYMBOL_COMMENT("The tenant has as many tokens as it may, so that no code of it is of use "
                                  "until one ends"),
        &vl_error_TokensFull);
