/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What hagw-dnsd answers; tests/idl/io.hagw.Dns.varlink is its text. */

#include "libhagw/vl-io.hagw.Dns.h"

static SD_VARLINK_DEFINE_STRUCT_TYPE(
        Overlay,
        SD_VARLINK_FIELD_COMMENT("Absolute name without trailing dot, lower case"),
        SD_VARLINK_DEFINE_FIELD(name, SD_VARLINK_STRING, 0),
        SD_VARLINK_DEFINE_FIELD(value, SD_VARLINK_STRING, 0),
        SD_VARLINK_DEFINE_FIELD(owner, SD_VARLINK_STRING, 0),
        SD_VARLINK_FIELD_COMMENT("CLOCK_REALTIME"),
        SD_VARLINK_DEFINE_FIELD(expiresUSec, SD_VARLINK_INT, 0));

static SD_VARLINK_DEFINE_ENUM_TYPE(Family, SD_VARLINK_DEFINE_ENUM_VALUE(ipv4),
                                   SD_VARLINK_DEFINE_ENUM_VALUE(ipv6));

static SD_VARLINK_DEFINE_ENUM_TYPE(Transport, SD_VARLINK_DEFINE_ENUM_VALUE(udp),
                                   SD_VARLINK_DEFINE_ENUM_VALUE(tcp));

static SD_VARLINK_DEFINE_STRUCT_TYPE(
        Outside, SD_VARLINK_DEFINE_FIELD_BY_TYPE(family, Family, 0),
        SD_VARLINK_DEFINE_FIELD_BY_TYPE(transport, Transport, 0),
        SD_VARLINK_FIELD_COMMENT("When a question last came so, CLOCK_REALTIME"),
        SD_VARLINK_DEFINE_FIELD(lastUSec, SD_VARLINK_INT, 0));

static SD_VARLINK_DEFINE_STRUCT_TYPE(Way, SD_VARLINK_DEFINE_FIELD_BY_TYPE(family, Family, 0),
                                     SD_VARLINK_DEFINE_FIELD_BY_TYPE(transport, Transport, 0));

static SD_VARLINK_DEFINE_STRUCT_TYPE(
        Question, SD_VARLINK_DEFINE_FIELD(address, SD_VARLINK_STRING, 0),
        SD_VARLINK_DEFINE_FIELD_BY_TYPE(transport, Transport, 0),
        SD_VARLINK_FIELD_COMMENT("The address is nobody's in the house, nor the house's own or a router's"),
        SD_VARLINK_DEFINE_FIELD(outside, SD_VARLINK_BOOL, 0));

static SD_VARLINK_DEFINE_STRUCT_TYPE(
        Zone,
        SD_VARLINK_DEFINE_FIELD(name, SD_VARLINK_STRING, 0),
        SD_VARLINK_FIELD_COMMENT("Of the SOA record; later with every change of the zone's content"),
        SD_VARLINK_DEFINE_FIELD(serial, SD_VARLINK_INT, 0),
        SD_VARLINK_DEFINE_FIELD(nameServers, SD_VARLINK_STRING, SD_VARLINK_ARRAY),
        SD_VARLINK_FIELD_COMMENT("Questions from outside of the house, one row for each way that one came"),
        SD_VARLINK_DEFINE_FIELD_BY_TYPE(outside, Outside, SD_VARLINK_ARRAY),
        SD_VARLINK_FIELD_COMMENT("Since when they are counted, CLOCK_REALTIME"),
        SD_VARLINK_DEFINE_FIELD(outsideSinceUSec, SD_VARLINK_INT, 0),
        SD_VARLINK_FIELD_COMMENT("The house's addresses that are answered; null where there is none"),
        SD_VARLINK_DEFINE_FIELD(ipv4, SD_VARLINK_STRING, SD_VARLINK_NULLABLE),
        SD_VARLINK_DEFINE_FIELD(ipv6, SD_VARLINK_STRING, SD_VARLINK_NULLABLE));

static SD_VARLINK_DEFINE_METHOD(
        PublishText,
        SD_VARLINK_FIELD_COMMENT(
                "Inside a zone of ours; hagw-acmed and hagw-tenantd have the names that begin with "
                "_acme-challenge, the latter below tenants.zone where nothing of this machine's own is, the "
                "former everywhere else"),
        SD_VARLINK_DEFINE_INPUT(name, SD_VARLINK_STRING, 0),
        SD_VARLINK_FIELD_COMMENT("1 to 255 printable ASCII characters"),
        SD_VARLINK_DEFINE_INPUT(value, SD_VARLINK_STRING, 0),
        SD_VARLINK_FIELD_COMMENT("Who publishes: 1 to 64 printable ASCII characters"),
        SD_VARLINK_DEFINE_INPUT(owner, SD_VARLINK_STRING, 0),
        SD_VARLINK_FIELD_COMMENT("1 s to 7 days"),
        SD_VARLINK_DEFINE_INPUT(lifetimeUSec, SD_VARLINK_INT, 0),
        SD_VARLINK_FIELD_COMMENT("The zone's, with the value in it"),
        SD_VARLINK_DEFINE_OUTPUT(serial, SD_VARLINK_INT, 0));

