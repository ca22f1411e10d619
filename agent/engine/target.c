/*
 * target: from words to accounts and credentials of the inventory.  Owns the
 * reading of words; must never pick one of several meanings.
 */
#include <string.h>

#include "agent/claims.h"
#include "agent/engine/target.h"
#include "base/mem.h"
#include "base/text.h"
#include "vault/inventory.h"

#define PRINT_MIN 12 /* shorter ids ("password") say nothing alone */

void selection_free(struct selection *s)
{
	for (size_t i = 0; i < s->n; i++) {
		mem_free(s->p[i].conn);
		mem_free(s->p[i].account);
		mem_free(s->p[i].kind);
		mem_free(s->p[i].id);
		mem_free(s->p[i].missing);
	}
	mem_free(s->p);
	mem_free(s->named);
	*s = (struct selection){ 0 };
}

int selection_add(struct selection *s, const char *conn, const char *account,
		  const char *kind, const char *id, struct err *e)
{
	struct selected *x;

	if (s->n == s->cap) {
		size_t cap = s->cap ? s->cap * 2 : 16;
		struct selected *p = mem_realloc(s->p, cap * sizeof(*p));

		if (!p)
			return err_fail(e, ERR_NOMEM, NULL, "out of memory");
		s->p = p;
		s->cap = cap;
	}
	x = &s->p[s->n++];
	*x = (struct selected){ mem_strdup(conn), mem_strdup(account),
				mem_strdup(kind), mem_strdup(id), NULL };
	if (!x->conn || !x->account || !x->kind || !x->id)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	return 0;
}

int selection_missing(struct selection *s, const char *address,
		      const char *why, struct err *e)
{
	char *conn = NULL, *account = NULL, *id = NULL;
	int rc = -1;

	/* What cannot be taken apart stands whole in the account's place. */
	if (!inv_parse(address, &conn, &account, &id) || !account)
		rc = selection_add(s, "?", address, "", "", e);
	else
		rc = selection_add(s, conn, account, "", id ? id : "", e);
	if (rc == 0) {
		s->p[s->n - 1].missing = mem_strdup(why);
		if (!s->p[s->n - 1].missing)
			rc = err_fail(e, ERR_NOMEM, NULL, "out of memory");
	}
	mem_free(conn);
	mem_free(account);
	mem_free(id);
	return rc;
}

bool selection_any(const struct selection *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (!s->p[i].missing)
			return true;
	return false;
}

size_t selection_accounts(const struct selection *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++)
		n += i == 0 || strcmp(s->p[i].conn, s->p[i - 1].conn) != 0 ||
		     strcmp(s->p[i].account, s->p[i - 1].account) != 0;
	return n;
}

/* ---- globs and whole connections ------------------------------------------ */

struct match {
	struct selection *s;
	const char *pattern;
	size_t hits;
};

static int match_account(const struct inv_account *a, void *arg, struct err *e)
{
	struct match *m = arg;
	struct buf b = BUF_INIT(BUF_TEXT_MAX);
	int rc = -1;

	if (inv_address(&b, a->connection, a->name, NULL, e) < 0)
		goto out;
	rc = 0;
	if (m->pattern && !text_glob(m->pattern, b.p))
		goto out;
	m->hits++;
	rc = selection_add(m->s, a->connection, a->name, "", "", e);
out:
	buf_release(&b);
	return rc;
}

static int match_credential(const struct inv_credential *c, void *arg,
			    struct err *e)
{
	struct match *m = arg;
	int rc = claim_glob(m->pattern, c, e);

	if (rc <= 0)
		return rc;
	m->hits++;
	return selection_add(m->s, c->connection, c->account, c->kind, c->id, e);
}

static int by_glob(struct app *app, const char *pattern, struct selection *s,
		   size_t *hits, struct err *e)
{
	struct match m = { .s = s, .pattern = pattern };
	int rc = strchr(pattern, '#') ?
		 inv_credentials(app->vault, NULL, NULL, match_credential, &m,
				 e) :
		 inv_accounts(app->vault, NULL, match_account, &m, e);

	*hits = m.hits;
	return rc < 0 ? -1 : 0;
}

static bool is_glob(const char *s)
{
	return strpbrk(s, "*?") != NULL;
}

/* ---- one address ----------------------------------------------------------- */

struct by_id {
	struct selection *s;
	const char *id;
	bool label; /* it is what a person calls it */
	size_t hits;
};

static int credential_by_id(const struct inv_credential *c, void *arg,
			    struct err *e)
{
	struct by_id *b = arg;
	const char *id = b->id;
	size_t k = strlen(c->kind);

