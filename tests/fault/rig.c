/* rig: see rig.h. */
#include "rig_in.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/mem.h"
#include "vault/inventory.h"
#include "vault/journal.h"
#include "vault/vault.h"
#include "world.h"

const char *const rig_secrets[RIG_SECRETS] = {
	"planted-value-one-5f1c", "planted-value-two-9a77",
	"planted-value-three-c2", "planted-admin-value-33e",
};

static const char key_bytes[] = "a key file of the fault tests, 48 bytes long....";

void rig_path_of(const char *dir, const char *name, char out[200])
{
	(void)snprintf(out, 200, "%s/%s", dir, name);
}

int rig_open_vault(const char *dir, bool init, struct vault **v,
		      struct err *e)
{
	struct secret *key = secret_new(key_bytes, sizeof(key_bytes) - 1, e);
	char vault[200], file[200];
	struct slot_input in = { .kind = SLOT_KEYFILE, .name = "test" };
	int rc;

	rig_path_of(dir, "vault", vault);
	rig_path_of(dir, "key", file);
	in.secret = key;
	in.path = file;
	rc = init ? vault_init(vault, &in, v, e) :
		    vault_open(vault, &in, 1, false, v, e);
	secret_free(&key);
	return rc;
}

/* ---- making -------------------------------------------------------------------- */

static char *text(const char *s)
{
	return mem_strdup(s);
}

int rig_put_connection(struct vault *v, const char *dir, const char *name,
			  const char *facts, struct err *e)
{
	char options[300];
	struct inv_connection c = { .created_ms = 1, .synced_ms = 1,
				    .has_secret = true };
	struct secret *admin = secret_new(rig_secrets[3],
					  strlen(rig_secrets[3]), e);
	int rc;

	(void)snprintf(options, sizeof(options), "{\"state\":\"%s/%s.world\"}",
		       dir, name);
	c.name = text(name);
	c.type = text("fake");
	c.options = text(options);
	c.facts = text(facts);
	c.failure = text("");
	rc = inv_connection_put(v, &c, admin, e);
	inv_connection_free(&c);
	secret_free(&admin);
	return rc;
}

int rig_put_account(struct vault *v, const char *conn, const char *name,
		       bool makes, struct err *e)
{
	struct inv_account a = { .state = INV_ACTIVE, .makes_accounts = makes,
				 .seen_ms = 1, .first_seen_ms = 1 };
	int rc;

	a.connection = text(conn);
	a.name = text(name);
	a.attributes = text("{}");
	rc = inv_account_put(v, &a, e);
	inv_account_free(&a);
	return rc;
}

int rig_put_key(struct vault *v, const char *conn, const char *account,
		   const char *id, const char *value, struct err *e)
{
	struct inv_credential c = { .state = INV_ACTIVE, .seen_ms = 1,
				    .first_seen_ms = 1 };
	struct secret *s = value ? secret_new(value, strlen(value), e) : NULL;
	int rc;

	c.connection = text(conn);
	c.account = text(account);
	c.kind = text("key");
	c.id = text(id);
	c.fingerprint = text("");
	c.attributes = text("{}");
	c.has_secret = s != NULL;
	rc = inv_credential_put(v, &c, s, e);
	inv_credential_free(&c);
	secret_free(&s);
	return rc;
}

/* The settings go into the world; the lags become declared facts as well. */
void rig_settings(struct world *w, const char *script, char *facts,
		     size_t cap)
{
	char key[40], value[100];
	size_t at;
	int used;

	at = (size_t)snprintf(facts, cap, "{\"key\":{\"disable\":true");
	for (const char *p = script; sscanf(p, " %39[^=]=%99s%n", key, value,
					    &used) == 2; p += used) {
		world_line(w, "O\t%s\t%s", key, value);
		if (strstr(key, "_lag") && at < cap)
			at += (size_t)snprintf(facts + at, cap - at,
					       ",\"%s_ms\":%s", key, value);
		else if (strstr(key, "_cuts") && at < cap)
			at += (size_t)snprintf(facts + at, cap - at,
					       ",\"%s_sessions\":true", key);
		else if (rig_rotation_fact(key, value, facts, cap, &at))
			continue;
		else if (strcmp(key, "rate") == 0 && at < cap)
			at += (size_t)snprintf(facts + at, cap - at,
					       ",\"rate_per_s\":%s", value);
	}
	(void)snprintf(facts + at, cap - at, "}}");
}

