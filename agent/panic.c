/*
 * panic: see panic.h.  Decides whose the secret is and where it may go; says so
 * before it is sent.  Must never send it when there is a doubt about either.
 */
#include "agent/panic.h"

#include <stdio.h>
#include <string.h>

#include "agent/engine/verdict.h"
#include "agent/report/out.h"
#include "base/clock.h"
#include "base/host.h"
#include "base/log.h"
#include "base/mem.h"

#define PROGRAM "http" /* curfew-provider-http reads every definition */

/* ---- starting ---------------------------------------------------------------- */

/* Those that curfew sets itself. */
static bool ours(const char *key)
{
	return !strcmp(key, "service") || !strcmp(key, "standalone") ||
	       !strcmp(key, "only") || !strcmp(key, "definition");
}

/* What the operator sets (ca_file, proxy …), and then what must stand. */
static int options_of(const struct panic_ask *ask, const struct panic *p,
		      struct buf *out, struct err *e)
{
	struct json *o = json_object();
	bool ok = o != NULL;
	int rc = -1;

	for (size_t i = 0; ok && i < ask->set->n; i++) {
		const char *s = ask->set->v[i], *eq = strchr(s, '=');
		char *key = eq ? mem_strndup(s, (size_t)(eq - s)) : NULL;

		if (key && ours(key)) {
			mem_free(key);
			(void)err_fail(e, ERR_USAGE, s, "there is no such option");
			goto out;
		}
		if (!eq || eq == s) {
			(void)err_fail(e, ERR_USAGE, s, "--set takes NAME=VALUE");
			goto out;
		}
		ok = key && json_set_str(o, key, eq + 1);
		mem_free(key);
	}
	if (p)
		ok = ok && json_set_str(o, "service", p->claim.type) &&
		     json_set_str(o, "standalone", "yes") &&
		     json_set_str(o, "only", p->host) &&
		     (!ask->host || json_set_str(o, p->claim.option, p->host));
	if (!ok)
		(void)err_fail(e, ERR_NOMEM, NULL, "out of memory");
	else
		rc = json_print(o, false, out, e);
out:
	if (rc < 0)
		err_state(e, "nothing was sent");
	json_free(&o);
	return rc;
}

int panic_begin(struct app *app, const struct panic_ask *ask, struct link **out,
		struct err *e)
{
	struct buf b = BUF_INIT(BUF_TEXT_MAX);
	int rc = options_of(ask, NULL, &b, e);

	if (rc == 0)
		rc = link_open_any(app->launcher, PROGRAM, b.p, out, e);
	if (rc == 0)
		rc = link_begin(*out, e);
	buf_release(&b);
	return rc;
}

/* ---- whose is it ------------------------------------------------------------- */

int panic_not_a_token(const struct paste *paste, bool vault, struct err *e)
{
	const char *kill = vault ? "" : "curfew init, curfew connect, curfew sync, "
					"then ";

	switch (paste->what) {
	case PASTE_PRIVATE_KEY:
		(void)err_fail(e, ERR_USAGE, NULL, "that is a private key (%s): it "
			       "ends where its public half is let in, not by its "
			       "value", paste->block);
		err_hint(e, "ssh-keygen -lf FILE tells its fingerprint; %s"
			 "'curfew kill SHA256:…'", kill);
		break;
	case PASTE_PUBLIC_KEY:
		(void)err_fail(e, ERR_USAGE, NULL, "that is a public key: it is no "
			       "secret, and it ends where it is let in");
		err_hint(e, "ssh-keygen -lf FILE tells its fingerprint; %s"
			 "'curfew kill SHA256:…'", kill);
		break;
	case PASTE_OTHER_BLOCK:
		(void)err_fail(e, ERR_USAGE, NULL, "that is a block of %s, no "
			       "token", *paste->block ? paste->block : "text");
		break;
	case PASTE_MANY:
		(void)err_fail(e, ERR_USAGE, NULL, "that command has %zu values "
			       "that may be secrets: give one at a time",
			       paste->secrets);
		break;
	default:
		(void)err_fail(e, ERR_USAGE, NULL, "standard input has %zu lines: "
			       "give one secret at a time", paste->lines);
	}
	err_state(e, "nothing was sent");
	return -1;
}

