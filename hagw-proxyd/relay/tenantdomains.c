/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Domains of tenants. Runs in the worker's thread. */

#include "hagw-proxyd/relay/tenantdomains.h"
#include "hagw-proxyd/relay/tenants.h"
#include "hagw-proxyd/snapshot/snapshot.h"
#include "libhagw/crew/worker.h"

typedef struct Owner Owner;

typedef struct Domain {
        NameEntry entry;
        struct Domain *next; /* of the owner */
        Owner *owner;
        char name[];
} Domain;

struct Owner {
        NameEntry entry;
        FreshEntry fresh;
        Domain *domains;
        char name[HOSTNAME_LABEL_MAX + 1];
};

static Owner *find_owner(const Worker *w, const char *tenant) {
        NameEntry *e = name_table_find(&w->tenants->owners, tenant, tenants_hash(tenant));

        return e ? CONTAINER_OF(e, Owner, entry) : NULL;
}

static Owner *owner_new(Worker *w, const char *tenant) {
        Owner *o = calloc(1, sizeof(*o));

        if (!o)
                return NULL;
        memcpy(o->name, tenant, strlen(tenant) + 1);
        o->entry.name = o->name;
        o->entry.hash = tenants_hash(tenant);
        if (name_table_add(&w->tenants->owners, &o->entry) < 0) {
                free(o);
                return NULL;
        }
        return o;
}

static void forget_domains(Worker *w, Owner *o) {
        while (o->domains) {
                Domain *d = o->domains;

                o->domains = d->next;
                name_table_remove(&w->tenants->domains, &d->entry);
                free(d);
        }
}

static void owner_remove(Worker *w, Owner *o) {
        forget_domains(w, o);
        fresh_remove(&w->tenants->owners_told, &o->fresh);
        name_table_remove(&w->tenants->owners, &o->entry);
        free(o);
}

static void take_over(Owner *o, Domain *d) {
        Domain **p = &d->owner->domains;

        while (*p != d)
                p = &(*p)->next;
        *p = d->next;
        d->owner = o;
        d->next = o->domains;
        o->domains = d;
}

/* hagw-tenantd lets nobody take another's: who has it now may be told before who had it. */
static void add_domain(Worker *w, Owner *o, const char *name) {
        uint64_t hash = tenants_hash(name);
        NameEntry *e = name_table_find(&w->tenants->domains, name, hash);
        Domain *d;

        if (e) {
                take_over(o, CONTAINER_OF(e, Domain, entry));
                return;
        }
        d = malloc(sizeof(*d) + strlen(name) + 1);
        if (!d)
                return;
        *d = (Domain) { .entry = { .hash = hash, .name = d->name }, .owner = o };
        strcpy(d->name, name);
        if (name_table_add(&w->tenants->domains, &d->entry) < 0) {
                free(d);
                return;
        }
        d->next = o->domains;
        o->domains = d;
}

static bool lists_name(char *const *list, const char *name) {
        for (; list && *list; list++)
                if (streq(*list, name))
                        return true;
        return false;
}

/* Known before, all of them and no other. */
static bool is_same(const Owner *o, char *const *domains) {
        size_t n = 0;

        for (const Domain *d = o ? o->domains : NULL; d; d = d->next, n++)
                if (!lists_name(domains, d->name))
                        return false;
        while (domains && *domains && n > 0) {
                domains++;
                n--;
        }
        return n == 0 && (!domains || !*domains);
}

void tenant_domains_set(Worker *w, const char *tenant, char *const *domains) {
        Owner *o = find_owner(w, tenant);

        /* Visitors of a name that has gone to somebody else must not go on where it led before. */
        if (!is_same(o, domains))
                tenants_changed(w);
        if (!domains || !domains[0]) {
                if (o)
                        owner_remove(w, o);
                return;
        }
        if (o)
                forget_domains(w, o);
        else
                o = owner_new(w, tenant);
        if (!o)
                return;
        fresh_tell(&w->tenants->owners_told, &o->fresh);
        for (char *const *d = domains; *d; d++)
                add_domain(w, o, *d);
}

bool tenant_domains_sweep_one(Worker *w) {
        FreshEntry *e = fresh_stale(&w->tenants->owners_told);

        if (e)
                owner_remove(w, CONTAINER_OF(e, Owner, fresh));
        return e;
}

static const Domain *find_domain(const Worker *w, const char *name) {
        NameEntry *e = name_table_find(&w->tenants->domains, name, tenants_hash(name));

        return e ? CONTAINER_OF(e, Domain, entry) : NULL;
}

const char *tenant_domains_find(const Worker *w, const char *name) {
        char wildcard[HOSTNAME_MAX + 3] = "*";
        const Domain *d = find_domain(w, name);
        const char *dot = strchr(name, '.');

        if (!d && dot) {
                strcpy(wildcard + 1, dot);
                d = find_domain(w, wildcard);
        }
        return d ? d->owner->name : NULL;
}

const char *tenant_domains_find_exact(const Worker *w, const char *name) {
        const Domain *d = find_domain(w, name);

        return d ? d->owner->name : NULL;
}

static void remove_owner(NameEntry *e, void *userdata) {
        owner_remove(userdata, CONTAINER_OF(e, Owner, entry));
}

void tenant_domains_done(Worker *w) {
        name_table_foreach(&w->tenants->owners, remove_owner, w);
        name_table_done(&w->tenants->owners);
        name_table_done(&w->tenants->domains);
}

/* NAME in "x.y.NAME.zone". */
static bool label_in_zone(const char *name, const char *zone, char out[static HOSTNAME_LABEL_MAX + 1]) {
        size_t n = strlen(name), m = strlen(zone);
        const char *end, *begin;

        if (n <= m || !hostname_in_zone(name, zone))
                return false;
        begin = end = name + n - m - 1;
        while (begin > name && begin[-1] != '.')
                begin--;
        memcpy(out, begin, (size_t) (end - begin));
        out[end - begin] = '\0';
        return true;
}

const char *tenants_label(Worker *w, const char *name, char out[static HOSTNAME_LABEL_MAX + 1]) {
        const char *zone = w->snapshot->routes->tenants_zone;

        return zone && label_in_zone(name, zone, out) ? out : tenant_domains_find(w, name);
}
