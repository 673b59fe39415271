/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The door; tests/idl/io.hagw.Proxy.varlink is its text. */

#include "libhagw/vl-io.hagw.Proxy.h"

static SD_VARLINK_DEFINE_ENUM_TYPE(Health, SD_VARLINK_DEFINE_ENUM_VALUE(unknown),
                                   SD_VARLINK_DEFINE_ENUM_VALUE(ok), SD_VARLINK_DEFINE_ENUM_VALUE(failing));

static SD_VARLINK_DEFINE_ENUM_TYPE(
        Finding, SD_VARLINK_FIELD_COMMENT("It has no address"), SD_VARLINK_DEFINE_ENUM_VALUE(name),
        SD_VARLINK_FIELD_COMMENT("Nobody listens there"), SD_VARLINK_DEFINE_ENUM_VALUE(refused),
        SD_VARLINK_FIELD_COMMENT("Connecting took too long"), SD_VARLINK_DEFINE_ENUM_VALUE(silent),
        SD_VARLINK_DEFINE_ENUM_VALUE(unrouted),
        SD_VARLINK_DEFINE_ENUM_VALUE(unreachable),
        SD_VARLINK_DEFINE_ENUM_VALUE(tls),
        SD_VARLINK_FIELD_COMMENT("There is TLS, but its certificate is not what it should be"),
        SD_VARLINK_DEFINE_ENUM_VALUE(certificate),
        SD_VARLINK_DEFINE_ENUM_VALUE(speaks_tls),
        SD_VARLINK_DEFINE_ENUM_VALUE(speaks_http),
        SD_VARLINK_DEFINE_ENUM_VALUE(no_answer),
        SD_VARLINK_FIELD_COMMENT("Home Assistant does not trust this machine as a proxy"),
        SD_VARLINK_DEFINE_ENUM_VALUE(home_assistant),
        SD_VARLINK_FIELD_COMMENT("The same of another service"),
        SD_VARLINK_DEFINE_ENUM_VALUE(proxy),
        SD_VARLINK_FIELD_COMMENT("It refuses the name that visitors ask for"),
        SD_VARLINK_DEFINE_ENUM_VALUE(host),
        SD_VARLINK_FIELD_COMMENT("A tenant's house does not take visitors whose TLS the relay has opened"),
        SD_VARLINK_DEFINE_ENUM_VALUE(house_refuses),
        SD_VARLINK_FIELD_COMMENT("A tenant's house has no host of this name"),
        SD_VARLINK_DEFINE_ENUM_VALUE(house_no_host),
        SD_VARLINK_FIELD_COMMENT("It is this gateway"), SD_VARLINK_DEFINE_ENUM_VALUE(itself),
        SD_VARLINK_FIELD_COMMENT("It is the house's public address, where the router is asked"),
        SD_VARLINK_DEFINE_ENUM_VALUE(public_address),
        SD_VARLINK_FIELD_COMMENT("It sends visitors to where they are, without end"),
        SD_VARLINK_DEFINE_ENUM_VALUE(sends_back),
        SD_VARLINK_FIELD_COMMENT("The same by way of other pages"),
        SD_VARLINK_DEFINE_ENUM_VALUE(sends_round),
        SD_VARLINK_FIELD_COMMENT("It sends visitors to a place that only the house has"),
        SD_VARLINK_DEFINE_ENUM_VALUE(sends_inside));

static SD_VARLINK_DEFINE_ENUM_TYPE(
        TenantState, SD_VARLINK_FIELD_COMMENT("Or expected back within seconds"),
        SD_VARLINK_DEFINE_ENUM_VALUE(attached),
        SD_VARLINK_DEFINE_ENUM_VALUE(suspended),
        SD_VARLINK_FIELD_COMMENT("Its bytes of this month are used up"),
        SD_VARLINK_DEFINE_ENUM_VALUE(exhausted),
        SD_VARLINK_FIELD_COMMENT("It has no token, so that no house can be attached"),
        SD_VARLINK_DEFINE_ENUM_VALUE(detached),
        SD_VARLINK_FIELD_COMMENT("The same, and a code waits to be typed in one"),
        SD_VARLINK_DEFINE_ENUM_VALUE(invited),
        SD_VARLINK_FIELD_COMMENT("No house is attached as it"),
        SD_VARLINK_DEFINE_ENUM_VALUE(away));

