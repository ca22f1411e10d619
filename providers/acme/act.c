/*
 * act: the verbs that need no order: list, make, probe, revoke.
 *
 * A certificate is called dead on the authority's own word only: asked to
 * revoke it once more it answers "alreadyRevoked" (RFC 8555 7.6).  That question
 * is asked of nothing but what curfew was told to end before.
 */
#include <stdio.h>
#include <string.h>

#include "base/base64.h"
#include "base/clock.h"
#include "base/mem.h"
#include "providers/acme/acme.h"
#include "providers/kit/common.h"

#define CLOCK_MS 3600000 /* how far a clock may be off */
#define KIND "certificate"

ACME_VERB(acme_make)
{
	const struct acme *a = session;

	(void)c;
	(void)s;
	if (strcmp(q->kind, KIND) != 0)
		return kit_say(r, KIT_UNSUPPORTED, "only a certificate's key is made here");
	if (pki_make(a->type, &r->secret, e))
		return -1;
	return kit_say(r, KIT_OK, "%s", "");
}

/* ---- list -------------------------------------------------------------------------- */

struct listing {
	struct acme *a;
	struct kit_stream *s;
	const char *only; /* account, or "" */
	struct json *seen; /* accounts with a certificate in force */
	struct json *told; /* accounts that were listed */
};

static bool wanted(const struct listing *l, const char *account)
{
	return !*l->only || !strcmp(l->only, account);
}

static int account_item(struct listing *l, const char *account, struct err *e)
{
	struct json *item, *at;
	bool ok;

	if (json_get(l->told, account))
		return 0;
	item = kit_item_new("account", account, NULL, NULL);
	at = json_object();
	kit_attr(at, "names", acme_names(l->a->c, account));
	ok = json_set_str(item, "state", "active") && json_set_bool(l->told, account, true);
	return kit_item_send(l->s, item, at, ok, e);
}

/* "done": the authority confirmed its end. */
static int ended(const struct acme *a, const char *account, const char *serial,
		 bool *confirmed, struct err *e)
{
	struct buf b = BUF_INIT(BUF_TEXT_MAX);
	const int rc = acme_load(a, account, serial, "ended", &b, NULL, e);

	*confirmed = rc > 0 && !strcmp(b.p, "done");
	buf_release(&b);
	return rc;
}

static int one(const char *account, const char *serial, void *arg, struct err *e)
{
	struct listing *l = arg;
	struct buf pem = BUF_INIT(BUF_TEXT_MAX);
	struct json *item, *at;
	struct pki_cert c;
	char when[CLOCK_TEXT];
	int64_t made = 0;
	bool gone = false, ok, over;
	int rc = 0;

	if (!wanted(l, account))
		return 0;
	if (account_item(l, account, e) || ended(l->a, account, serial, &gone, e) < 0)
		return -1;
	if (gone)
		return 0;
	rc = acme_load(l->a, account, serial, "pem", &pem, &made, e);
	if (rc <= 0 || (rc = pki_cert(pem.p, pem.len, NULL, &c, NULL, e)))
		goto out;
	over = c.to_ms <= clock_wall_ms();
	item = kit_item_new("credential", account, KIND, serial);
	at = json_object();
	ok = json_set_str(item, "state", over ? "expired" : "active") &&
	     json_set_str(item, "expires", clock_text(c.to_ms, when)) &&
	     json_set_str(item, "created", clock_text(made, when)) &&
	     (over || json_set_bool(l->seen, account, true));
	kit_attr(at, "sha256", c.print);
	rc = kit_item_send(l->s, item, at, ok, e);
out:
	buf_release(&pem);
	return rc;
}

/* Names that are configured; one without a certificate gets a place for it, so
 * that there is something to rotate. */
