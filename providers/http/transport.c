/*
 * transport: see transport.h.  The only file that includes curl's header.
 */
#include "providers/http/transport.h"

#include <curl/curl.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/host.h"
#include "base/mem.h"

struct wire {
	CURL *h;
	const struct kit_connection *c;
	long total_ms;
	unsigned asked; /* requests of which anything left */
	char why[CURL_ERROR_SIZE];
};

static void *zalloc(size_t n, size_t size)
{
	return mem_array(n ? n : 1, size ? size : 1);
}

int wire_boot(struct err *e)
{
	if (curl_global_init_mem(CURL_GLOBAL_ALL, mem_alloc, mem_free, mem_realloc,
				 mem_strdup, zalloc) != CURLE_OK)
		return err_fail(e, ERR_NOMEM, NULL, "libcurl does not start");
	return 0;
}

/* The option `timeout`: how long a request may take in all. */
static int total_ms(const struct kit_connection *c, long *ms, struct err *e)
{
	const char *text = kit_option(c, "timeout", NULL);
	int64_t span;

	*ms = WIRE_TOTAL_MS;
	if (!text)
		return 0;
	if (!clock_parse_span(text, &span) || span < WIRE_SHORT_MS || span > WIRE_TOTAL_MS)
		return err_fail(e, ERR_CONFIG, "timeout", "takes a time from %d ms to %d s",
				WIRE_SHORT_MS, WIRE_TOTAL_MS / 1000);
	*ms = (long)span;
	return 0;
}

/* A file that cannot be read is told now: curl passes over it in silence where
 * no TLS is spoken. */
static int files_ok(const struct kit_connection *c, struct err *e)
{
	static const char *const names[] = { "ca_file", "client_cert", "client_key" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *path = kit_option(c, names[i], NULL);
		int fd = path ? open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1;

		if (path && fd < 0)
			return err_fail(e, ERR_CONFIG, names[i],
					"the file %.200s cannot be read", path);
		if (fd >= 0)
			(void)close(fd);
	}
	return 0;
}

struct wire *wire_open(const struct kit_connection *c, struct err *e)
{
	struct wire *w;
	long total;

	if (total_ms(c, &total, e) || files_ok(c, e))
		return NULL;
	w = mem_zalloc(sizeof(*w));
	if (w) {
		w->c = c;
		w->total_ms = total;
		w->h = curl_easy_init();
	}
	if (!w || !w->h) {
		mem_free(w);
		(void)err_fail(e, ERR_NOMEM, NULL, "out of memory");
		return NULL;
	}
	return w;
}

unsigned wire_asked(const struct wire *w)
{
	return w->asked;
}

void wire_close(struct wire **w)
{
	if (!*w)
		return;
	curl_easy_cleanup((*w)->h);
	mem_free(*w);
	*w = NULL;
}

void wire_answer_free(struct wire_answer *a)
{
	buf_release(&a->body);
	buf_release(&a->headers);
}

/* ---- taking the answer ------------------------------------------------------- */

static size_t take_body(char *p, size_t size, size_t n, void *arg)
{
	struct wire_answer *a = arg;

	/* a short return makes curl end with CURLE_WRITE_ERROR */
	return buf_add(&a->body, p, size * n, NULL) ? 0 : size * n;
}

static size_t take_header(char *p, size_t size, size_t n, void *arg)
{
	struct wire_answer *a = arg;
	size_t len = size * n, m = len;

	if (len > 5 && !strncmp(p, "HTTP/", 5))
		buf_reset(&a->headers); /* after a 100 or a proxy's answer */
	while (m > 0 && (p[m - 1] == '\n' || p[m - 1] == '\r'))
		m--;
	if (m == 0)
		return len;
	if (buf_add(&a->headers, p, m, NULL) || buf_add(&a->headers, "\n", 1, NULL))
		return 0;
	return len;
}

