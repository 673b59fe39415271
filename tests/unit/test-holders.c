/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdio.h>

#include "hagw-ctl/holders.h"
#include "tests/unit/test.h"

static const uint16_t ports[] = { 53, 443 };

static size_t parse(const char *text, bool tcp, int family, Holders *ret) {
        FILE *f = fmemopen((void *) text, strlen(text), "r");
        size_t n;

        assert_non_null(f);
        n = holders_parse(f, tcp, family, ports, ELEMENTSOF(ports), ret);
        (void) fclose(f);
        return n;
}

#define HEAD "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid\n"
#define REST "00000000:00000000 00:00000000 00000000     0        0 "

/* The kernel writes words in the machine's own order. */
static const char *hex(const char *address, char *out) {
        IpAddress a;
        uint32_t word;

        assert_int_equal(ip_parse(address, &a), 0);
        for (size_t i = 0; i < (a.family == AF_INET ? 1 : 4); i++) {
                memcpy(&word, a.bytes + 4 * i, 4);
                (void) snprintf(out + 8 * i, 9, "%08X", word);
        }
        return out;
}

static void test_sockets(void **state) {
        char text[2048], one[33], two[33];
        static Holders holders;
        IpAddress expected;

        holders.n = 0;
        (void) snprintf(text, sizeof(text),
                        HEAD "   0: %s:0035 00000000:0000 0A " REST "4711 1 0000000000000000 100 0 0 10 0\n"
                             "   1: %s:01BB 00000000:0000 0A " REST "4712 1 0000000000000000 100 0 0 10 0\n"
                             "   2: %s:01BB 0100007F:1234 01 " REST "4713 1 0000000000000000 20 4 30 10 -1\n"
                             "   3: %s:0050 00000000:0000 0A " REST "4714 1 0000000000000000 100 0 0 10 0\n",
                        hex("127.0.0.53", one), hex("0.0.0.0", two), two, two);
        assert_int_equal(parse(text, true, AF_INET, &holders), 2);
        assert_int_equal(holders.items[0].port, 53);
        assert_int_equal(holders.items[0].inode, 4711);
        assert_true(holders.items[0].tcp);
        assert_int_equal(ip_parse("127.0.0.53", &expected), 0);
        assert_true(ip_equal(&holders.items[0].address, &expected));
        assert_int_equal(holders.items[1].inode, 4712);
        (void) snprintf(text, sizeof(text),
                        HEAD "  77: %s:0035 00000000000000000000000000000000:0000 07 " REST "4715 2 0 0\n"
                             "  78: %s:0035 00000000000000000000000000000000:0000 01 " REST "4716 2 0 0\n",
                        hex("2001:db8::5", one), one);
        assert_int_equal(parse(text, false, AF_INET6, &holders), 1);
        assert_int_equal(ip_parse("2001:db8::5", &expected), 0);
        assert_true(ip_equal(&holders.items[2].address, &expected));
        assert_int_equal(parse("nonsense\n\n:::\n  1: zz:0035 0:0 0A\n", true, AF_INET, &holders), 0);
        assert_int_equal(holders.n, 3);
}

static IpAddress address(const char *text) {
        IpAddress a;

        assert_int_equal(ip_parse(text, &a), 0);
        return a;
}

/* Who is in the way at an address. */
static void test_places(void **state) {
        static Holders h;
        IpAddress four = address("192.168.1.2"), six = address("2001:db8::2");

        h = (Holders) { .n = 3,
                        .items = { { .address = address("127.0.0.53"), .port = 53 },
                                   { .address = address("192.168.1.2"), .port = 53, .tcp = true },
                                   { .address = address("::"), .port = 443, .tcp = true, .ours = true } } };
        assert_null(holders_find_at(&h, &four, 53, false));
        assert_ptr_equal(holders_find_at(&h, &four, 53, true), &h.items[1]);
        assert_null(holders_find_at(&h, &six, 53, true));
        assert_null(holders_find_at(&h, &four, 443, true)); /* hagw's own */
        /* AdGuard Home's has both families, dnsmasq's IPv6 alone: one for all of IPv4 comes first. */
        h.items[h.n++] = (Holder) { .address = address("::"), .port = 53 };
        assert_ptr_equal(holders_find_at(&h, &four, 53, false), &h.items[3]);
        assert_ptr_equal(holders_find_at(&h, &six, 53, false), &h.items[3]);
        h.items[h.n++] = (Holder) { .address = address("0.0.0.0"), .port = 53 };
        assert_ptr_equal(holders_find_at(&h, &four, 53, false), &h.items[4]);
        assert_ptr_equal(holders_find_at(&h, &six, 53, false), &h.items[3]);
}

static void test_too_many(void **state) {
        char line[256], zero[33];
        _cleanup_free_ char *text = NULL;
        static Holders holders;
        size_t size;
        FILE *f = open_memstream(&text, &size);

        (void) snprintf(line, sizeof(line), "   0: %s:0035 00000000:0000 0A " REST "1\n",
                        hex("0.0.0.0", zero));
        for (size_t i = 0; i < HOLDERS_MAX + 5; i++)
                (void) fputs(line, f);
        (void) fclose(f);
        holders.n = 0;
        assert_int_equal(parse(text, true, AF_INET, &holders), HOLDERS_MAX);
}