static int configured(struct listing *l, const struct kit_connection *c, struct err *e)
{
	for (const struct json *o = json_first(c->options); o; o = json_next(o)) {
		const char *account = json_key(o) + 5;
		struct json *item, *at;

		if (strncmp(json_key(o), "name.", 5) != 0 || !*json_text(o) ||
		    !wanted(l, account))
			continue;
		if (account_item(l, account, e))
			return -1;
		if (json_get(l->seen, account))
			continue;
		item = kit_item_new("credential", account, KIND, ACME_NONE);
		at = json_object();
		kit_attr(at, "note", "no certificate yet: rotate it to get one");
		if (kit_item_send(l->s, item, at, json_set_str(item, "state", "expired"), e))
			return -1;
	}
	return 0;
}

ACME_VERB(acme_list)
{
	struct listing l = { session, s, q->account, json_object(), json_object() };
	int rc = -1;

	if (!l.seen || !l.told)
		(void)err_fail(e, ERR_NOMEM, NULL, "out of memory");
	else if (!acme_each(l.a, one, &l, e) && !configured(&l, c, e))
		rc = json_set_bool(kit_body(r), "complete", true) ?
			     kit_say(r, KIT_OK, "%s", "") :
			     err_fail(e, ERR_NOMEM, NULL, "out of memory");
	json_free(&l.seen);
	json_free(&l.told);
	return rc;
}

/* ---- the end of one -------------------------------------------------------------------- */

static int mark(const struct acme *a, const struct kit_request *q, const char *word,
		struct err *e)
{
	struct buf b = BUF_INIT(BUF_TEXT_MAX);
	int rc = buf_puts(&b, word, e) ||
		 acme_save(a, q->account, q->credential, "ended", &b, e) ? -1 : 0;

	buf_release(&b);
	return rc;
}

static int ask_revoke(struct acme *a, const struct buf *der, struct acme_answer *out,
		      struct err *e)
{
	struct buf body = BUF_INIT(BUF_TEXT_MAX);
	int rc = -1;

	*out = (struct acme_answer){ .fate = ACME_LOST };
	if (!buf_puts(&body, "{\"certificate\":\"", e) &&
	    !base64url_encode(der->p, der->len, &body, e) &&
	    !buf_printf(&body, e, "\",\"reason\":%d}", a->reason))
		rc = acme_post(a, a->revoke_cert.p, body.p, out, e);
	buf_release(&body);
	return rc;
}

static bool over(const struct pki_cert *c)
{
	return c->to_ms + CLOCK_MS < clock_wall_ms();
}

static bool was_revoked(const struct acme_answer *q)
{
	return q->fate == ACME_NO && !strcmp(q->problem, "alreadyRevoked");
}

/* 1 read; 0: r; -1. */
static int certificate(const struct acme *a, const struct kit_request *q,
		       struct pki_key *key, struct pki_cert *c, struct buf *der,
		       struct kit_reply *r, struct err *e)
{
	struct buf pem = BUF_INIT(BUF_TEXT_MAX);
	int rc;

	if (strcmp(q->kind, KIND) != 0 || !acme_account_fits(q->account) ||
	    !acme_serial_fits(q->credential)) {
		kit_say(r, KIT_REFUSED, "no certificate is called so here");
		return 0;
	}
	rc = acme_load(a, q->account, q->credential, "pem", &pem, NULL, e);
	if (rc > 0)
		rc = pki_cert(pem.p, pem.len, key, c, der, e) ? -1 : 1;
	else if (rc == 0)
		kit_say(r, KIT_REFUSED, "the folder of certificates does not hold it: put its "
			"chain there as %.64s.%.47s.pem", q->account, q->credential);
	buf_release(&pem);
	return rc;
}

