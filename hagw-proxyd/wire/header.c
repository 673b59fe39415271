/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Header fields: names to ids, and lists of fields. The hash table is filled once, before main(), and only
 * read after. */

#include "hagw-proxyd/wire/families.h"
#include "hagw-proxyd/wire/header.h"

#define SLOTS 256U /* a power of two, several times the number of names */

typedef struct Name {
        const char *text;
        uint8_t size;
} Name;

static const Name names[_HEADER_MAX] = {
#define X(id, name) [HEADER_##id] = { name, sizeof(name) - 1 },
        HEADER_NAMES(X)
#undef X
};

typedef enum Match {
        ANY,  /* a name that begins so */
        SELF, /* just this one */
} Match;

static const struct {
        Name begin;
        HeaderId id;
        Match match;
} families[] = {
#define F(text, id, match) { { text, sizeof(text) - 1 }, HEADER_##id, match },
        HEADER_FAMILIES(F)
#undef F
};

/* Families by their first three characters, so that most names are told from them in one look: row + 1 of
 * the first, 0: none; and of the next that begins so. */
#define START 3U
static uint8_t first_family[256], next_family[ELEMENTSOF(families)];

static uint8_t slots[SLOTS]; /* HeaderId, 0: free; linear probing */

static inline unsigned name_slot(const char *s, size_t n) {
        /* Found by search: no two of the names here share a slot today; one more name that does only costs a
         * step. */
        unsigned first = (uint8_t) s[0] | 0x20U, middle = (uint8_t) s[n / 2] | 0x20U;
        unsigned next_to_last = (uint8_t) s[n > 1 ? n - 2 : 0] | 0x20U, last = (uint8_t) s[n - 1] | 0x20U;

        return ((unsigned) n * 190U + first + middle + next_to_last * 148U + last * 232U) % SLOTS;
}

/* Bytes of names, upper case made lower; 0 for what a CGI-like service takes for "_": neither letter nor
 * digit nor "-". */
static const uint8_t plain[256] = {
        ['-'] = '-', ['0'] = '0', ['1'] = '1', ['2'] = '2', ['3'] = '3', ['4'] = '4', ['5'] = '5',
        ['6'] = '6', ['7'] = '7', ['8'] = '8', ['9'] = '9',
#define L(upper, lower) [upper] = lower, [lower] = lower
        L('A', 'a'), L('B', 'b'), L('C', 'c'), L('D', 'd'), L('E', 'e'), L('F', 'f'), L('G', 'g'),
        L('H', 'h'), L('I', 'i'), L('J', 'j'), L('K', 'k'), L('L', 'l'), L('M', 'm'), L('N', 'n'),
        L('O', 'o'), L('P', 'p'), L('Q', 'q'), L('R', 'r'), L('S', 's'), L('T', 't'), L('U', 'u'),
        L('V', 'v'), L('W', 'w'), L('X', 'x'), L('Y', 'y'), L('Z', 'z'),
#undef L
};

static inline uint64_t load(const char *s) {
        uint64_t v;

        memcpy(&v, s, sizeof(v));
        return v;
}

/* Eight bytes; the case of letters, which have 0x40, is 0x20. */
static inline bool word_equal_nocase(const char *text, const char *s) {
        uint64_t t = load(text);

        return (load(s) | (t & UINT64_C(0x4040404040404040)) >> 1) == t;
}

/* text: lower case letters, digits, "-". */
static inline bool equal_nocase(const char *text, const char *s, size_t n) {
        size_t i = 0;

        if (n >= sizeof(uint64_t)) {
                for (; i + sizeof(uint64_t) < n; i += sizeof(uint64_t))
                        if (!word_equal_nocase(text + i, s + i))
                                return false;
                return word_equal_nocase(text + n - sizeof(uint64_t), s + n - sizeof(uint64_t));
        }
        for (; i < n; i++)
                if (plain[(uint8_t) s[i]] != (uint8_t) text[i])
                        return false;
        return true;
}