bool wire_header(const struct wire_answer *a, const char *name, struct buf *out)
{
	const size_t n = strlen(name);
	const char *p = a->headers.p;

	while (p && *p) {
		const char *end = strchr(p, '\n');
		size_t len = end ? (size_t)(end - p) : strlen(p);

		if (len > n && p[n] == ':' && !strncasecmp(p, name, n)) {
			const char *v = p + n + 1;

			while (v < p + len && (*v == ' ' || *v == '\t'))
				v++;
			return buf_add(out, v, (size_t)(p + len - v), NULL) == 0;
		}
		p = end ? end + 1 : NULL;
	}
	return false;
}

/* ---- where to ------------------------------------------------------------------ */

/* https anywhere, http only to this machine, never a user name in it. */
static int place_ok(const char *url, struct err *e)
{
	CURLU *u = curl_url();
	char *scheme = NULL, *host = NULL, *user = NULL;
	int rc = -1;

	if (!u || curl_url_set(u, CURLUPART_URL, url, 0) != CURLUE_OK ||
	    curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
	    curl_url_get(u, CURLUPART_HOST, &host, 0) != CURLUE_OK)
		(void)err_fail(e, ERR_CONFIG, NULL, "not a usable address");
	else if (curl_url_get(u, CURLUPART_USER, &user, 0) == CURLUE_OK)
		(void)err_fail(e, ERR_CONFIG, NULL, "an address with a user name in it");
	else if (strcmp(scheme, "https") != 0 &&
		 !(strcmp(scheme, "http") == 0 && host_loopback(host)))
		(void)err_fail(e, ERR_POLICY, host, "only https is spoken to other "
			       "machines, the address says %s", scheme);
	else
		rc = 0;
	curl_free(scheme);
	curl_free(host);
	curl_free(user);
	curl_url_cleanup(u);
	return rc;
}

