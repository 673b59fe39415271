/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Raw rtnetlink: one socket that hears of changes, and a short-lived one for each reading of the whole
 * table. The kernel makes a dump while it is being received, so reading does not wait for anybody. Main
 * thread only. */

#include <linux/rtnetlink.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "hagw-netd/netlink.h"
#include "libhagw/log.h"

#define BUFFER_SIZE       (64U * 1024)
#define DUMP_MESSAGES_MAX 4096U
#define DUMP_TRIES        5

struct Netlink {
        sd_event *event;
        int fd;
        sd_event_source *source, *settle;
        NetTable table;
        NetlinkHandler handler;
        void *userdata;
};

const NetTable *netlink_table(const Netlink *n) {
        return &n->table;
}

static int socket_open(uint32_t groups, int flags) {
        struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_groups = groups };
        const struct timeval wait = { .tv_sec = NETLINK_READ_USEC / USEC_PER_SEC };
        _cleanup_close_ int fd = -EBADF;
        int on = 1;

        fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | flags, NETLINK_ROUTE);
        if (fd < 0)
                return -errno;
        /* With strict checking the kernel honours the filter in a dump request: only the main table's routes
         * come. */
        (void) setsockopt(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof(on));
        if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)) < 0 ||
            bind(fd, (struct sockaddr *) &address, sizeof(address)) < 0)
                return -errno;
        return TAKE_FD(fd);
}

/* One datagram from the kernel; others' are passed over (0). */
static ssize_t receive(int fd, void *buffer, size_t size) {
        struct sockaddr_nl from = {};
        socklen_t length = sizeof(from);
        ssize_t n;

        n = recvfrom(fd, buffer, size, MSG_TRUNC, (struct sockaddr *) &from, &length);
        if (n < 0)
                return -errno;
        if ((size_t) n > size)
                return -EMSGSIZE;
        return length == sizeof(from) && from.nl_pid == 0 ? n : 0;
}

/* Returns 1 at the end of the dump, 0 when more is to come. -EAGAIN: it changed meanwhile, begin again. */
static int take_messages(NetTable *t, const void *buffer, size_t size, bool *interrupted) {
        const struct nlmsghdr *m = buffer;
        int r;

        for (; NLMSG_OK(m, size); m = NLMSG_NEXT(m, size)) {
                if (m->nlmsg_flags & NLM_F_DUMP_INTR)
                        *interrupted = true;
                if (m->nlmsg_type == NLMSG_DONE)
                        return *interrupted ? -EAGAIN : 1;
                if (m->nlmsg_type == NLMSG_ERROR) {
                        const struct nlmsgerr *e = NLMSG_DATA(m);

                        return m->nlmsg_len >= NLMSG_LENGTH(sizeof(*e)) && e->error < 0 ? e->error
                                                                                        : -EBADMSG;
                }
                r = net_table_add(t, m);
                if (r < 0 && r != -E2BIG)
                        return r;
        }
        return 0;
}

static int dump(int fd, uint16_t type, const void *body, size_t size, NetTable *t) {
        struct {
                struct nlmsghdr head;
                uint8_t body[32];
        } request = { .head = { .nlmsg_len = (uint32_t) NLMSG_LENGTH(size),
                                .nlmsg_type = type,
                                .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP } };
        _cleanup_free_ char *buffer = malloc(BUFFER_SIZE);
        bool interrupted = false;
        int r = 0;

        if (!buffer)
                return -ENOMEM;
        assert(size <= sizeof(request.body));
        memcpy(request.body, body, size);
        if (send(fd, &request, request.head.nlmsg_len, 0) < 0)
                return -errno;
        for (unsigned i = 0; i < DUMP_MESSAGES_MAX && r == 0; i++) {
                ssize_t n = receive(fd, buffer, BUFFER_SIZE);

                r = n < 0 ? (int) n : take_messages(t, buffer, (size_t) n, &interrupted);
        }
        return r < 0 ? r : r == 0 ? -EMSGSIZE : 0;
}

