/*
 * restore_look: list the account again and say what is there.
 *
 * An `ok` to restore is the provider's opinion of its own work; a person who
 * gives a bot its access back wants to know whether it has it.
 */
#include "agent/restore_look.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

#define LIST_MS 30000
#define POLL_MS 200

struct look {
	const struct work *w;
	uint32_t target;
	bool *active; /* by target: listed as active */
	bool seen, complete, done;
	char state[40]; /* of the target, as listed */
	char why[300];
};

static void take_item(struct look *k, const struct json *item)
{
	const struct target *t = &k->w->targets[k->target];
	const char *conn = k->w->conns[t->conn];
	const char *what = json_str(item, "what"), *state = json_str(item, "state");
	const char *account = json_str(item, "account");
	const char *kind = json_str(item, "kind"), *id = json_str(item, "id");
	bool is_account = what && strcmp(what, "account") == 0;
	uint32_t at;

	if (!what || !account || (!is_account && strcmp(what, "credential") != 0))
		return;
	at = is_account ? work_find(k->w, T_ACCOUNT, conn, account, "", "") :
	     kind && id ? work_find(k->w, T_CREDENTIAL, conn, account, kind, id) :
			  NONE;
	if (at == NONE)
		return;
	k->active[at] = !state || strcmp(state, "active") == 0;
	if (at == k->target) {
		k->seen = true;
		(void)snprintf(k->state, sizeof(k->state), "%s",
			       !state ? "active" :
			       strcmp(state, "expired") == 0 ? "expired" :
			       k->active[at] ? "active" : "disabled");
	}
}

static void on_answer(struct link *l, const struct link_answer *a, void *arg)
{
	struct look *k = arg;

	(void)l;
	if (a->status == LINK_ITEM) {
		struct json *item = json_get(a->body, "item");

		if (item)
			take_item(k, item);
		return;
	}
	k->done = true;
	if (a->status == LINK_OK && a->body)
		(void)json_bool(a->body, "complete", &k->complete);
	else
		(void)snprintf(k->why, sizeof(k->why), "%s", a->error);
}

static int list(struct link *l, struct look *k, const char *account, struct err *e)
{
	struct json *q = json_object();

	if (!json_set_str(q, "verb", "list") || !json_set_str(q, "account", account)) {
		json_free(&q);
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	}
	if (link_call(l, 1, q, NULL, LIST_MS, e) < 0)
		return -1;
	while (!k->done)
		if (links_poll(&l, 1, POLL_MS, on_answer, k, e) < 0)
			return -1;
	return 0;
}

/* Its credentials that ended with it and did not come back: the first's name. */
static uint32_t still_off(const struct look *k, const char **first)
{
	uint32_t n = 0, c = k->w->targets[k->target].child;

	for (; c != NONE; c = k->w->targets[c].sibling) {
		const struct target *t = &k->w->targets[c];

		if (t->what != T_CREDENTIAL || k->active[c] ||
		    t->flags & (TF_BEFORE | TF_FOUND | TF_SKIPPED))
			continue;
		if (!n++)
			*first = t->id;
	}
	return n;
}

static void add(char *out, size_t cap, const char *text)
{
	size_t n = strlen(out);

	(void)snprintf(out + n, cap - n, "%s", text);
}

/* The target is listed as active: its credentials? */
static bool tell_rest(const struct look *k, char *out, size_t cap)
{
	const char *first = "";
	char text[300];
	uint32_t n = still_off(k, &first);

	if (!n)
		return true;
	if (n == 1)
		(void)snprintf(text, sizeof(text), ", but its credential %.200s "
			       "is not", first);
	else
		(void)snprintf(text, sizeof(text), ", but %u of its credentials "
			       "are not (%.200s, ...)", n, first);
	add(out, cap, text);
	return false;
}

bool restore_look(struct link *l, const struct work *w, uint32_t target,
		  bool whole, char *out, size_t cap)
{
	const struct target *t = &w->targets[target];
	struct look k = { .w = w, .target = target };
	struct err e = ERR_INIT;
	bool was_off = t->flags & TF_WAS_OFF, good = false;
	char text[400];

	k.active = mem_array(w->n_targets, sizeof(*k.active));
	if (!k.active || list(l, &k, t->account, &e) < 0) {
		add(out, cap, "; what is there now could not be listed");
		goto out;
	}
	if (k.seen && strcmp(k.state, "active") == 0) {
		add(out, cap, ", and listed active");
		good = !whole || t->what != T_ACCOUNT || tell_rest(&k, out, cap);
	} else if (k.seen) {
		(void)snprintf(text, sizeof(text), ", but listed %s%s", k.state,
			       was_off ? ", as before the incident" : "");
		add(out, cap, text);
		good = was_off;
	} else {
		(void)snprintf(text, sizeof(text), k.complete ?
			       ", but it is not listed" :
			       "; it could not be listed%s%.200s",
			       *k.why ? ": " : "", k.why);
		add(out, cap, text);
	}
out:
	mem_free(k.active);
	return good;
}
