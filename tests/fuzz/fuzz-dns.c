/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A query from anybody, by UDP and by TCP: bounded answers, which can be read back. */

#include "tests/unit/answer-fixture.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static AnswerSource source;
        uint8_t out[ANSWER_MAX];
        if (!source.zones)
                fixture_init(&source);
        for (int tcp = 0; tcp < 2; tcp++) {
                const AnswerClient client = { { AF_INET, { 192, 0, 2, 9 } }, .tcp = tcp, .keepalive = 100 };
                size_t n = answer_query(&source, data, size, &client, &(AnswerTime) { 1000, 1000 }, out);
                int offset = MESSAGE_HEADER_SIZE, records = 0;
                DnsRecord record;
                assert(n <= (tcp ? ANSWER_MAX : MIN((size_t) MESSAGE_UDP_MAX, 4 * size)));
                if (n > 0 && read_u16(out + 4) == 1)
                        offset = dname_skip(out, n, MESSAGE_HEADER_SIZE) + 4;
                if (n > 0)
                        records = read_u16(out + 6) + read_u16(out + 8) + read_u16(out + 10);
                while (records-- > 0)
                        offset = message_read_record(out, n, (size_t) offset, &record);
                assert(n == 0 || (size_t) offset == n);
        }
        return 0;
}