static SD_VARLINK_DEFINE_METHOD(
        WithdrawText,
        SD_VARLINK_DEFINE_INPUT(name, SD_VARLINK_STRING, 0),
        SD_VARLINK_DEFINE_INPUT(value, SD_VARLINK_STRING, SD_VARLINK_NULLABLE),
        SD_VARLINK_DEFINE_INPUT(owner, SD_VARLINK_STRING, 0),
        SD_VARLINK_FIELD_COMMENT("How many values went"),
        SD_VARLINK_DEFINE_OUTPUT(withdrawn, SD_VARLINK_INT, 0));

static SD_VARLINK_DEFINE_METHOD(ListText,
                                SD_VARLINK_DEFINE_OUTPUT_BY_TYPE(overlay, Overlay, SD_VARLINK_ARRAY));

static SD_VARLINK_DEFINE_METHOD(
        Lookup,
        SD_VARLINK_DEFINE_INPUT(name, SD_VARLINK_STRING, 0),
        SD_VARLINK_FIELD_COMMENT("A type's name, such as \"A\" or \"TXT\""),
        SD_VARLINK_DEFINE_INPUT(type, SD_VARLINK_STRING, 0),
        SD_VARLINK_DEFINE_OUTPUT(rcode, SD_VARLINK_STRING, 0),
        SD_VARLINK_FIELD_COMMENT("RDATA in presentation form (RFC 1035 section 5.1)"),
        SD_VARLINK_DEFINE_OUTPUT(answers, SD_VARLINK_STRING, SD_VARLINK_ARRAY));

static SD_VARLINK_DEFINE_METHOD(ListZones, SD_VARLINK_DEFINE_OUTPUT_BY_TYPE(zones, Zone, SD_VARLINK_ARRAY));

static SD_VARLINK_DEFINE_METHOD(
        MakeTrial, SD_VARLINK_FIELD_COMMENT("One of those that are served"),
        SD_VARLINK_DEFINE_INPUT(zone, SD_VARLINK_STRING, 0),
        SD_VARLINK_FIELD_COMMENT("To be asked for by this family: who comes by the other is sent on to a "
                                 "name server that has an address of this one alone; null: by either"),
        SD_VARLINK_DEFINE_INPUT_BY_TYPE(family, Family, SD_VARLINK_NULLABLE),
        SD_VARLINK_FIELD_COMMENT("Right below the zone; nobody had it before"),
        SD_VARLINK_DEFINE_OUTPUT(name, SD_VARLINK_STRING, 0),
        SD_VARLINK_FIELD_COMMENT("Its TXT record's"),
        SD_VARLINK_DEFINE_OUTPUT(value, SD_VARLINK_STRING, 0));

static SD_VARLINK_DEFINE_METHOD(
        DescribeTrial, SD_VARLINK_DEFINE_INPUT(name, SD_VARLINK_STRING, 0),
        SD_VARLINK_FIELD_COMMENT("Somebody in the house asked, or a router in somebody's place"),
        SD_VARLINK_DEFINE_OUTPUT(inside, SD_VARLINK_BOOL, 0),
        SD_VARLINK_FIELD_COMMENT("A question came from outside by UDP"),
        SD_VARLINK_DEFINE_OUTPUT(outsideUdp, SD_VARLINK_BOOL, 0),
        SD_VARLINK_FIELD_COMMENT("And by TCP"), SD_VARLINK_DEFINE_OUTPUT(outsideTcp, SD_VARLINK_BOOL, 0),
        SD_VARLINK_FIELD_COMMENT("By which ways one came from outside"),
        SD_VARLINK_DEFINE_OUTPUT_BY_TYPE(ways, Way, SD_VARLINK_ARRAY),
        SD_VARLINK_FIELD_COMMENT("The first ones, each asker and transport once"),
        SD_VARLINK_DEFINE_OUTPUT_BY_TYPE(questions, Question, SD_VARLINK_ARRAY));

static SD_VARLINK_DEFINE_ERROR(NotAskedBy, SD_VARLINK_DEFINE_FIELD_BY_TYPE(family, Family, 0));
static SD_VARLINK_DEFINE_ERROR(NoSuchTrial, SD_VARLINK_DEFINE_FIELD(name, SD_VARLINK_STRING, 0));

