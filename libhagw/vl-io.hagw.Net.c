/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The window; tests/idl/io.hagw.Net.varlink is its text. */

#include "libhagw/vl-io.hagw.Net.h"

static SD_VARLINK_DEFINE_ENUM_TYPE(Family, SD_VARLINK_DEFINE_ENUM_VALUE(ipv4),
                                   SD_VARLINK_DEFINE_ENUM_VALUE(ipv6));

static SD_VARLINK_DEFINE_ENUM_TYPE(
        Knowledge, SD_VARLINK_FIELD_COMMENT("The source has not answered yet"),
        SD_VARLINK_DEFINE_ENUM_VALUE(unknown),
        SD_VARLINK_FIELD_COMMENT("Nor for five minutes: there seems to be none"),
        SD_VARLINK_DEFINE_ENUM_VALUE(doubtful),
        SD_VARLINK_FIELD_COMMENT("The source says that there is none"),
        SD_VARLINK_DEFINE_ENUM_VALUE(none), SD_VARLINK_DEFINE_ENUM_VALUE(known));

static SD_VARLINK_DEFINE_STRUCT_TYPE(
        Address, SD_VARLINK_DEFINE_FIELD_BY_TYPE(family, Family, 0),
        SD_VARLINK_FIELD_COMMENT("Where it comes from, as configured: none, static:ADDRESS, resolve:NAME, "
                                 "interface, interface:NAME"),
        SD_VARLINK_DEFINE_FIELD(source, SD_VARLINK_STRING, 0),
        SD_VARLINK_FIELD_COMMENT("The last good address in text form; missing before the first one"),
        SD_VARLINK_DEFINE_FIELD(address, SD_VARLINK_STRING, SD_VARLINK_NULLABLE),
        SD_VARLINK_FIELD_COMMENT(
                "When it was last confirmed, CLOCK_REALTIME; 0: never, as what static: gives. Counts where "
                "there is an error, "
                "since confirmations alone are not told to watchers"),
        SD_VARLINK_DEFINE_FIELD(confirmedUSec, SD_VARLINK_INT, 0),
        SD_VARLINK_FIELD_COMMENT("When it last became another one, CLOCK_REALTIME; 0: never"),
        SD_VARLINK_DEFINE_FIELD(changedUSec, SD_VARLINK_INT, 0),
        SD_VARLINK_DEFINE_FIELD_BY_TYPE(knowledge, Knowledge, 0),
        SD_VARLINK_FIELD_COMMENT("The source that was configured before, whose address this is until the "
                                 "one configured now has given one; missing where it has"),
        SD_VARLINK_DEFINE_FIELD(held, SD_VARLINK_STRING, SD_VARLINK_NULLABLE),
        SD_VARLINK_FIELD_COMMENT("Why the newest try failed; missing when it succeeded"),
        SD_VARLINK_DEFINE_FIELD(error, SD_VARLINK_STRING, SD_VARLINK_NULLABLE));

static SD_VARLINK_DEFINE_METHOD_FULL(Watch, SD_VARLINK_SUPPORTS_MORE,
                                     SD_VARLINK_DEFINE_OUTPUT_BY_TYPE(addresses, Address, SD_VARLINK_ARRAY));

static SD_VARLINK_DEFINE_METHOD_FULL(WatchNetwork, SD_VARLINK_SUPPORTS_MORE,
                                     SD_VARLINK_FIELD_COMMENT("How many changes there were since the start"),
                                     SD_VARLINK_DEFINE_OUTPUT(changes, SD_VARLINK_INT, 0),
                                     SD_VARLINK_FIELD_COMMENT(
                                             "Addresses that may stand for strangers': next hops of default "
                                             "routes, own ones where containers' proxies are"),
                                     SD_VARLINK_DEFINE_OUTPUT(hops, SD_VARLINK_STRING, SD_VARLINK_ARRAY),
                                     SD_VARLINK_FIELD_COMMENT("The house's public addresses, as in Watch"),
                                     SD_VARLINK_DEFINE_OUTPUT(published, SD_VARLINK_STRING,
                                                              SD_VARLINK_ARRAY),
                                     SD_VARLINK_FIELD_COMMENT("False: there are more than could be told"),
                                     SD_VARLINK_DEFINE_OUTPUT(complete, SD_VARLINK_BOOL, 0));