static SD_VARLINK_DEFINE_ENUM_TYPE(
        Outer, SD_VARLINK_FIELD_COMMENT("The house's relay, which has opened the visitor's TLS"),
        SD_VARLINK_DEFINE_ENUM_VALUE(relay),
        SD_VARLINK_FIELD_COMMENT("Another gateway, which is inside"),
        SD_VARLINK_DEFINE_ENUM_VALUE(gateway));

static SD_VARLINK_DEFINE_STRUCT_TYPE(
        Host, SD_VARLINK_DEFINE_FIELD(name, SD_VARLINK_STRING, 0),
        SD_VARLINK_DEFINE_FIELD(upstream, SD_VARLINK_STRING, 0),
        SD_VARLINK_FIELD_COMMENT("unknown: nobody asked yet"),
        SD_VARLINK_DEFINE_FIELD_BY_TYPE(health, Health, 0),
        SD_VARLINK_FIELD_COMMENT("What failed last, in words that say what to check; missing while ok"),
        SD_VARLINK_DEFINE_FIELD(error, SD_VARLINK_STRING, SD_VARLINK_NULLABLE),
        SD_VARLINK_FIELD_COMMENT("What keeps visitors away, as the last trial found; error is its sentence"),
        SD_VARLINK_DEFINE_FIELD_BY_TYPE(finding, Finding, SD_VARLINK_NULLABLE),
        SD_VARLINK_FIELD_COMMENT("How the tenant is whom the host leads to, now; where that keeps visitors "
                                 "away the host is failing, and error says so. Missing: to none"),
        SD_VARLINK_DEFINE_FIELD_BY_TYPE(tenantState, TenantState, SD_VARLINK_NULLABLE),
        SD_VARLINK_FIELD_COMMENT("CLOCK_REALTIME of the first trial that found it"),
        SD_VARLINK_DEFINE_FIELD(foundUSec, SD_VARLINK_INT, SD_VARLINK_NULLABLE),
        SD_VARLINK_FIELD_COMMENT("CLOCK_REALTIME of the last trial; 0: never"),
        SD_VARLINK_DEFINE_FIELD(triedUSec, SD_VARLINK_INT, 0),
        SD_VARLINK_FIELD_COMMENT("HTTP status that the last trial met with; missing: none, or a visitor has "
                                 "got through since"),
        SD_VARLINK_DEFINE_FIELD(answerStatus, SD_VARLINK_INT, SD_VARLINK_NULLABLE),
        SD_VARLINK_FIELD_COMMENT("CLOCK_REALTIME of the last success; 0: never"),
        SD_VARLINK_DEFINE_FIELD(lastOkUSec, SD_VARLINK_INT, 0),
        SD_VARLINK_FIELD_COMMENT("CLOCK_REALTIME of the last failure; 0: never"),
        SD_VARLINK_DEFINE_FIELD(lastErrorUSec, SD_VARLINK_INT, 0),
        SD_VARLINK_FIELD_COMMENT("Whether the service, a gateway itself, asks for a login, as it said last; "
                                 "missing: it has not said. Of hosts behind a wildcard true: one of them "
                                 "does"),
        SD_VARLINK_DEFINE_FIELD(innerLogin, SD_VARLINK_BOOL, SD_VARLINK_NULLABLE),
        SD_VARLINK_FIELD_COMMENT("CLOCK_REALTIME of when it said so, or, an older one that says nothing, "
                                 "led a visitor to its own login; missing: neither since the start"),
        SD_VARLINK_DEFINE_FIELD(innerUSec, SD_VARLINK_INT, SD_VARLINK_NULLABLE),
        SD_VARLINK_FIELD_COMMENT("A gateway like this one is in front of the host, and has told so with a "
                                 "request; missing: none has since the start"),
        SD_VARLINK_DEFINE_FIELD_BY_TYPE(outer, Outer, SD_VARLINK_NULLABLE),
        SD_VARLINK_FIELD_COMMENT("Whether a login is asked for there, as it said last"),
        SD_VARLINK_DEFINE_FIELD(outerLogin, SD_VARLINK_BOOL, SD_VARLINK_NULLABLE),
        SD_VARLINK_FIELD_COMMENT("CLOCK_REALTIME of when it said so"),
        SD_VARLINK_DEFINE_FIELD(outerUSec, SD_VARLINK_INT, SD_VARLINK_NULLABLE),
        SD_VARLINK_DEFINE_FIELD(requests, SD_VARLINK_INT, 0),
        SD_VARLINK_FIELD_COMMENT("Requests and upgraded connections under way"),
        SD_VARLINK_DEFINE_FIELD(active, SD_VARLINK_INT, 0),
        SD_VARLINK_FIELD_COMMENT("True where a valid certificate covers the name"),
        SD_VARLINK_DEFINE_FIELD(certificate, SD_VARLINK_BOOL, 0));

