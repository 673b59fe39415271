/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hagw-ctl/conftext.h"
#include "hagw-ctl/verbs.h"

/* The files in hosts.d/: found, checked against the whole configuration, written whole. */

/* The options of host add and host set, each for one setting of the schema. */
extern const Option host_options[];

/* The words that an option of theirs can be, NULL-ended; NULL: whatever one likes. */
const char *const *host_option_choices(const char *option);

/* A host's name as a person types it: "ha" becomes ha.ZONE where there is one zone, and the host so called
 * where there are several. *ret is to be freed. -EINVAL was told. */
int host_expand_name(const Config *config, const char *name, char **ret);

/* The configured host of that name, or NULL after telling (with the nearest name). */
const ConfHost *host_find(const Config *config, const char *name);

/* A name that somebody is to reach: completed, and configured here (a pattern: some host is like it), unless
 * force. *ret is to be freed. Told. */
int host_expand_known(const Config *config, const char *name, bool force, const char *meant, char **ret);

/* Each option's value by itself, before anything is done. Told. */
int host_judge_options(const Call *call);
bool host_has_options(const Call *call);

/* A service's address as a person types it: a scheme and Home Assistant's port may be left out, and what a
 * browser shows behind it is. *ret, to be freed, is what the file says. zone: whose names the service cannot
 * have; NULL: any. Told. */
int host_read_upstream(const char *zone, const char *typed, char **ret);

/* Of a service's address as it was typed, the path that was left out, if there was one. */
#define HOST_PATH_TEXT \
        "\"%s\" is left out: a host leads to the whole of a service, whose paths visitors see as they are."
void host_say_path(const char *typed);

/* What a new host's file begins with. Who comes to a tcp:// service cannot be asked for a login. */
int host_begin(Choices *choices, const char *name, const char *upstream, bool asked_behind);
/* Takes the call's options over into the choices. */
int host_take_options(Choices *choices, const Call *call);

/* The same, into the text of a file that is there at path; what is not named stays. Told. */
int host_edit_options(const Call *call, const char *path, char **text);

/* Tells why a text could not be changed; r is what a function of confedit.h said. */
int edit_failed(const char *path, int r);

/* The file for a new host; to be freed. */
int host_path(const char *config_dir, const char *name, char **ret);

/* Checks the text as a file of the whole configuration in dir (in which `path` is not counted). Told. */
int host_judge(const Config *config, const char *dir, const char *path, const char *text);

/* The same, and writes it. Told. */
int host_write(const Config *config, const char *dir, const char *path, const char *text);

/* Writes a file of the configuration, whole and durably: root:hagw 0640. Told. */
int write_config_file(const char *path, const char *text);

/* Waits until no other hagw-ctl changes hagw.conf or hosts.d/. To be closed when the files are written; a
 * negative one does no harm. Only root can take it: no daemon can keep root waiting. */
int lock_hosts(void);

/* The whole configuration; failures are told. */
int load_config(const char *config_dir, Config **ret);
