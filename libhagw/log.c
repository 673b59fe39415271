/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Where log lines go. Owns the identifier and the level; both are set before the first thread starts. What a
 * person reads is made printable here: an error may be what a stranger said. Fields and JSON stay exact. */

#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-journal.h>
#include <systemd/sd-json.h>

#include "libhagw/log.h"
#include "libhagw/pure/printable.h"

#define LOG_FIELDS_MAX 32U

static const char *log_identifier = "hagw";
static int log_max_level = LOG_INFO;
static bool log_to_journal, log_forced_debug, log_as_json;
static void (*log_writer)(const char *line);

static bool stderr_is_journal(void) {
        const char *e = getenv("JOURNAL_STREAM");
        unsigned long long dev, ino;
        struct stat st;

        if (!e || sscanf(e, "%llu:%llu", &dev, &ino) != 2 || fstat(STDERR_FILENO, &st) < 0)
                return false;
        return st.st_dev == dev && st.st_ino == ino;
}

void log_setup(const char *identifier) {
        const char *level = getenv("HAGW_LOG_LEVEL");

        log_identifier = identifier;
        log_to_journal = stderr_is_journal();
        if (level && streq(level, "debug")) {
                log_forced_debug = true;
                log_max_level = LOG_DEBUG;
        }
}

void log_set_max_level(int level) {
        if (!log_forced_debug)
                log_max_level = level;
}

int log_get_max_level(void) {
        return log_max_level;
}

void log_set_json(bool json) {
        log_as_json = json;
}

void log_set_writer(void (*writer)(const char *line)) {
        log_writer = writer;
}

/* { "error": message } on one line; a negative errno where it is not UTF-8. */
static int format_json(int level, const char *message, char **ret) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;
        int r = sd_json_buildo(&v, SD_JSON_BUILD_PAIR(level <= LOG_ERR ? "error" : "message",
                                                      SD_JSON_BUILD_STRING(message)));

        return r < 0 ? r : sd_json_variant_format(v, SD_JSON_FORMAT_NEWLINE, ret);
}

static void log_to_stderr(int level, const char *message) {
        /* One write per line, so that threads do not interleave. */
        _cleanup_free_ char *line = NULL, *shown = NULL;

        if (!log_as_json)
                shown = printable(message, /* lines= */ false);
        if (log_as_json ? format_json(level, message, &line) < 0 &&
                                  format_json(level, "an error that is not UTF-8", &line) < 0 :
                          asprintf(&line, "%s: %s\n", log_identifier, strempty(shown)) < 0)
                return;
        if (log_writer && !log_as_json)
                log_writer(line);
        else
                (void) !write(STDERR_FILENO, line, strlen(line));
}

int log_internal(int level, int error, const char *file, int line, const char *func, const char *format,
                 ...) {
        _cleanup_free_ char *message = NULL, *shown = NULL;
        va_list ap;
        int n;

        error = abs(error);
        errno = error;
        va_start(ap, format);
        n = vasprintf(&message, format, ap);
        va_end(ap);
        if (n < 0) {
                message = NULL;
                return -error;
        }

        if (log_to_journal)
                shown = printable(message, /* lines= */ false);
        if (shown)
                (void) sd_journal_send("MESSAGE=%s", shown, "PRIORITY=%i", level,
                                       "SYSLOG_IDENTIFIER=%s", log_identifier, "CODE_FILE=%s", file,
                                       "CODE_LINE=%i", line, "CODE_FUNC=%s", func, "ERRNO=%i", error, NULL);
        else
                log_to_stderr(level, message);
        return -error;
}

void log_fields(int level, const char *message, const char *const *fields) {
        struct iovec iov[LOG_FIELDS_MAX];
        _cleanup_free_ char *shown = NULL, *m = NULL, *p = NULL, *id = NULL;
        size_t n = 0;

        if (level > log_max_level)
                return;
        if (!log_to_journal) {
                log_to_stderr(level, message);
                return;
        }
        shown = printable(message, /* lines= */ false);
        if (asprintf(&m, "MESSAGE=%s", strempty(shown)) < 0 || asprintf(&p, "PRIORITY=%i", level) < 0 ||
            asprintf(&id, "SYSLOG_IDENTIFIER=%s", log_identifier) < 0)
                return;
        iov[n++] = (struct iovec) { m, strlen(m) };
        iov[n++] = (struct iovec) { p, strlen(p) };
        iov[n++] = (struct iovec) { id, strlen(id) };
        for (; *fields && n < LOG_FIELDS_MAX; fields++)
                iov[n++] = (struct iovec) { (void *) *fields, strlen(*fields) };
        (void) sd_journal_sendv(iov, n);
}

void log_iov(int level, const struct iovec *fields, size_t n) {
        static const char message_field[] = "MESSAGE=";
        struct iovec iov[LOG_FIELDS_MAX];
        char id[64];
        int size;

        if (level > log_max_level || n == 0 || n >= LOG_FIELDS_MAX)
                return;
        if (!log_to_journal) {
                _cleanup_free_ char *message = strndup(fields[0].iov_base, fields[0].iov_len);
                if (message)
                        log_to_stderr(level, startswith(message, message_field) ?: message);
                return;
        }
        size = snprintf(id, sizeof(id), "SYSLOG_IDENTIFIER=%s", log_identifier);
        if (size < 0 || (size_t) size >= sizeof(id))
                return;
        memcpy(iov, fields, n * sizeof(struct iovec));
        iov[n++] = (struct iovec) { id, (size_t) size };
        (void) sd_journal_sendv(iov, (int) n);
}
