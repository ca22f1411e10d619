/*
 * look: list and probe: what the files say, and what the server says.
 *
 * Promises: a file that cannot be read makes a listing incomplete and a life
 * unknown; "dead" is said only when the record agrees (a server's refusal alone
 * may come of a from= option that holds for us and not for the thief).
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "providers/ssh/offer.h"
#include "providers/ssh/ssh.h"

#define SHOWN 512 /* longest text shown from a line, bytes */
#define HIDDEN 64 /* accounts named as not fully listed */

struct seen { /* one credential of the account being listed */
	struct keyline l;  /* points into the kept file text */
	const char *path;
	size_t line;
	unsigned count;
	bool active;
};

struct listing {
	const struct conf *conf;
	struct kit_stream *stream;
	const struct buf *revoked;
	struct shadow_file shadow;
	bool partial, /* something is not shown, */
	     elsewhere; /* and all of it belongs to the accounts in `hidden` */
	struct json *hidden;
	char why[300]; /* the first thing in the way */
	/* the current account's */
	enum shadow password;
	bool unread; /* a file of it could not be read */
	struct keyfile file[CONF_FILES];
	struct seen *seen;
	size_t n, cap;
	size_t *slot; /* hash table of index + 1 */
	size_t slots;
};

static size_t print_hash(const char *print)
{
	size_t h = 0;

	for (const char *p = print + 7; *p; p++)
		h = h * 131 + (unsigned char)*p;
	return h;
}

static bool grow(struct listing *l)
{
	size_t cap = l->cap ? l->cap * 2 : 16;
	struct seen *s = mem_realloc(l->seen, cap * sizeof(*s));

	if (!s)
		return false;
	l->seen = s;
	mem_free(l->slot);
	l->slots = cap * 2;
	l->slot = mem_array(l->slots, sizeof(*l->slot));
	if (!l->slot)
		return false;
	for (size_t i = 0; i < l->n; i++) {
		size_t h = print_hash(s[i].l.print) % l->slots;

		while (l->slot[h])
			h = (h + 1) % l->slots;
		l->slot[h] = i + 1;
	}
	l->cap = cap;
	return true;
}

/* The entry of this key and kind, a new one when it was not there. */
static struct seen *entry(struct listing *l, const struct keyline *k)
{
	size_t h;

	if (l->n == l->cap && !grow(l))
		return NULL;
	for (h = print_hash(k->print) % l->slots; l->slot[h]; h = (h + 1) % l->slots) {
		struct seen *s = &l->seen[l->slot[h] - 1];

		if (s->l.ca == k->ca && !strcmp(s->l.print, k->print))
			return s;
	}
	l->slot[h] = ++l->n;
	l->seen[l->n - 1] = (struct seen){ .count = 0 };
	return &l->seen[l->n - 1];
}

static int read_keys(struct listing *l, const struct keyfile *f, struct err *e)
{
	struct keyline k;
	size_t pos = 0, line = 0;

	while (keyline_next(f->text.p, f->text.len, &pos, &k)) {
		bool live = k.what == KEYLINE_KEY;
		struct seen *s;

		line++;
		if (k.what == KEYLINE_OTHER)
			continue;
		s = entry(l, &k);
		if (!s)
			return err_fail(e, ERR_NOMEM, NULL, "out of memory");
		/* a line that counts wins over a disabled one, one that never
		 * expires over one that does */
		if (!s->count || (live && !s->active) ||
		    (live && (!k.expires_ms ||
			      (s->l.expires_ms && k.expires_ms > s->l.expires_ms)))) {
			s->l = k;
			s->path = f->shown;
			s->line = line;
		}
		s->active = s->active || live;
		s->count++;
	}
	return 0;
}

