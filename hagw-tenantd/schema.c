/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The database. Times are CLOCK_REALTIME in usec, months as month.h counts them. */

#include "hagw-tenantd/schema.h"
#include "hagw-tenantd/token.h"
#include "libhagw/pure/macro.h"

/* A step is never changed once it was released; what comes later is a further one. */
const char *const schema_steps[] = {
        "CREATE TABLE tenant ("
        " id INTEGER PRIMARY KEY,"
        " name TEXT NOT NULL UNIQUE,"
        " note TEXT NOT NULL,"
        " created INTEGER NOT NULL,"
        " suspended INTEGER NOT NULL,"
        " terminate INTEGER NOT NULL,"
        " agents INTEGER NOT NULL,"
        " channels INTEGER NOT NULL," /* 0: the configuration's */
        " connections INTEGER NOT NULL," /* per second; 0: no limit, as in the next two */
        " bytes INTEGER NOT NULL,"
        " month_bytes INTEGER NOT NULL"
        ") STRICT;"
        "CREATE INDEX tenant_suspended ON tenant(suspended) WHERE suspended;"
        "CREATE TABLE domain ("
        " name TEXT PRIMARY KEY,"
        " tenant INTEGER NOT NULL REFERENCES tenant ON DELETE CASCADE"
        ") STRICT, WITHOUT ROWID;"
        "CREATE INDEX domain_tenant ON domain(tenant);"
        "CREATE TABLE token ("
        " tenant INTEGER NOT NULL REFERENCES tenant ON DELETE CASCADE,"
        " id TEXT NOT NULL,"
        " stored_key BLOB NOT NULL,"
        " created INTEGER NOT NULL,"
        " enrolled INTEGER NOT NULL,"
        " expires INTEGER," /* NULL: never */
        " used INTEGER,"    /* NULL: never */
        " PRIMARY KEY (tenant, id)"
        ") STRICT, WITHOUT ROWID;"
        "CREATE INDEX token_expires ON token(expires) WHERE expires IS NOT NULL;"
        "CREATE TABLE code ("
        " hash BLOB PRIMARY KEY,"
        " tenant INTEGER NOT NULL REFERENCES tenant ON DELETE CASCADE,"
        " expires INTEGER NOT NULL"
        ") STRICT, WITHOUT ROWID;"
        "CREATE INDEX code_tenant ON code(tenant);"
        "CREATE INDEX code_expires ON code(expires);"
        "CREATE TABLE usage ("
        " tenant INTEGER NOT NULL REFERENCES tenant ON DELETE CASCADE,"
        " month INTEGER NOT NULL,"
        " received INTEGER NOT NULL,"
        " sent INTEGER NOT NULL,"
        " visitors INTEGER NOT NULL,"
        " PRIMARY KEY (tenant, month)"
        ") STRICT, WITHOUT ROWID;",

        "CREATE TABLE account ("
        " tenant INTEGER PRIMARY KEY REFERENCES tenant ON DELETE CASCADE,"
        " issuer TEXT NOT NULL,"
        " uri TEXT NOT NULL"
        ") STRICT;",

        /* The last of the ledger's lines that is done here; see ledger.h. */
        "CREATE TABLE ledger (id INTEGER PRIMARY KEY CHECK (id = 0), stamp INTEGER NOT NULL) STRICT;"
        "INSERT INTO ledger (id, stamp) VALUES (0, 0);",

        /* An account is a machine's, and each machine has a token. Whose the one account of a tenant was,
         * nobody noted: it stays with each token until that one's machine says better. */
        "CREATE TABLE token_account ("
        " tenant INTEGER NOT NULL,"
        " token TEXT NOT NULL,"
        " issuer TEXT NOT NULL,"
        " uri TEXT NOT NULL,"
        " since INTEGER NOT NULL," /* it came beside others then; 0: the first one, or told before */
        " PRIMARY KEY (tenant, token),"
        " FOREIGN KEY (tenant, token) REFERENCES token (tenant, id) ON DELETE CASCADE"
        ") STRICT, WITHOUT ROWID;"
        "INSERT INTO token_account SELECT a.tenant, k.id, a.issuer, a.uri, 0"
        " FROM account a JOIN token k ON k.tenant = a.tenant;"
        "DROP TABLE account;",
};
const unsigned schema_version = ELEMENTSOF(schema_steps);