	if (b->label) {
		if (strcmp(c->label, id) != 0)
			return 0;
		b->hits++;
		return selection_add(b->s, c->connection, c->account, c->kind,
				     c->id, e);
	}
	/* "#kind:id" settles an id that two kinds share */
	if (strncmp(id, c->kind, k) == 0 && id[k] == ':' &&
	    strcmp(id + k + 1, c->id) == 0)
		id += k + 1;
	if (strcmp(c->id, id) != 0)
		return 0;
	b->hits++;
	return selection_add(b->s, c->connection, c->account, c->kind, c->id, e);
}

/* 1 found, 0 not, -1. */
static int by_address(struct app *app, const char *word, struct selection *s,
		      bool listed, struct err *e)
{
	char *conn = NULL, *account = NULL, *id = NULL;
	struct inv_connection c = { 0 };
	struct inv_account a = { 0 };
	struct by_id b = { .s = s };
	int rc = -1;

	if (!inv_parse(word, &conn, &account, &id) || !account) {
		rc = 0;
		goto out;
	}
	if (id) {
		b.id = id;
		if (inv_credentials(app->vault, conn, account, credential_by_id,
				    &b, e) < 0)
			goto out;
		if (b.hits > 1) {
			err_fail(e, ERR_USAGE, word, "%zu credentials of "
				 "different kinds have that id", b.hits);
			err_hint(e, "write %s/%s#KIND:ID", conn, account);
			goto out;
		}
		if (!b.hits) {
			b.label = true;
			if (inv_credentials(app->vault, conn, account,
					    credential_by_id, &b, e) < 0)
				goto out;
		}
		/* An identity's label means every key that bears it. */
		if (b.hits > 1 && !listed) {
			err_fail(e, ERR_USAGE, word, "%zu credentials bear that "
				 "label", b.hits);
			err_hint(e, "write the id: 'curfew list' shows them; or "
				    "all of them: '%s*'", word);
			goto out;
		}
		rc = b.hits > 0;
		goto out;
	}
	rc = inv_account_get(app->vault, conn, account, &a, e);
	if (rc == 0 && listed) {
		/* The operator's own file names it: there may be something that
		 * no sync has shown yet. */
		rc = inv_connection_get(app->vault, conn, &c, NULL, e);
		if (rc > 0)
			inv_connection_free(&c);
	} else if (rc > 0) {
		inv_account_free(&a);
	}
	if (rc > 0 && selection_add(s, conn, account, "", "", e) < 0)
		rc = -1;
out:
	mem_free(conn);
	mem_free(account);
	mem_free(id);
	return rc;
}

struct by_print {
	struct selection *s;
	const char *print;
};

static int credential_by_print(const struct inv_credential *c, void *arg,
			       struct err *e)
{
	struct by_print *b = arg;

	if (strcmp(c->id, b->print) != 0 &&
	    strcmp(c->fingerprint, b->print) != 0)
		return 0;
	return selection_add(b->s, c->connection, c->account, c->kind, c->id, e);
}

/* A public fingerprint or id names the credential wherever it stands. */
static int by_print(struct app *app, const char *word, struct selection *s,
		    struct err *e)
{
	struct by_print b = { .s = s, .print = word };
	size_t before = s->n;

	if (strlen(word) < PRINT_MIN)
		return 0;
	if (inv_credentials(app->vault, NULL, NULL, credential_by_print, &b,
			    e) < 0)
		return -1;
	return s->n > before;
}

/* ---- names ------------------------------------------------------------------ */

/* One bad entry must not keep the rest alive: it is told apart. */
static const char *why_missing(const char *address)
{
	if (strchr(address, '#'))
		return "no credential matches";
	return is_glob(address) ? "no account matches" :
				  "no such connection";
}

static int add_identity(struct app *app, const struct config_identity *id,
			struct selection *s, struct err *e)
{
	for (size_t i = 0; i < id->n_accounts; i++) {
		size_t hits = 0;
		int rc;

		if (is_glob(id->accounts[i])) {
			if (by_glob(app, id->accounts[i], s, &hits, e) < 0)
				return -1;
			rc = hits > 0;
		} else {
			rc = by_address(app, id->accounts[i], s, true, e);
			if (rc < 0)
				return -1;
		}
		if (rc == 0 &&
		    selection_missing(s, id->accounts[i],
				      why_missing(id->accounts[i]), e) < 0)
			return -1;
	}
	return 0;
}

static bool has_tag(const struct config_identity *id, const char *tag)
{
	for (size_t i = 0; i < id->n_tags; i++)
		if (strcmp(id->tags[i], tag) == 0)
			return true;
	return false;
}

