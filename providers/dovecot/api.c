/*
 * api: the doveadm HTTP API, and what its answers mean.
 *
 * HTTP is always 200; what happened stands in each element.  Seen with
 * 2.3.19: a command that the server does not know, and `who` without
 * separateConnections, give broken JSON, so neither is ever sent; `who`,
 * `kick` and `authCacheFlush` never share a request with a command that works
 * in a mailbox (the server drops its rights for that one and dies at the next).
 */
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "providers/dovecot/dovecot.h"

/* No two commands under way share a tag. */
static atomic_uint tags;

void dove_cmd(struct json *batch, const char *cmd, struct json *params)
{
	struct json *one = json_array();
	char tag[24];

	(void)snprintf(tag, sizeof(tag), "%u", atomic_fetch_add(&tags, 1));
	if (!one || !params || !json_push_str(one, cmd)) {
		json_free(&params);
		json_free(&one);
		return;
	}
	if (!json_push(one, params) || !json_push_str(one, tag))
		json_free(&one);
	else
		(void)json_push(batch, one);
}

struct json *dove_user(const char *user, const char *key, const char *value)
{
	struct json *j = json_object();

	if (!json_set_str(j, "user", user) ||
	    (key && !json_set_str(j, key, value)))
		json_free(&j);
	return j;
}

struct json *dove_mask(const char *key, const char *value)
{
	struct json *j = json_object(), *list = json_array();

	if (!list || !json_push_str(list, value)) {
		json_free(&list);
		json_free(&j);
		return NULL;
	}
	if (!json_set(j, key, list))
		json_free(&j);
	return j;
}

bool dove_account(const struct kit_request *q, struct kit_reply *r)
{
	const char *a = q->account;

	if (!*a)
		kit_say(r, KIT_REFUSED, "the request names no mailbox");
	else if (!text_utf8(a, strlen(a)) || strpbrk(a, "*?:"))
		kit_say(r, KIT_REFUSED, "a name with '*', '?' or ':' cannot be told "
			"from a pattern by doveadm");
	else {
		for (; *a; a++)
			if ((unsigned char)*a <= ' ' || *a == 0x7f)
				break;
		if (!*a && *q->account != '#')
			return true;
		kit_say(r, KIT_REFUSED, "a name with blanks, control characters or "
			"'#' in front is no mailbox user");
	}
	return false;
}

/* ---- sending ---------------------------------------------------------------- */

static bool judge(const struct net_answer *a, bool writes, struct kit_reply *r)
{
	switch (a->fate) {
	case NET_NOT_SENT:
		kit_say(r, KIT_RETRY, "the doveadm API does not answer: %s", a->why);
		return false;
	case NET_LOST:
		kit_say(r, writes ? KIT_UNKNOWN : KIT_RETRY,
			"the doveadm API broke off: %s", a->why);
		return false;
	case NET_ANSWERED:
		break;
	}
	if (a->status == 200)
		return true;
	if (a->status == 401 || a->status == 403)
		kit_say(r, KIT_REFUSED, "the doveadm API does not take this key "
			"(HTTP %ld)", a->status);
	else if (a->status >= 500 || a->status == 429)
		kit_say(r, writes ? KIT_UNKNOWN : KIT_RETRY,
			"the doveadm API answered HTTP %ld", a->status);
	else
		kit_say(r, KIT_REFUSED, "no doveadm API there (HTTP %ld)", a->status);
	return false;
}

static int send_text(struct dove *d, const struct kit_connection *c,
		     const struct buf *text, long timeout_ms,
		     struct net_answer *a, struct err *e)
{
	struct buf url = BUF_INIT(BUF_TEXT_MAX);
	struct net_post p = { .url = NULL, .scheme = "X-Dovecot-API",
			      .secret = c->secret, .type = "application/json",
			      .body = text ? text->p : NULL,
			      .body_len = text ? text->len : 0,
			      .timeout_ms = timeout_ms };
	const char *base = kit_option(c, "url", "http://127.0.0.1:8080");
	size_t n = strlen(base);
	int rc = -1;