static char *origin(CURLU *u)
{
	char *scheme = NULL, *host = NULL, *port = NULL, *out = NULL;
	struct buf b = BUF_INIT(BUF_TEXT_MAX);

	if (curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
	    curl_url_get(u, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
	    curl_url_get(u, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK &&
	    buf_printf(&b, NULL, "%s://%s:%s", scheme, host, port) == 0)
		out = mem_strdup(b.p);
	curl_free(scheme);
	curl_free(host);
	curl_free(port);
	buf_release(&b);
	return out;
}

int wire_next(const char *url, const char *next, struct buf *out, struct err *e)
{
	CURLU *u = curl_url();
	char *was = NULL, *is = NULL, *whole = NULL;
	int rc = -1;

	if (!u || curl_url_set(u, CURLUPART_URL, url, 0) != CURLUE_OK ||
	    !(was = origin(u)) ||
	    curl_url_set(u, CURLUPART_URL, next, 0) != CURLUE_OK ||
	    !(is = origin(u)) ||
	    curl_url_get(u, CURLUPART_URL, &whole, 0) != CURLUE_OK)
		(void)err_fail(e, ERR_PROVIDER, NULL,
			       "the address of the next page cannot be read");
	else if (strcasecmp(was, is) != 0)
		(void)err_fail(e, ERR_POLICY, NULL, "the next page is said to lie at "
			       "another place, %.100s; not asked", is);
	else
		rc = buf_puts(out, whole, e);
	curl_free(whole);
	mem_free(was);
	mem_free(is);
	curl_url_cleanup(u);
	return rc;
}

/* "only": whoever holds a secret that belongs to one host names it, and nothing
 * of a definition can lead elsewhere. */
static int only_there(const struct kit_connection *c, const char *url, struct err *e)
{
	const char *only = kit_option(c, "only", NULL);
	CURLU *u = only ? curl_url() : NULL;
	char *here = NULL, *there = NULL;
	int rc = -1;

	if (!only)
		return 0;
	if (!u || curl_url_set(u, CURLUPART_URL, only, 0) != CURLUE_OK ||
	    !(here = origin(u)) ||
	    curl_url_set(u, CURLUPART_URL, url, 0) != CURLUE_OK ||
	    !(there = origin(u)))
		(void)err_fail(e, ERR_CONFIG, "only", "not a usable address");
	else if (strcasecmp(here, there) != 0)
		(void)err_fail(e, ERR_POLICY, NULL, "the definition leads to %.100s, "
			       "and only %.100s may be asked", there, here);
	else
		rc = 0;
	mem_free(here);
	mem_free(there);
	curl_url_cleanup(u);
	return rc;
}

/* ---- asking -------------------------------------------------------------------- */

static bool add_header(struct curl_slist **l, const char *line)
{
	struct curl_slist *n = curl_slist_append(*l, line);

	if (n)
		*l = n;
	return n != NULL;
}

static struct curl_slist *headers_of(const struct wire_ask *q, bool *ok)
{
	struct curl_slist *l = NULL;
	const char *p = q->headers;

	/* no empty "Expect:" here: 7.88 would sign it and then not send it */
	*ok = true;
	while (*ok && p && *p) {
		size_t n = strcspn(p, "\n");
		char *line = mem_strndup(p, n);

		*ok = line && add_header(&l, line);
		mem_free(line);
		p += n + (p[n] == '\n');
	}
	return l;
}

static void set_connection(struct wire *w, const char *url)
{
	CURL *h = w->h;
	/* plain http is for this machine: a proxy would read the credential */
	const bool tls = !strncasecmp(url, "https:", 6);
	const char *proxy = tls ? kit_option(w->c, "proxy", "") : "";
	const char *ca = kit_option(w->c, "ca_file", NULL);
	const char *cert = kit_option(w->c, "client_cert", NULL);
	const char *key = kit_option(w->c, "client_key", NULL);

	/* the environment's proxies are not asked: "" means none */
	(void)curl_easy_setopt(h, CURLOPT_PROXY, proxy);
	if (ca)
		(void)curl_easy_setopt(h, CURLOPT_CAINFO, ca);
	if (cert)
		(void)curl_easy_setopt(h, CURLOPT_SSLCERT, cert);
	if (key)
		(void)curl_easy_setopt(h, CURLOPT_SSLKEY, key);
}

static void set_request(struct wire *w, const struct wire_ask *q)
{
	CURL *h = w->h;

	(void)curl_easy_setopt(h, CURLOPT_URL, q->url);
	if (q->body) {
		(void)curl_easy_setopt(h, CURLOPT_POSTFIELDSIZE_LARGE,
				       (curl_off_t)q->body_len);
		(void)curl_easy_setopt(h, CURLOPT_POSTFIELDS, q->body);
	} else if (!strcmp(q->method, "HEAD")) {
		(void)curl_easy_setopt(h, CURLOPT_NOBODY, 1L);
	}
	(void)curl_easy_setopt(h, CURLOPT_CUSTOMREQUEST, q->method);
	/* On a kept connection that turns out to be gone curl asks again by
	 * itself, which would make a second credential. */
	(void)curl_easy_setopt(h, CURLOPT_FRESH_CONNECT, q->once ? 1L : 0L);
	if (q->auth == WIRE_PLAIN)
		return;
	(void)curl_easy_setopt(h, CURLOPT_USERNAME, q->user);
	(void)curl_easy_setopt(h, CURLOPT_PASSWORD, q->password);
	if (q->auth == WIRE_SIGV4)
		(void)curl_easy_setopt(h, CURLOPT_AWS_SIGV4, q->sigv4);
	else
		(void)curl_easy_setopt(h, CURLOPT_HTTPAUTH, q->auth == WIRE_DIGEST ?
				       (long)CURLAUTH_DIGEST : (long)CURLAUTH_BASIC);
}

static void set_common(struct wire *w, struct wire_answer *a)
{
	CURL *h = w->h;

	curl_easy_reset(h); /* keeps the connection */
	(void)curl_easy_setopt(h, CURLOPT_ERRORBUFFER, w->why);
	(void)curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
	(void)curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, "http,https");
	(void)curl_easy_setopt(h, CURLOPT_FOLLOWLOCATION, 0L);
	(void)curl_easy_setopt(h, CURLOPT_SSL_VERIFYPEER, 1L);
	(void)curl_easy_setopt(h, CURLOPT_SSL_VERIFYHOST, 2L);
	(void)curl_easy_setopt(h, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	(void)curl_easy_setopt(h, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
	(void)curl_easy_setopt(h, CURLOPT_TCP_KEEPALIVE, 1L);
	(void)curl_easy_setopt(h, CURLOPT_CONNECTTIMEOUT_MS, (long)WIRE_CONNECT_MS);
	(void)curl_easy_setopt(h, CURLOPT_TIMEOUT_MS, w->total_ms);
	(void)curl_easy_setopt(h, CURLOPT_USERAGENT, "curfew/" CURFEW_VERSION);
	(void)curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, take_body);
	(void)curl_easy_setopt(h, CURLOPT_WRITEDATA, a);
	(void)curl_easy_setopt(h, CURLOPT_HEADERFUNCTION, take_header);
	(void)curl_easy_setopt(h, CURLOPT_HEADERDATA, a);
}

static int tell(struct wire *w, CURLcode code, const struct wire_answer *a,
		bool *sent, struct err *e)
{
	const char *why = w->why[0] ? w->why : curl_easy_strerror(code);
	long n = 0;

	(void)curl_easy_getinfo(w->h, CURLINFO_REQUEST_SIZE, &n);
	*sent = n > 0;
	w->asked += *sent;
	switch (code) {
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_CERTPROBLEM:
		(void)err_fail(e, ERR_PROVIDER, NULL, "TLS: %.200s", why);
		err_hint(e, "a private authority is named by --set ca_file=/path");
		return -1;
	case CURLE_OPERATION_TIMEDOUT:
		return err_fail(e, ERR_TIMEOUT, NULL, "%.200s", why);
	case CURLE_WRITE_ERROR:
		if (a->body.len > 0)
			return err_fail(e, ERR_TOOBIG, NULL, "the answer is longer "
					"than %u bytes", WIRE_BODY_MAX);
		return err_fail(e, ERR_TOOBIG, NULL, "the answer's headers are too long");
	default:
		return err_fail(e, ERR_IO, NULL, "%.200s", why);
	}
}

int wire_send(struct wire *w, const struct wire_ask *q, struct wire_answer *a,
	      bool *sent, struct err *e)
{
	struct curl_slist *headers = NULL;
	bool ok = false;
	CURLcode code;
	int rc = -1;

	*sent = false;
	*a = (struct wire_answer){ .body = BUF_INIT(WIRE_BODY_MAX),
				   .headers = BUF_INIT(WIRE_HEAD_MAX) };
	if (place_ok(q->url, e) || only_there(w->c, q->url, e))
		return -1;
	headers = headers_of(q, &ok);
	if (!ok) {
		(void)err_fail(e, ERR_NOMEM, NULL, "out of memory");
		goto out;
	}
	w->why[0] = '\0';
	set_common(w, a);
	set_connection(w, q->url);
	set_request(w, q);
	(void)curl_easy_setopt(w->h, CURLOPT_HTTPHEADER, headers);
	code = curl_easy_perform(w->h);
	if (code != CURLE_OK) {
		(void)tell(w, code, a, sent, e);
		goto out;
	}
	*sent = true;
	w->asked++;
	(void)curl_easy_getinfo(w->h, CURLINFO_RESPONSE_CODE, &a->status);
	rc = 0;
out:
	/* nothing of this request stays in the handle, secrets least of all */
	curl_easy_reset(w->h);
	curl_slist_free_all(headers);
	return rc;
}
