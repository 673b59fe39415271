/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* hagw-bind: opens sockets at port 53 and hands them to hagw-dnsd. systemd starts one for each connection to
 * its socket, which is its standard input, and only hagw-dnsd may connect. It answers request by request and
 * ends with the connection. It reads nothing but those requests, and nothing from the network. */

#include <stdio.h>

#include "hagw-bind/open.h"

static int reply(int error, int fd) {
        union {
                struct cmsghdr head;
                uint8_t bytes[CMSG_SPACE(sizeof(int))];
        } control = {};
        BindReply text = { .error = error };
        struct iovec iov = { &text, sizeof(text) };
        struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };

        if (fd >= 0) {
                m.msg_control = &control;
                m.msg_controllen = sizeof(control);
                control.head = (struct cmsghdr) { .cmsg_len = CMSG_LEN(sizeof(fd)),
                                                  .cmsg_level = SOL_SOCKET,
                                                  .cmsg_type = SCM_RIGHTS };
                memcpy(CMSG_DATA(&control.head), &fd, sizeof(fd));
        }
        return sendmsg(STDIN_FILENO, &m, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/* 1: answered; 0: the connection is over. */
static int serve(void) {
        _cleanup_close_ int fd = -EBADF;
        BindRequest q;
        ssize_t n;
        int r;

        n = recv(STDIN_FILENO, &q, sizeof(q), MSG_TRUNC);
        if (n <= 0)
                return n < 0 ? -errno : 0;
        if ((size_t) n != sizeof(q))
                return -EBADMSG;
        fd = bind_open(&q);
        r = reply(MIN(fd, 0), fd);
        return r < 0 ? r : 1;
}

static int show(const char *option) {
        if (streq(option, "--version"))
                puts("hagw " PACKAGE_VERSION);
        else if (streq(option, "--help"))
                puts("hagw-bind\n\n"
                     "Opens sockets at port 53 for hagw-dnsd.\n\n"
                     "  --help             Show this help\n"
                     "  --version          Show the version\n\n"
                     "Started by systemd with a connection from hagw-dnsd; see hagw-bind(8).");
        else
                return EXIT_FAILURE;
        return EXIT_SUCCESS;
}

int main(int argc, char *argv[]) {
        int r;

        if (argc > 1)
                return show(argv[1]);
        do
                r = serve();
        while (r > 0);
        if (r < 0)
                fprintf(stderr, "The connection to hagw-dnsd broke: %s\n", strerror(-r));
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
