/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A memfd with one struct in it. */

#include <sys/mman.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>

#include "hagw-proxyd/main/past.h"
#include "libhagw/daemon.h"

#define FD_NAME "past"
#define PAST_VERSION UINT64_C(0x6861677770610002) /* changes with the struct */

struct PastFile {
        uint64_t version;
        Past past;
};

static PastFile *map(int fd) {
        PastFile *f = mmap(NULL, sizeof(PastFile), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

        return f == MAP_FAILED ? NULL : f;
}

/* What a process of before left. NULL: nothing that can be read, so that it is kept no longer. */
static PastFile *map_left(uint64_t now_usec) {
        PastFile *f = NULL;
        struct stat st;
        int fd;

        if (daemon_listen_fds(FD_NAME, &fd, 1) != 1)
                return NULL;
        if (fstat(fd, &st) >= 0 && st.st_size == (off_t) sizeof(PastFile))
                f = map(fd);
        if (f && f->version == PAST_VERSION && f->past.since_usec <= now_usec)
                return f;
        (void) sd_notify(/* unset_environment= */ 0, "FDSTOREREMOVE=1\nFDNAME=" FD_NAME);
        return past_close(f);
}

static PastFile *map_new(void) {
        _cleanup_close_ int fd = memfd_create("hagw-proxyd-past", MFD_CLOEXEC);
        PastFile *f;

        if (fd < 0 || ftruncate(fd, sizeof(PastFile)) < 0)
                return NULL;
        f = map(fd);
        if (!f)
                return NULL;
        f->version = PAST_VERSION;
        (void) sd_pid_notify_with_fds(/* pid= */ 0, /* unset_environment= */ 0,
                                      "FDSTORE=1\nFDNAME=" FD_NAME, &fd, 1);
        return f;
}

PastFile *past_open(uint64_t now_usec, Past *ret) {
        PastFile *f = map_left(now_usec);

        if (!f) {
                *ret = (Past) { .since_usec = now_usec };
                f = map_new();
                past_save(f, ret);
        } else
                *ret = f->past;
        return f;
}

void past_save(PastFile *f, const Past *p) {
        if (f)
                f->past = *p;
}

PastFile *past_close(PastFile *f) {
        if (f)
                (void) munmap(f, sizeof(*f));
        return NULL;
}
