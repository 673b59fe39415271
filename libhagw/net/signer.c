/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The links to keyd: io.hagw.Key.SignHandshake. Each is a varlink connection on the worker's loop, on which
 * several questions may be under way; their answers come in the same order. Runs in the worker's thread. */

#include "libhagw/net/signer.h"
#include "libhagw/pure/list.h"
#include "libhagw/vl-io.hagw.Key.h"
#include "libhagw/vl.h"

/* What a fiber waits for; lies on its stack. */
typedef struct SignTicket SignTicket;
struct SignTicket {
        SignTicket *next, **place; /* in waiting; NULL when it is answered */
        Fiber *fiber;
        SignRequest *request;
        const char *key_id, *scheme;
        const gnutls_datum_t *data;
        bool retried;
        uint64_t links_before; /* that had been opened when its own was lost */
        int error;
        gnutls_datum_t *signature;
};

struct SignRequest {
        SignRequest *next;
        SignTicket *ticket; /* NULL: nobody waits for it any more */
        uint64_t asked_usec;
};

struct SignerLink {
        Handle handle;
        Timer timer;
        Garbage garbage;
        Signer *signer;
        unsigned index;
        uint64_t number; /* of all that were opened */
        sd_varlink *link;
        SignRequest *first, **last; /* under way */
        unsigned n;
        bool broken;
};

static_assert(SIGNER_LINKS_ALL + 8 <= KEY_CONNECTIONS_PER_UID_MAX, "the main thread has its own");

static _Thread_local Signer *signer;
static _Thread_local SignTicket *waiting;

static const struct {
        int pk_algorithm;
        unsigned bits; /* 0: any */
        gnutls_sign_algorithm_t algorithm;
        const char *scheme;
} schemes[] = {
        { GNUTLS_PK_ECDSA, 256, GNUTLS_SIGN_ECDSA_SECP256R1_SHA256, "ecdsa_secp256r1_sha256" },
        { GNUTLS_PK_ECDSA, 256, GNUTLS_SIGN_ECDSA_SHA256, "ecdsa_secp256r1_sha256" },
        { GNUTLS_PK_ECDSA, 384, GNUTLS_SIGN_ECDSA_SECP384R1_SHA384, "ecdsa_secp384r1_sha384" },
        { GNUTLS_PK_ECDSA, 384, GNUTLS_SIGN_ECDSA_SHA384, "ecdsa_secp384r1_sha384" },
        { GNUTLS_PK_RSA, 0, GNUTLS_SIGN_RSA_PSS_RSAE_SHA256, "rsa_pss_rsae_sha256" },
        { GNUTLS_PK_RSA, 0, GNUTLS_SIGN_RSA_PSS_RSAE_SHA384, "rsa_pss_rsae_sha384" },
        { GNUTLS_PK_RSA, 0, GNUTLS_SIGN_RSA_PSS_RSAE_SHA512, "rsa_pss_rsae_sha512" },
        { GNUTLS_PK_RSA, 0, GNUTLS_SIGN_RSA_SHA256, "rsa_pkcs1_sha256" },
        { GNUTLS_PK_RSA, 0, GNUTLS_SIGN_RSA_SHA384, "rsa_pkcs1_sha384" },
        { GNUTLS_PK_RSA, 0, GNUTLS_SIGN_RSA_SHA512, "rsa_pkcs1_sha512" },
};

const char *signer_scheme(int pk_algorithm, unsigned bits, gnutls_sign_algorithm_t algorithm) {
        for (size_t i = 0; i < ELEMENTSOF(schemes); i++)
                if (schemes[i].pk_algorithm == pk_algorithm && schemes[i].algorithm == algorithm &&
                    (schemes[i].bits == 0 || schemes[i].bits == bits))
                        return schemes[i].scheme;
        return NULL;
}

static void ticket_answer(SignTicket *t, int error) {
        LIST_REMOVE(t);
        t->error = error;
        fiber_wake(t->fiber);
}

static SignRequest *link_pop(SignerLink *l) {
        SignRequest *q = l->first;

        if (!q)
                return NULL;
        l->first = q->next;
        if (!l->first)
                l->last = &l->first;
        l->n--;
        l->signer->n_requests--;
        return q;
}

