/*
 * request: see request.h.  Queries are sorted, which SigV4 needs.
 */
#include "providers/http/request.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/digest.h"
#include "base/mem.h"
#include "base/secret.h"
#include "base/text.h"
#include "providers/http/xml.h"

#define PAIRS_MAX 64

/* ---- URL --------------------------------------------------------------------- */

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* One parameter of the table into b; stays empty when it is left out. */
static int pair(const struct toml_node *c, const struct scope *s, struct buf *b,
		struct err *e)
{
	size_t name;

	for (const char *k = c->key; *k; k++)
		if (strchr("[]().:@$", *k) ? buf_printf(b, e, "%%%02X", (unsigned)*k)
					   : buf_add(b, k, 1, e))
			return -1;
	if (buf_puts(b, "=", e))
		return -1;
	name = b->len;
	if (tmpl_render(c->str, s, TMPL_PAIR, b, e))
		return -1;
	if (b->len == name && strstr(c->str, "|optional"))
		buf_reset(b);
	return 0;
}

/* "a=1&b=2" from a table of templates, sorted; empty values are left out when
 * their template says |optional. */
static int pairs(const struct toml_node *map, const struct scope *s,
		 struct buf *out, struct err *e)
{
	char *v[PAIRS_MAX] = { NULL };
	size_t n = 0;
	int rc = 0;

	for (const struct toml_node *c = map ? map->child : NULL; c && !rc; c = c->next) {
		struct buf b = BUF_INIT(BUF_RECORD_MAX);

		rc = n == PAIRS_MAX ? err_fail(e, ERR_TOOBIG, NULL,
				"more than %d parameters", PAIRS_MAX) :
				      pair(c, s, &b, e);
		if (!rc && b.len) {
			v[n] = mem_strdup(b.p);
			rc = v[n] ? 0 : err_fail(e, ERR_NOMEM, NULL, "out of memory");
			n += !rc;
		}
		buf_release(&b);
	}
	qsort(v, n, sizeof(*v), by_text);
	for (size_t i = 0; i < n; i++) {
		if (!rc)
			rc = buf_printf(out, e, "%s%s", i ? "&" : "", v[i]);
		mem_free(v[i]);
	}
	return rc;
}

int request_url(const struct toml_node *n, const struct scope *s,
		struct buf *out, struct err *e)
{
	const char *base = toml_str(n, "base");
	const struct toml_node *query = toml_get(n, "query");

	if (!base)
		base = toml_str(toml_get(s->def->root, "service"), "base");
	if (tmpl_render(base, s, TMPL_PLAIN, out, e))
		return -1;
	while (out->len > 0 && out->p[out->len - 1] == '/')
		out->p[--out->len] = '\0';
	if (tmpl_render(toml_str(n, "path"), s, TMPL_URL, out, e))
		return -1;
	if (!query || !query->child)
		return 0;
	return buf_puts(out, "?", e) || pairs(query, s, out, e) ? -1 : 0;
}

/* ---- headers and body ---------------------------------------------------------- */

int request_headers(const struct toml_node *map, const struct scope *s,
		    struct request *r, struct err *e)
{
	for (const struct toml_node *c = map ? map->child : NULL; c; c = c->next) {
		struct buf v = BUF_INIT(BUF_TEXT_MAX);
		int rc = tmpl_render(c->str, s, TMPL_PLAIN, &v, e);

		if (!rc && v.len > 0)
			rc = buf_printf(&r->headers, e, "%s: ", c->key) ||
			     buf_add(&r->headers, v.p, v.len, e) ||
			     buf_puts(&r->headers, "\n", e) ? -1 : 0;
		buf_release(&v);
		if (rc)
			return -1;
	}
	return 0;
}

static int body_json(const struct toml_node *n, const struct scope *s,
		     struct buf *out, struct err *e)
{
	const char *open = n->kind == TOML_TABLE ? "{" : "[";
	const char *close = n->kind == TOML_TABLE ? "}" : "]";

	switch (n->kind) {
	case TOML_STRING:
		if (tmpl_is_number(n->str))
			return tmpl_render(n->str, s, TMPL_PLAIN, out, e);
		return buf_puts(out, "\"", e) ||
		       tmpl_render(n->str, s, TMPL_JSON, out, e) ||
		       buf_puts(out, "\"", e) ? -1 : 0;
	case TOML_INT:
		return buf_printf(out, e, "%lld", (long long)n->num);
	case TOML_BOOL:
		return buf_puts(out, n->num ? "true" : "false", e);
	case TOML_FLOAT:
		return buf_printf(out, e, "%.17g", n->real);
	case TOML_DATE:
		return buf_printf(out, e, "\"%s\"", n->str);
	default:
		break;
	}
	if (buf_puts(out, open, e))
		return -1;
	for (const struct toml_node *c = n->child; c; c = c->next) {
		if (c != n->child && buf_puts(out, ",", e))
			return -1;
		if (n->kind == TOML_TABLE && (buf_puts(out, "\"", e) ||
					      tmpl_render(c->key, s, TMPL_JSON, out, e) ||
					      buf_puts(out, "\":", e)))
			return -1;
		if (body_json(c, s, out, e))
			return -1;
	}
	return buf_puts(out, close, e);
}

