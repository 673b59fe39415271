/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <systemd/sd-json.h>

#include "libhagw/pure/macro.h"

/* Which certificates root hands to other programs, with their keys, and how that went: exports.json, which
 * is root's alone, since what stands in it is run as root. One export per folder. */

#define EXPORTS_MAX 64U
#define EXPORT_KEY_FILE "privkey.pem"
#define EXPORT_CHAIN_FILE "fullchain.pem"
#define EXPORT_COMMAND_MAX 1024U /* characters */

typedef struct Export { /* texts are borrowed; NULL: none */
        const char *certificate, *directory, *command;
        const char *owner; /* USER, USER:GROUP or :GROUP */
        uint64_t mode;     /* of the key's file */
        const char *chain; /* what was handed over: its SHA-256 in hexadecimal */
        uint64_t exported_usec;
        const char *error; /* of the last try; NULL: it went well */
        uint64_t failing_usec;
} Export;

/* Where the list stands. */
const char *exports_folder(void);

/* The list, an array. -ENOENT: there is none. */
int exports_read(sd_json_variant **ret);
void export_read(sd_json_variant *v, Export *ret);

/* The same while nobody else changes it: until exports_unlock(). An empty array where there is none. Returns
 * the lock. Told. */
int exports_lock(sd_json_variant **ret);
void exports_unlock(int *fd);
#define _cleanup_exports_ _cleanup_(exports_unlock)

/* Adds one to an array, in the place of another for that folder; with NULL only takes that away. Returns how
 * many were taken away. */
int exports_replace(sd_json_variant **array, const char *directory, const Export *e);
int exports_write(sd_json_variant *array);

/* Whether what was exported can still be there: 1; 0: a file of it is gone, which a command may have taken
 * away on purpose, so that it is not looked for where there is one; -ENOENT: the folder is gone. */
int export_stands(const Export *e);

/* Behind a list of certificates: which are exported, where to, and how it went. */
void exports_print(sd_json_variant *array);

/* Writes both files and runs the command, where the certificate is another than before, the last try failed,
 * it does not stand any more, or always. certificates: as io.hagw.Acme.Watch answers; keys: hagw-keyd's
 * folder. Returns 1 where it was done and 0 where there was nothing to do. -EIO: ret_error says why not. */
int export_run(const Export *e, sd_json_variant *certificates, const char *keys, bool always,
               char ret_chain[static 65], char **ret_error);
