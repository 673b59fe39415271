/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Requests judged and answered by ourselves; what goes to an upstream is exchange-forward.c. Runs in the
 * worker's thread. */

#include <stdio.h>

#include "hagw-proxyd/http/exchange.h"

#define REPLY_HEAD_MAX (POLICY_LOCATION_MAX + 1536U) /* no head of our own is larger */
#define CHALLENGE_PREFIX "/.well-known/acme-challenge/" /* RFC 8555 section 8.3 */

static void on_timer(Timer *t) {
        exchange_on_timeout(CONTAINER_OF(t, Exchange, timer));
}

static void on_again(Again *a) {
        exchange_run(CONTAINER_OF(a, Exchange, again));
}

Exchange *exchange_new(Visit *v, Snapshot *s, const Route *route, bool inside) {
        Worker *w = v->worker;
        Exchange *x = exchange_get(w, s);
        size_t max;

        if (!x)
                return NULL;
        /* The texts at the end are written before they are read. */
        max = x->headers_max;
        memset(x, 0, offsetof(Exchange, user));
        x->headers_max = max;
        x->user[0] = '\0';
        x->client.ops = &exchange_link_ops;
        x->worker = w;
        x->visit = v;
        x->snapshot = snapshot_ref(s);
        x->route = route;
        x->name = v->name;
        x->inside = inside;
        x->timer.fire = on_timer;
        x->again.run = on_again;
        x->begin_usec = w->loop.now_usec;
        x->upstream_usec = USEC_INFINITY;
        x->request.headers = (HeaderList) { .items = x->headers, .max = (uint16_t) max };
        x->response.headers = (HeaderList) { .items = x->headers + max, .max = (uint16_t) max };
        return x;
}

static uint16_t keep_text(char *out, size_t size, Slice s) {
        size_t n = MIN(s.n, size);

        if (n > 0)
                memcpy(out, s.p, n);
        return (uint16_t) n;
}

/* What the log wants at the end, when the head is gone. */
static void keep_texts(Exchange *x) {
        x->method_size = keep_text(x->method, sizeof(x->method), x->request.method_text);
        x->target_size = keep_text(x->target, sizeof(x->target), x->request.target);
        x->host_size = keep_text(x->host, sizeof(x->host),
                                 x->visit->kind == CONN_HTTP ? x->request.host : slice_from(x->name));
}

static void write_log(Exchange *x) {
        Worker *w = x->worker;
        uint64_t now = w->loop.now_usec;
        AccessEntry e = {
                .address = slice_from(x->visit->address_text),
                .host = { x->host, x->host_size },
                .method = { x->method, x->method_size },
                .target = { x->target, x->target_size },
                .status = x->status,
                .received = x->up.n,
                .sent = x->down.n,
                .duration_usec = now - x->begin_usec,
                .upstream_usec = x->upstream_usec,
                .user = slice_from(x->user),
                .verdict = strempty(x->verdict),
                .protocol = x->stream->ops->protocol,
                .broken = x->broken,
                .query_strings = x->snapshot->log_query_strings,
        };

        if (x->upstream)
                e.upstream = x->upstream->authority;
        if (!access_ring_put(w->access, &e))
                counter_add(&w->counters.log_dropped, 1);
}

/* What became of it; whether there was an answer has been noted when it came. */
static void note_probe(const Exchange *x) {
        ProbeResult *r = &x->visit->probe->result;

        r->asked = true;
        r->fault = x->client.fault;
        if (x->upstream)
                r->peer = upstream_peer(x->upstream);
}

/* It is over: the stream hears how, and nothing else of it is left. */
static void end(Exchange *x, StreamEnd how) {
        const Visit *v = x->visit;
        Stream *stream = x->stream;
        Worker *w = x->worker;

        loop_disarm(&w->loop, &x->timer);
        loop_not_again(&w->loop, &x->again);
        if (x->asked)
                x->asked->asker = NULL;
        if (x->use)
                session_use_end(&w->exchanges->uses, x->use);
        if (x->upstream) {
                upstream_forget(&x->client);
                x->upstream->n_clients--;
        }
        if (x->client.link)
                link_close(x->client.link);
        if (v->probe)
                note_probe(x);
        if (v->arrival != ARRIVAL_PROBE)
                counter_add(&w->figures->answers[x->status < 600 ? x->status / 100 : 0], 1);
        if (x->stats) {
                if (v->arrival != ARRIVAL_PROBE)
                        counter_sub(&x->stats->visits->workers[w->index].active, 1);
                host_stats_unref(x->stats);
        }
        if (x->snapshot->terms.log_access && v->arrival != ARRIVAL_PROBE)
                write_log(x);
        if (x->upstream && !x->internal)
                upstream_let_go(x->upstream);
        exchange_free(x);
        stream->exchange = NULL;
        stream->ops->end(stream, how);
}