/* Triggers note whatever a watcher must hear, so that no change can forget to. A tenant stands in changed
 * once, at its newest place; kind 0 is what Watch tells, 1 what WatchAccounts does. (INSERT OR REPLACE would
 * do, but not within a trigger of an INSERT with ON CONFLICT, whose way with conflicts counts there.) */
#define UNMARK(kind, name) " DELETE FROM changed WHERE kind = " kind " AND name = " name ";"
#define MARK(kind, id) \
        UNMARK(kind, NAME_OF(id)) \
        " INSERT INTO changed (kind, name) SELECT " kind ", name FROM tenant WHERE id = " id ";"
#define MARK_NAME(kind, name) \
        UNMARK(kind, name) " INSERT INTO changed (kind, name) VALUES (" kind ", " name ");"
/* And what is taken from a tenant, for the ledger: of what had ended anyway, nothing. */
#define NOTE(verb, tenant, a, b) \
        " UPDATE ledger SET stamp = ledger_note('" verb "', " tenant ", " a ", " b ");"
#define NAME_OF(id) "(SELECT name FROM tenant WHERE id = " id ")"
#define NOW "unixepoch() * 1000000"
#define TRIGGER(name, when, body) "CREATE TEMP TRIGGER " name " AFTER " when " BEGIN" body " END;"

const char schema_temporary[] =
        "CREATE TEMP TABLE changed ("
        " sequence INTEGER PRIMARY KEY AUTOINCREMENT,"
        " kind INTEGER NOT NULL,"
        " name TEXT NOT NULL,"
        " UNIQUE (kind, name)"
        ") STRICT;"
        "CREATE TEMP TABLE used ("
        " tenant INTEGER NOT NULL,"
        " token TEXT NOT NULL,"
        " usec INTEGER NOT NULL,"
        " PRIMARY KEY (tenant, token)"
        ") STRICT, WITHOUT ROWID;"
        TRIGGER("tenant_insert", "INSERT ON main.tenant", MARK_NAME("0", "NEW.name"))
        TRIGGER("tenant_update", "UPDATE ON main.tenant", MARK_NAME("0", "NEW.name"))
        TRIGGER("tenant_delete", "DELETE ON main.tenant",
                MARK_NAME("0", "OLD.name") MARK_NAME("1", "OLD.name"))
        TRIGGER("domain_insert", "INSERT ON main.domain", MARK("0", "NEW.tenant"))
        TRIGGER("domain_delete", "DELETE ON main.domain", MARK("0", "OLD.tenant"))
        TRIGGER("token_insert", "INSERT ON main.token", MARK("0", "NEW.tenant"))
        TRIGGER("token_update", "UPDATE OF expires ON main.token", MARK("0", "NEW.tenant"))
        TRIGGER("token_delete", "DELETE ON main.token", MARK("0", "OLD.tenant"))
        TRIGGER("code_insert", "INSERT ON main.code", MARK("0", "NEW.tenant"))
        TRIGGER("code_delete", "DELETE ON main.code", MARK("0", "OLD.tenant"))
        TRIGGER("account_insert", "INSERT ON main.token_account", MARK("1", "NEW.tenant"))
        TRIGGER("account_update", "UPDATE ON main.token_account", MARK("1", "NEW.tenant"))
        TRIGGER("account_delete", "DELETE ON main.token_account", MARK("1", "OLD.tenant"))
        TRIGGER("note_token", "DELETE ON main.token WHEN OLD.expires IS NULL OR OLD.expires > " NOW,
                NOTE("token", NAME_OF("OLD.tenant"), "OLD.id", "NULL"))
        TRIGGER("note_expires", "UPDATE OF expires ON main.token",
                NOTE("expires", NAME_OF("NEW.tenant"), "NEW.id", "NEW.expires"))
        TRIGGER("note_code", "DELETE ON main.code WHEN OLD.expires > " NOW,
                NOTE("code", NAME_OF("OLD.tenant"), "hex(OLD.hash)", "NULL"))
        TRIGGER("note_tenant", "DELETE ON main.tenant", NOTE("tenant", "OLD.name", "NULL", "NULL"))
        TRIGGER("note_suspended", "UPDATE OF suspended ON main.tenant WHEN NEW.suspended <> OLD.suspended",
                NOTE("suspended", "NEW.name", "NEW.suspended", "NULL"))
        TRIGGER("note_terminate", "UPDATE OF terminate ON main.tenant WHEN NEW.terminate <> OLD.terminate",
                NOTE("terminate", "NEW.name", "NEW.terminate", "NULL"))
        TRIGGER("note_domain", "DELETE ON main.domain",
                NOTE("domain", NAME_OF("OLD.tenant"), "OLD.name", "NULL"))
        TRIGGER("note_owner", "INSERT ON main.domain",
                NOTE("owner", NAME_OF("NEW.tenant"), "NEW.name", "NULL"));

