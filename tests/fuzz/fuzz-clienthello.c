/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* ClientHellos: whole and byte by byte must come to the same end, and a name that comes out is a name. */

#include "libhagw/pure/clienthello.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        ClientHello whole = {}, cut = {};
        ClientHelloResult r = clienthello_read(&whole, data, size), s = CLIENTHELLO_MORE;
        char name[HOSTNAME_MAX + 1];

        for (size_t n = 0; n <= size && s == CLIENTHELLO_MORE; n++)
                s = clienthello_read(&cut, data, n);
        assert(r == s || (r != CLIENTHELLO_OK && s != CLIENTHELLO_OK && size >= CLIENTHELLO_SIZE_MAX));
        if (r != CLIENTHELLO_OK)
                return 0;
        assert(streq(whole.name, cut.name) && whole.alpn == cut.alpn && whole.versions == cut.versions);
        assert(!whole.name[0] ||
               hostname_normalize(whole.name, strlen(whole.name), name) == (int) strlen(whole.name));
        return 0;
}
