/* rot: the plain questions about a line; see rot.h. */
#include <string.h>

#include "agent/engine/rot.h"
#include "base/mem.h"

void rot_free(struct rot_line *l)
{
	char *const texts[] = { l->conn, l->account, l->kind, l->cred,
				l->new_account, l->new_cred, l->partner,
				l->policy, l->nonce, l->why, l->incident,
				l->public };

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		mem_free(texts[i]);
	for (size_t i = 0; i < l->n_sinks; i++) {
		mem_free(l->sinks[i].conn);
		mem_free(l->sinks[i].place);
		mem_free(l->sinks[i].their);
	}
	mem_free(l->sinks);
	rot_ids_clear(&l->before);
	rot_ids_clear(&l->ours);
	rot_ids_clear(&l->strangers);
	*l = (struct rot_line){ .state = 0 };
}

const char *rot_state_word(enum rot_state s)
{
	static const char *const words[RS_STATES] = {
		[RS_IDLE] = "idle", [RS_PLANNED] = "planned",
		[RS_INTENT] = "intent", [RS_TRIED] = "tried",
		[RS_MINTED] = "minted", [RS_VERIFIED_NEW] = "verified-new",
		[RS_DELIVERED] = "delivered", [RS_OVERLAP] = "overlap",
		[RS_OLD_DISABLED] = "old-disabled",
		[RS_OLD_REVOKED] = "old-revoked",
		[RS_VERIFIED_DEAD] = "verified-dead",
		[RS_ABORTING] = "aborting", [RS_ABORT_PROOF] = "abort-proof",
		[RS_SWEPT] = "swept", [RS_KILLED] = "killed",
	};

	return s > 0 && s < RS_STATES ? words[s] : "?";
}

bool rot_busy(const struct rot_line *l)
{
	return l->state != RS_IDLE && l->state != RS_KILLED;
}

bool rot_lost_old(const struct rot_line *l)
{
	return rot_busy(l) && l->flags & RF_IN_PLACE &&
	       l->flags & RF_OLD_UNKNOWN;
}

bool rot_can_abort(const struct rot_line *l)
{
	if (l->state < RS_PLANNED || l->state > RS_VERIFIED_NEW)
		return l->state == RS_SWEPT;
	for (size_t i = 0; i < l->n_sinks; i++)
		if (l->sinks[i].version == l->version)
			return false; /* a consumer may have it */
	return !(l->flags & RF_IN_PLACE) || !(l->flags & RF_OLD_UNKNOWN);
}

const char *rot_new_account(const struct rot_line *l)
{
	return *l->new_account ? l->new_account : l->account;
}

int64_t rot_wake_ms(const struct rot_line *l)
{
	if (l->state == RS_KILLED)
		return 0;
	if (l->state == RS_IDLE)
		return l->due_ms;
	return l->next_ms > 0 && l->next_ms < INT64_MAX ? l->next_ms :
							  l->started_ms;
}

void rot_move(struct rot_line *l, int64_t by_ms)
{
	int64_t *const at[] = {
		&l->next_ms, &l->made_ms, &l->delivered_ms, &l->adopted_ms,
		&l->revoke_ms, &l->disabled_ms, &l->revoked_ms, &l->lost_ms,
		&l->quiet_ms, &l->dead_first_ms, &l->dead_last_ms,
	};

	for (size_t i = 0; i < sizeof(at) / sizeof(*at); i++)
		if (*at[i] > 0 && *at[i] < INT64_MAX)
			*at[i] += by_ms;
	if (l->deadline_ms && l->revoke_ms > l->deadline_ms) {
		l->revoke_ms = l->deadline_ms;
		if (l->state == RS_OVERLAP)
			l->next_ms = l->revoke_ms;
	}
}

int rot_text(char **to, const char *s, struct err *e)
{
	char *copy = mem_strdup(s);

	if (!copy)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	mem_free(*to);
	*to = copy;
	return 0;
}

int rot_ids_add(struct rot_ids *s, const char *id, struct err *e)
{
	char **p;

	if (rot_ids_has(s, id))
		return 0;
	p = mem_realloc(s->p, (s->n + 1) * sizeof(*p));
	if (!p)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	s->p = p;
	p[s->n] = mem_strdup(id);
	if (!p[s->n])
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	s->n++;
	return 0;
}

bool rot_ids_has(const struct rot_ids *s, const char *id)
{
	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->p[i], id) == 0)
			return true;
	return false;
}

void rot_ids_clear(struct rot_ids *s)
{
	for (size_t i = 0; i < s->n; i++)
		mem_free(s->p[i]);
	mem_free(s->p);
	*s = (struct rot_ids){ .n = 0 };
}
