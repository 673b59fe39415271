/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Who holds a port: from the port to a socket's inode, from there to the processes that have it open, and to
 * the unit that those belong to. */

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>

#include "hagw-ctl/holders.h"
#include "hagw-ctl/run.h"

#define COMM_LENGTH 15U /* TASK_COMM_LEN without its end */
#define STATE_TCP_LISTEN 0x0aU
#define STATE_UDP_UNCONNECTED 0x07U

static bool wants(const uint16_t *ports, size_t n, unsigned port) {
        for (size_t i = 0; i < n; i++)
                if (ports[i] == port)
                        return true;
        return false;
}

/* Words of 32 bits in the machine's order, whose bytes are the network's. */
static bool parse_address(const char *hex, int family, IpAddress *ret) {
        const size_t words = family == AF_INET ? 1 : 4;

        if (strlen(hex) != 8 * words)
                return false;
        *ret = (IpAddress) { .family = family };
        for (size_t i = 0; i < words; i++) {
                uint32_t word;

                if (sscanf(hex + 8 * i, "%8" SCNx32, &word) != 1)
                        return false;
                memcpy(ret->bytes + 4 * i, &word, sizeof(word));
        }
        return true;
}

/* "  0: ADDRESS:PORT ADDRESS:PORT STATE QUEUES TIMER RETRANSMITS UID TIMEOUT INODE …" */
size_t holders_parse(FILE *f, bool tcp, int family, const uint16_t *ports, size_t n_ports, Holders *ret) {
        const size_t before = ret->n;
        char line[512];

        while (ret->n < HOLDERS_MAX && fgets(line, sizeof(line), f)) {
                Holder *h = &ret->items[ret->n];
                unsigned port, state;
                uint64_t inode;
                char hex[33];

                if (sscanf(line,
                           " %*u: %32[0-9A-F]:%x %*[0-9A-F]:%*x %x %*x:%*x %*x:%*x %*x %*u %*u %" SCNu64,
                           hex, &port, &state, &inode) != 4 ||
                    state != (tcp ? STATE_TCP_LISTEN : STATE_UDP_UNCONNECTED) ||
                    !wants(ports, n_ports, port))
                        continue;
                *h = (Holder) { .port = (uint16_t) port, .tcp = tcp, .inode = inode };
                if (parse_address(hex, family, &h->address))
                        ret->n++;
        }
        return ret->n - before;
}

bool holder_parse_cgroup(const char *text, char out[static HOLDER_NAME_MAX]) {
        *out = '\0';
        for (const char *p = text; *p && !*out; p += *p == '\n')
                for (; *p && *p != '\n'; p += *p == '/') {
                        const size_t n = strcspn(p, "/\n");
                        char part[HOLDER_NAME_MAX];

                        if (n > 0 && n < sizeof(part)) {
                                memcpy(part, p, n);
                                part[n] = '\0';
                                if (endswith(part, ".service") || endswith(part, ".scope"))
                                        memcpy(out, part, n + 1);
                        }
                        p += n;
                }
        return *out;
}

void holder_name_program(const char *comm, const char *exe, char out[static HOLDER_PROGRAM_MAX]) {
        const char *slash = strrchr(exe, '/'), *name = slash ? slash + 1 : exe;
        const bool cut = strlen(comm) == COMM_LENGTH && startswith(name, comm);

        (void) snprintf(out, HOLDER_PROGRAM_MAX, "%.*s", (int) HOLDER_PROGRAM_MAX - 1, cut ? name : comm);
}

static void read_text(int dir, const char *name, char *out, size_t size) {
        _cleanup_close_ int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
        ssize_t n = fd < 0 ? -1 : read(fd, out, size - 1);

        out[MAX(n, 0)] = '\0';
}

/* The process dir, /proc/PID, has one of the sockets open. Its name stands before systemd's, which opened
 * the socket for it, and hagw's before all. */
static void take_process(int dir, pid_t pid, Holder *h) {
        char comm[HOLDER_PROGRAM_MAX], exe[4096], program[sizeof(h->program)], cgroup[4096];
        char unit[HOLDER_NAME_MAX];
        ssize_t n;
        bool ours;

        h->handed_over = h->handed_over || pid == 1;
        if (h->ours || (pid == 1 && h->pid > 1))
                return;
        read_text(dir, "comm", comm, sizeof(comm));
        comm[strcspn(comm, "\n")] = '\0';
        n = readlinkat(dir, "exe", exe, sizeof(exe) - 1);
        exe[MAX(n, 0)] = '\0';
        holder_name_program(comm, exe, program);
        read_text(dir, "cgroup", cgroup, sizeof(cgroup));
        (void) holder_parse_cgroup(cgroup, unit);
        ours = startswith(unit, "hagw-") || startswith(program, "hagw-");
        if (h->pid > 1 && !ours)
                return;
        h->pid = pid;
        h->ours = ours;
        memcpy(h->program, program, sizeof(program));
        memcpy(h->unit, unit, sizeof(unit));
}

