/*
 * change: disable, enable, revoke, snapshot, restore.
 *
 * Each file is read, edited in memory and replaced under one lock; a file that
 * others change meanwhile is read again.  One file's trouble does not keep the
 * next from being changed.  The revocation list comes first when a key is
 * revoked (it holds for every account at once) and last when it is restored.
 */
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/mem.h"
#include "base/text.h"
#include "base/base64.h"
#include "providers/ssh/ssh.h"

#define TRIES 5

static pthread_mutex_t edit_lock = PTHREAD_MUTEX_INITIALIZER;

static int edit_once(const struct account *a, const char *path, ssh_edit_fn fn,
		     void *arg, size_t *changed, struct err *e)
{
	struct keyfile_new fresh = { .uid = a->uid, .gid = a->gid, .mode = 0600 };
	struct buf out = BUF_INIT(KEYFILE_MAX);
	struct keyfile f;
	int rc = -1, lock = -1;

	if (a->uid == KEYFILE_ANY_OWNER) {
		fresh.uid = geteuid();
		fresh.gid = getegid();
	}
	if (keyfile_open(a->root, path, a->uid, &f, e))
		return -1;
	/* read again under the lock */
	if (f.dirfd >= 0) {
		lock = keyfile_lock(&f);
		keyfile_close(&f);
		if (keyfile_open(a->root, path, a->uid, &f, e))
			goto out;
	}
	*changed = 0;
	if (fn(&f, arg, &out, changed, e))
		goto out;
	rc = *changed ? keyfile_replace(&f, out.p ? out.p : "", out.len, &fresh,
					NULL, NULL, e) : 0;
out:
	if (lock >= 0)
		close(lock);
	keyfile_close(&f);
	buf_release(&out);
	return rc;
}

int ssh_edit_file(const struct account *a, const char *path, ssh_edit_fn fn,
		  void *arg, size_t *total, struct err *e)
{
	int rc = -1;

	pthread_mutex_lock(&edit_lock);
	for (int i = 0; i < TRIES; i++) {
		struct err mine = ERR_INIT;
		size_t changed = 0;

		rc = edit_once(a, path, fn, arg, &changed, &mine);
		if (!rc)
			*total += changed;
		if (rc && i + 1 < TRIES && err_is(&mine, ERR_BUSY))
			continue;
		if (rc && !e->code) /* the first trouble is told */
			*e = mine;
		break;
	}
	pthread_mutex_unlock(&edit_lock);
	return rc;
}

struct change {
	const struct conf *conf;
	enum keyedit how;
	const struct keysel *sel;
	char stamp[CLOCK_TEXT];
	size_t changed, accounts;
	bool trouble, password;
	char (*prints)[KEYLINE_PRINT]; /* keys met (collect) */
	size_t n, cap;
};

static int edit_lines(const struct keyfile *f, void *arg, struct buf *out,
		      size_t *changed, struct err *e)
{
	struct change *x = arg;

	return keyedit(f->text.p, f->text.len, x->how, x->sel, x->stamp, out,
		       changed, e);
}

/* The account as a whole: its password too.  Enabling gives back only what this
 * process locked; what was locked before us is not ours to open. */
static void change_password(struct change *x, const char *account, struct err *e)
{
	bool lock = x->how != KEYEDIT_ENABLE;
	struct err mine = ERR_INIT;
	enum shadow was;

	if (*x->sel->kind || *x->sel->print || (!lock && !shadow_ours(account)))
		return;
	if (shadow_change(x->conf, account, lock, &was, &mine)) {
		x->trouble = true;
		if (!e->code)
			*e = mine;
		return;
	}
	x->changed += was == (lock ? SHADOW_USABLE : SHADOW_LOCKED);
	x->password = was == SHADOW_USABLE || was == SHADOW_LOCKED;
}

static int change_account(const struct account *a, void *arg, struct err *e)
{
	struct change *x = arg;

	x->accounts++;
	change_password(x, a->name, e);
	for (size_t i = 0; i < a->paths; i++)
		if (ssh_edit_file(a, a->path[i], edit_lines, x, &x->changed, e))
			x->trouble = true;
	return 0;
}

static int collect_add(struct change *x, const char *print, struct err *e)
{
	for (size_t i = 0; i < x->n; i++)
		if (!strcmp(x->prints[i], print))
			return 0;
	if (x->n == x->cap) {
		size_t cap = x->cap ? x->cap * 2 : 16;
		void *p = mem_realloc(x->prints, cap * sizeof(*x->prints));

		if (!p)
			return err_fail(e, ERR_NOMEM, NULL, "out of memory");
		x->prints = p;
		x->cap = cap;
	}
	memcpy(x->prints[x->n++], print, strlen(print) + 1);
	return 0;
}

