/*
 * alarm_text: alarms as JSON for programs and webhooks, as a mail for people.
 */
#include "agent/alarm_int.h"

#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "base/clock.h"
#include "base/json.h"

static const char *host(struct utsname *u)
{
	return uname(u) == 0 ? u->nodename : "";
}

static struct json *one(const struct alarm_row *r)
{
	struct json *j = json_object();
	char at[CLOCK_TEXT];

	(void)json_set_str(j, "event", alarm_word(r->event));
	(void)json_set_str(j, "about", r->about);
	(void)json_set_str(j, "policy", r->policy[0] != '\0' ? r->policy : NULL);
	(void)json_set_str(j, "text", r->text);
	(void)json_set_str(j, "todo", r->todo[0] != '\0' ? r->todo : NULL);
	(void)json_set_str(j, "since", clock_text(r->first_ms, at));
	(void)json_set_int(j, "times", r->times);
	(void)json_set_bool(j, "over", r->over_ms != 0);
	return j;
}

int alarm_json(const struct alarm_row *const *rows, size_t n, int64_t now_ms,
	       struct buf *out, struct err *e)
{
	struct json *j = json_object(), *list = json_array();
	struct utsname u;
	char at[CLOCK_TEXT];
	bool ok = true;
	int rc = -1;

	for (size_t i = 0; i < n; i++)
		ok = json_push(list, one(rows[i])) && ok;
	ok = json_set_int(j, "version", 1) && ok;
	ok = json_set_str(j, "host", host(&u)) && ok;
	ok = json_set_str(j, "at", clock_text(now_ms, at)) && ok;
	ok = json_set(j, "alarms", list) && ok;
	if (!ok)
		(void)err_fail(e, ERR_NOMEM, NULL, "out of memory");
	else if (json_print(j, false, out, e) == 0)
		rc = buf_puts(out, "\n", e);
	json_free(&j);
	return rc;
}

/* A head line holds printable ASCII: everything else becomes '?'. */
static int head_text(struct buf *b, const char *s, size_t max, struct err *e)
{
	for (size_t i = 0; i < max && s[i] != '\0'; i++) {
		const char c = s[i] >= ' ' && s[i] <= '~' ? s[i] : '?';

		if (buf_add(b, &c, 1, e) < 0)
			return -1;
	}
	return 0;
}

static int head(const struct alarm_row *const *rows, size_t n,
		const struct config_alarm *to, struct buf *b, struct err *e)
{
	struct utsname u;

	if (to->from != NULL && buf_printf(b, e, "From: <%s>\n", to->from) < 0)
		return -1;
	for (size_t i = 0; i < to->n_mail; i++)
		if (buf_printf(b, e, "%s<%s>%s", i == 0 ? "To: " : " ",
			       to->mail[i], i + 1 < to->n_mail ? ",\n" : "\n") < 0)
			return -1;
	if (buf_printf(b, e, "Subject: curfew on ") < 0 ||
	    head_text(b, host(&u), 64, e) < 0 ||
	    buf_printf(b, e, ": %s: ", rows[0]->over_ms != 0 ? "over" :
		       alarm_word(rows[0]->event)) < 0 ||
	    head_text(b, rows[0]->about, 100, e) < 0)
		return -1;
	if (n > 1 && buf_printf(b, e, " and %zu more", n - 1) < 0)
		return -1;
	/* RFC 3834: nobody's holiday notice answers it */
	return buf_puts(b, "\nAuto-Submitted: auto-generated\n"
			   "MIME-Version: 1.0\n"
			   "Content-Type: text/plain; charset=utf-8\n"
			   "Content-Transfer-Encoding: 8bit\n\n", e);
}

int alarm_mail(const struct alarm_row *const *rows, size_t n,
	       const struct config_alarm *to, int64_t now_ms, struct buf *b,
	       struct err *e)
{
	char at[CLOCK_TEXT];

	if (head(rows, n, to, b, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		const struct alarm_row *r = rows[i];

		if (buf_printf(b, e, "%s%s: %s\n  %s\n",
			       r->over_ms != 0 ? "over: " : "",
			       alarm_word(r->event), r->about, r->text) < 0)
			return -1;
		if (r->todo[0] != '\0' && r->over_ms == 0 &&
		    buf_printf(b, e, "  %s\n", r->todo) < 0)
			return -1;
		if (buf_printf(b, e, "  since %s\n\n",
			       clock_text(r->first_ms, at)) < 0)
			return -1;
	}
	return buf_printf(b, e, "-- \ncurfew, %s\n", clock_text(now_ms, at));
}