static int unknown(const struct claims *c, const struct panic *p,
		   const struct json *services, struct err *e)
{
	struct buf b = BUF_INIT(BUF_TEXT_MAX);

	for (const struct json *s = json_first(services); s; s = json_next(s))
		(void)!buf_printf(&b, NULL, "%s%s", b.len ? ", " : "",
				  json_str(s, "type"));
	if (c->near.type)
		(void)err_fail(e, ERR_USAGE, NULL, "it begins like a secret of %s "
			       "(%s), but %s", c->near.title, c->near.prefix,
			       c->near_why);
	else if (p->ask->type)
		(void)err_fail(e, ERR_USAGE, p->ask->type, "no such secret looks "
			       "like the one given");
	else if (p->app->vault)
		(void)err_fail(e, ERR_ABSENT, NULL, "no credential in the vault has "
			       "that value, and no service's secrets look like "
			       "that");
	else
		(void)err_fail(e, ERR_USAGE, NULL, "no service's secrets look like "
			       "that");
	err_state(e, p->app->vault ? "nothing was ended, nothing was sent" :
				     "nothing was sent");
	if (c->near.type)
		err_hint(e, "was all of it copied?");
	else if (p->app->vault)
		err_hint(e, "if you know whose it is: curfew kill ADDRESS "
			    "--secret-stdin; 'curfew list' shows them");
	else
		err_hint(e, "known: %s; what issued it: curfew connect, curfew "
			 "learn, then kill by name", b.len ? b.p : "none");
	buf_release(&b);
	return -1;
}

static int ambiguous(const struct claims *c, struct err *e)
{
	struct buf b = BUF_INIT(BUF_TEXT_MAX);

	for (size_t i = 0; i < c->n; i++)
		(void)!buf_printf(&b, NULL, "%s--type %s/%s", i ? " or " : "",
				  c->v[i].type, c->v[i].kind);
	(void)err_fail(e, ERR_USAGE, NULL, "%zu services have secrets that look "
		       "like that", c->n);
	err_state(e, "nothing was sent");
	err_hint(e, "say which: %s", b.len ? b.p : "--type");
	buf_release(&b);
	return -1;
}

/* Is that the host of `url`, or one above or below it (api.…)? */
static bool same_host(const char *url, const char *host)
{
	const char *at = strstr(url, "://");
	const size_t n = strlen(host);
	size_t len;

	at = at ? at + 3 : url;
	len = strcspn(at, "/");
	return (len >= n && strncmp(at + len - n, host, n) == 0 &&
		(len == n || at[len - n - 1] == '.')) ||
	       (n > len && strncmp(host + n - len, at, len) == 0 &&
		host[n - len - 1] == '.');
}

static int host_of(struct panic *p, const struct paste *paste, struct err *e)
{
	const struct claim *c = &p->claim;

	if (p->ask->host && c->option)
		return host_address(p->ask->host, p->host, PANIC_HOST, e);
	if (!p->ask->host && *paste->host &&
	    (!c->host || !same_host(c->host, paste->host))) {
		(void)err_fail(e, ERR_USAGE, NULL, "the secret of %s stands in an "
			       "address of %.100s, so it may be of an own server",
			       c->title, paste->host);
		err_state(e, "nothing was sent");
		err_hint(e, c->option ? "name it: --host %s" : "give the secret "
			 "alone, if it is not of %s", paste->host);
		return -1;
	}
	if (p->ask->host) {
		(void)err_fail(e, ERR_USAGE, p->ask->host, "a secret of %s goes to "
			       "%s only", c->title, c->host ? c->host : "its host");
		err_hint(e, "leave --host out");
	} else if (c->host && strlen(c->host) < PANIC_HOST) {
		(void)snprintf(p->host, PANIC_HOST, "%s", c->host);
		return 0;
	} else {
		(void)err_fail(e, ERR_USAGE, NULL, "it looks like a secret of %s "
			       "(%s), and which server issued it cannot be seen",
			       c->title, c->kind);
		err_hint(e, "name it: --host HOST");
	}
	err_state(e, "nothing was sent");
	return -1;
}

