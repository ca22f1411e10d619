/*
 * chain: does the deny file really stand before every password?  Dovecot is
 * asked, over the two sockets in its base_dir, as root:
 *
 *   config       which passdbs it has, in their order (what doveconf shows)
 *   auth-userdb  a lookup of one user through them without his password (what
 *                `doveadm auth lookup` does; the HTTP API of 2.3 has none)
 *
 * Both are needed: a user whom no passdb can look up (PAM) is not found either,
 * and the configuration may have been changed without a reload.  What cannot
 * be asked is never a proof.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "providers/dovecot/dovecot.h"

#define ANSWER_MS 5000
#define ORDER_KEPT_MS 60000
#define PASSDBS 32

struct talk {
	int fd;
	struct buf in;
	size_t at;
	int64_t until_ms;
};

struct passdb {
	char id[32], driver[32], file[512];
	bool deny, master, limited;
};

struct passdbs {
	struct passdb p[PASSDBS];
	size_t n;
	bool more;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
	int64_t until_ms;
	enum chain order;
	char why[CHAIN_WHY];
} known;

/* ---- talking --------------------------------------------------------------- */

static int greet(struct talk *t, const struct kit_connection *c,
		 const char *name, char why[CHAIN_WHY])
{
	struct timeval limit = { .tv_sec = ANSWER_MS / 1000 };
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int n = snprintf(a.sun_path, sizeof(a.sun_path), "%s/%s",
			 kit_option(c, "base_dir", "/run/dovecot"), name);

	*t = (struct talk){ .fd = -1, .in = BUF_INIT(BUF_RECORD_MAX),
			    .until_ms = clock_mono_ms() + ANSWER_MS };
	if (!*kit_option(c, "base_dir", "") &&
	    !net_local(kit_option(c, "url", "http://127.0.0.1:8080"))) {
		(void)snprintf(why, CHAIN_WHY, "Dovecot's sockets are on another "
			       "machine");
		return -1;
	}
	if (n < 0 || (size_t)n >= sizeof(a.sun_path)) {
		(void)snprintf(why, CHAIN_WHY, "the path of base_dir is too long");
		return -1;
	}
	t->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (t->fd < 0 ||
	    setsockopt(t->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) ||
	    setsockopt(t->fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) ||
	    connect(t->fd, (struct sockaddr *)&a, sizeof(a))) {
		(void)snprintf(why, CHAIN_WHY, "cannot ask Dovecot at %.100s: %s",
			       a.sun_path, strerror(errno));
		return -1;
	}
	return 0;
}

static void leave(struct talk *t)
{
	if (t->fd >= 0)
		close(t->fd);
	buf_release(&t->in);
}

/* The next line, ended by NUL, until the next call; NULL: none came. */
static char *line(struct talk *t)
{
	char part[4096];

	for (;;) {
		char *from = t->in.p ? t->in.p + t->at : NULL;
		char *nl = from ? memchr(from, '\n', t->in.len - t->at) : NULL;
		ssize_t n;

		if (nl) {
			*nl = '\0';
			t->at = (size_t)(nl - t->in.p) + 1;
			return from;
		}
		if (clock_mono_ms() > t->until_ms)
			return NULL;
		n = recv(t->fd, part, sizeof(part), 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0 || buf_add(&t->in, part, (size_t)n, NULL))
			return NULL;
	}
}

static bool say(struct talk *t, const char *text)
{
	size_t n = strlen(text);

	while (n) {
		ssize_t w = send(t->fd, text, n, MSG_NOSIGNAL);

		if (w < 0 && errno == EINTR)
			continue;
		if (w <= 0)
			return false;
		text += w;
		n -= (size_t)w;
	}
	return true;
}

/* ---- the order ------------------------------------------------------------- */

/* "0 1 2": their order */
static void set_order(struct passdbs *l, const char *ids)
{
	for (l->n = 0; *ids; ids += strspn(ids, " ")) {
		size_t n = strcspn(ids, " ");

		if (l->n == PASSDBS || n >= sizeof(l->p[0].id)) {
			l->more = true;
			return;
		}
		l->p[l->n] = (struct passdb){ .deny = false };
		(void)snprintf(l->p[l->n].id, sizeof(l->p[0].id), "%.*s", (int)n, ids);
		l->n++;
		ids += n;
	}
}

static void set_member(struct passdb *p, const char *key, const char *value)
{
	const char *last = strrchr(value, ' ');

	if (strcmp(key, "driver") == 0)
		(void)snprintf(p->driver, sizeof(p->driver), "%s", value);
	else if (strcmp(key, "args") == 0)
		(void)snprintf(p->file, sizeof(p->file), "%s", last ? last + 1 : value);
	else if (strcmp(key, "deny") == 0)
		p->deny = strcmp(value, "yes") == 0;
	else if (strcmp(key, "master") == 0)
		p->master = strcmp(value, "yes") == 0;
	else if (strcmp(key, "username_filter") == 0 ||
		 strcmp(key, "mechanisms") == 0)
		p->limited |= *value != '\0';
	else if (strcmp(key, "skip") == 0)
		p->limited |= strcmp(value, "never") != 0;
}

/* passdb/ID/KEY=VALUE */
static void set_line(struct passdbs *l, char *text)
{
	char *value = strchr(text, '='), *key;

	if (!value)
		return;
	*value++ = '\0';
	if (strcmp(text, "passdb") == 0) {
		set_order(l, value);
		return;
	}
	if (strncmp(text, "passdb/", 7) != 0 || !(key = strchr(text + 7, '/')))
		return;
	*key++ = '\0';
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->p[i].id, text + 7) == 0)
			set_member(&l->p[i], key, value);
}