static SD_VARLINK_DEFINE_STRUCT_TYPE(
        Local, SD_VARLINK_DEFINE_FIELD(address, SD_VARLINK_STRING, 0),
        SD_VARLINK_FIELD_COMMENT("False: loopback, or where containers and virtual machines have their own "
                                 "networks"),
        SD_VARLINK_DEFINE_FIELD(world, SD_VARLINK_BOOL, 0));

static SD_VARLINK_DEFINE_METHOD_FULL(WatchLocal, SD_VARLINK_SUPPORTS_MORE,
                                     SD_VARLINK_DEFINE_OUTPUT_BY_TYPE(locals, Local, SD_VARLINK_ARRAY),
                                     SD_VARLINK_FIELD_COMMENT("False: there are more than could be told"),
                                     SD_VARLINK_DEFINE_OUTPUT(complete, SD_VARLINK_BOOL, 0));

static SD_VARLINK_DEFINE_METHOD(Refresh,
                                SD_VARLINK_DEFINE_OUTPUT_BY_TYPE(addresses, Address, SD_VARLINK_ARRAY));

static SD_VARLINK_DEFINE_METHOD(Resolve, SD_VARLINK_DEFINE_INPUT(name, SD_VARLINK_STRING, 0),
                                SD_VARLINK_FIELD_COMMENT("In text form, in order of preference (RFC 6724)"),
                                SD_VARLINK_DEFINE_OUTPUT(addresses, SD_VARLINK_STRING, SD_VARLINK_ARRAY),
                                SD_VARLINK_FIELD_COMMENT("For how long they may be kept"),
                                SD_VARLINK_DEFINE_OUTPUT(ttlUSec, SD_VARLINK_INT, 0));

static SD_VARLINK_DEFINE_STRUCT_TYPE(Glue, SD_VARLINK_FIELD_COMMENT("As it came, without a dot at its end"),
                                     SD_VARLINK_DEFINE_FIELD(name, SD_VARLINK_STRING, 0),
                                     SD_VARLINK_DEFINE_FIELD(address, SD_VARLINK_STRING, 0));

static SD_VARLINK_DEFINE_METHOD(
        Query, SD_VARLINK_DEFINE_INPUT(name, SD_VARLINK_STRING, 0),
        SD_VARLINK_FIELD_COMMENT("Mnemonic such as NS or CAA, or TYPE257"),
        SD_VARLINK_DEFINE_INPUT(type, SD_VARLINK_STRING, 0),
        SD_VARLINK_FIELD_COMMENT(
                "ADDRESS, ADDRESS:PORT or [ADDRESS]:PORT; not given: the system's resolvers"),
        SD_VARLINK_DEFINE_INPUT(server, SD_VARLINK_STRING, SD_VARLINK_NULLABLE),
        SD_VARLINK_FIELD_COMMENT("NOERROR, NXDOMAIN, REFUSED, …"),
        SD_VARLINK_DEFINE_OUTPUT(rcode, SD_VARLINK_STRING, 0),
        SD_VARLINK_DEFINE_OUTPUT(authoritative, SD_VARLINK_BOOL, 0),
        SD_VARLINK_FIELD_COMMENT("The answer section's RDATA of this type, and of CNAMEs on the way"),
        SD_VARLINK_DEFINE_OUTPUT(answers, SD_VARLINK_STRING, SD_VARLINK_ARRAY),
        SD_VARLINK_FIELD_COMMENT(
                "The name servers in the authority section: what a parent says of a delegation"),
        SD_VARLINK_DEFINE_OUTPUT(authority, SD_VARLINK_STRING, SD_VARLINK_ARRAY),
        SD_VARLINK_FIELD_COMMENT("The addresses in the additional section: what a parent says of them"),
        SD_VARLINK_DEFINE_OUTPUT_BY_TYPE(glue, Glue, SD_VARLINK_ARRAY));

static SD_VARLINK_DEFINE_ERROR(NoSuchName, SD_VARLINK_DEFINE_FIELD(name, SD_VARLINK_STRING, 0));

