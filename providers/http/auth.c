/*
 * auth: the ways to sign in: a header, basic, digest, sigv4, a signed JWT, and
 * a token that another request fetches (kept until shortly before its end).
 */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "providers/http/pki.h"
#include "providers/http/request.h"
#include "providers/http/stamp.h"

#define TOKENS_MAX 8
#define TOKEN_EARLY_MS 60000 /* a token is fetched anew that long before its end */
#define TOKEN_LIFE_MS 600000 /* when the service does not say */
#define JWT_LIFE_S 540	     /* GitHub takes 10 minutes at most */

static struct token {
	struct secret *value;
	int64_t until; /* monotonic */
	unsigned turn; /* the how-manieth of its name */
	char name[65];
} tokens[TOKENS_MAX];
static pthread_mutex_t tokens_lock = PTHREAD_MUTEX_INITIALIZER;

static int header(const struct toml_node *a, const char *fallback,
		  const struct scope *s, struct request *r, struct err *e)
{
	const char *name = toml_str(a, "header"), *value = toml_str(a, "value");

	return buf_printf(&r->headers, e, "%s: ", name ? name : "Authorization") ||
	       tmpl_render(value ? value : fallback, s, TMPL_PLAIN, &r->headers, e) ||
	       buf_puts(&r->headers, "\n", e) ? -1 : 0;
}

static int user_password(const struct toml_node *a, enum wire_auth kind,
			 const struct scope *s, struct request *r, struct err *e)
{
	r->auth = kind;
	return tmpl_render(toml_str(a, "user"), s, TMPL_PLAIN, &r->user, e) ||
	       tmpl_render(toml_str(a, "password"), s, TMPL_PLAIN, &r->password, e) ?
		       -1 : 0;
}

static int sigv4(const struct toml_node *a, const struct scope *s,
		 struct request *r, struct err *e)
{
	const char *region = toml_str(a, "region"), *session = toml_str(a, "session");
	struct buf token = BUF_INIT(BUF_TEXT_MAX);
	struct scope maybe = *s;
	int rc = -1;

	r->auth = WIRE_SIGV4;
	maybe.gaps = true; /* a long-lived key has no session token */
	if (buf_puts(&r->sigv4, "aws:amz:", e) ||
	    tmpl_render(region ? region : "us-east-1", s, TMPL_PLAIN, &r->sigv4, e) ||
	    buf_puts(&r->sigv4, ":", e) ||
	    tmpl_render(toml_str(a, "service"), s, TMPL_PLAIN, &r->sigv4, e) ||
	    tmpl_render(toml_str(a, "key_id"), s, TMPL_PLAIN, &r->user, e) ||
	    tmpl_render(toml_str(a, "key"), s, TMPL_PLAIN, &r->password, e) ||
	    (session && tmpl_render(session, &maybe, TMPL_PLAIN, &token, e)))
		goto out;
	if (token.len && (buf_puts(&r->headers, "X-Amz-Security-Token: ", e) ||
			  buf_add(&r->headers, token.p, token.len, e) ||
			  buf_puts(&r->headers, "\n", e)))
		goto out;
	rc = 0;
out:
	buf_release(&token);
	return rc;
}

static int lend_all(const unsigned char *p, size_t n, void *arg)
{
	struct buf *b = arg;

	return buf_add(b, p, n, NULL);
}

/* {"iat":…,"exp":…, claims} signed; 60 s back, for clocks that differ. */
static int jwt_text(const struct toml_node *a, const struct scope *s,
		    struct buf *out, struct err *e)
{
	const struct toml_node *claims = toml_get(a, "claims");
	const int64_t now = clock_wall_ms() / 1000;
	struct buf pem = BUF_INIT(BUF_TEXT_MAX), text = BUF_INIT(BUF_TEXT_MAX);
	int rc = -1;

