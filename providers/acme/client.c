/*
 * client: see acme.h.  Requests signed with the account's key (RFC 8555 6), and
 * what the answers are worth.
 *
 * Promises: the account's key signs for the directory's own host and no other;
 * a nonce the authority does not like costs one more request, never the order.
 */
#include <stdio.h>
#include <string.h>

#include "base/base64.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/mem.h"
#include "base/text.h"
#include "providers/acme/acme.h"

#define NONCE_TRIES 8
#define URN "urn:ietf:params:acme:error:"
#define LATER_MS 10000

/* ---- reading answers ---------------------------------------------------------------- */

void acme_answer_free(struct acme_answer *a)
{
	json_free(&a->body);
	buf_release(&a->text);
}

static void copy(char *to, size_t cap, const char *from)
{
	struct buf b = BUF_INIT(BUF_TEXT_MAX);

	if (from && text_escape(&b, from, strnlen(from, cap), NULL) == 0)
		(void)snprintf(to, cap, "%s", b.p ? b.p : "");
	buf_release(&b);
}

/* The authority's reason, and those of the single names (RFC 8555 6.7). */
static void read_problem(struct acme_answer *a, const struct json *body)
{
	const char *type = body ? json_str(body, "type") : NULL;
	const struct json *sub = body ? json_get(body, "subproblems") : NULL;
	const char *more = NULL;

	if (type && !strncmp(type, URN, strlen(URN)))
		copy(a->problem, sizeof(a->problem), type + strlen(URN));
	if (sub && json_first(sub))
		more = json_str(json_first(sub), "detail");
	copy(a->detail, sizeof(a->detail), more ? more : body ? json_str(body, "detail") : NULL);
}

static int64_t retry_after(const struct wire_answer *w)
{
	struct buf b = BUF_INIT(BUF_TEXT_MAX);
	int64_t s = 0;

	if (!wire_header(w, "Retry-After", &b) || !text_int(b.p, 1, 86400, &s))
		s = 0; /* a date there would need the authority's clock */
	buf_release(&b);
	return s * 1000;
}

static void take(struct acme *a, struct wire_answer *w, struct acme_answer *out)
{
	struct buf b = BUF_INIT(BUF_TEXT_MAX);

	buf_reset(&a->nonce);
	if (!wire_header(w, "Replay-Nonce", &a->nonce))
		buf_reset(&a->nonce);
	if (wire_header(w, "Location", &b) && b.len < sizeof(out->location))
		(void)snprintf(out->location, sizeof(out->location), "%s", b.p);
	buf_release(&b);
	out->after_ms = retry_after(w);
	out->body = w->body.len ? json_parse(w->body.p, w->body.len, NULL) : NULL;
	out->text = w->body;
	w->body = (struct buf)BUF_INIT(WIRE_BODY_MAX);
	if (w->status >= 200 && w->status < 300) {
		out->fate = ACME_OK;
		return;
	}
	read_problem(out, out->body);
	if (w->status == 429 || w->status >= 500 || !strcmp(out->problem, "rateLimited"))
		out->fate = ACME_LATER;
	else
		out->fate = *out->problem ? ACME_NO : ACME_LOST;
	if (!*out->detail)
		(void)snprintf(out->detail, sizeof(out->detail), "it answered %ld", w->status);
}

int acme_say(struct kit_reply *r, const struct acme_answer *a, const char *what)
{
	if (a->fate == ACME_LATER)
		r->after_ms = a->after_ms ? a->after_ms : LATER_MS;
	return kit_say(r, a->fate == ACME_NO ? KIT_REFUSED :
			  a->fate == ACME_LATER ? KIT_RETRY : KIT_UNKNOWN,
		       "%s: %.250s%s%s%s", what, a->detail, *a->problem ? " (" : "",
		       a->problem, *a->problem ? ")" : "");
}

/* ---- asking ----------------------------------------------------------------------------- */

/* -1 with e: our own fault.  No answer is ACME_LOST, or LATER when nothing left. */
static int ask(struct acme *a, const struct wire_ask *q, struct acme_answer *out,
	       struct err *e)
{
	struct wire_answer w;
	struct err why = ERR_INIT;
	bool sent = false;

	(void)e;
	*out = (struct acme_answer){ .fate = ACME_LOST };
	if (wire_send(a->w, q, &w, &sent, &why)) {
		out->fate = sent ? ACME_LOST : ACME_LATER;
		(void)snprintf(out->detail, sizeof(out->detail), "%.250s", why.cause);
	} else {
		take(a, &w, out);
	}
	wire_answer_free(&w);
	return 0;
}

static int fresh_nonce(struct acme *a, struct acme_answer *out, struct err *e)
{
	const struct wire_ask q = { .method = "HEAD", .url = a->new_nonce.p };

	if (a->nonce.len)
		return 0;
	if (ask(a, &q, out, e))
		return -1;
	if (out->fate == ACME_OK && !a->nonce.len) {
		out->fate = ACME_LOST;
		(void)snprintf(out->detail, sizeof(out->detail), "it gives no nonce");
	}
	return 0;
}

