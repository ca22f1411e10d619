/*
 * ld: binds, searches and changes over libldap (ld.h).
 *
 * Must never send a password in clear text where TLS was asked for, nor an
 * empty one: a bind without a password succeeds as nobody.
 */
#include "providers/ldap/ld.h"

#include <arpa/inet.h>
#include <ldap.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "base/mem.h"
#include "providers/kit/common.h"

#define ANSWER_S 20
#define PAGE 500

struct ld {
	LDAP *conn;
	char own[100];
};

struct ld_entry {
	LDAP *conn;
	LDAPMessage *msg;
	char *dn;
	struct kept { /* what was asked for, until the callback returns */
		char *attribute;
		struct berval **values;
	} kept[16];
	size_t n;
};

static void one_line(char *out, size_t cap, const char *text)
{
	size_t n = 0;

	for (; n + 1 < cap && text[n] && text[n] != '\n'; n++) {
		unsigned char c = (unsigned char)text[n];

		out[n] = c < 0x20 || c >= 0x7f ? '?' : (char)c;
	}
	out[n] = '\0';
}

static int fail(struct ld_fail *f, enum ld_cause cause, int code, const char *text)
{
	*f = (struct ld_fail){ .cause = cause, .code = code };
	one_line(f->text, sizeof f->text, text);
	return -1;
}

/* Codes below zero are the library's: there was no answer. */
static int fail_code(struct ld *ld, int rc, bool login, struct ld_fail *f)
{
	char *more = NULL, text[400];

	if (ld->conn)
		ldap_get_option(ld->conn, LDAP_OPT_DIAGNOSTIC_MESSAGE, &more);
	snprintf(text, sizeof text, "%s%s%s", ldap_err2string(rc), more && *more ? ": " : "",
		 more && *more ? more : "");
	if (more)
		ldap_memfree(more);
	fail(f, rc > 0 ? LD_SAID : rc == LDAP_NO_MEMORY ? LD_OURS :
	     login ? LD_UNREACHABLE : LD_LOST, rc, text);
	if (f->cause == LD_LOST && ld->conn) {
		ldap_unbind_ext(ld->conn, NULL, NULL);
		ld->conn = NULL;
	}
	return -1;
}

/* ---- login -------------------------------------------------------------------- */

static bool set_options(LDAP *conn, const struct ld_place *p)
{
	int version = LDAP_VERSION3, demand = LDAP_OPT_X_TLS_HARD, client = 0;
	struct timeval net = { .tv_sec = p->connect_s }, answer = { .tv_sec = ANSWER_S };

	if (ldap_set_option(conn, LDAP_OPT_PROTOCOL_VERSION, &version) ||
	    ldap_set_option(conn, LDAP_OPT_REFERRALS, LDAP_OPT_OFF) ||
	    ldap_set_option(conn, LDAP_OPT_NETWORK_TIMEOUT, &net) ||
	    ldap_set_option(conn, LDAP_OPT_TIMEOUT, &answer))
		return false;
	return !p->cafile ||
	       (!ldap_set_option(conn, LDAP_OPT_X_TLS_CACERTFILE, p->cafile) &&
		!ldap_set_option(conn, LDAP_OPT_X_TLS_REQUIRE_CERT, &demand) &&
		!ldap_set_option(conn, LDAP_OPT_X_TLS_NEWCTX, &client));
}

static void own_end(struct ld *ld)
{
	struct sockaddr_storage a = { 0 };
	socklen_t n = sizeof a;
	char ip[64] = "";
	int fd = -1;

	if (ldap_get_option(ld->conn, LDAP_OPT_DESC, &fd) || fd < 0 ||
	    getsockname(fd, (struct sockaddr *)&a, &n))
		return;
	if (a.ss_family == AF_INET) {
		const struct sockaddr_in *v4 = (const struct sockaddr_in *)&a;

		inet_ntop(AF_INET, &v4->sin_addr, ip, sizeof ip);
		snprintf(ld->own, sizeof ld->own, "IP=%s:%d", ip, ntohs(v4->sin_port));
	} else if (a.ss_family == AF_INET6) {
		const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&a;

		inet_ntop(AF_INET6, &v6->sin6_addr, ip, sizeof ip);
		snprintf(ld->own, sizeof ld->own, "IP=[%s]:%d", ip, ntohs(v6->sin6_port));
	}
}

struct bind {
	struct ld *ld;
	const char *dn;
	int rc;
};

static int bind_fn(const unsigned char *p, size_t n, void *arg)
{
	struct bind *b = arg;
	char *copy = mem_alloc(n + 1); /* the library does not promise not to write */
	struct berval v;

	if (!copy || !n) {
		mem_free(copy);
		b->rc = LDAP_NO_MEMORY;
		return -1;
	}
	memcpy(copy, p, n);
	copy[n] = '\0';
	v = (struct berval){ .bv_len = n, .bv_val = copy };
	b->rc = ldap_sasl_bind_s(b->ld->conn, b->dn, LDAP_SASL_SIMPLE, &v, NULL, NULL, NULL);
	mem_free(copy);
	return 0;
}