static void look_at_process(int proc, const char *name, Holders *holders) {
        _cleanup_close_ int dir = openat(proc, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        int fds = dir < 0 ? -1 : openat(dir, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        const pid_t pid = (pid_t) strtol(name, NULL, 10);
        DIR *d = fds < 0 ? NULL : fdopendir(fds);

        for (struct dirent *e; d && (e = readdir(d));) {
                char target[64];
                ssize_t n = readlinkat(dirfd(d), e->d_name, target, sizeof(target) - 1);
                uint64_t inode;

                if (n < 0)
                        continue;
                target[n] = '\0';
                if (sscanf(target, "socket:[%" SCNu64 "]", &inode) != 1)
                        continue;
                for (size_t i = 0; i < holders->n; i++)
                        if (holders->items[i].inode == inode)
                                take_process(dir, pid, &holders->items[i]);
        }
        if (d)
                (void) closedir(d);
        else
                safe_close(fds);
}

bool holder_parse_sockets(const char *list, uint16_t port, char out[static HOLDER_NAME_MAX]) {
        char text[16];

        (void) snprintf(text, sizeof(text), ":%u", port);
        *out = '\0';
        for (const char *line = list; line && *line; line = strchr(line, '\n'), line += !!line) {
                char listen[128], unit[HOLDER_NAME_MAX];

                if (sscanf(line, "%127s %127s", listen, unit) != 2)
                        continue;
                if (!endswith(listen, text) && !streq(listen, text + 1))
                        continue;
                memcpy(out, unit, sizeof(unit));
                return true;
        }
        return false;
}

static void find_socket_units(Holders *holders) {
        _cleanup_free_ char *list = NULL;

        for (size_t i = 0; i < holders->n; i++) {
                Holder *h = &holders->items[i];

                if (!h->handed_over || h->ours)
                        continue;
                if (h->pid == 1)
                        h->unit[0] = '\0'; /* init.scope */
                if (!list && run_capture((const char *const[]) { "systemctl", "--no-pager", "--no-legend",
                                                                 "--full", "list-sockets", NULL },
                                         &list) < 0)
                        return;
                if (!holder_parse_sockets(list, h->port, h->socket))
                        continue;
                h->ours = startswith(h->socket, "hagw-");
                if (h->pid == 1)
                        memcpy(h->unit, h->socket, sizeof(h->unit));
        }
}

void holders_look(const uint16_t *ports, size_t n_ports, Holders *ret) {
        static const struct {
                const char *path;
                bool tcp;
                int family;
        } files[] = {
                { "/proc/net/tcp", true, AF_INET },
                { "/proc/net/tcp6", true, AF_INET6 },
                { "/proc/net/udp", false, AF_INET },
                { "/proc/net/udp6", false, AF_INET6 },
        };
        DIR *proc;

        ret->n = 0;
        for (size_t i = 0; i < ELEMENTSOF(files); i++) {
                FILE *f = fopen(files[i].path, "re");

                if (!f)
                        continue;
                (void) holders_parse(f, files[i].tcp, files[i].family, ports, n_ports, ret);
                (void) fclose(f);
        }
        if (ret->n == 0)
                return;
        proc = opendir("/proc");
        for (struct dirent *e; proc && (e = readdir(proc));)
                if (*e->d_name >= '1' && *e->d_name <= '9')
                        look_at_process(dirfd(proc), e->d_name, ret);
        if (proc)
                (void) closedir(proc);
        find_socket_units(ret);
}

const char *holder_text(const Holder *h, char *out) {
        const bool unit = endswith(h->unit, ".service") || endswith(h->unit, ".socket");

        if (h->pid == 0)
                (void) snprintf(out, HOLDER_TEXT_MAX, "another program");
        else if (h->pid == 1)
                (void) snprintf(out, HOLDER_TEXT_MAX, "%s", unit ? h->unit : "systemd, for another program");
        else if (unit)
                (void) snprintf(out, HOLDER_TEXT_MAX, "%s (%s)", h->program, h->unit);
        else
                (void) snprintf(out, HOLDER_TEXT_MAX, "%s (process %d%s)", h->program, (int) h->pid,
                                startswith(h->unit, "docker-") || startswith(h->unit, "libpod-") ?
                                        " in a container" :
                                        "");
        return out;
}

const char *holder_remedy(const Holder *h) {
        static char text[2 * HOLDER_NAME_MAX + 256];
        const bool unit = endswith(h->unit, ".service") || endswith(h->unit, ".socket"),
                   socket = unit && *h->socket && !streq(h->socket, h->unit);

        (void) snprintf(text, sizeof(text),
                        "Stop it%s%s%s%s%s, or let it listen on another port and have its pages shown by "
                        "hagw: hagw-ctl host add NAME http://127.0.0.1:PORT.",
                        unit ? " (systemctl disable --now " : "", socket ? h->socket : "", socket ? " " : "",
                        unit ? h->unit : "", unit ? ")" : "");
        return text;
}

bool holder_is_resolver(const Holder *h) {
        static const char *const names[] = { "dnsmasq",   "pihole-FTL",   "AdGuardHome", "unbound",
                                             "named",     "systemd-resolve", "coredns",  "blocky",
                                             "pdns_recursor", "kresd",    "dnscrypt-proxy", "stubby" };

        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                if (startswith(h->program, names[i]))
                        return true;
        return false;
}

static bool is_wildcard(const IpAddress *a) {
        static const uint8_t zero[16];

        return memcmp(a->bytes, zero, sizeof(zero)) == 0;
}

/* Addresses of the family by themselves before ::, which may or may not have it. */
const Holder *holders_find_at(const Holders *holders, const IpAddress *address, uint16_t port, bool tcp) {
        const Holder *all = NULL;

        for (size_t i = 0; i < holders->n; i++) {
                const Holder *h = &holders->items[i];

                if (h->ours || h->port != port || h->tcp != tcp)
                        continue;
                if (ip_equal(&h->address, address) ||
                    (is_wildcard(&h->address) && h->address.family == address->family))
                        return h;
                if (is_wildcard(&h->address) && h->address.family == AF_INET6)
                        all = h;
        }
        return all;
}

const Holder *holders_find_other(const Holders *holders, uint16_t port, int tcp) {
        for (size_t i = 0; i < holders->n; i++) {
                const Holder *h = &holders->items[i];

                if (!h->ours && h->port == port && (tcp < 0 || h->tcp == tcp))
                        return h;
        }
        return NULL;
}
