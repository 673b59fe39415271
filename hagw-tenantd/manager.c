/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The manager: opens the database, lets tokens and months end in time, knows which names are the relay's. */

#include <stdio.h>
#include <time.h>

#include "hagw-tenantd/manager.h"
#include "hagw-tenantd/name.h"
#include "hagw-tenantd/token.h"
#include "hagw-tenantd/usage.h"
#include "libhagw/log.h"
#include "libhagw/pure/plural.h"
#include "libhagw/statefault.h"
#include "libhagw/usec.h"

#define FLUSH_USEC USEC_PER_MINUTE
#define RETRY_USEC USEC_PER_MINUTE
#define COPY_LOOK_USEC (10 * USEC_PER_MINUTE)

/* --- names --------------------------------------------------------------------------------------------- */

bool manager_is_own_name(const Manager *m, const char *domain) {
        const Config *c = m->config;

        if (streq(domain, c->tenants.name))
                return true;
        for (size_t i = 0; i < c->n_hosts; i++)
                if (streq(domain, c->hosts[i].name))
                        return true;
        return false;
}

/* What is opened here for a tenant is the tenant's; for every other it is as taken as a host of our own. */
static bool is_tenants_own(const ConfHost *h, const char *tenant) {
        return h->upstream_kind == CONF_UPSTREAM_TENANT && streq(h->upstream_host, tenant);
}

/* Whether the label is in use for the relay itself: its name, its name servers, zones below. */
static bool label_is_own(const Config *c, const char *name) {
        const char *zone = c->tenants.zone;

        if (tenant_name_covers(name, zone, c->tenants.name))
                return true;
        for (size_t i = 0; i < c->n_zones; i++)
                if (tenant_name_covers(name, zone, c->zones[i].name) ||
                    tenant_name_covers(name, zone, c->zones[i].name_server))
                        return true;
        return false;
}

const char *manager_name_problem(const Manager *m, const char *name) {
        static const char own[] = "The relay itself has a host, a name server or a zone of this name.";
        const Config *c = m->config;
        const char *problem = tenant_name_problem(name, c->tenants.zone);

        if (!problem && label_is_own(c, name))
                problem = own;
        for (size_t i = 0; !problem && i < c->n_hosts; i++)
                if (!is_tenants_own(&c->hosts[i], name) &&
                    tenant_name_covers(name, c->tenants.zone, c->hosts[i].name))
                        problem = c->hosts[i].upstream_kind == CONF_UPSTREAM_TENANT ?
                                          "A host of this relay leads this name, or one below it, to "
                                          "another tenant." :
                                          own;
        return problem;
}

/* The label of the zone that the name ends in, into out (HOSTNAME_LABEL_MAX + 1). */
static bool label_of(const char *name, const char *zone, char *out) {
        const size_t n = strlen(name), m = strlen(zone);
        const char *end, *begin;

        if (n <= m || !hostname_in_zone(name, zone))
                return false;
        end = name + n - m - 1;
        for (begin = end; begin > name && begin[-1] != '.'; begin--)
                ;
        memcpy(out, begin, (size_t) (end - begin));
        out[end - begin] = '\0';
        return true;
}

/* Somebody gave a host a name that a tenant had already: the host has it, and the tenant will wonder. */
static void warn_of_hidden(Manager *m) {
        const Config *c = m->config;

        for (size_t i = 0; c->tenants.zone && i < c->n_hosts; i++) {
                _cleanup_query_ sqlite3_stmt *q = NULL;
                char label[HOSTNAME_LABEL_MAX + 1];
                Tenant t;

                if (!label_of(c->hosts[i].name, c->tenants.zone, label) ||
                    is_tenants_own(&c->hosts[i], label))
                        continue;
                if (tenant_query_name(&m->db, label, clock_usec(CLOCK_REALTIME), &q) >= 0 &&
                    tenant_next(q, &t) > 0)
                        log_warning("Host %s has a name of tenant %s: visitors come to %s, not to the "
                                    "tenant's house.", c->hosts[i].name, t.name,
                                    c->hosts[i].upstream_kind == CONF_UPSTREAM_TENANT ?
                                            "another tenant's" : "this relay's service");
        }
}

