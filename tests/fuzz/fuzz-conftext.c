/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A hosts.d file as hagw-ctl host set reads and writes it: valid stays valid, and writes the same again. */

#include "hagw-ctl/conftext.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_free_ char *text = strndup((const char *) data, size);
        _cleanup_free_ char *one = NULL, *two = NULL, *error = NULL;
        _cleanup_(config_freep) Config *before = config_new(), *after = config_new();
        _cleanup_(choices_done) Choices c = {}, again = {};

        (void) conf_text_has_comments(text);
        if (config_parse_text(text, "fuzz", /* host= */ true, before, &error) < 0)
                return 0;
        assert(choices_read_host(&c, text) == 0);
        assert(conf_text_host(&c, &one) == 0);
        assert(config_parse_text(one, "again", /* host= */ true, after, &error) == 0);
        assert(streq(before->hosts[0].name, after->hosts[0].name));
        assert(streq(before->hosts[0].upstream, after->hosts[0].upstream));
        assert(choices_read_host(&again, one) == 0 && conf_text_host(&again, &two) == 0);
        assert(streq(one, two));
        return 0;
}
