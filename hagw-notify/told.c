/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The memory of hagw-notify. No I/O. */

#include "hagw-notify/told.h"
#include "libhagw/pure/printable.h"

/* What is kept of a text. It may be a stranger's words, and only UTF-8 can be written as JSON: so it is made
 * printable, and ends between two characters. */
static char *kept_text(const char *s) {
        char *text = printable(s, /* lines= */ false);
        size_t n = TOLD_TEXT_MAX;

        if (!text || strlen(text) <= n)
                return text;
        while (n > 0 && ((uint8_t) text[n] & 0xc0) == 0x80)
                n--;
        text[n] = '\0';
        return text;
}

static void finding_done(Finding *f) {
        free(f->id);
        free(f->text);
        *f = (Finding) {};
}

static int finding_set(Finding *f, const char *id, const char *text) {
        char *i = kept_text(id), *t = kept_text(text);

        if (!i || !t) {
                free(i);
                free(t);
                return -ENOMEM;
        }
        finding_done(f);
        f->id = i;
        f->text = t;
        return 0;
}

static const Finding *find(const Finding *list, size_t n, const char *id) {
        for (size_t i = 0; i < n; i++)
                if (streq(list[i].id, id))
                        return &list[i];
        return NULL;
}

static void drop(Finding *list, size_t *n, size_t i) {
        finding_done(&list[i]);
        memmove(list + i, list + i + 1, (--*n - i) * sizeof(*list));
        list[*n] = (Finding) {};
}

static void target_done(Target *t) {
        for (size_t i = 0; i < t->n_told; i++)
                finding_done(&t->told[i]);
        free(t->name);
        free(t->error);
        free(t->test_error);
        *t = (Target) {};
}

void told_done(Told *t) {
        for (size_t i = 0; i < t->n_findings; i++)
                finding_done(&t->findings[i]);
        for (size_t i = 0; i < t->n_targets; i++)
                target_done(&t->targets[i]);
        *t = (Told) {};
}

/* --- the file ------------------------------------------------------------------------------------------ */

static const char *text_of(sd_json_variant *v, const char *field) {
        sd_json_variant *s = sd_json_variant_by_key(v, field);

        return s && sd_json_variant_is_string(s) ? sd_json_variant_string(s) : NULL;
}

/* A time that is yet to come is a clock's that was ahead. */
static uint64_t usec_of(sd_json_variant *v, const char *field, uint64_t now_usec) {
        sd_json_variant *n = sd_json_variant_by_key(v, field);

        return n && sd_json_variant_is_unsigned(n) ? MIN(sd_json_variant_unsigned(n), now_usec) : 0;
}

static int load_list(sd_json_variant *list, Finding *ret, size_t *ret_n) {
        for (size_t i = 0; i < sd_json_variant_elements(list) && *ret_n < TOLD_FINDINGS_MAX; i++) {
                sd_json_variant *v = sd_json_variant_by_index(list, i);
                const char *id = text_of(v, "id"), *text = text_of(v, "text");
                sd_json_variant *there = sd_json_variant_by_key(v, "there");
                Finding *f = &ret[*ret_n];

                if (!id || !text || find(ret, *ret_n, id))
                        continue;
                if (finding_set(f, id, text) < 0)
                        return -ENOMEM;
                f->there = there && sd_json_variant_is_boolean(there) && sd_json_variant_boolean(there);
                f->looks = (unsigned) usec_of(v, "looks", TOLD_LOOKS);
                (*ret_n)++;
        }
        return 0;
}

static int load_text(sd_json_variant *v, const char *field, char **ret) {
        const char *s = text_of(v, field);

        if (!s)
                return 0;
        *ret = kept_text(s);
        return *ret ? 0 : -ENOMEM;
}

static int load_target(sd_json_variant *v, uint64_t now_usec, Target *t) {
        sd_json_variant *sent = sd_json_variant_by_key(v, "sentUSec");
        const char *name = text_of(v, "target");
        int r;

        /* As it is: the one in hagw.conf is compared with it. */
        t->name = name ? strdup(name) : NULL;
        r = name && !t->name ? -ENOMEM : load_text(v, "error", &t->error);
        if (r >= 0)
                r = load_text(v, "testError", &t->test_error);
        if (r >= 0)
                r = load_list(sd_json_variant_by_key(v, "told"), t->told, &t->n_told);
        t->failing_usec = usec_of(v, "failingUSec", now_usec);
        t->test_usec = usec_of(v, "testUSec", now_usec);
        for (size_t i = 0; i < sd_json_variant_elements(sent) && t->n_sent < TOLD_MESSAGES_MAX; i++) {
                sd_json_variant *n = sd_json_variant_by_index(sent, i);

                if (sd_json_variant_is_unsigned(n))
                        t->sent_usec[t->n_sent++] = MIN(sd_json_variant_unsigned(n), now_usec);
        }
        return r;
}

