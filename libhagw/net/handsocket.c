/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* SCM_RIGHTS, as unix(7) has it. */

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>

#include "libhagw/net/handsocket.h"

#define FDS_MAX 8 /* of a message that brings too many: those beyond are closed by the kernel */

int handsocket_connect(const char *path) {
        struct sockaddr_un a = { .sun_family = AF_UNIX };
        _cleanup_close_ int s = -EBADF;

        if (snprintf(a.sun_path, sizeof(a.sun_path), "%s", path) >= (int) sizeof(a.sun_path))
                return -ENAMETOOLONG;
        s = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (s < 0)
                return -errno;
        (void) setsockopt(s, SOL_SOCKET, SO_SNDBUF, &(int) { HANDSOCKET_BUFFER_BYTES }, sizeof(int));
        if (connect(s, (struct sockaddr *) &a, sizeof(a)) < 0)
                return -errno;
        return TAKE_FD(s);
}

static int send_all(int s, struct iovec *iov, size_t n, int fd) {
        union {
                char bytes[CMSG_SPACE(sizeof(int))];
                struct cmsghdr align;
        } control = {};
        struct msghdr m = { .msg_iov = iov, .msg_iovlen = n };

        if (fd >= 0) {
                m.msg_control = control.bytes;
                m.msg_controllen = sizeof(control.bytes);
                *CMSG_FIRSTHDR(&m) = (struct cmsghdr) {
                        .cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS,
                };
                memcpy(CMSG_DATA(CMSG_FIRSTHDR(&m)), &fd, sizeof(fd));
        }
        /* ETOOMANYREFS: as many are on their way as this user may have open (unix(7)). */
        if (sendmsg(s, &m, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
                return errno == ETOOMANYREFS || errno == ENOBUFS ? -EAGAIN : -errno;
        return 0;
}

int handsocket_send(int s, const Handover *h, int fd) {
        uint8_t head[HANDOVER_HEAD_SIZE];
        struct iovec iov[] = { { head, sizeof(head) }, { (void *) h->read.p, h->read.n } };
        int r;

        handover_write(h, head);
        r = send_all(s, iov, ELEMENTSOF(iov), fd);
        explicit_bzero(head, sizeof(head));
        return r;
}

int handsocket_send_count(int s, const HandoverCount *c) {
        uint8_t data[HANDOVER_COUNT_SIZE];
        struct iovec iov = { data, sizeof(data) };

        handover_count_write(c, data);
        return send_all(s, &iov, 1, -EBADF);
}

/* All but the first are closed, of which there may be none. */
static size_t take_fds(struct msghdr *m, int *ret) {
        size_t n = 0;

        for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
                if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
                        continue;
                for (size_t i = 0; i < (c->cmsg_len - CMSG_LEN(0)) / sizeof(int); i++) {
                        int fd;

                        memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
                        if (n++ == 0)
                                *ret = fd;
                        else
                                safe_close(fd);
                }
        }
        return n;
}

int handsocket_receive(int s, uint8_t data[static HANDOVER_SIZE_MAX], size_t *ret_size, int *ret_fd) {
        union {
                char bytes[CMSG_SPACE(FDS_MAX * sizeof(int))];
                struct cmsghdr align;
        } control;
        struct iovec iov = { data, HANDOVER_SIZE_MAX };
        struct msghdr m = {
                .msg_iov = &iov, .msg_iovlen = 1,
                .msg_control = control.bytes, .msg_controllen = sizeof(control.bytes),
        };
        _cleanup_close_ int fd = -EBADF;
        ssize_t n = recvmsg(s, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        size_t n_fds;

        if (n < 0)
                return errno == EINTR ? -EAGAIN : -errno;
        n_fds = take_fds(&m, &fd);
        if (n == 0)
                return -ENODATA;
        if (n_fds > 1 || (m.msg_flags & (MSG_TRUNC | MSG_CTRUNC)))
                return -EBADMSG;
        *ret_size = (size_t) n;
        *ret_fd = TAKE_FD(fd);
        return 0;
}