/* Bytes from a line, for people: escaped unless they are clean text. */
static bool set_bytes(struct json *obj, const char *key, const char *p, size_t n)
{
	struct buf b = BUF_INIT(BUF_TEXT_MAX);
	bool ok = true;

	if (!n)
		return true;
	if (n > SHOWN)
		n = SHOWN;
	if (text_utf8(p, n) && !memchr(p, 0, n))
		ok = !buf_add(&b, p, n, NULL);
	else
		ok = !text_escape(&b, p, n, NULL);
	ok = ok && json_set_str(obj, key, b.p);
	buf_release(&b);
	return ok;
}

static const char *key_state(const struct listing *l, const struct seen *s)
{
	int64_t end = s->l.expires_ms;

	if (!s->active || revoked_in(l->revoked, s->l.print))
		return "disabled";
	return end && end < clock_wall_ms() ? "expired" : "active";
}

static int send_account(struct listing *l, const struct account *a, struct err *e)
{
	struct json *item = json_object(), *at = json_object();
	const char *state = l->password == SHADOW_USABLE ? "active" : "disabled";
	char uid[24];
	bool ok;

	for (size_t i = 0; i < l->n; i++)
		if (!strcmp(key_state(l, &l->seen[i]), "active"))
			state = "active";
	/* without a state: active for all we know */
	ok = json_set_str(item, "what", "account") &&
	     json_set_str(item, "account", a->name) &&
	     (l->unread || json_set_str(item, "state", state));
	if (a->uid != KEYFILE_ANY_OWNER) {
		snprintf(uid, sizeof(uid), "%u", (unsigned)a->uid);
		ok = ok && json_set_str(at, "uid", uid) &&
		     set_bytes(at, "home", a->home, strlen(a->home)) &&
		     set_bytes(at, "shell", a->shell, strlen(a->shell));
	}
	if (a->uid == 0)
		ok = ok && json_set_bool(item, "makes_accounts", true);
	if (!ok || !json_set(item, "attributes", at)) {
		if (!ok)
			json_free(&at);
		json_free(&item);
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	}
	return kit_item(l->stream, item, e);
}

static struct json *key_attributes(const struct listing *l, const struct seen *s)
{
	struct json *at = json_object();
	char num[24];
	bool ok;

	snprintf(num, sizeof(num), "%u", s->count);
	ok = set_bytes(at, "type", s->l.type.p, s->l.type.n) &&
	     set_bytes(at, "comment", s->l.comment.p, s->l.comment.n) &&
	     set_bytes(at, "options", s->l.options.p, s->l.options.n) &&
	     set_bytes(at, "file", s->path, strlen(s->path)) &&
	     json_set_str(at, "count", num);
	snprintf(num, sizeof(num), "%zu", s->line);
	ok = ok && json_set_str(at, "line", num);
	if (revoked_in(l->revoked, s->l.print))
		ok = ok && json_set_str(at, "revoked", l->conf->krl);
	if (!ok)
		json_free(&at);
	return at;
}

static int send_key(struct listing *l, const struct account *a,
		    const struct seen *s, struct err *e)
{
	int64_t end = s->l.expires_ms;
	struct json *item = json_object(), *at = key_attributes(l, s);
	char when[CLOCK_TEXT];
	bool ok;

	ok = at && json_set_str(item, "what", "credential") &&
	     json_set_str(item, "account", a->name) &&
	     json_set_str(item, "kind", keyline_kind(&s->l)) &&
	     json_set_str(item, "id", s->l.print) &&
	     json_set_str(item, "fingerprint", s->l.print) &&
	     set_bytes(item, "label", s->l.comment.p, s->l.comment.n) &&
	     json_set_str(item, "state", key_state(l, s));
	if (end)
		ok = ok && json_set_str(item, "expires", clock_text(end, when));
	if (!ok || !json_set(item, "attributes", at)) {
		if (!ok)
			json_free(&at);
		json_free(&item);
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	}
	return kit_item(l->stream, item, e);
}

