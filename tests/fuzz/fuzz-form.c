/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A form's body, and what stands in its return field. */

#include "hagw-webd/form.h"
#include "hagw-webd/target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_free_ char *body = malloc(size + 1);
        Form f;

        memcpy(body, data, size);
        if (form_parse(body, size, &f) < 0)
                return 0;
        assert(f.n <= FORM_FIELDS_MAX);
        for (size_t i = 0; i < f.n; i++)
                assert(form_get(&f, f.fields[i].name) == f.fields[i].value &&
                       strlen(f.fields[i].value) <= size);
        assert(*target_or_root(form_get(&f, "return")) == '/');
        return 0;
}
