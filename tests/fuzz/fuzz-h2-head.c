/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* HTTP/2's heads: what is let through is written, after the header rules, as one request of HTTP/1.1 that
 * its strict reader reads as the same. First byte: whether the block ends the stream; then fields, each a
 * name and a value behind a byte of length. */

#include "hagw-proxyd/wire/forward.h"
#include "hagw-proxyd/wire/h2-head.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FIELDS = 96, HEAD = 8192 };

static Slice next(const uint8_t **at, const uint8_t *end) {
        size_t n = *at < end ? MIN((size_t) **at, (size_t) (end - *at - 1)) : 0;
        Slice s = { (const char *) *at + 1, n };

        *at = *at < end ? *at + 1 + n : end;
        return n > 0 ? s : (Slice) { "", 0 };
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        const H1Limits limits = { HEAD, FIELDS - 2 * HEADER_SPARE },
                       wider = { 2 * HEAD, FIELDS - HEADER_SPARE };
        char scratch[FORWARD_SCRATCH];
        const ForwardContext context = { .address = SLICE("203.0.113.9"),
                                         .forwarded = true,
                                         .scratch = scratch };
        const uint8_t *at = data + 1, *end = data + size;
        Header fields[FIELDS], others[FIELDS];
        Request r = { .headers = { .items = fields, .max = FIELDS } },
                again = { .headers = { .items = others, .max = FIELDS } };
        _cleanup_free_ char *arena = NULL, *out = NULL;
        H1Scan scan = {};
        H2Head h;
        size_t n;

        if (size == 0)
                return 0;
        arena = malloc(h2_head_arena_size(&limits));
        h2_head_begin(&h, &r, &limits, arena, h2_head_arena_size(&limits));
        while (at < end) {
                Slice name = next(&at, end), value = next(&at, end);

                (void) h2_head_field(&h, name, value);
        }
        if (h2_head_end(&h, data[0] & 1, "dGhlIHNhbXBsZSBub25jZQ==") != H1_OK)
                return 0;
        assert(forward_request(&r, &context) == 0);
        n = h1_request_size(&r);
        out = malloc(n);
        assert(h1_write_request(&r, out, n, &n) == 0);
        assert(h1_read_request(&scan, out, n, &wider, &again) == H1_OK);
        assert(again.head_size == n);
        assert(slice_equal(again.method_text, r.method_text) && slice_equal(again.target, r.target));
        assert(again.body == r.body && again.body_size == r.body_size);
        assert((again.flags & REQUEST_WEBSOCKET) == (r.flags & REQUEST_WEBSOCKET));
        assert(!(again.flags & REQUEST_CLOSE));
        return 0;
}