void exchange_abort(Exchange *x, const char *verdict) {
        x->verdict = verdict;
        end(x, STREAM_END_CUT);
}

void exchange_finish(Exchange *x) {
        end(x, x->close ? STREAM_END_LAST : STREAM_END_CLEAN);
}

/* A request whose body was not read ends the connection: what follows is not the next request. */
static bool must_close(const Exchange *x) {
        return !x->up.done || (x->request.flags & REQUEST_CLOSE) || x->worker->stage >= WORKER_PARTING;
}

/* Where an answer's texts and its body are put, so that its head fits in front: both are one write, and one
 * record of TLS. */
static char *reply_room(Exchange *x) {
        static_assert(sizeof(x->worker->scratch) >= REPLY_HEAD_MAX + PAGE_SIZE_MAX, "a page fits");
        return x->worker->scratch + REPLY_HEAD_MAX;
}

/* Sends a whole answer that is ready, in reply_room(). Ends it. */
static void reply(Exchange *x, Answer *a) {
        const StreamOps *ops = x->stream->ops;
        Slice body = x->request.method == METHOD_HEAD ? (Slice) {} : a->body;
        ssize_t n;

        x->status = a->response.status;
        x->close = x->close || must_close(x);
        if (x->close && ops->http1)
                (void) header_list_add(&a->response.headers, "Connection", SLICE("close"));
        (void) exchange_say_inner(x, &a->response.headers);
        n = h1_response_size(&a->response) > REPLY_HEAD_MAX ?
                    -ENOBUFS :
                    ops->send(x->stream, &a->response, body, /* last= */ true);
        if (n == (ssize_t) body.n)
                exchange_finish(x);
        else
                exchange_abort(x, "gone");
}

/* The upstream's name and what is wrong with it is told within the house; whoever is logged in elsewhere
 * could do nothing with it. */
static bool is_insider(const Exchange *x) {
        return x->visit->arrival == ARRIVAL_PROBE || (x->inside && !x->foreign);
}

void exchange_answer(Exchange *x, PageKind kind, const char *error) {
        Page page = {
                .kind = kind,
                .html = x->reader.html,
                .again = x->reader.again,
                .depth = x->outer.depth,
                .inside = is_insider(x),
                .language = x->reader.language,
                .policy = x->snapshot->page_policy,
                .date = http_date(&x->worker->exchanges->date, time(NULL)),
                .host = slice_from(x->name),
        };
        Answer a;

        page.error = slice_from(error);
        if (x->upstream)
                page.upstream = x->upstream->authority;
        page_make(&page, reply_room(x), &a);
        reply(x, &a);
}

static void redirect(Exchange *x, unsigned status, Slice location) {
        Worker *w = x->worker;
        Answer a;

        if (page_make_redirect(status, location, http_date(&w->exchanges->date, time(NULL)), reply_room(x),
                               &a) < 0)
                exchange_answer(x, PAGE_URI_TOO_LONG, NULL);
        else
                reply(x, &a);
}

/* What was parsed of a head that is no request is not to be trusted. */
static void refuse_head(Exchange *x, Stream *stream, const Reader *reader) {
        x->stream = stream;
        stream->exchange = x;
        x->request = (Request) { .headers = { .items = x->headers, .max = (uint16_t) x->headers_max } };
        keep_texts(x);
        x->reader = *reader;
        x->close = true;
}

void exchange_refuse(Exchange *x, Stream *stream, H1Verdict v, const Reader *reader) {
        PageKind kind = page_from_status(h1_verdict_status(v));

        counter_add(&x->worker->figures->requests, 1);
        x->verdict = h1_verdict_text(v);
        refuse_head(x, stream, reader);
        /* Nobody who speaks like this on port 80 gets an answer. */
        if (x->visit->kind == CONN_HTTP)
                exchange_abort(x, x->verdict);
        else
                exchange_answer(x, kind < 0 ? PAGE_BAD_REQUEST : kind, x->verdict);
}

