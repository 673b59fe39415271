/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The questions to systemd-resolved (io.systemd.Resolve, varlink) and to Avahi, whose socket takes a line
 * and gives a line: "RESOLVE-HOSTNAME-IPV4 NAME", "+ INTERFACE PROTOCOL NAME ADDRESS"; one a connection.
 * libc's own way to both would block, and load what we do not know into this process. */

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-varlink.h>

#include "hagw-netd/mdns.h"
#include "libhagw/pure/hostname.h"
#include "libhagw/usec.h"

#define LINE_SIZE_MAX 512U

typedef enum MdnsStep {
        MDNS_RESOLVED,
        MDNS_AVAHI4,
        MDNS_AVAHI6,
        _MDNS_STEP_MAX,
} MdnsStep;

struct Mdns {
        sd_event *event;
        char name[HOSTNAME_MAX + 1];
        MdnsStep step;
        MdnsHandler handler;
        void *userdata;
        sd_varlink *link;
        int fd;
        sd_event_source *io, *timer, *next;
        char line[LINE_SIZE_MAX];
        size_t n_line;
        IpAddress addresses[MDNS_ADDRESSES_MAX];
        size_t n_addresses;
};

bool mdns_is_local(const char *name) {
        return endswith(name, ".local");
}

static void mdns_hang_up(Mdns *m) {
        if (m->link) {
                (void) sd_varlink_set_userdata(m->link, NULL);
                (void) sd_varlink_bind_reply(m->link, NULL);
                m->link = sd_varlink_close_unref(m->link);
        }
        m->io = sd_event_source_disable_unref(m->io);
        m->fd = safe_close(m->fd);
        m->n_line = 0;
}

Mdns *mdns_free(Mdns *m) {
        if (!m)
                return NULL;
        mdns_hang_up(m);
        sd_event_source_disable_unref(m->timer);
        sd_event_source_disable_unref(m->next);
        sd_event_unref(m->event);
        free(m);
        return NULL;
}

DEFINE_TRIVIAL_CLEANUP_FUNC(Mdns *, mdns_free)

/* From the loop, when this callback is over: the one who is asked may be freed by then. */
static void mdns_end_step(Mdns *m) {
        mdns_hang_up(m);
        m->step = m->n_addresses > 0 ? _MDNS_STEP_MAX : m->step + 1;
        (void) sd_event_source_set_enabled(m->next, SD_EVENT_ONESHOT);
}

/* A link-local address means nothing without its link, which a service's address has no place for. */
static void mdns_add(Mdns *m, const IpAddress *a) {
        if (m->n_addresses == MDNS_ADDRESSES_MAX ||
            (a->family == AF_INET6 && a->bytes[0] == 0xfe && (a->bytes[1] & 0xc0) == 0x80))
                return;
        m->addresses[m->n_addresses++] = *a;
}

static const char *system_runtime_dir(void) {
        return secure_getenv("HAGW_SYSTEM_RUNTIME_DIR") ?: "/run";
}

/* { family, address: [ bytes ] } */
static void take_resolved(Mdns *m, sd_json_variant *v) {
        sd_json_variant *family = sd_json_variant_by_key(v, "family");
        sd_json_variant *bytes = sd_json_variant_by_key(v, "address");
        IpAddress a = {};
        size_t n;

        if (!family || !bytes || !sd_json_variant_is_integer(family) || !sd_json_variant_is_array(bytes))
                return;
        a.family = (int) sd_json_variant_integer(family);
        n = a.family == AF_INET ? 4 : a.family == AF_INET6 ? 16 : 0;
        if (n == 0 || sd_json_variant_elements(bytes) != n)
                return;
        for (size_t i = 0; i < n; i++) {
                sd_json_variant *b = sd_json_variant_by_index(bytes, i);

                if (!sd_json_variant_is_unsigned(b) || sd_json_variant_unsigned(b) > UINT8_MAX)
                        return;
                a.bytes[i] = (uint8_t) sd_json_variant_unsigned(b);
        }
        mdns_add(m, &a);
}

static int on_resolved(sd_varlink *link, sd_json_variant *parameters, const char *error_id,
                       sd_varlink_reply_flags_t flags, void *userdata) {
        Mdns *m = userdata;
        sd_json_variant *list = m && !error_id ? sd_json_variant_by_key(parameters, "addresses") : NULL;

        if (!m)
                return 0;
        for (size_t i = 0; list && sd_json_variant_is_array(list) && i < sd_json_variant_elements(list); i++)
                take_resolved(m, sd_json_variant_by_index(list, i));
        mdns_end_step(m);
        return 0;
}

