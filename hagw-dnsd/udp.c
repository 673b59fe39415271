/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Moves datagrams between sockets and the engine: recvmmsg, answer, sendmmsg. All buffers are made once. On
 * a socket bound to the wildcard address an answer leaves from the address that its query came to. */

#include <fcntl.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "hagw-dnsd/clock.h"
#include "hagw-dnsd/udp.h"

/* Buffers a whole number of pages apart would all fall into the same few sets of the cache. */
#define STRIDE_PAD 64U

typedef union UdpControl {
        struct cmsghdr header;
        uint8_t ipv4[CMSG_SPACE(sizeof(struct in_pktinfo))];
        uint8_t ipv6[CMSG_SPACE(sizeof(struct in6_pktinfo))];
} UdpControl;

typedef struct UdpSocket {
        struct UdpSocket *next;
        UdpServer *server;
        int fd;
        bool wildcard;
        sd_event_source *source;
} UdpSocket;

struct UdpServer {
        AnswerSource *answers;
        sd_event *event;
        UdpSocket *sockets;
        uint64_t dropped; /* by sockets that are gone */
        uint64_t unsent;

        struct mmsghdr in[UDP_BATCH], out[UDP_BATCH];
        struct iovec in_iov[UDP_BATCH], out_iov[UDP_BATCH];
        struct sockaddr_in6 peers[UDP_BATCH];
        UdpControl controls[UDP_BATCH];
        uint8_t queries[UDP_BATCH][UDP_QUERY_MAX + STRIDE_PAD];
        uint8_t replies[UDP_BATCH][MESSAGE_UDP_MAX];
};

static void udp_arm(UdpServer *u, const UdpSocket *s, unsigned n) {
        for (unsigned i = 0; i < n; i++) {
                struct msghdr *h = &u->in[i].msg_hdr;

                h->msg_namelen = sizeof(u->peers[i]);
                h->msg_control = s->wildcard ? &u->controls[i] : NULL;
                h->msg_controllen = s->wildcard ? sizeof(u->controls[i]) : 0;
        }
}

/* Makes what recvmsg() said about the address a query came to into what sendmsg() takes: the route is chosen
 * anew, except where an address means something only on its link. */
static void reply_from(struct msghdr *h) {
        for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR(h, c)) {
                if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO)
                        ((struct in_pktinfo *) CMSG_DATA(c))->ipi_ifindex = 0;
                else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
                        struct in6_pktinfo *p = (struct in6_pktinfo *) CMSG_DATA(c);
                        if (!IN6_IS_ADDR_LINKLOCAL(&p->ipi6_addr))
                                p->ipi6_ifindex = 0;
                }
        }
}

static uint16_t peer_port(const struct sockaddr_in6 *peer) {
        /* The port stands at the same place in both families' addresses. */
        return peer->sin6_port;
}

/* Answers query i as message n of the outgoing batch. Returns whether there is an answer. */
static bool udp_answer(UdpServer *u, unsigned i, unsigned n, const AnswerTime *now) {
        struct mmsghdr *m = &u->in[i];
        AnswerClient client = { .tcp = false };
        size_t size;

        if ((m->msg_hdr.msg_flags & MSG_TRUNC) || peer_port(&u->peers[i]) == 0 ||
            ip_from_sockaddr((const struct sockaddr *) &u->peers[i], &client.address) < 0) {
                u->answers->stats.ignored++;
                return false;
        }
        size = answer_query(u->answers, u->queries[i], m->msg_len, &client, now, u->replies[n]);
        if (size == 0)
                return false;
        u->out_iov[n].iov_len = size;
        u->out[n].msg_hdr.msg_name = &u->peers[i];
        u->out[n].msg_hdr.msg_namelen = m->msg_hdr.msg_namelen;
        if (m->msg_hdr.msg_controllen > 0)
                reply_from(&m->msg_hdr);
        u->out[n].msg_hdr.msg_control = m->msg_hdr.msg_controllen > 0 ? m->msg_hdr.msg_control : NULL;
        u->out[n].msg_hdr.msg_controllen = m->msg_hdr.msg_controllen;
        return true;
}

/* UDP may lose what the kernel does not take; one bad destination does not cost the others their answer. */
static void udp_send(UdpServer *u, int fd, unsigned n) {
        for (unsigned sent = 0; sent < n;) {
                int k = sendmmsg(fd, u->out + sent, n - sent, MSG_DONTWAIT);
                if (k > 0) {
                        sent += (unsigned) k;
                        continue;
                }
                if (k < 0 && errno == EINTR)
                        continue;
                if (k < 0 && (errno == EAGAIN || errno == ENOBUFS)) {
                        u->unsent += n - sent;
                        return;
                }
                u->unsent++;
                sent++;
        }
}