int told_from_json(sd_json_variant *v, uint64_t now_usec, Told *t) {
        sd_json_variant *targets = sd_json_variant_by_key(v, "targets");
        int r;

        *t = (Told) {};
        r = load_list(sd_json_variant_by_key(v, "findings"), t->findings, &t->n_findings);
        for (size_t i = 0; r >= 0 && i < sd_json_variant_elements(targets) && i < CONF_NOTIFY_MAX; i++) {
                r = load_target(sd_json_variant_by_index(targets, i), now_usec, &t->targets[t->n_targets]);
                if (r >= 0 && t->targets[t->n_targets].name)
                        t->n_targets++;
                else
                        target_done(&t->targets[t->n_targets]);
        }
        if (r < 0)
                told_done(t);
        return r;
}

static int save_list(const Finding *list, size_t n, sd_json_variant **ret) {
        int r;

        r = sd_json_variant_new_array(ret, NULL, 0);
        for (size_t i = 0; r >= 0 && i < n; i++)
                r = sd_json_variant_append_arraybo(
                        ret, SD_JSON_BUILD_PAIR("id", SD_JSON_BUILD_STRING(list[i].id)),
                        SD_JSON_BUILD_PAIR("text", SD_JSON_BUILD_STRING(list[i].text)),
                        SD_JSON_BUILD_PAIR("there", SD_JSON_BUILD_BOOLEAN(list[i].there)),
                        SD_JSON_BUILD_PAIR("looks", SD_JSON_BUILD_UNSIGNED(list[i].looks)));
        return r;
}

static int save_target(const Target *t, sd_json_variant **array) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *told = NULL, *sent = NULL;
        int r;

        r = save_list(t->told, t->n_told, &told);
        if (r >= 0)
                r = sd_json_variant_new_array(&sent, NULL, 0);
        for (size_t i = 0; r >= 0 && i < t->n_sent; i++)
                r = sd_json_variant_append_arrayb(&sent, SD_JSON_BUILD_UNSIGNED(t->sent_usec[i]));
        if (r < 0)
                return r;
        return sd_json_variant_append_arraybo(
                array, SD_JSON_BUILD_PAIR("target", SD_JSON_BUILD_STRING(t->name)),
                SD_JSON_BUILD_PAIR("told", SD_JSON_BUILD_VARIANT(told)),
                SD_JSON_BUILD_PAIR("sentUSec", SD_JSON_BUILD_VARIANT(sent)),
                SD_JSON_BUILD_PAIR_CONDITION(t->failing_usec > 0, "failingUSec",
                                             SD_JSON_BUILD_UNSIGNED(t->failing_usec)),
                SD_JSON_BUILD_PAIR_CONDITION(!!t->error, "error", SD_JSON_BUILD_STRING(t->error)),
                SD_JSON_BUILD_PAIR_CONDITION(t->test_usec > 0, "testUSec",
                                             SD_JSON_BUILD_UNSIGNED(t->test_usec)),
                SD_JSON_BUILD_PAIR_CONDITION(!!t->test_error, "testError",
                                             SD_JSON_BUILD_STRING(t->test_error)));
}

int told_to_json(const Told *t, sd_json_variant **ret) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *findings = NULL, *targets = NULL;
        int r;

        r = save_list(t->findings, t->n_findings, &findings);
        if (r >= 0)
                r = sd_json_variant_new_array(&targets, NULL, 0);
        for (size_t i = 0; r >= 0 && i < t->n_targets; i++)
                r = save_target(&t->targets[i], &targets);
        return r < 0 ? r :
                       sd_json_buildo(ret, SD_JSON_BUILD_PAIR("findings", SD_JSON_BUILD_VARIANT(findings)),
                                      SD_JSON_BUILD_PAIR("targets", SD_JSON_BUILD_VARIANT(targets)));
}

/* --- looks --------------------------------------------------------------------------------------------- */

int told_set_targets(Told *t, const char *const *names, size_t n) {
        Target next[CONF_NOTIFY_MAX] = {};

        assert(n <= CONF_NOTIFY_MAX);
        for (size_t i = 0; i < n; i++) {
                for (size_t k = 0; k < t->n_targets && !next[i].name; k++)
                        if (streq_ptr(t->targets[k].name, names[i]))
                                next[i] = TAKE_GENERIC(t->targets[k], (Target) {});
                if (!next[i].name)
                        next[i].name = strdup(names[i]);
                if (!next[i].name) {
                        for (size_t k = 0; k < i; k++)
                                target_done(&next[k]);
                        return -ENOMEM;
                }
        }
        for (size_t i = 0; i < t->n_targets; i++)
                target_done(&t->targets[i]);
        memcpy(t->targets, next, sizeof(next));
        t->n_targets = n;
        return 0;
}

