/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* hagw-keyd: the only process that ever maps a private key. Loads all keys at the start and signs from
 * memory. The main thread talks and judges; what takes time is done by three crews beside it. */

#include <fcntl.h>
#include <gnutls/gnutls.h>
#include <malloc.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "hagw-keyd/keyd-varlink.h"
#include "hagw-keyd/token.h"
#include "libhagw/log.h"
#include "libhagw/vl-io.hagw.Key.h"

/* Freed memory is overwritten with this byte: no copy of a key outlives its use, whoever made it. */
#define FREED_MEMORY_BYTE 0xA5

#define SIGNERS_MIN 2U /* threads; as many as there are processors, up to CREW_THREADS_MAX */

static void *keyd_stop(void *userdata) {
        Keyd *keyd = userdata;

        keyd->draining = false; /* that is over */
        /* What the maker finishes may still give the writer something: it ends last. */
        keyd->maker = crew_free(keyd->maker);
        keyd->signers = crew_free(keyd->signers);
        keyd->writer = crew_free(keyd->writer);
        keys_free(keyd->keys);
        safe_close(keyd->state_fd);
        free(keyd);
        return NULL;
}

/* No core dump, no debugger, no swap. The unit says the first two again. */
static void keyd_harden(void) {
        const struct rlimit none = {};

        (void) mallopt(M_PERTURB, FREED_MEMORY_BYTE);
        /* Each further arena would count 64 MiB against RLIMIT_MEMLOCK. */
        (void) mallopt(M_ARENA_MAX, 1);
        if (prctl(PR_SET_DUMPABLE, 0) < 0 || setrlimit(RLIMIT_CORE, &none) < 0)
                (void) log_warning_errno(errno, "Could not forbid core dumps: %m");
        if (mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) < 0)
                (void) log_warning_errno(errno, "Could not keep the keys out of swap space: %m");
}

static int keyd_start_crews(Keyd *keyd) {
        CrewSpec signers = { "sign", CREW_THREADS_MAX, { HANDSHAKES_MAX, SIGNATURES_MAX } };
        static const CrewSpec maker = { "make", 1, { [JOB_ORDINARY] = KEYS_MADE_MAX } };
        static const CrewSpec writer = { "write", 1, { TOKEN_READS_MAX, WRITES_MAX } };
        sd_event *event = daemon_event(keyd->daemon);
        cpu_set_t set;
        int r;

        if (sched_getaffinity(0, sizeof(set), &set) >= 0)
                signers.n_threads = MIN((size_t) CPU_COUNT(&set), signers.n_threads);
        /* A slow signature does not hold up all others. */
        signers.n_threads = MAX(signers.n_threads, (size_t) SIGNERS_MIN);
        r = crew_new(&signers, event, &keyd->signers);
        if (r >= 0)
                r = crew_new(&maker, event, &keyd->maker);
        if (r >= 0)
                r = crew_new(&writer, event, &keyd->writer);
        return r;
}

/* Whoever asked for a key or a change gets his answer; meanwhile handshakes are signed. */
static void keyd_drain(void *userdata) {
        Keyd *keyd = userdata;

        keyd->draining = true;
        keyd_continue_stop(keyd);
}

static int keyd_start(Daemon *daemon, const Config *config, void **ret_userdata) {
        const char *dir = daemon_state_dir();
        Keyd *keyd;
        int r;

        if (!dir)
                return log_error_errno(EINVAL,
                                       "$STATE_DIRECTORY is not set; systemd starts hagw-keyd with it.");
        keyd_harden();
        keyd = calloc(1, sizeof(*keyd));
        if (!keyd)
                return log_oom();
        *ret_userdata = keyd; /* from here on keyd_stop() releases it, whatever happens */
        keyd->daemon = daemon;
        keyd->state_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (keyd->state_fd < 0)
                return log_error_errno(errno, "Could not open %s: %m", dir);
        r = keys_load(dir, &keyd->keys);
        if (r < 0)
                return log_error_errno(r, "Could not read the keys in %s: %m", dir);
        token_clean(keyd->state_fd);
        keyd_describe_token(keyd->state_fd, keyd->token_status);
        r = keyd_start_crews(keyd);
        if (r < 0)
                return log_error_errno(r, "Could not start threads: %m");
        keyd_update_status(keyd);
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
        if (r >= 0)
                r = metrics_append(metrics, "key_busy", true, "Calls refused because too many were waiting",
                                   (double) keyd->busy, NULL);
        return r;
}

int main(int argc, char *argv[]) {
        static const DaemonSpec spec = {
                .name = "hagw-keyd",
                .description = "Holds the private keys and signs with them for the other daemons of hagw.",
                .interface = &vl_interface_io_hagw_Key,
                .methods = { keyd_methods, store_methods, sign_methods, account_methods, token_methods },
                .connections_per_uid = KEY_CONNECTIONS_PER_UID_MAX,
                .start = keyd_start,
                .metrics = keyd_metrics,
                .drain = keyd_drain,
                .stop = keyd_stop,
        };

        return daemon_run(&spec, argc, argv);
}