static bool set_scalar(struct json *obj, const struct toml_node *v, const char *text)
{
	if (v->kind == TOML_INT)
		return json_set_int(obj, v->key, v->num);
	if (v->kind == TOML_BOOL)
		return json_set_bool(obj, v->key, v->num != 0);
	return json_set_str(obj, v->key, text);
}

/* What was read, changed at some members, to be written back. */
static int body_changed(const struct toml_node *n, const struct scope *s,
			struct buf *out, struct err *e)
{
	const char *from = toml_str(n, "json_base");
	const struct json *base = tmpl_node(from, strlen(from), s);
	const struct toml_node *pick = toml_get(n, "json_pick");
	const struct toml_node *set = toml_get(n, "json_set");
	struct json *o = NULL;
	int rc = -1;

	if (s->show && !base)
		return buf_printf(out, e, "<%s, changed>", from);
	if (!base || json_type(base) != JSON_OBJECT)
		return err_fail(e, ERR_USAGE, from, "there is no object to change");
	o = pick ? json_object() : json_dup(base);
	for (const struct json *m = pick ? json_first(base) : NULL; m; m = json_next(m))
		if (def_has(pick, json_key(m)) &&
		    !json_set(o, json_key(m), json_dup(m)))
			goto nomem;
	for (const struct toml_node *c = set ? set->child : NULL; c; c = c->next) {
		char *text = c->kind == TOML_STRING ? tmpl_text(c->str, s, e) : NULL;
		bool ok = (c->kind != TOML_STRING || text) && set_scalar(o, c, text);

		mem_free(text);
		if (!ok && e->code != ERR_NONE)
			goto out;
		if (!ok)
			goto nomem;
	}
	rc = json_print(o, false, out, e);
	goto out;
nomem:
	(void)err_fail(e, ERR_NOMEM, NULL, "out of memory");
out:
	json_free(&o);
	return rc;
}

int request_body(const struct toml_node *n, const struct scope *s,
		 struct request *r, struct err *e)
{
	const struct toml_node *json = toml_get(n, "json"), *form = toml_get(n, "form");
	const char *text = toml_str(n, "text"), *type = NULL;
	int rc = 0;

	if (json) {
		type = toml_str(n, "type") ? toml_str(n, "type") : "application/json";
		rc = body_json(json, s, &r->body, e);
	} else if (toml_get(n, "json_base")) {
		type = "application/json";
		rc = body_changed(n, s, &r->body, e);
	} else if (form) {
		type = "application/x-www-form-urlencoded; charset=utf-8";
		rc = pairs(form, s, &r->body, e);
	} else if (text) {
		type = "text/plain";
		rc = tmpl_render(text, s, TMPL_PLAIN, &r->body, e);
	}
	r->has_body = type != NULL || !strcmp(r->method, "POST") ||
		      !strcmp(r->method, "PUT") || !strcmp(r->method, "PATCH");
	if (!rc && type)
		rc = buf_printf(&r->headers, e, "Content-Type: %s\n", type);
	return rc;
}

/* The request's `seal_to`: an X25519 public key in base64. */
static int seal_key(const struct toml_node *n, const struct scope *s,
		    unsigned char key[static DIGEST_PUBLIC], struct err *e)
{
	unsigned char raw[3 * DIGEST_PUBLIC];
	struct buf b = BUF_INIT(2 * DIGEST_PUBLIC);
	size_t len = 0;
	int rc = -1;

	if (s->show || tmpl_render(toml_str(n, "seal_to"), s, TMPL_PLAIN, &b, e)) {
		rc = s->show ? 0 : -1;
	} else if (!base64_decode(b.p, b.len, raw, &len) || len != DIGEST_PUBLIC) {
		(void)err_fail(e, ERR_PROVIDER, NULL, "the service's public key is "
			       "not %d bytes in base64", DIGEST_PUBLIC);
	} else {
		memcpy(key, raw, DIGEST_PUBLIC);
		rc = 0;
	}
	buf_release(&b);
	return rc;
}