static SD_VARLINK_DEFINE_ERROR(ResolverFailed, SD_VARLINK_DEFINE_FIELD(name, SD_VARLINK_STRING, 0),
                               SD_VARLINK_DEFINE_FIELD(reason, SD_VARLINK_STRING, 0));

SD_VARLINK_DEFINE_INTERFACE(
        io_hagw_Net, "io.hagw.Net",
        SD_VARLINK_INTERFACE_COMMENT("The window: the public addresses of this house, followed as they "
                                     "change, and names looked up for the daemons that have no resolver."),
        SD_VARLINK_SYMBOL_COMMENT("An address family"), &vl_type_Family,
        SD_VARLINK_SYMBOL_COMMENT("Whether there is an address"), &vl_type_Knowledge,
        SD_VARLINK_SYMBOL_COMMENT("One of the house's public addresses, as far as it is known"),
        &vl_type_Address,
        SD_VARLINK_SYMBOL_COMMENT("The addresses to publish, one per family. With more: at once, and again "
                                  "after each change of an address or an error."),
        &vl_method_Watch,
        SD_VARLINK_SYMBOL_COMMENT("With more: at once, and again when packets to the world leave another "
                                  "way than before (other default routes, or other addresses of their "
                                  "interfaces), or the hops or the public addresses are others. hagw-proxyd "
                                  "and hagw-dnsd only."),
        &vl_method_WatchNetwork,
        SD_VARLINK_SYMBOL_COMMENT("One of this machine's own addresses"), &vl_type_Local,
        SD_VARLINK_SYMBOL_COMMENT("This machine's own addresses at which somebody else can ask: no "
                                  "link-local, temporary or unfinished ones. With more: at once, and again "
                                  "when they are others. hagw-dnsd only."),
        &vl_method_WatchLocal,
        SD_VARLINK_SYMBOL_COMMENT("Asks every source again and answers when all have."), &vl_method_Refresh,
        SD_VARLINK_SYMBOL_COMMENT("Looks up a host name's addresses (the hosts file, A and AAAA). An "
                                  "address in text form is its own answer."),
        &vl_method_Resolve,
        SD_VARLINK_SYMBOL_COMMENT("An address that came with an answer"), &vl_type_Glue,
        SD_VARLINK_SYMBOL_COMMENT("Asks one question and gives the answer as it came, RDATA in presentation "
                                  "form (RFC 1035 section 5.1)."),
        &vl_method_Query,
        SD_VARLINK_SYMBOL_COMMENT("The name does not exist or has no address."), &vl_error_NoSuchName,
        SD_VARLINK_SYMBOL_COMMENT("Nobody answered in time, or what came was no answer."),
        &vl_error_ResolverFailed);

void vl_read_published(sd_json_variant *message, IpAddress ret[static PUBLISHED_MAX]) {
        sd_json_variant *list = sd_json_variant_by_key(message, "published");
        size_t n = 0;

        memset(ret, 0, PUBLISHED_MAX * sizeof(*ret));
        for (size_t i = 0; list && i < sd_json_variant_elements(list) && n < PUBLISHED_MAX; i++) {
                sd_json_variant *v = sd_json_variant_by_index(list, i);

                n += sd_json_variant_is_string(v) && ip_parse(sd_json_variant_string(v), &ret[n]) >= 0;
        }
}

void vl_read_hops(sd_json_variant *message, Hops *ret) {
        sd_json_variant *list = sd_json_variant_by_key(message, "hops"),
                        *complete = sd_json_variant_by_key(message, "complete");

        *ret = (Hops) { .known = list && sd_json_variant_is_array(list) && complete &&
                                 sd_json_variant_is_boolean(complete) && sd_json_variant_boolean(complete) };
        for (size_t i = 0; list && i < sd_json_variant_elements(list); i++) {
                sd_json_variant *v = sd_json_variant_by_index(list, i);

                if (ret->n < HOPS_MAX && sd_json_variant_is_string(v) &&
                    ip_parse(sd_json_variant_string(v), &ret->items[ret->n]) >= 0)
                        ret->n++;
                else
                        ret->known = false;
        }
}