/* --- time ---------------------------------------------------------------------------------------------- */

static void arm_due(Manager *m) {
        uint64_t next;
        int r;

        if (m->trouble)
                return;
        r = next_expiry(&m->db, &next);
        if (r < 0) {
                (void) log_error_errno(r, "Could not read when the next token ends: %m");
                next = clock_usec(CLOCK_REALTIME) + RETRY_USEC;
        }
        (void) sd_event_source_set_time(m->due, MIN(next, month_start_usec(m->month + 1)));
        (void) sd_event_source_set_enabled(m->due, SD_EVENT_ONESHOT);
}

static int on_due(sd_event_source *source, uint64_t usec, void *userdata) {
        Manager *m = userdata;
        const uint64_t now = clock_usec(CLOCK_REALTIME);
        const Month month = month_of(now);
        int r;

        if (m->trouble)
                return 0;
        r = token_expire(&m->db, now);
        if (r > 0)
                log_info("%d tokens have ended.", r);
        if (r >= 0)
                r = code_expire(&m->db, now);
        if (r >= 0 && month != m->month)
                r = usage_turn(&m->db, month);
        if (r < 0) {
                (void) log_error_errno(r, "Could not let tokens end: %m");
                (void) sd_event_source_set_time(source, now + RETRY_USEC);
                return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
        }
        m->month = month;
        arm_due(m);
        return 0;
}

static void flush(Manager *m) {
        const int r = m->trouble ? 0 : token_store_used(&m->db);

        if (r < 0)
                (void) log_warning_errno(r, "Could not store when tokens were used: %m");
}

static int on_flush(sd_event_source *source, uint64_t usec, void *userdata) {
        flush(userdata);
        return 0;
}

void manager_used(Manager *m) {
        int enabled;

        if (sd_event_source_get_enabled(m->flush, &enabled) >= 0 && enabled != SD_EVENT_OFF)
                return;
        (void) sd_event_source_set_time_relative(m->flush, FLUSH_USEC);
        (void) sd_event_source_set_enabled(m->flush, SD_EVENT_ONESHOT);
}

/* --- status -------------------------------------------------------------------------------------------- */

static void update_status(Manager *m) {
        TenantCounts n = {};
        char suspended[48] = "";
        int r;

        if (m->trouble) {
                daemon_set_status(m->daemon, "%s: houses that are attached stay, and no other gets in; "
                                  "see hagw-ctl tenant restore", m->trouble);
                return;
        }
        r = tenant_count(&m->db, &n);
        if (r < 0) {
                (void) log_error_errno(r, "Could not count the tenants: %m");
                return;
        }
        if (n.suspended > 0)
                (void) snprintf(suspended, sizeof(suspended), ", %llu suspended",
                                (unsigned long long) n.suspended);
        daemon_set_status(m->daemon, "%llu %s%s%s", (unsigned long long) n.tenants,
                          PLURAL(n.tenants, "tenant"), suspended,
                          m->config->tenants.zone ? "" : ", but tenants.zone is not set: this is no relay");
}

void manager_changed(Manager *m) {
        update_status(m);
        arm_due(m);
}

int manager_metrics(sd_json_variant **metrics, void *userdata) {
        Manager *m = userdata;
        TenantCounts n = {};
        int r;

        r = m->trouble ? 0 : tenant_count(&m->db, &n);
        if (r < 0)
                return r;
        const struct {
                const char *name;
                bool counter;
                const char *help;
                uint64_t value;
        } rows[] = {
                { "tenants", false, "Tenants", n.tenants },
                { "tenants_damaged", false, "Whether the database is damaged, so that no house gets in",
                  !!m->trouble },
                { "tenants_suspended", false, "Tenants that are suspended", n.suspended },
                { "tenant_proofs_accepted", true, "Proofs of tokens that were right", m->counts.admitted },
                { "tenant_proofs_refused", true, "Proofs that were wrong, or of tenants and tokens that are "
                                                 "not there", m->counts.refused },
                { "tenant_enrolments", true, "Codes that became tokens", m->counts.enrolled },
                { "tenant_codes_refused", true, "Codes that were wrong or of no use",
                  m->counts.refused_codes },
                { "tenant_codes_throttled", true, "Codes that were not looked at, because too many wrong "
                                                  "ones came", m->counts.throttled },
                { "tenant_challenges", false, "DNS-01 values that are published for tenants",
                  publisher_count(m->publisher) },
        };
        for (size_t i = 0; i < ELEMENTSOF(rows) && r >= 0; i++)
                r = metrics_append(metrics, rows[i].name, rows[i].counter, rows[i].help,
                                   (double) rows[i].value, /* labels= */ NULL);
        return r;
}

