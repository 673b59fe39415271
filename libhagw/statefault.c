/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The table of files that are older on disk than in memory. A lock guards it: hagw-keyd writes on a
 * thread. */

#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>

#include "libhagw/statefault.h"
#include "libhagw/usec.h"

#define FILES_FREE_MIN 64U /* inodes */

typedef struct StateFault {
        char file[NAME_MAX + 1];
        uint64_t since_usec; /* CLOCK_REALTIME */
        int error;           /* positive */
} StateFault;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static StateFault faults[STATE_FAULTS_MAX]; /* the oldest first */
static size_t n_faults, largest;
static uint64_t total;

static StateFault *find(const char *file) {
        for (size_t i = 0; i < n_faults; i++)
                if (streq(faults[i].file, file))
                        return &faults[i];
        return NULL;
}

static void drop(StateFault *f) {
        const size_t i = (size_t) (f - faults);

        memmove(f, f + 1, (--n_faults - i) * sizeof(*f));
        if (n_faults == 0)
                largest = 0;
}

void state_fault_note(const char *file, size_t size, int result) {
        StateFault *f;

        if (result == -ENOMEM) /* no fault of the disk's */
                return;
        (void) pthread_mutex_lock(&lock);
        f = find(file);
        if (result >= 0 && f)
                drop(f);
        if (result < 0) {
                total++;
                largest = MAX(largest, size);
                if (!f && n_faults < STATE_FAULTS_MAX && strlen(file) < sizeof(f->file)) {
                        f = &faults[n_faults++];
                        (void) strcpy(f->file, file);
                        f->since_usec = clock_usec(CLOCK_REALTIME);
                }
                if (f)
                        f->error = -result;
        }
        (void) pthread_mutex_unlock(&lock);
}

bool state_fault_any(void) {
        bool any;

        (void) pthread_mutex_lock(&lock);
        any = n_faults > 0;
        (void) pthread_mutex_unlock(&lock);
        return any;
}

uint64_t state_fault_total(void) {
        uint64_t n;

        (void) pthread_mutex_lock(&lock);
        n = total;
        (void) pthread_mutex_unlock(&lock);
        return n;
}

size_t state_fault_size(void) {
        size_t n;

        (void) pthread_mutex_lock(&lock);
        n = largest;
        (void) pthread_mutex_unlock(&lock);
        return n;
}

void state_fault_clear(void) {
        (void) pthread_mutex_lock(&lock);
        n_faults = largest = 0;
        (void) pthread_mutex_unlock(&lock);
}

static int path_of(const char *dir, const char *file, char **ret) {
        const bool inside = dir && file[0] != '/';

        if (asprintf(ret, "%s%s%s", inside ? dir : "", inside ? "/" : "", file) < 0) {
                *ret = NULL;
                return -ENOMEM;
        }
        return 0;
}

static int append(const char *dir, const StateFault *f, sd_json_variant **array) {
        _cleanup_free_ char *path = NULL;
        int r;

        r = path_of(dir, f->file, &path);
        if (r < 0)
                return r;
        return sd_json_variant_append_arraybo(
                array, SD_JSON_BUILD_PAIR("file", SD_JSON_BUILD_STRING(path)),
                SD_JSON_BUILD_PAIR("sinceUSec", SD_JSON_BUILD_UNSIGNED(f->since_usec)),
                SD_JSON_BUILD_PAIR("reason", SD_JSON_BUILD_STRING(strerrordesc_np(f->error))));
}

int state_fault_to_json(const char *dir, sd_json_variant **ret) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *array = NULL;
        int r = 0;

        (void) pthread_mutex_lock(&lock);
        for (size_t i = 0; r >= 0 && i < n_faults; i++)
                r = append(dir, &faults[i], &array);
        (void) pthread_mutex_unlock(&lock);
        if (r >= 0)
                *ret = TAKE_PTR(array);
        return r;
}

char *state_fault_text(const char *dir) {
        _cleanup_free_ char *path = NULL;
        char *text = NULL;

        (void) pthread_mutex_lock(&lock);
        if (n_faults > 0 && path_of(dir, faults[0].file, &path) >= 0 &&
            asprintf(&text, "%s could not be written: %s", path, strerrordesc_np(faults[0].error)) < 0)
                text = NULL;
        (void) pthread_mutex_unlock(&lock);
        return text;
}

int state_space(const char *dir, StateSpace *ret) {
        struct statvfs s;
        uint64_t whole;

        if (statvfs(dir, &s) < 0)
                return -errno;
        whole = (uint64_t) s.f_blocks * s.f_frsize;
        *ret = (StateSpace) {
                .free_bytes = (uint64_t) s.f_bavail * s.f_frsize,
                .read_only = s.f_flag & ST_RDONLY,
        };
        ret->low = ret->free_bytes < MIN(STATE_LOW_BYTES, whole / STATE_LOW_SHARE) ||
                   (s.f_files > 0 && s.f_favail < FILES_FREE_MIN);
        ret->full = (whole > 0 && (uint64_t) s.f_bfree * s.f_frsize < STATE_FULL_BYTES) ||
                    (s.f_files > 0 && s.f_ffree == 0);
        return 0;
}
