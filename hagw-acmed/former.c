/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Certificates of before. */

#include "hagw-acmed/account.h"
#include "hagw-acmed/former.h"
#include "libhagw/json.h"

static void former_done(Former *f) {
        free(f->leaf);
        free(f->key_id);
        free(f->directory);
        free(f->account);
        *f = (Former) {};
}

void formers_remove(Formers *f, size_t i) {
        former_done(&f->items[i]);
        memmove(f->items + i, f->items + i + 1, (--f->n - i) * sizeof(*f->items));
}

void formers_done(Formers *f) {
        while (f->n > 0)
                formers_remove(f, f->n - 1);
}

void formers_prune(Formers *f, uint64_t now_usec) {
        for (size_t i = f->n; i-- > 0;)
                if (f->items[i].not_after_usec <= now_usec)
                        formers_remove(f, i);
}

Former *formers_find(Formers *f, const char *leaf) {
        for (size_t i = 0; i < f->n; i++)
                if (streq(f->items[i].leaf, leaf))
                        return &f->items[i];
        return NULL;
}

static size_t formers_first_to_end(const Formers *f) {
        size_t first = 0;

        for (size_t i = 1; i < f->n; i++)
                if (f->items[i].not_after_usec < f->items[first].not_after_usec)
                        first = i;
        return first;
}

int formers_add(Formers *f, const Former *former) {
        Former copy = { .not_after_usec = former->not_after_usec, .revoke = former->revoke };

        if (string_replace(&copy.leaf, former->leaf) < 0 ||
            string_replace(&copy.key_id, former->key_id) < 0 ||
            string_replace(&copy.directory, former->directory) < 0 ||
            string_replace(&copy.account, former->account) < 0) {
                former_done(&copy);
                return -ENOMEM;
        }
        if (f->n >= FORMERS_MAX)
                formers_remove(f, formers_first_to_end(f));
        f->items[f->n++] = copy;
        return 0;
}

int formers_to_json(const Formers *f, sd_json_variant **ret) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *list = NULL;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < f->n; i++) {
                const Former *c = &f->items[i];

                r = sd_json_variant_append_arraybo(
                        &list, SD_JSON_BUILD_PAIR("leaf", SD_JSON_BUILD_STRING(c->leaf)),
                        SD_JSON_BUILD_PAIR("keyId", SD_JSON_BUILD_STRING(c->key_id)),
                        JSON_PAIR_IF_SET("directory", c->directory),
                        JSON_PAIR_IF_SET("account", c->account),
                        SD_JSON_BUILD_PAIR("notAfterUSec", SD_JSON_BUILD_UNSIGNED(c->not_after_usec)),
                        SD_JSON_BUILD_PAIR("revoke", SD_JSON_BUILD_INTEGER(c->revoke)));
        }
        if (r < 0)
                return r;
        *ret = TAKE_PTR(list);
        return 0;
}

static int former_from_json(sd_json_variant *v, Formers *f) {
        static const sd_json_dispatch_field table[] = {
                FIELD_LENT("leaf", Former, leaf),
                FIELD_LENT("keyId", Former, key_id),
                FIELD_LENT("directory", Former, directory, 0),
                FIELD_LENT("account", Former, account, 0),
                FIELD_UINT64("notAfterUSec", Former, not_after_usec),
                FIELD_INT("revoke", Former, revoke, 0),
                {},
        };
        Former borrowed = { .revoke = REVOKE_NONE };

        if (sd_json_dispatch(v, table, SD_JSON_ALLOW_EXTENSIONS, &borrowed) < 0)
                return -EBADMSG;
        return formers_add(f, &borrowed);
}

int formers_from_json(sd_json_variant *v, Formers *ret) {
        if (!sd_json_variant_is_array(v))
                return -EBADMSG;
        for (size_t i = 0; i < sd_json_variant_elements(v); i++) {
                int r = former_from_json(sd_json_variant_by_index(v, i), ret);
                if (r < 0)
                        return r;
        }
        return 0;
}
