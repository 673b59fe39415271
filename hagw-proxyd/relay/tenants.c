/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Tenants at their home: who they are, what they may, and their visitors' way to a channel. Which domains
 * lead to whom is tenantdomains.c, what passed is tenantusage.c. Runs in the worker's thread. */

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <sys/socket.h>

#include "hagw-proxyd/relay/control.h"
#include "hagw-proxyd/relay/tenantdomains.h"
#include "hagw-proxyd/relay/tenantinfo.h"
#include "hagw-proxyd/relay/tenantrefusal.h"
#include "hagw-proxyd/relay/tenants.h"
#include "hagw-proxyd/relay/tenantusage.h"
#include "libhagw/crew/worker.h"
#include "libhagw/log.h"
#include "libhagw/pure/list.h"
#include "libhagw/pure/strv.h"

static void client_unlink(ChannelClient *c) {
        if (!c->next && !c->has)
                c->tenant->queue_end = c->place;
        LIST_REMOVE(c);
}

static void leave_queue(Tenant *t, ChannelClient *c) {
        t->n_queue--;
        counter_sub(&t->worker->counters.waiting, 1);
}

void channel_client_done(ChannelClient *c) {
        Tenant *t = c->tenant;

        if (!t)
                return;
        if (c->has) {
                tenant_usage_collect(t, c);
                t->n_channels--;
        } else
                leave_queue(t, c);
        client_unlink(c);
        c->tenant = NULL;
}

static void cut_client(ChannelClient *c, const char *why) {
        channel_client_done(c);
        c->ops->on_cut(c, why);
}

/* Those who wait and those who have a channel. */
static void cut_visitors(Tenant *t, const char *why) {
        while (t->queue)
                cut_client(t->queue, why);
        while (t->users)
                cut_client(t->users, why);
}

static bool cut_one_without_token(Tenant *t) {
        for (ChannelClient *c = t->users; c; c = c->next)
                if (!tenant_info_has_token(t->info, c->token_id)) {
                        cut_client(c, "token revoked");
                        return true;
                }
        for (Control *k = t->controls; k; k = k->next)
                if (!tenant_info_has_token(t->info, k->token_id)) {
                        log_notice("Tenant %s: the token %s is good no more, machine %s is cut off.",
                                   t->info->name, k->token_id, k->machine);
                        control_end(k, "NotAdmitted");
                        return true;
                }
        return false;
}

static void cut_controls(Tenant *t, const char *error) {
        while (t->controls)
                control_end(t->controls, error);
}

/* Who has a channel is cut, and not refused; whose TLS is opened here hears it on a page, which counts. */
static void refuse_waiting(Tenant *t) {
        for (const ChannelClient *c = t->queue; c; c = c->next)
                if (c->kind == CHANNEL_VISITOR_PASSED)
                        tenant_refuse(t->worker, t, tenant_refusal(t->worker, t));
}

/* As the house does when it hears of it. */
static void close_oldest_waiting(Control *k) {
        Channel *oldest = k->channels;

        while (oldest->next)
                oldest = oldest->next;
        channel_close(oldest);
}

/* Who is served stays. None that waits is left above the limit, for each would serve another. */
static void tell_controls(Tenant *t) {
        for (Control *k = t->controls; k; k = k->next) {
                control_tell(k);
                while (k->channels && t->n_channels > t->info->channels)
                        close_oldest_waiting(k);
        }
}

/* What is open must agree with what is known now. */
static void enforce(Tenant *t) {
        if (t->limit.rate != t->info->bytes_per_second)
                t->limit = (RateLimit) { .rate = t->info->bytes_per_second };
        tenant_usage_watch(t);
        if (t->info->suspended)
                cut_controls(t, "Suspended");
        if (t->info->suspended || t->info->exhausted) {
                refuse_waiting(t);
                cut_visitors(t, t->info->suspended ? "suspended" : "exhausted");
        }
        while (cut_one_without_token(t))
                ;
        tell_controls(t);
}

