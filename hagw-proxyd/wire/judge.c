/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* RFC 9110 sections 4.2, 7.2 and 8.6. */

#include "hagw-proxyd/wire/judge.h"
#include "libhagw/pure/hostname.h"

bool judge_length(Slice s, uint64_t *ret) {
        uint64_t v = 0;

        if (s.n == 0 || s.n > JUDGE_LENGTH_DIGITS_MAX)
                return false;
        for (size_t i = 0; i < s.n; i++) {
                if (!judge_is_digit(s.p[i]))
                        return false;
                v = v * 10 + (uint64_t) (s.p[i] - '0');
        }
        *ret = v;
        return true;
}

bool judge_target_is_clean(Slice t) {
        for (size_t i = 0; i < t.n; i++)
                if ((uint8_t) t.p[i] <= ' ' || (uint8_t) t.p[i] >= 0x7f || t.p[i] == '#')
                        return false;
        return true;
}

static bool split_authority(Slice a, Slice *ret_host) {
        size_t n = 0, port;

        if (a.n == 0 || a.n > HOSTNAME_MAX + 1 + 6)
                return false;
        if (a.p[0] == '[') {
                const char *end = memchr(a.p, ']', a.n);

                if (!end)
                        return false;
                n = (size_t) (end - a.p) + 1;
                for (size_t i = 1; i < n - 1; i++)
                        if (!strchr("0123456789abcdefABCDEF:.", a.p[i]) || !a.p[i])
                                return false;
        } else
                while (n < a.n && (judge_is_digit(a.p[n]) || (a.p[n] | 0x20) - 'a' + 0U < 26U ||
                                   a.p[n] == '-' || a.p[n] == '.' || a.p[n] == '_'))
                        n++;
        if (n == 0)
                return false;
        *ret_host = (Slice) { a.p, n };
        if (n == a.n)
                return true;
        port = a.n - n - 1;
        if (a.p[n] != ':' || port == 0 || port > 5)
                return false;
        for (size_t i = n + 1; i < a.n; i++)
                if (!judge_is_digit(a.p[i]))
                        return false;
        return true;
}

bool judge_authority(Slice *authority, Slice *ret_host) {
        if (authority->n > 1 && authority->p[authority->n - 1] == ':')
                authority->n--;
        return split_authority(*authority, ret_host);
}

/* Without a port that says nothing, or what the scheme says anyway (RFC 3986 section 6.2.3). */
static Slice strip_port(Slice a, Slice port) {
        if (a.n > port.n && memcmp(a.p + a.n - port.n, port.p, port.n) == 0)
                a.n -= port.n;
        else if (a.n > 0 && a.p[a.n - 1] == ':')
                a.n--;
        return a;
}

bool judge_authorities_agree(Slice a, Slice b, Slice port) {
        return slice_equal_nocase(strip_port(a, port), strip_port(b, port));
}