static SD_VARLINK_DEFINE_METHOD(
        ListHosts,
        SD_VARLINK_FIELD_COMMENT("Tries first what was neither tried nor visited with success in the last "
                                 "ten seconds (where it fails, two), for three seconds at most"),
        SD_VARLINK_DEFINE_INPUT(look, SD_VARLINK_BOOL, SD_VARLINK_NULLABLE),
        SD_VARLINK_DEFINE_OUTPUT_BY_TYPE(hosts, Host, SD_VARLINK_ARRAY));

static SD_VARLINK_DEFINE_STRUCT_TYPE(
        Hop, SD_VARLINK_DEFINE_FIELD(address, SD_VARLINK_STRING, 0),
        SD_VARLINK_FIELD_COMMENT("CLOCK_REALTIME of the first and the last visitor who came by it"),
        SD_VARLINK_DEFINE_FIELD(firstUSec, SD_VARLINK_INT, 0),
        SD_VARLINK_DEFINE_FIELD(lastUSec, SD_VARLINK_INT, 0));

static SD_VARLINK_DEFINE_METHOD(
        ListHops, SD_VARLINK_DEFINE_OUTPUT_BY_TYPE(hops, Hop, SD_VARLINK_ARRAY),
        SD_VARLINK_FIELD_COMMENT("Of proxy_protocol_from, and with a PROXY protocol header of version 1, "
                                 "which is not understood"),
        SD_VARLINK_DEFINE_OUTPUT_BY_TYPE(version1Balancers, Hop, SD_VARLINK_ARRAY),
        SD_VARLINK_FIELD_COMMENT("Of the same, and without a header: visitors who ask for a host of ours by "
                                 "their first bytes"),
        SD_VARLINK_DEFINE_OUTPUT_BY_TYPE(headerlessBalancers, Hop, SD_VARLINK_ARRAY),
        SD_VARLINK_FIELD_COMMENT("And with one as it has to be"),
        SD_VARLINK_DEFINE_OUTPUT_BY_TYPE(balancers, Hop, SD_VARLINK_ARRAY));

static SD_VARLINK_DEFINE_ENUM_TYPE(Family, SD_VARLINK_DEFINE_ENUM_VALUE(ipv4),
                                   SD_VARLINK_DEFINE_ENUM_VALUE(ipv6));

static SD_VARLINK_DEFINE_ENUM_TYPE(Door, SD_VARLINK_DEFINE_ENUM_VALUE(https),
                                   SD_VARLINK_DEFINE_ENUM_VALUE(http),
                                   SD_VARLINK_FIELD_COMMENT("Houses that attach to this relay, at the port "
                                                            "of https: no visitors"),
                                   SD_VARLINK_DEFINE_ENUM_VALUE(relay));

static SD_VARLINK_DEFINE_STRUCT_TYPE(
        Outside, SD_VARLINK_DEFINE_FIELD_BY_TYPE(family, Family, 0),
        SD_VARLINK_DEFINE_FIELD_BY_TYPE(door, Door, 0),
        SD_VARLINK_FIELD_COMMENT("Connections that were complete, whatever came of them"),
        SD_VARLINK_DEFINE_FIELD(visits, SD_VARLINK_INT, 0),
        SD_VARLINK_FIELD_COMMENT("CLOCK_REALTIME of the last one; 0: none since sinceUSec"),
        SD_VARLINK_DEFINE_FIELD(lastUSec, SD_VARLINK_INT, 0));

