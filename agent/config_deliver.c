/*
 * config_deliver: the places of [rotation.NAME] deliver = [...], checked.
 *
 * Promises that every place is one that can be, that a policy says where its
 * value goes, and that no place is given to two credentials as far as the file
 * alone can tell; the rest is found when a rotation begins (rot_place).
 */
#include "agent/config_int.h"

#include <string.h>

#include "agent/place.h"

static const struct toml_node *node(const struct toml_node *at, const char *list,
				    size_t i)
{
	const struct toml_node *v = toml_get(at, list);

	for (v = v != NULL ? v->child : NULL; v != NULL && i-- > 0;)
		v = v->next;
	return v != NULL ? v : at;
}

static bool same_account(const char *a, const char *b)
{
	const size_t n = strcspn(a, "#");

	return strncmp(a, b, n) == 0 && (b[n] == '\0' || b[n] == '#');
}

/* Two credentials named as such, which are no partners: one of them, or NULL. */
static const char *second(const struct config_rotation *p)
{
	const char *first = NULL;

	for (size_t i = 0; i < p->n_credentials; i++) {
		const char *c = p->credentials[i];

		if (strpbrk(c, "*?") != NULL ||
		    (p->partner != NULL && same_account(p->partner, c)))
			continue;
		if (first == NULL)
			first = c;
		else if (strcmp(first, c) != 0 &&
			 (!same_account(first, c) ||
			  (strchr(first, '#') != NULL &&
			   strchr(c, '#') != NULL)))
			return c;
	}
	return NULL;
}

static int given_before(const struct reader *r, const struct toml_node *at,
			size_t section, size_t i)
{
	const struct config_rotation *p = &r->c->rotations[section];

	for (size_t k = 0; k < section; k++) {
		const struct config_rotation *q = &r->c->rotations[k];

		for (size_t m = 0; m < q->n_deliver; m++) {
			if (strcmp(p->deliver[i], q->deliver[m]) != 0)
				continue;
			(void)config_bad(r, node(at, "deliver", i),
					 "'%s' is where [rotation.%s] delivers, "
					 "too: one would overwrite the other",
					 p->deliver[i], q->name);
			err_hint(r->e, "a place of its own for each; "
				 "{account} in a place stands for the account");
			return -1;
		}
	}
	return 0;
}

static int check_place(const struct reader *r, const struct toml_node *at,
		       size_t section, size_t i)
{
	const struct config_rotation *p = &r->c->rotations[section];
	const char *why = place_wrong(p->deliver[i]), *other;

	if (why != NULL)
		return config_bad(r, node(at, "deliver", i),
				  "'%s' is no place to deliver to: %s",
				  p->deliver[i], why);
	if (place_varies(p->deliver[i]))
		return 0;
	other = second(p);
	if (other != NULL) {
		(void)config_bad(r, node(at, "deliver", i), "'%s' would get "
				 "two credentials ('%s' is one): each would "
				 "overwrite the other", p->deliver[i], other);
		err_hint(r->e, "a policy for each, or {account} in the place");
		return -1;
	}
	return given_before(r, at, section, i);
}

int config_deliver(const struct reader *r, const struct toml_node *root)
{
	const struct toml_node *t = toml_get(root, "rotation");

	for (size_t i = 0; i < r->c->n_rotations; i++) {
		const struct config_rotation *p = &r->c->rotations[i];
		const struct toml_node *at = toml_get(t, p->name);

		for (size_t k = 0; k < p->n_deliver; k++)
			if (check_place(r, at, i, k) < 0)
				return -1;
		if (p->n_deliver || p->adopt == ADOPT_OPERATOR)
			continue;
		(void)config_bad(r, at, "[rotation.%s] says neither where the "
				 "new value is to be delivered nor that an "
				 "operator sees to it", p->name);
		err_hint(r->e, "deliver = [\"SINK/PLACE\"], or adopt = "
			       "\"operator\"");
		return -1;
	}
	return 0;
}
