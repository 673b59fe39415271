/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A new host's name against the zones of this gateway, and against the zone of its relay. */

#include "hagw-ctl/hostzone.h"
#include "hagw-ctl/typed.h"
#include "libhagw/log.h"
#include "libhagw/pure/hostname.h"
#include "libhagw/pure/suggest.h"

/* The end of a name that has as many labels as the zone, or NULL. */
static const char *same_labels(const char *name, const char *zone) {
        const char *end = name + strlen(name);
        size_t labels = 1;

        for (const char *p = zone; *p; p++)
                labels += *p == '.';
        while (labels > 0) {
                while (end > name && end[-1] != '.')
                        end--;
                if (--labels > 0 && end == name)
                        return NULL;
                end -= labels > 0;
        }
        return end;
}

/* Label by label: what is another name on purpose differs by more than a slip of a finger. */
static bool nearly(const char *a, const char *b) {
        for (;;) {
                size_t n = strcspn(a, "."), k = strcspn(b, ".");
                _cleanup_free_ char *one = strndup(a, n), *two = strndup(b, k);

                if (!one || !two || (!streq(one, two) && !suggest(one, (const char *[]){ two, NULL })))
                        return false;
                if (!a[n] || !b[k])
                        return !a[n] && !b[k];
                a += n + 1;
                b += k + 1;
        }
}

/* "ha.anna", for a name in the zone anna.relay.example.com: where the name ends as the zone begins, *ret is
 * the rest of the zone, with its dot. */
static bool is_cut_short(const char *name, const char *zone, const char **ret) {
        for (const char *dot = strchr(zone, '.'); dot; dot = strchr(dot + 1, '.')) {
                const size_t n = strlen(name), k = (size_t) (dot - zone);

                if (n > k + 1 && name[n - k - 1] == '.' && memcmp(name + n - k, zone, k) == 0) {
                        *ret = dot;
                        return true;
                }
        }
        return false;
}

const char *host_relay_zone(const Config *config, const char **ret_own) {
        for (size_t i = 0; config->relay.tenant && i < config->n_zones; i++) {
                const ConfZone *z = &config->zones[i];
                const char *rest = z->via == CONF_VIA_RELAY ? startswith(z->name, config->relay.tenant) :
                                                              NULL;

                if (!rest || *rest != '.' || !strchr(rest + 1, '.'))
                        continue;
                if (ret_own)
                        *ret_own = z->name;
                return rest + 1;
        }
        return NULL;
}

/* Nobody but the relay can have visitors come by such a name, nor can a certificate be had for it. */
static int check_relay_zone(const Config *config, const char *name) {
        const char *bare = startswith(name, "*.") ?: name, *own, *end;
        const char *relay = host_relay_zone(config, &own);
        size_t n;

        if (!relay || !hostname_in_zone(bare, relay))
                return 0;
        /* What a name of another tenant has before that one's label would be the same here. */
        n = strlen(name) - strlen(relay);
        n -= n > 0; /* its dot */
        end = memrchr(name, '.', n);
        if (end)
                n = (size_t) (end - name);
        if (n == 0)
                log_error("\"%s\" is the relay's own name: the names of this house are %s and those that "
                          "end in .%s.",
                          name, own, own);
        else
                log_error("\"%s\" is a name of the relay's: those of this house end in .%s; did you mean "
                          "\"%.*s.%s\"?",
                          name, own, (int) n, name, own);
        log_error("--force takes it as it is, where the relay has a host of this name that leads here.");
        return -EINVAL;
}

/* Its own zones are examples. */
static bool is_laboratory(const Config *config) {
        for (size_t i = 0; i < config->n_zones; i++) {
                _cleanup_free_ char *reason = NULL;

                if (typed_judge_example(config->zones[i].name, /* laboratory= */ false, &reason) < 0)
                        return true;
        }
        return config->documentation_networks;
}

static int check_example(const Config *config, const char *name) {
        _cleanup_free_ char *reason = NULL;
        int r;

        r = typed_judge_example(name, is_laboratory(config), &reason);
        if (r == -EINVAL)
                log_error("%s --force takes it as it is.", reason);
        return r == -ENOMEM ? log_oom() : r;
}

int host_check_zone(const Config *config, const char *name) {
        int r;

        if (config_find_zone(config, startswith(name, "*.") ?: name))
                return 0;
        for (size_t i = 0; i < config->n_zones; i++) {
                const char *zone = config->zones[i].name, *end = same_labels(name, zone), *rest = NULL;

                if (end && !nearly(end, zone))
                        end = NULL;
                if (!end && !is_cut_short(name, zone, &rest))
                        continue;
                log_error("\"%s\" lies outside the zones of this gateway; did you mean \"%.*s%s\"? --force "
                          "takes it as it is.",
                          name, (int) (end ? (size_t) (end - name) : strlen(name)), name, rest ?: zone);
                return -EINVAL;
        }
        r = check_example(config, name);
        return r < 0 ? r : check_relay_zone(config, name);
}
