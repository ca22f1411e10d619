/*
 * work: the in-memory set behind an incident.  Targets are found by a hash of
 * their address, so that joining what a listing shows costs O(1).
 */
#include <string.h>

#include "agent/engine/link.h"
#include "agent/engine/work.h"
#include "base/mem.h"

static uint64_t mix(uint64_t h, const char *s)
{
	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * 0x100000001b3u;
	return (h ^ 0xff) * 0x100000001b3u; /* parts stay apart */
}

static uint32_t hash_of(unsigned what, const char *conn, const char *account,
			const char *kind, const char *id)
{
	uint64_t h = 0xcbf29ce484222325u ^ what;

	h = mix(mix(mix(mix(h, conn), account), kind), id);
	return (uint32_t)(h ^ (h >> 32));
}

const char *work_conn_name(const struct work *w, const struct target *t)
{
	return w->conns[t->conn];
}

void work_free(struct work *w)
{
	for (uint32_t i = 0; i < w->n_targets; i++) {
		mem_free(w->targets[i].account);
		mem_free(w->targets[i].kind);
		mem_free(w->targets[i].id);
	}
	for (uint32_t i = 0; i < w->n_actions; i++)
		mem_free(w->actions[i].note);
	for (size_t i = 0; i < w->n_conns; i++)
		mem_free(w->conns[i]);
	mem_free(w->conns);
	mem_free(w->targets);
	mem_free(w->actions);
	mem_free(w->table);
	mem_free(w->inc.name);
	mem_free(w->inc.reason);
	mem_free(w->inc.who);
	mem_free(w->inc.words);
	mem_free(w->inc.outcome);
	*w = (struct work){ 0 };
}

int work_conn(struct work *w, const char *name, uint16_t *out, struct err *e)
{
	char **grown;

	for (size_t i = 0; i < w->n_conns; i++) {
		if (strcmp(w->conns[i], name) == 0) {
			*out = (uint16_t)i;
			return 0;
		}
	}
	if (w->n_conns == UINT16_MAX)
		return err_fail(e, ERR_TOOBIG, name, "too many connections");
	grown = mem_realloc(w->conns, (w->n_conns + 1) * sizeof(*grown));
	if (!grown)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	w->conns = grown;
	grown[w->n_conns] = mem_strdup(name);
	if (!grown[w->n_conns])
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	*out = (uint16_t)w->n_conns++;
	return 0;
}

uint32_t work_find(const struct work *w, enum target_what what,
		   const char *conn, const char *account, const char *kind,
		   const char *id)
{
	uint32_t i;

	if (!w->table_size)
		return NONE;
	i = w->table[hash_of(what, conn, account, kind, id) &
		     (w->table_size - 1)];
	for (; i != NONE; i = w->targets[i].chain) {
		const struct target *t = &w->targets[i];

		if (t->what == what && strcmp(t->id, id) == 0 &&
		    strcmp(t->account, account) == 0 &&
		    strcmp(t->kind, kind) == 0 &&
		    strcmp(w->conns[t->conn], conn) == 0)
			return i;
	}
	return NONE;
}

static void table_add(struct work *w, uint32_t i)
{
	struct target *t = &w->targets[i];
	uint32_t h = hash_of(t->what, w->conns[t->conn], t->account, t->kind,
			     t->id) & (w->table_size - 1);

	t->chain = w->table[h];
	w->table[h] = i;
}

/* Room for one more target; the table is kept at least as large. */
static int grow_targets(struct work *w, struct err *e)
{
	uint32_t cap = w->cap_targets ? w->cap_targets * 2 : 64;
	struct target *grown;
	uint32_t *table;

	if (w->n_targets < w->cap_targets)
		return 0;
	if (cap > 1u << 26)
		return err_fail(e, ERR_TOOBIG, NULL, "too many targets");
	grown = mem_realloc(w->targets, cap * sizeof(*grown));
	if (!grown)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	w->targets = grown;
	table = mem_alloc(cap * sizeof(*table));
	if (!table)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	mem_free(w->table);
	w->table = table;
	w->table_size = cap;
	w->cap_targets = cap;
	for (uint32_t i = 0; i < cap; i++)
		table[i] = NONE;
	for (uint32_t i = 0; i < w->n_targets; i++)
		table_add(w, i);
	return 0;
}

