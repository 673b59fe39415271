/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdio.h>

#include "libhagw/pure/cidr.h"

/* Which programs of this machine hold a port (/proc/net/tcp and its like, proc(5)), whatever the address.
 * Only root sees what others' processes hold. */

#define HOLDERS_MAX 128U /* sockets that are told apart; more are not looked at */
#define HOLDER_NAME_MAX 128U
#define HOLDER_PROGRAM_MAX 64U

typedef struct Holder {
        IpAddress address; /* 0.0.0.0 or :: for all */
        uint16_t port;
        bool tcp;
        uint64_t inode;
        pid_t pid;  /* 0: not known; 1: systemd alone, for a unit */
        bool ours;  /* hagw's own */
        char program[HOLDER_PROGRAM_MAX], unit[HOLDER_NAME_MAX]; /* empty: not known */
        bool handed_over; /* by systemd, which opened it and has it still */
        char socket[HOLDER_NAME_MAX]; /* and for which unit; empty: not known */
} Holder;

typedef struct Holders {
        Holder items[HOLDERS_MAX];
        size_t n;
} Holders;

/* TCP sockets that listen and UDP sockets that take from everybody, on those ports. */
void holders_look(const uint16_t *ports, size_t n_ports, Holders *ret);

/* "dnsmasq (dnsmasq.service)", "nginx (process 123)", "another program"; out has room for HOLDER_TEXT_MAX.
 * Returns out. */
#define HOLDER_TEXT_MAX (HOLDER_NAME_MAX + 96U)
const char *holder_text(const Holder *h, char *out);

/* What to do where it has a port that visitors come to: a sentence, good until the next call. */
const char *holder_remedy(const Holder *h);

/* A resolver by its name: one that is meant to stand beside hagw. */
bool holder_is_resolver(const Holder *h);

/* A socket of somebody else's at the port: NULL where there is none. tcp: 1, 0, or -1 for either. */
const Holder *holders_find_other(const Holders *holders, uint16_t port, int tcp);

/* One that has the address, by itself or with all others. A socket at :: may have IPv4 as well. */
const Holder *holders_find_at(const Holders *holders, const IpAddress *address, uint16_t port, bool tcp);

/* A file's lines. */
size_t holders_parse(FILE *f, bool tcp, int family, const uint16_t *ports, size_t n_ports, Holders *ret);
/* The unit that /proc/PID/cgroup names: of the first line that has one, the last part that is a service or a
 * scope. Where there are hierarchies of the old kind, too, most lines have none. */
bool holder_parse_cgroup(const char *text, char out[static HOLDER_NAME_MAX]);
/* The unit that listens at the port, by what systemctl list-sockets says ("LISTEN UNIT ACTIVATES"). */
bool holder_parse_sockets(const char *list, uint16_t port, char out[static HOLDER_NAME_MAX]);
/* A process's name from comm, which the kernel cuts to 15 bytes, and from what it runs, which is another one
 * where it renamed itself. */
void holder_name_program(const char *comm, const char *exe, char out[static HOLDER_PROGRAM_MAX]);
