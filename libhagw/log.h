/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <sys/uio.h>
#include <syslog.h>

#include "libhagw/pure/macro.h"

/* Logging for managers and main files; pure modules and most others do not log above debug. Goes to the
 * journal with fields where stderr is the journal, else to stderr as text. Usable from any thread. */

void log_setup(const char *identifier);
/* $HAGW_LOG_LEVEL=debug wins over this. */
void log_set_max_level(int level);
int log_get_max_level(void);
/* Lines for a program on stderr: { "error": "…" }, below LOG_ERR { "message": "…" }. */
void log_set_json(bool json);
/* Who writes the lines for a person to stderr, with the newline at their end; NULL: they go there as they
 * are. */
void log_set_writer(void (*writer)(const char *line));

/* Returns -abs(error), so that a caller can log and return in one line. `%m` is the error's text. */
int log_internal(int level, int error, const char *file, int line, const char *func, const char *format, ...)
        _printf_(6, 7);

/* Logs MESSAGE=… and further FIELD=value strings, ended by NULL. Field names are upper case
 * (systemd.journal-fields(7)). */
void log_fields(int level, const char *message, const char *const *fields);

/* The same with fields that are ready, FIELD=value each, MESSAGE= and PRIORITY= among them, MESSAGE= first.
 */
struct iovec;
void log_iov(int level, const struct iovec *fields, size_t n);

#define log_full(level, error, ...)                                                             \
        ({                                                                                      \
                int _level = (level), _e = (error);                                             \
                _level <= log_get_max_level()                                                   \
                        ? log_internal(_level, _e, __FILE__, __LINE__, __func__, __VA_ARGS__)   \
                        : -abs(_e);                                                             \
        })

#define log_debug(...) ((void) log_full(LOG_DEBUG, 0, __VA_ARGS__))
#define log_info(...) ((void) log_full(LOG_INFO, 0, __VA_ARGS__))
#define log_notice(...) ((void) log_full(LOG_NOTICE, 0, __VA_ARGS__))
#define log_warning(...) ((void) log_full(LOG_WARNING, 0, __VA_ARGS__))
#define log_error(...) ((void) log_full(LOG_ERR, 0, __VA_ARGS__))
#define log_debug_errno(error, ...) log_full(LOG_DEBUG, error, __VA_ARGS__)
#define log_info_errno(error, ...) log_full(LOG_INFO, error, __VA_ARGS__)
#define log_warning_errno(error, ...) log_full(LOG_WARNING, error, __VA_ARGS__)
#define log_error_errno(error, ...) log_full(LOG_ERR, error, __VA_ARGS__)
#define log_oom() log_error_errno(ENOMEM, "Out of memory.")