static void hang(struct work *w, uint32_t parent, uint32_t child)
{
	w->targets[child].parent = parent;
	w->targets[child].sibling = w->targets[parent].child;
	w->targets[parent].child = child;
}

void work_adopt(struct work *w)
{
	for (uint32_t i = 0; w->orphans && i < w->n_targets; i++) {
		struct target *t = &w->targets[i];
		uint32_t parent;

		if ((t->what != T_CREDENTIAL && t->what != T_GRANT) ||
		    t->parent != NONE)
			continue;
		parent = work_find(w, T_ACCOUNT, w->conns[t->conn], t->account,
				   "", "");
		if (parent != NONE) {
			hang(w, parent, i);
			w->orphans--;
		}
	}
}

int work_target(struct work *w, enum target_what what, const char *conn,
		const char *account, const char *kind, const char *id,
		uint32_t *out, bool *added, struct err *e)
{
	struct target *t;
	uint32_t parent;

	if (added)
		*added = false;
	*out = work_find(w, what, conn, account, kind, id);
	if (*out != NONE)
		return 0;
	if (grow_targets(w, e) < 0)
		return -1;
	t = &w->targets[w->n_targets];
	*t = (struct target){ .what = (uint8_t)what, .parent = NONE,
			      .child = NONE, .sibling = NONE, .chain = NONE };
	for (unsigned v = 0; v < V_VERBS; v++)
		t->act[v] = NONE;
	if (work_conn(w, conn, &t->conn, e) < 0)
		return -1;
	t->account = mem_strdup(account);
	t->kind = mem_strdup(kind);
	t->id = mem_strdup(id);
	if (!t->account || !t->kind || !t->id) {
		mem_free(t->account);
		mem_free(t->kind);
		mem_free(t->id);
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	}
	*out = w->n_targets++;
	table_add(w, *out);
	if (what == T_CREDENTIAL || what == T_GRANT) {
		parent = work_find(w, T_ACCOUNT, conn, account, "", "");
		if (parent != NONE)
			hang(w, parent, *out);
		else
			w->orphans++;
	}
	if (added)
		*added = true;
	return 0;
}

int work_action(struct work *w, uint32_t target, enum verb v, int64_t next_ms,
		uint32_t *out, struct err *e)
{
	struct action *a;

	*out = w->targets[target].act[v];
	if (*out != NONE)
		return 0;
	if (w->n_actions == w->cap_actions) {
		uint32_t cap = w->cap_actions ? w->cap_actions * 2 : 128;
		struct action *grown;

		if (cap > 1u << 28)
			return err_fail(e, ERR_TOOBIG, NULL, "too many actions");
		grown = mem_realloc(w->actions, cap * sizeof(*grown));
		if (!grown)
			return err_fail(e, ERR_NOMEM, NULL, "out of memory");
		w->actions = grown;
		w->cap_actions = cap;
	}
	a = &w->actions[w->n_actions];
	*a = (struct action){ .target = target, .verb = (uint8_t)v,
			      .state = A_INTENDED, .next_ms = next_ms,
			      .dirty = true };
	*out = w->n_actions++;
	w->targets[target].act[v] = *out;
	return 0;
}

struct action *work_of(const struct work *w, uint32_t target, enum verb v)
{
	uint32_t i = target == NONE ? NONE : w->targets[target].act[v];

	return i == NONE ? NULL : &w->actions[i];
}

bool work_missing(const struct work *w, uint32_t target)
{
	const struct action *note = work_of(w, target, V_NOTE);
	const struct action *x = work_of(w, target, V_DISABLE);

	if (note && note->flags & AF_ABSENT &&
	    w->targets[target].flags & TF_SKIPPED)
		return true;
	return x && x->flags & AF_ABSENT && w->targets[target].child == NONE &&
	       ((x->state == A_DONE && x->status == LINK_ABSENT) ||
		x->state == A_UNSUPPORTED || x->state == A_MOOT);
}