static void test_units(void **state) {
        static const struct {
                const char *line, *unit;
        } cases[] = {
                { "0::/system.slice/dnsmasq.service", "dnsmasq.service" },
                { "0::/system.slice/system-getty.slice/getty@tty1.service\n", "getty@tty1.service" },
                { "0::/user.slice/user-1000.slice/user@1000.service/app.slice/caddy.service/worker",
                  "caddy.service" },
                { "0::/system.slice/docker-0123456789abcdef.scope", "docker-0123456789abcdef.scope" },
                { "1:name=systemd:/system.slice/nginx.service", "nginx.service" },
                { "2:cpu:/\n1:name=systemd:/\n0::/system.slice/nginx.service/main\n", "nginx.service" },
                { "0::/system.slice/a.service\n1:cpu:/system.slice/b.service\n", "a.service" },
                { "0::/", "" },
                { "0::/init.scope", "init.scope" },
                { "", "" },
                { "0::/../..", "" },
        };
        char unit[HOLDER_NAME_MAX];

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                assert_int_equal(holder_parse_cgroup(cases[i].line, unit), *cases[i].unit != '\0');
                assert_string_equal(unit, cases[i].unit);
        }
}

static void test_words(void **state) {
        static const struct {
                Holder holder;
                const char *text;
        } cases[] = {
                { { .pid = 7, .program = "dnsmasq", .unit = "dnsmasq.service" },
                  "dnsmasq (dnsmasq.service)" },
                { { .pid = 7, .program = "nginx", .unit = "session-3.scope" }, "nginx (process 7)" },
                { { .pid = 7, .program = "nginx", .unit = "docker-01.scope" },
                  "nginx (process 7 in a container)" },
                { { .pid = 1, .program = "systemd", .unit = "cockpit.socket" }, "cockpit.socket" },
                { { .pid = 0 }, "another program" },
        };
        char text[HOLDER_TEXT_MAX];

        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                assert_string_equal(holder_text(&cases[i].holder, text), cases[i].text);
        assert_non_null(strstr(holder_remedy(&cases[0].holder),
                               "(systemctl disable --now dnsmasq.service)"));
        assert_null(strstr(holder_remedy(&cases[1].holder), "systemctl"));
}

/* Its name is cut to 15 bytes, unless it gave itself one. */
static void test_programs(void **state) {
        static const struct {
                const char *comm, *exe, *program;
        } rows[] = {
                { "systemd-socket-", "/usr/lib/systemd/systemd-socket-proxyd", "systemd-socket-proxyd" },
                { "nginx", "/usr/sbin/nginx", "nginx" },
                { "pihole-FTL", "/usr/bin/pihole-FTL (deleted)", "pihole-FTL" },
                { "python3", "/usr/bin/python3.13", "python3" },
                { "exactly-fifteen", "/usr/bin/python3.13", "exactly-fifteen" },
                { "exactly-fifteen", "", "exactly-fifteen" },
        };
        char out[HOLDER_PROGRAM_MAX], exe[256];

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                holder_name_program(rows[i].comm, rows[i].exe, out);
                assert_string_equal(out, rows[i].program);
        }
        memset(exe, 'x', sizeof(exe) - 1);
        exe[sizeof(exe) - 1] = '\0';
        holder_name_program("xxxxxxxxxxxxxxx", exe, out);
        assert_int_equal(strlen(out), HOLDER_PROGRAM_MAX - 1);
}

/* Whoever runs behind it: to free the port its socket has to be stopped as well. */
static void test_socket_units(void **state) {
        static const char list[] = "/run/dbus/system_bus_socket dbus.socket dbus.service\n"
                                   "[::]:443 webby.socket webby.service\n80 old.socket old.service\n";
        Holder h = { .port = 443,
                     .pid = 7,
                     .program = "systemd-socket-proxyd",
                     .unit = "webby.service",
                     .handed_over = true };
        char out[HOLDER_NAME_MAX], text[HOLDER_TEXT_MAX];

        assert_true(holder_parse_sockets(list, 80, out));
        assert_string_equal(out, "old.socket");
        assert_false(holder_parse_sockets(list, 43, out));
        assert_string_equal(out, "");
        assert_true(holder_parse_sockets(list, 443, h.socket));
        assert_string_equal(holder_text(&h, text), "systemd-socket-proxyd (webby.service)");
        assert_non_null(strstr(holder_remedy(&h), "(systemctl disable --now webby.socket webby.service)"));
        *h.socket = '\0';
        assert_non_null(strstr(holder_remedy(&h), "(systemctl disable --now webby.service)"));
}

TEST_MAIN(cmocka_unit_test(test_sockets), cmocka_unit_test(test_too_many), cmocka_unit_test(test_units),
          cmocka_unit_test(test_words), cmocka_unit_test(test_places), cmocka_unit_test(test_programs),
          cmocka_unit_test(test_socket_units))