/* Remember the keys that will go, so that they can be put into the revocation
 * list and offered to the server later.  A file that cannot be read is left to
 * the change itself to tell. */
static int collect_account(const struct account *a, void *arg, struct err *e)
{
	struct change *x = arg;
	int rc = 0;

	for (size_t i = 0; !rc && i < a->paths; i++) {
		struct keyfile f;
		struct keyline k;
		size_t pos = 0;

		if (keyfile_open(a->root, a->path[i], a->uid, &f, NULL))
			continue;
		while (!rc && keyline_next(f.text.p, f.text.len, &pos, &k)) {
			struct buf blob = BUF_INIT(BUF_TEXT_MAX);

			if (!keysel_match(x->sel, &k))
				continue;
			rc = keyline_blob(&k, &blob, e) || collect_add(x, k.print, e);
			if (!rc)
				known_put(k.print, &blob);
			buf_release(&blob);
		}
		keyfile_close(&f);
	}
	return rc ? -1 : 0;
}

static int tell(const struct change *x, const struct kit_request *q, bool listed,
		struct kit_reply *r, const struct err *e)
{
	if (x->trouble)
		return ssh_told(r, e);
	if (x->changed || listed || x->password)
		return kit_say(r, KIT_OK, "%s", "");
	if (!x->accounts)
		return kit_say(r, KIT_ABSENT, "there is no account '%.64s'", q->account);
	return kit_say(r, KIT_ABSENT, "the key stands in no file of the account");
}

/* Disable and enable: "already so" is ok, no such key is absent. */
static int toggle(struct ssh *ssh, const struct kit_request *q, enum keyedit how,
		  struct kit_reply *r, struct err *e)
{
	struct keysel sel;
	struct change x = { .conf = ssh->conf, .how = how, .sel = &sel };
	int rc = -1;

	if (password_asked(q))
		return password_verb(ssh, q, r, e);
	if (!ssh_select(q, &sel, r))
		return 0;
	clock_text(clock_wall_ms(), x.stamp);
	if (accounts(ssh->conf, q->account, collect_account, &x, e) ||
	    accounts(ssh->conf, q->account, change_account, &x, e))
		goto out;
	rc = tell(&x, q, x.n > 0, r, e);
out:
	mem_free(x.prints);
	return rc;
}

SSH_VERB(ssh_disable)
{
	(void)c;
	(void)s;
	return toggle(session, q, KEYEDIT_DISABLE, r, e);
}

SSH_VERB(ssh_enable)
{
	(void)c;
	(void)s;
	return toggle(session, q, KEYEDIT_ENABLE, r, e);
}

SSH_VERB(ssh_revoke)
{
	struct ssh *ssh = session;
	struct keysel sel;
	struct change x = { .conf = ssh->conf, .how = KEYEDIT_REMOVE, .sel = &sel };
	struct err krl = ERR_INIT;
	bool listed = false, bad;
	int rc = -1;

	(void)c;
	(void)s;
	if (password_asked(q))
		return password_verb(ssh, q, r, e);
	if (!ssh_select(q, &sel, r))
		return 0;
	if (accounts(ssh->conf, q->account, collect_account, &x, e) ||
	    (*sel.print && collect_add(&x, sel.print, e)))
		goto out;
	bad = revoked_change(ssh->conf, true, x.prints, x.n, &listed, &krl) != 0;
	if (accounts(ssh->conf, q->account, change_account, &x, e))
		goto out;
	if (bad) {
		err_state(&krl, "%zu lines were removed", x.changed);
		rc = ssh_told(r, &krl);
		if (rc)
			*e = krl;
		goto out;
	}
	if (x.trouble && ssh->conf->krl)
		err_state(e, "the key is in the revocation list");
	rc = tell(&x, q, listed, r, e);
out:
	mem_free(x.prints);
	return rc;
}

/* ---- snapshot ------------------------------------------------------------- */

struct snap {
	const struct keysel *sel;
	const struct buf *revoked;
	struct json *lines, *in_krl;
	size_t accounts;
};

static bool set_base64(struct json *obj, const char *key, const void *p, size_t n)
{
	struct buf b = BUF_INIT(BUF_LINE_MAX);
	bool ok = !buf_puts(&b, "", NULL) && !base64_encode(p, n, true, &b, NULL) &&
		  json_set_str(obj, key, b.p ? b.p : "");

	buf_release(&b);
	return ok;
}