int ld_open(const struct ld_place *p, const char *dn, const struct secret *password,
	    struct ld **out, struct ld_fail *f)
{
	struct ld *ld = mem_zalloc(sizeof *ld);
	struct bind b = { .ld = ld, .dn = dn };
	int rc;

	*out = NULL;
	*f = (struct ld_fail){ .cause = LD_FINE };
	if (!ld)
		return fail(f, LD_OURS, 0, "out of memory");
	if (!password || !secret_len(password)) {
		fail(f, LD_OURS, 0, "an empty password lets everybody in as nobody");
		goto out;
	}
	kit_own_coming();
	rc = ldap_initialize(&ld->conn, p->url);
	if (rc || !set_options(ld->conn, p)) {
		fail(f, LD_OURS, rc, rc ? ldap_err2string(rc) : "libldap takes an option not "
		     "(is the file of authorities there?)");
		goto coming;
	}
	rc = p->cafile && p->starttls ? ldap_start_tls_s(ld->conn, NULL, NULL) : LDAP_SUCCESS;
	if (rc) {
		fail_code(ld, rc, true, f);
		f->cause = LD_UNREACHABLE; /* no password was sent */
		goto coming;
	}
	(void)secret_reveal(password, bind_fn, &b);
	if (b.rc) {
		fail_code(ld, b.rc, true, f);
		goto coming;
	}
	own_end(ld);
	if (ld->own[0])
		kit_own_note(ld->own);
	kit_own_done();
	*out = ld;
	return 0;
coming:
	kit_own_done();
out:
	ld_close(&ld);
	return -1;
}

void ld_close(struct ld **ld)
{
	if (!*ld)
		return;
	if ((*ld)->conn)
		ldap_unbind_ext((*ld)->conn, NULL, NULL);
	kit_own_drop((*ld)->own);
	mem_free(*ld);
	*ld = NULL;
}

bool ld_usable(const struct ld *ld)
{
	return ld && ld->conn;
}

bool ld_idle(const struct ld *ld)
{
	struct pollfd p = { .fd = -1, .events = POLLIN };

	return ld_usable(ld) && !ldap_get_option(ld->conn, LDAP_OPT_DESC, &p.fd) &&
	       p.fd >= 0 && poll(&p, 1, 0) == 0;
}

/* ---- searches -------------------------------------------------------------------- */

const char *ld_dn(const struct ld_entry *entry)
{
	return entry->dn;
}

const char *ld_value(const struct ld_entry *entry, const char *attribute, size_t n,
		     size_t *len)
{
	for (size_t i = 0; i < entry->n; i++) {
		const struct kept *k = &entry->kept[i];

		if (strcmp(k->attribute, attribute) != 0)
			continue;
		for (size_t v = 0; k->values && k->values[v]; v++)
			if (v == n) {
				if (len)
					*len = k->values[v]->bv_len;
				return k->values[v]->bv_val;
			}
	}
	return NULL;
}

/* 0, fn's word, or -1 when memory is short. */
static int one_entry(LDAP *conn, LDAPMessage *m, const char *const *attributes,
		     ld_entry_fn fn, void *arg)
{
	struct ld_entry e = { .conn = conn, .msg = m };
	int rc = -1;

	e.dn = ldap_get_dn(conn, m);
	for (; attributes[e.n] && e.n < 16; e.n++) {
		e.kept[e.n].attribute = mem_strdup(attributes[e.n]);
		e.kept[e.n].values = ldap_get_values_len(conn, m, attributes[e.n]);
		if (!e.kept[e.n].attribute)
			goto out;
	}
	rc = e.dn ? fn(&e, arg) : -1;
out:
	for (size_t i = 0; i < 16; i++) {
		mem_free(e.kept[i].attribute);
		if (!e.kept[i].values)
			continue;
		for (size_t v = 0; e.kept[i].values[v]; v++)
			mem_wipe(e.kept[i].values[v]->bv_val, e.kept[i].values[v]->bv_len);
		ldap_value_free_len(e.kept[i].values);
	}
	if (e.dn)
		ldap_memfree(e.dn);
	return rc;
}

/* The next page's mark, from the answer; an empty one: that was the last. */
static void next_page(LDAP *conn, LDAPMessage *res, struct berval *cookie)
{
	LDAPControl **got = NULL, *page;
	ber_int_t estimate;

	ber_memfree(cookie->bv_val);
	*cookie = (struct berval){ 0 };
	if (ldap_parse_result(conn, res, NULL, NULL, NULL, NULL, &got, 0) || !got)
		return;
	page = ldap_control_find(LDAP_CONTROL_PAGEDRESULTS, got, NULL);
	if (page)
		(void)ldap_parse_pageresponse_control(conn, page, &estimate, cookie);
	ldap_controls_free(got);
}

