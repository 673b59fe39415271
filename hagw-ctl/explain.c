/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Every error that a daemon may answer with is one row that says what to do next. */

#include <limits.h>
#include <stdio.h>

#include "hagw-ctl/explain.h"
#include "hagw-ctl/unset.h"

static const struct {
        const char *id;
        int error;
        const char *text; /* {field} is the error's parameter */
} error_rows[] = {
        { "org.varlink.service.PermissionDenied", EACCES,
          "{daemon} allows this to root only; try again with sudo." },
        { "org.varlink.service.InvalidParameter", EREMOTEIO,
          "{daemon} refused the value of \"{parameter}\"." },
        { "org.varlink.service.MethodNotFound", EREMOTEIO,
          "The running {daemon} does not know {method}; was it restarted after the last upgrade? (systemctl "
          "restart {daemon})" },
        { "org.varlink.service.InterfaceNotFound", EREMOTEIO,
          "The running {daemon} does not know {interface}; was it restarted after the last upgrade? "
          "(systemctl restart {daemon})" },
        { "io.systemd.System", EREMOTEIO,
          "{daemon} failed: {errno}; hagw-ctl log --errors tells more." },
        { "io.systemd.TimedOut", ETIMEDOUT,
          "{daemon} did not answer in time; hagw-ctl log --daemon={daemon} tells more." },
        { "io.systemd.Disconnected", ENOTCONN,
          "{daemon} ended while it was asked; hagw-ctl log --daemon={daemon} tells more." },

        { "io.hagw.Dns.NotInZone", EREMOTEIO, "{name} lies in none of the zones of hagw.conf." },
        { "io.hagw.Dns.OverlayFull", EREMOTEIO,
          "hagw-dnsd already publishes {limit} values; some must expire first." },
        { "io.hagw.Dns.NoSuchTrial", EREMOTEIO,
          "hagw-dnsd knows nothing of {name}; was it restarted just now?" },
        { "io.hagw.Net.NoSuchName", EREMOTEIO, "The name {name} does not exist, or has no address." },
        { "io.hagw.Net.ResolverFailed", EREMOTEIO,
          "{name} could not be looked up: {reason}" },
        { "io.hagw.Key.NoSuchKey", EREMOTEIO, "hagw-keyd has no key {id}." },
        { "io.hagw.Key.BadKey", EREMOTEIO, "hagw-keyd did not take the key: {reason}." },
        { "io.hagw.Key.WrongPurpose", EREMOTEIO, "The key {id} is for {purpose} only." },
        { "io.hagw.Key.KeysFull", EREMOTEIO,
          "hagw-keyd already holds {limit} keys; remove imported certificates first." },
        { "io.hagw.Key.Busy", EREMOTEIO, "hagw-keyd is busy; try again in a moment." },
        { "io.hagw.Acme.NoSuchCertificate", EREMOTEIO,
          "There is no certificate \"{name}\"; hagw-ctl cert list shows them." },
        { "io.hagw.Acme.BadCertificate", EREMOTEIO, "The certificate was not taken: {reason}." },
        { "io.hagw.Acme.Limited", EREMOTEIO,
          "The certificate authority has asked for no order for {name} yet; hagw-ctl cert show {name} says "
          "until when, hagw-ctl cert renew {name} --now asks anyway." },
        { "io.hagw.Acme.Busy", EREMOTEIO,
          "An order for {name} is under way already; hagw-ctl cert show {name} follows it." },
        { "io.hagw.Acme.NoSuchAccount", EREMOTEIO,
          "There is no account at {directory}; hagw-ctl cert account show lists those there are." },
        { "io.hagw.Acme.NotDone", EREMOTEIO, "That did not work: {reason}." },
        { "io.hagw.Acme.TooMany", EREMOTEIO,
          "hagw-acmed has too much to ask the certificate authority already; try again in a moment." },
        { "io.hagw.Proxy.NoSuchHost", EREMOTEIO,
          "hagw-proxyd has no host \"{name}\"; hagw-ctl host list shows those it has, hagw-ctl reload "
          "brings new ones." },
        { "io.hagw.Proxy.NoRelay", EREMOTEIO,
          "This house is attached to no relay: hagw-ctl attach RELAY CODE" },
        { "io.hagw.Proxy.RelayUnreachable", EREMOTEIO, "The relay could not be reached: {reason}" },
        { "io.hagw.Proxy.RelayRefused", EKEYREJECTED, "{error}" },
        { "io.hagw.Key.NoToken", EREMOTEIO,
          "hagw-keyd holds no token for a relay: hagw-ctl attach RELAY CODE brings one." },
        { "io.hagw.Web.NoSuchUser", EREMOTEIO,
          "There is no user \"{name}\"; hagw-ctl user list shows them." },
        { "io.hagw.Web.UserExists", EREMOTEIO,
          "There is a user \"{name}\" already; hagw-ctl user passwd {name} gives a new password." },
        { "io.hagw.Web.BadUserName", EREMOTEIO,
          "\"{name}\" cannot be a user's name: 1 to 64 of a-z, 0-9, \".\", \"-\", \"_\" and \"@\"." },
        { "io.hagw.Web.BadList", EREMOTEIO,
          "The {field} cannot be taken: too many, or one that cannot be a name." },
        { "io.hagw.Web.BadPassword", EREMOTEIO, "The password was not taken: {reason}." },
        { "io.hagw.Web.NoSuchSession", EREMOTEIO,
          "There is no such session; hagw-ctl session list shows them." },
        { "io.hagw.Web.NotStored", EINPROGRESS,
          "This is in force now, but a restart of hagw-webd undoes it until it is written, which is done as "
          "soon as there is room: {reason}; \"df -h\" and \"df -i\" show where there is none." },
        { "io.hagw.Tenant.NoRelay", EREMOTEIO,
          "This machine is no relay, for tenants.zone is not set: hagw-ctl setup --relay --zone=NAME" },
        { "io.hagw.Tenant.NoSuchTenant", EREMOTEIO,
          "There is no tenant \"{name}\"; hagw-ctl tenant list shows them." },
        { "io.hagw.Tenant.TenantExists", EREMOTEIO,
          "There is a tenant \"{name}\" already; hagw-ctl tenant rotate {name} gives it a new code." },
        { "io.hagw.Tenant.BadName", EREMOTEIO, "\"{name}\" cannot be a tenant's name: {reason}" },
        { "io.hagw.Tenant.BadDomain", EREMOTEIO, "\"{domain}\" cannot be a tenant's domain: {reason}" },
        { "io.hagw.Tenant.DomainTaken", EREMOTEIO,
          "{domain} is {tenant}'s already: hagw-ctl tenant domain remove {tenant} {'domain} takes it away "
          "there, and then this can be said again." },
        { "io.hagw.Tenant.NoSuchToken", EREMOTEIO, "There is no such token: {tokenId}" },
        { "io.hagw.Tenant.Damaged", EREMOTEIO,
          "The tenants' database is damaged: hagw-ctl tenant restore --list shows the copies that there "
          "are." },
        { "io.hagw.Tenant.NotDamaged", EREMOTEIO,
          "The tenants' database is in order. hagw-ctl tenant restore --list shows older ones, hagw-ctl "
          "tenant restore COPY --force goes back to one of them." },
        { "io.hagw.Tenant.NoSuchCopy", EREMOTEIO,
          "There is no good copy \"{name}\"; hagw-ctl tenant restore --list shows those there are. Where "
          "the database is damaged, --empty begins anew." },
        { "io.hagw.Tenant.Full", EREMOTEIO, "No room for more {what}: the limit is {limit}." },
        { "io.hagw.Tenant.TokensFull", EREMOTEIO,
          "{name} has {limit} tokens already, the most it may have: hagw-ctl tenant show {name} says when "
          "each was used, hagw-ctl tenant revoke {name} TOKEN ends one." },
        { "io.hagw.Tenant.Busy", EREMOTEIO, "hagw-tenantd is busy; try again in a moment." },
        { "io.hagw.Web.Full", EREMOTEIO, "No room for more {what}: the limit is {limit}." },
        {},
};

