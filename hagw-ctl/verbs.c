/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The table of all verbs. A new verb is a row here, a function, and a paragraph in hagw-ctl(8); a test
 * compares them. */

#include <stdio.h>

#include "hagw-ctl/hostfile.h"
#include "hagw-ctl/verbs.h"

const Option common_options[] = {
        { "config", "DIR", "read and write the configuration there, instead of " HAGW_CONF_DIR, 'c' },
        { "json", NULL, "print JSON", 'j' },
        { "help", NULL, "show this help", 'h' },
        { "version", NULL, "show the version", 'V' },
        {},
};

static const Option setup_options[] = {
        { "zone", "NAME",
          "the zone delegated to this gateway, e.g. home.example.com; may be repeated", .many = true },
        { "name-server", "NAME", "the name in the zone's NS record, where it is not ns.ZONE", .many = true },
        { "ipv4", "SOURCE", "none, static:ADDRESS, resolve:NAME or interface:NAME" },
        { "ipv6", "SOURCE", "none, static:ADDRESS, resolve:NAME, interface or interface:NAME" },
        { "contact", "MAIL", "where the certificate authority may write to" },
        { "directory", "URL",
          "the certificate authority: letsencrypt (default), letsencrypt-staging or an https:// URL" },
        { "staging", NULL, "the same as --directory=letsencrypt-staging" },
        { "laboratory", NULL, "the networks for documentation count as parts of the internet" },
        { "ca-file", "FILE", "roots for the authority's own server, instead of the system's" },
        { "host", "NAME=UPSTREAM",
          "a service, e.g. ha=http://192.168.1.4:8123; may be repeated", .many = true },
        { "user", "NAME", "make this user, with a password that is asked for" },
        { "password-stdin", NULL, "read the password from standard input" },
        { "relay", NULL, "make this machine a relay: houses attach to it, with names in the first zone" },
        { "beside", NULL, "where hagw.conf has zones, what --zone says is one more" },
        { "yes", NULL, "ask nothing but the password of --user: take the options and the defaults", 'y' },
        { "force", NULL,
          "replace a hagw.conf that is broken or for other zones (it is kept as hagw.conf.old), go on where "
          "another program has port 443 or 80, and take a zone or a service that can never work" },
        { "no-start", NULL, "only write the configuration" },
        { "wait", "SECONDS", "how long to wait for the certificates (default 180; 0: not at all)" },
        {},
};

static const Option attach_options[] = {
        { "token", NULL, "what was told at the relay is a token: given as CODE, or asked for" },
        { "pin", "PIN", "sha256:BASE64 of the relay's public key, checked instead of the system's roots" },
        { "contact", "MAIL", "where the certificate authority may write to" },
        { "directory", "URL",
          "the certificate authority: letsencrypt (default), letsencrypt-staging or an https:// URL" },
        { "staging", NULL, "the same as --directory=letsencrypt-staging" },
        { "laboratory", NULL, "the networks for documentation count as parts of the internet" },
        { "ca-file", "FILE", "roots for the authority's own server, instead of the system's" },
        { "host", "NAME=UPSTREAM",
          "a service, e.g. ha=http://192.168.1.4:8123; may be repeated", .many = true },
        { "user", "NAME", "make this user, with a password that is asked for" },
        { "password-stdin", NULL, "read the password from standard input" },
        { "yes", NULL, "ask nothing but the password of --user: take the options and the defaults", 'y' },
        { "force", NULL,
          "take a host whose name is nearly in the zone, somebody else's, or can never have a certificate" },
        { "wait", "SECONDS", "how long to wait for the certificates (default 180; 0: not at all)" },
        {},
};

static const Option yes_options[] = {
        { "yes", NULL, "ask nothing", 'y' },
        {},
};

static const Option detach_options[] = {
        { "yes", NULL, "ask nothing", 'y' },
        { "keep-token", NULL, "leave the token good at the relay, for a machine that has the same one" },
        { "force", NULL, "have the relay end the token also where another machine may have the same one" },
        {},
};

