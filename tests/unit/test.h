/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What every unit test starts with: cmocka's headers in the order it wants, and one line for main. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "libhagw/pure/macro.h"

#define TEST_MAIN(...)                                                          \
        int main(void) {                                                        \
                const struct CMUnitTest tests[] = { __VA_ARGS__ };              \
                return cmocka_run_group_tests(tests, NULL, NULL);               \
        }