int request_build(const struct toml_node *n, const struct scope *scope,
		  struct wire *w, struct request *r, struct err *e)
{
	unsigned char key[DIGEST_PUBLIC];
	struct scope own = *scope;
	const struct scope *s = &own;
	const struct toml_node *service = toml_get(scope->def->root, "service");
	const char *method = toml_str(n, "method"), *as = toml_str(n, "as");

	*r = (struct request){ .method = method ? method : "GET",
		.url = BUF_INIT(BUF_TEXT_MAX), .headers = BUF_INIT(BUF_RECORD_MAX),
		.body = BUF_INIT(BUF_RECORD_MAX), .user = BUF_INIT(BUF_TEXT_MAX),
		.password = BUF_INIT(BUF_TEXT_MAX), .sigv4 = BUF_INIT(BUF_TEXT_MAX) };
	r->once = s->q && strcmp(r->method, "GET") != 0 &&
		  (!strcmp(s->q->verb, "mint") || !strcmp(s->q->verb, "restore"));
	if (!as)
		as = def_auth(s->def, "admin") ? "admin" : "none";
	if (toml_str(n, "seal_to")) {
		if (seal_key(n, s, key, e))
			return -1;
		own.seal_to = key;
	}
	if (request_url(n, s, &r->url, e) || request_body(n, s, r, e) ||
	    request_headers(toml_get(service, "headers"), s, r, e) ||
	    request_headers(toml_get(n, "headers"), s, r, e))
		return -1;
	return strcmp(as, "none") == 0 ? 0 : auth_apply(as, s, w, r, e);
}

void request_free(struct request *r)
{
	buf_release(&r->url);
	buf_release(&r->headers);
	buf_release(&r->body);
	buf_release(&r->user);
	buf_release(&r->password);
	buf_release(&r->sigv4);
}

int request_print(const struct request *r, struct buf *out, struct err *e)
{
	if (buf_printf(out, e, "%s %s\n%s", r->method, r->url.p,
		       r->headers.p ? r->headers.p : ""))
		return -1;
	if (r->auth == WIRE_SIGV4 &&
	    buf_printf(out, e, "Authorization: AWS4-HMAC-SHA256 as %s (%s)\n",
		       r->user.p ? r->user.p : "", r->sigv4.p))
		return -1;
	if ((r->auth == WIRE_BASIC || r->auth == WIRE_DIGEST) &&
	    buf_printf(out, e, "Authorization: %s as %s\n",
		       r->auth == WIRE_BASIC ? "Basic" : "Digest",
		       r->user.p ? r->user.p : ""))
		return -1;
	return r->body.len ? buf_printf(out, e, "\n%s\n", r->body.p) : 0;
}

/* ---- the answer ----------------------------------------------------------------- */

void answer_free(struct answer *a)
{
	wire_answer_free(&a->w);
	json_free(&a->doc);
	mem_free(a->url);
	mem_free(a->line);
	a->url = a->line = NULL;
}

int answer_read(const struct def *d, const char *answers, struct answer *a,
		struct err *e)
{
	const struct toml_node *service = toml_get(d->root, "service");
	struct err mine = ERR_INIT;
	size_t skip;

	a->readable = true;
	if (!answers)
		answers = toml_str(service, "answers");
	skip = a->w.body.p ? strspn(a->w.body.p, " \t\r\n") : 0;
	if (skip >= a->w.body.len || (answers && !strcmp(answers, "none")))
		return 0;
	if (answers && !strcmp(answers, "xml"))
		a->doc = xml_parse(a->w.body.p, a->w.body.len,
				   toml_get(service, "xml_lists"), &mine);
	else
		a->doc = json_parse_max(a->w.body.p, a->w.body.len, WIRE_BODY_MAX, &mine);
	a->readable = a->doc != NULL;
	if (mine.code == ERR_NOMEM)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	return 0;
}

/* The list to pick from.  An answer without that list is not an empty list:
 * "it is not there" must never be told by some other page.  XML writes an empty
 * list as its element without content. */
static bool pick_list(const struct answer *a, const char *at, bool xml,
		      const struct json **list)
{
	const char *slash = strrchr(at, '/');
	const struct json *up;

	*list = a->doc ? doc_at(a->doc, at, strlen(at)) : NULL;
	if (*list)
		return json_type(*list) == JSON_ARRAY;
	if (!xml || !a->doc || !slash)
		return false;
	up = doc_at(a->doc, at, (size_t)(slash - at));
	return up && json_type(up) == JSON_STRING && !*json_text(up);
}

static int pick_item(const struct toml_node *pick, const struct scope *s,
		     struct answer *a, struct err *e)
{
	const char *items = toml_str(pick, "items"), *at = toml_str(pick, "at");
	const char *answers = toml_str(toml_get(s->def->root, "service"), "answers");
	const struct json *list = NULL;
	char *want = tmpl_text(toml_str(pick, "equals"), s, e);
	struct json *found = NULL;
	bool there = pick_list(a, items, answers && !strcmp(answers, "xml"), &list);