void work_move(struct work *w, int64_t by_ms)
{
	for (uint32_t i = 0; i < w->n_actions; i++) {
		struct action *a = &w->actions[i];
		int64_t *const at[] = { &a->next_ms, &a->sent_ms,
					&a->answered_ms, &a->done_ms,
					&a->first_ms, &a->last_ms,
					&a->value_ms, &a->held_ms };

		for (size_t k = 0; k < sizeof(at) / sizeof(*at); k++)
			if (*at[k] > 0 && *at[k] < INT64_MAX)
				*at[k] += by_ms;
	}
}

int action_note(struct action *a, const char *text, struct err *e)
{
	char *copy;

	if (!text || !*text) {
		mem_free(a->note);
		a->note = NULL;
		return 0;
	}
	if (a->note && strcmp(a->note, text) == 0)
		return 0;
	copy = mem_strndup(text, 400);
	if (!copy)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	mem_free(a->note);
	a->note = copy;
	return 0;
}

bool action_settled(const struct action *a)
{
	return a->state == A_DONE || a->state == A_UNSUPPORTED ||
	       a->state == A_MOOT;
}

bool target_by_value(const struct target *t)
{
	return t->what == T_CREDENTIAL && strcmp(t->account, ACCOUNT_BY_VALUE) == 0;
}

bool action_by_value(const struct work *w, const struct action *a)
{
	return a->verb == V_REVOKE && (a->flags & AF_BY_VALUE ||
				       target_by_value(&w->targets[a->target]));
}

const char *action_verb(const struct work *w, const struct action *a)
{
	return action_by_value(w, a) ? "revoke_value" : verb_word(a->verb);
}

bool work_unknown(const struct work *w, uint32_t target)
{
	const struct target *t = &w->targets[target];
	const struct action *r = work_of(w, target, V_REVOKE);

	return (target_by_value(t) ||
		(r && r->flags & (AF_BY_VALUE | AF_DOUBT))) &&
	       !(t->flags & TF_BEFORE) && !work_value_seen(w, target);
}

bool work_elsewhere(const struct work *w, uint32_t target)
{
	if (!target_by_value(&w->targets[target]))
		return false;
	for (uint32_t i = 0; work_unknown(w, target) && i < w->n_targets; i++)
		if (target_by_value(&w->targets[i]) && !work_unknown(w, i) &&
		    strcmp(w->targets[i].id, w->targets[target].id) == 0)
			return true;
	return false;
}

bool work_value_seen(const struct work *w, uint32_t target)
{
	const struct action *p = work_of(w, target, V_PROBE);
	const struct action *r = work_of(w, target, V_REVOKE);

	return (p && p->value_ms) || (r && r->flags & AF_KNOWN);
}

bool work_confirmed(const struct work *w, uint32_t target)
{
	const struct action *r = work_of(w, target, V_REVOKE);
	const struct action *x = work_of(w, w->targets[target].parent,
					 V_DISABLE);

	return (r && r->done_ms) || (x && x->done_ms);
}

bool work_try_value(const struct work *w, const struct action *a)
{
	const struct target *t = &w->targets[a->target];
	const struct action *r = work_of(w, a->target, V_REVOKE);
	const struct action *x = work_of(w, t->parent, V_DISABLE);

	return a->beside && !a->attempts && r && !r->answered_ms &&
	       !(x && x->answered_ms);
}

/* A refusal that counts leaves a count, and an "alive" takes the flag away. */
bool work_unproved(const struct work *w, uint32_t target)
{
	const struct action *p = work_of(w, target, V_PROBE);

	return p && w->targets[target].what == T_CREDENTIAL &&
	       !action_settled(p) && !p->count && p->flags & AF_REFUSAL;
}

bool action_open(const struct action *a)
{
	return !action_settled(a);
}

bool verb_cuts(unsigned v)
{
	return v == V_DISABLE || v == V_REVOKE || v == V_CUT ||
	       v == V_REMOVE_GRANT;
}

const char *verb_word(unsigned v)
{
	static const char *const words[V_VERBS] = {
		"", "snapshot", "disable", "revoke", "cut_sessions",
		"remove_grant", "list", "probe", "note",
	};

	return v < V_VERBS ? words[v] : "";
}

const char *action_word(unsigned state)
{
	static const char *const words[] = {
		"", "intended", "sent", "trying", "done", "unsupported", "moot",
	};

	return state < sizeof(words) / sizeof(*words) ? words[state] : "";
}
