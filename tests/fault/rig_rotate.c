/* rig_rotate: see rig_rotate.h. */
#include "rig_rotate.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "agent/engine/rot.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/mem.h"
#include "rig_in.h"
#include "vault/journal.h"

#define LATER_MS 3600000 /* once all lags are over */

bool rig_rotation_fact(const char *key, const char *value, char *facts,
		       size_t cap, size_t *at)
{
	static const struct {
		const char *key, *fact;
	} flags[] = {
		{ "makes", "makes" }, { "labels", "labels" },
		{ "used", "last_used" },
	};
	const bool on = strcmp(value, "0") != 0;

	if (*at >= cap)
		return false;
	if (strcmp(key, "class") == 0) {
		*at += (size_t)snprintf(facts + *at, cap - *at,
			",\"secret_from\":\"%s\"",
			*value == 'A' ? "caller" : "provider");
		return true;
	}
	if (strcmp(key, "fixed") == 0) {
		*at += (size_t)snprintf(facts + *at, cap - *at,
			",\"fixed_id\":%s,\"overlap\":%s",
			on ? "true" : "false", on ? "false" : "true");
		return true;
	}
	for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++)
		if (strcmp(key, flags[i].key) == 0) {
			*at += (size_t)snprintf(facts + *at, cap - *at,
				",\"%s\":%s", flags[i].fact,
				on ? "true" : "false");
			return true;
		}
	return false;
}

/* ---- making ---------------------------------------------------------------------- */

/* The words that begin with "sink." without it, or the others. */
static void part(const char *script, bool sink, char *out, size_t cap)
{
	size_t at = 0;
	char word[120];
	int used;

	out[0] = '\0';
	for (const char *p = script; sscanf(p, " %119s%n", word, &used) == 1;
	     p += used) {
		const bool mine = strncmp(word, "sink.", 5) == 0;

		if (mine == sink && at < cap)
			at += (size_t)snprintf(out + at, cap - at, "%s ",
					       mine ? word + 5 : word);
	}
}

static int make_service(struct vault *v, const char *dir, const char *script,
			struct err *e)
{
	char path[200], facts[600], mine[500];
	struct world w;

	rig_path_of(dir, "c1.world", path);
	part(script, false, mine, sizeof(mine));
	world_open(&w, path, false);
	world_lock(&w);
	rig_settings(&w, mine, facts, sizeof(facts));
	world_line(&w, "A\tbot\tgiven\t0\t0\t0\t0");
	world_line(&w, "A\tbot2\tgiven\t0\t0\t0\t0");
	world_line(&w, "K\tbot\tkey\tk1\t%s\tgiven\t0\t0\t0\t",
		   rig_secrets[0]);
	world_line(&w, "K\tbot\tkey\tother\t%s\tforeign\t0\t0\t0\t",
		   rig_secrets[1]);
	world_line(&w, "K\tbot2\tkey\tk1\t%s\tgiven\t0\t0\t0\t",
		   rig_secrets[2]);
	world_unlock(&w);
	world_close(&w);
	if (rig_put_connection(v, dir, "c1", facts, e) < 0 ||
	    rig_put_account(v, "c1", "bot", false, e) < 0 ||
	    rig_put_account(v, "c1", "bot2", false, e) < 0 ||
	    rig_put_key(v, "c1", "bot", "k1", rig_secrets[0], e) < 0 ||
	    rig_put_key(v, "c1", "bot", "other", NULL, e) < 0 ||
	    rig_put_key(v, "c1", "bot2", "k1", rig_secrets[2], e) < 0)
		return -1;
	return 0;
}

static int make_sink(struct vault *v, const char *dir, const char *script,
		     struct err *e)
{
	char path[200], facts[600], mine[500];
	struct world w;

	rig_path_of(dir, "sink.world", path);
	part(script, true, mine, sizeof(mine));
	world_open(&w, path, false);
	world_lock(&w);
	rig_settings(&w, mine, facts, sizeof(facts));
	world_line(&w, "D\tapp\t0\t%s\tc1/bot#k1\t0", rig_secrets[0]);
	world_unlock(&w);
	world_close(&w);
	return rig_put_connection(v, dir, "sink", facts, e);
}

int rig_rotate_make(const char *dir, const char *script, const char *policy,
		    struct err *e)
{
	struct vault *v = NULL;
	char config[1000];
	int rc = -1;

	(void)snprintf(config, sizeof(config),
		       "[identity.bot]\naccounts = [\"c1/bot\"]\n"
		       "[connection.c1]\ntimeout = \"300ms\"\n"
		       "[connection.sink]\ntimeout = \"300ms\"\n"
		       "[rotation.r]\n"
		       "credentials = [\"c1/bot#k1\", "
		       "\"c1/bot#new-*\", \"c1/bot#set-*\"]\n"
		       "deliver = [\"sink/app\"]\n%s\n", policy);
	if (rig_write_files(dir, config, e) < 0 ||
	    rig_open_vault(dir, true, &v, e) < 0)
		return -1;
	if (store_begin(v, e) < 0)
		goto out;
	if (make_service(v, dir, script, e) < 0 ||
	    make_sink(v, dir, script, e) < 0) {
		store_rollback(v);
		goto out;
	}
	rc = store_commit(v, e);
out:
	vault_close(&v);
	return rc;
}