	p.cafile = kit_option(c, "cafile", NULL);
	while (n && base[n - 1] == '/')
		n--;
	if (buf_add(&url, base, n, e) || buf_puts(&url, "/doveadm/v1", e))
		goto out;
	p.url = url.p;
	rc = net_post(d->net, &p, a, e);
out:
	buf_release(&url);
	return rc;
}

enum dove_sent dove_send(struct dove *d, const struct kit_connection *c,
			 const struct buf *text, size_t n, bool writes,
			 long timeout_ms, struct json **answer,
			 struct kit_reply *r)
{
	struct buf body = BUF_INIT(DOVE_BODY_MAX);
	struct net_answer a = { .body = &body };
	struct err e = ERR_INIT;
	enum dove_sent how = DOVE_SAID_NO;

	*answer = NULL;
	if (send_text(d, c, text, timeout_ms, &a, &e)) {
		kit_say(r, KIT_RETRY, "%s", e.cause[0] ? e.cause : "out of memory");
		goto out;
	}
	if (!judge(&a, writes, r)) {
		if (a.fate == NET_LOST || (a.fate == NET_ANSWERED && a.status >= 500))
			how = DOVE_BROKE;
		goto out;
	}
	how = DOVE_ANSWERED;
	*answer = json_parse_max(body.p ? body.p : "", body.len, DOVE_BODY_MAX, &e);
	if (!*answer || json_type(*answer) != JSON_ARRAY || json_count(*answer) != n) {
		how = DOVE_BROKE;
		kit_say(r, writes ? KIT_UNKNOWN : KIT_RETRY, "the doveadm API's "
			"answer is not what was asked for (%zu bytes)", body.len);
		json_free(answer);
	}
out:
	buf_release(&body);
	return how;
}

const struct json *dove_rows(const struct json *answer, size_t i, int *code)
{
	const struct json *one, *word, *what;
	int64_t n = -1;

	*code = -1;
	for (one = json_first(answer); one && i; one = json_next(one))
		i--;
	word = json_first(one);
	what = word ? json_next(word) : NULL;
	if (!what || !json_text(word))
		return NULL;
	if (strcmp(json_text(word), "doveadmResponse") == 0 &&
	    json_type(what) == JSON_ARRAY) {
		*code = 0;
		return what;
	}
	if (json_int(what, "exitCode", &n) && n > 0 && n < 256)
		*code = (int)n;
	return NULL;
}

void dove_told(int code, const char *doing, struct kit_reply *r)
{
	switch (code) {
	case DOVE_EX_NOUSER:
		kit_say(r, KIT_ABSENT, "there is no such mailbox user");
		break;
	case DOVE_EX_NOTFOUND:
		kit_say(r, KIT_ABSENT, "cannot %s: not there", doing);
		break;
	case DOVE_EX_TEMPFAIL:
		kit_say(r, KIT_RETRY, "cannot %s: a passing trouble of the server "
			"(its log says which)", doing);
		break;
	default:
		kit_say(r, KIT_REFUSED, "cannot %s: doveadm ended with %d (the "
			"server's log says why)", doing, code);
	}
}

/* ---- the session -------------------------------------------------------------- */

static bool name_in(const struct json *commands, const char *name)
{
	for (const struct json *j = json_first(commands); j; j = json_next(j)) {
		const char *s = json_str(j, "command");

		if (s && strcmp(s, name) == 0)
			return true;
	}
	return false;
}