static bool snap_line(struct snap *x, const struct keyfile *f,
		      const struct keyline *k, size_t number, struct span before)
{
	struct json *o = json_object();
	unsigned char hash[32];
	char hex[65];
	bool ok = json_set_str(o, "file", f->shown) &&
		  json_set_int(o, "number", (int64_t)number) &&
		  set_base64(o, "bytes", k->all.p, k->all.n);

	if (number > 1) {
		if (before.n && before.p[before.n - 1] == '\n')
			before.n--;
		digest_sha256(before.p, before.n, hash);
		text_hex(hash, sizeof(hash), hex);
		ok = ok && json_set_str(o, "after", hex);
	}
	if (revoked_in(x->revoked, k->print))
		ok = ok && json_push_str(x->in_krl, k->print);
	if (!ok) {
		json_free(&o);
		return false;
	}
	return json_push(x->lines, o);
}

static int snap_account(const struct account *a, void *arg, struct err *e)
{
	struct snap *x = arg;

	x->accounts++;
	for (size_t i = 0; i < a->paths; i++) {
		struct span before = { .n = 0 };
		struct keyfile f;
		struct keyline k;
		size_t pos = 0, number = 0;
		bool ok = true;

		if (keyfile_open(a->root, a->path[i], a->uid, &f, e))
			return -1;
		while (ok && keyline_next(f.text.p, f.text.len, &pos, &k)) {
			number++;
			if (keysel_match(x->sel, &k))
				ok = snap_line(x, &f, &k, number, before);
			before = k.all;
		}
		keyfile_close(&f);
		if (!ok)
			return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	}
	return 0;
}

SSH_VERB(ssh_snapshot)
{
	struct ssh *ssh = session;
	struct buf revoked = BUF_INIT(KEYFILE_MAX);
	struct keysel sel;
	struct snap x = { .sel = &sel, .revoked = &revoked };
	struct json *snap = NULL;
	const char *word = NULL; /* of the account as a whole */
	bool has = false;
	int rc = -1;

	(void)c;
	(void)s;
	if (password_asked(q))
		return password_verb(ssh, q, r, e);
	if (!ssh_select(q, &sel, r))
		return 0;
	x.lines = json_array();
	x.in_krl = json_array();
	snap = json_object();
	if (revoked_hashes(ssh->conf, &revoked, e) ||
	    accounts(ssh->conf, q->account, snap_account, &x, e)) {
		rc = ssh_told(r, e);
		goto out;
	}
	if (*sel.print && revoked_in(&revoked, sel.print))
		has = true;
	if (!*sel.kind && !*sel.print) {
		word = password_word(ssh, q->account, e);
		if (!word) {
			rc = ssh_told(r, e);
			goto out;
		}
	}
	if (!json_count(x.lines) && !has && (!word || !strcmp(word, "none"))) {
		rc = kit_say(r, KIT_ABSENT, "the key stands in no file of the account");
		goto out;
	}
	if (!(has && !json_count(x.in_krl) ? json_push_str(x.in_krl, sel.print) : true) ||
	    !json_set_int(snap, "version", 1) ||
	    !json_set_str(snap, "account", q->account) ||
	    !json_set_str(snap, "credential", sel.print) ||
	    (word && !json_set_str(snap, "password", word)))
		goto nomem;
	rc = json_set(snap, "lines", x.lines) ? 0 : -1;
	x.lines = NULL;
	rc = json_set(snap, "revoked", x.in_krl) ? rc : -1;
	x.in_krl = NULL;
	if (!rc) {
		rc = json_set(kit_body(r), "snapshot", snap) ? 0 : -1;
		snap = NULL;
	}
nomem:
	if (rc)
		err_fail(e, ERR_NOMEM, NULL, "out of memory");
out:
	json_free(&x.lines);
	json_free(&x.in_krl);
	json_free(&snap);
	buf_release(&revoked);
	return rc;
}

/* ---- restore -------------------------------------------------------------- */

struct back {
	const struct json *snap;
	struct span line;
	size_t number, changed, accounts;
	bool has_after, trouble;
	unsigned char after[32];
};

static int edit_restore(const struct keyfile *f, void *arg, struct buf *out,
			size_t *changed, struct err *e)
{
	struct back *x = arg;
	bool did;

	if (f->dirfd < 0)
		return err_fail(e, ERR_ABSENT, f->shown, "its folder is gone");
	if (keyedit_restore(f->text.p, f->text.len, x->line, x->number,
			    x->has_after ? x->after : NULL, out, &did, e))
		return -1;
	*changed = did;
	return 0;
}