static SD_VARLINK_DEFINE_METHOD(DescribeOutside,
                                SD_VARLINK_FIELD_COMMENT("CLOCK_REALTIME; since when it is counted"),
                                SD_VARLINK_DEFINE_OUTPUT(sinceUSec, SD_VARLINK_INT, 0),
                                SD_VARLINK_DEFINE_OUTPUT_BY_TYPE(outside, Outside, SD_VARLINK_ARRAY));

static SD_VARLINK_DEFINE_METHOD(
        Probe, SD_VARLINK_DEFINE_INPUT(name, SD_VARLINK_STRING, 0),
        SD_VARLINK_DEFINE_OUTPUT_BY_TYPE(host, Host, 0),
        SD_VARLINK_FIELD_COMMENT("The HTTP status, missing where there was no answer"),
        SD_VARLINK_DEFINE_OUTPUT(status, SD_VARLINK_INT, SD_VARLINK_NULLABLE),
        SD_VARLINK_FIELD_COMMENT("What to change, in words, where something is known"),
        SD_VARLINK_DEFINE_OUTPUT(advice, SD_VARLINK_STRING, SD_VARLINK_NULLABLE));

static SD_VARLINK_DEFINE_ENUM_TYPE(RelayState, SD_VARLINK_DEFINE_ENUM_VALUE(resolving),
                                   SD_VARLINK_DEFINE_ENUM_VALUE(connecting),
                                   SD_VARLINK_DEFINE_ENUM_VALUE(proving),
                                   SD_VARLINK_DEFINE_ENUM_VALUE(attached),
                                   SD_VARLINK_DEFINE_ENUM_VALUE(waiting));

static SD_VARLINK_DEFINE_STRUCT_TYPE(
        Attachment, SD_VARLINK_DEFINE_FIELD(tenant, SD_VARLINK_STRING, 0),
        SD_VARLINK_FIELD_COMMENT("Of the token that the house was admitted with"),
        SD_VARLINK_DEFINE_FIELD(tokenId, SD_VARLINK_STRING, 0),
        SD_VARLINK_FIELD_COMMENT("The house's; the same on each start of the same machine"),
        SD_VARLINK_DEFINE_FIELD(machine, SD_VARLINK_STRING, 0),
        SD_VARLINK_FIELD_COMMENT("The house's"), SD_VARLINK_DEFINE_FIELD(software, SD_VARLINK_STRING, 0),
        SD_VARLINK_FIELD_COMMENT("Of the other end, ADDRESS:PORT"),
        SD_VARLINK_DEFINE_FIELD(address, SD_VARLINK_STRING, 0),
        SD_VARLINK_FIELD_COMMENT("CLOCK_REALTIME"), SD_VARLINK_DEFINE_FIELD(sinceUSec, SD_VARLINK_INT, 0),
        SD_VARLINK_FIELD_COMMENT("Channels on which no visitor has come yet"),
        SD_VARLINK_DEFINE_FIELD(waiting, SD_VARLINK_INT, 0),
        SD_VARLINK_FIELD_COMMENT("Channels with a visitor"),
        SD_VARLINK_DEFINE_FIELD(visitors, SD_VARLINK_INT, 0),
        SD_VARLINK_FIELD_COMMENT("Bytes from visitors"),
        SD_VARLINK_DEFINE_FIELD(received, SD_VARLINK_INT, 0),
        SD_VARLINK_FIELD_COMMENT("Bytes to visitors"), SD_VARLINK_DEFINE_FIELD(sent, SD_VARLINK_INT, 0));

static SD_VARLINK_DEFINE_ENUM_TYPE(
        RefusalReason, SD_VARLINK_FIELD_COMMENT("The relay has suspended the tenant"),
        SD_VARLINK_DEFINE_ENUM_VALUE(suspended), SD_VARLINK_FIELD_COMMENT("The month's bytes are used up"),
        SD_VARLINK_DEFINE_ENUM_VALUE(exhausted), SD_VARLINK_FIELD_COMMENT("More in a second than may"),
        SD_VARLINK_DEFINE_ENUM_VALUE(connections),
        SD_VARLINK_FIELD_COMMENT("The house is not attached, or does not answer"),
        SD_VARLINK_DEFINE_ENUM_VALUE(away),
        SD_VARLINK_FIELD_COMMENT("None of its channels came free in time"),
        SD_VARLINK_DEFINE_ENUM_VALUE(channels),
        SD_VARLINK_FIELD_COMMENT("It does not take what the relay has opened"),
        SD_VARLINK_DEFINE_ENUM_VALUE(house),
        SD_VARLINK_FIELD_COMMENT("It has no host of the name that was asked for"),
        SD_VARLINK_DEFINE_ENUM_VALUE(host));

