/*
 * prove: showing the authority that a name is ours (RFC 8555 8): by a file that
 * a web server gives out (http-01), or by a program that puts a TXT record into
 * the zone (dns-01).  What is put up is public; it goes away again.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/log.h"
#include "base/text.h"
#include "providers/acme/acme.h"
#include "providers/sink/place.h"
#include "providers/sink/run.h"

#define TOKEN_MAX 150
#define DNS_MS 8000 /* for one change of the zone */

bool acme_wait(struct acme *a, const struct acme_answer *q, unsigned *round)
{
	int64_t ms = *round < 4 ? 250 << *round : 3000;

	if (q->after_ms > 0 && q->after_ms < ms)
		ms = q->after_ms;
	if (clock_mono_ms() + ms > a->until_mono)
		return false;
	clock_sleep_ms(ms);
	(*round)++;
	return true;
}

/* ---- what is put up -------------------------------------------------------------------- */

static int file_up(const struct acme *a, const char *token, const struct buf *text,
		   struct err *e)
{
	const struct place_look look = { (uid_t)-1, (gid_t)-1, 0644 };
	struct place p;
	int rc;

	if (place_open(a->challenges, token, &look, &p, e))
		return -1;
	rc = place_write(&p, p.name, text, &look, e);
	place_close(&p);
	return rc;
}

static int file_down(const struct acme *a, const char *token, struct err *e)
{
	const struct place_look look = { (uid_t)-1, (gid_t)-1, 0644 };
	struct place p;
	int rc = 0;

	if (place_open(a->challenges, token, &look, &p, e))
		return -1;
	if (unlinkat(p.dirfd, p.name, 0) && errno != ENOENT)
		rc = err_sys(e, p.name, "remove it");
	place_close(&p);
	return rc;
}

/* PROGRAM add|remove _acme-challenge.NAME VALUE */
static int record(const struct acme *a, const char *verb, const char *name,
		  const struct buf *text, struct err *e)
{
	struct buf value = BUF_INIT(BUF_TEXT_MAX);
	struct ran ran = RAN_INIT;
	unsigned char hash[32];
	char where[300];
	const char *argv[] = { verb, where, NULL, NULL };
	const struct run what = { .program = a->dns, .argv = argv, .timeout_ms = DNS_MS };
	int rc = -1;

	digest_sha256(text->p, text->len, hash);
	(void)snprintf(where, sizeof(where), "_acme-challenge.%.255s", name);
	if (base64url_encode(hash, sizeof(hash), &value, e))
		goto out;
	argv[2] = value.p;
	if (run(&what, &ran, e))
		goto out;
	if (ran.status)
		(void)err_fail(e, ERR_PROVIDER, a->dns, "%s ended with status %d%s%.150s",
			       verb, ran.status, *ran.said ? ": " : "", ran.said);
	else
		rc = 0;
out:
	buf_release(&ran.out);
	buf_release(&value);
	return rc;
}

static int put(const struct acme *a, bool up, const char *name, const char *token,
	       struct err *e)
{
	struct buf text = BUF_INIT(BUF_TEXT_MAX);
	int rc = buf_printf(&text, e, "%s.%s", token, a->thumb.p);

	if (!rc && a->dns)
		rc = record(a, up ? "add" : "remove", name, &text, e);
	else if (!rc)
		rc = up ? file_up(a, token, &text, e) : file_down(a, token, e);
	buf_release(&text);
	return rc;
}

/* ---- one name ------------------------------------------------------------------------------ */

/* The challenge of our way, in an authorization; NULL + r. */
static const struct json *challenge(const struct acme *a, const struct json *authz,
				    struct kit_reply *r)
{
	const char *want = a->dns ? "dns-01" : "http-01";
	const struct json *all = json_get(authz, "challenges");

