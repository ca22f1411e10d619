/*
 * host: whose account is it that a client from some host logs in to?
 *
 * Several accounts may have one user name, and an anonymous one (no user name)
 * serves whoever its host fits.  The server takes the first that matches in the
 * order of how exactly the host is given, then named before anonymous (MariaDB:
 * sql/sql_acl.cc, get_sort).  Where we cannot tell as it does, nothing is told.
 */
#include "providers/mysql/mysql.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"

static bool numeric(const char *s)
{
	return strspn(s, "0123456789.") == strlen(s) || strchr(s, ':');
}

/* LIKE, without regard to case. */
static bool like(const char *pattern, const char *s)
{
	const char *star = NULL, *back = NULL;

	while (*s) {
		if (*pattern == '%') {
			star = ++pattern;
			back = s;
		} else if (*pattern == '_' || (*pattern && strncasecmp(pattern, s, 1) == 0)) {
			pattern++;
			s++;
		} else if (star) {
			pattern = star;
			s = ++back;
		} else {
			return false;
		}
	}
	while (*pattern == '%')
		pattern++;
	return !*pattern;
}

/* "198.51.100.0/255.255.255.0" */
static bool in_net(const char *net, const char *from)
{
	char base[64];
	struct in_addr b, m, f;
	const char *slash = strchr(net, '/');

	if (!slash || (size_t)(slash - net) >= sizeof base)
		return false;
	snprintf(base, sizeof base, "%.*s", (int)(slash - net), net);
	return inet_pton(AF_INET, base, &b) == 1 && inet_pton(AF_INET, slash + 1, &m) == 1 &&
	       inet_pton(AF_INET, from, &f) == 1 && (f.s_addr & m.s_addr) == b.s_addr;
}

bool myp_host_matches(const char *host, const char *from)
{
	return !*host || like(host, from) || in_net(host, from);
}

/* Characters before the first wildcard; all of them when there is none. */
static size_t exact(const char *host)
{
	size_t n = strcspn(host, "%_/");

	return host[n] ? n : *host ? 1000 : 0;
}

int myp_host_order(const char *a, const char *b)
{
	size_t x = exact(a), y = exact(b);

	return x > y ? -1 : x < y;
}

bool myp_served_by(struct myp_session *s, const char *user, const char *from,
		   char host[static 260], struct kit_reply *r)
{
	struct buf sql = BUF_INIT(BUF_TEXT_MAX);
	struct my_rows *rows = NULL;
	struct err e = ERR_INIT;
	struct my_fail f;
	bool found = false, named = false, unsure = false;

	if (buf_printf(&sql, &e, "SELECT User, Host FROM %s WHERE User IN ('', ",
		       myp_table(s)) ||
	    my_literal(s->my, &sql, user, &e) || buf_puts(&sql, ")", &e)) {
		kit_say(r, KIT_RETRY, "out of memory");
	} else if (my_run(s->my, sql.p, &rows, &f)) {
		myp_reply_fail(&f, false, "look the hosts up", r);
	} else {
		while (my_next(rows)) {
			const char *u = my_cell(rows, 0), *h = my_cell(rows, 1);
			bool ours = strcmp(u, user) == 0;

			if (*u && !ours)
				continue;
			/* an address that we do not know, since it has a name */
			if (!numeric(from) && (numeric(h) || (h[0] >= '0' && h[0] <= '9')) &&
			    !(strcmp(from, "localhost") == 0 && strncmp(h, "127.", 4) != 0 &&
			      strcmp(h, "::1") != 0))
				unsure = true;
			if (!myp_host_matches(h, from))
				continue;
			int order = found ? myp_host_order(h, host) : -1;

			if (order < 0 || (order == 0 && ours && !named)) {
				snprintf(host, 260, "%s", h);
				found = true;
				named = ours;
			}
		}
		/* what we found is exact: nothing goes before it */
		if (found && exact(host) == 1000 && named)
			unsure = false;
		if (unsure)
			kit_say(r, KIT_UNKNOWN, "which account serves clients from %.60s is "
				"not known here", from);
		else if (found && !named)
			kit_say(r, KIT_UNKNOWN, "an anonymous account serves clients from "
				"%.60s", from);
	}
	my_rows_free(&rows);
	buf_release(&sql);
	return found && named && !unsure;
}