static SD_VARLINK_DEFINE_STRUCT_TYPE(
        Refused, SD_VARLINK_DEFINE_FIELD(tenant, SD_VARLINK_STRING, 0),
        SD_VARLINK_DEFINE_FIELD_BY_TYPE(reason, RefusalReason, 0),
        SD_VARLINK_FIELD_COMMENT("The reason in words"), SD_VARLINK_DEFINE_FIELD(text, SD_VARLINK_STRING, 0),
        SD_VARLINK_FIELD_COMMENT("Since the relay's hagw-proxyd runs"),
        SD_VARLINK_DEFINE_FIELD(count, SD_VARLINK_INT, 0),
        SD_VARLINK_FIELD_COMMENT("The last one; CLOCK_REALTIME of the relay"),
        SD_VARLINK_DEFINE_FIELD(lastUSec, SD_VARLINK_INT, 0),
        SD_VARLINK_FIELD_COMMENT("Of \"host\": the name that the last one asked for"),
        SD_VARLINK_DEFINE_FIELD(name, SD_VARLINK_STRING, SD_VARLINK_NULLABLE),
        SD_VARLINK_FIELD_COMMENT("What they were refused for has ended since the last one"),
        SD_VARLINK_DEFINE_FIELD(over, SD_VARLINK_BOOL, SD_VARLINK_NULLABLE));

static SD_VARLINK_DEFINE_STRUCT_TYPE(
        Gap, SD_VARLINK_DEFINE_FIELD(tenant, SD_VARLINK_STRING, 0),
        SD_VARLINK_DEFINE_FIELD(machine, SD_VARLINK_STRING, 0),
        SD_VARLINK_FIELD_COMMENT("Machines of the tenant that are attached"),
        SD_VARLINK_DEFINE_FIELD(machines, SD_VARLINK_INT, 0),
        SD_VARLINK_FIELD_COMMENT("It does not take visitors whose TLS this relay opens, and this relay has "
                                 "such"),
        SD_VARLINK_DEFINE_FIELD(refusesOpened, SD_VARLINK_BOOL, 0),
        SD_VARLINK_FIELD_COMMENT("Of the tenant's domains: those that it has no host for"),
        SD_VARLINK_DEFINE_FIELD(lacking, SD_VARLINK_STRING, SD_VARLINK_ARRAY));

static SD_VARLINK_DEFINE_STRUCT_TYPE(
        Swap, SD_VARLINK_DEFINE_FIELD(tenant, SD_VARLINK_STRING, 0),
        SD_VARLINK_FIELD_COMMENT("The last one; CLOCK_REALTIME"),
        SD_VARLINK_DEFINE_FIELD(lastUSec, SD_VARLINK_INT, 0));