/* Which plugins the server has; also tells a wrong address or key at once. */
static int greet(struct dove *d, const struct kit_connection *c, struct err *e)
{
	struct buf body = BUF_INIT(DOVE_BODY_MAX);
	struct net_answer a = { .body = &body };
	struct kit_reply r = { .status = KIT_OK };
	struct json *commands = NULL;
	int rc = -1;

	if (send_text(d, c, NULL, DOVE_API_MS, &a, e))
		goto out;
	if (!judge(&a, false, &r)) {
		err_fail(e, r.status == KIT_REFUSED ? ERR_PROVIDER : ERR_IO, NULL,
			 "%s", r.text);
		goto out;
	}
	commands = json_parse_max(body.p ? body.p : "", body.len, DOVE_BODY_MAX, NULL);
	if (!name_in(commands, "kick") || !name_in(commands, "authCacheFlush")) {
		err_fail(e, ERR_PROVIDER, NULL, "that is not a doveadm HTTP API");
		goto out;
	}
	d->has_sieve = name_in(commands, "sieveList");
	d->has_acl = name_in(commands, "aclGet");
	rc = 0;
out:
	json_free(&commands);
	buf_release(&body);
	return rc;
}

/* Clear text only to this machine. */
static int check_url(const char *url, const char *clear, const char *tls,
		     const char *option, struct err *e)
{
	if (strncmp(url, tls, strlen(tls)) == 0)
		return 0;
	if (strncmp(url, clear, strlen(clear)) != 0)
		return err_fail(e, ERR_CONFIG, NULL, "option %s is a URL: %sHOST:PORT "
				"or %s127.0.0.1:PORT", option, tls, clear);
	return 0;
}

static int settle_imap(const struct kit_connection *c, const char *url,
		       char out[DOVE_IMAP], struct err *e)
{
	const char *imap = kit_option(c, "imap", "");
	const char *host = strstr(url, "://") + 3;
	size_t n = *host == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":/");
	int len;

	if (!*imap) /* the same host as the API, its standard port */
		len = snprintf(out, DOVE_IMAP, "imap%s://%.*s",
			       net_local(url) ? "" : "s", (int)n, host);
	else
		len = snprintf(out, DOVE_IMAP, "%s", imap);
	if (len < 0 || len >= DOVE_IMAP)
		return err_fail(e, ERR_CONFIG, NULL, "option imap is too long");
	return check_url(out, "imap://", "imaps://", "imap", e);
}

static int check_options(const struct kit_connection *c, char imap[DOVE_IMAP],
			 struct err *e)
{
	const char *url = kit_option(c, "url", "http://127.0.0.1:8080");
	const char *deny = kit_option(c, "deny_file", "");
	const char *wide = kit_option(c, "group_sessions", "keep");
	struct deny d = { .changed_ms = 0 };
	int rc;

	if (!c->secret)
		return err_fail(e, ERR_CONFIG, NULL, "the secret is the doveadm_api_key");
	if (check_url(url, "http://", "https://", "url", e))
		return -1;
	if (strncmp(url, "http://", 7) == 0 && !net_local(url))
		return err_fail(e, ERR_CONFIG, NULL, "the API key would cross the "
				"network in clear text: use https:// (ssl = yes at the listener)");
	if (*deny != '/')
		return err_fail(e, ERR_CONFIG, NULL, "option deny_file is the path of "
				"the passwd-file of the deny passdb");
	if (strcmp(wide, "keep") != 0 && strcmp(wide, "kick") != 0)
		return err_fail(e, ERR_CONFIG, NULL, "option group_sessions is keep or "
				"kick");
	if (settle_imap(c, url, imap, e))
		return -1;
	rc = deny_read(deny, &d, e);
	deny_free(&d);
	return rc;
}

/* Without that nothing is denied.  No error: the rest of a kill still works. */
static void warn_order(const struct kit_connection *c)
{
	char why[CHAIN_WHY];

	if (chain_order(c, why) == CHAIN_WRONG)
		kit_warn("kills will not stop logins: %.200s; " DOVE_ORDER_HINT, why);
}

int dove_open(const struct kit_connection *c, void **session, struct err *e)
{
	struct dove *d = mem_zalloc(sizeof(*d));

	if (!d)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	if (check_options(c, d->imap, e) || net_open(&d->net, e) || greet(d, c, e)) {
		dove_close(d);
		return -1;
	}
	warn_order(c);
	*session = d;
	return 0;
}

void dove_close(void *session)
{
	struct dove *d = session;

	if (d) {
		net_close(&d->net);
		mem_free(d);
	}
}
