/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "libhagw/pure/list.h"
#include "tests/unit/test.h"

typedef struct Item Item;
struct Item {
        Item *next, **place;
        char name;
};

static Item a = { .name = 'a' }, b = { .name = 'b' }, c = { .name = 'c' };

/* Both ways of each place are right, too. */
static void holds(Item *const *head, const char *names) {
        Item *const *place = head;

        for (Item *i = *head; i; place = &i->next, i = i->next) {
                assert_int_equal(i->name, *names++);
                assert_ptr_equal(i->place, place);
        }
        assert_int_equal(*names, '\0');
}

static void test_list(void **state) {
        Item *head = NULL, *other = NULL;

        LIST_REMOVE(&a); /* is in none */
        LIST_ADD(&head, &a);
        LIST_ADD(&head, &b);
        holds(&head, "ba");
        LIST_ADD(&a.next, &c); /* at the end */
        holds(&head, "bac");
        LIST_REMOVE(&a);
        assert_null(a.place);
        assert_ptr_equal(a.next, &c); /* for who is at it */
        holds(&head, "bc");
        LIST_ADD(&head->next, &a);
        holds(&head, "bac");
        LIST_REMOVE(&b);
        LIST_ADD(&other, &b);
        holds(&head, "ac");
        holds(&other, "b");
        LIST_REMOVE(&c);
        LIST_REMOVE(&a);
        LIST_REMOVE(&a);
        holds(&head, "");
        assert_null(head);
        LIST_REMOVE(other);
        assert_null(other);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_list),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
