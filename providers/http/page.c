/*
 * page: from one page of a listing to the next.  Promises an end: a page that
 * was asked for already, or one too many, is an error, never a loop; and never
 * a step to another host.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/text.h"
#include "providers/http/request.h"

#define PARTS_MAX 128

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int encode(struct buf *out, const char *v, struct err *e)
{
	for (; *v; v++) {
		const unsigned char c = (unsigned char)*v;
		bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			     (c >= '0' && c <= '9') || strchr("-._~", c) != NULL;

		if (plain ? buf_add(out, v, 1, e) : buf_printf(out, e, "%%%02X", c))
			return -1;
	}
	return 0;
}

/* url with name=value in its query, in the place of an older one, sorted. */
static int with_param(const char *url, const char *name, const char *value,
		      struct buf *out, struct err *e)
{
	const size_t head = strcspn(url, "?"), skip = strlen(name);
	const char *q = url[head] ? url + head + 1 : "";
	struct buf mine = BUF_INIT(BUF_TEXT_MAX);
	char *v[PARTS_MAX];
	size_t n = 0;
	int rc = -1;

	if (buf_add(out, url, head, e) || buf_printf(&mine, e, "%s=", name) ||
	    encode(&mine, value, e))
		goto out;
	v[n++] = mem_strdup(mine.p);
	while (*q && n < PARTS_MAX) {
		size_t len = strcspn(q, "&");

		if (!(len > skip && !strncmp(q, name, skip) && q[skip] == '='))
			v[n++] = mem_strndup(q, len);
		q += len + (q[len] == '&');
	}
	for (size_t i = 0; i < n; i++)
		if (!v[i]) {
			(void)err_fail(e, ERR_NOMEM, NULL, "out of memory");
			goto out;
		}
	qsort(v, n, sizeof(*v), by_text);
	for (size_t i = 0; i < n; i++)
		if (buf_printf(out, e, "%c%s", i ? '&' : '?', v[i]))
			goto out;
	rc = 0;
out:
	for (size_t i = 0; i < n; i++)
		mem_free(v[i]);
	buf_release(&mine);
	return rc;
}

static bool is(const struct toml_node *spec, const char *kind)
{
	return spec && !strcmp(toml_str(spec, "kind"), kind);
}

int page_first(const struct toml_node *spec, struct buf *url, struct err *e)
{
	const char *param = spec ? toml_str(spec, "size_param") : NULL;
	struct buf size = BUF_INIT(32), out = BUF_INIT(BUF_TEXT_MAX);
	int rc = -1;

	if (!param)
		return 0;
	if (!buf_printf(&size, e, "%lld", (long long)def_int(spec, "size", 100)) &&
	    !with_param(url->p, param, size.p, &out, e)) {
		buf_release(url);
		*url = out;
		rc = 0;
	} else {
		buf_release(&out);
	}
	buf_release(&size);
	return rc;
}

/* <https://x/y?page=2>; rel="next", <…>; rel="last" */
static bool link_next(const struct answer *a, struct buf *out)
{
	struct buf h = BUF_INIT(BUF_TEXT_MAX);
	const char *p;
	bool found = false;
	struct wire_answer rest = a->w;

	/* Okta writes one Link header for each; every one is looked at */
	while (!found && rest.headers.p && *rest.headers.p) {
		char *line = rest.headers.p;
		size_t len = strcspn(line, "\n");

		rest.headers.p = line + len + (line[len] == '\n');
		if (len < 5 || strncasecmp(line, "link:", 5) != 0)
			continue;
		buf_reset(&h);
		if (buf_add(&h, line + 5, len - 5, NULL))
			break;
		for (p = h.p; p && (p = strchr(p, '<')) && !found;) {
			const char *end = strchr(p, '>');
			const char *comma = end ? strstr(end, ",") : NULL;
			const char *rel = end ? strstr(end, "rel=") : NULL;

			if (!end)
				break;
			found = rel && (!comma || rel < comma) &&
				(!strncmp(rel + 4, "\"next\"", 6) ||
				 !strncmp(rel + 4, "next", 4)) &&
				buf_add(out, p + 1, (size_t)(end - p - 1), NULL) == 0;
			p = end;
		}
	}
	buf_release(&h);
	return found;
}

