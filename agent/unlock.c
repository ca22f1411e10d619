/*
 * unlock: gathering keys, and opening the vault with them.
 *
 * Owns the order in which keys are looked for (agent/unlock.h).  Promises:
 * nothing is asked while something that lies ready opens the vault; what was
 * gathered is wiped as soon as the vault is open.  Must never: print a key, or
 * say which of several keys was nearly right.
 */
#include "agent/unlock.h"
#include "agent/urgent.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/engine/rot_lifeboat.h"
#include "agent/keyring_client.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/log.h"
#include "base/mem.h"
#include "vault/slot_input.h"

#define KEYS_MAX 32u
#define TRIES 3

struct unlock_keys {
	struct slot_input v[KEYS_MAX];
	struct secret *own[KEYS_MAX];
	char *path[KEYS_MAX];
	size_t n;
	bool only_given; /* an option names the key: no other is tried */
	char would[300]; /* what would open it, and why that is not at hand */
};

struct gathering {
	struct app *app;
	struct unlock_keys *keys;
	struct slot_info *slots;
	size_t n_slots;
	bool have_passphrase;
	/* why the key of a slot is not at hand, told if nothing opens */
	char why[KEYS_MAX][120];
};

static char credentials_dir[4096];
static bool session_bus;

void unlock_note_environ(void)
{
	const char *dir = secure_getenv("CREDENTIALS_DIRECTORY");
	const char *bus = secure_getenv("DBUS_SESSION_BUS_ADDRESS");
	const char *run = secure_getenv("XDG_RUNTIME_DIR");

	if (dir && *dir == '/' && strlen(dir) < sizeof credentials_dir)
		memcpy(credentials_dir, dir, strlen(dir) + 1);
	session_bus = bus && *bus;
	if (!session_bus && run && *run == '/') {
		char *path = io_path(run, "bus");

		session_bus = path && access(path, F_OK) == 0;
		mem_free(path);
	}
}

const char *unlock_credentials_dir(void)
{
	return credentials_dir;
}

const struct slot_input *unlock_inputs(const struct unlock_keys *k, size_t *n)
{
	*n = k->n;
	return k->v;
}

void unlock_keys_free(struct unlock_keys **k)
{
	if (!*k)
		return;
	for (size_t i = 0; i < (*k)->n; i++) {
		secret_free(&(*k)->own[i]);
		mem_free((*k)->path[i]);
	}
	mem_free(*k);
	*k = NULL;
}

/* Takes the secret, also when it fails. */
static int add(struct unlock_keys *k, enum slot_kind kind, const char *path,
	       struct secret *s, struct err *e)
{
	size_t i = k->n;

	if (i == KEYS_MAX) {
		secret_free(&s);
		return err_fail(e, ERR_TOOBIG, NULL, "more than %u keys",
				KEYS_MAX);
	}
	k->path[i] = path ? mem_strdup(path) : NULL;
	if (path && !k->path[i]) {
		secret_free(&s);
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	}
	k->own[i] = s;
	k->v[i] = (struct slot_input){ .kind = kind, .secret = s,
				       .path = k->path[i] };
	k->n++;
	return 0;
}

static bool has_slot(const struct gathering *g, enum slot_kind kind)
{
	for (size_t i = 0; i < g->n_slots; i++)
		if (g->slots[i].kind == kind)
			return true;
	return false;
}

static bool known_path(const struct unlock_keys *k, const char *path)
{
	for (size_t i = 0; i < k->n; i++)
		if (k->v[i].kind == SLOT_KEYFILE && k->path[i] &&
		    strcmp(k->path[i], path) == 0)
			return true;
	return false;
}

static int add_key_file(struct gathering *g, const char *path, struct err *e)
{
	struct secret *s = NULL;

	if (!path || !*path || known_path(g->keys, path))
		return 0;
	if (slot_keyfile_read(path, &s, e) != 0)
		return -1;
	return add(g->keys, SLOT_KEYFILE, path, s, e);
}

static void note_why(struct gathering *g, size_t slot, const struct err *e)
{
	if (slot < KEYS_MAX)
		snprintf(g->why[slot], sizeof g->why[slot], "%.*s",
			 (int)sizeof g->why[slot] - 1, e->cause);
}

/* A named key file must be usable; one that only a slot remembers may be away. */
static int key_files(struct gathering *g, struct err *e)
{
	const struct unlock_options *o = g->app->unlock;
	const struct config *c = g->app->config;

	if (o && add_key_file(g, o->key_file, e) != 0)
		return -1;
	if (g->keys->only_given)
		return 0;
	if (c && add_key_file(g, c->key_file, e) != 0)
		return err_ctx(e, NULL, "use [vault] key_file");
	for (size_t i = 0; i < g->n_slots; i++) {
		struct err why = ERR_INIT;

		if (g->slots[i].kind == SLOT_KEYFILE &&
		    add_key_file(g, g->slots[i].detail, &why) != 0)
			note_why(g, i, &why);
	}
	return 0;
}