/* The oldest question's deadline. */
static void link_watch(SignerLink *l) {
        if (l->first)
                loop_arm(l->signer->loop, &l->timer, l->first->asked_usec + SIGNER_TIMEOUT_USEC);
        else
                loop_disarm(l->signer->loop, &l->timer);
}

static void free_link(Garbage *g) {
        free(CONTAINER_OF(g, SignerLink, garbage));
}

static int submit(SignTicket *t);

/* keyd may have been restarted: so once, and by a link that was made since, for all of them have died then
 * and some may not be known to. Whoever has waited for keyd long enough has not. */
static int submit_again(SignTicket *t, uint64_t links_before, int error) {
        if (t->retried || error == -ETIMEDOUT)
                return error;
        t->retried = true;
        t->links_before = links_before;
        return submit(t);
}

static void link_close(SignerLink *l, int error) {
        Loop *loop = l->signer->loop;
        uint64_t n_opened = l->signer->n_opened;
        SignRequest *q;

        l->signer->links[l->index] = NULL;
        loop_disarm(loop, &l->timer);
        loop_remove(loop, &l->handle);
        l->handle.fd = -EBADF;
        (void) sd_varlink_set_userdata(l->link, NULL);
        l->link = sd_varlink_close_unref(l->link);
        while ((q = link_pop(l))) {
                SignTicket *t = q->ticket;

                free(q);
                if (!t)
                        continue;
                t->request = NULL;
                if (submit_again(t, n_opened, error) < 0)
                        ticket_answer(t, error);
        }
        l->signer->on_room(l->signer);
        loop_defer_free(loop, &l->garbage);
}

static void take_signature(SignTicket *t, sd_json_variant *reply) {
        sd_json_variant *v = sd_json_variant_by_key(reply, "signature");
        _cleanup_free_ void *raw = NULL;
        size_t size;
        int r;

        r = v && sd_json_variant_is_string(v) ? sd_json_variant_unbase64(v, &raw, &size) : -EBADMSG;
        if (r >= 0)
                t->signature->data = gnutls_malloc(size);
        if (r >= 0 && !t->signature->data)
                r = -ENOMEM;
        if (r >= 0) {
                memcpy(t->signature->data, raw, size);
                t->signature->size = (unsigned) size;
        }
        ticket_answer(t, MIN(r, 0));
}

static int on_reply(sd_varlink *link, sd_json_variant *parameters, const char *error_id,
                    sd_varlink_reply_flags_t flags, void *userdata) {
        SignerLink *l = userdata;
        SignRequest *q;

        if (!l)
                return 0;
        if (error_id && (flags & SD_VARLINK_REPLY_LOCAL)) {
                l->broken = true; /* closed by whoever called us */
                return 0;
        }
        q = link_pop(l);
        if (q && q->ticket && error_id)
                ticket_answer(q->ticket, -EREMOTEIO);
        else if (q && q->ticket)
                take_signature(q->ticket, parameters);
        free(q);
        link_watch(l);
        l->signer->on_room(l->signer);
        return 0;
}

/* False: it is closed. */
static bool link_process(SignerLink *l) {
        int r;

        do
                r = sd_varlink_process(l->link);
        while (r > 0 && !l->broken);
        if (r >= 0 && !l->broken)
                return true;
        link_close(l, r < 0 ? r : -ECONNRESET);
        return false;
}

/* Of a link on which nothing is asked libsystemd does not see the end by itself. */
static void on_event(Handle *h, uint32_t events) {
        SignerLink *l = CONTAINER_OF(h, SignerLink, handle);

        if (link_process(l) && !l->first && (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)))
                link_close(l, -ECONNRESET);
}

static void on_timer(Timer *t) {
        link_close(CONTAINER_OF(t, SignerLink, timer), -ETIMEDOUT);
}