static int encoded(const struct buf *in, struct buf *out, struct err *e)
{
	return base64url_encode(in->p ? in->p : "", in->len, out, e);
}

/* {"protected":…,"payload":…,"signature":…}; without an account yet the key
 * itself goes along. */
static int sign(struct acme *a, const char *url, const char *payload, struct buf *out,
		struct err *e)
{
	struct buf head = BUF_INIT(BUF_TEXT_MAX), text = BUF_INIT(BUF_TEXT_MAX);
	struct buf jwk = BUF_INIT(BUF_TEXT_MAX), sig = BUF_INIT(BUF_TEXT_MAX);
	struct json *h = json_object();
	size_t dot;
	int rc = -1;

	if (!a->account.len && pki_jwk(a->key, &jwk, e))
		goto out;
	if (!json_set_str(h, "alg", pki_alg(a->key)) ||
	    !json_set_str(h, "nonce", a->nonce.p) || !json_set_str(h, "url", url) ||
	    !(a->account.len ? json_set_str(h, "kid", a->account.p) :
			       json_set(h, "jwk", json_parse(jwk.p, jwk.len, e)))) {
		(void)err_fail(e, ERR_NOMEM, NULL, "out of memory");
		goto out;
	}
	if (json_print(h, false, &head, e) || encoded(&head, &text, e))
		goto out;
	dot = text.len;
	if (buf_puts(&text, ".", e) ||
	    base64url_encode(payload ? payload : "", payload ? strlen(payload) : 0, &text, e) ||
	    pki_sign(a->key, text.p, text.len, &sig, e) ||
	    buf_printf(out, e, "{\"protected\":\"%.*s\",\"payload\":\"%s\",\"signature\":\"",
		       (int)dot, text.p, text.p + dot + 1) ||
	    encoded(&sig, out, e) || buf_puts(out, "\"}", e))
		goto out;
	rc = 0;
out:
	json_free(&h);
	buf_release(&head);
	buf_release(&text);
	buf_release(&jwk);
	buf_release(&sig);
	return rc;
}

/* The account's key signs nothing for another place. */
static int same_host(const struct acme *a, const char *url, struct err *e)
{
	struct buf b = BUF_INIT(BUF_TEXT_MAX);
	const int rc = wire_next(a->directory.p, url, &b, e);

	buf_release(&b);
	return rc;
}

int acme_post(struct acme *a, const char *url, const char *payload,
	      struct acme_answer *out, struct err *e)
{
	*out = (struct acme_answer){ .fate = ACME_LOST };
	if (same_host(a, url, e))
		return -1;
	for (int i = 0;; i++) {
		struct buf body = BUF_INIT(BUF_TEXT_MAX);
		struct wire_ask q = {
			.method = "POST", .url = url,
			.headers = "Content-Type: application/jose+json\n"
				   "Accept: application/json, application/pem-certificate-chain",
		};
		int rc = fresh_nonce(a, out, e);

		if (rc || !a->nonce.len)
			return rc;
		acme_answer_free(out);
		rc = sign(a, url, payload, &body, e);
		q.body = body.p;
		q.body_len = body.len;
		buf_reset(&a->nonce); /* used */
		if (!rc)
			rc = ask(a, &q, out, e);
		buf_release(&body);
		if (rc || strcmp(out->problem, "badNonce") != 0)
			return rc;
		if (i == NONCE_TRIES) {
			out->fate = ACME_LATER;
			return 0;
		}
		acme_answer_free(out);
	}
}

/* ---- opening ------------------------------------------------------------------------------ */

static int place(struct acme *a, const struct json *dir, const char *key, struct buf *out,
		 struct err *e)
{
	const char *url = json_str(dir, key);

	if (!url || strlen(url) >= ACME_URL)
		return err_fail(e, ERR_PROVIDER, a->directory.p,
				"it is no ACME directory: it has no %s", key);
	return same_host(a, url, e) || buf_puts(out, url, e) ? -1 : 0;
}

static int failed(const struct acme_answer *q, const struct acme *a, const char *what,
		  struct err *e)
{
	return err_fail(e, q->fate == ACME_NO ? ERR_PROVIDER : ERR_IO, a->directory.p,
			"%s: %.250s%s%s%s", what, q->detail, *q->problem ? " (" : "",
			q->problem, *q->problem ? ")" : "");
}

static int read_directory(struct acme *a, struct err *e)
{
	const struct wire_ask q = { .method = "GET", .url = a->directory.p };
	struct acme_answer w;
	int rc = -1;

	if (ask(a, &q, &w, e))
		return -1;
	if (w.fate != ACME_OK || !w.body)
		(void)failed(&w, a, "it cannot be read", e);
	else if (!place(a, w.body, "newNonce", &a->new_nonce, e) &&
		 !place(a, w.body, "newAccount", &a->new_account, e) &&
		 !place(a, w.body, "newOrder", &a->new_order, e) &&
		 !place(a, w.body, "revokeCert", &a->revoke_cert, e))
		rc = 0;
	acme_answer_free(&w);
	return rc;
}

