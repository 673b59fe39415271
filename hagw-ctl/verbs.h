/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libhagw/pure/macro.h"

/* The verbs of hagw-ctl: one table, from which parsing, help, completion and the tests of man page and help
 * come. */

#define CALL_ARGUMENTS_MAX 64U
#define CALL_OPTIONS_MAX 128U

/* What the program returns to the shell; hagw-ctl(8) lists them. */
typedef enum CtlStatus {
        CTL_OK = 0,
        CTL_FAILED = 1,      /* it did not work, or (status) something needs attention */
        CTL_USAGE = 2,       /* the command line was wrong; nothing was done */
        CTL_UNREACHABLE = 3, /* a daemon does not run or does not answer */
        CTL_DENIED = 4,      /* not allowed: needs root */
} CtlStatus;

typedef struct Option {
        const char *name;
        const char *value; /* what stands for the value in the help; NULL: a switch */
        const char *help;
        char letter;       /* '\0': none */
        bool many;         /* may be repeated; of any other a second value is a slip */
} Option;

/* What an argument names, for completion and suggestions. */
typedef enum Names {
        NAMES_NONE,
        NAMES_HOSTS,
        NAMES_CERTIFICATES,
        NAMES_USERS,
        NAMES_GROUPS,
        NAMES_SESSIONS,
        NAMES_TENANTS,
        NAMES_FILES,
        NAMES_VERBS,
} Names;

typedef struct Call Call;

typedef struct Verb {
        const char *group; /* "host", or NULL for a verb of one word; of a verb of three "cert account" */
        const char *name;
        const char *arguments; /* as the help shows them */
        unsigned arguments_min, arguments_max;
        Names names;
        const Option *options; /* ended by {}; NULL: only the common ones */
        /* Returns a CtlStatus, or a negative errno of an error that was already told. */
        int (*run)(const Call *call);
        const char *help;
        Names then;   /* what the arguments behind the first name, where they are others */
        bool machine; /* about what is in force on this machine, which goes by no draft elsewhere */
} Verb;

/* The words that a verb is called by, group and name. Returns how many. */
#define VERB_WORDS_MAX 3U
size_t verb_get_words(const Verb *v, char ret[VERB_WORDS_MAX][32]);

extern const Verb verbs[];           /* ended by name == NULL */
extern const Option common_options[]; /* every verb takes them; ended by {} */

/* One invocation, parsed. */
struct Call {
        const Verb *verb;
        const char *config_dir;
        bool json;
        const char *arguments[CALL_ARGUMENTS_MAX];
        unsigned n_arguments;
        struct {
                const Option *option;
                const char *value; /* "" for a switch */
        } given[CALL_OPTIONS_MAX];
        unsigned n_given;
};

/* The n-th value given for an option, or NULL; call_option() is the last one. */
const char *call_option_nth(const Call *call, const char *name, unsigned n);
const char *call_option(const Call *call, const char *name);

/* Runs for each name, from first on among the arguments, each once, also behind one that failed, unless what
 * failed has nothing to do with the name: no daemon is there, say. Returns the worst: a negative errno, or a
 * CtlStatus. */
typedef int (*CallName)(const Call *call, const char *name, void *userdata);
int call_try_each(const Call *call, unsigned first, CallName run, void *userdata);
/* The same, but check() (NULL: none) is asked about all of them before run() does anything, so that a slip
 * in one name does nothing. */
int call_each(const Call *call, unsigned first, CallName check, CallName run, void *userdata);
/* -EACCES, told: only root may do what the verb does; where a folder is named (or NULL), also who may write
 * there. what: "writes the configuration". */
int call_check_root(const Call *call, const char *folder, const char *what);
/* -EINVAL, told: no daemon goes by the folder that was given. but: what the verb can do there, or "". */
int call_check_draft(const Call *call, const char *but);
/* A person sees an empty line between two of them. */
void call_part(const Call *call, const char *name, unsigned first);

/* The runners, by file. */
int verb_setup(const Call *call);        /* verbs-setup.c */
int verb_attach(const Call *call);       /* verbs-attach.c */
int verb_detach(const Call *call);       /* verbs-detach.c */
int verb_status(const Call *call);       /* verbs-status.c */
int verb_host_add(const Call *call);     /* verbs-host.c */
int verb_host_set(const Call *call);
int verb_host_remove(const Call *call);
int verb_host_list(const Call *call);
int verb_host_show(const Call *call);
int verb_cert_list(const Call *call);    /* verbs-cert.c */
int verb_cert_show(const Call *call);
int verb_cert_renew(const Call *call);
int verb_cert_revoke(const Call *call);  /* verbs-revoke.c */
int verb_cert_account_show(const Call *call); /* verbs-account.c */
int verb_cert_account_new(const Call *call);
int verb_cert_account_rollover(const Call *call);
int verb_cert_import(const Call *call); /* verbs-import.c */
int verb_cert_export(const Call *call); /* verbs-export.c */
int verb_cert_remove(const Call *call);
void cert_forget_key(const char *id); /* has hagw-keyd remove it */
int verb_user_add(const Call *call);     /* verbs-user.c */
int verb_user_passwd(const Call *call);
int verb_user_set(const Call *call);
int verb_user_remove(const Call *call);
int verb_user_list(const Call *call);
int verb_session_list(const Call *call); /* verbs-session.c */
int verb_session_token(const Call *call);
int verb_session_revoke(const Call *call);
int verb_tenant_list(const Call *call);  /* tenant-list.c */
int verb_tenant_show(const Call *call);
int verb_tenant_usage(const Call *call);
int verb_tenant_add(const Call *call);   /* verbs-tenant.c */
int verb_tenant_set(const Call *call);
int verb_tenant_domain_add(const Call *call);
int verb_tenant_domain_list(const Call *call);
int verb_tenant_domain_remove(const Call *call);
int verb_tenant_rotate(const Call *call);
int verb_tenant_revoke(const Call *call);
int verb_tenant_remove(const Call *call);
int verb_tenant_restore(const Call *call); /* verbs-restore.c */
int verb_tenant_copy(const Call *call);
int verb_address(const Call *call);      /* verbs-misc.c */
int verb_reload(const Call *call);
int verb_config_check(const Call *call);
int verb_config_default(const Call *call);
int verb_config_keep(const Call *call);
int verb_notify_gather(const Call *call);
int verb_notify_test(const Call *call);
int verb_log(const Call *call);
extern const char *const log_other_units[]; /* that no daemon of daemon_rows has; ended by NULL */
int verb_help(const Call *call);         /* help.c */
int verb_version(const Call *call);
int verb_complete(const Call *call);     /* complete.c */