static SD_VARLINK_DEFINE_METHOD(
        DescribeRelay, SD_VARLINK_FIELD_COMMENT("As configured"),
        SD_VARLINK_DEFINE_OUTPUT(address, SD_VARLINK_STRING, 0), SD_VARLINK_FIELD_COMMENT("As configured"),
        SD_VARLINK_DEFINE_OUTPUT(tenant, SD_VARLINK_STRING, 0),
        SD_VARLINK_DEFINE_OUTPUT_BY_TYPE(state, RelayState, 0),
        SD_VARLINK_FIELD_COMMENT("The house's zone, as the relay said last; missing until it did"),
        SD_VARLINK_DEFINE_OUTPUT(zone, SD_VARLINK_STRING, SD_VARLINK_NULLABLE),
        SD_VARLINK_FIELD_COMMENT("Why the last attempt failed, in words that say what to check; while "
                                 "attached, why it does not attach anew with the token that there is now"),
        SD_VARLINK_DEFINE_OUTPUT(error, SD_VARLINK_STRING, SD_VARLINK_NULLABLE),
        SD_VARLINK_FIELD_COMMENT("CLOCK_REALTIME of the next attempt, while waiting"),
        SD_VARLINK_DEFINE_OUTPUT(retryUSec, SD_VARLINK_INT, SD_VARLINK_NULLABLE),
        SD_VARLINK_DEFINE_OUTPUT_BY_TYPE(attachment, Attachment, SD_VARLINK_NULLABLE),
        SD_VARLINK_FIELD_COMMENT("Visitors of this house that the relay refused, as it said last; "
                                 "missing: none"),
        SD_VARLINK_DEFINE_OUTPUT_BY_TYPE(refused, Refused, SD_VARLINK_ARRAY | SD_VARLINK_NULLABLE),
        SD_VARLINK_FIELD_COMMENT("While attached: the domains elsewhere that the relay leads here, maybe "
                                 "with \"*.\" in front; missing: it does not say"),
        SD_VARLINK_DEFINE_OUTPUT(domains, SD_VARLINK_STRING, SD_VARLINK_ARRAY | SD_VARLINK_NULLABLE),
        SD_VARLINK_FIELD_COMMENT("While attached: the names whose visitors' TLS the relay opens and that it "
                                 "leads here; missing: it does not say"),
        SD_VARLINK_DEFINE_OUTPUT(opens, SD_VARLINK_STRING, SD_VARLINK_ARRAY | SD_VARLINK_NULLABLE),
        SD_VARLINK_FIELD_COMMENT("While attached: the tenant's bytes of this month are used up, and the "
                                 "relay lets nobody in; missing: it does not say"),
        SD_VARLINK_DEFINE_OUTPUT(exhausted, SD_VARLINK_BOOL, SD_VARLINK_NULLABLE),
        SD_VARLINK_FIELD_COMMENT("CLOCK_REALTIME of when another machine took this one's place; missing: "
                                 "none did"),
        SD_VARLINK_DEFINE_OUTPUT(takenOverUSec, SD_VARLINK_INT, SD_VARLINK_NULLABLE),
        SD_VARLINK_FIELD_COMMENT("CLOCK_REALTIME of the last visitor whose TLS the relay had opened; "
                                 "missing: none since hagw-proxyd started or the settings for "
                                 "the relay were changed, or this house takes none"),
        SD_VARLINK_DEFINE_OUTPUT(openedUSec, SD_VARLINK_INT, SD_VARLINK_NULLABLE),
        SD_VARLINK_FIELD_COMMENT("Channels that were closed because their header was not the relay's"),
        SD_VARLINK_DEFINE_OUTPUT(rejected, SD_VARLINK_INT, 0));

static SD_VARLINK_DEFINE_METHOD(PublishChallenge, SD_VARLINK_DEFINE_INPUT(name, SD_VARLINK_STRING, 0),
                                SD_VARLINK_DEFINE_INPUT(value, SD_VARLINK_STRING, 0));

static SD_VARLINK_DEFINE_METHOD(WithdrawChallenge, SD_VARLINK_DEFINE_INPUT(name, SD_VARLINK_STRING, 0),
                                SD_VARLINK_DEFINE_INPUT(value, SD_VARLINK_STRING, 0));

static SD_VARLINK_DEFINE_METHOD(SetAccount, SD_VARLINK_FIELD_COMMENT("Empty: takes it back"),
                                SD_VARLINK_DEFINE_INPUT(issuer, SD_VARLINK_STRING, 0),
                                SD_VARLINK_DEFINE_INPUT(accountUri, SD_VARLINK_STRING, 0),
                                SD_VARLINK_FIELD_COMMENT("When an order may begin, from now; null: at once"),
                                SD_VARLINK_DEFINE_OUTPUT(waitUSec, SD_VARLINK_INT, SD_VARLINK_NULLABLE));

