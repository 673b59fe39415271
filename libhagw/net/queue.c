/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The way from thread to thread. queue_push() from any, queue_take() from the one that owns it. */

#include <sys/eventfd.h>

#include "libhagw/net/queue.h"

int queue_init(Queue *q) {
        atomic_init(&q->head, NULL);
        q->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        return q->event_fd < 0 ? -errno : 0;
}

void queue_done(Queue *q) {
        q->event_fd = safe_close(q->event_fd);
}

void queue_push(Queue *q, Message *m) {
        Message *head = atomic_load_explicit(&q->head, memory_order_relaxed);

        do
                m->next = head;
        while (!atomic_compare_exchange_weak_explicit(&q->head, &head, m, memory_order_release,
                                                      memory_order_relaxed));
        /* Only the first of several wakes the receiver. */
        if (!head)
                (void) eventfd_write(q->event_fd, 1);
}

void queue_wake(Queue *q) {
        (void) eventfd_write(q->event_fd, 1);
}

Message *queue_take(Queue *q) {
        Message *list = NULL, *m;
        eventfd_t n;

        (void) eventfd_read(q->event_fd, &n);
        m = atomic_exchange_explicit(&q->head, NULL, memory_order_acquire);
        while (m) {
                Message *next = m->next;
                m->next = list;
                list = m;
                m = next;
        }
        return list;
}