static void look_at(Finding *f, bool there) {
        f->looks = f->there == there ? MIN(f->looks + 1, TOLD_LOOKS) : 1;
        f->there = there;
}

/* What was over for long enough, and nobody who knows of it is left to be told. */
static bool is_forgotten(const Told *t, const Finding *f) {
        if (f->there || f->looks < TOLD_LOOKS)
                return false;
        for (size_t i = 0; i < t->n_targets; i++)
                if (find(t->targets[i].told, t->targets[i].n_told, f->id))
                        return false;
        return true;
}

int told_look(Told *t, sd_json_variant *findings) {
        bool seen[TOLD_FINDINGS_MAX] = {};
        int r = 0;

        for (size_t i = 0; r >= 0 && i < sd_json_variant_elements(findings); i++) {
                sd_json_variant *v = sd_json_variant_by_index(findings, i);
                const char *name = text_of(v, "id"), *text = text_of(v, "text");
                _cleanup_free_ char *id = name ? kept_text(name) : NULL;
                Finding *f = id ? (Finding *) find(t->findings, t->n_findings, id) : NULL;

                if (name && !id)
                        return -ENOMEM;
                if (!id || !text || (!f && t->n_findings >= TOLD_FINDINGS_MAX))
                        continue;
                if (!f) {
                        f = &t->findings[t->n_findings];
                        r = finding_set(f, id, text);
                        if (r < 0)
                                return r;
                        t->n_findings++;
                } else if (seen[f - t->findings])
                        continue;
                else {
                        Finding before = *f;

                        *f = (Finding) {};
                        r = finding_set(f, id, text);
                        f->there = before.there;
                        f->looks = before.looks;
                        finding_done(&before);
                        if (r < 0)
                                return r;
                }
                seen[f - t->findings] = true;
        }
        for (size_t i = 0; i < t->n_findings; i++)
                look_at(&t->findings[i], seen[i]);
        for (size_t i = t->n_findings; i-- > 0;)
                if (is_forgotten(t, &t->findings[i]))
                        drop(t->findings, &t->n_findings, i);
        return 0;
}

/* --- news ---------------------------------------------------------------------------------------------- */

static size_t count_sent(const Target *target, uint64_t now_usec) {
        size_t n = 0;

        for (size_t i = 0; i < target->n_sent; i++)
                n += target->sent_usec[i] + USEC_PER_DAY > now_usec;
        return n;
}

bool told_news(const Told *t, const Target *target, uint64_t now_usec, News *ret) {
        *ret = (News) {};
        for (size_t i = 0; i < t->n_findings; i++) {
                const Finding *f = &t->findings[i];

                if (endswith(f->id, target->name)) /* that it could not be told: it would know by itself */
                        continue;
                if (f->there && f->looks >= TOLD_LOOKS && !find(target->told, target->n_told, f->id) &&
                    ret->n_begun + target->n_told < TOLD_FINDINGS_MAX)
                        ret->begun[ret->n_begun++] = f;
        }
        for (size_t i = 0; i < target->n_told; i++) {
                const Finding *f = find(t->findings, t->n_findings, target->told[i].id);

                if (!f || (!f->there && f->looks >= TOLD_LOOKS))
                        ret->over[ret->n_over++] = &target->told[i];
                else
                        ret->n_left++;
        }
        return (ret->n_begun > 0 || ret->n_over > 0) && count_sent(target, now_usec) < TOLD_MESSAGES_MAX;
}

int told_sent(Target *target, const News *news, uint64_t now_usec) {
        /* From the last to the first: what moves was looked at. */
        for (size_t k = news->n_over; k-- > 0;)
                drop(target->told, &target->n_told, (size_t) (news->over[k] - target->told));
        for (size_t i = 0; i < news->n_begun; i++) {
                if (finding_set(&target->told[target->n_told], news->begun[i]->id, news->begun[i]->text) < 0)
                        return -ENOMEM;
                target->n_told++;
        }
        if (target->n_sent == TOLD_MESSAGES_MAX)
                memmove(target->sent_usec, target->sent_usec + 1,
                        --target->n_sent * sizeof(target->sent_usec[0]));
        target->sent_usec[target->n_sent++] = now_usec;
        return 0;
}

int told_result(Target *target, const char *error, uint64_t now_usec) {
        char *copy = error ? kept_text(error) : NULL;

        if (error && !copy)
                return -ENOMEM;
        free(target->error);
        target->error = copy;
        if (!error)
                target->failing_usec = 0;
        else if (target->failing_usec == 0)
                target->failing_usec = now_usec;
        return 0;
}