/* What a relay answered to a house, by the end of its error's id. */
static const char *relay_error_text(const char *error) {
        static const struct {
                const char *error, *text;
        } rows[] = {
                { "BadCode",
                  "The relay does not know this code, or it was used or has ended. Whoever runs the relay "
                  "makes a new one: hagw-ctl tenant rotate NAME" },
                { "OtherTenant", "The code stays good, but is another tenant's: first hagw-ctl detach." },
                { "TokensFull",
                  "The code is right, but this tenant already has the most tokens at the relay that it may "
                  "have. Whoever runs the relay ends one that nobody uses (hagw-ctl tenant show NAME, "
                  "hagw-ctl tenant revoke NAME TOKEN); then the same code is good." },
                { "Busy",
                  "The relay takes no code from here just now: too many from this address were wrong, or "
                  "it is in trouble itself, as its own hagw-ctl status tells. Try again in a minute." },
                { "Suspended",
                  "The relay has suspended this tenant. Whoever runs it lets it in again: hagw-ctl tenant "
                  "set NAME --enable" },
                { "NotAdmitted",
                  "The relay does not admit this token: it was revoked, or is for another relay." },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                if (endswith(error, rows[i].error))
                        return rows[i].text;
        return error;
}

/* Writes the value of one {field}, or {'field} in a command, where a star is quoted; a reason that ends with
 * a period brings one too many. */
static void put_field(FILE *f, const char *field, const char *method, const DaemonRow *d,
                      sd_json_variant *parameters) {
        const bool quoted = *field == '\'';
        sd_json_variant *v = sd_json_variant_by_key(parameters, field + quoted);

        if (v && sd_json_variant_is_string(v) && streq(field, "error"))
                fputs(relay_error_text(sd_json_variant_string(v)), f);
        else if (v && sd_json_variant_is_string(v)) {
                const char *s = sd_json_variant_string(v), *quote = quoted && *s == '*' ? "'" : "";
                size_t n = strlen(s);

                while (n > 0 && s[n - 1] == ' ')
                        n--;
                fprintf(f, "%s%.*s%s", quote, (int) n, s, quote);
        }
        else if (v && streq(field, "errno") && sd_json_variant_integer(v) < INT_MAX)
                fputs(strerror((int) sd_json_variant_integer(v)), f);
        else if (v && sd_json_variant_is_integer(v))
                fprintf(f, "%lld", (long long) sd_json_variant_integer(v));
        else if (streq(field, "daemon"))
                fputs(d->name, f);
        else if (streq(field, "interface"))
                fputs(d->interface, f);
        else if (method && streq(field, "method"))
                fputs(method, f);
        else
                fputs("?", f);
}

static bool ends_with_period(sd_json_variant *parameters, const char *field) {
        const char *value = field_text(parameters, field);

        return value && endswith(value, ".");
}

static char *expand(const char *text, const char *method, const DaemonRow *d, sd_json_variant *parameters) {
        char *result = NULL, field[32];
        size_t size;
        FILE *f = open_memstream(&result, &size);

        if (!f)
                return NULL;
        while (*text) {
                size_t n = strcspn(text, "{");

                (void) fwrite(text, 1, n, f);
                text += n;
                if (*text != '{')
                        break;
                n = strcspn(text, "}");
                (void) snprintf(field, sizeof(field), "%.*s", (int) (n - 1), text + 1);
                put_field(f, field, method, d, parameters);
                text += n + !!text[n];
                if (*text == '.' && ends_with_period(parameters, field))
                        text++;
        }
        if (fclose(f) != 0) {
                free(result);
                return NULL;
        }
        return result;
}

int explain_error(const DaemonRow *d, const char *method, const char *id, sd_json_variant *parameters,
                  char **ret) {
        for (size_t i = 0; error_rows[i].id; i++)
                if (streq(error_rows[i].id, id)) {
                        *ret = expand(error_rows[i].text, method, d, parameters);
                        return -error_rows[i].error;
                }
        if (asprintf(ret, "%s answered with the error %s.", d->name, id) < 0)
                *ret = NULL;
        return -EREMOTEIO;
}

int explain_errno(const DaemonRow *d, int r, char **ret) {
        static const struct {
                int error, becomes;
                const char *text;
        } rows[] = {
                { ENOENT, ENOTCONN,
                  "{daemon} is not running; \"systemctl enable --now hagw.target\" starts it." },
                { ECONNREFUSED, ENOTCONN,
                  "{daemon} is not running; \"systemctl start hagw.target\" starts it, "
                  "\"systemctl status {daemon}\" tells why it ended." },
                { EACCES, EACCES, "{daemon} may be asked by root only; try again with sudo." },
                { EPERM, EACCES, "{daemon} may be asked by root only; try again with sudo." },
                { ETIME, ETIMEDOUT,
                  "{daemon} did not answer in time; hagw-ctl log --daemon={daemon} tells more." },
                { ETIMEDOUT, ETIMEDOUT,
                  "{daemon} did not answer in time; hagw-ctl log --daemon={daemon} tells more." },
                { ECONNRESET, ENOTCONN,
                  "{daemon} closed the connection: more asked at once than it takes (then try again), or it "
                  "ended (hagw-ctl log --daemon={daemon} tells why)." },
        };

        const UnsetLook look = r == -ENOENT || r == -ECONNREFUSED ? unset_look() : UNSET_NO;

        if (look != UNSET_NO) {
                *ret = expand(look == UNSET_YES ? unset_text(NULL) :
                                                  "{daemon} is not running, and why only root sees; try "
                                                  "again with sudo.",
                              NULL, d, NULL);
                return -ENOTCONN;
        }
        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                if (rows[i].error == -r) {
                        *ret = expand(rows[i].text, NULL, d, NULL);
                        return -rows[i].becomes;
                }
        errno = -r;
        if (asprintf(ret, "%s could not be asked: %m", d->name) < 0)
                *ret = NULL;
        return r;
}