/* Never the hash: whoever has it can try passwords at home. */
static int send_password(struct listing *l, const struct account *a, struct err *e)
{
	struct json *item = json_object();
	bool ok = json_set_str(item, "what", "credential") &&
		  json_set_str(item, "account", a->name) &&
		  json_set_str(item, "kind", SHADOW_KIND) &&
		  json_set_str(item, "id", SHADOW_KIND) &&
		  json_set_str(item, "state", l->password == SHADOW_USABLE ? "active" :
					      "disabled");

	if (!ok) {
		json_free(&item);
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	}
	return kit_item(l->stream, item, e);
}

/* Something cannot be read: `own` to one account only. */
static void in_the_way(struct listing *l, const struct err *e, const char *file, bool own)
{
	log_err(LOG_WARNING, e);
	if (!l->partial)
		snprintf(l->why, sizeof(l->why), "%.120s: %.170s", file, e->cause);
	l->elsewhere = own && (l->elsewhere || !l->partial);
	l->partial = true;
}

static int list_account(const struct account *a, void *arg, struct err *e)
{
	struct listing *l = arg;
	bool password;
	size_t open = 0;
	int rc = -1;

	if (!text_utf8(a->name, strlen(a->name))) {
		struct err mine = ERR_INIT;

		err_fail(&mine, ERR_FORMAT, NULL, "an account's name is not UTF-8");
		in_the_way(l, &mine, "etc/passwd", false);
		return 0;
	}
	l->n = 0;
	l->unread = false;
	if (l->slot)
		memset(l->slot, 0, l->slots * sizeof(*l->slot));
	for (size_t i = 0; i < a->paths; i++) {
		struct err mine = ERR_INIT;

		if (keyfile_open(a->root, a->path[i], a->uid, &l->file[open], &mine)) {
			in_the_way(l, &mine, a->path[i], true);
			l->unread = true;
			continue;
		}
		if (read_keys(l, &l->file[open++], e))
			goto out;
	}
	l->password = shadow_of(&l->shadow, a->name);
	/* an account given as a file of keys has none that we can see */
	password = l->password == SHADOW_USABLE || l->password == SHADOW_LOCKED;
	if (l->unread && json_count(l->hidden) >= HIDDEN)
		l->elsewhere = false;
	else if (l->unread && !json_push_str(l->hidden, a->name)) {
		err_fail(e, ERR_NOMEM, NULL, "out of memory");
		goto out;
	}
	if ((l->n || password || l->unread) && send_account(l, a, e))
		goto out;
	if (password && send_password(l, a, e))
		goto out;
	for (size_t i = 0; i < l->n; i++)
		if (send_key(l, a, &l->seen[i], e))
			goto out;
	rc = 0;
out:
	while (open)
		keyfile_close(&l->file[--open]);
	return rc;
}

/* One user must not be able to keep everyone's listing from being complete by
 * spoiling a file of his own: it is said whose is not. */
static bool list_end(struct listing *l, struct json *body)
{
	bool ok = json_set_bool(body, "complete", !l->partial);

	if (!l->partial)
		return ok;
	ok = ok && set_bytes(body, "incomplete", l->why, strlen(l->why));
	if (ok && l->elsewhere) {
		ok = json_set(body, "incomplete_accounts", l->hidden);
		l->hidden = NULL;
	}
	return ok;
}

SSH_VERB(ssh_list)
{
	struct ssh *ssh = session;
	struct buf revoked = BUF_INIT(KEYFILE_MAX);
	struct listing l = { .conf = ssh->conf, .stream = s, .revoked = &revoked };
	struct err mine = ERR_INIT;
	int rc;

	(void)c;
	l.hidden = json_array();
	if (revoked_hashes(ssh->conf, &revoked, &mine))
		in_the_way(&l, &mine, ssh->conf->krl, false);
	err_clear(&mine);
	if (shadow_read(ssh->conf, &l.shadow, &mine))
		in_the_way(&l, &mine, "/etc/shadow", false);
	rc = accounts(ssh->conf, q->account, list_account, &l, e);
	shadow_close(&l.shadow);
	if (!rc && !list_end(&l, kit_body(r)))
		rc = err_fail(e, ERR_NOMEM, NULL, "out of memory");
	json_free(&l.hidden);
	mem_free(l.seen);
	mem_free(l.slot);
	buf_release(&revoked);
	return rc;
}

