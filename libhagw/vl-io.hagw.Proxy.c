/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The door; tests/idl/io.hagw.Proxy.varlink is its text. */

#include "vl-io.hagw.Proxy.h"

static SD_VARLINK_DEFINE_ENUM_TYPE(Health, SD_VARLINK_DEFINE_ENUM_VALUE(unknown),
                                   SD_VARLINK_DEFINE_ENUM_VALUE(ok), SD_VARLINK_DEFINE_ENUM_VALUE(failing));

static SD_VARLINK_DEFINE_STRUCT_TYPE(
        Host, SD_VARLINK_DEFINE_FIELD(name, SD_VARLINK_STRING, 0),
        SD_VARLINK_DEFINE_FIELD(upstream, SD_VARLINK_STRING, 0),
        SD_VARLINK_FIELD_COMMENT("unknown: nobody asked yet"),
        SD_VARLINK_DEFINE_FIELD_BY_TYPE(health, Health, 0),
        SD_VARLINK_FIELD_COMMENT("What failed last, in words that say what to check; missing while ok"),
        SD_VARLINK_DEFINE_FIELD(error, SD_VARLINK_STRING, SD_VARLINK_NULLABLE),
        SD_VARLINK_FIELD_COMMENT("CLOCK_REALTIME of the last success; 0: never"),
        SD_VARLINK_DEFINE_FIELD(lastOkUSec, SD_VARLINK_INT, 0),
        SD_VARLINK_FIELD_COMMENT("CLOCK_REALTIME of the last failure; 0: never"),
        SD_VARLINK_DEFINE_FIELD(lastErrorUSec, SD_VARLINK_INT, 0),
        SD_VARLINK_DEFINE_FIELD(requests, SD_VARLINK_INT, 0),
        SD_VARLINK_FIELD_COMMENT("Requests and upgraded connections under way"),
        SD_VARLINK_DEFINE_FIELD(active, SD_VARLINK_INT, 0),
        SD_VARLINK_FIELD_COMMENT("True where a valid certificate covers the name"),
        SD_VARLINK_DEFINE_FIELD(certificate, SD_VARLINK_BOOL, 0));

static SD_VARLINK_DEFINE_METHOD(ListHosts, SD_VARLINK_DEFINE_OUTPUT_BY_TYPE(hosts, Host, SD_VARLINK_ARRAY));

static SD_VARLINK_DEFINE_METHOD(
        Probe, SD_VARLINK_DEFINE_INPUT(name, SD_VARLINK_STRING, 0),
        SD_VARLINK_DEFINE_OUTPUT_BY_TYPE(host, Host, 0),
        SD_VARLINK_FIELD_COMMENT("The HTTP status, missing where there was no answer"),
        SD_VARLINK_DEFINE_OUTPUT(status, SD_VARLINK_INT, SD_VARLINK_NULLABLE),
        SD_VARLINK_FIELD_COMMENT("What to change, in words, where something is known (e.g. Home Assistant's "
                                 "trusted_proxies after a 400)"),
        SD_VARLINK_DEFINE_OUTPUT(advice, SD_VARLINK_STRING, SD_VARLINK_NULLABLE));

static SD_VARLINK_DEFINE_ERROR(NoSuchHost, SD_VARLINK_DEFINE_FIELD(name, SD_VARLINK_STRING, 0));

SD_VARLINK_DEFINE_INTERFACE(
        io_hagw_Proxy, "io.hagw.Proxy",
        SD_VARLINK_INTERFACE_COMMENT("The door: hosts, their upstreams' health, and what passes."),
        SD_VARLINK_SYMBOL_COMMENT("How an upstream is"), &vl_type_Health,
        SD_VARLINK_SYMBOL_COMMENT("A configured host"), &vl_type_Host,
        SD_VARLINK_SYMBOL_COMMENT("All configured hosts."), &vl_method_ListHosts,
        SD_VARLINK_SYMBOL_COMMENT(
                "Connects to the host's upstream now and asks it for GET / with the headers a visitor's "
                "request would carry."),
        &vl_method_Probe, SD_VARLINK_SYMBOL_COMMENT("There is no host of that name"), &vl_error_NoSuchHost);
