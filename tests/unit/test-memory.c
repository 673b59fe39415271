/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>

#include "libhagw/memory.h"
#include "tests/unit/test.h"

static char root[] = "/tmp/test-memory-XXXXXX";

/* Makes the folders above, too. */
static void write_file(const char *name, const char *text) {
        char path[256];
        FILE *f;

        (void) snprintf(path, sizeof(path), "%s%s", root, name);
        for (char *p = path + strlen(root) + 1; (p = strchr(p, '/')); p++) {
                *p = '\0';
                (void) mkdir(path, 0700);
                *p = '/';
        }
        f = fopen(path, "we");
        assert_non_null(f);
        assert_true(fputs(text, f) >= 0);
        assert_int_equal(fclose(f), 0);
}

static uint64_t half(void) {
        struct sysinfo info;

        assert_int_equal(sysinfo(&info), 0);
        return (uint64_t) info.totalram * info.mem_unit / 2;
}

static void test_group(void **state) {
        assert_non_null(mkdtemp(root));
        /* Nothing is known: the machine is. */
        assert_int_equal(memory_limit(root), half());
        write_file("/proc/self/cgroup", "4:memory:/old\n0::/system.slice/hagw-proxyd.service\n");
        assert_int_equal(memory_limit(root), half());
        write_file("/sys/fs/cgroup/system.slice/hagw-proxyd.service/memory.max", "max\n");
        assert_int_equal(memory_limit(root), half());
        write_file("/sys/fs/cgroup/system.slice/hagw-proxyd.service/memory.max", "536870912\n");
        write_file("/sys/fs/cgroup/system.slice/memory.max", "max\n");
        assert_int_equal(memory_limit(root), 536870912);
        /* What holds above holds here. */
        write_file("/sys/fs/cgroup/memory.max", "268435456\n");
        assert_int_equal(memory_limit(root), 268435456);
        write_file("/proc/self/cgroup", "0::/\n");
        assert_int_equal(memory_limit(root), 268435456);
        write_file("/sys/fs/cgroup/memory.max", "nonsense\n");
        assert_int_equal(memory_limit(root), half());
}

TEST_MAIN(cmocka_unit_test(test_group))