static const Option status_options[] = {
        { "no-delegation", NULL, "do not ask the resolver whether the zones are delegated to this gateway" },
        {},
};

static const Option cert_show_options[] = {
        { "chain", NULL, "print the certificates themselves (PEM, leaf first)" },
        {},
};

static const Option cert_renew_options[] = {
        { "now", NULL, "also where the certificate authority has asked to wait" },
        { "wait", "SECONDS", "wait for the outcome, for so long (default 180; 0: not at all)" },
        {},
};

static const Option cert_revoke_options[] = {
        { "all", NULL, "all certificates that there are" },
        { "reason", "WORD",
          "unspecified (default), keyCompromise, affiliationChanged, superseded or cessationOfOperation" },
        { "no-renew", NULL, "order none in its place now" },
        { "wait", "SECONDS", "wait for those in its place, for so long (default 180; 0: not at all)" },
        {},
};

static const Option cert_import_options[] = {
        { "password-stdin", NULL, "read the password of what is encrypted from standard input" },
        {},
};

static const Option cert_export_options[] = {
        { "to", "DIR", "the folder for fullchain.pem and privkey.pem" },
        { "exec", "COMMAND", "run this after each export, as root, by sh -c, for a minute at most" },
        { "owner", "USER[:GROUP]", "who the files belong to (default: root)" },
        { "mode", "MODE", "of privkey.pem (default 0600)" },
        { "stop", NULL, "export nothing to DIR any more" },
        { "renewed", NULL,
          "export what was renewed since, what failed before and what is gone; hagw-export.timer does" },
        {},
};

static const Option user_add_options[] = {
        { "host", "HOST", "a host that the user may reach; may be repeated (default: '*', every host)",
          .many = true },
        { "group", "GROUP", "a group that the user belongs to; may be repeated", .many = true },
        { "force", NULL, "take hosts that are not configured (yet)" },
        { "password-stdin", NULL, "read the password from standard input" },
        {},
};

static const Option user_passwd_options[] = {
        { "password-stdin", NULL, "read the password from standard input" },
        {},
};

static const Option user_set_options[] = {
        { "host", "HOST",
          "the hosts that the user may reach, instead of those before; '*': every host; may be "
          "repeated",
          .many = true },
        { "group", "GROUP",
          "the groups, instead of those before; may be repeated; an empty one: none", .many = true },
        { "force", NULL, "take hosts that are not configured (yet)" },
        {},
};

static const Option session_token_options[] = {
        { "label", "TEXT", "what the program is called in session list (default: token)" },
        {},
};

static const Option session_revoke_options[] = {
        { "user", "NAME", "all sessions of this user" },
        {},
};

static const Option address_options[] = {
        { "refresh", NULL, "ask every source again first" },
        {},
};

static const Option log_options[] = {
        { "follow", NULL, "go on with new entries", 'f' },
        { "lines", "N", "the newest N entries (default: 100 without --since)", 'n' },
        { "since", "TIME", "entries since then, as journalctl(1) reads it: \"1 hour ago\", \"today\"" },
        { "daemon", "NAME",
          "only this daemon: dnsd, netd, keyd, acmed, proxyd, webd, tenantd, bind or notify; may be "
          "repeated",
          .many = true },
        { "host", "HOST", "only requests to this host" },
        { "force", NULL, "take a host that is not configured (any more)" },
        { "errors", NULL, "only warnings and errors" },
        {},
};

/* What add and set have in common. */
#define TENANT_OPTIONS                                                                                 \
        { "note", "TEXT", "whatever helps to know the tenant again" },                                 \
        { "suspend", NULL, "cut what is there of it, and let nothing in" },                            \
        { "terminate", "WORD", "yes: the relay opens its visitors' TLS, and can read them; no (default)" },\
        { "agents", "N", "how many machines may be attached at once (default 1)" },                    \
        { "channels", "N", "channels at once, waiting and in use; none (default): tenants.channels" }, \
        { "connections-per-second", "N", "new visitors; none (default)" },                             \
        { "bytes-per-second", "SIZE", "both directions together, e.g. 10M; none (default)" },          \
        { "bytes-per-month", "SIZE", "after that many, e.g. 500G, visitors are closed; none (default)" }

