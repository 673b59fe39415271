/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The questions of setup and attach. An answer is judged when it is given, and asked for again with the
 * reason; what was answered before is never lost. */

#include <stdarg.h>
#include <stdio.h>
#include <strings.h>

#include "hagw-ctl/glue.h"
#include "hagw-ctl/hostfile.h"
#include "hagw-ctl/output.h"
#include "hagw-ctl/prompt.h"
#include "hagw-ctl/setup.h"
#include "hagw-ctl/terminal.h"
#include "hagw-ctl/text.h"
#include "libhagw/log.h"

/* --- what was answered so far ----------------------------------------------------------------------- */

static void put_word(FILE *f, const char *before, const char *word) {
        static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                    "-_./:=@,+";

        fprintf(f, " %s", before);
        if (!*word && *before && !endswith(before, "="))
                return; /* a switch */
        if (*word && strspn(word, plain) == strlen(word)) {
                fputs(word, f);
                return;
        }
        fputc('\'', f);
        for (; *word; word++)
                fputs(*word == '\'' ? "'\\''" : (char[]){ *word, '\0' }, f);
        fputc('\'', f);
}

static void put_call(FILE *f, const Call *c) {
        char option[80];

        fprintf(f, "  hagw-ctl %s", c->verb->name);
        for (unsigned i = 0; i < c->n_arguments; i++)
                put_word(f, "", c->arguments[i]);
        for (unsigned i = 0; i < c->n_given; i++) {
                const Option *o = c->given[i].option;

                (void) snprintf(option, sizeof(option), "--%s%s", o->name, o->value ? "=" : "");
                if (o->value)
                        put_word(f, option, c->given[i].value);
                else
                        fprintf(f, " %s", option);
        }
}

/* The command line as it was, and what was answered since. */
static char *command_line(const Setup *s) {
        char *text = NULL;
        size_t size;
        FILE *f = open_memstream(&text, &size);

        if (!f)
                return NULL;
        fputs("Nothing is written yet.", f);
        if (s->answers) {
                fputs(" This keeps what was answered so far, and asks again what was answered by yes or "
                      "no:\n", f);
                put_call(f, s->call);
                fputs(s->answers, f);
        }
        if (fclose(f) != 0) {
                free(text);
                return NULL;
        }
        return text;
}

/* What Ctrl-C says. */
static int renew_interrupt(const Setup *s) {
        _cleanup_free_ char *text = command_line(s);

        if (!text)
                return log_oom();
        output_on_interrupt(text);
        return 0;
}

int setup_remember(Setup *s, const char *option, const char *value) {
        char *text = NULL;
        size_t size;
        FILE *f = open_memstream(&text, &size);

        if (!f)
                return log_oom();
        fputs(strempty(s->answers), f);
        put_word(f, option, value);
        if (fclose(f) != 0) {
                free(text);
                return log_oom();
        }
        free(s->answers);
        s->answers = text;
        return renew_interrupt(s);
}

void setup_tell_answers(const Setup *s) {
        _cleanup_free_ char *text = command_line(s),
                            *broken = text_break(strempty(text), terminal_columns(STDOUT_FILENO));

        output_lines(strempty(broken));
}

/* --- one question ----------------------------------------------------------------------------------- */

int setup_confirm(Setup *s, TypedKind kind, const char *reason) {
        int r = 1;

        if (s->ask) {
                output_paragraph("  ", "%s", reason);
                r = prompt_yes("  Use it anyway?", false);
        } else
                log_warning("%s", reason);
        if (r > 0 && kind == TYPED_IPV4)
                s->doubted[GLUE_IPV4] = true;
        if (r > 0 && kind == TYPED_IPV6)
                s->doubted[GLUE_IPV6] = true;
        return r;
}

void setup_say_path(const Setup *s, const char *typed) {
        char path[TYPED_MAX + 1];

        if (!s->ask)
                host_say_path(typed);
        else if (typed_path(typed, path))
                output_paragraph("  ", HOST_PATH_TEXT, path);
}

void setup_say_name(const Setup *s, TypedKind kind, const char *typed, const char *value) {
        const char *name = startswith(value, "resolve:") ?: value,
                   *bare = startswith(typed, "resolve:") ?: typed;
        const size_t n = strlen(name);

        if ((kind != TYPED_ZONE && kind != TYPED_NAME_SERVER && name == value) ||
            (strncasecmp(bare, name, n) == 0 && (!bare[n] || streq(bare + n, "."))))
                return;
        if (s->ask)
                output_paragraph("  ", "The name in it is used: %s.", name);
        else
                log_notice("The name in %s is used: %s.", typed, name);
}

