/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "libhagw/pure/tenantstate.h"
#include "tests/unit/test.h"

/* Each state has its row, and each but one a sentence with the tenant in it. */
static void test_rows(void **state) {
        char out[TENANT_STATE_TEXT_MAX], longest[HOSTNAME_LABEL_MAX + 1] = {};

        memset(longest, 'a', HOSTNAME_LABEL_MAX);
        for (TenantState s = 0; s < _TENANT_STATE_MAX; s++) {
                const char *text = tenant_state_text(s, longest, out);

                assert_non_null(tenant_state_name(s));
                assert_true((text == NULL) == (s == TENANT_STATE_ATTACHED));
                assert_true(!text || (strstr(text, longest) && endswith(text, ".")));
        }
        assert_null(tenant_state_name(_TENANT_STATE_MAX));
        assert_null(tenant_state_name(_TENANT_STATE_INVALID));
        assert_null(tenant_state_text(_TENANT_STATE_MAX, "anna", out));
        assert_string_equal(tenant_state_text(TENANT_STATE_SUSPENDED, "anna", out),
                            "The relay has suspended the tenant anna: hagw-ctl tenant set anna --enable "
                            "lets it in again.");
}

TEST_MAIN(cmocka_unit_test(test_rows))