/* ---- probe ---------------------------------------------------------------- */

struct record {
	const struct conf *conf;
	const char *account;
	const struct keysel *sel;
	const struct buf *revoked;
	bool found_account, active, disabled, expired;
	char where[300];   /* the line that counts */
	char problem[300]; /* a file of the account that could not be read */
	char also[200];	   /* other accounts that the key opens */
	enum shadow password; /* of the account as a whole */
	struct buf blob;   /* the key */
};

static void note_also(struct record *x, const char *account)
{
	size_t n = strlen(x->also);

	if (n + strlen(account) + 3 < sizeof(x->also))
		snprintf(x->also + n, sizeof(x->also) - n, "%s%s", n ? ", " : "",
			 account);
}

static int record_line(struct record *x, const struct account *a,
		       const struct keyfile *f, const struct keyline *k,
		       size_t line, bool mine, struct err *e)
{
	bool over = k->expires_ms && k->expires_ms < clock_wall_ms();
	bool counts = k->what == KEYLINE_KEY && !over &&
		      !revoked_in(x->revoked, k->print);

	if (!x->blob.len && *x->sel->print && keyline_blob(k, &x->blob, e))
		return -1;
	if (!mine) {
		if (counts)
			note_also(x, a->name);
		return counts;
	}
	if (counts && !x->active)
		snprintf(x->where, sizeof(x->where), "%s line %zu%s", f->shown, line,
			 k->options.n ? " (with options)" : "");
	x->active = x->active || counts;
	x->expired = x->expired || (k->what == KEYLINE_KEY && over);
	x->disabled = x->disabled || k->what == KEYLINE_DISABLED;
	return 0;
}

static int record_account(const struct account *a, void *arg, struct err *e)
{
	struct record *x = arg;
	bool mine = !strcmp(a->name, x->account);

	x->found_account = x->found_account || mine;
	for (size_t i = 0; i < a->paths; i++) {
		struct err why = ERR_INIT;
		struct keyfile f;
		struct keyline k;
		size_t pos = 0, line = 0;
		int rc = 0;

		if (keyfile_open(a->root, a->path[i], a->uid, &f, &why)) {
			if (mine)
				snprintf(x->problem, sizeof(x->problem), "%s: %.200s",
					 a->path[i], why.cause);
			continue;
		}
		while (!rc && keyline_next(f.text.p, f.text.len, &pos, &k)) {
			line++;
			if (keysel_match(x->sel, &k))
				rc = record_line(x, a, &f, &k, line, mine, e);
		}
		keyfile_close(&f);
		if (rc < 0)
			return -1;
		if (rc) /* one line is enough for another's account */
			return 0;
	}
	return 0;
}

static const char *record_text(const struct record *x, bool krl, char out[400])
{
	if (krl)
		snprintf(out, 400, "the key is in the revocation list %s", x->conf->krl);
	else if (*x->problem)
		snprintf(out, 400, "cannot tell: %s", x->problem);
	else if (x->active)
		snprintf(out, 400, "the key stands in %s", x->where);
	else if (!x->found_account)
		snprintf(out, 400, "there is no account '%s' in the record", x->account);
	else
		snprintf(out, 400, "the key %s", x->disabled ? "is disabled in the files" :
			 x->expired ? "has expired" : "stands in no file of the account");
	if (*x->also)
		snprintf(out + strlen(out), 400 - strlen(out),
			 "; the same key still opens %s", x->also);
	return out;
}