static SD_VARLINK_DEFINE_METHOD(
        Enrol, SD_VARLINK_FIELD_COMMENT("HOST[:PORT]"),
        SD_VARLINK_DEFINE_INPUT(address, SD_VARLINK_STRING, 0),
        SD_VARLINK_FIELD_COMMENT("sha256:BASE64 of the relay's public key, instead of the system's roots"),
        SD_VARLINK_DEFINE_INPUT(pin, SD_VARLINK_STRING, SD_VARLINK_NULLABLE),
        SD_VARLINK_DEFINE_INPUT(code, SD_VARLINK_STRING, 0),
        SD_VARLINK_FIELD_COMMENT("io.hagw.Key.PrepareToken's"),
        SD_VARLINK_DEFINE_INPUT(storedKey, SD_VARLINK_STRING, 0),
        SD_VARLINK_FIELD_COMMENT("That this house is there already: a code of another one is not used up; "
                                 "null: of whomever it is"),
        SD_VARLINK_DEFINE_INPUT(tenant, SD_VARLINK_STRING, SD_VARLINK_NULLABLE),
        SD_VARLINK_DEFINE_OUTPUT(tenant, SD_VARLINK_STRING, 0),
        SD_VARLINK_DEFINE_OUTPUT(tokenId, SD_VARLINK_STRING, 0),
        SD_VARLINK_DEFINE_OUTPUT(zone, SD_VARLINK_STRING, 0));

static SD_VARLINK_DEFINE_METHOD(
        GiveBack, SD_VARLINK_FIELD_COMMENT("Also where another machine is attached with the same token, "
                                           "which is cut with it; else the relay refuses: TokenShared"),
        SD_VARLINK_DEFINE_INPUT(force, SD_VARLINK_BOOL, SD_VARLINK_NULLABLE));

static SD_VARLINK_DEFINE_METHOD(Leave);

static SD_VARLINK_DEFINE_ERROR(NoRelay);
static SD_VARLINK_DEFINE_ERROR(RelayUnreachable, SD_VARLINK_DEFINE_FIELD(reason, SD_VARLINK_STRING, 0));
static SD_VARLINK_DEFINE_METHOD_FULL(
        ListAttachments, SD_VARLINK_REQUIRES_MORE, SD_VARLINK_FIELD_COMMENT("Of this tenant only"),
        SD_VARLINK_DEFINE_INPUT(tenant, SD_VARLINK_STRING, SD_VARLINK_NULLABLE),
        SD_VARLINK_FIELD_COMMENT("Refusals, and no attachments"),
        SD_VARLINK_DEFINE_INPUT(refusedOnly, SD_VARLINK_BOOL, SD_VARLINK_NULLABLE),
        SD_VARLINK_DEFINE_OUTPUT_BY_TYPE(attachments, Attachment, SD_VARLINK_ARRAY),
        SD_VARLINK_FIELD_COMMENT("Visitors that were refused, in the last answer alone, the newest rows "
                                 "first; missing: none"),
        SD_VARLINK_DEFINE_OUTPUT_BY_TYPE(refused, Refused, SD_VARLINK_ARRAY | SD_VARLINK_NULLABLE),
        SD_VARLINK_FIELD_COMMENT("How many older rows there was no room for; missing: none"),
        SD_VARLINK_DEFINE_OUTPUT(refusedMore, SD_VARLINK_INT, SD_VARLINK_NULLABLE),
        SD_VARLINK_FIELD_COMMENT("In the last answer alone; missing: none"),
        SD_VARLINK_DEFINE_OUTPUT_BY_TYPE(swaps, Swap, SD_VARLINK_ARRAY | SD_VARLINK_NULLABLE),
        SD_VARLINK_FIELD_COMMENT("Machines that cannot serve all whom this relay leads to them, at most a "
                                 "hundred of each worker's"),
        SD_VARLINK_DEFINE_OUTPUT_BY_TYPE(gaps, Gap, SD_VARLINK_ARRAY | SD_VARLINK_NULLABLE));

static SD_VARLINK_DEFINE_ERROR(RelayRefused,
                               SD_VARLINK_FIELD_COMMENT("io.hagw.Relay's error without its interface, or "
                                                        "another's with it"),
                               SD_VARLINK_DEFINE_FIELD(error, SD_VARLINK_STRING, 0));

static SD_VARLINK_DEFINE_ERROR(NoSuchHost, SD_VARLINK_DEFINE_FIELD(name, SD_VARLINK_STRING, 0));

