/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <pthread.h>

#include "libhagw/net/queue.h"
#include "tests/unit/test.h"

#define SENDERS 4U
#define EACH 20000U

typedef struct Item {
        Message message;
        unsigned sender, number;
} Item;

typedef struct Sender {
        Queue *queue;
        unsigned index;
        Item *items;
} Sender;

static void *send_all(void *userdata) {
        Sender *s = userdata;

        for (unsigned i = 0; i < EACH; i++) {
                s->items[i] = (Item) { .sender = s->index, .number = i };
                queue_push(s->queue, &s->items[i].message);
        }
        return NULL;
}

/* Nothing is lost, and what one sender sent comes in its order. */
static void test_threads(void **state) {
        Sender senders[SENDERS];
        pthread_t threads[SENDERS];
        unsigned next[SENDERS] = {}, n = 0;
        Queue q;

        assert_int_equal(queue_init(&q), 0);
        for (unsigned i = 0; i < SENDERS; i++) {
                senders[i] = (Sender) { &q, i, calloc(EACH, sizeof(Item)) };
                assert_non_null(senders[i].items);
                assert_int_equal(pthread_create(&threads[i], NULL, send_all, &senders[i]), 0);
        }
        while (n < SENDERS * EACH)
                for (Message *m = queue_take(&q), *following; m; m = following) {
                        Item *item = (Item *) m;

                        following = m->next;
                        assert_int_equal(item->number, next[item->sender]++);
                        n++;
                }
        assert_null(queue_take(&q));
        for (unsigned i = 0; i < SENDERS; i++) {
                assert_int_equal(pthread_join(threads[i], NULL), 0);
                free(senders[i].items);
        }
        queue_done(&q);
}

TEST_MAIN(cmocka_unit_test(test_threads))