static int on_readable(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        UdpSocket *s = userdata;
        UdpServer *u = s->server;
        const AnswerTime now = clock_now();

        for (unsigned batch = 0; batch < UDP_BATCHES_MAX; batch++) {
                unsigned replies = 0;
                int n;

                udp_arm(u, s, UDP_BATCH);
                n = recvmmsg(fd, u->in, UDP_BATCH, MSG_DONTWAIT, NULL);
                if (n <= 0)
                        /* What an ICMP message left behind is of no use to a server; anything else comes
                         * again. */
                        return 0;
                for (unsigned i = 0; i < (unsigned) n; i++)
                        replies += udp_answer(u, i, replies, &now);
                udp_send(u, fd, replies);
                if ((unsigned) n < UDP_BATCH)
                        return 0;
        }
        return 0;
}

static int set_option(int fd, int level, int name, int value) {
        return setsockopt(fd, level, name, &value, sizeof(value)) < 0 ? -errno : 0;
}

static int udp_socket_setup(UdpSocket *s) {
        struct sockaddr_in6 a = {};
        socklen_t size = sizeof(a);
        IpAddress bound;
        int r, flags;

        if (getsockname(s->fd, (struct sockaddr *) &a, &size) < 0)
                return -errno;
        if (a.sin6_family != AF_INET && a.sin6_family != AF_INET6)
                return -EAFNOSUPPORT;
        flags = fcntl(s->fd, F_GETFL);
        if (flags < 0 || fcntl(s->fd, F_SETFL, flags | O_NONBLOCK) < 0)
                return -errno;
        r = ip_from_sockaddr((const struct sockaddr *) &a, &bound);
        if (r < 0)
                return r;
        s->wildcard = memcmp(bound.bytes, in6addr_any.s6_addr, sizeof(bound.bytes)) == 0;
        /* Never a fragment by somebody's forged path MTU (RFC 9715 section 3.1). */
        (void) set_option(s->fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_OMIT);
        if (a.sin6_family == AF_INET6)
                (void) set_option(s->fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_OMIT);
        if (!s->wildcard)
                return 0;
        return a.sin6_family == AF_INET ? set_option(s->fd, IPPROTO_IP, IP_PKTINFO, 1)
                                        : set_option(s->fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
}

static void udp_make_vectors(UdpServer *u) {
        for (unsigned i = 0; i < UDP_BATCH; i++) {
                u->in_iov[i] = (struct iovec) { u->queries[i], UDP_QUERY_MAX };
                u->out_iov[i] = (struct iovec) { u->replies[i], 0 };
                u->in[i].msg_hdr = (struct msghdr) { .msg_name = &u->peers[i],
                                                     .msg_iov = &u->in_iov[i],
                                                     .msg_iovlen = 1 };
                u->out[i].msg_hdr = (struct msghdr) { .msg_iov = &u->out_iov[i], .msg_iovlen = 1 };
        }
}

int udp_server_new(sd_event *event, AnswerSource *source, UdpServer **ret) {
        UdpServer *u;

        u = calloc(1, sizeof(*u));
        if (!u)
                return -ENOMEM;
        u->answers = source;
        u->event = sd_event_ref(event);
        udp_make_vectors(u);
        *ret = u;
        return 0;
}

int udp_server_add(UdpServer *u, int fd) {
        _cleanup_free_ UdpSocket *s = calloc(1, sizeof(*s));
        int r;

        if (!s)
                return -ENOMEM;
        *s = (UdpSocket) { .next = u->sockets, .server = u, .fd = fd };
        r = udp_socket_setup(s);
        if (r >= 0)
                r = sd_event_add_io(u->event, &s->source, fd, EPOLLIN, on_readable, s);
        if (r < 0)
                return r;
        u->sockets = TAKE_PTR(s);
        return 0;
}

static uint64_t socket_dropped(int fd) {
        uint32_t info[SK_MEMINFO_VARS] = {};
        socklen_t size = sizeof(info);

        return getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &size) < 0 ? 0 : info[SK_MEMINFO_DROPS];
}

void udp_server_remove(UdpServer *u, int fd) {
        UdpSocket **p = &u->sockets, *s;

        while (*p && (*p)->fd != fd)
                p = &(*p)->next;
        s = *p;
        if (!s)
                return;
        *p = s->next;
        u->dropped += socket_dropped(fd);
        sd_event_source_disable_unref(s->source);
        free(s);
}

UdpServer *udp_server_free(UdpServer *u) {
        if (!u)
                return NULL;
        while (u->sockets)
                udp_server_remove(u, u->sockets->fd);
        sd_event_unref(u->event);
        free(u);
        return NULL;
}

uint64_t udp_server_unsent(const UdpServer *u) {
        return u->unsent;
}

uint64_t udp_server_dropped(const UdpServer *u) {
        uint64_t dropped = u->dropped;

        for (const UdpSocket *s = u->sockets; s; s = s->next)
                dropped += socket_dropped(s->fd);
        return dropped;
}