void exchange_refuse_timeout(Exchange *x, Stream *stream, const Reader *reader) {
        x->verdict = "head timeout";
        refuse_head(x, stream, reader);
        exchange_answer(x, PAGE_TIMEOUT, NULL);
}

static void forward_to(Exchange *x, bool internal) {
        Upstream *u;

        if (!internal && visit_leads_elsewhere(x->visit)) {
                exchange_abort(x, "its name has gone to another house");
                return;
        }
        u = internal ? upstream_get(x->worker, NULL, NULL) :
                       visit_hold_upstream(x->visit, x->snapshot, x->route);

        x->internal = internal;
        if (u)
                exchange_forward(x, u);
        else
                exchange_abort(x, "out of memory");
}

/* Asks webd about a cookie or token. */
static void ask_session(Exchange *x, const PolicyFinding *f) {
        Worker *w = x->worker;
        SessionMessage *m = message_new(&session_message);

        if (!m || f->secret.n >= sizeof(m->secret)) {
                message_free(m ? &m->message : NULL);
                exchange_abort(x, "out of memory");
                return;
        }
        m->worker = w;
        m->asker = x;
        m->token = f->token;
        m->relayed = arrival_is_relayed(x->visit->arrival);
        memcpy(m->secret, f->secret.p, f->secret.n);
        (void) snprintf(m->host, sizeof(m->host), "%s", x->name);
        (void) snprintf(m->address, sizeof(m->address), "%s", x->visit->address_text);
        x->asked = m;
        exchange_set_state(x, EXCHANGE_SESSION);
        /* The upstream's own deadline takes over. */
        loop_arm(&w->loop, &x->timer, w->loop.now_usec + x->snapshot->head_usec);
        queue_push(w->main_queue, &m->message);
}

/* A person is sent to hagw-webd's page; a program gets the status. */
static void refuse(Exchange *x) {
        char location[POLICY_LOCATION_MAX];

        if (!request_is_navigation(&x->request)) {
                exchange_answer(x, PAGE_FORBIDDEN, NULL);
                return;
        }
        policy_denied_location(&x->request, location);
        redirect(x, 303, slice_from(location));
}

/* What hagw-webd has said. Whoever passes by a session is cut when it ends. May end it. */
static int take_session(Exchange *x, PolicySession session, const char *user, const char *session_id) {
        Worker *w = x->worker;

        x->session = session;
        memcpy(x->user, user, sizeof(x->user));
        if (session != POLICY_SESSION_ALLOWED)
                return 0;
        x->use = session_use_begin(&w->exchanges->uses, session_id);
        if (!x->use) {
                exchange_abort(x, "out of memory");
                return -ENOMEM;
        }
        exchange_used(x);
        return 0;
}

static void act(Exchange *x, PolicyVerdict v) {
        const ConfHost *host = &x->route->host;

        x->verdict = policy_verdict_text(v);
        switch (v) {
        case POLICY_PASS:
        case POLICY_OWN:
                if (v == POLICY_PASS && !x->use && host->access.login != CONF_LOGIN_NONE)
                        x->open_path = policy_find_open_path(x->request.target, host->access.open_paths);
                forward_to(x, v == POLICY_OWN);
                break;
        case POLICY_LOGIN: {
                char location[POLICY_LOCATION_MAX];

                policy_login_location(&x->request, location);
                redirect(x, 303, slice_from(location));
                break;
        }
        case POLICY_UNAUTHORIZED:
                exchange_answer(x, x->reader.form ? PAGE_FORM : PAGE_UNAUTHORIZED, NULL);
                break;
        case POLICY_FOREIGN:
                exchange_answer(x, PAGE_FOREIGN, NULL);
                break;
        case POLICY_FORBIDDEN:
                refuse(x);
                break;
        default:
                exchange_abort(x, x->foreign ? policy_verdict_text(POLICY_FOREIGN) : x->verdict);
        }
}

static void judge(Exchange *x) {
        const SessionEntry *known;
        PolicyFinding f;
        PolicyVerdict v;

        v = policy_judge(x->route, &x->request, x->inside, &f);
        x->foreign = f.foreign;
        x->embedded = f.embedded;
        if (v == POLICY_ASK) {
                known = session_cache_find(&x->worker->exchanges->sessions, &f, x->name,
                                           x->worker->loop.now_usec);
                if (!known) {
                        ask_session(x, &f);
                        return;
                }
                if (take_session(x, known->session, known->user, known->session_id) < 0)
                        return;
                v = policy_settle(&x->request, x->session);
        }
        act(x, v);
}