	if (!want)
		return -1;
	for (const struct json *i = there && list ? json_first(list) : NULL; i && !found;
	     i = json_next(i)) {
		struct buf b = BUF_INIT(BUF_TEXT_MAX);

		if (doc_text(doc_at(i, at, strlen(at)), &b) && b.p &&
		    !strcmp(b.p, want))
			found = json_dup(i);
		buf_release(&b);
	}
	mem_free(want);
	a->picked = !there ? PICK_NO_LIST : found ? PICK_FOUND : PICK_ABSENT;
	if (found) {
		json_free(&a->doc);
		a->doc = found;
	}
	return 0;
}

int request_exchange(struct wire *w, const struct request *r, struct answer *a,
		     bool *sent, struct err *e)
{
	const struct wire_ask q = { .method = r->method, .url = r->url.p,
		.headers = r->headers.p, .auth = r->auth,
		.body = r->has_body ? (r->body.p ? r->body.p : "") : NULL,
		.body_len = r->body.len, .user = r->user.p ? r->user.p : "",
		.password = r->password.p ? r->password.p : "",
		.sigv4 = r->sigv4.p, .once = r->once };
	const char *path = strstr(r->url.p, "://");
	struct buf line = BUF_INIT(BUF_TEXT_MAX);

	memset(a, 0, sizeof(*a));
	path = path ? strchr(path + 3, '/') : NULL;
	a->url = mem_strdup(r->url.p);
	if (buf_printf(&line, NULL, "%s %.*s", r->method,
		       (int)strcspn(path ? path : "/", "?"), path ? path : "/") == 0)
		a->line = mem_strdup(line.p);
	buf_release(&line);
	if (!a->url || !a->line)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	if (wire_send(w, &q, &a->w, sent, e))
		return err_ctx(e, NULL, "ask for %s", a->line);
	return 0;
}

static int build_run(struct session *ses, const struct toml_node *n,
		     const struct scope *s, const char *url, struct request *r,
		     struct answer *a, bool *sent, struct err *e)
{
	*sent = false;
	if (request_build(n, s, ses->wire, r, e)) {
		a->wait_ms = r->wait_ms;
		return -1;
	}
	if (url) {
		buf_reset(&r->url);
		if (buf_puts(&r->url, url, e))
			return -1;
	} else if (toml_get(n, "items") &&
		   page_first(toml_get(n, "paging"), &r->url, e)) {
		return -1;
	}
	return request_exchange(ses->wire, r, a, sent, e);
}

int request_run(struct session *ses, const struct toml_node *n,
		const struct scope *s, const char *url, struct answer *a,
		bool *sent, struct err *e)
{
	const struct toml_node *pick = toml_get(n, "pick");
	struct request r;
	int rc = -1;

	memset(a, 0, sizeof(*a));
	if (build_run(ses, n, s, url, &r, a, sent, e))
		goto out;
	/* nothing was done for a token that ended before its time */
	if (a->w.status == 401 && auth_stale(&r)) {
		request_free(&r);
		answer_free(a);
		if (build_run(ses, n, s, url, &r, a, sent, e))
			goto out;
	}
	if (answer_read(s->def, toml_str(n, "answers"), a, e) ||
	    (pick && pick_item(pick, s, a, e)))
		goto out;
	rc = 0;
out:
	request_free(&r);
	return rc;
}

void answer_tell(const struct def *d, const struct answer *a, char *out, size_t cap)
{
	const struct toml_node *list = toml_get(toml_get(d->root, "service"), "message");
	struct buf why = BUF_INIT(BUF_TEXT_MAX);
	char text[121] = "";
	size_t len;

	for (const struct toml_node *m = list ? def_each(list) : NULL; m && a->doc;
	     m = list->kind == TOML_ARRAY ? m->next : NULL) {
		if (!doc_text(doc_at(a->doc, m->str, strlen(m->str)), &why) || !why.len)
			continue;
		len = why.len;
		(void)secret_redact(why.p, &len);
		(void)snprintf(text, sizeof(text), "%.*s", (int)len, why.p);
		break;
	}
	buf_release(&why);
	(void)snprintf(out, cap, "%s answered %ld to %.160s%s%s%s%s", d->name,
		       a->w.status, a->line ? a->line : "", *text ? " (" : "", text,
		       *text ? ")" : "", a->readable ? "" : ", with a body that "
		       "cannot be read");
	len = strlen(out);
	(void)secret_redact(out, &len);
	if (len < cap)
		out[len] = '\0';
}
