/*
 * net: requests and logins over libcurl.
 *
 * All of libcurl's memory comes from mem_alloc(), so that copies of
 * credentials are wiped when it frees them.
 */
#include "providers/net/net.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"

#define CONNECT_MS 10000L
#define LINES_MAX 16384u /* of an IMAP greeting and login */

struct net {
	CURL *easy;
	char error[CURL_ERROR_SIZE];
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static CURLcode started;

static void start(void)
{
	started = curl_global_init_mem(CURL_GLOBAL_DEFAULT, mem_alloc, mem_free,
				       mem_realloc, mem_strdup, mem_array);
}

int net_library(struct err *e)
{
	pthread_once(&once, start);
	if (started)
		return err_fail(e, ERR_UNSUPPORTED, NULL, "libcurl: %s",
				curl_easy_strerror(started));
	return 0;
}

int net_open(struct net **out, struct err *e)
{
	struct net *n;

	if (net_library(e))
		return -1;
	n = mem_zalloc(sizeof(*n));
	if (n)
		n->easy = curl_easy_init();
	if (!n || !n->easy) {
		mem_free(n);
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	}
	*out = n;
	return 0;
}

void net_close(struct net **n)
{
	if (*n) {
		curl_easy_cleanup((*n)->easy);
		mem_free(*n);
	}
	*n = NULL;
}

bool net_local(const char *url)
{
	const char *host = strstr(url, "://");
	size_t len;

	host = host ? host + 3 : url;
	len = strcspn(host, "/");
	for (size_t i = 0; i < len; i++)
		if (host[i] == '@')
			return false;
	if (len >= 5 && strncmp(host, "[::1]", 5) == 0)
		return len == 5 || host[5] == ':';
	len = strcspn(host, ":/");
	return (len == 9 && strncasecmp(host, "localhost", 9) == 0) ||
	       (len > 4 && strncmp(host, "127.", 4) == 0 &&
		strspn(host, "0123456789.") == len);
}

/* ---- secrets on their way into libcurl ------------------------------------ */

static int base64(const unsigned char *p, size_t n, struct buf *out,
		  struct err *e)
{
	static const char digit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "abcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < n; i += 3) {
		unsigned v = (unsigned)p[i] << 16 |
			     (i + 1 < n ? (unsigned)p[i + 1] << 8 : 0) |
			     (i + 2 < n ? p[i + 2] : 0u);
		char q[4] = { digit[v >> 18], digit[v >> 12 & 63],
			      i + 1 < n ? digit[v >> 6 & 63] : '=',
			      i + 2 < n ? digit[v & 63] : '=' };

		if (buf_add(out, q, sizeof(q), e))
			return -1;
	}
	return 0;
}

struct lend {
	struct buf text;
	bool encode;
	struct err *e;
};

static int lend_secret(const unsigned char *p, size_t n, void *arg)
{
	struct lend *l = arg;

	return l->encode ? base64(p, n, &l->text, l->e) :
			   buf_add(&l->text, p, n, l->e);
}

static int headers(const struct net_post *p, struct curl_slist **list,
		   struct err *e)
{
	struct lend l = { .text = BUF_INIT(2 * SECRET_MAX), .encode = true, .e = e };
	struct buf type = BUF_INIT(BUF_TEXT_MAX);
	struct curl_slist *more;
	int rc = -1;

	if (p->secret != NULL &&
	    (buf_printf(&l.text, e, "Authorization: %s ", p->scheme) ||
	     secret_reveal(p->secret, lend_secret, &l)))
		goto out;
	if (buf_printf(&type, e, "Content-Type: %s", p->type))
		goto out;
	/* without a value libcurl leaves the line out */
	more = curl_slist_append(*list, p->secret != NULL ? l.text.p :
							    "Authorization:");
	if (more)
		*list = more;
	if (more && (more = curl_slist_append(*list, type.p)) != NULL)
		*list = more;
	if (more && (more = curl_slist_append(*list, "Expect:")) != NULL)
		*list = more;
	rc = more ? 0 : err_fail(e, ERR_NOMEM, NULL, "out of memory");
out:
	buf_release(&l.text);
	buf_release(&type);
	return rc;
}

/* ---- one transfer ----------------------------------------------------------- */

static size_t take(char *p, size_t size, size_t n, void *arg)
{
	struct buf *b = arg;

	return buf_add(b, p, size * n, NULL) ? 0 : size * n;
}

static size_t ignore(char *p, size_t size, size_t n, void *arg)
{
	(void)p;
	(void)arg;
	return size * n;
}

static void common(struct net *n, const char *url, const char *cafile,
		   long timeout_ms)
{
	CURL *c = n->easy;

	curl_easy_reset(c); /* keeps the connections */
	n->error[0] = '\0';
	curl_easy_setopt(c, CURLOPT_URL, url);
	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, n->error);
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_PROXY, "");
	curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS,
			 timeout_ms < CONNECT_MS ? timeout_ms : CONNECT_MS);
	curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, timeout_ms);
	if (cafile)
		curl_easy_setopt(c, CURLOPT_CAINFO, cafile);
}

static bool never_sent(CURLcode rc)
{
	return rc == CURLE_COULDNT_CONNECT || rc == CURLE_COULDNT_RESOLVE_HOST ||
	       rc == CURLE_SSL_CONNECT_ERROR ||
	       rc == CURLE_PEER_FAILED_VERIFICATION ||
	       rc == CURLE_SSL_CACERT_BADFILE || rc == CURLE_URL_MALFORMAT ||
	       rc == CURLE_UNSUPPORTED_PROTOCOL;
}