static SD_VARLINK_DEFINE_STRUCT_TYPE(
        Listener, SD_VARLINK_DEFINE_FIELD(address, SD_VARLINK_STRING, 0),
        SD_VARLINK_DEFINE_FIELD(port, SD_VARLINK_INT, 0),
        SD_VARLINK_DEFINE_FIELD_BY_TYPE(transport, Transport, 0),
        SD_VARLINK_DEFINE_FIELD(open, SD_VARLINK_BOOL, 0),
        SD_VARLINK_FIELD_COMMENT("The errno's name, such as EADDRINUSE where another program has the port; "
                                 "missing where it is open, or has not been tried"),
        SD_VARLINK_DEFINE_FIELD(error, SD_VARLINK_STRING, SD_VARLINK_NULLABLE),
        SD_VARLINK_FIELD_COMMENT("CLOCK_REALTIME; since when it is open, or fails like this; 0: neither"),
        SD_VARLINK_DEFINE_FIELD(sinceUSec, SD_VARLINK_INT, 0));

static SD_VARLINK_DEFINE_METHOD(ListListeners,
                                SD_VARLINK_DEFINE_OUTPUT_BY_TYPE(listeners, Listener, SD_VARLINK_ARRAY));

static SD_VARLINK_DEFINE_ERROR(NotInZone, SD_VARLINK_DEFINE_FIELD(name, SD_VARLINK_STRING, 0));
static SD_VARLINK_DEFINE_ERROR(OverlayFull, SD_VARLINK_DEFINE_FIELD(limit, SD_VARLINK_INT, 0));

SD_VARLINK_DEFINE_INTERFACE(
        io_hagw_Dns, "io.hagw.Dns",
        SD_VARLINK_INTERFACE_COMMENT("The authoritative name server of the house's zones."),
        SD_VARLINK_SYMBOL_COMMENT("A TXT value published on top of the zone, with who published it and when "
                                  "it goes by itself"),
        &vl_type_Overlay, SD_VARLINK_SYMBOL_COMMENT("A zone that is served"), &vl_type_Zone,
        SD_VARLINK_SYMBOL_COMMENT("Adds one TXT value at a name inside a zone. Several values may stand at "
                                  "one name; the same value "
                                  "twice by one owner only moves its expiry. When this returns, queries are "
                                  "answered with it."),
        &vl_method_PublishText,
        SD_VARLINK_SYMBOL_COMMENT("Takes back a value, or all of the owner's values at the name where value "
                                  "is null. Not an error "
                                  "when there is none."),
        &vl_method_WithdrawText, SD_VARLINK_SYMBOL_COMMENT("The values that are published now."),
        &vl_method_ListText, SD_VARLINK_SYMBOL_COMMENT("A place where it is to be asked"), &vl_type_Listener,
        SD_VARLINK_SYMBOL_COMMENT("Where it listens, and where it should and cannot. root only."),
        &vl_method_ListListeners, SD_VARLINK_SYMBOL_COMMENT("What the server would answer."),
        &vl_method_Lookup,
        SD_VARLINK_SYMBOL_COMMENT("The zones that are served now."), &vl_method_ListZones,
        SD_VARLINK_SYMBOL_COMMENT("An address family"), &vl_type_Family,
        SD_VARLINK_SYMBOL_COMMENT("What a question comes by"), &vl_type_Transport,
        SD_VARLINK_SYMBOL_COMMENT("A way by which questions come from outside of the house"),
        &vl_type_Outside, SD_VARLINK_SYMBOL_COMMENT("The same, and nothing of when"), &vl_type_Way,
        SD_VARLINK_SYMBOL_COMMENT("A question for a name that was made up"),
        &vl_type_Question,
        SD_VARLINK_SYMBOL_COMMENT("Makes up a name that only this server can answer for, for two "
                                  "minutes. By UDP the answer is cut short, so that who asks comes by TCP "
                                  "as well. At most 16 at once; another puts the oldest out."),
        &vl_method_MakeTrial,
        SD_VARLINK_SYMBOL_COMMENT("Who asked for it."), &vl_method_DescribeTrial,
        SD_VARLINK_SYMBOL_COMMENT("No address of that family is published at which the name server could be "
                                  "asked"),
        &vl_error_NotAskedBy,
        SD_VARLINK_SYMBOL_COMMENT("No such name was made up, or its time is over"), &vl_error_NoSuchTrial,
        SD_VARLINK_SYMBOL_COMMENT("The name lies in no zone of ours"), &vl_error_NotInZone,
        SD_VARLINK_SYMBOL_COMMENT("No more values fit at the name, or at all"), &vl_error_OverlayFull);
