/*
 * set: the verbs of a rotation: a fresh key, and a key's public half put where
 * sshd reads it.
 *
 * Promises: a key never gets more than the one it follows had: its lines carry
 * that one's options, and when that one is nowhere nothing is written.  The
 * same key again changes nothing.  Must never write the private half anywhere.
 */
#include <stdio.h>
#include <string.h>

#include "base/base64.h"
#include "base/clock.h"
#include "base/openssh.h"
#include "base/text.h"
#include "providers/ssh/ssh.h"

#define LABEL_MAX 500 /* list shows 512 bytes of a comment */

/* A comment ends with its line. */
static bool label_fits(const char *label)
{
	for (const char *p = label; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			return false;
	return strlen(label) <= LABEL_MAX && text_utf8(label, strlen(label)) &&
	       label[0] != ' ';
}

/* "" when none is given; false: the reply says why not. */
static bool label_of(const struct kit_request *q, const char **label,
		     struct kit_reply *r)
{
	*label = json_str(q->args, "label");
	if (!*label)
		*label = "";
	if (label_fits(*label))
		return true;
	kit_say(r, KIT_REFUSED, "a label for a key is one line of at most %d bytes "
		"that does not begin with a space", LABEL_MAX);
	return false;
}

/* "ssh-ed25519 AAAA... label" */
static int public_line(const struct buf *blob, const char *label,
		       struct buf *line, struct err *e)
{
	const unsigned char *p = (const unsigned char *)blob->p;
	size_t n;

	if (blob->len < 5)
		return err_fail(e, ERR_BUG, NULL, "a key without a type");
	n = (size_t)p[2] << 8 | p[3];
	if (p[0] || p[1] || n > blob->len - 4)
		return err_fail(e, ERR_FORMAT, NULL, "a key without a type");
	return buf_add(line, p + 4, n, e) || buf_puts(line, " ", e) ||
	       base64_encode(blob->p, blob->len, true, line, e) ||
	       (*label && buf_printf(line, e, " %s", label)) ? -1 : 0;
}

SSH_VERB(ssh_make)
{
	struct buf blob = BUF_INIT(BUF_TEXT_MAX), line = BUF_INIT(BUF_TEXT_MAX);
	const char *label;
	int rc = -1;

	(void)session;
	(void)c;
	(void)s;
	if (strcmp(q->kind, "ssh-key") != 0)
		return kit_say(r, KIT_UNSUPPORTED, "only a key (ssh-key) can be made");
	if (!label_of(q, &label, r))
		return 0;
	if (openssh_make(label, &r->secret, &blob, e) ||
	    public_line(&blob, label, &line, e))
		goto out;
	if (!json_set_str(kit_body(r), "public", line.p)) {
		err_fail(e, ERR_NOMEM, NULL, "out of memory");
		goto out;
	}
	rc = 0;
out:
	buf_release(&blob);
	buf_release(&line);
	return rc;
}

/* ---- set ------------------------------------------------------------------ */

struct put {
	struct keysel old, fresh;
	struct buf line; /* of the new key, without options and newline */
	bool add;
	/* what the account's files hold */
	bool account, old_live, old_over, old_off, fresh_live;
	size_t changed;
};

static bool over(const struct keyline *k)
{
	return k->expires_ms && k->expires_ms < clock_wall_ms();
}

/* Is this the kind of line that the new one goes beside? */
static bool follows(const struct put *x, const struct keyline *k)
{
	return *x->old.print && keysel_match(&x->old, k) &&
	       (x->old_live ? k->what == KEYLINE_KEY && !over(k)
			    : k->what == KEYLINE_DISABLED);
}

static int look_account(const struct account *a, void *arg, struct err *e)
{
	struct put *x = arg;

	x->account = true;
	for (size_t i = 0; i < a->paths; i++) {
		struct keyfile f;
		struct keyline k;
		size_t pos = 0;

		if (keyfile_open(a->root, a->path[i], a->uid, &f, e))
			return -1;
		while (keyline_next(f.text.p, f.text.len, &pos, &k)) {
			bool live = k.what == KEYLINE_KEY;

			if (keysel_match(&x->fresh, &k))
				x->fresh_live = x->fresh_live || (live && !over(&k));
			if (!*x->old.print || !keysel_match(&x->old, &k))
				continue;
			x->old_live = x->old_live || (live && !over(&k));
			x->old_over = x->old_over || (live && over(&k));
			x->old_off = x->old_off || !live;
		}
		keyfile_close(&f);
	}
	return 0;
}

/* Does the file have the new key with these options already? */
static bool there(const struct put *x, const struct keyfile *f, struct span options)
{
	struct keyline k;
	size_t pos = 0;

	while (keyline_next(f->text.p, f->text.len, &pos, &k))
		if (k.what == KEYLINE_KEY && keysel_match(&x->fresh, &k) &&
		    k.options.n == options.n &&
		    (!options.n || !memcmp(k.options.p, options.p, options.n)))
			return true;
	return false;
}

static struct span line_end(struct span all)
{
	size_t n = all.n;

	if (n && all.p[n - 1] == '\n')
		n--;
	if (n && n < all.n && all.p[n - 1] == '\r')
		n--;
	return (struct span){ all.p + n, all.n - n };
}

static int put_line(const struct put *x, struct span options, struct span end,
		    struct buf *out, struct err *e)
{
	return buf_add(out, options.p, options.n, e) ||
	       (options.n && buf_puts(out, " ", e)) ||
	       buf_add(out, x->line.p, x->line.len, e) ||
	       buf_add(out, end.p, end.n, e) ? -1 : 0;
}

/* One line of the old text. */
static int follow_line(const struct put *x, const struct keyfile *f,
		       const struct keyline *k, struct buf *out, size_t *changed,
		       struct err *e)
{
	const bool old = *x->old.print && keysel_match(&x->old, k);
	const bool fresh = follows(x, k) && !there(x, f, k->options);
	const struct span end = line_end(k->all), nl = { "\n", 1 };

	if (fresh || (old && !x->add))
		++*changed;
	if (old && !x->add) /* in its place */
		return fresh ? put_line(x, k->options, end, out, e) : 0;
	if (!fresh)
		return buf_add(out, k->all.p, k->all.n, e);
	return buf_add(out, k->all.p, k->all.n - end.n, e) ||
	       buf_add(out, end.n ? end.p : nl.p, end.n ? end.n : nl.n, e) ||
	       put_line(x, k->options, end, out, e) ? -1 : 0;
}

static int edit_follow(const struct keyfile *f, void *arg, struct buf *out,
		       size_t *changed, struct err *e)
{
	const struct put *x = arg;
	struct keyline k;
	size_t pos = 0;

	while (keyline_next(f->text.p, f->text.len, &pos, &k))
		if (follow_line(x, f, &k, out, changed, e))
			return -1;
	return 0;
}

/* No key to follow: a line without options, at the end. */
static int edit_append(const struct keyfile *f, void *arg, struct buf *out,
		       size_t *changed, struct err *e)
{
	const struct put *x = arg;
	const struct span none = { "", 0 }, nl = { "\n", 1 };

	if (f->dirfd < 0)
		return err_fail(e, ERR_ABSENT, f->shown, "its folder does not exist");
	if (there(x, f, none))
		return 0;
	*changed = 1;
	return buf_add(out, f->text.p, f->text.len, e) ||
	       (f->text.len && f->text.p[f->text.len - 1] != '\n' &&
		buf_puts(out, "\n", e)) ||
	       put_line(x, none, nl, out, e) ? -1 : 0;
}

static int put_account(const struct account *a, void *arg, struct err *e)
{
	struct put *x = arg;

	if (!*x->old.print)
		return a->paths ? ssh_edit_file(a, a->path[0], edit_append, x,
						&x->changed, e) :
		       err_fail(e, ERR_CONFIG, a->name, "it has no key file");
	for (size_t i = 0; i < a->paths; i++)
		if (ssh_edit_file(a, a->path[i], edit_follow, x, &x->changed, e))
			return -1;
	return 0;
}

/* True: go on and write.  Else the reply is filled. */
static bool may_put(const struct put *x, const struct kit_request *q, bool revoked,
		    struct kit_reply *r)
{
	const bool same = !strcmp(x->old.print, x->fresh.print);

	if (!x->account)
		kit_say(r, KIT_ABSENT, "there is no account '%.64s'", q->account);
	else if (revoked)
		kit_say(r, KIT_REFUSED, "the new key is in the revocation list");
	else if (!*x->old.print || (!same && (x->old_live || x->old_off)))
		return true;
	else if (same)
		kit_say(r, x->fresh_live ? KIT_OK : KIT_REFUSED,
			"it is the same key, and it is not valid");
	else if (x->fresh_live && !x->old_over) /* done before */
		kit_say(r, KIT_OK, "%s", "");
	else
		kit_say(r, KIT_REFUSED, "the key that it is to follow %s, so the new "
			"one's options are not known", x->old_over ? "has expired" :
			"stands in no file of the account");
	return false;
}

/* The id that list will show; the key, for probes. */
static int put_done(const struct put *x, const struct buf *blob, struct kit_reply *r,
		    struct err *e)
{
	known_put(x->fresh.print, blob);
	if (!json_set_str(kit_body(r), "credential", x->fresh.print))
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	return 0;
}

static int put_key(struct ssh *ssh, const struct kit_request *q, struct put *x,
		   const struct buf *blob, struct kit_reply *r, struct err *e)
{
	bool revoked;

	if (accounts(ssh->conf, q->account, look_account, x, e) ||
	    revoked_has(ssh->conf, x->fresh.print, &revoked, NULL, e))
		return ssh_told(r, e);
	if (may_put(x, q, revoked, r)) {
		if (accounts(ssh->conf, q->account, put_account, x, e))
			return ssh_told(r, e);
		kit_say(r, KIT_OK, "%s", "");
	}
	return r->status == KIT_OK ? put_done(x, blob, r, e) : 0;
}

SSH_VERB(ssh_set)
{
	struct put x = { .line = BUF_INIT(BUF_TEXT_MAX) };
	struct buf blob = BUF_INIT(BUF_TEXT_MAX);
	char print[KEYLINE_PRINT];
	const char *label;
	int rc = -1;

	(void)c;
	(void)s;
	if (strcmp(q->kind, "ssh-key") != 0)
		return kit_say(r, KIT_UNSUPPORTED, "only a key (ssh-key) can be set");
	if (!ssh_select(q, &x.old, r) || !label_of(q, &label, r))
		return 0;
	if (!q->secret)
		return kit_say(r, KIT_REFUSED, "set needs the new private key");
	if (!json_bool(q->args, "add", &x.add) || (!x.add && !*x.old.print))
		return kit_say(r, KIT_REFUSED, "say 'add' true, or 'add' false and the "
			       "'credential' to replace");
	if (openssh_public(q->secret, &blob, e)) {
		if (!err_is(e, ERR_NOMEM))
			rc = kit_say(r, KIT_REFUSED, "the new key cannot be used: %.300s",
				     e->cause);
		goto out;
	}
	keyline_print(blob.p, blob.len, print);
	x.fresh = (struct keysel){ .kind = "ssh-key", .print = print };
	if (public_line(&blob, label, &x.line, e))
		goto out;
	rc = put_key(session, q, &x, &blob, r, e);
out:
	buf_release(&blob);
	buf_release(&x.line);
	return rc;
}