int rig_rotate_many(const char *dir, int n, int conns, int latency_ms, bool due,
		    struct err *e)
{
	struct buf b = BUF_INIT(BUF_TEXT_MAX);
	char path[200];
	int rc = -1;

	if (rig_make_many(dir, n, conns, latency_ms, "class=A fixed=1", e) < 0)
		return -1;
	for (int i = 0; i < conns; i++)
		if (buf_printf(&b, e, "[rotation.r%d]\nconnections = [\"b%d\"]\n"
			       "every = \"%s\"\n"
			       "deliver = [\"b%d/{account}.{cred}\"]\n", i, i,
			       due ? "30d" : "36500d", i) < 0)
			goto out;
	rig_path_of(dir, "curfew.toml", path);
	rc = io_write_atomic(path, b.p, b.len, 0600, e);
out:
	buf_release(&b);
	return rc;
}

/* ---- checking --------------------------------------------------------------------- */

struct view {
	struct vault *v;
	struct world c1, sink;
	const struct rig_end *end;
	struct buf *out;
	struct rot_line line;
	bool has_line;
	int64_t now;
};

static int compare(const unsigned char *p, size_t n, void *arg)
{
	const char *want = arg;

	return strlen(want) == n && memcmp(want, p, n) == 0;
}

/* Is that value sealed with the credential, or with the line? */
static bool sealed(struct view *k, const char *account, const char *id,
		   const char *value)
{
	struct inv_credential c;
	struct rot_line l;
	struct secret *s = NULL;
	bool same = false;

	if (inv_credential_get(k->v, "c1", account, "key", id, &c, &s,
			       NULL) > 0) {
		inv_credential_free(&c);
		same = s && secret_reveal(s, compare,
					  (void *)(uintptr_t)value);
		secret_free(&s);
	}
	if (same || !k->has_line)
		return same;
	if (rot_get(k->v, &k->line.id, &l, &s, NULL) > 0) {
		rot_free(&l);
		same = s && secret_reveal(s, compare,
					  (void *)(uintptr_t)value);
		secret_free(&s);
	}
	return same;
}

/* I1: at rest every live key of a managed account is known here. */
static void check_orphans(struct view *k)
{
	const bool waiting = k->has_line && (rot_busy(&k->line) ||
					     k->line.stuck_ms);

	for (size_t i = 0; i < k->c1.nk; i++) {
		const struct w_key *x = &k->c1.k[i];

		if (!world_accepts(&k->c1, x, k->now + LATER_MS) ||
		    strcmp(x->origin, "given") != 0)
			continue;
		if (sealed(k, x->account, x->id, x->secret))
			continue;
		/* one whose answer is lost is being looked for */
		if (waiting && (k->line.state == RS_TRIED ||
				k->line.state == RS_SWEPT))
			continue;
		rig_found(k->out, "I1", "nobody knows this live key:", x->id);
	}
}

/* I2: what the consumer was given works. */
static void check_delivered(struct view *k)
{
	const struct w_delivery *d = world_delivery(&k->sink, "app");
	bool works = false;

	for (size_t i = 0; d && i < k->c1.nk; i++)
		works = works || (strcmp(k->c1.k[i].secret, d->secret) == 0 &&
				  world_accepts(&k->c1, &k->c1.k[i], k->now) &&
				  world_accepts(&k->c1, &k->c1.k[i],
						k->now + LATER_MS));
	if (!works && !k->end->killed &&
	    !(k->end->single && k->end->between))
		rig_found(k->out, "I2", "what was delivered does not work:",
			  d ? d->from : "nothing");
}

/* I3: at least one live value is held, of the account in use or the coming
 * one's. */
static void check_held(struct view *k)
{
	const char *one = k->has_line ? k->line.account : "bot";
	const char *other = k->has_line ? rot_new_account(&k->line) : "bot";

	if (k->end->killed)
		return;
	for (size_t i = 0; i < k->c1.nk; i++) {
		const struct w_key *x = &k->c1.k[i];

		if (strcmp(x->origin, "given") == 0 &&
		    (strcmp(x->account, one) == 0 ||
		     strcmp(x->account, other) == 0) &&
		    world_accepts(&k->c1, x, k->now + LATER_MS) &&
		    sealed(k, x->account, x->id, x->secret))
			return;
	}
	rig_found(k->out, "I3", "no live value is held for", one);
}

