/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Folders of the configuration and of its copy: the daemons' group reads them, and root alone writes. As the
 * package makes them (units/hagw.tmpfiles.conf). */

/* 1: it was made; 0: it is there. A negative errno otherwise. */
int conf_folder_make(const char *path);