/* --- life ---------------------------------------------------------------------------------------------- */

#define DATABASE_DAMAGED "the tenants' database is damaged"
#define LEDGER_DAMAGED "the ledger beside the tenants' database is damaged"

static void trouble(Manager *m, const char *what) {
        m->trouble = what;
        log_error("In %s %s. No house gets in until a person says what is to be: hagw-ctl tenant restore.",
                  daemon_state_dir(), what);
}

int manager_open_store(Manager *m, bool anew) {
        const char *dir = daemon_state_dir();
        int r;

        if (!dir)
                return log_error_errno(ENOENT,
                                       "There is no state directory; systemd makes it (StateDirectory=).");
        m->trouble = NULL;
        r = store_open(dir, anew, &m->ledger, &m->db);
        if (r == -EUCLEAN || r == -EBADMSG) {
                trouble(m, r == -EUCLEAN ? DATABASE_DAMAGED : LEDGER_DAMAGED);
                return 0;
        }
        if (r >= 0 && !anew && m->ledger.gap)
                log_warning("%s/" STORE_FILE " is older than its ledger, which goes back to the oldest of "
                            "the copies: tokens that were revoked before that, and tenants that were "
                            "removed or suspended, are good again where this database has them. See "
                            "hagw-ctl tenant list.", dir);
        if (r >= 0 && m->ledger.again > 0)
                log_notice("%s/" STORE_FILE " had not heard of %u %s its ledger: what was taken from "
                           "tenants by them is taken again.",
                           dir, m->ledger.again, plural(m->ledger.again, "line of", "lines of"));
        if (r >= 0 && m->db.frozen < 0) {
                state_fault_note(STORE_FILE, /* size= */ 0, m->db.frozen);
                log_warning_errno(m->db.frozen,
                                  "In %s nothing can be written: %m. Houses are admitted as " STORE_FILE
                                  " says, and every change is refused until that is over.", dir);
        }
        if (r == -EPROTONOSUPPORT)
                return log_error_errno(r, "%s/" STORE_FILE " was written by a later version of hagw.", dir);
        return r < 0 ? log_error_errno(r, "Could not open %s/" STORE_FILE ": %m", dir) : 0;
}

void manager_close_store(Manager *m) {
        /* What listeners have heard counts in this database alone: they begin again with the next one. */
        if (m->pages)
                vl_pages_end(m->pages, -EUCLEAN);
        db_close(&m->db);
        ledger_close(&m->ledger);
}

int manager_copy(Manager *m) {
        const int r = copies_make(daemon_state_dir(), &m->db, &m->ledger, clock_usec(CLOCK_REALTIME));

        /* A damaged database is no fault of the disk's room. */
        if (r != -EUCLEAN)
                state_fault_note(COPIES_DIR, /* size= */ 0, r);
        if (r < 0)
                return log_error_errno(r, "Could not make a copy of the tenants' database: %m");
        log_info("A copy of the tenants' database was made.");
        return 0;
}

static int copy_if_due(Manager *m) {
        TenantCounts n = {};

        if (!m->trouble && (m->ledger.size > LEDGER_LONG ||
                            copies_are_due(daemon_state_dir(), clock_usec(CLOCK_REALTIME))) &&
            tenant_count(&m->db, &n) >= 0 && n.tenants > 0)
                return manager_copy(m);
        return 0;
}

/* Without a database, and without a person's word to wait for, there is nothing to go on with: systemd
 * starts this anew, as often as it takes. */
