/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Accounts. No I/O. */

#include "hagw-acmed/account.h"
#include "libhagw/json.h"

int string_replace(char **p, const char *s) {
        char *copy = NULL;

        if (s && !(copy = strdup(s)))
                return -ENOMEM;
        free(*p);
        *p = copy;
        return 0;
}

void account_forget_former(Account *a, size_t i) {
        free(a->former[i].url);
        free(a->former[i].key_id);
        memmove(a->former + i, a->former + i + 1, (--a->n_former - i) * sizeof(*a->former));
}

int account_leave(Account *a) {
        if (a->url && a->key_id) {
                if (a->n_former >= ACCOUNT_FORMER_MAX)
                        return -ENOSPC;
                a->former[a->n_former++] = (FormerAccount) { TAKE_PTR(a->url), TAKE_PTR(a->key_id) };
                a->former_next_usec = 0;
                a->former_failures = 0;
        }
        a->url = (free(a->url), NULL);
        a->key_id = (free(a->key_id), NULL);
        return 0;
}

static Account *account_free(Account *a) {
        if (!a)
                return NULL;
        while (a->n_former > 0)
                account_forget_former(a, a->n_former - 1);
        free(a->directory);
        free(a->key_id);
        free(a->next_key_id);
        free(a->url);
        free(a->contact);
        free(a->issuer);
        free(a);
        return NULL;
}
DEFINE_TRIVIAL_CLEANUP_FUNC(Account *, account_free)

void accounts_done(Accounts *a) {
        for (size_t i = 0; i < a->n; i++)
                account_free(a->items[i]);
        a->n = 0;
}

bool accounts_use_key(const Accounts *a, const char *key_id) {
        for (size_t i = 0; i < a->n; i++) {
                const Account *c = a->items[i];

                if (streq_ptr(c->key_id, key_id) || streq_ptr(c->next_key_id, key_id))
                        return true;
                for (size_t k = 0; k < c->n_former; k++)
                        if (streq(c->former[k].key_id, key_id))
                                return true;
        }
        return false;
}

bool accounts_is_empty(const Accounts *a) {
        for (size_t i = 0; i < a->n; i++)
                if (a->items[i]->url)
                        return false;
        return true;
}

Account *accounts_find(const Accounts *a, const char *directory) {
        for (size_t i = 0; i < a->n; i++)
                if (streq_ptr(a->items[i]->directory, directory))
                        return a->items[i];
        return NULL;
}

int accounts_get(Accounts *a, const char *directory, Account **ret) {
        _cleanup_(account_freep) Account *new = NULL;

        *ret = accounts_find(a, directory);
        if (*ret)
                return 0;
        if (a->n >= ACCOUNTS_MAX)
                return -ENOSPC;
        new = calloc(1, sizeof(*new));
        if (!new || string_replace(&new->directory, directory) < 0)
                return -ENOMEM;
        *ret = a->items[a->n++] = TAKE_PTR(new);
        return 0;
}

static int former_to_json(const Account *a, sd_json_variant **ret) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < a->n_former; i++)
                r = sd_json_variant_append_arraybo(
                        ret, SD_JSON_BUILD_PAIR("url", SD_JSON_BUILD_STRING(a->former[i].url)),
                        SD_JSON_BUILD_PAIR("keyId", SD_JSON_BUILD_STRING(a->former[i].key_id)));
        return r;
}

static int former_from_json(sd_json_variant *list, Account *a) {
        for (size_t i = 0; list && i < sd_json_variant_elements(list); i++) {
                sd_json_variant *item = sd_json_variant_by_index(list, i), *url, *key_id;
                FormerAccount *f = &a->former[a->n_former];

                if (!sd_json_variant_is_object(item) || a->n_former >= ACCOUNT_FORMER_MAX)
                        return -EBADMSG;
                url = sd_json_variant_by_key(item, "url");
                key_id = sd_json_variant_by_key(item, "keyId");
                if (!url || !sd_json_variant_is_string(url) || !key_id || !sd_json_variant_is_string(key_id))
                        return -EBADMSG;
                *f = (FormerAccount) {};
                if (string_replace(&f->url, sd_json_variant_string(url)) < 0)
                        return -ENOMEM;
                a->n_former++;
                if (string_replace(&f->key_id, sd_json_variant_string(key_id)) < 0)
                        return -ENOMEM;
        }
        return 0;
}

int accounts_to_json(const Accounts *a, sd_json_variant **ret) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *list = NULL;
        int r;

        r = sd_json_variant_new_array(&list, NULL, 0);
        for (size_t i = 0; r >= 0 && i < a->n; i++) {
                _cleanup_(sd_json_variant_unrefp) sd_json_variant *former = NULL;
                const Account *c = a->items[i];

                r = former_to_json(c, &former);
                if (r < 0)
                        break;
                r = sd_json_variant_append_arraybo(
                        &list, SD_JSON_BUILD_PAIR("directory", SD_JSON_BUILD_STRING(c->directory)),
                        JSON_PAIR_IF_SET("keyId", c->key_id),
                        JSON_PAIR_IF_SET("nextKeyId", c->next_key_id),
                        SD_JSON_BUILD_PAIR_CONDITION(!!former, "former", SD_JSON_BUILD_VARIANT(former)),
                        JSON_PAIR_IF_SET("url", c->url),
                        JSON_PAIR_IF_SET("contact", c->contact),
                        JSON_PAIR_IF_SET("issuer", c->issuer),
                        SD_JSON_BUILD_PAIR_CONDITION(c->since_usec > 0, "sinceUSec",
                                                     SD_JSON_BUILD_UNSIGNED(c->since_usec)));
        }
        if (r < 0)
                return r;
        *ret = TAKE_PTR(list);
        return 0;
}

static int account_from_json(sd_json_variant *v, Accounts *accounts) {
        static const sd_json_dispatch_field table[] = {
                FIELD_LENT("directory", Account, directory),
                FIELD_LENT("keyId", Account, key_id, 0),
                FIELD_LENT("nextKeyId", Account, next_key_id, 0),
                FIELD_LENT("url", Account, url, 0),
                FIELD_LENT("contact", Account, contact, 0),
                FIELD_LENT("issuer", Account, issuer, 0),
                FIELD_UINT64("sinceUSec", Account, since_usec, 0),
                {},
        };
        Account borrowed = {}, *a;
        int r;

        r = sd_json_dispatch(v, table, SD_JSON_ALLOW_EXTENSIONS, &borrowed);
        if (r < 0)
                return -EBADMSG;
        r = accounts_get(accounts, borrowed.directory, &a);
        if (r < 0)
                return r;
        if ((r = string_replace(&a->key_id, borrowed.key_id)) < 0 ||
            (r = string_replace(&a->next_key_id, borrowed.next_key_id)) < 0 ||
            (r = string_replace(&a->url, borrowed.url)) < 0 ||
            (r = former_from_json(sd_json_variant_by_key(v, "former"), a)) < 0 ||
            (r = string_replace(&a->issuer, borrowed.issuer)) < 0)
                return r;
        a->since_usec = borrowed.since_usec;
        return string_replace(&a->contact, borrowed.contact);
}

int accounts_from_json(sd_json_variant *v, Accounts *ret) {
        if (!sd_json_variant_is_array(v))
                return -EBADMSG;
        for (size_t i = 0; i < sd_json_variant_elements(v); i++) {
                int r = account_from_json(sd_json_variant_by_index(v, i), ret);
                if (r < 0)
                        return r;
        }
        return 0;
}
