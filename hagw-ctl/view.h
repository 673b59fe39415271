/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <systemd/sd-json.h>

#include "libhagw/conf.h"

/* What the daemons know, brought together: each as one JSON object with one list, and that as a table. What
 * a daemon could not be asked is told in *ret_reason (to be freed, NULL: everything answered) while the rest
 * is there all the same. */

/* { "hosts": [ name, upstream, file, login, and what hagw-proxyd says of it ] }. Fails only where the
 * configuration cannot be read at all. 1: it is not valid; then the files that are broken come first, with
 * health "broken" and their error. Told. look: hagw-proxyd tries first what it has not lately. */
int view_hosts(const char *config_dir, bool look, sd_json_variant **ret, char **ret_reason);
/* Those that hagw-proxyd serves, whatever the files say. */
int view_running_hosts(bool look, sd_json_variant **ret);
int view_print_hosts(sd_json_variant *v, int indent);
/* At a relay: the tenant to whom the host leads keeps its visitors away. */
bool view_house_is_away(sd_json_variant *host);
/* Its house does not take visitors whom the relay opens, and as long as there is no certificate to open them
 * with they pass. config may be NULL. */
bool view_passes_unopened(const Config *config, sd_json_variant *host);

/* { "certificates": io.hagw.Acme.Watch's, without the chains }. */
int view_certificates_of(sd_json_variant *reply, sd_json_variant **ret);
int view_certificates(sd_json_variant **ret, char **ret_reason);
/* told: what failed is told elsewhere on the same screen. */
int view_print_certificates(sd_json_variant *v, int indent, bool told);
/* Days until the end; negative: over; INT64_MAX: no certificate yet. */
int64_t view_certificate_days(sd_json_variant *certificate, uint64_t now);
/* One of the certificates' states that needs attention. */
bool view_certificate_is_bad(sd_json_variant *certificate);

/* { "addresses": io.hagw.Net's }. */
int view_addresses(bool refresh, sd_json_variant **ret, char **ret_reason);
int view_print_addresses(sd_json_variant *v, int indent, bool told);

/* { "visitors": io.hagw.Proxy.DescribeOutside's }, or nothing. */
int view_outside(sd_json_variant **ret);

/* { "relay": io.hagw.Proxy.DescribeRelay's }, or an empty object where there is none. */
int view_hops(sd_json_variant **ret);
int view_relay(const Config *config, sd_json_variant **ret, char **ret_reason);

/* { "tenants": { "known", "attached", "machines", "damaged", "suspended", "usedUp", "noToken" } } at a
 * relay, else an empty object; a figure that is not known is missing, as is "attached" where there are more
 * machines than VIEW_PLIGHTS_TENANTS_MAX. The last three are names, missing where there are none or the
 * relay has more than so many tenants. */
#define VIEW_PLIGHTS_TENANTS_MAX 1000U
int view_tenants(const Config *config, sd_json_variant **ret);

/* { "tenantsRefused": [io.hagw.Proxy.Refused], "tenantsRefusedMore": N, "tenantsSwapping": [… .Swap],
 * "tenantsGaps": [… .Gap] } at a relay where there is something, else NULL. */
int view_tenants_refused(const Config *config, sd_json_variant **ret);

/* { "zones": io.hagw.Dns's }. */
int view_zones(sd_json_variant **ret, char **ret_reason);

/* { "sessions": io.hagw.Web's }; user may be NULL. */
int view_sessions(const char *user, sd_json_variant **ret, char **ret_reason);
/* config: whose hosts are there; NULL: not known. */
int view_print_sessions(sd_json_variant *v, const Config *config, int indent);

/* { "refusals": io.hagw.Web's }: logins that were refused in the last hour. */
int view_refusals(sd_json_variant **ret, char **ret_reason);
void view_print_refusals(sd_json_variant *v, int indent);

/* { "daemons": [ name, running, and what Describe says ] }, of those that are needed. One that somebody
 * stopped is left alone, here and by all the calls that come after. */
int view_daemons(const Config *config, sd_json_variant **ret);
int view_print_daemons(sd_json_variant *v, int indent);