/* The answer of a real server, weighed against the record. */
static int by_server(const struct record *x, bool krl, const char *text,
		     struct kit_reply *r)
{
	bool record_dead = krl || (!*x->problem && !x->active);
	char said[200];

	switch (offer(x->conf, x->account, &x->blob, said, sizeof(said))) {
	case OFFER_TAKEN:
		return kit_tell(r, KIT_ALIVE, false, "%.180s; %.200s", said, text);
	case OFFER_REFUSED:
		if (record_dead)
			return kit_tell(r, KIT_DEAD, true, "%.180s; %.200s", said, text);
		return kit_tell(r, KIT_LIFE_UNKNOWN, false,
				"%.120s when offered from here, but: %.200s", said, text);
	default:
		return kit_tell(r, KIT_LIFE_UNKNOWN, false, "%.180s; %.200s", said, text);
	}
}

static int weigh(struct record *x, bool krl, struct kit_reply *r)
{
	char text[400];
	bool ca = !strcmp(x->sel->kind, "ssh-ca");

	record_text(x, krl, text);
	if (!*x->sel->kind && !*x->sel->print && x->found_account) {
		const char *more = x->password == SHADOW_USABLE ?
			"/etc/shadow holds a password that can be used" :
			x->password == SHADOW_UNSEEN ?
			"keys only: a password login may exist" : NULL;

		if (more)
			snprintf(text + strlen(text), sizeof(text) - strlen(text),
				 "; %s", more);
		x->active = x->active || x->password == SHADOW_USABLE;
	}
	/* a whole account, an authority or a key nobody holds any more cannot be
	 * offered: the record has to do */
	if (x->conf->host && *x->sel->print && !ca && x->blob.len)
		return by_server(x, krl, text, r);
	if (krl)
		return kit_tell(r, KIT_DEAD, false, "%s", text);
	if (*x->problem || !x->found_account)
		return kit_tell(r, KIT_LIFE_UNKNOWN, false, "%s", text);
	return kit_tell(r, x->active ? KIT_ALIVE : KIT_DEAD, false, "%s", text);
}

/* With the key's public or private half as the subject's secret nothing more
 * would be known than with its bytes, so it is not used. */
SSH_VERB(ssh_probe)
{
	struct ssh *ssh = session;
	struct buf revoked = BUF_INIT(KEYFILE_MAX);
	struct keysel sel;
	struct record x = { .conf = ssh->conf, .account = q->account, .sel = &sel,
			    .revoked = &revoked,
			    .blob = BUF_INIT(BUF_TEXT_MAX) };
	struct err mine = ERR_INIT;
	bool krl = false;
	int rc = -1;

	(void)c;
	(void)s;
	if (password_asked(q))
		return password_verb(ssh, q, r, e);
	if (!ssh_select(q, &sel, r))
		return 0;
	if (!*sel.kind && !*sel.print &&
	    shadow_look(ssh->conf, q->account, &x.password, &mine))
		snprintf(x.problem, sizeof(x.problem), "/etc/shadow: %.200s", mine.cause);
	if (revoked_hashes(ssh->conf, &revoked, &mine))
		snprintf(x.problem, sizeof(x.problem), "%s: %.200s", ssh->conf->krl,
			 mine.cause);
	if (*sel.print && revoked_has(ssh->conf, sel.print, &krl, &x.blob, &mine))
		krl = false;
	if (accounts(ssh->conf, *sel.print ? "" : q->account, record_account, &x, e))
		goto out;
	if (!x.blob.len && *sel.print && known_get(sel.print, &x.blob, e))
		goto out;
	if (*x.also && !json_set_str(kit_body(r), "also_opens", x.also)) {
		err_fail(e, ERR_NOMEM, NULL, "out of memory");
		goto out;
	}
	rc = weigh(&x, krl, r);
out:
	buf_release(&revoked);
	buf_release(&x.blob);
	return rc;
}