/* A tcp:// service gets nothing that was opened here. */
static bool refresh(Exchange *x, Snapshot *s) {
        const Route *route = visit_route(x->visit, s);

        snapshot_unref(x->snapshot);
        x->snapshot = snapshot_ref(s);
        x->inside = visit_is_inside(x->visit, s);
        x->route = route;
        return route && route->host.upstream_kind != CONF_UPSTREAM_TCP;
}

static void on_session(Exchange *x, const SessionMessage *m) {
        x->asked = NULL;
        exchange_set_state(x, EXCHANGE_JUDGE);
        if (m->error < 0) {
                x->verdict = "login unavailable";
                exchange_answer(x, PAGE_UNAVAILABLE,
                                "the login service does not answer; see systemctl status hagw-webd");
        } else if (x->snapshot != m->worker->snapshot) {
                if (refresh(x, m->worker->snapshot))
                        judge(x);
                else
                        exchange_abort(x, "not admitted any more");
        } else if (take_session(x, m->session, m->user, m->session_id) >= 0)
                act(x, policy_settle(&x->request, x->session));
}

static void deliver_session(Message *message, Worker *w) {
        SessionMessage *m = (SessionMessage *) message;

        if (m->error >= 0)
                session_cache_add(&w->exchanges->sessions, m, w->loop.now_usec);
        if (m->asker)
                on_session(m->asker, m);
        message_free(message);
}

const MessageKind session_message = { .size = sizeof(SessionMessage), .deliver = deliver_session };

/* Port 80 knows our hosts' names, sends visitors to https, and answers the certificate authority. */
static void serve_http(Exchange *x) {
        char location[POLICY_LOCATION_MAX];
        int n;

        if (request_normalize_host(&x->request, x->own_name) < 0 ||
            admit_name(x->visit, x->snapshot, x->own_name, &x->route) != ADMISSION_GRANTED) {
                exchange_abort(x, "unknown host");
                return;
        }
        x->name = x->own_name;
        if (slice_starts_with(x->request.target, SLICE(CHALLENGE_PREFIX))) {
                x->verdict = "challenge";
                forward_to(x, true);
                return;
        }
        x->verdict = "redirect";
        n = snprintf(location, sizeof(location), "https://%s%.*s", x->name, (int) x->request.target.n,
                     x->request.target.p);
        if (n < 0 || (size_t) n >= sizeof(location) || x->request.target.n == 0 ||
            x->request.target.p[0] != '/')
                exchange_answer(x, PAGE_URI_TOO_LONG, NULL);
        else
                redirect(x, 308, (Slice) { location, (size_t) n });
}

void exchange_begin(Exchange *x, Stream *stream, Buffer *head) {
        Visit *v = x->visit;
        Worker *w = x->worker;

        x->stream = stream;
        stream->exchange = x;
        x->head = head;
        reader_of_request(&x->request, x->snapshot->language, &x->reader);
        x->up.kind = x->request.body;
        x->up.done = x->request.body == BODY_NONE ||
                     (x->request.body == BODY_LENGTH && x->request.body_size == 0);
        if (v->arrival != ARRIVAL_PROBE)
                counter_add(&w->figures->requests, 1);
        if (x->snapshot->terms.log_access)
                keep_texts(x);
        if (v->kind == CONN_HTTP) {
                serve_http(x);
                return;
        }
        /* What is asked in another way than a visitor asks says nothing of how the service is. */
        if (!v->probe || v->probe->kind == PROBE_VISITOR)
                x->stats = host_stats_ref(snapshot_host(x->snapshot, x->route)->stats);
        if (!v->probe) {
                counter_add(&x->stats->visits->workers[w->index].active, 1);
                counter_add(&x->stats->visits->workers[w->index].requests, 1);
        }
        exchange_hear_outer(x);
        if (!request_is_for(&x->request, x->name)) {
                x->verdict = "another host";
                exchange_answer(x, PAGE_MISDIRECTED, NULL);
                return;
        }
        if (v->arrival == ARRIVAL_PROBE) {
                x->verdict = "probe";
                forward_to(x, false);
        } else
                judge(x);
}
