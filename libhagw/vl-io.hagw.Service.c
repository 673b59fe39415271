/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What every daemon answers; tests/idl/io.hagw.Service.varlink is its text. */

#include "libhagw/vl-io.hagw.Service.h"

static SD_VARLINK_DEFINE_ENUM_TYPE(MetricType, SD_VARLINK_DEFINE_ENUM_VALUE(counter),
                                   SD_VARLINK_DEFINE_ENUM_VALUE(gauge));

static SD_VARLINK_DEFINE_STRUCT_TYPE(
        Metric,
        SD_VARLINK_FIELD_COMMENT(
                "Without the prefix \"hagw_\" and, for counters, without the suffix \"_total\""),
        SD_VARLINK_DEFINE_FIELD(name, SD_VARLINK_STRING, 0),
        SD_VARLINK_DEFINE_FIELD_BY_TYPE(type, MetricType, 0),
        SD_VARLINK_DEFINE_FIELD(help, SD_VARLINK_STRING, 0),
        SD_VARLINK_DEFINE_FIELD(value, SD_VARLINK_FLOAT, 0),
        SD_VARLINK_DEFINE_FIELD(labels, SD_VARLINK_STRING, SD_VARLINK_MAP | SD_VARLINK_NULLABLE));

static SD_VARLINK_DEFINE_STRUCT_TYPE(
        StateFault, SD_VARLINK_DEFINE_FIELD(file, SD_VARLINK_STRING, 0),
        SD_VARLINK_FIELD_COMMENT("The first time that it could not be written, CLOCK_REALTIME"),
        SD_VARLINK_DEFINE_FIELD(sinceUSec, SD_VARLINK_INT, 0),
        SD_VARLINK_DEFINE_FIELD(reason, SD_VARLINK_STRING, 0));

static SD_VARLINK_DEFINE_METHOD(
        Describe, SD_VARLINK_DEFINE_OUTPUT(name, SD_VARLINK_STRING, 0),
        SD_VARLINK_DEFINE_OUTPUT(version, SD_VARLINK_STRING, 0),
        SD_VARLINK_FIELD_COMMENT("What stands behind the STATUS= line of systemctl status"),
        SD_VARLINK_DEFINE_OUTPUT(status, SD_VARLINK_STRING, 0),
        SD_VARLINK_FIELD_COMMENT("When the running configuration was read, CLOCK_REALTIME"),
        SD_VARLINK_DEFINE_OUTPUT(configUSec, SD_VARLINK_INT, 0),
        SD_VARLINK_FIELD_COMMENT("A digest of what this daemon reads of hagw.conf, as it is in force"),
        SD_VARLINK_DEFINE_OUTPUT(configMain, SD_VARLINK_STRING, 0),
        SD_VARLINK_FIELD_COMMENT("The same of hosts.d"),
        SD_VARLINK_DEFINE_OUTPUT(configHosts, SD_VARLINK_STRING, 0),
        SD_VARLINK_FIELD_COMMENT(
                "Why the newest configuration was refused; the one before it is still in force"),
        SD_VARLINK_DEFINE_OUTPUT(configError, SD_VARLINK_STRING, SD_VARLINK_NULLABLE),
        SD_VARLINK_FIELD_COMMENT("Where it was broken at the start: when what serves instead was kept"),
        SD_VARLINK_DEFINE_OUTPUT(configKeptUSec, SD_VARLINK_INT, SD_VARLINK_NULLABLE),
        SD_VARLINK_FIELD_COMMENT("Then, which hosts are closed, \"NAME: why\""),
        SD_VARLINK_DEFINE_OUTPUT(configClosed, SD_VARLINK_STRING, SD_VARLINK_ARRAY | SD_VARLINK_NULLABLE),
        SD_VARLINK_FIELD_COMMENT("Where the daemon keeps its state, if it has any"),
        SD_VARLINK_DEFINE_OUTPUT(stateDirectory, SD_VARLINK_STRING, SD_VARLINK_NULLABLE),
        SD_VARLINK_FIELD_COMMENT("Room on its file system, for others than root"),
        SD_VARLINK_DEFINE_OUTPUT(stateFreeBytes, SD_VARLINK_INT, SD_VARLINK_NULLABLE),
        SD_VARLINK_FIELD_COMMENT("True where that is little"),
        SD_VARLINK_DEFINE_OUTPUT(stateLow, SD_VARLINK_BOOL, SD_VARLINK_NULLABLE),
        SD_VARLINK_FIELD_COMMENT("True where nothing can be written to it"),
        SD_VARLINK_DEFINE_OUTPUT(stateReadOnly, SD_VARLINK_BOOL, SD_VARLINK_NULLABLE),
        SD_VARLINK_FIELD_COMMENT(
                "What could not be written, the oldest first; a new try is made now and then"),
        SD_VARLINK_DEFINE_OUTPUT_BY_TYPE(stateFaults, StateFault, SD_VARLINK_ARRAY | SD_VARLINK_NULLABLE));

static SD_VARLINK_DEFINE_METHOD(GetMetrics,
                                SD_VARLINK_DEFINE_OUTPUT_BY_TYPE(metrics, Metric, SD_VARLINK_ARRAY));

SD_VARLINK_DEFINE_INTERFACE(
        io_hagw_Service, "io.hagw.Service",
        SD_VARLINK_INTERFACE_COMMENT(
                "What every daemon of hagw answers: who it is, how it is, and its figures."),
        SD_VARLINK_SYMBOL_COMMENT("A counter or a gauge in the sense of OpenMetrics"), &vl_type_MetricType,
        SD_VARLINK_SYMBOL_COMMENT("One figure: a counter only grows, a gauge is a reading"), &vl_type_Metric,
        SD_VARLINK_SYMBOL_COMMENT("A file of the daemon's state that is older than what it stands for"),
        &vl_type_StateFault, SD_VARLINK_SYMBOL_COMMENT("Describes the daemon."), &vl_method_Describe,
        SD_VARLINK_SYMBOL_COMMENT("The daemon's figures, for /metrics."), &vl_method_GetMetrics);
