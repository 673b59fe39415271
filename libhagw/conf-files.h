/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Which files of a folder's hosts.d/ are the hosts': *.conf, and none that is hidden. */

/* path: whole; name: its last part. */
typedef int (*ConfFileHandler)(const char *path, const char *name, void *userdata);

/* Calls the handler for each, in the order of their names, until it returns an error, which is returned. 0
 * too where there is no such folder. -ENAMETOOLONG, or an error of the folder's. */
int conf_each_host_file(const char *dir, ConfFileHandler handler, void *userdata);