	if (s->show)
		return buf_puts(out, "[signed token]", e);
	if (tmpl_render("{{\"iat\":", s, TMPL_PLAIN, &text, e) ||
	    buf_printf(&text, e, "%lld,\"exp\":%lld", (long long)(now - 60),
		       (long long)(now + def_int(a, "life_s", JWT_LIFE_S))))
		goto out;
	for (const struct toml_node *c = claims->child; c; c = c->next)
		if (buf_printf(&text, e, ",\"%s\":\"", c->key) ||
		    tmpl_render(c->str, s, TMPL_JSON, &text, e) ||
		    buf_puts(&text, "\"", e))
			goto out;
	if (buf_puts(&text, "}", e))
		goto out;
	/* a PEM has newlines, which a header's template would refuse */
	if (!strcmp(toml_str(a, "key"), "{admin}") && s->conn && s->conn->secret) {
		if (secret_reveal(s->conn->secret, lend_all, &pem))
			goto out;
	} else if (!strcmp(toml_str(a, "key"), "{secret}") && s->q && s->q->secret) {
		if (secret_reveal(s->q->secret, lend_all, &pem))
			goto out;
	} else {
		(void)err_fail(e, ERR_USAGE, NULL, "the private key is missing");
		goto out;
	}
	rc = jwt_sign(&pem, &text, out, e);
out:
	buf_release(&pem);
	buf_release(&text);
	return rc;
}

static int jwt_header(const struct toml_node *a, const struct scope *s,
		      struct request *r, struct err *e)
{
	struct buf t = BUF_INIT(BUF_TEXT_MAX);
	struct secret *token = NULL;
	struct scope with = *s;
	int rc = -1;

	if (jwt_text(a, s, &t, e) || !(token = secret_new(t.p, t.len, e)))
		goto out;
	with.token = token;
	if (toml_str(a, "field")) /* base64url and dots: nothing to escape */
		rc = buf_printf(&r->body, e, "%s%s=", r->body.len ? "&" : "",
				toml_str(a, "field")) ||
		     buf_add(&r->body, t.p, t.len, e) ? -1 : 0;
	else
		rc = header(a, "Bearer {token}", &with, r, e);
out:
	secret_free(&token);
	buf_release(&t);
	return rc;
}

/* ---- a token that is fetched --------------------------------------------------- */

static int64_t token_end(const struct toml_node *a, const struct json *doc)
{
	const char *in = toml_str(a, "expires_in"), *at = toml_str(a, "expires_at");
	int64_t life = TOKEN_LIFE_MS, s, when;
	struct buf b = BUF_INIT(BUF_TEXT_MAX);

	if (in && json_int_value(doc_at(doc, in, strlen(in)), &s) && s > 0 && s < 1000000)
		life = s * 1000;
	else if (at && doc_text(doc_at(doc, at, strlen(at)), &b) &&
		 stamp_read(b.p, "rfc3339", &when))
		life = when - clock_wall_ms();
	buf_release(&b);
	return clock_mono_ms() + life - TOKEN_EARLY_MS;
}

static int fetch(const struct toml_node *a, const struct scope *s, struct wire *w,
		 struct token *t, int64_t *wait_ms, struct err *e)
{
	const struct toml_node *service = toml_get(s->def->root, "service");
	const char *with = toml_str(a, "with"), *at = toml_str(a, "token");
	const char *method = toml_str(a, "method");
	struct buf v = BUF_INIT(SECRET_MAX);
	struct answer ans = { .doc = NULL };
	struct request r = { .method = method ? method : "POST",
		.url = BUF_INIT(BUF_TEXT_MAX), .headers = BUF_INIT(BUF_RECORD_MAX),
		.body = BUF_INIT(BUF_RECORD_MAX), .user = BUF_INIT(BUF_TEXT_MAX),
		.password = BUF_INIT(BUF_TEXT_MAX), .sigv4 = BUF_INIT(BUF_TEXT_MAX) };
	char told[400];
	bool sent;
	int rc = -1;

