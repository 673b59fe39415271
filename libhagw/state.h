/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <sys/types.h>
#include <systemd/sd-json.h>

#include "libhagw/pure/macro.h"

/* Files that must survive: written as new file, fsync, rename, fsync of the directory. A kill at any instant
 * leaves the old content or the new one. */

#define STATE_FILE_MAX (4U * 1024 * 1024) /* bytes */

/* dir_fd may be AT_FDCWD. mode as for open(2). */
int state_write(int dir_fd, const char *name, const void *data, size_t size, mode_t mode);
/* The same for a file that belongs to root and this group from its first moment on. */
int state_write_for_group(int dir_fd, const char *name, const void *data, size_t size, mode_t mode,
                          gid_t gid);
/* The same for anybody's file. What fails is not noted: it is not the daemon's own state. */
int state_write_for(int dir_fd, const char *name, const void *data, size_t size, mode_t mode, uid_t uid,
                    gid_t gid);

/* Reads a whole file, NUL-terminated behind its end. -ENOENT: there is none. -EFBIG: above STATE_FILE_MAX.
 */
int state_read(int dir_fd, const char *name, char **ret, size_t *ret_size);

/* The same as JSON text. -EBADMSG: not JSON; the caller may then state_set_aside() it. */
int state_write_json(int dir_fd, const char *name, sd_json_variant *v, mode_t mode);
int state_read_json(int dir_fd, const char *name, sd_json_variant **ret);

/* Renames a broken file to NAME.broken (replacing an older one), so that it is neither lost nor read again.
 */
int state_set_aside(int dir_fd, const char *name);

/* Removes, durably. 0 where it was not there. */
int state_remove(int dir_fd, const char *name);

/* Whether a file of that size could be written in dir now; it is removed again. */
int state_probe(const char *dir, size_t size);