static int ask_resolved(Mdns *m) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *parameters = NULL;
        char path[sizeof(((struct sockaddr_un *) 0)->sun_path)];
        int r;

        r = snprintf(path, sizeof(path), "%s/systemd/resolve/io.systemd.Resolve", system_runtime_dir());
        if (r < 0 || (size_t) r >= sizeof(path))
                return -ENAMETOOLONG;
        r = sd_varlink_connect_address(&m->link, path);
        if (r < 0)
                return r;
        (void) sd_varlink_set_userdata(m->link, m);
        r = sd_json_buildo(&parameters, SD_JSON_BUILD_PAIR("name", SD_JSON_BUILD_STRING(m->name)));
        if (r >= 0)
                r = sd_varlink_bind_reply(m->link, on_resolved);
        if (r >= 0)
                r = sd_varlink_attach_event(m->link, m->event, SD_EVENT_PRIORITY_NORMAL);
        return r < 0 ? r : sd_varlink_invoke(m->link, "io.systemd.Resolve.ResolveHostname", parameters);
}

/* The address is the last word. */
static void take_line(Mdns *m) {
        const char *address = strrchr(m->line, ' ');
        IpAddress a;

        if (m->line[0] == '+' && address && ip_parse(address + 1, &a) >= 0)
                mdns_add(m, &a);
}

static int on_avahi(sd_event_source *s, int fd, uint32_t revents, void *userdata) {
        Mdns *m = userdata;
        ssize_t n = recv(fd, m->line + m->n_line, sizeof(m->line) - 1 - m->n_line, MSG_DONTWAIT);
        char *end;

        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return 0;
        if (n > 0)
                m->n_line += (size_t) n;
        m->line[m->n_line] = '\0';
        end = strchr(m->line, '\n');
        if (end) {
                *end = '\0';
                take_line(m);
        }
        if (end || n <= 0 || m->n_line == sizeof(m->line) - 1)
                mdns_end_step(m);
        return 0;
}

static int ask_avahi(Mdns *m, const char *command) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        char line[HOSTNAME_MAX + 40];
        int n;

        n = snprintf(address.sun_path, sizeof(address.sun_path), "%s/avahi-daemon/socket",
                     system_runtime_dir());
        if (n < 0 || (size_t) n >= sizeof(address.sun_path))
                return -ENAMETOOLONG;
        m->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (m->fd < 0 || connect(m->fd, (struct sockaddr *) &address, sizeof(address)) < 0)
                return -errno;
        n = snprintf(line, sizeof(line), "%s %s\n", command, m->name);
        if (send(m->fd, line, (size_t) n, MSG_NOSIGNAL) != n)
                return -EIO;
        return sd_event_add_io(m->event, &m->io, m->fd, EPOLLIN, on_avahi, m);
}

static int mdns_ask(Mdns *m) {
        switch (m->step) {
        case MDNS_RESOLVED:
                return ask_resolved(m);
        case MDNS_AVAHI4:
                return ask_avahi(m, "RESOLVE-HOSTNAME-IPV4");
        default:
                return ask_avahi(m, "RESOLVE-HOSTNAME-IPV6");
        }
}

static int on_next(sd_event_source *s, void *userdata) {
        Mdns *m = userdata;

        for (; m->step < _MDNS_STEP_MAX; m->step++) {
                if (mdns_ask(m) >= 0 && sd_event_source_set_time_relative(m->timer, MDNS_STEP_USEC) >= 0 &&
                    sd_event_source_set_enabled(m->timer, SD_EVENT_ONESHOT) >= 0)
                        return 0;
                mdns_hang_up(m);
        }
        (void) sd_event_source_set_enabled(m->timer, SD_EVENT_OFF);
        m->handler(m->addresses, m->n_addresses, m->userdata);
        return 0;
}

static int on_timer(sd_event_source *s, uint64_t usec, void *userdata) {
        mdns_end_step(userdata);
        return 0;
}

int mdns_new(Mdns **ret, sd_event *event, const char *name, MdnsHandler handler, void *userdata) {
        _cleanup_(mdns_freep) Mdns *m = calloc(1, sizeof(*m));
        int r;

        if (!m)
                return -ENOMEM;
        m->event = sd_event_ref(event);
        m->fd = -EBADF;
        m->handler = handler;
        m->userdata = userdata;
        (void) snprintf(m->name, sizeof(m->name), "%s", name);
        r = sd_event_add_time(event, &m->timer, CLOCK_MONOTONIC, 0, USEC_PER_MSEC, on_timer, m);
        if (r >= 0)
                r = sd_event_source_set_enabled(m->timer, SD_EVENT_OFF);
        if (r >= 0)
                r = sd_event_add_defer(event, &m->next, on_next, m); /* once, and again at each step's end */
        if (r < 0)
                return r;
        *ret = TAKE_PTR(m);
        return 0;
}
