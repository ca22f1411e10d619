/*
 * order: `set`: a certificate for a key that curfew made and sealed before.
 *
 * Promises: which order a key is in is on the disk before the authority is
 * asked to sign, so that the same key again goes on with that order and no
 * second certificate is made; what comes back is taken only when it is this
 * key's, good for every name and a chain of its own.
 */
#include <stdio.h>
#include <string.h>

#include "base/base64.h"
#include "base/clock.h"
#include "base/crash.h"
#include "base/mem.h"
#include "base/text.h"
#include "providers/acme/acme.h"

#define VERB_MS 20000 /* below the 30 s that curfew waits */

struct job {
	struct acme *a;
	const char *account;
	struct pki_key *key;
	char print[PKI_PRINT]; /* of the key: the order's name in the store */
	struct buf text;       /* the names, cut at their commas */
	const char *names[ACME_NAMES];
	size_t n;
	char order[ACME_URL];
	struct kit_reply *r;
	struct err *e;
};

/* ---- the names ------------------------------------------------------------------- */

static bool dns_name(const char *s)
{
	const size_t n = strlen(s);
	const char *rest = strncmp(s, "*.", 2) ? s : s + 2;

	return n > 2 && n < 254 && *rest != '-' && *rest != '.' && strchr(rest, '.') &&
	       strspn(rest, "abcdefghijklmnopqrstuvwxyz0123456789-.") == strlen(rest) &&
	       !strstr(rest, "..") && s[n - 1] != '.' && s[n - 1] != '-';
}

static int names_of(struct job *j)
{
	const char *all = acme_names(j->a->c, j->account);
	char *p;

	if (!all)
		return err_fail(j->e, ERR_CONFIG, j->account, "no option name.%s says for "
				"which names it is", j->account);
	if (buf_puts(&j->text, all, j->e))
		return -1;
	for (p = j->text.p; p && *p;) {
		char *end = strchr(p, ',');

		if (end)
			*end = '\0';
		while (*p == ' ')
			p++;
		if (!dns_name(p))
			return err_fail(j->e, ERR_CONFIG, p, "it is no DNS name in lower case");
		if (j->n == ACME_NAMES)
			return err_fail(j->e, ERR_CONFIG, j->account, "more than %d names",
					ACME_NAMES);
		j->names[j->n++] = p;
		p = end ? end + 1 : NULL;
	}
	return j->n ? 0 : err_fail(j->e, ERR_CONFIG, j->account, "it has no names");
}

/* ---- the order ------------------------------------------------------------------------ */

static bool is(const struct json *o, const char *status)
{
	const char *s = o ? json_str(o, "status") : NULL;

	return s && !strcmp(s, status);
}

static int keep_order(const struct job *j, const char *what)
{
	struct buf b = BUF_INIT(BUF_TEXT_MAX);
	int rc = buf_puts(&b, what, j->e) ||
		 acme_save(j->a, j->account, j->print, "order", &b, j->e) ? -1 : 0;

	buf_release(&b);
	return rc;
}

/* 1: an order is under way; 0: none; 2: it is done, `serial` has its number. */
static int known_order(struct job *j, char serial[PKI_SERIAL])
{
	struct buf b = BUF_INIT(BUF_TEXT_MAX), pem = BUF_INIT(BUF_TEXT_MAX);
	int rc = acme_load(j->a, j->account, j->print, "order", &b, NULL, j->e);

	if (rc > 0 && !strncmp(b.p, "done ", 5) && strlen(b.p + 5) < PKI_SERIAL) {
		(void)snprintf(serial, PKI_SERIAL, "%s", b.p + 5);
		rc = acme_load(j->a, j->account, serial, "pem", &pem, NULL, j->e);
		rc = rc > 0 ? 2 : rc;
	} else if (rc > 0) {
		rc = b.len < ACME_URL && !strncmp(b.p, "http", 4);
		(void)snprintf(j->order, sizeof(j->order), "%s", rc ? b.p : "");
	}
	buf_release(&pem);
	buf_release(&b);
	return rc;
}