static void systemd_credentials(struct gathering *g)
{
	for (size_t i = 0; i < g->n_slots; i++) {
		struct err why = ERR_INIT;
		struct secret *s = NULL;

		if (g->slots[i].kind == SLOT_SYSTEMD &&
		    (slot_systemd_read(credentials_dir, g->slots[i].detail, &s,
				       &why) != 0 ||
		     add(g->keys, SLOT_SYSTEMD, g->slots[i].detail, s,
			 &why) != 0))
			note_why(g, i, &why);
	}
}

static void desktop_keyring(struct gathering *g)
{
	for (size_t i = 0; i < g->n_slots; i++) {
		struct err why = ERR_INIT;
		struct secret *s = NULL;
		int rc;

		if (g->slots[i].kind != SLOT_LIBSECRET)
			continue;
		if (!session_bus || !g->app->launcher)
			rc = err_fail(&why, ERR_UNSUPPORTED, NULL,
				      "there is no desktop session bus");
		else
			rc = keyring_lookup(g->app->launcher,
					    g->slots[i].detail,
					    !g->app->no_input, &s, &why);
		if (rc != 0 || add(g->keys, SLOT_LIBSECRET,
				   g->slots[i].detail, s, &why) != 0)
			note_why(g, i, &why);
	}
}

static int given(struct gathering *g, struct err *e)
{
	const struct unlock_options *o = g->app->unlock;
	struct secret *s = NULL;

	if (!o)
		return 0;
	if (o->passphrase_file || o->passphrase_fd >= 0) {
		int rc = o->passphrase_file ?
				 io_read_secret(o->passphrase_file, IO_PRIVATE,
						&s, e) :
				 io_read_secret_fd(o->passphrase_fd, &s, e);

		if (rc != 0)
			return err_ctx(e, NULL, "read the passphrase");
		if (add(g->keys, SLOT_PASSPHRASE, NULL, s, e) != 0)
			return -1;
		g->have_passphrase = true;
	}
	s = NULL;
	if (o->break_glass) {
		if (slot_recipient_read(o->break_glass, &s, e) != 0 ||
		    add(g->keys, SLOT_RECIPIENT, o->break_glass, s, e) != 0)
			return -1;
		log_line(LOG_WARNING, "opening with a break-glass key");
	}
	return 0;
}

/* "it opens with: key-file /etc/key (No such file or directory), ..." */
static void note_would(struct gathering *g)
{
	struct buf b = BUF_INIT(BUF_TEXT_MAX);
	struct err ignored = ERR_INIT;

	for (size_t i = 0; i < g->n_slots; i++) {
		const struct slot_info *s = &g->slots[i];
		const char *why = i < KEYS_MAX ? g->why[i] : "";
		bool told = s->detail[0] && s->kind != SLOT_LIBSECRET &&
			    s->kind != SLOT_RECIPIENT;

		if (buf_printf(&b, &ignored, "%s%s%s%s%s%s%s",
			       i ? ", " : "it opens with: ",
			       slot_kind_word(s->kind), told ? " " : "",
			       told ? s->detail : "", why[0] ? " (" : "", why,
			       why[0] ? ")" : "") != 0)
			break;
	}
	if (b.len)
		snprintf(g->keys->would, sizeof g->keys->would, "%.*s",
			 (int)sizeof g->keys->would - 1, b.p);
	buf_release(&b);
}

static bool names_key(const struct unlock_options *o)
{
	return o && (o->key_file || o->passphrase_file || o->break_glass ||
		     o->passphrase_fd >= 0);
}

/* `all`: also what was not named, though an option names one. */
static int begin(struct gathering *g, struct app *app, bool all, struct err *e)
{
	memset(g, 0, sizeof *g);
	g->app = app;
	g->keys = mem_zalloc(sizeof *g->keys);
	if (!g->keys)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	if (vault_slots(app->dir, &g->slots, &g->n_slots, e) != 0)
		return -1;
	g->keys->only_given = !all && names_key(app->unlock);
	if (key_files(g, e) != 0)
		return -1;
	if (!g->keys->only_given) {
		systemd_credentials(g);
		desktop_keyring(g);
	}
	note_would(g);
	return given(g, e);
}

static void end(struct gathering *g)
{
	unlock_keys_free(&g->keys);
	mem_free(g->slots);
}

/* Nothing fits: say what would. */
static int nothing_opens(const struct app *app, const struct unlock_keys *k,
			 struct err *e)
{
	err_clear(e);
	if (k->only_given)
		err_fail(e, ERR_SEALED, app->dir,
			 "none of the %zu key%s given opens it, and no other "
			 "was tried", k->n, k->n == 1 ? "" : "s");
	else if (k->n == 0)
		err_fail(e, ERR_SEALED, app->dir, "no key was given or found");
	else
		err_fail(e, ERR_SEALED, app->dir,
			 "none of the %zu key%s given or found opens it", k->n,
			 k->n == 1 ? "" : "s");
	if (k->would[0])
		err_hint(e, "%s", k->would);
	return err_ctx(e, NULL, "open the vault");
}

