/*
 * cmd_hook: what the git hooks need from the vault: the published set of the
 * organisation's own secrets, and the two public keys.
 *
 * Promises: a value goes into the set only when it cannot be guessed from it
 * (agent/strength.h), and what is left out is counted and named.  Each set has a
 * key of its own, so two of them cannot be compared.  Never prints a value.
 */
#include <stdio.h>
#include <string.h>

#include "agent/args.h"
#include "agent/commands.h"
#include "agent/report/out.h"
#include "agent/strength.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/text.h"
#include "base/wordset.h"
#include "vault/inventory.h"
#include "vault/journal.h"
#include "vault/outward.h"

enum verdict { TAKEN, SHORT, LONG, NO_WORD, WEAK, DEAD, VERDICTS };

static const char *const why[VERDICTS] = {
	[TAKEN] = "published",
	[SHORT] = "shorter than 16 bytes",
	[LONG] = "longer than 256 bytes",
	[NO_WORD] = "not one word of printable characters (a key block, a file)",
	[WEAK] = "could be guessed from its fingerprint (under 80 bits)",
	[DEAD] = "proved dead or revoked already",
};
static const char *const names[VERDICTS] = { "published", "short", "long",
					     "no_word", "weak", "dead" };

struct publish {
	struct app *app;
	unsigned char key[DIGEST_KEY];
	struct wordset_entry *v;
	size_t n, cap, count[VERDICTS], unknown;
	struct buf out; /* "ADDRESS\tREASON\n" of what was left out */
};

struct weighing {
	struct publish *p;
	enum verdict verdict;
	struct wordset_entry entry;
};

static int weigh(const unsigned char *p, size_t n, void *arg)
{
	struct weighing *w = arg;

	w->verdict = n < WORDSET_MIN ? SHORT :
		     n > WORDSET_MAX ? LONG :
		     !wordset_fits(p, n) ? NO_WORD :
		     strength_bits(p, n) < STRENGTH_PUBLISH ? WEAK : TAKEN;
	if (w->verdict == TAKEN)
		wordset_entry(w->p->key, p, n, &w->entry);
	return 0;
}

static int keep(struct publish *p, const struct wordset_entry *w, struct err *e)
{
	if (p->n == p->cap) {
		const size_t cap = p->cap ? 2 * p->cap : 256;
		struct wordset_entry *v =
			cap > WORDSET_WORDS_MAX ? NULL :
			mem_realloc(p->v, cap * sizeof *v);

		if (v == NULL)
			return err_fail(e, ERR_NOMEM, NULL,
					"no room for %zu values", cap);
		p->v = v;
		p->cap = cap;
	}
	p->v[p->n++] = *w;
	return 0;
}

/* One value, by whose name it goes. */
static int take(struct publish *p, const char *address,
		const struct secret *value, struct err *e)
{
	struct weighing w = { .p = p };

	(void)secret_reveal(value, weigh, &w);
	p->count[w.verdict]++;
	if (w.verdict == TAKEN)
		return keep(p, &w.entry, e);
	return buf_printf(&p->out, e, "%s\t%s\n", address, why[w.verdict]);
}

static int credential(const struct inv_credential *c, void *arg, struct err *e)
{
	struct publish *p = arg;
	struct inv_credential full = { 0 };
	struct secret *value = NULL;
	struct buf at = BUF_INIT(BUF_TEXT_MAX);
	int rc = -1;

	if (c->state == INV_DEAD || c->state == INV_REVOKED) {
		p->count[DEAD] += c->has_secret;
		return 0;
	}
	if (!c->has_secret) {
		p->unknown++;
		return 0;
	}
	if (inv_address(&at, c->connection, c->account, c->id, e) < 0 ||
	    inv_credential_get(p->app->vault, c->connection, c->account,
			       c->kind, c->id, &full, &value, e) < 0)
		goto out;
	rc = value != NULL ? take(p, at.p, value, e) : 0;
out:
	secret_free(&value);
	inv_credential_free(&full);
	buf_release(&at);
	return rc;
}

/* curfew's own access leaks like any other. */
static int connection(const struct inv_connection *c, void *arg, struct err *e)
{
	struct publish *p = arg;
	struct inv_connection full = { 0 };
	struct secret *value = NULL;
	char text[200];
	int rc = -1;

	if (!c->has_secret)
		return 0;
	(void)snprintf(text, sizeof text, "%s (curfew's own access)", c->name);
	if (inv_connection_get(p->app->vault, c->name, &full, &value, e) >= 0)
		rc = value != NULL ? take(p, text, value, e) : 0;
	secret_free(&value);
	inv_connection_free(&full);
	return rc;
}

static int write_set(struct publish *p, const struct outward *keys,
		     const char *path, struct err *e)
{
	struct buf file = BUF_INIT(WORDSET_FILE_MAX);
	unsigned char sum[32], sig[DIGEST_SIGNATURE];
	int rc = -1;

	if (wordset_build(p->key, clock_wall_ms(), p->v, p->n, keys->sign,
			  &file, e) < 0)
		goto out;
	digest_hash(file.p, file.len, sum, sizeof sum);
	if (outward_sign(p->app->vault, sum, sizeof sum, sig, e) < 0 ||
	    buf_add(&file, sig, sizeof sig, e) < 0 ||
	    /* git's user reads it; it is made to be given away */
	    io_write_atomic(path, file.p, file.len, 0644, e) < 0)
		goto out;
	rc = 0;
out:
	buf_release(&file);
	return rc;
}