/* ?1: the month, ?2: now. */
#define TENANT_SELECT \
        "SELECT t.id, t.name, t.note, t.created, t.suspended, t.terminate, t.agents, t.channels," \
        " t.connections, t.bytes, t.month_bytes," \
        " (SELECT group_concat(d.name, ' ') FROM domain d WHERE d.tenant = t.id)," \
        " (SELECT group_concat(k.id, ' ') FROM token k" \
        "   WHERE k.tenant = t.id AND (k.expires IS NULL OR k.expires > ?2))," \
        " ifnull(u.received, 0), ifnull(u.sent, 0)," \
        " EXISTS (SELECT 1 FROM code c WHERE c.tenant = t.id AND c.expires > ?2)" \
        " FROM tenant t LEFT JOIN usage u ON u.tenant = t.id AND u.month = ?1 "

/* The largest sum that is kept: it stays a number whatever is added. */
#define SUM_MAX "4611686018427387904"

const char *const statement_texts[_STATEMENT_MAX] = {
        [STATEMENT_BEGIN] = "BEGIN IMMEDIATE",
        [STATEMENT_COMMIT] = "COMMIT",
        [STATEMENT_ROLLBACK] = "ROLLBACK",

        [STATEMENT_TENANT_COUNT] =
                "SELECT (SELECT count(*) FROM tenant), (SELECT count(*) FROM tenant WHERE suspended)",
        [STATEMENT_TENANT_ADD] =
                "INSERT INTO tenant (name, note, created, suspended, terminate, agents, channels,"
                " connections, bytes, month_bytes) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        [STATEMENT_TENANT_SET] =
                "UPDATE tenant SET note = ?2, suspended = ?3, terminate = ?4, agents = ?5, channels = ?6,"
                " connections = ?7, bytes = ?8, month_bytes = ?9 WHERE id = ?1",
        [STATEMENT_TENANT_REMOVE] = "DELETE FROM tenant WHERE id = ?1",
        [STATEMENT_TENANT_BY_NAME] = TENANT_SELECT "WHERE t.name = ?3",
        [STATEMENT_TENANT_AFTER_ID] = TENANT_SELECT "WHERE t.id > ?3 ORDER BY t.id LIMIT ?4",
        /* ?4: a prefix; names are ASCII, and '~' comes after all that may stand in them. */
        [STATEMENT_TENANT_AFTER_NAME] =
                TENANT_SELECT "WHERE t.name > ?3 AND t.name >= ?4 AND t.name < ?4 || '~'"
                              " ORDER BY t.name LIMIT ?5",

        [STATEMENT_DOMAIN_ADD] = "INSERT INTO domain (name, tenant) VALUES (?1, ?2)",
        [STATEMENT_DOMAIN_CLEAR] = "DELETE FROM domain WHERE tenant = ?1",
        [STATEMENT_DOMAIN_OWNER] =
                "SELECT t.name FROM domain d JOIN tenant t ON t.id = d.tenant WHERE d.name = ?1",

        [STATEMENT_TOKEN_ADD] =
                "INSERT INTO token (tenant, id, stored_key, created, enrolled, expires)"
                " VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        [STATEMENT_TOKEN_FIND] =
                "SELECT t.id, t.suspended, k.stored_key FROM tenant t JOIN token k ON k.tenant = t.id"
                " WHERE t.name = ?1 AND k.id = ?2 AND (k.expires IS NULL OR k.expires > ?3)",
        [STATEMENT_TOKEN_LIST] =
                "SELECT k.id, k.created, k.enrolled, k.expires, ifnull(u.usec, k.used), a.issuer, a.uri"
                " FROM token k LEFT JOIN temp.used u ON u.tenant = k.tenant AND u.token = k.id"
                " LEFT JOIN token_account a ON a.tenant = k.tenant AND a.token = k.id"
                " WHERE k.tenant = ?1 AND (k.expires IS NULL OR k.expires > ?2) ORDER BY k.created, k.id",
        [STATEMENT_TOKEN_COUNT] =
                "SELECT count(*) FROM token WHERE tenant = ?1 AND (expires IS NULL OR expires > ?2)",
        [STATEMENT_TOKEN_REVOKE] = "DELETE FROM token WHERE tenant = ?1 AND id = ?2",
        [STATEMENT_TOKEN_GIVE_BACK] =
                "DELETE FROM token WHERE tenant = (SELECT id FROM tenant WHERE name = ?1) AND id = ?2",
        [STATEMENT_TOKEN_REVOKE_ALL] = "DELETE FROM token WHERE tenant = ?1",
        [STATEMENT_TOKEN_SHORTEN] =
                "UPDATE token SET expires = ?2 WHERE tenant = ?1 AND (expires IS NULL OR expires > ?2)",
        [STATEMENT_TOKEN_EXPIRE] = "DELETE FROM token WHERE expires <= ?1",
        [STATEMENT_NEXT_EXPIRY] =
                "SELECT min(e) FROM (SELECT min(expires) AS e FROM token WHERE expires IS NOT NULL"
                " UNION ALL SELECT min(expires) FROM code)",
        [STATEMENT_TOKEN_USE] =
                "INSERT OR REPLACE INTO temp.used (tenant, token, usec) VALUES (?1, ?2, ?3)",
        [STATEMENT_TOKEN_STORE_USED] =
                "UPDATE token SET used = u.usec FROM temp.used u"
                " WHERE token.tenant = u.tenant AND token.id = u.token",
        [STATEMENT_TOKEN_FORGET_USED] = "DELETE FROM temp.used",

        [STATEMENT_CODE_ADD] = "INSERT INTO code (hash, tenant, expires) VALUES (?1, ?2, ?3)",
        [STATEMENT_CODE_FIND] =
                "SELECT t.id, t.name, t.suspended FROM code c JOIN tenant t ON t.id = c.tenant"
                /* What would hold for longer than any code may was made by a clock that was ahead. */
                " WHERE c.hash = ?1 AND c.expires > ?2 AND c.expires <= ?2 + " CODE_LIFETIME_MAX_TEXT,
        [STATEMENT_CODE_REMOVE] = "DELETE FROM code WHERE hash = ?1",
        [STATEMENT_CODE_REMOVE_ALL] = "DELETE FROM code WHERE tenant = ?1",
        [STATEMENT_CODE_COUNT] =
                "SELECT count(*), max(expires) FROM code WHERE tenant = ?1 AND expires > ?2",
        [STATEMENT_CODE_EXPIRE] = "DELETE FROM code WHERE expires <= ?1",

        [STATEMENT_USAGE_ADD] =
                "INSERT INTO usage (tenant, month, received, sent, visitors) VALUES (?1, ?2, ?3, ?4, ?5)"
                " ON CONFLICT DO UPDATE SET received = min(received + excluded.received, " SUM_MAX "),"
                " sent = min(sent + excluded.sent, " SUM_MAX "),"
                " visitors = min(visitors + excluded.visitors, " SUM_MAX ")",
        /* After tenant ?1 and its month ?2, to tenant ?3, months from ?4 on. */
        [STATEMENT_USAGE_LIST] =
                "SELECT t.name, u.month, u.received, u.sent, u.visitors"
                " FROM tenant t JOIN usage u ON u.tenant = t.id"
                " WHERE t.name >= ?1 AND t.name <= ?3 AND (t.name > ?1 OR u.month > ?2) AND u.month >= ?4"
                " ORDER BY t.name, u.month LIMIT ?5",
        [STATEMENT_USAGE_DROP] = "DELETE FROM usage WHERE month < ?1",
        /* Those who had used up month ?1. */
        [STATEMENT_USAGE_TOLD] =
                "INSERT OR REPLACE INTO temp.changed (kind, name)"
                " SELECT 0, t.name FROM tenant t JOIN usage u ON u.tenant = t.id"
                " WHERE u.month = ?1 AND t.month_bytes > 0 AND u.received + u.sent >= t.month_bytes",

        /* Whoever asked a moment ago may remember the others' records without this one. */
        [STATEMENT_ACCOUNT_SET] =
                "INSERT INTO token_account (tenant, token, issuer, uri, since)"
                " SELECT t.id, ?2, ?3, ?4, CASE"
                "  WHEN EXISTS (SELECT 1 FROM token_account o WHERE o.tenant = t.id) AND NOT EXISTS"
                "   (SELECT 1 FROM token_account o WHERE o.tenant = t.id AND o.issuer = ?3 AND o.uri = ?4)"
                "  THEN ?5 ELSE 0 END FROM tenant t WHERE t.name = ?1"
                " ON CONFLICT DO UPDATE SET issuer = excluded.issuer, uri = excluded.uri,"
                " since = excluded.since WHERE issuer <> excluded.issuer OR uri <> excluded.uri",
        [STATEMENT_ACCOUNT_IS] =
                "SELECT 1 FROM token_account a JOIN tenant t ON t.id = a.tenant"
                " WHERE t.name = ?1 AND a.token = ?2 AND a.issuer = ?3 AND a.uri = ?4",
        [STATEMENT_ACCOUNT_REMOVE] =
                "DELETE FROM token_account"
                " WHERE tenant = (SELECT id FROM tenant WHERE name = ?1) AND token = ?2",
        [STATEMENT_ACCOUNT_SINCE] =
                "SELECT a.since FROM token_account a JOIN tenant t ON t.id = a.tenant"
                " WHERE t.name = ?1 AND a.token = ?2",
        /* Of ?2 tenants. Two machines may have one account. */
        [STATEMENT_ACCOUNT_AFTER_ID] =
                "SELECT DISTINCT a.tenant, t.name, a.issuer, a.uri"
                " FROM token_account a JOIN tenant t ON t.id = a.tenant"
                " WHERE a.tenant IN (SELECT DISTINCT tenant FROM token_account WHERE tenant > ?1"
                "  ORDER BY tenant LIMIT ?2) ORDER BY a.tenant, a.issuer, a.uri",
        [STATEMENT_ACCOUNT_BY_NAME] =
                "SELECT DISTINCT a.tenant, t.name, a.issuer, a.uri"
                " FROM tenant t JOIN token_account a ON a.tenant = t.id"
                " WHERE t.name = ?1 ORDER BY a.issuer, a.uri",

        [STATEMENT_CHANGED_AFTER] =
                "SELECT sequence, name FROM temp.changed WHERE sequence > ?1 AND kind = ?2"
                " ORDER BY sequence LIMIT ?3",
        [STATEMENT_CHANGED_LAST] = "SELECT ifnull(max(sequence), 0) FROM temp.changed",
        [STATEMENT_CHANGED_MARK] = "INSERT OR REPLACE INTO temp.changed (kind, name) VALUES (0, ?1)",
        [STATEMENT_CHANGED_MARK_DEFAULTS] =
                "INSERT OR REPLACE INTO temp.changed (kind, name)"
                " SELECT 0, name FROM tenant WHERE channels = 0",
        [STATEMENT_CHANGED_PRUNE] =
                "DELETE FROM temp.changed WHERE kind = ?1 AND sequence <= ?2",
        [STATEMENT_CHANGED_CLEAR] = "DELETE FROM temp.changed",

#define TENANT_NAMED "(SELECT id FROM tenant WHERE name = ?1)"
        [STATEMENT_LEDGER_STAMP] = "UPDATE ledger SET stamp = ?1",
        [STATEMENT_AGAIN_TOKEN] = "DELETE FROM token WHERE tenant = " TENANT_NAMED " AND id = ?2",
        [STATEMENT_AGAIN_EXPIRES] =
                "UPDATE token SET expires = CAST(?3 AS INTEGER) WHERE tenant = " TENANT_NAMED " AND id = ?2",
        [STATEMENT_AGAIN_CODE] = "DELETE FROM code WHERE tenant = " TENANT_NAMED " AND hex(hash) = ?2",
        [STATEMENT_AGAIN_TENANT] = "DELETE FROM tenant WHERE name = ?1",
        [STATEMENT_AGAIN_SUSPENDED] = "UPDATE tenant SET suspended = CAST(?2 AS INTEGER) WHERE name = ?1",
        [STATEMENT_AGAIN_TERMINATE] = "UPDATE tenant SET terminate = CAST(?2 AS INTEGER) WHERE name = ?1",
        [STATEMENT_AGAIN_DOMAIN] = "DELETE FROM domain WHERE name = ?2 AND tenant = " TENANT_NAMED,
        /* A tenant may be one that came later, and is not known: then the domain is nobody's. */
        [STATEMENT_AGAIN_OWNER] =
                "INSERT OR REPLACE INTO domain (name, tenant) SELECT ?2, id FROM tenant WHERE name = ?1",
};