static const char *own_path(const struct account *a, const char *file)
{
	for (size_t i = 0; i < a->paths; i++)
		if (file && !strcmp(a->path[i], file))
			return a->path[i];
	return NULL;
}

/* One line of the snapshot, checked as if a stranger had sent it. */
static int restore_line(struct back *x, const struct account *a,
			const struct json *o, struct err *e)
{
	const char *path = own_path(a, json_str(o, "file"));
	const char *text = json_str(o, "bytes"), *after = json_str(o, "after");
	unsigned char *raw = NULL;
	struct keyline k;
	int64_t number = 0;
	size_t n, pos = 0;
	int rc = -1;

	if (!path) {
		err_fail(e, ERR_POLICY, json_str(o, "file"),
			 "it is not a key file of the account (any more)");
		goto out;
	}
	raw = text ? mem_alloc(strlen(text) / 4 * 3 + 3) : NULL;
	if (!raw || !base64_decode(text, strlen(text), raw, &n) ||
	    !json_int(o, "number", &number) || number < 1 ||
	    !keyline_next((char *)raw, n, &pos, &k) || pos != n ||
	    k.what == KEYLINE_OTHER) {
		err_fail(e, ERR_FORMAT, NULL, "the snapshot holds no key line");
		goto out;
	}
	x->line = k.all;
	x->number = (size_t)number;
	x->has_after = after && text_unhex(after, x->after, sizeof(x->after));
	rc = ssh_edit_file(a, path, edit_restore, x, &x->changed, e);
out:
	mem_free(raw);
	return rc;
}

static int restore_account(const struct account *a, void *arg, struct err *e)
{
	struct back *x = arg;
	const struct json *lines = json_get(x->snap, "lines");

	x->accounts++;
	for (const struct json *o = json_first(lines); o; o = json_next(o))
		if (restore_line(x, a, o, e))
			x->trouble = true;
	return 0;
}

static bool was_revoked(const struct json *snap, const char *print)
{
	const struct json *list = json_get(snap, "revoked");

	for (const struct json *o = json_first(list); o; o = json_next(o))
		if (json_text(o) && !strcmp(json_text(o), print))
			return true;
	return false;
}

/* Keys of the snapshot that were not in the revocation list then. */
static int freed_keys(const struct json *snap, struct change *x, struct err *e)
{
	const struct json *lines = json_get(snap, "lines");

	for (const struct json *o = json_first(lines); o; o = json_next(o)) {
		const char *text = json_str(o, "bytes");
		unsigned char *raw = text ? mem_alloc(strlen(text) / 4 * 3 + 3) : NULL;
		struct keyline k;
		size_t n, pos = 0;
		int rc = 0;

		if (raw && base64_decode(text, strlen(text), raw, &n) &&
		    keyline_next((char *)raw, n, &pos, &k) &&
		    k.what != KEYLINE_OTHER && !was_revoked(snap, k.print))
			rc = collect_add(x, k.print, e);
		mem_free(raw);
		if (rc)
			return -1;
	}
	return 0;
}

SSH_VERB(ssh_restore)
{
	struct ssh *ssh = session;
	struct back x = { .snap = json_get(q->args, "snapshot") };
	struct change keys = { .n = 0 };
	const char *account = x.snap ? json_str(x.snap, "account") : NULL;
	bool listed;
	int rc = -1;

	(void)c;
	(void)s;
	if (password_asked(q))
		return password_verb(ssh, q, r, e);
	if (!account || !*account || (*q->account && strcmp(account, q->account) != 0))
		return kit_say(r, KIT_REFUSED,
			       "the request holds no snapshot of this account");
	if (accounts(ssh->conf, account, restore_account, &x, e))
		goto out;
	if (!x.accounts) {
		rc = kit_say(r, KIT_REFUSED, "there is no account '%.64s'", account);
		goto out;
	}
	if (!x.trouble &&
	    (freed_keys(x.snap, &keys, e) ||
	     revoked_change(ssh->conf, false, keys.prints, keys.n, &listed, e) ||
	     password_back(ssh, x.snap, account, e)))
		x.trouble = true;
	rc = x.trouble ? ssh_told(r, e) : kit_say(r, KIT_OK, "%s", "");
out:
	mem_free(keys.prints);
	return rc;
}