static int note(struct publish *p, const char *path, struct err *e)
{
	struct journal_entry j = { .kind = J_DECISION };
	struct buf text = BUF_INIT(BUF_TEXT_MAX);
	int rc = -1;

	if (buf_printf(&text, e, "published the fingerprints of %zu secrets to "
		       "%s", p->count[TAKEN], path) == 0) {
		j.text = text.p;
		j.at_ms = clock_wall_ms();
		rc = journal_append(p->app->vault, &j, NULL, e);
	}
	buf_release(&text);
	return rc;
}

static size_t left_out(const struct publish *p)
{
	return p->count[SHORT] + p->count[LONG] + p->count[NO_WORD] +
	       p->count[WEAK];
}

static void tell(const struct publish *p, const char *path, const char *spool,
		 const char *sign)
{
	char line[600];
	const char *at = p->out.p;

	(void)snprintf(line, sizeof line, "%zu secret%s published to ",
		       p->count[TAKEN], p->count[TAKEN] == 1 ? "" : "s");
	out_text(line);
	out_cell(path, 0);
	out_text("\n");
	if (left_out(p) > 0) {
		(void)snprintf(line, sizeof line, "%zu left out:\n", left_out(p));
		out_text(line);
	}
	for (int i = SHORT; i <= WEAK; i++)
		if (p->count[i] > 0) {
			(void)snprintf(line, sizeof line, "  %6zu  %s\n",
				       p->count[i], why[i]);
			out_text(line);
		}
	if (p->unknown > 0) {
		(void)snprintf(line, sizeof line, "%zu credential%s no value "
			       "here ('curfew learn' gives one)\n", p->unknown,
			       p->unknown == 1 ? " has" : "s have");
		out_text(line);
	}
	for (; p->app->verbose && at != NULL && *at != '\0';) {
		const size_t n = strcspn(at, "\t");
		const size_t m = strcspn(at + n, "\n");
		char *who = mem_strndup(at, n);

		if (who != NULL) {
			out_text("  left out: ");
			out_cell(who, 0);
			out_text("\n");
		}
		mem_free(who);
		at += n + m + (at[n + m] == '\n');
	}
	(void)snprintf(line, sizeof line,
		       "hooks take it with:\n  curfew-scan hook install --known "
		       "FILE --known-key %s \\\n    --spool FOLDER --spool-key %s "
		       "REPO...\n", sign, spool);
	out_text(line);
}

static int tell_json(const struct publish *p, const char *path,
		     const char *spool, const char *sign)
{
	struct json *j = json_object(), *out = json_object();
	struct err e = ERR_INIT;
	int code;

	for (int i = SHORT; i < VERDICTS; i++)
		(void)json_set_int(out, names[i], (int64_t)p->count[i]);
	(void)json_set_int(j, "version", 1);
	(void)json_set_str(j, "file", path);
	(void)json_set_int(j, "published", (int64_t)p->count[TAKEN]);
	(void)json_set_int(j, "without_value", (int64_t)p->unknown);
	(void)json_set_str(j, "spool_key", spool);
	(void)json_set_str(j, "known_key", sign);
	if (!json_set(j, "left_out", out)) {
		(void)err_fail(&e, ERR_NOMEM, NULL, "out of memory");
		code = app_fail(p->app, &e);
	} else {
		code = out_json(p->app, j);
	}
	json_free(&j);
	return code;
}

int cmd_hook_publish(struct app *app, int argc, char **argv)
{
	struct publish p = { .app = app, .out = BUF_INIT(BUF_REPORT_MAX) };
	const struct arg args[] = { { NULL, ARG_FLAG, NULL, 0 } };
	char spool[2 * DIGEST_PUBLIC + 1], sign[2 * DIGEST_PUBLIC + 1];
	struct outward keys;
	struct err e = ERR_INIT;
	char **rest;
	int n, code = -1;

	if (args_parse(argc, argv, args, &rest, &n, &e) < 0)
		goto out;
	if (n != 1) {
		(void)err_fail(&e, ERR_USAGE, NULL, "name the file to write: "
			       "curfew hook publish FILE");
		goto out;
	}
	secret_random(p.key, sizeof p.key);
	if (outward_keys(app->vault, &keys, &e) < 0 ||
	    inv_credentials(app->vault, NULL, NULL, credential, &p, &e) < 0 ||
	    inv_connections(app->vault, connection, &p, &e) < 0 ||
	    write_set(&p, &keys, rest[0], &e) < 0 || note(&p, rest[0], &e) < 0) {
		(void)err_ctx(&e, rest[0], "publish the known secrets");
		goto out;
	}
	text_hex(keys.spool, sizeof keys.spool, spool);
	text_hex(keys.sign, sizeof keys.sign, sign);
	code = EXIT_OK;
	if (app->json)
		code = tell_json(&p, rest[0], spool, sign);
	else if (!app->quiet)
		tell(&p, rest[0], spool, sign);
out:
	buf_release(&p.out);
	mem_free(p.v);
	return code < 0 ? app_fail(app, &e) : code;
}