static void tenant_remove(Worker *w, Tenant *t) {
        cut_controls(t, "NotAdmitted");
        cut_visitors(t, "removed");
        loop_disarm(&w->loop, &t->step);
        fresh_remove(&w->tenants->told, &t->fresh);
        fresh_remove(&w->tenants->busy, &t->busy);
        name_table_remove(&w->tenants->table, &t->entry);
        tenant_info_free(t->info);
        free(t->asked);
        free(t);
}

static Tenant *tenant_new(Worker *w, TenantInfo *info) {
        Tenant *t = calloc(1, sizeof(*t));

        if (!t)
                return NULL;
        t->info = info;
        t->worker = w;
        t->queue_end = &t->queue;
        t->entry.name = info->name;
        t->entry.hash = tenants_hash(info->name);
        if (name_table_add(&w->tenants->table, &t->entry) < 0) {
                free(t);
                return NULL;
        }
        return t;
}

static bool has_domains(const TenantInfo *i, const TenantInfo *other) {
        return strv_contains_all(i->domains, other->domains) &&
               strv_contains_all(other->domains, i->domains);
}

Tenant *tenants_put(Worker *w, TenantInfo *info) {
        Tenant *t = tenants_find(w, info->name);

        if (t) {
                /* Whose TLS was opened here may not go on so. */
                if (t->info->terminate && !info->terminate)
                        tenants_changed(w);
                if (!has_domains(t->info, info))
                        t->domains_version++;
                for (Control *k = t->controls; k && t->info->terminate != info->terminate; k = k->next)
                        k->opens_stale = true;
                tenant_refusals_review(t, info);
                tenant_info_free(t->info);
                t->info = info;
                t->entry.name = info->name;
        } else
                t = tenant_new(w, info);
        if (!t) {
                tenant_info_free(info);
                return NULL;
        }
        fresh_tell(&w->tenants->told, &t->fresh);
        enforce(t);
        tenant_usage_begin(w);
        return t;
}

/* Those who are gone after a round, which may be all there are: in turns. */
static void sweep(Again *a) {
        Worker *w = CONTAINER_OF(a, Tenants, sweep)->worker;
        FreshEntry *e;

        while (!loop_turn_is_over(&w->loop)) {
                loop_spend(&w->loop, LOOP_WORK_LETTER);
                e = fresh_stale(&w->tenants->told);
                if (e)
                        tenant_remove(w, CONTAINER_OF(e, Tenant, fresh));
                if (!tenant_domains_sweep_one(w) && !e)
                        return;
        }
        loop_again(&w->loop, a);
}

/* Each change ends with this, too: it costs what has gone, and that is nothing without a new round. */
static void on_complete(Worker *w) {
        fresh_end(&w->tenants->told);
        fresh_end(&w->tenants->owners_told);
        w->tenants->sweep.run = sweep;
        if (fresh_stale(&w->tenants->told) || fresh_stale(&w->tenants->owners_told))
                loop_again(&w->loop, &w->tenants->sweep);
}

static void on_message(Worker *w, TenantMessage *m) {
        Tenant *t;

        switch (m->op) {
        case TENANT_RESET:
                fresh_begin(&w->tenants->told);
                fresh_begin(&w->tenants->owners_told);
                return;
        case TENANT_COMPLETE:
                on_complete(w);
                return;
        case TENANT_REMOVE:
                tenant_domains_set(w, m->name, NULL);
                t = tenants_find(w, m->name);
                if (t)
                        tenant_remove(w, t);
                return;
        case TENANT_PUT:
                tenant_domains_set(w, m->info->name, m->info->domains);
                if (tenants_home(w, m->info->name) == w)
                        (void) tenants_put(w, TAKE_PTR(m->info));
                return;
        }
}

static void deliver_tenant(Message *m, Worker *w) {
        on_message(w, (TenantMessage *) m);
        message_free(m);
}

static void free_tenant(Message *m) {
        tenant_info_free(((TenantMessage *) m)->info);
}

