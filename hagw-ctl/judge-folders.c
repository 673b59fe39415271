/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What status finds about the folders that root writes to, or a program that is no daemon: whether they can
 * be written, and whether there is room, seen without writing. Of its own folder each daemon tells
 * (judge-state.c). A file system's trouble is told once, of the first folder that is on it. */

#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

#include "hagw-ctl/cause.h"
#include "hagw-ctl/client.h"
#include "hagw-ctl/exports.h"
#include "hagw-ctl/mount.h"
#include "hagw-ctl/notify.h"
#include "libhagw/conf-kept.h"
#include "libhagw/statefault.h"
#include "libhagw/vl.h"

#define FOLDERS_MAX 6U

typedef enum Trouble {
        TROUBLE_NONE,
        TROUBLE_LOW,
        TROUBLE_FULL,
        TROUBLE_READ_ONLY, /* the file system is */
        TROUBLE_CLOSED,    /* somebody has set it so: a mount, a file's attribute */
} Trouble;

typedef struct Folder {
        char path[PATH_MAX];
        const char *hurts; /* what fails while it cannot be written */
        Trouble trouble;
        dev_t device;
        uint64_t free_bytes;
        int error; /* that writing would have */
} Folder;

static void folder_add(Folder *folders, size_t *n, const char *hurts, const char *format, ...)
        _printf_(4, 5);
static void folder_add(Folder *folders, size_t *n, const char *hurts, const char *format, ...) {
        Folder *f = &folders[*n];
        va_list ap;
        int k;

        assert(*n < FOLDERS_MAX);
        va_start(ap, format);
        k = vsnprintf(f->path, sizeof(f->path), format, ap);
        va_end(ap);
        if (k < 0 || (size_t) k >= sizeof(f->path))
                return; /* nothing is written there either */
        f->hurts = hurts;
        (*n)++;
}

static size_t list_folders(const Status *s, Folder folders[static FOLDERS_MAX]) {
        const char *kept = config_kept_dir(s->config_dir), *slash = kept ? strrchr(kept, '/') : NULL;
        size_t n = 0;

        folder_add(folders, &n, "changes of the configuration fail", "%s", s->config_dir);
        folder_add(folders, &n, "hosts can be neither added nor changed", "%s/hosts.d", s->config_dir);
        if (slash && slash > kept) /* the copy is made beside, and put in its place */
                folder_add(folders, &n, "no copy of the last good configuration is made", "%.*s",
                           (int) (slash - kept), kept);
        folder_add(folders, &n, "what cert export is told is not kept", "%s", exports_folder());
        folder_add(folders, &n, "no daemon can be started anew", "%s", vl_folder());
        if (s->config && s->config->notify && s->config->notify[0])
                folder_add(folders, &n, "who was told what needs attention is told it again and again", "%s",
                           notify_folder());
        return n;
}

/* One that is not there is no trouble: who needs it makes it. */
static void folder_look(Folder *f) {
        StateSpace space;
        struct stat st;

        if (stat(f->path, &st) < 0 || state_space(f->path, &space) < 0)
                return;
        f->device = st.st_dev;
        f->free_bytes = space.free_bytes;
        f->error = access(f->path, W_OK) < 0 ? errno : 0;
        if (f->error == EROFS && mount_of_is_read_only(f->path))
                f->trouble = TROUBLE_READ_ONLY;
        else if (f->error)
                f->trouble = TROUBLE_CLOSED;
        else
                f->trouble = space.full || space.free_bytes < STATUS_NO_ROOM_BYTES ? TROUBLE_FULL :
                             space.low                                             ? TROUBLE_LOW :
                                                                                     TROUBLE_NONE;
}

/* No room, or no writing: the same remedy. */
static bool is_same_kind(Trouble a, Trouble b) {
        return (a == TROUBLE_LOW || a == TROUBLE_FULL) == (b == TROUBLE_LOW || b == TROUBLE_FULL);
}

static Trouble trouble_of_daemon(sd_json_variant *d) {
        return field_bool(d, "stateReadOnly")                                         ? TROUBLE_READ_ONLY :
               field_count(d, "stateFaults") > 0 || field_bool(d, "stateLow") ? TROUBLE_LOW :
                                                                                         TROUBLE_NONE;
}

static bool is_told_by_daemon(const Status *s, const Folder *f) {
        for (size_t i = 0; i < field_count(s->daemons, "daemons"); i++) {
                sd_json_variant *d = field_element(s->daemons, "daemons", i);
                const char *dir = field_text(d, "stateDirectory");
                const Trouble trouble = trouble_of_daemon(d);
                struct stat st;

                if (trouble != TROUBLE_NONE && is_same_kind(trouble, f->trouble) && dir &&
                    stat(dir, &st) >= 0 && st.st_dev == f->device)
                        return true;
        }
        return false;
}

static bool is_told_before(const Folder *folders, const Folder *f) {
        for (const Folder *b = folders; b < f; b++)
                if (b->trouble != TROUBLE_NONE && b->device == f->device &&
                    is_same_kind(b->trouble, f->trouble))
                        return true;
        return false;
}

static void folder_tell(Status *s, const Folder *f) {
        switch (f->trouble) {
        case TROUBLE_READ_ONLY:
                cause_note(s, CAUSE_DISK);
                status_problem(s,
                               "Nothing can be written to %s, so that %s: the file system can only be read; "
                               "\"journalctl -k -p err\" may tell why.",
                               f->path, f->hurts);
                break;
        case TROUBLE_CLOSED:
                status_notice(s,
                              "Nothing can be written to %s, so that %s: %s. Where nobody meant that, "
                              "\"findmnt -T %s\" and \"lsattr -d %s\" show what keeps it so.",
                              f->path, f->hurts, strerrordesc_np(f->error), f->path, f->path);
                break;
        case TROUBLE_FULL:
                cause_note(s, CAUSE_DISK);
                status_problem(s,
                               "There is no room left in %s, so that %s: \"df -h\" and \"df -i\" show where "
                               "there is none.",
                               f->path, f->hurts);
                break;
        case TROUBLE_LOW:
                status_problem(s,
                               "There is little room in %s, and without any %s: %.1f MiB; \"df -h\" and "
                               "\"df -i\" show where there is none.",
                               f->path, f->hurts, (double) f->free_bytes / (1024 * 1024));
                break;
        case TROUBLE_NONE:
                break;
        }
}

int judge_folders(Status *s) {
        _cleanup_free_ Folder *folders = NULL;
        size_t n;

        /* Who is not root writes to none of them, and who has set nothing up has another thing to do. */
        if (geteuid() != 0 || s->unset)
                return 0;
        folders = calloc(FOLDERS_MAX, sizeof(*folders));
        if (!folders)
                return -ENOMEM;
        n = list_folders(s, folders);
        for (size_t i = 0; i < n; i++) {
                folder_look(&folders[i]);
                if (!is_told_by_daemon(s, &folders[i]) && !is_told_before(folders, &folders[i]))
                        folder_tell(s, &folders[i]);
        }
        return 0;
}
