/*
 * incidents: what kills have to do with one connection or one thing.
 *
 * Actions are stored by incident, so this loads incidents one after the other;
 * only questions of a person go this way.
 */
#include "agent/incidents.h"

#include <string.h>

#include "base/mem.h"

struct names {
	char **v;
	size_t n, cap;
};

static int keep_name(const struct incident *inc, void *arg, struct err *e)
{
	struct names *k = arg;

	if (k->n == k->cap) {
		const size_t cap = k->cap == 0 ? 16 : 2 * k->cap;
		char **v = mem_realloc(k->v, cap * sizeof *v);

		if (v == NULL)
			return err_fail(e, ERR_NOMEM, NULL, "out of memory");
		k->v = v;
		k->cap = cap;
	}
	k->v[k->n] = mem_strdup(inc->name);
	if (k->v[k->n] == NULL)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	k->n++;
	return 0;
}

int incidents_open_at(struct vault *v, const char *connection, uint64_t *n,
		      struct err *e)
{
	char **names = NULL;
	size_t n_names = 0;
	int rc = 0;

	*n = 0;
	if (record_open_names(v, &names, &n_names, e) < 0)
		return -1;
	for (size_t i = 0; rc >= 0 && i < n_names; i++) {
		struct work w = { .n_conns = 0 };

		rc = record_load(v, names[i], &w, e);
		for (uint32_t k = 0; rc > 0 && k < w.n_actions; k++) {
			const struct target *t = &w.targets[w.actions[k].target];

			*n += action_open(&w.actions[k]) &&
			      strcmp(work_conn_name(&w, t), connection) == 0;
		}
		work_free(&w);
	}
	record_free_names(&names, n_names);
	return rc < 0 ? -1 : 0;
}

int incidents_of(struct vault *v, const char *connection, const char *account,
		 incident_fn fn, void *arg, struct err *e)
{
	struct names k = { .n = 0 };
	int rc = record_incidents(v, keep_name, &k, e);

	for (size_t i = k.n; rc >= 0 && i > 0; i--) {
		struct work w = { .n_conns = 0 };

		rc = record_load(v, k.v[i - 1], &w, e);
		for (uint32_t a = 0; rc >= 0 && a < w.n_actions; a++) {
			const struct target *t = &w.targets[w.actions[a].target];

			if (strcmp(work_conn_name(&w, t), connection) == 0 &&
			    strcmp(t->account, account) == 0)
				rc = fn(&w, t, &w.actions[a], arg, e);
		}
		work_free(&w);
	}
	for (size_t i = 0; i < k.n; i++)
		mem_free(k.v[i]);
	mem_free(k.v);
	return rc < 0 ? -1 : 0;
}