static void check_world(struct view *k)
{
	for (size_t i = 0; i < k->c1.nk; i++) {
		const struct w_key *x = &k->c1.k[i];
		const bool lives = world_accepts(&k->c1, x, k->now + LATER_MS);

		if (strcmp(x->origin, "foreign") == 0) {
			if (x->revoked_ms && !k->end->killed)
				rig_found(k->out, "I5", "a foreign key was "
					  "ended:", x->id);
			continue;
		}
		if (k->end->between || strcmp(x->account, "bot") != 0 || !lives)
			continue;
		/* I6: after a kill that says so nothing of the line lives. */
		if (k->end->killed && k->end->code == 0)
			rig_found(k->out, "I6", "exit 0, but alive:", x->id);
		/* I4: the old one is gone once a rotation came to its end. */
		if (!k->end->killed && k->end->code == 0 && k->has_line &&
		    k->line.state == RS_IDLE && !*k->line.why &&
		    strcmp(x->id, k->line.cred) != 0)
			rig_found(k->out, "I4", "done, and the old one lives:",
				  x->id);
	}
}

/* I8: no value is anywhere but in sealed columns. */
static void check_values(struct view *k, const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *f;

	while (d && (f = readdir(d))) {
		struct buf b = BUF_INIT(64u << 20);
		char path[520];

		if (f->d_name[0] == '.' || strstr(f->d_name, ".world") ||
		    strcmp(f->d_name, "vault") == 0)
			continue;
		(void)snprintf(path, sizeof(path), "%s/%s", dir, f->d_name);
		if (io_read_file(path, IO_ANY, 64u << 20, &b, NULL) < 0)
			continue;
		for (size_t i = 0; i < k->c1.nk; i++)
			if (memmem(b.p, b.len, k->c1.k[i].secret,
				   strlen(k->c1.k[i].secret)))
				rig_found(k->out, "I8", "a value is in",
					  f->d_name);
		buf_release(&b);
	}
	if (d)
		(void)closedir(d);
}

static int find_line(const struct rot_line *l, void *arg, struct err *e)
{
	struct view *k = arg;

	(void)e;
	if (strcmp(l->account, "bot") != 0 && strcmp(l->partner, "bot") != 0)
		return 0;
	return rot_get(k->v, &l->id, &k->line, NULL, e) > 0 ? 1 : -1;
}

static void check_vault(struct view *k)
{
	struct vault_report r = { .text = BUF_INIT(BUF_TEXT_MAX) };
	struct checking c = { &k->c1, "c1", k->out };
	struct err e = ERR_INIT;
	uint64_t n;

	if (journal_verify(k->v, &n, &e) < 0)
		rig_found(k->out, "I9", "the chain does not verify:", e.cause);
	err_clear(&e);
	if (vault_verify(k->v, &r, &e) < 0 || r.bad)
		rig_found(k->out, "I9", "vault verify:",
			  r.text.p ? r.text.p : e.cause);
	if (inv_credentials(k->v, "c1", NULL, rig_check_dead, &c, &e) < 0)
		rig_found(k->out, "I9", "inventory:", e.cause);
	buf_release(&r.text);
}

static int look(struct view *k, const char *dir, struct err *e)
{
	char path[200];

	rig_path_of(dir, "c1.world", path);
	world_open(&k->c1, path, true);
	rig_path_of(dir, "sink.world", path);
	world_open(&k->sink, path, true);
	k->now = clock_wall_ms();
	if (rig_open_vault(dir, false, &k->v, e) < 0 ||
	    rot_each(k->v, find_line, k, e) < 0)
		return -1;
	k->has_line = k->line.state != 0;
	return 0;
}

static void unlook(struct view *k)
{
	rot_free(&k->line);
	vault_close(&k->v);
	world_close(&k->c1);
	world_close(&k->sink);
}

void rig_rotate_check(const char *dir, const struct rig_end *end,
		      struct buf *findings)
{
	struct view k = { .end = end, .out = findings };
	struct err e = ERR_INIT;
	char path[200];

	if (look(&k, dir, &e) < 0) {
		rig_found(findings, "I9", "the vault does not open:", e.cause);
	} else {
		check_orphans(&k);
		check_delivered(&k);
		check_held(&k);
		check_world(&k);
		check_vault(&k);
		rig_path_of(dir, "vault", path);
		check_values(&k, path);
		check_values(&k, dir);
	}
	unlook(&k);
}

bool rig_rotate_busy(const char *dir)
{
	struct view k = { .end = NULL };
	struct err e = ERR_INIT;
	bool busy = look(&k, dir, &e) == 0 && k.has_line &&
		    (rot_busy(&k.line) || k.line.stuck_ms);

	unlook(&k);
	return busy;
}

bool rig_rotate_begun(const char *dir)
{
	struct view k = { .end = NULL };
	struct err e = ERR_INIT;
	bool begun = look(&k, dir, &e) == 0 && k.has_line;

	unlook(&k);
	return begun;
}
