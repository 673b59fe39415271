/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* hagw-keyd: the only process that ever maps a private key. Loads all keys at the start and signs from
 * memory. One thread. */

#include <fcntl.h>
#include <gnutls/gnutls.h>
#include <malloc.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "keyd.h"
#include "log.h"
#include "token.h"
#include "vl-io.hagw.Key.h"

/* Freed memory is overwritten with this byte: no copy of a key outlives its use, whoever made it. */
#define FREED_MEMORY_BYTE 0xA5

/* What the status line says of the relay's token. */
static void describe_token(Keyd *keyd, char *out, size_t size) {
        _cleanup_token_file_ TokenFile f = {};
        int r = token_load(keyd->state_fd, &f);

        if (r >= 0)
                (void) snprintf(out, size, ", and the relay token of %s", f.token.tenant);
        else
                (void) snprintf(out, size, "%s", r == -ENOENT ? "" : "; broken relay token, see the log");
}

void keyd_update_status(Keyd *keyd) {
        size_t account = 0, n = keys_count(keyd->keys), broken = 0;
        char token[128];

        for (size_t i = 0; i < n; i++)
                account += keys_get(keyd->keys, i)->purpose == KEY_PURPOSE_ACCOUNT;
        while (keys_get_broken(keyd->keys)[broken])
                broken++;
        describe_token(keyd, token, sizeof(token));
        if (broken > 0)
                daemon_set_status(keyd->daemon,
                                  "Holding %zu keys for certificates and %zu for accounts%s; "
                                  "%zu broken key files, see the log",
                                  n - account, account, token, broken);
        else
                daemon_set_status(keyd->daemon, "Holding %zu keys for certificates and %zu for accounts%s",
                                  n - account, account, token);
}

static void *keyd_stop(void *userdata) {
        Keyd *keyd = userdata;

        keys_free(keyd->keys);
        safe_close(keyd->state_fd);
        free(keyd);
        return NULL;
}

/* No core dump, no debugger, no swap. The unit says the first two again. */
static void keyd_harden(void) {
        const struct rlimit none = {};

        (void) mallopt(M_PERTURB, FREED_MEMORY_BYTE);
        if (prctl(PR_SET_DUMPABLE, 0) < 0 || setrlimit(RLIMIT_CORE, &none) < 0)
                (void) log_warning_errno(errno, "Could not forbid core dumps: %m");
        if (mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) < 0)
                (void) log_warning_errno(errno, "Could not keep the keys out of swap space: %m");
}

static int keyd_start(Daemon *daemon, const Config *config, void **ret_userdata) {
        const char *dir = daemon_state_dir();
        _cleanup_free_ Keyd *keyd = NULL;
        _cleanup_close_ int state_fd = -EBADF;
        int r;

        if (!dir)
                return log_error_errno(EINVAL,
                                       "$STATE_DIRECTORY is not set; systemd starts hagw-keyd with it.");
        keyd_harden();
        keyd = calloc(1, sizeof(*keyd));
        if (!keyd)
                return log_oom();
        keyd->daemon = daemon;
        state_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (state_fd < 0)
                return log_error_errno(errno, "Could not open %s: %m", dir);
        r = keys_load(dir, &keyd->keys);
        if (r < 0)
                return log_error_errno(r, "Could not read the keys in %s: %m", dir);
        keyd->state_fd = TAKE_FD(state_fd);
        token_clean(keyd->state_fd);
        keyd_update_status(keyd);
        *ret_userdata = TAKE_PTR(keyd);
        return 0;
}

static int keyd_metrics(sd_json_variant **metrics, void *userdata) {
        static const char *const kinds[_SIGNATURE_MAX] = {
                [SIGNATURE_HANDSHAKE] = "handshake",
                [SIGNATURE_JWS] = "jws",
                [SIGNATURE_REQUEST] = "request",
                [SIGNATURE_PROOF] = "proof",
        };
        Keyd *keyd = userdata;
        int r;

        r = metrics_append(metrics, "keys", false, "Private keys held", (double) keys_count(keyd->keys),
                           NULL);
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(kinds); i++)
                r = metrics_append(metrics, "key_signatures", true, "Signatures made",
                                   (double) keyd->signatures[i],
                                   (const char *const[]) { "kind", kinds[i], NULL });
        if (r >= 0)
                r = metrics_append(metrics, "key_refusals", true, "Signatures refused",
                                   (double) keyd->refusals, NULL);
        return r;
}

int main(int argc, char *argv[]) {
        static const DaemonSpec spec = {
                .name = "hagw-keyd",
                .description = "Holds the private keys and signs with them for the other daemons of hagw.",
                .interface = &vl_interface_io_hagw_Key,
                .methods = keyd_methods,
                .connections_per_uid = KEY_CONNECTIONS_PER_UID_MAX,
                .start = keyd_start,
                .metrics = keyd_metrics,
                .stop = keyd_stop,
        };

        return daemon_run(&spec, argc, argv);
}