const MessageKind tenant_message = {
        .size = sizeof(TenantMessage), .deliver = deliver_tenant, .free = free_tenant,
};

/* A leaky bucket that takes a second's worth at once (GCRA). */
static bool take_visit(Tenant *t, uint64_t now_usec) {
        uint64_t interval;

        if (t->info->connections_per_second == 0)
                return true;
        interval = MAX(USEC_PER_SEC / t->info->connections_per_second, UINT64_C(1));
        if (t->visits_usec > now_usec + USEC_PER_SEC - MIN(interval, USEC_PER_SEC))
                return false;
        t->visits_usec = MAX(t->visits_usec, now_usec) + interval;
        return true;
}

Refusal tenant_admit(Worker *w, Tenant *t) {
        if (t->info->suspended || t->info->exhausted)
                return tenant_refusal(w, t);
        if (!take_visit(t, w->loop.now_usec))
                return REFUSAL_CONNECTIONS;
        t->visitors++;
        tenant_usage_note(t);
        return REFUSAL_NONE;
}

/* The next machine's turn: the first goes to the end. */
static void take_turns(Tenant *t) {
        Control *first = t->controls, **end = &t->controls;

        if (!first->next)
                return;
        LIST_REMOVE(first);
        while (*end)
                end = &(*end)->next;
        LIST_ADD(end, first);
}

static bool is_suited(const Tenant *t, const ChannelClient *c) {
        for (const Control *k = t->controls; k; k = k->next)
                if (machine_suits(&k->says, c->kind, c->name))
                        return true;
        return false;
}

/* The machines in turn that serve such a visitor, as far as channels wait; where none does, all: what is
 * said to him then is the house's word. -EAGAIN: no channel waits. */
static int take_channel(Tenant *t, const ChannelClient *c, Control **ret_control, uint64_t *ret_number) {
        const bool choose = t->n_controls > 1 && is_suited(t, c);

        for (unsigned i = 0; i < t->n_controls; i++) {
                Control *k = t->controls;

                take_turns(t);
                if (choose && !machine_suits(&k->says, c->kind, c->name))
                        continue;
                while (k->channels) {
                        uint64_t number = k->channels->number;
                        int fd = channel_take(k->channels);

                        if (fd < 0)
                                continue;
                        *ret_control = k;
                        *ret_number = number;
                        return fd;
                }
                control_wish_more(k);
        }
        return -EAGAIN;
}

/* What is not known, as of a probe of our own: the house looks at itself. Without addresses there is no
 * header that it would take. */
static void complete_pair(const Control *k, int fd, ProxyPair *p) {
        struct sockaddr_storage here = {};
        socklen_t size = sizeof(here);

        if (p->source.family == AF_UNSPEC)
                p->source = k->address;
        if (p->destination.family == AF_UNSPEC &&
            getsockname(fd, (struct sockaddr *) &here, &size) >= 0)
                (void) proxy_endpoint_from_sockaddr((struct sockaddr *) &here, &p->destination,
                                                    &p->destination_port);
}

static int prepare_gift(const Control *k, uint64_t number, ChannelClient *c, ChannelGift *g) {
        int r;

        complete_pair(k, g->fd, &c->pair);
        g->header_size = channel_header_write(&c->pair, c->kind, g->header);
        r = relay_keys_sign_header(&k->keys, number, g->header, g->header_size, g->header + g->header_size);
        if (r >= 0 && c->kind == CHANNEL_VISITOR_OPENED)
                r = relay_keys_channel_secret(&k->keys, number, g->secret);
        g->header_size += CHANNEL_MAC_SIZE;
        return r;
}

/* c is in neither list. */
static void give(Tenant *t, Control *k, uint64_t number, int fd, ChannelClient *c) {
        ChannelGift g = { .fd = fd, .limit = &t->limit };

        c->tenant = t;
        c->has = true;
        memcpy(c->token_id, k->token_id, sizeof(c->token_id));
        memcpy(c->session_id, k->session_id, sizeof(c->session_id));
        LIST_ADD(&t->users, c);
        tenant_usage_note(t);
        if (prepare_gift(k, number, c, &g) < 0) {
                safe_close(fd);
                cut_client(c, "no random bytes");
                return;
        }
        c->ops->on_channel(c, &g);
        gnutls_memset(&g, 0, sizeof(g));
}

