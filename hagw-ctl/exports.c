/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The list of exports: read by status and cert list, changed under a lock. */

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hagw-ctl/client.h"
#include "hagw-ctl/exports.h"
#include "libhagw/log.h"
#include "libhagw/state.h"
#include "libhagw/usec.h"

#define LIST_FILE "exports.json"
#define LOCK_FILE "exports.lock"

const char *exports_folder(void) {
        return secure_getenv("HAGW_EXPORTS_DIR") ?: "/var/lib/hagw";
}

static int path_of(const char *name, char out[static PATH_MAX]) {
        return (size_t) snprintf(out, PATH_MAX, "%s/%s", exports_folder(), name) < PATH_MAX ?
                       0 :
                       -ENAMETOOLONG;
}

/* What is yet to come was noted by a clock that was ahead. */
static int clamp(sd_json_variant **v, const char *field, uint64_t now_usec) {
        if (field_number(*v, field) <= now_usec)
                return 0;
        return sd_json_variant_set_field_unsigned(v, field, now_usec);
}

static int clamp_all(sd_json_variant *list, uint64_t now_usec, sd_json_variant **ret) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *array = NULL;
        int r;

        r = sd_json_variant_new_array(&array, NULL, 0);
        for (size_t i = 0; r >= 0 && i < sd_json_variant_elements(list); i++) {
                _cleanup_(sd_json_variant_unrefp) sd_json_variant *v =
                        sd_json_variant_ref(sd_json_variant_by_index(list, i));

                r = clamp(&v, "exportedUSec", now_usec);
                if (r >= 0)
                        r = clamp(&v, "failingUSec", now_usec);
                if (r >= 0)
                        r = sd_json_variant_append_array(&array, v);
        }
        if (r < 0)
                return r;
        *ret = TAKE_PTR(array);
        return 0;
}

int exports_read(sd_json_variant **ret) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;
        char path[PATH_MAX];
        int r;

        r = path_of(LIST_FILE, path);
        if (r >= 0)
                r = state_read_json(AT_FDCWD, path, &v);
        if (r < 0)
                return r;
        if (!sd_json_variant_is_array(v))
                return -EBADMSG;
        return clamp_all(v, clock_usec(CLOCK_REALTIME), ret);
}

void export_read(sd_json_variant *v, Export *ret) {
        *ret = (Export) {
                .certificate = strempty(field_text(v, "certificate")),
                .directory = strempty(field_text(v, "directory")),
                .command = field_text(v, "command"),
                .owner = field_text(v, "owner"),
                .mode = field_number(v, "mode"),
                .chain = field_text(v, "chain"),
                .exported_usec = field_number(v, "exportedUSec"),
                .error = field_text(v, "error"),
                .failing_usec = field_number(v, "failingUSec"),
        };
}

/* Who may not look claims nothing. */
static bool is_gone(const char *path) {
        return access(path, F_OK) < 0 && (errno == ENOENT || errno == ENOTDIR);
}

int export_stands(const Export *e) {
        static const char *const files[] = { EXPORT_KEY_FILE, EXPORT_CHAIN_FILE };

        if (is_gone(e->directory))
                return -ENOENT;
        for (size_t i = 0; !e->command && i < ELEMENTSOF(files); i++) {
                char path[PATH_MAX];

                if ((size_t) snprintf(path, sizeof(path), "%s/%s", e->directory, files[i]) < sizeof(path) &&
                    is_gone(path))
                        return 0;
        }
        return 1;
}

int exports_lock(sd_json_variant **ret) {
        _cleanup_close_ int fd = -EBADF;
        char path[PATH_MAX];
        int r;

        if (mkdir(exports_folder(), 0755) < 0 && errno != EEXIST)
                return log_error_errno(errno, "%s could not be made: %m", exports_folder());
        r = path_of(LOCK_FILE, path);
        if (r < 0)
                return r;
        fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0)
                return log_error_errno(errno, "%s could not be opened: %m", path);
        while (flock(fd, LOCK_EX) < 0)
                if (errno != EINTR)
                        return log_error_errno(errno, "%s could not be locked: %m", path);
        r = exports_read(ret);
        if (r == -ENOENT)
                r = sd_json_variant_new_array(ret, NULL, 0);
        if (r < 0)
                return log_error_errno(r, "The list of exports in %s could not be read: %m",
                                       exports_folder());
        return TAKE_FD(fd);
}

void exports_unlock(int *fd) {
        *fd = safe_close(*fd);
}

static int append(sd_json_variant **array, const Export *e) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;
        int r;

        r = sd_json_buildo(
                &v, SD_JSON_BUILD_PAIR("certificate", SD_JSON_BUILD_STRING(e->certificate)),
                SD_JSON_BUILD_PAIR("directory", SD_JSON_BUILD_STRING(e->directory)),
                SD_JSON_BUILD_PAIR_CONDITION(!!e->command, "command", SD_JSON_BUILD_STRING(e->command)),
                SD_JSON_BUILD_PAIR_CONDITION(!!e->owner, "owner", SD_JSON_BUILD_STRING(e->owner)),
                SD_JSON_BUILD_PAIR("mode", SD_JSON_BUILD_UNSIGNED(e->mode)),
                SD_JSON_BUILD_PAIR_CONDITION(!!e->chain, "chain", SD_JSON_BUILD_STRING(e->chain)),
                SD_JSON_BUILD_PAIR("exportedUSec", SD_JSON_BUILD_UNSIGNED(e->exported_usec)),
                SD_JSON_BUILD_PAIR_CONDITION(!!e->error, "error", SD_JSON_BUILD_STRING(e->error)),
                SD_JSON_BUILD_PAIR_CONDITION(!!e->error, "failingUSec",
                                             SD_JSON_BUILD_UNSIGNED(e->failing_usec)));
        return r < 0 ? r : sd_json_variant_append_array(array, v);
}

int exports_replace(sd_json_variant **array, const char *directory, const Export *e) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *new = NULL;
        int r, n = 0;

        r = sd_json_variant_new_array(&new, NULL, 0);
        for (size_t i = 0; r >= 0 && i < sd_json_variant_elements(*array); i++) {
                sd_json_variant *v = sd_json_variant_by_index(*array, i);

                if (streq(strempty(field_text(v, "directory")), directory))
                        n++;
                else
                        r = sd_json_variant_append_array(&new, v);
        }
        if (r >= 0 && e)
                r = append(&new, e);
        if (r < 0)
                return r;
        sd_json_variant_unref(*array);
        *array = TAKE_PTR(new);
        return n;
}

int exports_write(sd_json_variant *array) {
        char path[PATH_MAX];
        int r;

        r = path_of(LIST_FILE, path);
        if (r < 0)
                return r;
        return sd_json_variant_elements(array) > 0 ? state_write_json(AT_FDCWD, path, array, 0600) :
                                                     state_remove(AT_FDCWD, path);
}
