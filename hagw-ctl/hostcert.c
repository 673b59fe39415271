/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Names that no certificate can be had for. What is in a zone can: the zone's owner has shown it; but for an
 * underscore. */

#include <ctype.h>

#include "hagw-ctl/hostcert.h"
#include "hagw-ctl/idn.h"
#include "libhagw/log.h"
#include "libhagw/pure/hostname.h"

/* Reserved (RFC 6761, 6762, 7686, 8375, 9476; .internal: ICANN), so that they are nobody's in public. */
static const char *const reserved[] = {
        "alt", "example", "home.arpa", "internal", "invalid", "local", "localhost", "onion", "test",
};

static const char *find_reserved(const char *name) {
        for (size_t i = 0; i < ELEMENTSOF(reserved); i++)
                if (hostname_in_zone(name, reserved[i]))
                        return reserved[i];
        return NULL;
}

/* Nobody else is asked, who may know the house's own names. */
static bool is_public_authority(const Config *config) {
        const char *first = strempty(config->acme.first.directory),
                   *second = config->acme.fallback.directory;

        return strstr(first, "letsencrypt.org") && (!second || strstr(second, "letsencrypt.org"));
}

static bool ends_in_digits(const char *name) {
        const char *last = strrchr(name, '.');

        last = last ? last + 1 : name;
        return *last && strspn(last, "0123456789") == strlen(last);
}

/* Of a wildcard outside all zones the authority looks for a value in DNS that only the relay's alias leads
 * to us. */
static bool wildcard_can_be_proven(const Config *config) {
        bool relay = false;

        for (size_t i = 0; i < config->n_zones; i++) {
                if (config->zones[i].via == CONF_VIA_DIRECT)
                        return false;
                relay = true;
        }
        return relay;
}

/* Also in a zone, whose certificate is for such a name, too: what some programs refuse is no name for a
 * host. */
static int check_underscore(const Config *config, const char *name) {
        _cleanup_free_ char *reason = NULL;
        int r = is_public_authority(config) ? idn_judge_underscore(name, &reason) : 0;

        if (r < 0)
                return log_oom();
        if (r > 0)
                log_error("%s --force takes it anyway, for a certificate from elsewhere (hagw-ctl cert "
                          "import).",
                          reason);
        return r > 0 ? -EINVAL : 0;
}

int host_check_certificate(const Config *config, const char *name, const char *upstream) {
        const char *bare = startswith(name, "*.") ?: name, *end;
        int r;

        /* A tcp:// service has its own. */
        if (startswith(upstream, "tcp://"))
                return 0;
        r = check_underscore(config, name);
        if (r < 0 || config_find_zone(config, bare))
                return r;
        end = find_reserved(bare);
        if (!strchr(bare, '.'))
                log_error("\"%s\" is not a full name, and can never have a certificate. --force takes it "
                          "as it is.",
                          name);
        else if (ends_in_digits(bare))
                log_error("\"%s\" is an address, not a name, and can never have a certificate. --force "
                          "takes it as it is.",
                          name);
        else if (end && is_public_authority(config))
                log_error("\"%s\" can never have a certificate of this authority: names below \"%s\" "
                          "belong to nobody. --force takes it anyway.",
                          name, end);
        else if (bare != name && !wildcard_can_be_proven(config))
                log_error("\"%s\" can never have a certificate by itself: a wildcard outside the zones of "
                          "this gateway cannot be proven to an authority. --force takes it anyway; then "
                          "import one (hagw-ctl cert import).",
                          name);
        else
                return 0;
        return -EINVAL;
}