static int order_json(const struct job *j, struct buf *out)
{
	struct json *o = json_object(), *list = json_array();
	bool ok = o && list;
	int rc = -1;

	for (size_t i = 0; ok && i < j->n; i++) {
		struct json *id = json_object();

		ok = json_set_str(id, "type", "dns") &&
		     json_set_str(id, "value", j->names[i]);
		ok = json_push(list, id) && ok;
	}
	if (!json_set(o, "identifiers", list) || !ok)
		(void)err_fail(j->e, ERR_NOMEM, NULL, "out of memory");
	else
		rc = json_print(o, false, out, j->e);
	json_free(&o);
	return rc;
}

/* 1: placed and written down; 0: r; -1. */
static int place_order(struct job *j)
{
	struct buf body = BUF_INIT(BUF_TEXT_MAX);
	struct acme_answer q = { .fate = ACME_LOST };
	int rc = -1;

	if (order_json(j, &body) || acme_post(j->a, j->a->new_order.p, body.p, &q, j->e))
		goto out;
	if (q.fate != ACME_OK) {
		rc = acme_say(j->r, &q, "the order is not taken");
	} else if (!*q.location) {
		rc = kit_say(j->r, KIT_UNKNOWN, "the authority does not name the order");
	} else {
		(void)snprintf(j->order, sizeof(j->order), "%s", q.location);
		rc = keep_order(j, j->order) ? -1 : 1;
		crash_point("acme:ordered");
	}
out:
	acme_answer_free(&q);
	buf_release(&body);
	return rc;
}

static int prove_all(struct job *j, const struct json *order)
{
	const struct json *list = json_get(order, "authorizations");

	for (const struct json *z = list ? json_first(list) : NULL; z; z = json_next(z)) {
		const char *url = json_text(z);
		int rc = url ? acme_prove(j->a, url, j->r, j->e) :
			       kit_say(j->r, KIT_UNKNOWN, "an authorization has no address");

		if (rc < 1)
			return rc;
		if (clock_mono_ms() > j->a->until_mono) {
			j->r->after_ms = 1000;
			return kit_say(j->r, KIT_RETRY, "more names are still to be shown");
		}
	}
	return 1;
}

static int finalize(struct job *j, const struct json *order)
{
	const char *url = json_str(order, "finalize");
	struct buf der = BUF_INIT(BUF_TEXT_MAX), body = BUF_INIT(BUF_TEXT_MAX);
	struct acme_answer q = { .fate = ACME_LOST };
	int rc = -1;

	if (!url) {
		rc = kit_say(j->r, KIT_UNKNOWN, "the order has no address to finalize it");
		goto out;
	}
	if (pki_csr(j->key, j->names, j->n, &der, j->e) ||
	    buf_puts(&body, "{\"csr\":\"", j->e) ||
	    base64url_encode(der.p, der.len, &body, j->e) || buf_puts(&body, "\"}", j->e) ||
	    acme_post(j->a, url, body.p, &q, j->e))
		goto out;
	rc = q.fate == ACME_OK ? 1 : acme_say(j->r, &q, "the request is not signed");
	crash_point("acme:finalized");
out:
	acme_answer_free(&q);
	buf_release(&der);
	buf_release(&body);
	return rc;
}

/* ---- the certificate ---------------------------------------------------------------------- */

/* 1: it is what was asked for; 0: r; -1. */
static int accept_chain(struct job *j, const struct buf *pem, struct pki_cert *c)
{
	struct err why = ERR_INIT;

	if (pki_cert(pem->p, pem->len, j->key, c, NULL, &why))
		return kit_say(j->r, KIT_UNKNOWN, "the authority sent %.200s", why.cause);
	if (!c->fits || !c->linked || c->n < 2)
		return kit_say(j->r, KIT_UNKNOWN, "the authority sent %s", !c->fits ?
			       "a certificate for another key" : "no whole chain");
	for (size_t i = 0; i < j->n; i++)
		if (!pki_cert_names(pem->p, pem->len, j->names[i]))
			return kit_say(j->r, KIT_UNKNOWN, "the certificate that the authority "
				       "sent is not good for %.200s", j->names[i]);
	return 1;
}

static int done(struct job *j, const char *serial, const struct buf *pem)
{
	if (!json_set_str(kit_body(j->r), "credential", serial) ||
	    !json_set_str(j->r->body, "public", pem->p))
		return err_fail(j->e, ERR_NOMEM, NULL, "out of memory");
	return kit_say(j->r, KIT_OK, "%s", "");
}

