/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One small JSON file: { "addresses": [ { source, address, confirmedUSec, changedUSec } ] }. */

#include <systemd/sd-json.h>

#include "hagw-netd/store.h"
#include "libhagw/json.h"
#include "libhagw/state.h"

typedef struct StoredAddress {
        const char *source, *address;
        uint64_t confirmed_usec, changed_usec;
} StoredAddress;

static const sd_json_dispatch_field fields[] = {
        FIELD_STRING("source", StoredAddress, source),
        FIELD_STRING("address", StoredAddress, address),
        FIELD_UINT64("confirmedUSec", StoredAddress, confirmed_usec),
        FIELD_UINT64("changedUSec", StoredAddress, changed_usec),
        {},
};

static int restore_one(sd_json_variant *v, AddressSource *const *sources, size_t n) {
        StoredAddress stored = {};
        IpAddress a;
        int r;

        r = sd_json_dispatch(v, fields, SD_JSON_ALLOW_EXTENSIONS, &stored);
        if (r < 0 || ip_parse(stored.address, &a) < 0)
                return -EBADMSG;
        for (size_t i = 0; i < n; i++)
                if (address_source_family(sources[i]) == a.family)
                        address_source_restore(sources[i], stored.source, &a, stored.confirmed_usec,
                                               stored.changed_usec);
        return 0;
}

int store_load(int dir_fd, AddressSource *const *sources, size_t n) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;
        sd_json_variant *list;
        int r;

        r = state_read_json(dir_fd, STORE_FILE, &v);
        if (r == -ENOENT)
                return 0;
        list = r >= 0 ? sd_json_variant_by_key(v, "addresses") : NULL;
        if (r >= 0 && !sd_json_variant_is_array(list))
                r = -EBADMSG;
        for (size_t i = 0; r >= 0 && i < sd_json_variant_elements(list); i++)
                r = restore_one(sd_json_variant_by_index(list, i), sources, n);
        if (r == -EBADMSG || r == -EFBIG) {
                (void) state_set_aside(dir_fd, STORE_FILE);
                return -EBADMSG;
        }
        return r < 0 ? r : 0;
}

int store_save(int dir_fd, AddressSource *const *sources, size_t n) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *list = NULL, *v = NULL;
        int r;

        r = sd_json_variant_new_array(&list, NULL, 0);
        for (size_t i = 0; r >= 0 && i < n; i++) {
                AddressState state = address_source_state(sources[i]);
                char text[IP_TEXT_MAX];

                if (state.address.family == AF_UNSPEC)
                        continue;
                r = sd_json_variant_append_arraybo(
                        &list,
                        SD_JSON_BUILD_PAIR("source", SD_JSON_BUILD_STRING(
                                                     state.held ?: address_source_spec(sources[i]))),
                        SD_JSON_BUILD_PAIR("address", SD_JSON_BUILD_STRING(ip_format(&state.address, text))),
                        SD_JSON_BUILD_PAIR("confirmedUSec", SD_JSON_BUILD_UNSIGNED(state.confirmed_usec)),
                        SD_JSON_BUILD_PAIR("changedUSec", SD_JSON_BUILD_UNSIGNED(state.changed_usec)));
        }
        if (r >= 0)
                r = sd_json_buildo(&v, SD_JSON_BUILD_PAIR("addresses", SD_JSON_BUILD_VARIANT(list)));
        if (r < 0)
                return r;
        return state_write_json(dir_fd, STORE_FILE, v, 0600);
}