/* The value alone does not end it: what would. */
static int needs_connection(const struct panic *p)
{
	const struct claim *c = &p->claim;
	const char *help = json_str(c->service, "secret_help");
	struct json *o = json_object();
	struct buf b = BUF_INIT(BUF_TEXT_MAX);
	int code = EXIT_ALIVE;

	(void)!buf_printf(&b, NULL, "curfew connect %s NAME", c->type);
	for (const struct json *n = json_first(json_get(c->service, "options")); n;
	     n = json_next(n))
		(void)!buf_printf(&b, NULL, " --set %s=…", json_str(n, "name"));
	if (p->app->json) {
		(void)json_set_int(o, "version", 1);
		(void)json_set_str(o, "service", c->type);
		(void)json_set_str(o, "kind", c->kind);
		(void)json_set_str(o, "secret_looks_like", p->hint);
		(void)json_set_str(o, "state", "ALIVE");
		(void)json_set_str(o, "why", "it needs a connection");
		(void)json_set_str(o, "connect", b.len ? b.p : "");
		(void)json_set_int(o, "exit", code);
		if (out_json(p->app, o) != EXIT_OK)
			code = EXIT_STORE;
	} else {
		(void)printf("%s %s %s  ALIVE (its value alone does not end it; "
			     "nothing was sent)\n", c->type, c->kind, p->hint);
		(void)printf("It needs a connection with %s:\n\n%s  %s\n"
			     "  curfew sync NAME\n"
			     "  curfew kill --secret-stdin\n",
			     help ? help : "the service's credential",
			     p->app->vault ? "" : "  curfew init\n",
			     b.len ? b.p : "");
	}
	json_free(&o);
	buf_release(&b);
	return code;
}

/* ---- the kill ------------------------------------------------------------------ */

static int plan(struct panic *p, struct err *e)
{
	uint32_t t, i;

	p->w.inc.opened_ms = clock_wall_ms();
	if (work_target(&p->w, T_CREDENTIAL, p->claim.type, ACCOUNT_BY_VALUE,
			p->claim.kind, p->print, &t, NULL, e) < 0 ||
	    work_action(&p->w, t, V_REVOKE, 0, &i, e) < 0 ||
	    work_action(&p->w, t, V_PROBE, 0, &i, e) < 0)
		return -1;
	return 0;
}

static int dry_run(const struct panic *p)
{
	struct json *o = json_object();
	int code = EXIT_OK;

	if (p->app->json) {
		(void)json_set_int(o, "version", 1);
		(void)json_set_bool(o, "dry_run", true);
		(void)json_set_str(o, "service", p->claim.type);
		(void)json_set_str(o, "kind", p->claim.kind);
		(void)json_set_str(o, "secret_looks_like", p->hint);
		(void)json_set_str(o, "would_send_to", p->host);
		code = out_json(p->app, o);
	} else {
		(void)printf("%s %s %s  would be sent to %s only: revoke_value, "
			     "then probes until it is proved dead; nothing was "
			     "sent\n", p->claim.type, p->claim.kind, p->hint,
			     p->host);
	}
	json_free(&o);
	return code;
}

static int tell(struct panic *p)
{
	const int64_t now = clock_wall_ms();
	const struct verdict v = verdict_of(&p->w, 0, &p->facts, now);
	const bool written = p->fault.code == ERR_NONE;
	int code = panic_exit(p);
	char at[CLOCK_TEXT];

	if (p->app->json) {
		struct json *o = panic_json(p);

		(void)json_set_str(o, "file", written ? p->path : NULL);
		if (out_json(p->app, o) != EXIT_OK)
			code = EXIT_STORE;
		json_free(&o);
	} else {
		(void)printf("%s %s %s  %s (%s", p->claim.type, p->claim.kind,
			     p->hint, verdict_word(v.word),
			     v.word == VD_DEAD ? v.refusal ? "proved" :
				"proved by the service's record" : "");
		if (v.word == VD_DYING && v.until_ms)
			(void)printf("until %s%s", clock_short(v.until_ms, at),
				     *v.why ? ": " : "");
		if (v.word != VD_DEAD)
			out_cell(v.why, 0);
		out_text(")\n");
		if (panic_heard(p) == PANIC_UNHEARD)
			(void)printf("nothing was sent: %s could not be reached\n",
				     p->host);
		if (written)
			(void)printf("incident written to %s (no secret in it)\n",
				     p->path);
		if (v.word == VD_MISSING && p->claim.option)
			out_text("if another server issued it: --host HOST\n");
		else if (code != EXIT_OK && v.word != VD_MISSING)
			out_text("go on with: the same command again\n");
	}
	return code == EXIT_OK && !written ? EXIT_STORE : code;
}