static void told(const struct net *n, CURLcode rc, char why[NET_WHY])
{
	(void)snprintf(why, NET_WHY, "%.*s", NET_WHY - 1,
		       n->error[0] ? n->error : curl_easy_strerror(rc));
}

int net_post(struct net *n, const struct net_post *p, struct net_answer *a,
	     struct err *e)
{
	struct curl_slist *list = NULL;
	CURLcode rc;

	a->status = 0;
	a->why[0] = '\0';
	buf_reset(a->body);
	if (headers(p, &list, e)) {
		curl_slist_free_all(list);
		return -1;
	}
	common(n, p->url, p->cafile, p->timeout_ms);
	curl_easy_setopt(n->easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(n->easy, CURLOPT_HTTPHEADER, list);
	curl_easy_setopt(n->easy, CURLOPT_WRITEFUNCTION, take);
	curl_easy_setopt(n->easy, CURLOPT_WRITEDATA, a->body);
	if (p->body) {
		curl_easy_setopt(n->easy, CURLOPT_POSTFIELDSIZE_LARGE,
				 (curl_off_t)p->body_len);
		curl_easy_setopt(n->easy, CURLOPT_POSTFIELDS, p->body);
	}
	rc = curl_easy_perform(n->easy);
	if (rc == CURLE_OK) {
		a->fate = NET_ANSWERED;
		curl_easy_getinfo(n->easy, CURLINFO_RESPONSE_CODE, &a->status);
	} else {
		a->fate = never_sent(rc) ? NET_NOT_SENT : NET_LOST;
		told(n, rc, a->why);
	}
	curl_easy_reset(n->easy); /* lets go of the headers */
	curl_slist_free_all(list);
	return 0;
}

/* ---- IMAP -------------------------------------------------------------------- */

/* A tagged NO with that code, after a greeting: the one word that counts. */
static bool says_refused(const struct buf *lines)
{
	const char *line = lines->p, *end;
	bool greeted = false, refused = false;

	for (; line && *line; line = end ? end + 1 : NULL) {
		char tag[32], code[64];

		end = strchr(line, '\n');
		if (strncasecmp(line, "* OK", 4) == 0)
			greeted = true;
		if (sscanf(line, "%31s NO [%63[A-Z]]", tag, code) == 2 &&
		    strcmp(tag, "*") != 0 && strcmp(tag, "+") != 0)
			refused = greeted &&
				  strcmp(code, "AUTHENTICATIONFAILED") == 0;
	}
	return refused;
}

/* The last line, which is the server's reason when it gave one. */
static void last_line(const struct buf *lines, char why[NET_WHY])
{
	size_t end = lines->len, from;

	while (end && (lines->p[end - 1] == '\n' || lines->p[end - 1] == '\r'))
		end--;
	for (from = end; from && lines->p[from - 1] != '\n';)
		from--;
	if (end > from)
		(void)snprintf(why, NET_WHY, "the server said: %.*s",
			       (int)(end - from > 150 ? 150 : end - from),
			       lines->p + from);
}

int net_imap_login(struct net *n, const char *url, const char *user,
		   const struct secret *password, const char *cafile,
		   long timeout_ms, enum net_login *login, char why[NET_WHY],
		   struct err *e)
{
	struct lend l = { .text = BUF_INIT(SECRET_MAX + 1), .e = e };
	struct buf lines = BUF_INIT(LINES_MAX);
	CURLcode rc;
	int result = -1;

	*login = NET_LOGIN_UNSURE;
	why[0] = '\0';
	if (secret_reveal(password, lend_secret, &l))
		goto out;
	result = 0;
	if (!l.text.p || strlen(l.text.p) != l.text.len) {
		(void)snprintf(why, NET_WHY, "a password with a NUL cannot be sent");
		goto out;
	}
	common(n, url, cafile, timeout_ms);
	curl_easy_setopt(n->easy, CURLOPT_PROTOCOLS_STR, "imap,imaps");
	curl_easy_setopt(n->easy, CURLOPT_USE_SSL,
			 net_local(url) ? (long)CURLUSESSL_TRY : (long)CURLUSESSL_ALL);
	curl_easy_setopt(n->easy, CURLOPT_FRESH_CONNECT, 1L);
	curl_easy_setopt(n->easy, CURLOPT_FORBID_REUSE, 1L);
	curl_easy_setopt(n->easy, CURLOPT_USERNAME, user);
	curl_easy_setopt(n->easy, CURLOPT_PASSWORD, l.text.p);
	curl_easy_setopt(n->easy, CURLOPT_CUSTOMREQUEST, "NOOP");
	curl_easy_setopt(n->easy, CURLOPT_HEADERFUNCTION, take);
	curl_easy_setopt(n->easy, CURLOPT_HEADERDATA, &lines);
	curl_easy_setopt(n->easy, CURLOPT_WRITEFUNCTION, ignore);
	rc = curl_easy_perform(n->easy);
	if (rc == CURLE_OK)
		*login = NET_LOGIN_IN;
	else if (rc == CURLE_LOGIN_DENIED && says_refused(&lines))
		*login = NET_LOGIN_REFUSED;
	told(n, rc, why);
	if (rc == CURLE_LOGIN_DENIED)
		last_line(&lines, why);
out:
	curl_easy_reset(n->easy);
	buf_release(&lines);
	buf_release(&l.text);
	return result;
}