ACME_VERB(acme_revoke)
{
	struct acme *a = session;
	struct buf der = BUF_INIT(BUF_TEXT_MAX);
	struct acme_answer w = { .fate = ACME_LOST };
	struct pki_cert cert;
	int rc;

	(void)c;
	(void)s;
	if (!strcmp(q->credential, ACME_NONE))
		return kit_say(r, KIT_ABSENT, "%s", "");
	rc = certificate(a, q, NULL, &cert, &der, r, e);
	if (rc < 1)
		goto out;
	rc = -1;
	if (mark(a, q, "asked", e) || ask_revoke(a, &der, &w, e))
		goto out;
	if (w.fate == ACME_OK || was_revoked(&w))
		rc = mark(a, q, "done", e) ? -1 : kit_say(r, KIT_OK, "%s", "");
	else if (w.fate == ACME_NO && over(&cert))
		rc = kit_say(r, KIT_ABSENT, "it has expired");
	else
		rc = acme_say(r, &w, "it is not revoked");
out:
	acme_answer_free(&w);
	buf_release(&der);
	return rc;
}

/* What curfew was told to end: the authority is asked to end it again. */
static int probe_ended(struct acme *a, const struct kit_request *q, const struct buf *der,
		       const struct pki_cert *cert, struct kit_reply *r, struct err *e)
{
	struct acme_answer w;
	char when[CLOCK_TEXT];
	int rc = -1;

	if (ask_revoke(a, der, &w, e))
		goto out;
	if (was_revoked(&w)) {
		rc = mark(a, q, "done", e) ? -1 :
		     kit_tell(r, KIT_DEAD, false, "the authority says that it is revoked; who "
			      "does not look at revocations takes it until %s",
			      clock_text(cert->to_ms, when));
		goto out;
	}
	if (w.fate == ACME_OK)
		rc = kit_tell(r, KIT_LIFE_UNKNOWN, false, "the authority revoked it only now");
	else if (over(cert))
		rc = kit_tell(r, KIT_DEAD, false, "it expired on %s",
			      clock_text(cert->to_ms, when));
	else
		rc = acme_say(r, &w, "the authority does not say that it is revoked");
	if (r->status == KIT_REFUSED)
		rc = kit_tell(r, KIT_LIFE_UNKNOWN, false, "the authority says neither that it "
			      "is revoked nor that it is not: %.200s", w.detail);
out:
	acme_answer_free(&w);
	return rc;
}

ACME_VERB(acme_probe)
{
	struct acme *a = session;
	struct buf der = BUF_INIT(BUF_TEXT_MAX);
	struct pki_key *key = NULL;
	struct pki_cert cert;
	char when[CLOCK_TEXT];
	bool confirmed;
	int rc;

	(void)c;
	(void)s;
	if (!kit_named(q, r))
		return 0;
	if (!strcmp(q->credential, ACME_NONE))
		return kit_tell(r, KIT_DEAD, false, "there was no certificate");
	if (!acme_account_fits(q->account) || !acme_serial_fits(q->credential))
		return kit_tell(r, KIT_LIFE_UNKNOWN, false, "no certificate is called so here");
	if (q->secret && !(key = pki_read_secret(q->secret, NULL)))
		return kit_tell(r, KIT_LIFE_UNKNOWN, false, "the value is no key");
	rc = certificate(a, q, key, &cert, &der, r, e);
	if (rc < 1)
		goto out;
	rc = ended(a, q->account, q->credential, &confirmed, e);
	if (rc > 0)
		rc = probe_ended(a, q, &der, &cert, r, e);
	else if (rc == 0 && over(&cert))
		rc = kit_tell(r, KIT_DEAD, false, "it expired on %s",
			      clock_text(cert.to_ms, when));
	else if (rc == 0 && key && !cert.fits)
		rc = kit_tell(r, KIT_LIFE_UNKNOWN, false, "the key is not this certificate's");
	else if (rc == 0 && cert.from_ms > clock_wall_ms() + CLOCK_MS)
		rc = kit_tell(r, KIT_LIFE_UNKNOWN, false, "it is not valid yet");
	else if (rc == 0)
		rc = kit_tell(r, KIT_ALIVE, false, "issued, valid until %s%s",
			      clock_text(cert.to_ms, when), key ? ", and the key fits" : "");
out:
	if (!rc && r->status == KIT_REFUSED) /* a probe does not refuse */
		r->status = KIT_UNKNOWN;
	pki_free(&key);
	buf_release(&der);
	return rc;
}