/* The program opens its connection: whatever is wrong with a setting is said
 * now, while nothing has left, and in a dry run too. */
static int get_ready(struct panic *p, struct err *e)
{
	struct buf b = BUF_INIT(BUF_TEXT_MAX);
	int rc = -1;

	if (options_of(p->ask, p, &b, e) < 0 ||
	    link_become(p->link, p->claim.type, b.p, NULL, e) < 0)
		goto out;
	rc = link_start(p->link, e);
	if (rc < 0 && err_is(e, ERR_PROVIDER) && p->ask->set->n > 0)
		e->code = ERR_USAGE; /* it refuses what it was told */
out:
	if (rc < 0)
		err_state(e, "nothing was sent");
	buf_release(&b);
	return rc;
}

static int send_it(struct panic *p, struct err *e)
{
	int rc;

	if (plan(p, e) < 0 || panic_file_open(p, e) < 0)
		return -1;
	/* before the first byte, and whatever --quiet says */
	app_progress_done(p->app);
	(void)fprintf(stderr, "curfew: %s, %s %s: goes to %s and nowhere else\n",
		      p->claim.title, p->claim.kind, p->hint, p->host);
	facts_read(link_facts(p->link), &p->facts);
	rc = panic_drive(p, e);
	p->w.inc.closed_ms = panic_exit(p) == EXIT_OK ? clock_wall_ms() : 0;
	panic_file_write(p);
	return rc;
}

static void forget(struct panic *p)
{
	link_close(&p->link);
	work_free(&p->w);
	json_free(&p->timeline);
	mem_free(p->path);
}

static int decide(struct panic *p, const struct paste *paste, struct err *e)
{
	const struct json *services;
	struct claims c;

	if (paste->what != PASTE_VALUE || paste->lines != 1)
		return panic_not_a_token(paste, p->app->vault != NULL, e);
	if (link_start(p->link, e) < 0)
		return -1;
	services = json_get(link_hello(p->link), "services");
	shape_claims(services, paste, p->ask->type, &c);
	if (c.n == 0)
		return unknown(&c, p, services, e);
	if (c.n > 1)
		return ambiguous(&c, e);
	p->claim = c.v[0];
	p->value = paste->reading[c.reading];
	shape_hint(&p->claim, p->value, p->hint);
	shape_print(p->value, p->print);
	return p->claim.revoke ? host_of(p, paste, e) : 0;
}

/* The hello that it was read from goes when the connection opens. */
static int keep_claim(struct claim *c, struct json **kept)
{
	*kept = json_dup(c->service);
	if (!*kept)
		return -1;
	for (const struct json *s = json_first(json_get(*kept, "shapes"));
	     s && c->kind && c->prefix; s = json_next(s)) {
		if (strcmp(json_str(s, "kind"), c->kind) != 0 ||
		    strcmp(json_str(s, "prefix"), c->prefix) != 0)
			continue;
		c->kind = json_str(s, "kind");
		c->prefix = json_str(s, "prefix");
		c->host = json_str(s, "host");
		c->option = json_str(s, "option");
		break;
	}
	c->service = *kept;
	c->type = json_str(*kept, "type");
	c->title = json_str(*kept, "title") ? json_str(*kept, "title") : c->type;
	return 0;
}

int panic_kill(struct app *app, const struct panic_ask *ask,
	       const struct paste *paste, struct link **link)
{
	struct panic p = { .app = app, .ask = ask, .link = *link };
	struct json *kept = NULL;
	struct err e = ERR_INIT;
	int code = -1;

	*link = NULL;
	if (decide(&p, paste, &e) < 0)
		goto out;
	if (keep_claim(&p.claim, &kept) < 0) {
		(void)err_fail(&e, ERR_NOMEM, NULL, "out of memory");
		goto out;
	}
	if (!p.claim.revoke)
		code = needs_connection(&p);
	else if (get_ready(&p, &e) < 0)
		goto out;
	else if (app->dry_run)
		code = dry_run(&p);
	else if (send_it(&p, &e) == 0)
		code = tell(&p);
out:
	if (code < 0) {
		(void)err_ctx(&e, NULL, "end the secret");
		code = app_fail(app, &e);
	}
	forget(&p);
	json_free(&kept);
	return code;
}