static const Option tenant_add_options[] = {
        { "token", NULL, "make a token, which is told once, instead of an enrolment code" },
        { "lifetime", "TIME", "how long the code (default 24h) or the token (default for ever) is good" },
        { "count", "N", "make N tenants with names made up, which begin with NAME" },
        { "csv", NULL, "print lines of name,zone,code,expires" },
        { "domain", "NAME",
          "a name outside the relay's zone, or *.NAME; may be repeated; an empty one: none", .many = true },
        TENANT_OPTIONS,
        {},
};

static const Option tenant_set_options[] = {
        { "enable", NULL, "let it in again, after --suspend" },
        { "domain", "NAME",
          "a name outside the relay's zone, or *.NAME, instead of those before; may be repeated; an empty "
          "one: none",
          .many = true },
        TENANT_OPTIONS,
        {},
};

static const Option tenant_list_options[] = {
        { "attached", NULL, "only those that are attached" },
        {},
};

static const Option tenant_rotate_options[] = {
        { "token", NULL, "make a token, which is told once, instead of an enrolment code" },
        { "lifetime", "TIME", "how long the code (default 24h) or the token (default for ever) is good" },
        { "overlap", "TIME", "with --token: the tokens before it end after so long" },
        {},
};

static const Option tenant_restore_options[] = {
        { "list", NULL, "show the copies that there are, and what was taken from tenants since" },
        { "empty", NULL, "put none back, but begin a new database" },
        { "force", NULL, "put COPY in the place of a database that is in order" },
        {},
};

static const Option tenant_usage_options[] = {
        { "month", "MONTH", "only that one, e.g. 2026-11 (default: this one; of one tenant all)" },
        { "csv", NULL, "print lines of tenant,month,received,sent,visitors, in bytes" },
        {},
};