	for (const struct json *c = all ? json_first(all) : NULL; c; c = json_next(c)) {
		const char *type = json_str(c, "type"), *token = json_str(c, "token");

		if (!type || strcmp(type, want) != 0 || !token || !json_str(c, "url"))
			continue;
		if (strlen(token) <= TOKEN_MAX &&
		    strspn(token, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				  "0123456789-_") == strlen(token))
			return c;
	}
	kit_say(r, KIT_REFUSED, "the authority offers no %s for that name%s", want,
		a->dns ? "" : " (a wildcard needs use_dns)");
	return NULL;
}

static const char *name_of(const struct json *authz)
{
	const struct json *id = json_get(authz, "identifier");
	const char *name = id ? json_str(id, "value") : NULL;

	return name && strlen(name) < 256 && text_utf8(name, strlen(name)) && *name != '-' &&
	       !strpbrk(name, " \t\r\n/") ? name : NULL;
}

static bool is(const struct json *o, const char *status)
{
	const char *s = o ? json_str(o, "status") : NULL;

	return s && !strcmp(s, status);
}

static void say_why(struct kit_reply *r, const char *name, const struct json *ch)
{
	const struct json *why = ch ? json_get(ch, "error") : NULL;
	const char *detail = why ? json_str(why, "detail") : NULL;
	struct buf b = BUF_INIT(BUF_TEXT_MAX);

	if (detail && text_escape(&b, detail, strnlen(detail, 250), NULL))
		buf_reset(&b);
	kit_say(r, KIT_REFUSED, "the authority could not see that %.100s is ours: %.250s", name,
		b.len ? b.p : "it does not say why");
	buf_release(&b);
}

/* Tell the authority to look, and wait for what it saw. */
static int look(struct acme *a, const char *url, const struct json *ch, const char *name,
		struct kit_reply *r, struct err *e)
{
	struct acme_answer q;
	unsigned round = 0;
	int rc = 0;

	if (is(ch, "pending")) {
		if (acme_post(a, json_str(ch, "url"), "{}", &q, e))
			return -1;
		if (q.fate != ACME_OK)
			rc = acme_say(r, &q, "the authority does not look");
		acme_answer_free(&q);
		if (r->status != KIT_OK)
			return rc;
	}
	for (;;) {
		bool again;

		if (acme_post(a, url, NULL, &q, e))
			return -1;
		if (q.fate != ACME_OK || !q.body) {
			acme_say(r, &q, "an authorization cannot be read");
			again = false;
		} else if (is(q.body, "valid")) {
			rc = 1;
			again = false;
		} else if (!is(q.body, "pending")) {
			struct kit_reply none = { .status = KIT_OK };

			say_why(r, name, challenge(a, q.body, &none));
			again = false;
		} else {
			again = acme_wait(a, &q, &round);
			if (!again) {
				r->after_ms = 3000;
				kit_say(r, KIT_RETRY, "the authority still looks at %.100s",
					name);
			}
		}
		acme_answer_free(&q);
		if (!again)
			return rc;
	}
}

int acme_prove(struct acme *a, const char *authz, struct kit_reply *r, struct err *e)
{
	struct acme_answer q;
	const struct json *ch;
	const char *name;
	int rc = 0;

	if (acme_post(a, authz, NULL, &q, e))
		return -1;
	if (q.fate != ACME_OK || !q.body) {
		acme_say(r, &q, "an authorization cannot be read");
		goto out;
	}
	if (is(q.body, "valid")) {
		rc = 1;
		goto out;
	}
	name = name_of(q.body);
	ch = challenge(a, q.body, r);
	if (!ch)
		goto out;
	if (!name) {
		kit_say(r, KIT_REFUSED, "the authority asks for a name that is none");
		goto out;
	}
	if (!is(q.body, "pending")) {
		say_why(r, name, ch);
		goto out;
	}
	rc = put(a, true, name, json_str(ch, "token"), e);
	if (!rc)
		rc = look(a, authz, ch, name, r, e);
	if (rc >= 0 && r->status != KIT_RETRY &&
	    put(a, false, name, json_str(ch, "token"), NULL))
		log_line(LOG_WARNING, "what showed that a name is ours could not be taken away again");
out:
	acme_answer_free(&q);
	return rc;
}