enum meaning { M_IDENTITY = 1, M_WORKFLOW = 2, M_TAG = 4, M_CONNECTION = 8 };

static const struct {
	const char *prefix;
	unsigned meaning;
} prefixes[] = {
	{ "identity:", M_IDENTITY }, { "workflow:", M_WORKFLOW },
	{ "tag:", M_TAG }, { "connection:", M_CONNECTION },
};

static bool belongs(const struct config_identity *id, unsigned meaning,
		    const char *name)
{
	switch (meaning) {
	case M_IDENTITY:
		return strcmp(id->name, name) == 0;
	case M_WORKFLOW:
		return id->workflow && strcmp(id->workflow, name) == 0;
	case M_TAG:
		return has_tag(id, name);
	default:
		return false;
	}
}

/* What the name means; more than one bit is ambiguous. */
static int meanings(struct app *app, const char *name, unsigned asked,
		    unsigned *out, struct err *e)
{
	const struct config *c = app->config;
	struct inv_connection conn = { 0 };
	int rc;

	*out = 0;
	for (size_t i = 0; c && i < c->n_identities; i++)
		for (unsigned m = M_IDENTITY; m <= M_TAG; m <<= 1)
			if (asked & m && belongs(&c->identities[i], m, name))
				*out |= m;
	for (size_t i = 0; c && i < c->n_workflows; i++)
		if (asked & M_WORKFLOW &&
		    strcmp(c->workflows[i].name, name) == 0)
			*out |= M_WORKFLOW;
	if (!(asked & M_CONNECTION))
		return 0;
	rc = inv_connection_get(app->vault, name, &conn, NULL, e);
	if (rc > 0) {
		*out |= M_CONNECTION;
		inv_connection_free(&conn);
	}
	return rc < 0 ? -1 : 0;
}

static int add_meaning(struct app *app, const char *name, unsigned m,
		       struct selection *s, struct err *e)
{
	struct match all = { .s = s };

	if (m != M_IDENTITY)
		s->bulk = true;
	if (m == M_CONNECTION)
		return inv_accounts(app->vault, name, match_account, &all,
				    e) < 0 ? -1 : 0;
	for (size_t i = 0; i < app->config->n_identities; i++) {
		const struct config_identity *id = &app->config->identities[i];

		if (belongs(id, m, name) && add_identity(app, id, s, e) < 0)
			return -1;
	}
	return 0;
}

static int by_name(struct app *app, const char *name, unsigned asked,
		   struct selection *s, struct err *e)
{
	unsigned m;

	if (meanings(app, name, asked, &m, e) < 0)
		return -1;
	if (!m)
		return 0;
	if (m & (m - 1)) {
		err_fail(e, ERR_USAGE, name, "it names several things:%s%s%s%s",
			 m & M_IDENTITY ? " an identity" : "",
			 m & M_WORKFLOW ? " a workflow" : "",
			 m & M_TAG ? " a tag" : "",
			 m & M_CONNECTION ? " a connection" : "");
		err_hint(e, "say which: identity:%s, workflow:%s, connection:%s",
			 name, name, name);
		return -1;
	}
	return add_meaning(app, name, m, s, e) < 0 ? -1 : 1;
}

int target_word(struct app *app, const char *word, struct selection *s,
		struct err *e)
{
	unsigned asked = M_IDENTITY | M_WORKFLOW | M_CONNECTION;
	size_t before = s->n, hits;
	const char *name = word;
	int rc = 0;

	mem_free(s->named);
	s->named = mem_strdup(word);
	for (size_t i = 0; i < sizeof(prefixes) / sizeof(*prefixes); i++) {
		size_t n = strlen(prefixes[i].prefix);

		if (strncmp(word, prefixes[i].prefix, n) == 0) {
			asked = prefixes[i].meaning;
			name = word + n;
		}
	}
	if (name == word && is_glob(word)) {
		s->bulk = true;
		if (by_glob(app, word, s, &hits, e) < 0)
			return -1;
		rc = hits > 0;
	} else if (name == word && strchr(word, '/')) {
		rc = by_address(app, word, s, false, e);
	} else {
		rc = by_name(app, name, asked, s, e);
	}
	if (rc == 0 && name == word)
		rc = by_print(app, word, s, e);
	if (rc < 0)
		return err_ctx(e, word, "kill");
	if (rc > 0 && s->n > before)
		return 0;
	if (rc > 0)
		err_fail(e, ERR_USAGE, word, "nothing of it is in the inventory");
	else
		err_fail(e, ERR_USAGE, word, "no identity, connection, workflow "
			 "or address of that name");
	target_near(app, name, e);
	return err_ctx(e, word, "kill");
}
