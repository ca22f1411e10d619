/*
 * config_response: the [response.NAME] sections, checked.
 */
#include "agent/config_int.h"

#include <string.h>


static bool one_of(const char *word, const char *const *words)
{
	for (; *words != NULL; words++)
		if (strcmp(word, *words) == 0)
			return true;
	return false;
}

int config_responses(const struct reader *r, const struct toml_node *root)
{
	static const char *const actions[] = { "notify", "kill",
					       "kill-identity", "rotate", NULL };
	static const char *const words[] = { "low", "medium", "high", NULL };
	const struct toml_node *t = toml_get(root, "response");

	for (size_t i = 0; i < r->c->n_responses; i++) {
		const struct config_response *x = &r->c->responses[i];
		const struct toml_node *at = toml_get(t, x->name);

		if (x->action == NULL || !one_of(x->action, actions))
			return config_bad(r, at, "[response.%s] needs an action: "
					  "\"notify\", \"rotate\", \"kill\" "
					  "or \"kill-identity\"", x->name);
		if (x->confidence != NULL && !one_of(x->confidence, words))
			return config_bad(r, at, "[response.%s] confidence is "
					  "\"low\", \"medium\" or \"high\"",
					  x->name);
	}
	return 0;
}
