/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* JSON messages over a Transport. sd-json's objects stay on the thread that made them. */

#include "libhagw/net/controlstream.h"

#define READ_SIZE 4096U /* bytes asked for at once */
#define START_SIZE 512U /* most messages are smaller */

static int grow(ControlStream *s) {
        size_t n = MIN(MAX(2 * s->allocated, (size_t) START_SIZE), (size_t) CONTROL_MESSAGE_MAX);
        char *p;

        p = realloc(s->in, n);
        if (!p)
                return -ENOMEM;
        s->in = p;
        s->allocated = n;
        return 0;
}

void control_stream_done(ControlStream *s) {
        free(s->in);
        *s = (ControlStream) {};
}

/* Without its NUL; keeps what is behind it. */
static int take_message(ControlStream *s, size_t length, sd_json_variant **ret) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;
        int r;

        r = sd_json_parse(s->in, /* flags= */ 0, &v, NULL, NULL);
        s->used -= length + 1;
        s->scanned = 0;
        if (s->used > 0)
                memmove(s->in, s->in + length + 1, s->used);
        else
                control_stream_done(s);
        if (r == -ENOMEM)
                return r;
        if (r < 0 || !sd_json_variant_is_object(v))
                return -EBADMSG;
        *ret = TAKE_PTR(v);
        return 1;
}

int control_stream_read(ControlStream *s, Transport *t, sd_json_variant **ret) {
        for (;;) {
                char piece[READ_SIZE], *end = NULL;
                ssize_t n;
                int r;

                if (s->used > s->scanned)
                        end = memchr(s->in + s->scanned, 0, s->used - s->scanned);
                if (end)
                        return take_message(s, (size_t) (end - s->in), ret);
                s->scanned = s->used;
                if (s->used == CONTROL_MESSAGE_MAX)
                        return -EMSGSIZE;
                n = transport_read(t, piece, MIN(sizeof(piece), CONTROL_MESSAGE_MAX - s->used));
                if (n <= 0)
                        return (int) n;
                while (s->allocated - s->used < (size_t) n) {
                        r = grow(s);
                        if (r < 0)
                                return r;
                }
                memcpy(s->in + s->used, piece, (size_t) n);
                s->used += (size_t) n;
        }
}

int control_send(Transport *t, sd_json_variant *message) {
        _cleanup_free_ char *text = NULL;
        struct iovec iov;
        int r;

        r = sd_json_variant_format(message, /* flags= */ 0, &text);
        if (r < 0)
                return r;
        iov = (struct iovec) { text, strlen(text) + 1 };
        return iov.iov_len > CONTROL_MESSAGE_MAX ? -EMSGSIZE : transport_write(t, &iov, 1);
}

int control_send_call(Transport *t, const char *method, sd_json_variant *parameters, bool more) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;
        int r;

        r = sd_json_buildo(&v, SD_JSON_BUILD_PAIR_STRING("method", method),
                           SD_JSON_BUILD_PAIR_CONDITION(!!parameters, "parameters",
                                                        SD_JSON_BUILD_VARIANT(parameters)),
                           SD_JSON_BUILD_PAIR_CONDITION(more, "more", SD_JSON_BUILD_BOOLEAN(true)));
        return r < 0 ? r : control_send(t, v);
}

int control_send_reply(Transport *t, sd_json_variant *parameters, bool continues) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;
        int r;

        r = sd_json_buildo(&v,
                           SD_JSON_BUILD_PAIR_CONDITION(!!parameters, "parameters",
                                                        SD_JSON_BUILD_VARIANT(parameters)),
                           SD_JSON_BUILD_PAIR_CONDITION(!parameters, "parameters",
                                                        SD_JSON_BUILD_EMPTY_OBJECT),
                           SD_JSON_BUILD_PAIR_CONDITION(continues, "continues",
                                                        SD_JSON_BUILD_BOOLEAN(true)));
        return r < 0 ? r : control_send(t, v);
}

int control_send_error(Transport *t, const char *error, sd_json_variant *parameters) {
        _cleanup_(sd_json_variant_unrefp) sd_json_variant *v = NULL;
        int r;

        r = sd_json_buildo(&v, SD_JSON_BUILD_PAIR_STRING("error", error),
                           SD_JSON_BUILD_PAIR_CONDITION(!!parameters, "parameters",
                                                        SD_JSON_BUILD_VARIANT(parameters)));
        return r < 0 ? r : control_send(t, v);
}

static bool flag(sd_json_variant *message, const char *key) {
        sd_json_variant *v = sd_json_variant_by_key(message, key);

        return v && sd_json_variant_is_boolean(v) && sd_json_variant_boolean(v);
}

/* Missing and null are none. */
static int read_parameters(sd_json_variant *message, sd_json_variant **ret) {
        sd_json_variant *v = sd_json_variant_by_key(message, "parameters");

        if (v && sd_json_variant_is_null(v))
                v = NULL;
        if (v && !sd_json_variant_is_object(v))
                return -EBADMSG;
        *ret = v;
        return 0;
}

int control_read_call(sd_json_variant *message, ControlCall *ret) {
        const char *method = control_string(message, "method");
        sd_json_variant *parameters;

        if (!method || read_parameters(message, &parameters) < 0)
                return -EBADMSG;
        *ret = (ControlCall) { method, parameters, flag(message, "more") };
        return 0;
}

/* It will be in logs and on terminals. */
static bool is_printable(const char *s) {
        size_t n = strlen(s);

        for (size_t i = 0; i < n; i++)
                if (s[i] <= ' ' || s[i] > '~')
                        return false;
        return n > 0 && n <= CONTROL_ERROR_MAX;
}

int control_read_reply(sd_json_variant *message, ControlReply *ret) {
        const char *error = control_string(message, "error");
        sd_json_variant *parameters;

        if (read_parameters(message, &parameters) < 0)
                return -EBADMSG;
        if (!error &&
            (sd_json_variant_by_key(message, "error") || sd_json_variant_by_key(message, "method")))
                return -EBADMSG;
        if (error && !is_printable(error))
                return -EBADMSG;
        *ret = (ControlReply) { error, parameters, flag(message, "continues") };
        return 0;
}

const char *control_string(sd_json_variant *parameters, const char *key) {
        sd_json_variant *v = parameters ? sd_json_variant_by_key(parameters, key) : NULL;

        return v && sd_json_variant_is_string(v) ? sd_json_variant_string(v) : NULL;
}

int64_t control_integer(sd_json_variant *parameters, const char *key, int64_t fallback) {
        sd_json_variant *v = parameters ? sd_json_variant_by_key(parameters, key) : NULL;

        return v && sd_json_variant_is_integer(v) ? sd_json_variant_integer(v) : fallback;
}

bool control_boolean(sd_json_variant *parameters, const char *key) {
        sd_json_variant *v = parameters ? sd_json_variant_by_key(parameters, key) : NULL;

        return v && sd_json_variant_is_boolean(v) && sd_json_variant_boolean(v);
}

bool control_bytes(sd_json_variant *parameters, const char *key, uint8_t *ret, size_t size) {
        sd_json_variant *v = parameters ? sd_json_variant_by_key(parameters, key) : NULL;
        void *bytes = NULL;
        size_t n;
        bool good;

        if (!v || !sd_json_variant_is_string(v) || sd_json_variant_unbase64(v, &bytes, &n) < 0)
                return false;
        good = n == size;
        if (good)
                memcpy(ret, bytes, size);
        explicit_bzero(bytes, n);
        free(bytes);
        return good;
}