const Verb verbs[] = {
        { NULL, "setup", "", 0, 0, NAMES_NONE, setup_options, verb_setup,
          "Set this gateway up: asks, writes hagw.conf, starts it, checks the delegation and waits for "
          "certificates; exits with 1 where it is written, but something keeps visitors away" },
        { NULL, "attach", "RELAY[:PORT] [CODE]", 1, 2, NAMES_NONE, attach_options, verb_attach,
          "Attach this house to a relay, so that it needs no public address", .machine = true },
        { NULL, "detach", "", 0, 0, NAMES_NONE, detach_options, verb_detach,
          "Detach this house from its relay", .machine = true },
        { NULL, "status", "", 0, 0, NAMES_NONE, status_options, verb_status,
          "Show addresses, zones, hosts, certificates and daemons, and what needs attention",
          .machine = true },
        { "host", "list", "", 0, 0, NAMES_NONE, NULL, verb_host_list,
          "List the hosts and how their services are; exits with 1 where visitors do not get through" },
        { "host", "show", "HOST…", 1, CALL_ARGUMENTS_MAX, NAMES_HOSTS, NULL, verb_host_show,
          "Show hosts, and try their services now" },
        { "host", "add", "NAME UPSTREAM", 2, 2, NAMES_NONE, host_options, verb_host_add,
          "Add a host: a name that visitors use and the service behind it" },
        { "host", "set", "HOST [UPSTREAM]", 1, 2, NAMES_HOSTS, host_options, verb_host_set,
          "Change a host's settings; what is not named stays as it is" },
        { "host", "remove", "HOST…", 1, CALL_ARGUMENTS_MAX, NAMES_HOSTS, NULL, verb_host_remove,
          "Remove hosts" },
        { "cert", "list", "", 0, 0, NAMES_NONE, NULL, verb_cert_list, "List the certificates" },
        { "cert", "show", "CERTIFICATE…", 1, CALL_ARGUMENTS_MAX, NAMES_CERTIFICATES, cert_show_options,
          verb_cert_show, "Show certificates" },
        { "cert", "renew", "CERTIFICATE…", 1, CALL_ARGUMENTS_MAX, NAMES_CERTIFICATES, cert_renew_options,
          verb_cert_renew, "Renew certificates now, whatever their age" },
        { "cert", "revoke", "[CERTIFICATE…]", 0, CALL_ARGUMENTS_MAX, NAMES_CERTIFICATES,
          cert_revoke_options, verb_cert_revoke,
          "Revoke a certificate and those before it, and order another one with another key" },
        { "cert", "import", "FILE ...", 1, 16, NAMES_FILES, cert_import_options,
          verb_cert_import,
          "Take over a certificate, its intermediates and its private key from files: PEM, DER or PKCS#12" },
        { "cert", "export", "[CERTIFICATE]", 0, 1, NAMES_CERTIFICATES, cert_export_options, verb_cert_export,
          "Hand a certificate and its private key to another program, now and after each renewal" },
        { "cert", "remove", "CERTIFICATE…", 1, CALL_ARGUMENTS_MAX, NAMES_CERTIFICATES, NULL,
          verb_cert_remove,
          "Drop imported certificates" },
        { "cert account", "show", "", 0, 0, NAMES_NONE, NULL, verb_cert_account_show,
          "Show the accounts at certificate authorities, as these have them now" },
        { "cert account", "new", "[AUTHORITY]", 0, 1, NAMES_NONE, NULL, verb_cert_account_new,
          "Make another account, which orders from now on, and deactivate the one before" },
        { "cert account", "rollover", "[AUTHORITY]", 0, 1, NAMES_NONE, NULL, verb_cert_account_rollover,
          "Give the account another key" },
        { "user", "list", "", 0, 0, NAMES_NONE, NULL, verb_user_list, "List the users" },
        { "user", "add", "NAME", 1, 1, NAMES_NONE, user_add_options, verb_user_add,
          "Add a user; asks for the password" },
        { "user", "passwd", "NAME", 1, 1, NAMES_USERS, user_passwd_options, verb_user_passwd,
          "Give a user a new password" },
        { "user", "set", "NAME…", 1, CALL_ARGUMENTS_MAX, NAMES_USERS, user_set_options, verb_user_set,
          "Change what users may reach" },
        { "user", "remove", "NAME…", 1, CALL_ARGUMENTS_MAX, NAMES_USERS, NULL, verb_user_remove,
          "Remove users, and end their sessions" },
        { "session", "list", "[USER]", 0, 1, NAMES_USERS, NULL, verb_session_list, "List who is logged in" },
        { "session", "token", "USER HOST", 2, 2, NAMES_USERS, session_token_options, verb_session_token,
          "Make a token for a program that cannot log in", .then = NAMES_HOSTS },
        { "session", "revoke", "[SESSION…]", 0, CALL_ARGUMENTS_MAX, NAMES_SESSIONS, session_revoke_options,
          verb_session_revoke, "End sessions, or all of a user" },
        { "tenant", "list", "[PREFIX]", 0, 1, NAMES_TENANTS, tenant_list_options, verb_tenant_list,
          "List the tenants of this relay, and who is attached" },
        { "tenant", "show", "TENANT…", 1, CALL_ARGUMENTS_MAX, NAMES_TENANTS, NULL, verb_tenant_show,
          "Show tenants" },
        { "tenant", "add", "NAME", 0, 1, NAMES_NONE, tenant_add_options, verb_tenant_add,
          "Add a tenant, and tell what to type in the house" },
        { "tenant", "set", "TENANT…", 1, CALL_ARGUMENTS_MAX, NAMES_TENANTS, tenant_set_options,
          verb_tenant_set,
          "Change tenants; what is not named stays as it is" },
        { "tenant", "rotate", "TENANT…", 1, CALL_ARGUMENTS_MAX, NAMES_TENANTS, tenant_rotate_options,
          verb_tenant_rotate,
          "Make one more code or token for each tenant; those before stay good" },
        { "tenant", "revoke", "TENANT [TOKEN…]", 1, CALL_ARGUMENTS_MAX, NAMES_TENANTS, yes_options,
          verb_tenant_revoke,
          "End tokens by their ids, or all tokens and codes of a tenant" },
        { "tenant", "remove", "TENANT…", 1, CALL_ARGUMENTS_MAX, NAMES_TENANTS, yes_options,
          verb_tenant_remove,
          "Remove tenants, and cut what is there of them" },
        { "tenant domain", "list", "TENANT…", 1, CALL_ARGUMENTS_MAX, NAMES_TENANTS, NULL,
          verb_tenant_domain_list,
          "List the names outside the relay's zone that lead to a tenant" },
        { "tenant domain", "add", "TENANT DOMAIN…", 2, CALL_ARGUMENTS_MAX, NAMES_TENANTS, NULL,
          verb_tenant_domain_add, "Have more names lead to a tenant; those before stay" },
        { "tenant domain", "remove", "TENANT DOMAIN…", 2, CALL_ARGUMENTS_MAX, NAMES_TENANTS, NULL,
          verb_tenant_domain_remove, "Have names lead to a tenant no more; the others stay" },
        { "tenant", "usage", "[TENANT…]", 0, CALL_ARGUMENTS_MAX, NAMES_TENANTS, tenant_usage_options,
          verb_tenant_usage,
          "Show what visitors of the tenants moved, by month" },
        { "tenant", "restore", "[COPY]", 0, 1, NAMES_NONE, tenant_restore_options, verb_tenant_restore,
          "Put a copy in the place of a damaged tenants' database (default: the newest good one)" },
        { "tenant", "copy", "", 0, 0, NAMES_NONE, NULL, verb_tenant_copy,
          "Make today's copy of the tenants' database now" },
        { NULL, "address", "", 0, 0, NAMES_NONE, address_options, verb_address,
          "Show the house's public addresses" },
        { NULL, "reload", "", 0, 0, NAMES_NONE, NULL, verb_reload,
          "Check the configuration and let the daemons take it over", .machine = true },
        { "config", "check", "[DIR]", 0, 1, NAMES_FILES, NULL, verb_config_check,
          "Check the configuration, changing nothing" },
        { "config", "default", "", 0, 0, NAMES_NONE, NULL, verb_config_default,
          "Print a hagw.conf in which every setting stands, commented out" },
        { "config", "keep", "", 0, 0, NAMES_NONE, NULL, verb_config_keep,
          "Keep a copy of a valid configuration, for a start with a broken one" },
        { "notify", "test", "", 0, 0, NAMES_NONE, NULL, verb_notify_test,
          "Send a test to everybody whom notify names, and say how it went", .machine = true },
        { "notify", "gather", "", 0, 0, NAMES_NONE, NULL, verb_notify_gather,
          "Write down what needs attention, for hagw-notify: its unit calls this" },
        { NULL, "log", "", 0, 0, NAMES_NONE, log_options, verb_log, "Show what hagw wrote to the journal" },
        { NULL, "help", "[VERB…]", 0, 2, NAMES_NONE, NULL, verb_help,
          "Show all verbs, or one with its options" },
        { NULL, "version", "", 0, 0, NAMES_NONE, NULL, verb_version, "Show the version" },
        { NULL, "complete", "[WORD…]", 0, CALL_ARGUMENTS_MAX, NAMES_VERBS, NULL, verb_complete,
          "Print how the last word could go on; the shells' completion asks this" },
        {},
};

size_t verb_get_words(const Verb *v, char ret[VERB_WORDS_MAX][32]) {
        const char *p = v->group;
        size_t n = 0;

        while (p && n + 1 < VERB_WORDS_MAX) {
                size_t k = strcspn(p, " ");

                (void) snprintf(ret[n++], sizeof(*ret), "%.*s", (int) k, p);
                p = p[k] ? p + k + 1 : NULL;
        }
        (void) snprintf(ret[n++], sizeof(*ret), "%s", v->name);
        return n;
}