static int make_service(struct vault *v, const char *dir, const char *name,
			const char *script, struct err *e)
{
	char path[200], file[40], facts[400];
	struct world w;
	bool first = strcmp(name, "c1") == 0;

	(void)snprintf(file, sizeof(file), "%s.world", name);
	rig_path_of(dir, file, path);
	world_open(&w, path, false);
	world_lock(&w);
	rig_settings(&w, script, facts, sizeof(facts));
	world_line(&w, "A\tci-bot\tgiven\t%d\t0\t0\t0", first);
	world_line(&w, "A\talice\tforeign\t0\t0\t0\t0");
	world_line(&w, "K\talice\tkey\talice-key\talice-secret\tforeign\t0\t0\t0");
	world_line(&w, "K\tci-bot\tkey\tk1\t%s\tgiven\t0\t0\t0",
		   rig_secrets[first ? 0 : 2]);
	if (first) {
		world_line(&w, "K\tci-bot\tkey\tk2\t%s\tgiven\t0\t0\t0",
			   rig_secrets[1]);
		world_line(&w, "G\tci-bot\tforward\tout@there\t0");
		world_line(&w, "S\tci-bot\ts1\t0");
	}
	world_unlock(&w);
	world_close(&w);
	if (rig_put_connection(v, dir, name, facts, e) < 0 ||
	    rig_put_account(v, name, "ci-bot", first, e) < 0 ||
	    rig_put_account(v, name, "alice", false, e) < 0 ||
	    rig_put_key(v, name, "alice", "alice-key", NULL, e) < 0 ||
	    rig_put_key(v, name, "ci-bot", "k1", rig_secrets[first ? 0 : 2], e) < 0)
		return -1;
	/* k2 was made after the last sync: only the listing shows it. */
	return 0;
}

int rig_write_files(const char *dir, const char *config, struct err *e)
{
	char path[200];

	rig_path_of(dir, "key", path);
	if (io_create(path, key_bytes, sizeof(key_bytes) - 1, 0600, e) < 0)
		return -1;
	rig_path_of(dir, "curfew.toml", path);
	return io_create(path, config, strlen(config), 0600, e);
}

int rig_make(const char *dir, const char *script, struct err *e)
{
	static const char config[] =
		"[identity.ci-bot]\n"
		"accounts = [\"c1/ci-bot\", \"c2/ci-bot\"]\n"
		"[connection.c1]\ntimeout = \"300ms\"\n"
		"[connection.c2]\ntimeout = \"300ms\"\n";
	struct vault *v = NULL;
	int rc = -1;

	if (rig_write_files(dir, config, e) < 0 ||
	    rig_open_vault(dir, true, &v, e) < 0)
		return -1;
	if (store_begin(v, e) < 0)
		goto out;
	if (make_service(v, dir, "c1", script, e) < 0 ||
	    make_service(v, dir, "c2", "latency=1 revoke_lag=20 list_lag=20",
			 e) < 0) {
		store_rollback(v);
		goto out;
	}
	rc = store_commit(v, e);
out:
	vault_close(&v);
	return rc;
}

int rig_make_many(const char *dir, int n, int conns, int latency_ms,
		  const char *script, struct err *e)
{
	char name[40], id[40], path[200], all[500], facts[400];
	struct vault *v = NULL;
	int rc = -1;

	if (rig_write_files(dir, "", e) < 0 || rig_open_vault(dir, true, &v, e) < 0)
		return -1;
	(void)snprintf(all, sizeof(all), "latency=%d %s", latency_ms, script);
	for (int c = 0; c < conns; c++) {
		struct world w;

		(void)snprintf(id, sizeof(id), "b%d.world", c);
		rig_path_of(dir, id, path);
		(void)snprintf(name, sizeof(name), "b%d", c);
		world_open(&w, path, false);
		world_lock(&w);
		rig_settings(&w, all, facts, sizeof(facts));
		world_line(&w, "A\tbot\tgiven\t0\t0\t0\t0");
		if (store_begin(v, e) < 0 ||
		    rig_put_connection(v, dir, name, facts, e) < 0 ||
		    rig_put_account(v, name, "bot", false, e) < 0)
			goto out;
		for (int i = c; i < n; i += conns) {
			(void)snprintf(id, sizeof(id), "k%06d", i);
			world_line(&w, "K\tbot\tkey\t%s\ts-%06d\tgiven\t0\t0\t0",
				   id, i);
			if (rig_put_key(v, name, "bot", id, NULL, e) < 0)
				goto out;
		}
		world_unlock(&w);
		world_close(&w);
		if (store_commit(v, e) < 0)
			goto out;
	}
	rc = 0;
out:
	vault_close(&v);
	return rc;
}

/* ---- checking ------------------------------------------------------------------- */

void rig_found(struct buf *b, const char *rule, const char *what,
		  const char *of)
{
	if (buf_printf(b, NULL, "%s: %s %s\n", rule, what, of) < 0)
		b->len = b->len; /* full: there is enough in it already */
}