/* Would hagw.conf, or a host's file, take it? */
static int judge_by_schema(TypedKind kind, const char *value, char **ret_reason) {
        if (!*value)
                return 0;
        if (kind == TYPED_UPSTREAM)
                return setup_judge_value(CONF_SCOPE_HOST, NULL, "upstream", value, ret_reason);
        for (const Question *q = setup_questions; q->option; q++)
                if (q->kind == (int) kind)
                        return setup_judge_value(q->scope, q->group, q->name, value, ret_reason);
        return 0;
}

/* 1: to be asked again. */
static int judge(Setup *s, TypedKind kind, const char *answer, char **ret) {
        const TypedContext context = setup_context(s);
        _cleanup_free_ char *value = NULL, *reason = NULL;
        int r;

        r = typed_read(kind, answer, &context, &value, &reason);
        if (r == 0)
                r = judge_by_schema(kind, value, &reason);
        if (r == -ENOMEM)
                return log_oom();
        if (r == -EINVAL) {
                output_paragraph("  ", "%s", reason);
                return 1;
        }
        if (r == 0 && kind == TYPED_UPSTREAM)
                setup_say_path(s, answer);
        else if (r == 0)
                setup_say_name(s, kind, answer, value);
        if (r == 0)
                r = setup_look(s, kind, value, &reason);
        if (r < 0)
                return r;
        if (r > 0) {
                r = setup_confirm(s, kind, reason);
                if (r <= 0)
                        return r < 0 ? r : 1;
        }
        *ret = TAKE_PTR(value);
        return 0;
}

int setup_ask(Setup *s, TypedKind kind, const char *text, const char *prompt, const char *fallback,
              char **ret) {
        int r;

        output("\n");
        output_paragraph("", "%s", text);
        do {
                _cleanup_free_ char *answer = NULL;

                r = prompt_text(prompt, fallback, &answer);
                if (r < 0)
                        return r;
                /* What is known is taken as it is: it was judged when it was written. */
                if (fallback && streq(answer, fallback))
                        return (*ret = TAKE_PTR(answer)) ? 0 : -ENOMEM;
                r = judge(s, kind, answer, ret);
        } while (r > 0);
        return r;
}

/* --- all of them ------------------------------------------------------------------------------------ */

const Question setup_questions[] = {
        { "zone", CONF_SCOPE_ZONE, NULL, "name", TYPED_ZONE,
          "The zone that is delegated to this gateway, one name below a domain of yours, in which your "
          "hosts have their names: home.example.com, say.",
          "The zone that is delegated to this relay, such as relay.example.com: the houses have their names "
          "in it.",
          "Zone", NULL },
        { "ipv4", CONF_SCOPE_MAIN, "public_address", "ipv4", TYPED_IPV4,
          "The house's public IPv4 address: a dynamic DNS name that follows it, such as "
          "example.myfritz.net; the address itself, if it never changes; or none.",
          "This machine's public IPv4 address: the address itself, the interface that has it "
          "(interface:eth0), a dynamic DNS name, or none.",
          "Public IPv4 address", NULL },
        { "ipv6", CONF_SCOPE_MAIN, "public_address", "ipv6", TYPED_IPV6,
          "This machine's public IPv6 address: interface, where it is found by itself; an interface's name, "
          "the address itself, a dynamic DNS name, or none.",
          NULL, "Public IPv6 address", NULL },
        { "name-server", CONF_SCOPE_ZONE, NULL, "name_server", TYPED_NAME_SERVER,
          "The name server that the zone is delegated to: the name in its NS record at your DNS provider.",
          NULL, "Name server", NULL },
        { "contact", CONF_SCOPE_MAIN, "acme", "contact", TYPED_CONTACT,
          "A mail address that the certificate authority may write to (may be empty).", NULL,
          "Mail address", "", .attach = true },
        { "directory", CONF_SCOPE_MAIN, "acme", "directory", -1, NULL, NULL, NULL, NULL, .attach = true },
        { "ca-file", CONF_SCOPE_MAIN, "acme", "ca_file", -1, NULL, NULL, NULL, NULL, .attach = true },
        {},
};