SD_VARLINK_DEFINE_INTERFACE(
        io_hagw_Proxy, "io.hagw.Proxy",
        SD_VARLINK_INTERFACE_COMMENT("The door: hosts, their upstreams' health, and what passes."),
        SD_VARLINK_SYMBOL_COMMENT("How an upstream is"), &vl_type_Health,
        SD_VARLINK_SYMBOL_COMMENT("What a trial of a service finds"), &vl_type_Finding,
        SD_VARLINK_SYMBOL_COMMENT("How a tenant of this relay is"), &vl_type_TenantState,
        SD_VARLINK_SYMBOL_COMMENT("A configured host"), &vl_type_Host,
        SD_VARLINK_SYMBOL_COMMENT("All configured hosts."), &vl_method_ListHosts,
        SD_VARLINK_SYMBOL_COMMENT("An address of the house's own networks that may stand for anybody"),
        &vl_type_Hop,
        SD_VARLINK_SYMBOL_COMMENT(
                "By which ones visitors came since the start, who therefore did not count as inside."),
        &vl_method_ListHops, SD_VARLINK_SYMBOL_COMMENT("An address family"), &vl_type_Family,
        SD_VARLINK_SYMBOL_COMMENT("Which port: the one for TLS, or the one that redirects to it"),
        &vl_type_Door,
        SD_VARLINK_SYMBOL_COMMENT("Visitors by one of the ways into the house"), &vl_type_Outside,
        SD_VARLINK_SYMBOL_COMMENT(
                "When somebody came last from the internet: not from lan, a special-purpose network, a hop, "
                "the machine itself or its IPv6 network, nor through a relay."),
        &vl_method_DescribeOutside,
        SD_VARLINK_SYMBOL_COMMENT(
                "Connects to the host's upstream now and asks it for GET / with the headers a visitor's "
                "request would carry."),
        &vl_method_Probe, SD_VARLINK_SYMBOL_COMMENT("How it stands with the house's relay"),
        &vl_type_RelayState,
        SD_VARLINK_SYMBOL_COMMENT("A house that is attached to a relay, as either end sees it"),
        &vl_type_Attachment,
        &vl_type_RefusalReason,
        &vl_type_Refused,
        SD_VARLINK_SYMBOL_COMMENT("A tenant whose machines take each other's place again and again"),
        &vl_type_Swap, &vl_type_Gap,
        SD_VARLINK_SYMBOL_COMMENT(
                "The relay that this house is reached through. root, hagw-acmed and hagw-webd only."),
        &vl_method_DescribeRelay,
        SD_VARLINK_SYMBOL_COMMENT("Has the relay serve a DNS-01 value (RFC 8555 section 8.4); returns when "
                                  "it does. hagw-acmed only."),
        &vl_method_PublishChallenge, SD_VARLINK_SYMBOL_COMMENT("Takes it back. hagw-acmed only."),
        &vl_method_WithdrawChallenge,
        SD_VARLINK_SYMBOL_COMMENT(
                "Has the relay allow certificates for this house to one account only (RFC 8657). "
                "hagw-acmed only."),
        &vl_method_SetAccount,
        SD_VARLINK_SYMBOL_COMMENT("Exchanges a one-time code for a token at a relay, which need not be "
                                  "configured. root only."),
        &vl_method_Enrol,
        SD_VARLINK_SYMBOL_COMMENT("Has the relay end this house's token: the house leaves. root only."),
        &vl_method_GiveBack,
        SD_VARLINK_SYMBOL_COMMENT("Tells the relay that this machine, whose place another one took, does "
                                 "not want it back: the house leaves, and keeps its token. root only."),
        &vl_method_Leave,
        SD_VARLINK_SYMBOL_COMMENT("Who is attached to this relay, in messages of at most 500. root, "
                                  "hagw-tenantd and hagw-webd only."),
        &vl_method_ListAttachments, SD_VARLINK_SYMBOL_COMMENT("This house has no relay"), &vl_error_NoRelay,
        SD_VARLINK_SYMBOL_COMMENT("There was no answer from the relay; what to check, in words"),
        &vl_error_RelayUnreachable, SD_VARLINK_SYMBOL_COMMENT("The relay has answered with an error"),
        &vl_error_RelayRefused, SD_VARLINK_SYMBOL_COMMENT("There is no host of that name"),
        &vl_error_NoSuchHost);