static int fetch(struct job *j, const struct json *order)
{
	const char *url = json_str(order, "certificate");
	struct acme_answer q = { .fate = ACME_LOST };
	struct pki_cert c;
	char note[PKI_SERIAL + 8];
	int rc = -1;

	if (!url) {
		rc = kit_say(j->r, KIT_UNKNOWN, "the order has no certificate's address");
		goto out;
	}
	if (acme_post(j->a, url, NULL, &q, j->e))
		goto out;
	if (q.fate != ACME_OK) {
		rc = acme_say(j->r, &q, "the certificate cannot be fetched");
		goto out;
	}
	rc = accept_chain(j, &q.text, &c);
	if (rc < 1)
		goto out;
	(void)snprintf(note, sizeof(note), "done %s", c.serial);
	rc = acme_save(j->a, j->account, c.serial, "pem", &q.text, j->e) ||
	     keep_order(j, note) ? -1 : done(j, c.serial, &q.text);
out:
	acme_answer_free(&q);
	return rc;
}

/* One step: 1 look again, 0 r is filled, -1. */
static int step(struct job *j, struct acme_answer *q, unsigned *round)
{
	if (is(q->body, "pending"))
		return prove_all(j, q->body);
	if (is(q->body, "ready"))
		return finalize(j, q->body);
	if (is(q->body, "valid"))
		return fetch(j, q->body);
	if (is(q->body, "processing")) {
		if (acme_wait(j->a, q, round))
			return 1;
		j->r->after_ms = 3000;
		return kit_say(j->r, KIT_RETRY, "the authority still signs");
	}
	if (acme_drop(j->a, j->account, j->print, "order", j->e))
		return -1;
	return kit_say(j->r, KIT_RETRY, "the authority gave the order up; the next try "
		       "places a new one");
}

static int run_order(struct job *j)
{
	unsigned round = 0, idle = 0;

	for (;;) {
		struct acme_answer q;
		int rc;

		if (acme_post(j->a, j->order, NULL, &q, j->e))
			return -1;
		if (q.fate == ACME_NO) { /* it knows no such order any more */
			rc = acme_drop(j->a, j->account, j->print, "order", j->e);
			if (!rc)
				rc = kit_say(j->r, KIT_RETRY, "the order is gone: %.250s",
					     q.detail);
		} else if (q.fate != ACME_OK || !q.body) {
			rc = acme_say(j->r, &q, "the order cannot be read");
		} else {
			rc = step(j, &q, &round);
		}
		/* "pending" and "ready" take a moment to change */
		if (rc == 1 && !is(q.body, "processing") && idle++ &&
		    !acme_wait(j->a, &q, &round)) {
			j->r->after_ms = 3000;
			rc = kit_say(j->r, KIT_RETRY, "the order does not move on yet");
		}
		acme_answer_free(&q);
		if (rc < 1)
			return rc;
	}
}

static int again(struct job *j, const char *serial)
{
	struct buf pem = BUF_INIT(BUF_TEXT_MAX);
	int rc = acme_load(j->a, j->account, serial, "pem", &pem, NULL, j->e);

	rc = rc > 0 ? done(j, serial, &pem) : -1;
	buf_release(&pem);
	return rc;
}

ACME_VERB(acme_set)
{
	struct job j = { .a = session, .account = q->account, .r = r, .e = e,
			 .text = BUF_INIT(BUF_TEXT_MAX) };
	char serial[PKI_SERIAL];
	int rc;

	(void)c;
	(void)s;
	if (!acme_account_fits(q->account))
		return kit_say(r, KIT_REFUSED, "no certificate is called so here");
	if (!q->secret)
		return kit_say(r, KIT_REFUSED, "set needs the key");
	j.a->until_mono = clock_mono_ms() + VERB_MS;
	rc = -1;
	if (names_of(&j) || !(j.key = pki_read_secret(q->secret, e)) ||
	    pki_key_print(j.key, j.print, e))
		goto out;
	rc = known_order(&j, serial);
	if (rc == 2) {
		rc = again(&j, serial);
		goto out;
	}
	if (rc == 0)
		rc = place_order(&j);
	if (rc == 1)
		rc = run_order(&j);
out:
	pki_free(&j.key);
	buf_release(&j.text);
	return rc;
}