static int ask_question(Setup *s, const Question *q) {
        _cleanup_free_ char *known = setup_known_value(s, q), *value = NULL, *option = NULL;
        int r;

        r = setup_ask(s, (TypedKind) q->kind, s->relay && q->relay ? q->relay : q->text, q->prompt, known,
                      &value);
        if (r < 0)
                return r;
        assert(value);
        r = setup_take_value(s, q, 0, value);
        if (r < 0 || !*value)
                return r;
        if (asprintf(&option, "--%s=", q->option) < 0) {
                option = NULL;
                return log_oom();
        }
        return setup_remember(s, option, value);
}

/* Another name than those in hagw.conf is a zone's new name, or a further zone. */
static int place_zone(Setup *s) {
        const char *name = setup_zone_name(s, 0), *old = s->present ? setup_direct_zone(s->present) : NULL;
        _cleanup_free_ char *question = NULL;
        int r;

        if (!name || !old || s->relay || call_option(s->call, "force") || call_option(s->call, "beside"))
                return 0;
        for (size_t i = 0; i < s->present->n_zones; i++)
                if (streq(s->present->zones[i].name, name))
                        return 0;
        output_paragraph("  ",
                         "hagw.conf has the zone %s, which %s can replace, taking over its settings; or "
                         "this machine answers for both.",
                         old, name);
        if (asprintf(&question, "  Replace %s?", old) < 0) {
                question = NULL;
                return log_oom();
        }
        r = prompt_yes(question, true);
        s->renamed = r > 0 ? old : NULL;
        return r == 0 ? setup_remember(s, "--beside", "") : MIN(r, 0);
}

static int ask_host(Setup *s) {
        _cleanup_free_ char *answer = NULL;
        int r;

        r = setup_ask(s, TYPED_UPSTREAM,
                      "Home Assistant's address in your network, such as http://192.168.1.4:8123 (empty: "
                      "later).",
                      "Home Assistant", "", &answer);
        if (r < 0 || !*answer)
                return r;
        if (asprintf(&s->hosts[s->n_hosts], "ha=%s", answer) < 0) {
                s->hosts[s->n_hosts] = NULL;
                return log_oom();
        }
        return setup_remember(s, "--host=", s->hosts[s->n_hosts++]);
}

static int ask_user(Setup *s) {
        _cleanup_free_ char *names = NULL;
        int r;

        if (setup_has_user(NULL, &names)) {
                output("\n");
                output_paragraph("", "These may log in already: %s. hagw-ctl user add adds more.",
                                 strempty(names));
                return 0;
        }
        r = setup_ask(s, TYPED_USER,
                      "The first user that may log in, at a page of the gateway's own in front of your "
                      "services (empty: none).",
                      "User", "", &s->user);
        return r < 0 || !*s->user ? r : setup_remember(s, "--user=", s->user);
}

/* What was answered before is none of the answers any more. */
static void forget(Setup *s, const char *option) {
        char *p = s->answers ? strstr(s->answers, option) : NULL;

        if (p)
                memmove(p, p + strlen(option), strlen(p + strlen(option)) + 1);
}

static int ask_addresses(Setup *s) {
        int r = 0;

        forget(s, " --ipv4=none");
        forget(s, " --ipv6=none");
        for (const Question *q = setup_questions; r >= 0 && q->option; q++)
                if (q->kind == TYPED_IPV4 || q->kind == TYPED_IPV6)
                        r = ask_question(s, q);
        return r;
}

int setup_ask_rest(Setup *s, bool keep) {
        int r = renew_interrupt(s);

        for (const Question *q = setup_questions; r >= 0 && !keep && q->option; q++) {
                if (q->text && (!s->attach || q->attach) && !call_option(s->call, q->option))
                        r = ask_question(s, q);
                if (r >= 0 && q->kind == TYPED_ZONE && !s->attach)
                        r = place_zone(s);
                if (r >= 0 && q->kind == TYPED_IPV6)
                        r = setup_ask_sources(s, ask_addresses);
        }
        if (r >= 0 && s->relay)
                return r; /* who runs one need not be at home there */
        if (r >= 0 && s->n_hosts == 0 && !keep && !(s->present && s->present->n_hosts > 0))
                r = ask_host(s);
        if (r >= 0 && !s->user && !keep)
                r = ask_user(s);
        return r;
}