int ld_search(struct ld *ld, const char *base, enum ld_scope scope, const char *filter,
	      const char *const *attributes, ld_entry_fn fn, void *arg, struct ld_fail *f)
{
	struct timeval limit = { .tv_sec = ANSWER_S };
	struct berval cookie = { 0 };
	char *names[20] = { NULL };
	int rc, told = 0;

	*f = (struct ld_fail){ .cause = LD_FINE };
	if (!ld_usable(ld))
		return fail(f, LD_LOST, 0, "the connection is closed");
	for (size_t i = 0; i < 19 && attributes[i]; i++)
		names[i] = mem_strdup(attributes[i]);
	do {
		LDAPControl *page = NULL, *with[2] = { NULL, NULL };
		LDAPMessage *res = NULL;

		if (scope == LD_BELOW &&
		    ldap_create_page_control(ld->conn, PAGE, &cookie, 0, &page) == 0)
			with[0] = page;
		rc = ldap_search_ext_s(ld->conn, base, scope == LD_THIS ? LDAP_SCOPE_BASE :
				       LDAP_SCOPE_SUBTREE, filter, names, 0, with, NULL,
				       &limit, LDAP_NO_LIMIT, &res);
		for (LDAPMessage *m = res ? ldap_first_entry(ld->conn, res) : NULL;
		     m && !told; m = ldap_next_entry(ld->conn, m))
			told = one_entry(ld->conn, m, attributes, fn, arg);
		if (res)
			next_page(ld->conn, res, &cookie);
		if (page)
			ldap_control_free(page);
		if (res)
			ldap_msgfree(res);
	} while (!rc && !told && cookie.bv_len);
	ber_memfree(cookie.bv_val);
	for (size_t i = 0; i < 20; i++)
		mem_free(names[i]);
	if (told)
		return fail(f, LD_OURS, 0, "stopped");
	return rc ? fail_code(ld, rc, false, f) : 0;
}

/* ---- changes --------------------------------------------------------------------- */

#define CHANGES 4
#define VALUES 64

int ld_modify(struct ld *ld, const char *dn, const struct ld_change *c, size_t n,
	      struct ld_fail *f)
{
	static const int ops[] = { LDAP_MOD_ADD, LDAP_MOD_DELETE, LDAP_MOD_REPLACE };
	char *copy[CHANGES][VALUES + 1] = { { NULL } }, *name[CHANGES] = { NULL };
	LDAPMod mod[CHANGES], *list[CHANGES + 1] = { NULL };
	bool short_of = n > CHANGES;
	int rc;

	*f = (struct ld_fail){ .cause = LD_FINE };
	if (!ld_usable(ld))
		return fail(f, LD_LOST, 0, "the connection is closed");
	for (size_t i = 0; i < n && i < CHANGES; i++) {
		size_t v = 0;

		name[i] = mem_strdup(c[i].attribute);
		for (; c[i].values && c[i].values[v] && v < VALUES; v++) {
			copy[i][v] = mem_strdup(c[i].values[v]);
			short_of = short_of || !copy[i][v];
		}
		short_of = short_of || !name[i] || (c[i].values && c[i].values[v]);
		mod[i] = (LDAPMod){ .mod_op = ops[c[i].op], .mod_type = name[i],
				    .mod_values = v ? copy[i] : NULL };
		list[i] = &mod[i];
	}
	rc = short_of ? LDAP_NO_MEMORY : ldap_modify_ext_s(ld->conn, dn, list, NULL, NULL);
	for (size_t i = 0; i < CHANGES; i++) {
		mem_free(name[i]);
		for (size_t v = 0; v < VALUES; v++)
			mem_free(copy[i][v]);
	}
	return rc ? fail_code(ld, rc, false, f) : 0;
}

struct passwd {
	struct ld *ld;
	const char *dn;
	int rc;
};

static int passwd_fn(const unsigned char *p, size_t n, void *arg)
{
	struct passwd *w = arg;
	char *dn = mem_strdup(w->dn), *copy = mem_alloc(n + 1);

	w->rc = LDAP_NO_MEMORY;
	if (dn && copy && n) {
		struct berval who = { .bv_val = dn, .bv_len = strlen(dn) };
		struct berval value = { .bv_val = copy, .bv_len = n }, made = { 0 };

		memcpy(copy, p, n);
		copy[n] = '\0';
		w->rc = ldap_passwd_s(w->ld->conn, &who, NULL, &value, &made, NULL, NULL);
		ber_memfree(made.bv_val);
	}
	mem_free(copy);
	mem_free(dn);
	return 0;
}

int ld_passwd(struct ld *ld, const char *dn, const struct secret *password,
	      struct ld_fail *f)
{
	struct passwd w = { .ld = ld, .dn = dn };

	*f = (struct ld_fail){ .cause = LD_FINE };
	if (!ld_usable(ld))
		return fail(f, LD_LOST, 0, "the connection is closed");
	(void)secret_reveal(password, passwd_fn, &w);
	return w.rc ? fail_code(ld, w.rc, false, f) : 0;
}
