/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Stands in front of recv(2), with which sd-varlink reads: the program's definition comes first in symbol
 * lookup, for calls from inside the library too. libsystemd has no setting for what it takes. Were this ever
 * bypassed, messages would be as long as libsystemd allows, and vl_limit_check() would say so.
 *
 * Callers' sockets are added and removed by the main thread, which alone reads them; one that answers is
 * the thread's that asks. close(2) is looked at as well: whoever gets the same descriptor next is nobody of
 * ours.
 */

#include <pthread.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "libhagw/log.h"
#include "libhagw/vl-limit.h"

#define FDS_MAX 131072U /* LimitNOFILE= of hagw-proxyd, which has the most */
#define SLOTS_MAX 255U

typedef struct Slot {
        sd_varlink *link; /* NULL: free */
        int fd;
        size_t n; /* of a message whose end has not come: bytes; of an answer: values */
        bool answers;
        bool had_turn, was_read;
} Slot;

static Slot slots[SLOTS_MAX]; /* taken and given back under the lock; in between each is one thread's */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static _Atomic uint8_t slot_of_fd[FDS_MAX]; /* the slot's place, from 1; 0: not ours */

static Slot *slot_find(int fd) {
        uint8_t i = 0;

        if (fd >= 0 && (unsigned) fd < FDS_MAX)
                i = atomic_load_explicit(slot_of_fd + fd, memory_order_relaxed);
        return i > 0 ? slots + i - 1 : NULL;
}

/* In the library's own words: its header may define recv() as something else. */
ssize_t vl_limit_recv(int fd, void *data, size_t size, int flags) __asm__("recv");
ssize_t vl_limit_recv_chk(int fd, void *data, size_t size, size_t room, int flags) __asm__("__recv_chk");
int vl_limit_close(int fd) __asm__("close");

#ifdef __SANITIZE_THREAD__
/* ThreadSanitizer stands in front of both as well, and learns from them when a descriptor is another one. */
ssize_t socket_recv(int fd, void *data, size_t size, int flags) __asm__("__interceptor_recv");
int socket_close(int fd) __asm__("__interceptor_close");
#else
static ssize_t socket_recv(int fd, void *data, size_t size, int flags) {
        return syscall(SYS_recvfrom, fd, data, size, flags, NULL, NULL);
}

static int socket_close(int fd) {
        return (int) syscall(SYS_close, fd);
}
#endif

/* True where answers wait that the socket could not take. */
static bool slot_has_unread(const Slot *s) {
        int events = sd_varlink_get_events(s->link);

        return events >= 0 && (events & EPOLLOUT);
}

static ssize_t slot_recv(Slot *s, void *data, size_t size, int flags) {
        const char *end;
        ssize_t n;

        s->was_read = true;
        if (s->had_turn) {
                /* The socket stays readable; the loop comes back to it when it has seen to the others. */
                s->had_turn = false;
                errno = EAGAIN;
                return -1;
        }
        n = socket_recv(s->fd, data, MIN(size, (size_t) VL_TURN_BYTES), flags | MSG_PEEK);
        if (n <= 0)
                return n;
        end = memchr(data, '\0', (size_t) n);
        if (end)
                n = end - (const char *) data + 1;
        if (s->n + (size_t) n > VL_MESSAGE_MAX || slot_has_unread(s)) {
                /* Both directions: sd-varlink would stay for as long as it has something to send. */
                (void) shutdown(s->fd, SHUT_RDWR);
                errno = ECONNRESET;
                return -1;
        }
        n = socket_recv(s->fd, data, (size_t) n, flags);
        if (n <= 0)
                return n;
        s->n = end ? 0 : s->n + (size_t) n;
        s->had_turn = true;
        return n;
}

static ssize_t answer_recv(Slot *s, void *data, size_t size, int flags) {
        ssize_t n = socket_recv(s->fd, data, size, flags);
        const char *p = data;

        for (ssize_t i = 0; i < n; i++) {
                s->n = p[i] == '\0' ? 0 : s->n + (p[i] == ',' || p[i] == '[' || p[i] == '{');
                if (s->n <= VL_ANSWER_VALUES_MAX)
                        continue;
                (void) shutdown(s->fd, SHUT_RDWR);
                errno = ECONNRESET;
                return -1;
        }
        return n;
}

ssize_t vl_limit_recv(int fd, void *data, size_t size, int flags) {
        Slot *s = slot_find(fd);

        if (!s)
                return socket_recv(fd, data, size, flags);
        return s->answers ? answer_recv(s, data, size, flags) : slot_recv(s, data, size, flags);
}

ssize_t vl_limit_recv_chk(int fd, void *data, size_t size, size_t room, int flags) {
        assert(size <= room);
        return vl_limit_recv(fd, data, size, flags);
}

static int slot_take(sd_varlink *link, bool answers) {
        int fd = sd_varlink_get_fd(link), r = -EXFULL;

        if (fd < 0)
                return fd;
        (void) pthread_mutex_lock(&lock);
        for (size_t i = 0; i < SLOTS_MAX && (unsigned) fd < FDS_MAX && r < 0; i++)
                if (!slots[i].link) {
                        slots[i] = (Slot) { .link = link, .fd = fd, .answers = answers };
                        atomic_store_explicit(slot_of_fd + fd, (uint8_t) (i + 1), memory_order_relaxed);
                        r = 0;
                }
        (void) pthread_mutex_unlock(&lock);
        return r;
}

static void slot_give_back(int fd) {
        Slot *s;

        (void) pthread_mutex_lock(&lock);
        s = slot_find(fd);
        if (s) {
                atomic_store_explicit(slot_of_fd + fd, 0, memory_order_relaxed);
                *s = (Slot) { .fd = -EBADF };
        }
        (void) pthread_mutex_unlock(&lock);
}

int vl_limit_close(int fd) {
        if (slot_find(fd))
                slot_give_back(fd);
        return socket_close(fd);
}

int vl_limit_add(sd_varlink *link) {
        return slot_take(link, /* answers= */ false);
}

int vl_limit_add_answers(sd_varlink *link) {
        return slot_take(link, /* answers= */ true);
}

void vl_limit_remove(sd_varlink *link) {
        int fd = -EBADF;

        (void) pthread_mutex_lock(&lock);
        for (size_t i = 0; i < SLOTS_MAX; i++)
                if (slots[i].link == link)
                        fd = slots[i].fd;
        (void) pthread_mutex_unlock(&lock);
        if (fd >= 0)
                slot_give_back(fd);
}

void vl_limit_cut_unread(void) {
        (void) pthread_mutex_lock(&lock);
        for (size_t i = 0; i < SLOTS_MAX; i++)
                if (slots[i].link && !slots[i].answers && slot_has_unread(slots + i))
                        (void) shutdown(slots[i].fd, SHUT_RDWR);
        (void) pthread_mutex_unlock(&lock);
}

void vl_limit_check(sd_varlink *link) {
        static bool told;
        const Slot *s = slot_find(sd_varlink_get_fd(link));

        if ((!s || !s->was_read) && !told) {
                told = true;
                log_warning("This libsystemd reads varlink in another way than it did: what callers may "
                            "send is not limited.");
        }
}
