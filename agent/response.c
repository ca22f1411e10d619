/*
 * response: sections of curfew.toml against a finding and its owners.
 */
#include "agent/response.h"

#include <string.h>

#include "base/text.h"

static bool glob(const char *pattern, const char *text)
{
	return pattern == NULL || text_glob(pattern, text);
}

static bool fits(const struct app *app, const struct config_response *r,
		 const struct finding *f, const struct owner *o)
{
	const struct config_identity *id = owner_identity(app, o);

	/* a value of ours is sure, whatever the rule that saw it thinks */
	return glob(r->connection, o->conn) && glob(r->kind, o->kind) &&
	       glob(r->identity, id != NULL ? id->name : "") &&
	       (r->confidence == NULL || o->how == WHOSE_VALUE ||
		finding_rank(f->confidence) >= finding_rank(r->confidence));
}

static const char *const words[] = {
	[RESPONSE_NOTIFY] = "", [RESPONSE_ROTATE] = "rotate",
	[RESPONSE_KILL] = "kill", [RESPONSE_KILL_IDENTITY] = "kill-identity",
};

static enum response of_word(const char *action)
{
	for (int i = RESPONSE_ROTATE; i <= RESPONSE_KILL_IDENTITY; i++)
		if (strcmp(action, words[i]) == 0)
			return (enum response)i;
	return RESPONSE_NOTIFY;
}

static enum response of_owner(const struct app *app, const struct finding *f,
			      const struct owner *o, const char **rule)
{
	const struct config *c = app->config;

	if (o->how != WHOSE_VALUE && o->how != WHOSE_PUBLIC)
		return RESPONSE_NOTIFY;
	for (size_t i = 0; c != NULL && i < c->n_responses; i++) {
		const struct config_response *r = &c->responses[i];

		if (!fits(app, r, f, o))
			continue;
		*rule = r->name;
		return of_word(r->action);
	}
	return RESPONSE_NOTIFY;
}

enum response response_for(const struct app *app, const struct finding *f,
			   const struct owners *o, const char **rule)
{
	enum response least = RESPONSE_KILL_IDENTITY;
	bool any = false;

	*rule = NULL;
	for (size_t i = 0; i < o->n; i++) {
		enum response r;

		if (o->v[i].state == INV_DEAD)
			continue;
		r = of_owner(app, f, &o->v[i], rule);
		if (!any || r < least)
			least = r;
		any = true;
	}
	return any ? least : RESPONSE_NOTIFY;
}

const char *response_word(enum response r)
{
	return words[r];
}