bool tenant_is_expected(const Worker *w, const Tenant *t) {
        uint64_t now = w->loop.now_usec;

        if (t->controls)
                return true;
        /* Another worker's door may open first, and its visitors be handed over. */
        return tenant_info_is_open(t->info) &&
               (w->tenants->open_usec == 0 || now < w->tenants->open_usec + TENANT_EXPECTED_USEC ||
                (t->left_usec > 0 && now < t->left_usec + TENANT_EXPECTED_USEC));
}

uint64_t tenant_patience(const Tenant *t) {
        return t->controls ? TENANT_WAIT_USEC : TENANT_EXPECTED_USEC;
}

static int wait_for_channel(Tenant *t, ChannelClient *c) {
        if (t->n_queue >= TENANT_QUEUE_MAX)
                return -EBUSY;
        counter_add(&t->worker->counters.waiting, 1);
        c->tenant = t;
        c->has = false;
        LIST_ADD(t->queue_end, c);
        t->queue_end = &c->next;
        t->n_queue++;
        /* Channels for all who wait are asked for at once, not a round trip after the other. */
        for (Control *k = t->controls; k; k = k->next)
                if (k->wish < t->n_queue / t->n_controls)
                        control_wish_more(k);
        return 0;
}

int tenant_want(Worker *w, Tenant *t, ChannelClient *c) {
        Control *k;
        uint64_t number;
        int fd;

        if (!tenant_is_expected(w, t))
                return -ENOTCONN;
        /* Of several machines those who wait may want another one. */
        fd = !t->controls || (t->queue && t->n_controls == 1) ? -EAGAIN : take_channel(t, c, &k, &number);
        if (fd < 0)
                return wait_for_channel(t, c);
        give(t, k, number, fd, c);
        return 0;
}

static bool has_channel(const Tenant *t) {
        for (const Control *k = t->controls; k; k = k->next)
                if (k->channels)
                        return true;
        return false;
}

/* As with tenant_stale(). */
void tenant_serve(Worker *w, Tenant *t) {
        for (ChannelClient *c = t->queue, *next; c; c = next) {
                uint64_t number;
                Control *k;
                int fd;

                next = c->next;
                fd = take_channel(t, c, &k, &number);
                if (fd < 0 && !has_channel(t))
                        return;
                if (fd < 0)
                        continue;
                client_unlink(c);
                leave_queue(t, c);
                give(t, k, number, fd, c);
        }
}

/* A callback may take its client out of the list, and nobody else's: it waits again, has another channel and
 * stands first, or is closed. */
void tenant_stale(Tenant *t, const uint8_t session_id[static CHANNEL_SESSION_ID_SIZE]) {
        for (ChannelClient *c = t->users, *next; c; c = next) {
                next = c->next;
                if (c->ops->on_stale && memcmp(c->session_id, session_id, CHANNEL_SESSION_ID_SIZE) == 0)
                        c->ops->on_stale(c);
        }
}

void tenants_stop(Worker *w) {
        for (size_t i = 0; i < w->tenants->n_controls; i++)
                if (w->tenants->controls[i])
                        control_dismiss(w->tenants->controls[i]);
        while (w->tenants->strangers)
                control_close(w->tenants->strangers);
}

static void remove_tenant(NameEntry *e, void *userdata) {
        tenant_remove(userdata, CONTAINER_OF(e, Tenant, entry));
}

void tenants_done(Worker *w) {
        name_table_foreach(&w->tenants->table, remove_tenant, w);
        while (w->tenants->strangers)
                control_close(w->tenants->strangers);
        name_table_done(&w->tenants->table);
        tenant_domains_done(w);
        sd_json_variant_unref(w->tenants->rows);
        free(w->tenants->controls);
}