static int link_open(Signer *s, unsigned index) {
        SignerLink *l = calloc(1, sizeof(*l));
        int r;

        if (!l)
                return -ENOMEM;
        l->signer = s;
        l->index = index;
        l->last = &l->first;
        l->handle = (Handle) { .fd = -EBADF, .on_event = on_event };
        l->timer.fire = on_timer;
        l->garbage.free = free_link;
        r = vl_connect(&l->link, "io.hagw.Key", USEC_INFINITY);
        if (r >= 0) {
                (void) sd_varlink_set_userdata(l->link, l);
                r = sd_varlink_bind_reply(l->link, on_reply);
        }
        if (r >= 0)
                r = sd_varlink_get_fd(l->link);
        if (r >= 0) {
                l->handle.fd = r;
                r = loop_add(s->loop, &l->handle, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
        }
        if (r < 0) {
                sd_varlink_close_unref(l->link);
                free(l);
                return r;
        }
        l->number = ++s->n_opened;
        s->links[index] = l;
        return 0;
}

/* The one with the least to do, of those opened after so many; a new one where all have something. */
static int link_choose(Signer *s, uint64_t after, SignerLink **ret) {
        SignerLink *best = NULL;
        unsigned unused = s->n_links;
        int r;

        for (unsigned i = 0; i < s->n_links; i++) {
                SignerLink *l = s->links[i];

                if (!l)
                        unused = i;
                else if (l->number > after && (!best || l->n < best->n))
                        best = l;
        }
        if (unused < s->n_links && (!best || best->n > 0)) {
                r = link_open(s, unused);
                if (r >= 0)
                        best = s->links[unused];
                else if (!best)
                        return r;
        }
        *ret = best;
        return best ? 0 : -EBUSY;
}

static int submit(SignTicket *t) {
        uint64_t n_opened;
        SignRequest *q;
        SignerLink *l;
        int r;

        r = link_choose(signer, t->links_before, &l);
        if (r < 0)
                return r;
        q = calloc(1, sizeof(*q));
        if (!q)
                return -ENOMEM;
        r = sd_varlink_invokebo(l->link, "io.hagw.Key.SignHandshake",
                                SD_JSON_BUILD_PAIR("id", SD_JSON_BUILD_STRING(t->key_id)),
                                SD_JSON_BUILD_PAIR("scheme", SD_JSON_BUILD_STRING(t->scheme)),
                                SD_JSON_BUILD_PAIR("data",
                                                   SD_JSON_BUILD_BASE64(t->data->data, t->data->size)));
        if (r < 0) {
                free(q);
                n_opened = signer->n_opened;
                link_close(l, r);
                return submit_again(t, n_opened, r);
        }
        *q = (SignRequest) { .ticket = t, .asked_usec = signer->loop->now_usec };
        t->request = q;
        *l->last = q;
        l->last = &q->next;
        l->n++;
        signer->n_requests++;
        link_watch(l);
        (void) link_process(l);
        return 0;
}

int signer_sign(const char *key_id, const char *scheme, const gnutls_datum_t *data,
                gnutls_datum_t *ret_signature) {
        gnutls_datum_t signature = {};
        SignTicket t = {
                .fiber = fiber_current(),
                .key_id = key_id,
                .scheme = scheme,
                .data = data,
                .signature = &signature,
        };
        int r;

        assert(signer && t.fiber);
        if (signer->n_requests >= SIGNER_REQUESTS_MAX)
                return -EBUSY;
        signer->n_asked++;
        LIST_ADD(&waiting, &t);
        r = submit(&t);
        if (r < 0 && !t.place) /* the link was lost at once, and the answer says so */
                r = 0;
        if (r < 0) {
                LIST_REMOVE(&t);
                return r;
        }
        while (t.place)
                fiber_yield();
        if (t.error < 0)
                return t.error;
        *ret_signature = signature;
        return 0;
}

void signer_cancel(Fiber *f) {
        for (SignTicket *t = waiting; t; t = t->next)
                if (t->fiber == f) {
                        if (t->request)
                                t->request->ticket = NULL;
                        ticket_answer(t, -ECANCELED);
                        return;
                }
}

void signer_init(Signer *s, Loop *loop, unsigned n_workers) {
        *s = (Signer) {
                .loop = loop,
                .n_links = MIN(MAX(SIGNER_LINKS_ALL / MAX(n_workers, 1U), 1U), SIGNER_LINKS_MAX),
        };
}

void signer_use(Signer *s) {
        signer = s;
}

void signer_done(Signer *s) {
        for (unsigned i = 0; i < s->n_links; i++)
                if (s->links[i])
                        link_close(s->links[i], -ECANCELED);
}
