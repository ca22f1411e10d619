/*
 * config_claims: which identity an address belongs to.
 *
 * An exact address goes before a pattern, a credential's own address before
 * its account's, an earlier pattern in the file before a later one.  Built once
 * when the file is read; a question costs one binary search plus the patterns.
 */
#include "agent/config_int.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

static bool is_glob(const char *address)
{
	return strpbrk(address, "*?") != NULL;
}

static int by_address(const void *a, const void *b)
{
	const struct claim *x = a, *y = b;

	return strcmp(x->address, y->address);
}

static const struct toml_node *accounts_node(const struct toml_node *root, const char *identity)
{
	const struct toml_node *t = toml_get(root, "identity");

	t = t != NULL ? toml_get(t, identity) : NULL;
	return t != NULL ? toml_get(t, "accounts") : NULL;
}

static int check_address(const struct reader *r, const struct toml_node *root,
			 const struct config_identity *id, const char *address)
{
	if (strchr(address, '/') != NULL && address[0] != '/')
		return 0;
	return config_bad(r, accounts_node(root, id->name),
		   "'%s' is not an address: write \"CONNECTION/ACCOUNT\" or "
		   "\"CONNECTION/ACCOUNT#ID\"", address);
}

/* A workflow that an identity names must be there: a typing error would
 * otherwise leave a business process without its decision maker. */
static int check_workflow(const struct reader *r, const struct toml_node *root,
			  const struct config_identity *id)
{
	const struct toml_node *t = toml_get(root, "identity");
	const char *best = NULL;
	size_t best_d = 4;

	if (id->workflow == NULL)
		return 0;
	for (size_t i = 0; i < r->c->n_workflows; i++) {
		const char *name = r->c->workflows[i].name;
		const size_t d = text_distance(id->workflow, name, 4);

		if (d == 0)
			return 0;
		if (d < best_d) {
			best_d = d;
			best = name;
		}
	}
	t = toml_get(toml_get(t, id->name), "workflow");
	(void)config_bad(r, t, "there is no [workflow.%s]", id->workflow);
	if (best != NULL)
		err_hint(r->e, "did you mean '%s'?", best);
	return -1;
}

int config_index(const struct reader *r, struct whole *w,
		 const struct toml_node *root)
{
	const struct config *c = &w->c;
	size_t total = 0;

	for (size_t i = 0; i < c->n_identities; i++)
		total += c->identities[i].n_accounts;
	w->claims = mem_array(total + 1, sizeof *w->claims);
	w->globs = mem_array(c->n_identities + 1, sizeof *w->globs);
	if (w->claims == NULL || w->globs == NULL)
		return config_nomem(r);
	for (size_t i = 0; i < c->n_identities; i++) {
		const struct config_identity *id = &c->identities[i];
		bool glob = false;

		if (check_workflow(r, root, id) < 0)
			return -1;
		for (size_t k = 0; k < id->n_accounts; k++) {
			if (check_address(r, root, id, id->accounts[k]) < 0)
				return -1;
			if (is_glob(id->accounts[k]))
				glob = true;
			else
				w->claims[w->n_claims++] = (struct claim){
					id->accounts[k], i };
		}
		if (glob)
			w->globs[w->n_globs++] = i;
	}
	qsort(w->claims, w->n_claims, sizeof *w->claims, by_address);
	for (size_t i = 1; i < w->n_claims; i++) {
		const struct claim *a = &w->claims[i - 1], *b = &w->claims[i];

		if (strcmp(a->address, b->address) == 0 &&
		    a->identity != b->identity)
			return config_bad(r, accounts_node(root, c->identities
							[b->identity].name),
				   "'%s' belongs to '%s' already", b->address,
				   c->identities[a->identity].name);
	}
	return 0;
}

static const struct config_identity *claimed_exactly(const struct whole *w,
						     const char *address)
{
	const struct claim key = { address, 0 };
	const struct claim *hit = address == NULL ? NULL :
		bsearch(&key, w->claims, w->n_claims, sizeof key, by_address);

	return hit != NULL ? &w->c.identities[hit->identity] : NULL;
}

static const struct config_identity *claimed(const struct whole *w,
					     const char *address,
					     const char *alias)
{
	const struct config_identity *exact = claimed_exactly(w, address);

	if (exact == NULL)
		exact = claimed_exactly(w, alias);
	if (exact != NULL)
		return exact;
	for (size_t i = 0; w->c.identities != NULL && i < w->n_globs; i++) {
		const struct config_identity *id =
			&w->c.identities[w->globs[i]];

		for (size_t k = 0; k < id->n_accounts; k++)
			if (is_glob(id->accounts[k]) &&
			    (text_glob(id->accounts[k], address) ||
			     (alias != NULL && strchr(id->accounts[k], '#') &&
			      text_glob(id->accounts[k], alias))))
				return id;
	}
	return NULL;
}

const struct config_identity *config_identity_of(const struct config *c, const char *address,
						 const char *alias)
{
	const struct whole *w = (const struct whole *)(const void *)c;
	const char *hash = strchr(address, '#');
	const struct config_identity *id;
	char *account;

	if (c == NULL || c->n_identities == 0)
		return NULL;
	/* a credential claimed by its own address goes before its account:
	 * one login account may hold the keys of several identities */
	id = claimed(w, address, alias != NULL && alias[0] ? alias : NULL);
	if (id != NULL || hash == NULL)
		return id;
	account = mem_strndup(address, (size_t)(hash - address));
	if (account != NULL)
		id = claimed(w, account, NULL);
	mem_free(account);
	return id;
}

const char *config_owner(const struct config *c, const struct config_identity *id)
{
	if (id == NULL)
		return "";
	if (id->owner != NULL)
		return id->owner;
	for (size_t i = 0; id->workflow != NULL && i < c->n_workflows; i++)
		if (strcmp(c->workflows[i].name, id->workflow) == 0 &&
		    c->workflows[i].owner != NULL)
			return c->workflows[i].owner;
	return "";
}

const struct config_connection *config_connection(const struct config *c, const char *name)
{
	for (size_t i = 0; c != NULL && i < c->n_connections; i++)
		if (strcmp(c->connections[i].name, name) == 0)
			return &c->connections[i];
	return NULL;
}