#define LOCK_TRY_MS 200

/* What a full disk left in the lifeboat comes back first of all.  Where it
 * cannot, a kill must go on; a rotation asks again and stops. */
static void landed(const struct app *app)
{
	struct err e = ERR_INIT;

	if (rot_lifeboat_land(app, &e) < 0)
		log_err(LOG_WARNING, &e);
}

static int open_patiently(struct app *app, const struct slot_input *in,
			  size_t n, bool write, struct err *e)
{
	const int64_t until = clock_mono_ms() + app->lock_wait_ms;
	bool told = false;
	int rc, ask = -1;

	while ((rc = vault_open(app->dir, in, n, write, &app->vault, e)) < 0 &&
	       err_is(e, ERR_BUSY) && clock_mono_ms() < until) {
		if (!told && !app->quiet)
			(void)fputs("another curfew works on this vault: "
				    "waiting for it, 10 s at most\n", stderr);
		told = true;
		if (ask < 0)
			ask = urgent_raise(app->dir);
		err_clear(e);
		clock_sleep_ms(LOCK_TRY_MS);
	}
	if (ask >= 0)
		(void)close(ask);
	if (rc == 0 && write)
		landed(app);
	if (rc < 0 && err_is(e, ERR_BUSY))
		err_hint(e, "'ps -p PID -o args' shows what it does; Ctrl-C "
			 "there ends it, nothing of its work is lost; then run "
			 "this again");
	return rc;
}

int unlock_open(struct app *app, const struct unlock_keys *k, bool write,
		struct err *e)
{
	if (k->n == 0)
		return nothing_opens(app, k, e);
	if (open_patiently(app, k->v, k->n, write, e) == 0)
		return 0;
	return err_is(e, ERR_SEALED) ? nothing_opens(app, k, e) : -1;
}

/* 0 open; -1 + ERR_SEALED: wrong, or nobody could be asked. */
static int ask_and_open(struct gathering *g, bool write, struct err *e)
{
	for (int i = 0; i < TRIES; i++) {
		struct slot_input in = { .kind = SLOT_PASSPHRASE };
		struct secret *s = NULL;
		int rc;

		err_clear(e);
		if (io_prompt_secret("Passphrase of the vault: ", false, &s,
				     e) != 0)
			return err_is(e, ERR_UNSUPPORTED) ?
				       nothing_opens(g->app, g->keys, e) :
				       -1;
		in.secret = s;
		rc = open_patiently(g->app, &in, 1, write, e);
		secret_free(&s);
		if (rc == 0 || !err_is(e, ERR_SEALED))
			return rc;
		if (i + 1 < TRIES)
			log_line(LOG_NOTICE, "that passphrase does not open it");
	}
	err_clear(e);
	err_fail(e, ERR_SEALED, g->app->dir, "%d wrong passphrases", TRIES);
	return err_ctx(e, NULL, "open the vault");
}

int unlock_vault(struct app *app, bool write, struct err *e)
{
	struct gathering g;
	int rc = -1;

	if (begin(&g, app, false, e) != 0)
		goto out;
	rc = unlock_open(app, g.keys, write, e);
	if (rc != 0 && err_is(e, ERR_SEALED) && !g.keys->only_given &&
	    has_slot(&g, SLOT_PASSPHRASE) && !app->no_input)
		rc = ask_and_open(&g, write, e);
out:
	end(&g);
	return rc;
}

static int gather(struct app *app, bool all, struct unlock_keys **out,
		  struct err *e)
{
	struct gathering g;
	struct secret *s = NULL;
	int rc = -1;

	if (begin(&g, app, all, e) != 0)
		goto out;
	if (!g.keys->only_given && has_slot(&g, SLOT_PASSPHRASE) &&
	    !g.have_passphrase && !app->no_input) {
		struct err none = ERR_INIT;

		/* nobody there to ask is no error: other keys may do */
		if (io_prompt_secret("Passphrase of the vault: ", false, &s,
				     &none) == 0 &&
		    add(g.keys, SLOT_PASSPHRASE, NULL, s, e) != 0)
			goto out;
	}
	*out = g.keys;
	g.keys = NULL;
	rc = 0;
out:
	end(&g);
	return rc;
}

int unlock_gather(struct app *app, struct unlock_keys **out, struct err *e)
{
	return gather(app, true, out, e);
}

int unlock_gather_given(struct app *app, struct unlock_keys **out,
			struct err *e)
{
	return gather(app, false, out, e);
}