/* I7: DEAD is never written of what the service would still let in. */
int rig_check_dead(const struct inv_credential *c, void *arg, struct err *e)
{
	struct checking *k = arg;
	const struct w_key *key;

	(void)e;
	if (c->state != INV_DEAD)
		return 0;
	key = world_key(k->w, c->account, c->kind, c->id);
	if (key && (world_accepts(k->w, key, c->dead_ms) ||
		    world_accepts(k->w, key, clock_wall_ms())))
		rig_found(k->out, "I7", "recorded dead, but accepted:", c->id);
	return 0;
}

/* Once all lags are over: who can still come in? */
static void check_world(struct world *w, int code, struct buf *out)
{
	int64_t later = clock_wall_ms() + 3600000;

	for (size_t i = 0; i < w->nk; i++) {
		const struct w_key *k = &w->k[i];

		if (strcmp(k->origin, "foreign") == 0) {
			if (k->revoked_ms)
				rig_found(out, "I5", "a foreign key was revoked:",
				      k->id);
			continue;
		}
		if (code == 0 && world_accepts(w, k, later))
			rig_found(out, "I6", "exit 0, but alive:", k->id);
	}
	for (size_t i = 0; i < w->ns; i++)
		if (code == 0 && !w->s[i].closed_ms)
			rig_found(out, "I6", "exit 0, but a session is open:",
			      w->s[i].id);
	for (size_t i = 0; i < w->ng; i++)
		if (code == 0 && !w->g[i].removed_ms)
			rig_found(out, "I6", "exit 0, but a grant is left:",
			      w->g[i].id);
	for (size_t i = 0; i < w->na; i++)
		if (strcmp(w->a[i].origin, "foreign") == 0 &&
		    w->a[i].disabled_ms)
			rig_found(out, "I5", "a foreign account was disabled:",
			      w->a[i].name);
}

void rig_check_residue(const char *dir, struct buf *out)
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
		for (size_t i = 0; i < RIG_SECRETS; i++)
			if (memmem(b.p, b.len, rig_secrets[i],
				   strlen(rig_secrets[i])))
				rig_found(out, "I8", "a planted secret is in",
				      f->d_name);
		buf_release(&b);
	}
	if (d)
		(void)closedir(d);
}

static void check_vault(const char *dir, struct world *w, struct buf *out)
{
	static const char *const conns[] = { "c1", "c2" };
	struct vault_report r = { .text = BUF_INIT(BUF_TEXT_MAX) };
	struct vault *v = NULL;
	struct err e = ERR_INIT;
	uint64_t n;

	if (rig_open_vault(dir, false, &v, &e) < 0) {
		rig_found(out, "I9", "the vault does not open:", e.cause);
		return;
	}
	if (journal_verify(v, &n, &e) < 0)
		rig_found(out, "I9", "the chain does not verify:", e.cause);
	err_clear(&e);
	if (vault_verify(v, &r, &e) < 0 || r.bad)
		rig_found(out, "I9", "vault verify:", r.text.p ? r.text.p : e.cause);
	for (size_t i = 0; i < 2; i++) {
		struct checking k = { &w[i], conns[i], out };

		if (inv_credentials(v, conns[i], NULL, rig_check_dead, &k, &e) < 0)
			rig_found(out, "I9", "inventory:", e.cause);
	}
	buf_release(&r.text);
	vault_close(&v);
}

void rig_check(const char *dir, int code, struct buf *out)
{
	struct world w[2];
	char path[200];

	rig_path_of(dir, "c1.world", path);
	world_open(&w[0], path, true);
	rig_path_of(dir, "c2.world", path);
	world_open(&w[1], path, true);
	for (size_t i = 0; i < 2; i++)
		check_world(&w[i], code, out);
	check_vault(dir, w, out);
	rig_path_of(dir, "vault", path);
	rig_check_residue(path, out);
	rig_check_residue(dir, out);
	world_close(&w[0]);
	world_close(&w[1]);
}

bool rig_has_incident(const char *dir)
{
	struct vault *v = NULL;
	struct err e = ERR_INIT;
	uint64_t n = 0;

	if (rig_open_vault(dir, false, &v, &e) < 0 ||
	    store_count(v, STORE_INCIDENT, &n, &e) < 0)
		n = 0;
	vault_close(&v);
	return n > 0;
}

bool rig_has_changes(const char *dir)
{
	static const char *const files[] = { "c1.world", "c2.world" };
	bool yes = false;

	for (size_t i = 0; i < 2; i++) {
		struct world w;
		char path[200];

		rig_path_of(dir, files[i], path);
		world_open(&w, path, true);
		for (size_t k = 0; k < w.nl; k++)
			yes = yes || (strcmp(w.l[k].verb, "list") != 0 &&
				      strcmp(w.l[k].verb, "probe") != 0 &&
				      strcmp(w.l[k].verb, "snapshot") != 0);
		world_close(&w);
	}
	return yes;
}