int manager_reopen(Manager *m, bool anew) {
        int r;

        r = manager_open_store(m, anew);
        if (r < 0) {
                log_error("The tenants' database could not be opened again: hagw-tenantd ends, to be "
                          "started anew.");
                (void) sd_event_exit(m->event, r);
        }
        return r;
}

/* There is room again: what is in the file counts, as it did in memory. */
static int thaw(Manager *m) {
        int r;

        manager_close_store(m);
        r = manager_reopen(m, /* anew= */ false);
        if (r >= 0)
                manager_changed(m);
        return r < 0 ? r : m->db.frozen;
}

int manager_save(void *userdata) {
        Manager *m = userdata;
        int r;

        r = m->db.frozen < 0 ? thaw(m) : ledger_cut(&m->ledger);
        return r < 0 ? r : copy_if_due(m);
}

static int on_copy(sd_event_source *source, uint64_t usec, void *userdata) {
        (void) copy_if_due(userdata);
        (void) sd_event_source_set_time_relative(source, COPY_LOOK_USEC);
        return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

/* After each turn of the loop: nothing holds a statement then. What was answered in this turn was answered
 * with an error. */
static int on_watch(sd_event_source *source, void *userdata) {
        Manager *m = userdata;

        if (!m->db.damaged)
                return 0;
        manager_close_store(m);
        trouble(m, DATABASE_DAMAGED);
        update_status(m);
        return 0;
}

static int start_parts(Manager *m) {
        int r;

        r = vl_pages_new(&m->pages, m->event);
        if (r >= 0)
                r = publisher_new(&m->publisher, m->event);
        /* The wall clock: ends are told in it, also where it is set meanwhile. */
        if (r >= 0)
                r = sd_event_add_time(m->event, &m->due, CLOCK_REALTIME, 0, /* accuracy= */ 1, on_due, m);
        if (r >= 0)
                r = sd_event_add_time(m->event, &m->flush, CLOCK_MONOTONIC, 0, USEC_PER_SEC, on_flush, m);
        if (r >= 0)
                r = sd_event_source_set_enabled(m->flush, SD_EVENT_OFF);
        if (r >= 0)
                r = sd_event_add_time_relative(m->event, &m->copy, CLOCK_MONOTONIC, 0, USEC_PER_MINUTE,
                                               on_copy, m);
        if (r >= 0)
                r = sd_event_add_post(m->event, &m->watch, on_watch, m);
        return r;
}

int manager_new(Daemon *daemon, const Config *config, void **ret) {
        Manager *m = calloc(1, sizeof(*m));
        int r;

        if (!m)
                return -ENOMEM;
        m->daemon = daemon;
        m->event = daemon_event(daemon);
        m->config = config;
        m->channels = config->tenants.channels;
        m->month = month_of(clock_usec(CLOCK_REALTIME));
        m->ledger = LEDGER_NONE;
        r = manager_open_store(m, /* anew= */ false);
        if (r >= 0)
                r = start_parts(m);
        if (r < 0) {
                manager_free(m);
                return r;
        }
        update_status(m);
        warn_of_hidden(m);
        *ret = m;
        return 0;
}

void *manager_free(void *userdata) {
        Manager *m = userdata;

        if (!m)
                return NULL;
        m->publisher = publisher_free(m->publisher);
        m->pages = vl_pages_free(m->pages);
        sd_event_source_disable_unref(m->due);
        sd_event_source_disable_unref(m->flush);
        sd_event_source_disable_unref(m->copy);
        sd_event_source_disable_unref(m->watch);
        if (m->db.sqlite)
                flush(m);
        manager_close_store(m);
        free(m);
        return NULL;
}

int manager_reload(const Config *config, void *userdata) {
        Manager *m = userdata;
        int r;

        if (config->tenants.channels != m->channels && !m->trouble) {
                r = db_run(&m->db, STATEMENT_CHANGED_MARK_DEFAULTS, NULL, 0);
                if (r < 0)
                        return r;
        }
        m->config = config;
        m->channels = config->tenants.channels;
        update_status(m);
        warn_of_hidden(m);
        return 0;
}
