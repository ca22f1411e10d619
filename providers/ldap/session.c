/*
 * session: options, the admin's bind and what result codes mean.
 *
 * Must never answer `ok` or `absent` for something the server has not said.
 */
#include "providers/ldap/dir.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

/* The host of ldap://HOST:PORT, "/" for a socket. */
static void host_of(const char *url, char out[static 256])
{
	const char *at = strstr(url, "://");
	size_t n;

	at = at ? at + 3 : url;
	if (strncmp(url, "ldapi", 5) == 0) {
		snprintf(out, 256, "/");
		return;
	}
	n = *at == '[' ? strcspn(++at, "]") : strcspn(at, ":/");
	snprintf(out, 256, "%.*s", (int)n, at);
}

static int check_words(const struct kit_connection *c, struct err *e)
{
	static const char *const words[][4] = {
		{ "lock", "password", "ppolicy", NULL },
		{ "scheme", "ssha", "ssha512", "exop" },
	};

	for (size_t i = 0; i < 2; i++) {
		const char *v = kit_option(c, words[i][0], words[i][1]);
		bool ok = false;

		for (size_t k = 1; k < 4 && words[i][k]; k++)
			ok = ok || strcmp(v, words[i][k]) == 0;
		if (!ok)
			return err_fail(e, ERR_CONFIG, v, "not a value of the option %s",
					words[i][0]);
	}
	return 0;
}

int dir_place(const struct kit_connection *c, struct ld_place *p, struct err *e)
{
	const char *url = kit_option(c, "url", "ldap://localhost");
	struct kit_tls tls;
	char host[256];
	int64_t seconds;
	bool secure = strncmp(url, "ldaps://", 8) == 0;

	*p = (struct ld_place){ .url = url };
	if (!secure && strncmp(url, "ldap://", 7) != 0 && strncmp(url, "ldapi://", 8) != 0)
		return err_fail(e, ERR_CONFIG, url,
				"the option url begins with ldap://, ldaps:// or ldapi://");
	if (strpbrk(url, " ,?"))
		return err_fail(e, ERR_CONFIG, url, "the option url names one server");
	if (!*kit_option(c, "user", "") || !*kit_option(c, "base", ""))
		return err_fail(e, ERR_CONFIG, NULL,
				"the options user (a DN) and base (a DN) are needed");
	host_of(url, host);
	if (kit_number(c, "connect_timeout", "10", 1, 25, &seconds, e) ||
	    kit_tls(c, host, &tls, e) || check_words(c, e))
		return -1;
	p->connect_s = (int)seconds;
	p->starttls = !secure;
	p->cafile = tls.on || secure ? tls.cafile : NULL;
	return 0;
}

bool dir_by_policy(const struct kit_connection *c)
{
	return strcmp(kit_option(c, "lock", "password"), "ppolicy") == 0;
}

static bool passes(int code)
{
	return code == LD_BUSY || code == LD_UNAVAILABLE || code == LD_TIME;
}

static void tell_login(const struct ld_fail *f, const struct err *e,
		       struct kit_reply *r)
{
	char line[300];

	if (f->cause == LD_OURS) {
		err_format(e, line, sizeof line);
		kit_say(r, KIT_RETRY, "cannot bind: %s", f->text[0] ? f->text : line);
	} else if (f->cause == LD_SAID) {
		kit_say(r, passes(f->code) ? KIT_RETRY : KIT_REFUSED,
			"the server does not let curfew's own DN in: %s (%d)", f->text, f->code);
	} else {
		kit_say(r, KIT_RETRY, "cannot reach the server: %s", f->text);
	}
}

bool dir_ready(struct dir_session *s, const struct kit_connection *c,
	       struct kit_reply *r)
{
	struct ld_fail f = { .cause = LD_OURS };
	struct err e = ERR_INIT;
	struct ld_place p;

	if (ld_idle(s->ld))
		return true;
	ld_close(&s->ld);
	if (dir_place(c, &p, &e) == 0 &&
	    ld_open(&p, kit_option(c, "user", ""), c->secret, &s->ld, &f) == 0)
		return true;
	tell_login(&f, &e, r);
	return false;
}

/* Hello's own session binds at once, so that a wrong option or password is told
 * there; the others at their first request. */
int dir_open(const struct kit_connection *c, void **session, struct err *e)
{
	static atomic_bool proved;
	struct dir_session *s = mem_zalloc(sizeof *s);
	struct kit_reply r = { .status = KIT_OK };
	struct ld_place p;

	*session = NULL;
	if (!s)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	if (dir_place(c, &p, e)) {
		mem_free(s);
		return -1;
	}
	if (!atomic_load(&proved) && !dir_ready(s, c, &r)) {
		err_fail(e, r.status == KIT_REFUSED ? ERR_PROVIDER : ERR_IO, NULL,
			 "%s", r.text);
		dir_close(s);
		return -1;
	}
	atomic_store(&proved, true);
	*session = s;
	return 0;
}

void dir_close(void *session)
{
	struct dir_session *s = session;

	if (!s)
		return;
	ld_close(&s->ld);
	mem_free(s);
}

void dir_reply_fail(const struct ld_fail *f, bool writes, const char *doing,
		    struct kit_reply *r)
{
	switch (f->cause) {
	case LD_SAID:
		if (f->code == LD_REFERRAL)
			kit_say(r, KIT_REFUSED, "cannot %s: this server is a replica and "
				"refers to its provider; point the connection there", doing);
		else
			kit_say(r, passes(f->code) ? KIT_RETRY : KIT_REFUSED,
				"cannot %s: %s (%d)%s", doing, f->text, f->code,
				f->code == LD_RIGHTS ? "; docs/providers/ldap.md has the "
				"access that curfew's DN needs" : "");
		if (r->status == KIT_RETRY)
			r->after_ms = 500;
		break;
	case LD_LOST:
		kit_say(r, writes ? KIT_UNKNOWN : KIT_RETRY,
			"cannot %s: the connection broke: %s", doing, f->text);
		break;
	default:
		kit_say(r, KIT_RETRY, "cannot %s: %s", doing, f->text);
	}
}