static void __attribute__((constructor)) fill_slots(void) {
        for (unsigned id = 1; id < _HEADER_MAX; id++) {
                unsigned i;

                if (!names[id].text)
                        continue;
                for (i = name_slot(names[id].text, names[id].size); slots[i]; i = (i + 1) % SLOTS)
                        ;
                slots[i] = (uint8_t) id;
        }
}

static inline unsigned name_start(const char *s) {
        unsigned a = plain[(uint8_t) s[0]], b = plain[(uint8_t) s[1]], c = plain[(uint8_t) s[2]];

        return (a + b * 7U + c * 31U) % ELEMENTSOF(first_family);
}

static void __attribute__((constructor)) fill_families(void) {
        static_assert(ELEMENTSOF(families) < UINT8_MAX, "a row's number is one byte");
        for (unsigned i = 0; i < ELEMENTSOF(families); i++) {
                uint8_t *first = &first_family[name_start(families[i].begin.text)];

                next_family[i] = *first;
                *first = (uint8_t) (i + 1);
        }
}

static HeaderId family_id(const char *s, size_t n) {
        if (n < START)
                return HEADER_OTHER;
        for (unsigned i = first_family[name_start(s)]; _unlikely_(i > 0); i = next_family[i - 1]) {
                const Name *f = &families[i - 1].begin;

                if ((families[i - 1].match == ANY ? n >= f->size : n == f->size) &&
                    equal_nocase(f->text, s, f->size))
                        return families[i - 1].id;
        }
        return HEADER_OTHER;
}

HeaderId header_id(const char *name, size_t n) {
        if (n == 0)
                return HEADER_OTHER;
        for (unsigned i = name_slot(name, n); slots[i]; i = (i + 1) % SLOTS) {
                const Name *k = &names[slots[i]];

                if (k->size == n && equal_nocase(k->text, name, n))
                        return (HeaderId) slots[i];
        }
        return family_id(name, n);
}

static bool is_plain(const char *s, size_t n) {
        for (size_t i = 0; i < n; i++)
                if (!plain[(uint8_t) s[i]])
                        return false;
        return true;
}

void header_classify(Header *h) {
        char folded[64]; /* known names are shorter, and families show in their first bytes */
        size_t n = MIN((size_t) h->name_size, sizeof(folded));

        h->id = h->folded = (uint8_t) header_id(h->name, h->name_size);
        if (_likely_(h->id != HEADER_OTHER || is_plain(h->name, n)))
                return;
        for (size_t i = 0; i < n; i++)
                folded[i] = plain[(uint8_t) h->name[i]] ? h->name[i] : '-';
        h->folded = (uint8_t) header_id(folded, n);
}

const char *header_name(HeaderId id) {
        return (unsigned) id < _HEADER_MAX ? strempty(names[id].text) : "";
}

int header_list_add_known(HeaderList *l, HeaderId id, Slice name, Slice value) {
        if (l->n >= l->max)
                return -ENOBUFS;
        l->items[l->n++] = (Header) {
                .name = name.p,
                .name_size = (uint16_t) name.n,
                .value = value.p,
                .value_size = (uint32_t) value.n,
                .id = (uint8_t) id,
                .folded = (uint8_t) id,
        };
        return 0;
}

int header_list_add(HeaderList *l, const char *name, Slice value) {
        Header h = { .name = name, .name_size = (uint16_t) strlen(name) };

        header_classify(&h);
        return header_list_add_known(l, h.id, (Slice) { h.name, h.name_size }, value);
}

const Header *header_list_find(const HeaderList *l, HeaderId id) {
        for (size_t i = 0; i < l->n; i++)
                if (l->items[i].id == id)
                        return &l->items[i];
        return NULL;
}

bool header_list_has_token(const HeaderList *l, HeaderId id, const char *token) {
        Slice wanted = slice_from(token), rest, item;

        for (size_t i = 0; i < l->n; i++) {
                if (l->items[i].id != id)
                        continue;
                rest = header_value(&l->items[i]);
                while (slice_next(&rest, ',', &item))
                        if (slice_equal_nocase(item, wanted))
                                return true;
        }
        return false;
}