static bool value_at(const struct json *doc, const char *ptr, struct buf *out)
{
	return ptr && doc && doc_text(doc_at(doc, ptr, strlen(ptr)), out) && out->len;
}

/* cursor, page, last: the value that the parameter takes; 1, 0 the end, -1. */
static int next_value(struct pages *p, const struct answer *a,
		      const struct json *items, struct buf *out, struct err *e)
{
	const struct toml_node *spec = p->spec;
	const char *at = toml_str(spec, "at"), *more = toml_str(spec, "more");
	const char *total = toml_str(spec, "total_pages");
	const int64_t size = def_int(spec, "size", 100);
	const int64_t page = def_int(spec, "first", 1) + (int64_t)p->n;
	size_t count = items ? json_count(items) : 0;
	struct buf b = BUF_INIT(BUF_TEXT_MAX);
	const struct json *last = NULL;
	int64_t all;
	int rc = 0;

	if (more && (!value_at(a->doc, more, &b) || strcmp(b.p, "true") != 0)) {
		buf_release(&b);
		return 0;
	}
	buf_reset(&b);
	if (is(spec, "cursor")) {
		rc = value_at(a->doc, at, out);
	} else if (is(spec, "last")) {
		for (const struct json *i = items ? json_first(items) : NULL; i; i = json_next(i))
			last = i;
		rc = (more || (int64_t)count >= size) && value_at(last, at, out);
	} else if (count > 0) {
		if (total)
			rc = value_at(a->doc, total, &b) && text_int(b.p, 0, INT32_MAX, &all) &&
			     page - def_int(spec, "first", 1) < all;
		else
			rc = (int64_t)count >= size;
		if (rc)
			rc = buf_printf(out, e, "%lld", (long long)page) ? -1 : 1;
	}
	buf_release(&b);
	return rc;
}

static uint64_t hash(const char *s)
{
	uint64_t h = 14695981039346656037u;

	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * 1099511628211u;
	return h;
}

static int remember(struct pages *p, const char *url, struct err *e)
{
	const uint64_t h = hash(url);
	int64_t max = def_int(p->spec, "max_pages", 1000);

	if (max > PAGES_MAX)
		max = PAGES_MAX;
	for (size_t i = 0; i < p->n; i++)
		if (p->seen[i] == h)
			return err_fail(e, ERR_PROVIDER, NULL, "the service's pages go "
					"in a circle; the listing is not whole");
	if ((int64_t)p->n >= max)
		return err_fail(e, ERR_TOOBIG, NULL, "more than %lld pages; the listing "
				"is not whole", (long long)max);
	p->seen[p->n++] = h;
	return 0;
}

int page_next(struct pages *p, const struct answer *a, const struct json *items,
	      struct err *e)
{
	struct buf next = BUF_INIT(BUF_TEXT_MAX), url = BUF_INIT(BUF_TEXT_MAX);
	const char *param = p->spec ? toml_str(p->spec, "param") : NULL;
	const uint64_t body = hash(a->w.body.p ? a->w.body.p : "");
	int rc = 0;

	if (!p->spec)
		return 0;
	/* a service that does not know the parameter answers with the first page */
	if (p->n > 0 && body == p->body && items && json_count(items) > 0)
		return err_fail(e, ERR_PROVIDER, NULL, "the service gives the same page "
				"again; the listing is not whole");
	p->body = body;
	if (p->n == 0 && remember(p, a->url, e))
		return -1;
	if (is(p->spec, "link"))
		rc = link_next(a, &next);
	else if (is(p->spec, "next"))
		rc = value_at(a->doc, toml_str(p->spec, "at"), &next);
	else
		rc = next_value(p, a, items, &next, e);
	if (rc <= 0)
		goto out;
	if (is(p->spec, "link") || is(p->spec, "next"))
		rc = wire_next(a->url, next.p, &url, e);
	else
		rc = with_param(a->url, param ? param : "page", next.p, &url, e);
	if (rc || remember(p, url.p, e)) {
		rc = -1;
		goto out;
	}
	mem_free(p->url);
	p->url = mem_strdup(url.p);
	rc = p->url ? 1 : err_fail(e, ERR_NOMEM, NULL, "out of memory");
out:
	buf_release(&next);
	buf_release(&url);
	return rc;
}