/* The same call finds an account that is there (RFC 8555 7.3). */
static int account_json(const struct acme *a, struct buf *out, struct err *e)
{
	const char *contact = kit_option(a->c, "contact", NULL);
	const bool agreed = !strcmp(kit_option(a->c, "terms", "no"), "agreed");
	struct json *j = json_object(), *list = contact ? json_array() : NULL;
	int rc = -1;

	if (!json_set_bool(j, agreed ? "termsOfServiceAgreed" : "onlyReturnExisting", true) ||
	    (contact && (!json_push_str(list, contact) || !json_set(j, "contact", list))))
		(void)err_fail(e, ERR_NOMEM, NULL, "out of memory");
	else
		rc = json_print(j, false, out, e);
	json_free(&j);
	return rc;
}

static int find_account(struct acme *a, struct err *e)
{
	struct buf body = BUF_INIT(BUF_TEXT_MAX);
	struct acme_answer q = { .fate = ACME_LOST };
	int rc = -1;

	if (account_json(a, &body, e) || acme_post(a, a->new_account.p, body.p, &q, e))
		goto out;
	if (q.fate != ACME_OK) {
		(void)failed(&q, a, "no account", e);
		if (!strcmp(q.problem, "accountDoesNotExist"))
			err_hint(e, "read the authority's terms of service; --set terms=agreed "
				    "opens an account for this key");
		goto out;
	}
	if (!*q.location)
		(void)err_fail(e, ERR_PROVIDER, a->directory.p, "it names no account");
	else if (!same_host(a, q.location, e))
		rc = buf_puts(&a->account, q.location, e);
out:
	acme_answer_free(&q);
	buf_release(&body);
	return rc;
}

static int thumbprint(struct acme *a, struct err *e)
{
	struct buf jwk = BUF_INIT(BUF_TEXT_MAX);
	unsigned char hash[32];
	int rc = pki_jwk(a->key, &jwk, e);

	if (!rc) {
		digest_sha256(jwk.p, jwk.len, hash);
		rc = base64url_encode(hash, sizeof(hash), &a->thumb, e);
	}
	buf_release(&jwk);
	return rc;
}

static int options(struct acme *a, struct err *e)
{
	static const struct {
		const char *word;
		int code;
	} reasons[] = { { "unspecified", 0 }, { "superseded", 4 },
			{ "affiliation-changed", 3 }, { "cessation", 5 } };
	const char *why = kit_option(a->c, "reason", "superseded");

	a->store = kit_option(a->c, "store", NULL);
	a->challenges = kit_option(a->c, "challenges", NULL);
	a->dns = kit_option(a->c, "use_dns", NULL);
	a->type = kit_option(a->c, "key", "p256");
	a->reason = -1;
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (!strcmp(why, reasons[i].word))
			a->reason = reasons[i].code;
	if (a->reason < 0)
		return err_fail(e, ERR_CONFIG, "reason", "is superseded, unspecified, "
				"affiliation-changed or cessation");
	if (!pki_type(a->type))
		return err_fail(e, ERR_CONFIG, "key", "is p256, p384, rsa2048 or rsa3072");
	if (!a->store || a->store[0] != '/')
		return err_fail(e, ERR_CONFIG, "store", "names no folder (/path)");
	if (!a->challenges == !a->dns)
		return err_fail(e, ERR_CONFIG, NULL, "give either challenges=/folder (http-01) "
				"or use_dns=/program (dns-01)");
	for (const struct json *o = json_first(a->c->options); o; o = json_next(o))
		if (!strncmp(json_key(o), "name.", 5) && !acme_account_fits(json_key(o) + 5))
			return err_fail(e, ERR_CONFIG, json_key(o), "a certificate's name is of "
					"letters, digits, '-' and '_'");
	return 0;
}

void acme_close(void *session)
{
	struct acme *a = session;

	if (!a)
		return;
	wire_close(&a->w);
	pki_free(&a->key);
	buf_release(&a->directory);
	buf_release(&a->new_nonce);
	buf_release(&a->new_account);
	buf_release(&a->new_order);
	buf_release(&a->revoke_cert);
	buf_release(&a->account);
	buf_release(&a->nonce);
	buf_release(&a->thumb);
	mem_free(a);
}

int acme_open(const struct kit_connection *c, void **session, struct err *e)
{
	const char *url = kit_option(c, "directory", NULL);
	struct acme *a = mem_zalloc(sizeof(*a));

	if (!a)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	a->c = c;
	a->directory = a->new_nonce = a->new_account = a->new_order = a->revoke_cert =
		a->account = a->nonce = a->thumb = (struct buf)BUF_INIT(BUF_TEXT_MAX);
	if (!url)
		(void)err_fail(e, ERR_CONFIG, "directory", "names no authority (https://…)");
	else if (!c->secret)
		(void)err_fail(e, ERR_CONFIG, NULL, "the account's private key is missing");
	else if (!options(a, e) && (a->w = wire_open(c, e)) &&
		 (a->key = pki_read_secret(c->secret, e)) &&
		 !buf_puts(&a->directory, url, e) && !thumbprint(a, e) &&
		 !read_directory(a, e) && !find_account(a, e)) {
		*session = a;
		return 0;
	}
	acme_close(a);
	return -1;
}