	if (request_url(a, s, &r.url, e) || request_body(a, s, &r, e) ||
	    request_headers(toml_get(service, "headers"), s, &r, e) ||
	    request_headers(toml_get(a, "headers"), s, &r, e) ||
	    (with && strcmp(with, "none") != 0 && auth_apply(with, s, w, &r, e)) ||
	    request_exchange(w, &r, &ans, &sent, e) ||
	    answer_read(s->def, "json", &ans, e))
		goto out;
	if (ans.w.status < 200 || ans.w.status > 299 || !ans.doc ||
	    !doc_text(doc_at(ans.doc, at, strlen(at)), &v) || !v.len) {
		*wait_ms = rule_wait(&ans);
		answer_tell(s->def, &ans, told, sizeof(told));
		(void)err_fail(e, ans.w.status >= 400 && ans.w.status < 500 &&
			       ans.w.status != 429 ? ERR_PROVIDER : ERR_IO, NULL,
			       "no token was given: %s", told);
		goto out;
	}
	secret_free(&t->value);
	t->value = secret_new(v.p, v.len, e);
	t->until = token_end(a, ans.doc);
	t->turn++;
	rc = t->value ? 0 : -1;
out:
	buf_release(&v);
	answer_free(&ans);
	request_free(&r);
	return rc;
}

static int exchange(const struct toml_node *a, const struct scope *s,
		    struct wire *w, struct request *r, struct err *e)
{
	struct token *t = NULL, own = { .value = NULL };
	struct scope with = *s;
	bool keep = s->q == NULL || !def_uses_secret(s->def, a);
	int rc = -1;

	if (s->show)
		return header(a, "Bearer {token}", s, r, e);
	/* one fetches, the others wait for it */
	pthread_mutex_lock(&tokens_lock);
	for (int i = 0; keep && i < TOKENS_MAX && !t; i++)
		if (!tokens[i].name[0] || !strcmp(tokens[i].name, a->key))
			t = &tokens[i];
	if (!t)
		t = &own; /* the subject's own, not to be mixed up */
	(void)snprintf(t->name, sizeof(t->name), "%s", a->key);
	if ((t->value && clock_mono_ms() < t->until) || !fetch(a, s, w, t, &r->wait_ms, e)) {
		with.token = t->value;
		rc = header(a, "Bearer {token}", &with, r, e);
		if (t != &own) {
			r->token = a->key;
			r->token_turn = t->turn;
		}
	}
	secret_free(&own.value);
	pthread_mutex_unlock(&tokens_lock);
	return rc;
}

bool auth_stale(const struct request *r)
{
	bool was = r->token != NULL;

	pthread_mutex_lock(&tokens_lock);
	for (int i = 0; was && i < TOKENS_MAX; i++)
		/* another request may have fetched a new one meanwhile */
		if (!strcmp(tokens[i].name, r->token) && tokens[i].turn == r->token_turn)
			secret_free(&tokens[i].value);
	pthread_mutex_unlock(&tokens_lock);
	return was;
}

void auth_forget(void)
{
	for (int i = 0; i < TOKENS_MAX; i++)
		secret_free(&tokens[i].value);
}

int auth_apply(const char *name, const struct scope *s, struct wire *w,
	       struct request *r, struct err *e)
{
	const struct toml_node *a = def_auth(s->def, name);
	const char *kind = toml_str(a, "kind");

	if (!strcmp(kind, "header"))
		return header(a, "", s, r, e);
	if (!strcmp(kind, "basic"))
		return user_password(a, WIRE_BASIC, s, r, e);
	if (!strcmp(kind, "digest"))
		return user_password(a, WIRE_DIGEST, s, r, e);
	if (!strcmp(kind, "sigv4"))
		return sigv4(a, s, r, e);
	if (!strcmp(kind, "jwt"))
		return jwt_header(a, s, r, e);
	return exchange(a, s, w, r, e);
}