/* A line about the request, then settings up to an empty line. */
static bool read_passdbs(struct talk *t, const char *service, struct passdbs *l)
{
	char ask[80];
	char *text;

	l->n = 0;
	l->more = false;
	(void)snprintf(ask, sizeof(ask), "REQ\tmodule=auth\tservice=%s\n", service);
	if (!say(t, ask) || !line(t))
		return false;
	while ((text = line(t)) && *text)
		set_line(l, text);
	return text != NULL;
}

static bool same_file(const char *a, const char *b)
{
	struct stat x, y;

	return strcmp(a, b) == 0 ||
	       (stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev &&
		x.st_ino == y.st_ino);
}

/* Does a lookup without the password tell whether he is in there? */
static bool askable(const char *driver)
{
	static const char *const can[] = { "passwd-file", "sql", "ldap", "passwd",
					   "shadow", "dict", "static" };

	for (size_t i = 0; i < sizeof(can) / sizeof(*can); i++)
		if (strcmp(driver, can[i]) == 0)
			return true;
	return false;
}

static enum chain judge(const struct passdbs *l, const char *file,
			char why[CHAIN_WHY])
{
	const struct passdb *before = NULL, *deny = NULL, *deaf = NULL;

	for (size_t i = 0; i < l->n; i++) {
		const struct passdb *p = &l->p[i];

		if (p->master)
			continue;
		if (!p->deny) {
			before = deny || before ? before : p;
			deaf = askable(p->driver) ? deaf : p;
		} else if (!deny && !p->limited &&
			   strcmp(p->driver, "passwd-file") == 0 &&
			   same_file(p->file, file)) {
			deny = p;
		}
	}
	if (l->more)
		(void)snprintf(why, CHAIN_WHY, "Dovecot has too many passdbs to judge");
	else if (!l->n)
		(void)snprintf(why, CHAIN_WHY, "Dovecot tells of no passdb");
	else if (!deny || before)
		(void)snprintf(why, CHAIN_WHY, deny ?
			       "the deny passdb comes after another one (%s), so "
			       "passwords still log in" :
			       "no passdb (%s is the first) reads the deny file for "
			       "every login", before ? before->driver : "none");
	else if (deaf)
		(void)snprintf(why, CHAIN_WHY, "Dovecot cannot look up users of passdb "
			       "%s without their password", deaf->driver);
	else
		return CHAIN_FIRST;
	return l->n && !l->more && (!deny || before) ? CHAIN_WRONG : CHAIN_UNSEEN;
}

static enum chain ask_order(const struct kit_connection *c, char why[CHAIN_WHY])
{
	/* passdbs may stand in `protocol imap { ... }` */
	static const char *const service[] = { "auth", "imap", "pop3", "smtp",
					       "submission", "sieve" };
	const char *file = kit_option(c, "deny_file", "");
	enum chain order = CHAIN_FIRST;
	struct passdbs *l = mem_zalloc(sizeof(*l));
	struct talk t;

	if (greet(&t, c, "config", why)) {
		order = CHAIN_UNSEEN;
		goto out;
	}
	(void)snprintf(why, CHAIN_WHY, "Dovecot does not tell its passdbs");
	if (!l || !say(&t, "VERSION\tconfig\t2\t0\n"))
		order = CHAIN_UNSEEN;
	for (size_t i = 0; order == CHAIN_FIRST &&
			   i < sizeof(service) / sizeof(*service); i++)
		order = read_passdbs(&t, service[i], l) ? judge(l, file, why) :
							  CHAIN_UNSEEN;
out:
	leave(&t);
	mem_free(l);
	return order;
}

enum chain chain_order(const struct kit_connection *c, char why[CHAIN_WHY])
{
	enum chain order;

	pthread_mutex_lock(&lock);
	if (!known.until_ms || clock_mono_ms() > known.until_ms) {
		known.why[0] = '\0';
		known.order = ask_order(c, known.why);
		known.until_ms = clock_mono_ms() + ORDER_KEPT_MS;
	}
	order = known.order;
	(void)snprintf(why, CHAIN_WHY, "%s", known.why);
	pthread_mutex_unlock(&lock);
	return order;
}

/* ---- one user ---------------------------------------------------------------- */

enum chain_user chain_lookup(const struct kit_connection *c, const char *user,
			     char why[CHAIN_WHY])
{
	struct buf ask = BUF_INIT(BUF_TEXT_MAX);
	enum chain_user is = CHAIN_NO_WORD;
	const char *text = NULL;
	struct talk t;

	if (greet(&t, c, "auth-userdb", why))
		goto out;
	(void)snprintf(why, CHAIN_WHY, "Dovecot does not say whether it lets him in "
		       "(its log says why)");
	if (buf_printf(&ask, NULL, "VERSION\t1\t1\nPASS\t1\t%s\tservice=imap\n",
		       user) || !say(&t, ask.p))
		goto out;
	while ((text = line(&t)) && (strncmp(text, "VERSION\t", 8) == 0 ||
				     strncmp(text, "SPID\t", 5) == 0))
		;
	if (text && strncmp(text, "PASS\t1\t", 7) == 0)
		is = CHAIN_LET_IN;
	else if (text && strcmp(text, "NOTFOUND\t1") == 0)
		is = CHAIN_SHUT_OUT;
out:
	leave(&t);
	buf_release(&ask);
	return is;
}
