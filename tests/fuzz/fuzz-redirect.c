/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A service's answers: whatever is followed begins at the host's root, and has an end. */

#include "hagw-proxyd/wire/redirect.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_free_ char *answer = malloc(size + 1);
        char text[REDIRECT_TEXT_MAX];
        unsigned n = 0;
        Trail t;

        memcpy(answer, data, size);
        answer[size] = '\0';
        trail_begin(&t);
        while (trail_follow(&t, answer, 302, "ha.test", text) == LED_ON) {
                const char *target = t.targets[t.n - 1];

                assert(*target == '/' && strlen(target) < REDIRECT_TARGET_MAX && !strpbrk(target, " \r\n"));
                assert(++n <= REDIRECTS_MAX);
        }
        assert(strlen(text) < sizeof(text));
        return 0;
}
