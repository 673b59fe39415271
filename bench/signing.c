/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* For bench_keyd.py: asks hagw-keyd for handshakes' signatures over several connections, one at a time on
 * each, and tells how many there were and how long one took. Each connection has a thread of its own. */

#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#include "libhagw/pure/macro.h"

#define CONNECTIONS_MAX 64U
#define SAMPLES_MAX 1000000U

typedef struct Connection {
        pthread_t thread;
        const char *path, *id, *scheme;
        double end; /* CLOCK_MONOTONIC seconds */
        float *samples;
        size_t n;
} Connection;

static double now(void) {
        struct timespec ts;

        (void) clock_gettime(CLOCK_MONOTONIC, &ts);
        return (double) ts.tv_sec + (double) ts.tv_nsec / 1e9;
}

static _noreturn_ void die(const char *what) {
        perror(what);
        exit(EXIT_FAILURE);
}

/* 64 spaces, the context of TLS 1.3, 32 bytes of a hash. */
static size_t format_message(const Connection *c, char *out, size_t size) {
        static const char data[] =
                "ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAg"
                "IFRMUyAxLjMsIHNlcnZlciBDZXJ0aWZpY2F0ZVZlcmlmeQAAAQIDBAUGBwgJCgsMDQ4PEBESExQVFhcY"
                "GRobHB0eHw==";

        return 1 + (size_t) snprintf(out, size,
                                     "{\"method\":\"io.hagw.Key.SignHandshake\",\"parameters\":"
                                     "{\"id\":\"%s\",\"scheme\":\"%s\",\"data\":\"%s\"}}",
                                     c->id, c->scheme, data);
}

static void *connection_run(void *userdata) {
        Connection *c = userdata;
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        char message[1024], answer[4096];
        size_t size = format_message(c, message, sizeof(message));
        _cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        double before, after = now();

        strncpy(address.sun_path, c->path, sizeof(address.sun_path) - 1);
        if (fd < 0 || connect(fd, (struct sockaddr *) &address, sizeof(address)) < 0)
                die("connect");
        while (after < c->end && c->n < SAMPLES_MAX) {
                ssize_t n = 0, k;

                before = after;
                if (send(fd, message, size, MSG_NOSIGNAL) != (ssize_t) size)
                        die("send");
                do {
                        k = recv(fd, answer + n, sizeof(answer) - (size_t) n, 0);
                        if (k <= 0)
                                die("recv");
                        n += k;
                } while (answer[n - 1] != '\0');
                if (!strstr(answer, "\"signature\"")) {
                        fprintf(stderr, "%s\n", answer);
                        exit(EXIT_FAILURE);
                }
                after = now();
                c->samples[c->n++] = (float) (after - before);
        }
        return NULL;
}

static int compare(const void *a, const void *b) {
        float x = *(const float *) a, y = *(const float *) b;

        return (x > y) - (x < y);
}

int main(int argc, char *argv[]) {
        static Connection connections[CONNECTIONS_MAX];
        size_t n, total = 0, at = 0;
        double start, end;
        float *all;

        if (argc != 6 || (n = (size_t) atoi(argv[4])) < 1 || n > CONNECTIONS_MAX) {
                fprintf(stderr, "signing SOCKET KEY SCHEME CONNECTIONS SECONDS\n");
                return EXIT_FAILURE;
        }
        start = now();
        end = start + atof(argv[5]);
        for (size_t i = 0; i < n; i++) {
                connections[i] = (Connection) {
                        .path = argv[1], .id = argv[2], .scheme = argv[3], .end = end
                };
                connections[i].samples = calloc(SAMPLES_MAX, sizeof(float));
                if (!connections[i].samples)
                        return EXIT_FAILURE;
        }
        for (size_t i = 0; i < n; i++)
                if (pthread_create(&connections[i].thread, NULL, connection_run, connections + i) != 0)
                        return EXIT_FAILURE;
        for (size_t i = 0; i < n; i++) {
                (void) pthread_join(connections[i].thread, NULL);
                total += connections[i].n;
        }
        end = now();
        all = calloc(MAX(total, (size_t) 1), sizeof(float));
        if (!all)
                return EXIT_FAILURE;
        for (size_t i = 0; i < n; i++) {
                memcpy(all + at, connections[i].samples, connections[i].n * sizeof(float));
                at += connections[i].n;
                free(connections[i].samples);
        }
        qsort(all, total, sizeof(float), compare);
        printf("{\"signatures\": %zu, \"seconds\": %.3f, \"p50\": %.7f, \"p99\": %.7f}\n", total,
               end - start, (double) all[total / 2], (double) all[total * 99 / 100]);
        free(all);
        return EXIT_SUCCESS;
}