static int read_once(NetTable *ret) {
        static const int families[] = { AF_INET, AF_INET6 };
        static const struct ifinfomsg link = {};
        _cleanup_(net_table_done) NetTable t = {};
        _cleanup_close_ int fd = -EBADF;
        int r;

        fd = socket_open(/* groups= */ 0, /* flags= */ 0);
        if (fd < 0)
                return fd;
        r = dump(fd, RTM_GETLINK, &link, sizeof(link), &t);
        if (r < 0)
                return r;
        for (size_t i = 0; i < ELEMENTSOF(families); i++) {
                const struct ifaddrmsg address = { .ifa_family = (uint8_t) families[i] };
                const struct rtmsg route = { .rtm_family = (uint8_t) families[i],
                                             .rtm_table = RT_TABLE_MAIN };

                r = dump(fd, RTM_GETADDR, &address, sizeof(address), &t);
                if (r < 0)
                        return r;
                r = dump(fd, RTM_GETROUTE, &route, sizeof(route), &t);
                /* A kernel without this family, or strict about a table that does not exist yet. */
                if (r < 0 && r != -ENOENT && r != -EOPNOTSUPP && r != -EAFNOSUPPORT)
                        return r;
        }
        *ret = t;
        t = (NetTable) {};
        return 0;
}

static int netlink_read(Netlink *n, bool *ret_other_way) {
        NetTable t;
        int r = -EAGAIN;

        for (unsigned i = 0; i < DUMP_TRIES && r == -EAGAIN; i++)
                r = read_once(&t);
        if (r < 0)
                return r;
        *ret_other_way = !net_table_same_way(&n->table, &t);
        net_table_done(&n->table);
        n->table = t;
        return 0;
}

static int on_settled(sd_event_source *s, uint64_t usec, void *userdata) {
        Netlink *n = userdata;
        bool other_way;
        int r;

        r = netlink_read(n, &other_way);
        if (r < 0) {
                (void) log_error_errno(r, "Could not read addresses and routes from the kernel: %m");
                r = sd_event_source_set_time_relative(n->settle, USEC_PER_SEC);
                return r < 0 ? r : sd_event_source_set_enabled(n->settle, SD_EVENT_ONESHOT);
        }
        n->handler(&n->table, other_way, n->userdata);
        return 0;
}

static int on_notification(sd_event_source *s, int fd, uint32_t revents, void *userdata) {
        Netlink *n = userdata;
        char buffer[8192];
        int r;

        /* What it says does not matter; a full socket buffer (ENOBUFS) says the same. */
        for (unsigned i = 0; i < 64; i++)
                if (recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT) < 0 && errno == EAGAIN)
                        break;
        if (sd_event_source_get_enabled(n->settle, NULL) > 0)
                return 0;
        r = sd_event_source_set_time_relative(n->settle, NETLINK_SETTLE_USEC);
        return r < 0 ? r : sd_event_source_set_enabled(n->settle, SD_EVENT_ONESHOT);
}

int netlink_new(Netlink **ret, sd_event *event, NetlinkHandler handler, void *userdata) {
        _cleanup_(netlink_freep) Netlink *n = NULL;
        bool other_way;
        int r;

        n = calloc(1, sizeof(*n));
        if (!n)
                return -ENOMEM;
        n->event = sd_event_ref(event);
        n->handler = handler;
        n->userdata = userdata;
        n->fd = socket_open(RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR | RTMGRP_IPV4_ROUTE |
                                    RTMGRP_IPV6_ROUTE,
                            SOCK_NONBLOCK);
        if (n->fd < 0)
                return n->fd;
        r = sd_event_add_io(event, &n->source, n->fd, EPOLLIN, on_notification, n);
        if (r < 0)
                return r;
        r = sd_event_add_time_relative(event, &n->settle, CLOCK_MONOTONIC, 0, 1, on_settled, n);
        if (r < 0)
                return r;
        r = sd_event_source_set_enabled(n->settle, SD_EVENT_OFF);
        if (r < 0)
                return r;
        /* Listening already: what changes while we read comes as a notification. */
        r = netlink_read(n, &other_way);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(n);
        return 0;
}

Netlink *netlink_free(Netlink *n) {
        if (!n)
                return NULL;
        sd_event_source_disable_unref(n->source);
        sd_event_source_disable_unref(n->settle);
        (void) safe_close(n->fd);
        net_table_done(&n->table);
        sd_event_unref(n->event);
        free(n);
        return NULL;
}
