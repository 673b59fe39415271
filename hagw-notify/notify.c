/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* hagw-notify: tells people what hagw-ctl found (as root, into a file that this user may read), and ends. It
 * asks no daemon and reads no configuration. */

#include <curl/curl.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>

#include "hagw-notify/send.h"
#include "hagw-notify/told.h"
#include "libhagw/daemon.h"
#include "libhagw/log.h"
#include "libhagw/state.h"
#include "libhagw/usec.h"

typedef struct Notify {
        sd_json_variant *input; /* { host, targets, findings, testUSec } */
        const char *host;
        uint64_t test_usec;
        Told told;
        int state_fd;
} Notify;

static void notify_done(Notify *n) {
        told_done(&n->told);
        sd_json_variant_unref(n->input);
        (void) safe_close(n->state_fd);
}

static int take_targets(Notify *n) {
        sd_json_variant *list = sd_json_variant_by_key(n->input, "targets");
        const char *names[CONF_NOTIFY_MAX];
        size_t k = 0;

        for (size_t i = 0; i < sd_json_variant_elements(list) && k < CONF_NOTIFY_MAX; i++) {
                sd_json_variant *s = sd_json_variant_by_index(list, i);

                if (sd_json_variant_is_string(s))
                        names[k++] = sd_json_variant_string(s);
        }
        return told_set_targets(&n->told, names, k);
}

static int load(Notify *n, const char *path) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *before = NULL;
        sd_json_variant *host, *test;
        int r;

        r = state_read_json(AT_FDCWD, path, &n->input);
        if (r < 0)
                return log_error_errno(r, "%s could not be read: %m", path);
        host = sd_json_variant_by_key(n->input, "host");
        n->host = host && sd_json_variant_is_string(host) ? sd_json_variant_string(host) : "this house";
        test = sd_json_variant_by_key(n->input, "testUSec");
        n->test_usec = test && sd_json_variant_is_unsigned(test) ? sd_json_variant_unsigned(test) : 0;
        n->state_fd = open(daemon_state_dir() ?: ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (n->state_fd < 0)
                return log_error_errno(errno, "The state directory could not be opened: %m");
        r = state_read_json(n->state_fd, TOLD_FILE, &before);
        if (r == -EBADMSG || r == -EFBIG) {
                log_error("What was told could not be read; it was set aside as " TOLD_FILE ".broken, and "
                          "is told once more.");
                (void) state_set_aside(n->state_fd, TOLD_FILE);
        } else if (r < 0 && r != -ENOENT)
                return log_error_errno(r, TOLD_FILE " could not be read: %m");
        r = told_from_json(before, clock_usec(CLOCK_REALTIME), &n->told);
        if (r >= 0)
                r = take_targets(n);
        if (r >= 0)
                r = told_look(&n->told, sd_json_variant_by_key(n->input, "findings"));
        return r < 0 ? log_oom() : 0;
}

static int test_target(Notify *n, Target *t) {
        _cleanup_(words_done) Words words = {};
        _cleanup_free_ char *error = NULL;
        int r;

        r = words_of_test(n->host, &words);
        if (r >= 0)
                r = send_words(t->name, &words, &error);
        if (r == -ENOMEM)
                return r;
        free(t->test_error);
        t->test_error = TAKE_PTR(error);
        t->test_usec = n->test_usec;
        return told_result(t, t->test_error, clock_usec(CLOCK_REALTIME));
}

static int tell_target(Notify *n, Target *t) {
        const uint64_t now_usec = clock_usec(CLOCK_REALTIME);
        _cleanup_(words_done) Words words = {};
        _cleanup_free_ char *error = NULL;
        News news;
        int r;

        if (!told_news(&n->told, t, now_usec, &news))
                return 0;
        r = words_of_news(n->host, &news, &words);
        if (r >= 0)
                r = send_words(t->name, &words, &error);
        if (r == -ENOMEM)
                return r;
        if (r < 0) {
                /* Once; hagw-ctl status says it for as long as it lasts. */
                if (t->failing_usec == 0)
                        log_warning("%s could not be told: %s", t->name, strempty(error));
                return told_result(t, strempty(error), now_usec);
        }
        log_notice("%s was told: %zu that need attention, %zu that are over.", t->name, news.n_begun,
                 news.n_over);
        r = told_sent(t, &news, now_usec);
        return r < 0 ? r : told_result(t, NULL, now_usec);
}

/* After each target, so that an end in the middle tells nobody twice. */
static int save(Notify *n) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;
        int r;

        r = told_to_json(&n->told, &v);
        if (r >= 0)
                r = state_write_json(n->state_fd, TOLD_FILE, v, 0600);
        return r < 0 ? log_error_errno(r, TOLD_FILE " could not be written: %m") : 0;
}

static int run(Notify *n, const char *path) {
        int r;

        r = load(n, path);
        if (r < 0)
                return r;
        /* What cannot be noted is not told either: it would be told every five minutes. */
        r = save(n);
        for (size_t i = 0; r >= 0 && i < n->told.n_targets; i++) {
                Target *t = &n->told.targets[i];

                r = n->test_usec > t->test_usec ? test_target(n, t) : tell_target(n, t);
                if (r < 0)
                        return log_oom();
                r = save(n);
        }
        return r;
}

int main(int argc, char *argv[]) {
        _cleanup_(notify_done) Notify n = { .state_fd = -EBADF };

        log_setup("hagw-notify");
        if (argc == 2 && (streq(argv[1], "--help") || streq(argv[1], "-h"))) {
                printf("hagw-notify FILE\n\n"
                       "Tells people what is in FILE, which hagw-ctl notify gather wrote.\n\n"
                       "  -h --help     Show this help\n"
                       "  -V --version  Show the version\n\n"
                       "Started by systemd with a timer; see hagw-notify(8).\n");
                return EXIT_SUCCESS;
        }
        if (argc == 2 && (streq(argv[1], "--version") || streq(argv[1], "-V"))) {
                puts("hagw " PACKAGE_VERSION);
                return EXIT_SUCCESS;
        }
        if (argc != 2 || argv[1][0] == '-') {
                log_error("hagw-notify takes one file; see --help.");
                return EXIT_FAILURE;
        }
        (void) signal(SIGPIPE, SIG_IGN);
        if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
                return EXIT_FAILURE;
        return run(&n, argv[1]) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
