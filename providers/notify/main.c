/*
 * curfew-notify: one POST of an alarm, for a core that has no socket.
 *
 * Reads one line of JSON on standard input: "url", "body" (text, sent as
 * application/json), "timeout_ms".  Ends with 0 when the answer was 2xx; else
 * with 1 and the reason, one line, on standard error.  The address may hold a
 * token: it is neither in argv nor in what is said.  TLS is always verified,
 * no redirect is followed, no proxy of the environment is used.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/harden.h"
#include "base/json.h"
#include "base/log.h"
#include "base/secret.h"
#include "providers/net/net.h"

#define INPUT_MAX (1024u * 1024)
#define ANSWER_MAX (64u * 1024)

static int read_input(struct buf *b, struct err *e)
{
	char part[4096];
	ssize_t n;

	while ((n = read(STDIN_FILENO, part, sizeof part)) > 0)
		if (buf_add(b, part, (size_t)n, e) < 0)
			return -1;
	return n < 0 ? err_sys(e, NULL, "read the alarm") : 0;
}

/* What libcurl says may quote the address. */
static const char *fate_word(const struct net_answer *a)
{
	return a->fate == NET_NOT_SENT ? "no connection" :
					 "no whole answer in time";
}

static int post(const struct json *j, struct err *e)
{
	struct buf answer = BUF_INIT(ANSWER_MAX);
	struct net_answer a = { .body = &answer };
	struct net_post p = { .url = json_str(j, "url"),
			      .type = "application/json",
			      .body = json_str(j, "body") };
	struct net *n = NULL;
	int64_t ms = 0;
	int rc = -1;

	if (p.url == NULL || p.body == NULL || !json_int(j, "timeout_ms", &ms) ||
	    ms < 1 || ms > 600000)
		return err_fail(e, ERR_FORMAT, NULL, "malformed order");
	if (strncmp(p.url, "https://", 8) != 0 && !net_local(p.url))
		return err_fail(e, ERR_POLICY, NULL, "http:// is for this "
				"machine only");
	p.body_len = strlen((const char *)p.body);
	p.timeout_ms = (long)ms;
	if (net_open(&n, e) < 0 || net_post(n, &p, &a, e) < 0)
		goto out;
	if (a.fate != NET_ANSWERED)
		(void)err_fail(e, ERR_PROVIDER, NULL, "%s", fate_word(&a));
	else if (a.status < 200 || a.status > 299)
		(void)err_fail(e, ERR_PROVIDER, NULL, "the webhook answered %ld",
			       a.status);
	else
		rc = 0;
out:
	net_close(&n);
	buf_release(&answer);
	return rc;
}

int main(void)
{
	struct buf in = BUF_INIT(INPUT_MAX);
	struct err e = ERR_INIT;
	struct json *j = NULL;
	int rc = -1;

	if (harden_start(NULL, 0, &e) == 0 && read_input(&in, &e) == 0) {
		j = json_parse(in.len > 0 ? in.p : "", in.len, &e);
		if (j != NULL)
			rc = post(j, &e);
	}
	json_free(&j);
	buf_release(&in);
	if (rc < 0)
		(void)fprintf(stderr, "%s\n", e.cause);
	return rc < 0 ? 1 : 0;
}
