/*
 * config_alarm: the [alarm.NAME] sections, checked.
 */
#include "agent/config_int.h"

#include <string.h>

#include "base/mem.h"
#include "base/text.h"

#define PROGRAM_WORDS 60u
#define MAIL_TO 50u
#define REPEAT_DEFAULT_MS (6LL * 3600 * 1000)

/* A word that ends up in a mail's head: one line, no room for a second field. */
static bool plain_address(const char *s)
{
	const size_t n = strlen(s);

	if (n == 0 || n > 254 || s[0] == '-')
		return false;
	for (size_t i = 0; i < n; i++)
		if (s[i] <= ' ' || s[i] > '~' || strchr("<>,;:\"()\\", s[i]))
			return false;
	return true;
}

/* Clear text leaves this machine for nobody. */
static bool good_url(const char *u)
{
	static const char *const here[] = { "http://127.0.0.1", "http://[::1]",
					    "http://localhost" };

	for (const char *s = u; *s != '\0'; s++)
		if (*s <= ' ' || *s > '~')
			return false;
	if (strncmp(u, "https://", 8) == 0)
		return u[8] != '\0' && u[8] != '/';
	for (size_t i = 0; i < sizeof here / sizeof *here; i++) {
		const size_t n = strlen(here[i]);

		if (strncmp(u, here[i], n) == 0 &&
		    (u[n] == '\0' || u[n] == '/' || u[n] == ':'))
			return true;
	}
	return false;
}

static int check_event(const struct reader *r, const struct toml_node *v)
{
	static const char *const events[] = { "stuck", "quarantine", "deadline",
					      "clock", "finding", NULL };

	for (size_t i = 0; events[i] != NULL; i++)
		if (strcmp(v->str, events[i]) == 0)
			return 0;
	(void)config_bad(r, v, "there is no event '%s'", v->str);
	err_hint(r->e, "\"stuck\", \"quarantine\", \"deadline\", \"clock\", "
		       "\"finding\"");
	return -1;
}

static int check(const struct reader *r, const struct toml_node *at,
		 struct config_alarm *a)
{
	const struct toml_node *v;

	if (a->repeat_ms == 0)
		a->repeat_ms = REPEAT_DEFAULT_MS;
	if (a->sendmail == NULL && a->n_mail > 0 &&
	    (a->sendmail = mem_strdup("/usr/sbin/sendmail")) == NULL)
		return config_nomem(r);
	if (a->n_program == 0 && a->n_mail == 0 && a->webhook == NULL)
		return config_bad(r, at, "[alarm.%s] reaches nobody: give "
				  "'program', 'mail' or 'webhook'", a->name);
	if (a->n_program > 0 && a->program[0][0] != '/')
		return config_bad(r, toml_get(at, "program"), "'program' starts "
				  "with the absolute path of a program");
	if (a->n_program > PROGRAM_WORDS || a->n_mail > MAIL_TO)
		return config_bad(r, at, "[alarm.%s] has more than %u words or "
				  "%u addresses", a->name, PROGRAM_WORDS, MAIL_TO);
	v = toml_get(at, "mail");
	for (v = v != NULL ? v->child : NULL; v != NULL; v = v->next)
		if (!plain_address(v->str))
			return config_bad(r, v, "'%s' is not a mail address",
					  v->str);
	if (a->from != NULL && !plain_address(a->from))
		return config_bad(r, toml_get(at, "from"), "'%s' is not a mail "
				  "address", a->from);
	if (a->n_mail == 0 && (a->from != NULL || a->sendmail != NULL))
		return config_bad(r, at, "[alarm.%s] says how to mail and not "
				  "to whom: 'mail'", a->name);
	if (a->webhook != NULL && !good_url(a->webhook))
		return config_bad(r, toml_get(at, "webhook"), "'webhook' must be "
				  "an https:// address (http:// only of this "
				  "machine)");
	v = toml_get(at, "events");
	for (v = v != NULL ? v->child : NULL; v != NULL; v = v->next)
		if (check_event(r, v) < 0)
			return -1;
	return 0;
}

int config_alarms(const struct reader *r, const struct toml_node *root)
{
	const struct toml_node *t = toml_get(root, "alarm");

	for (size_t i = 0; i < r->c->n_alarms; i++)
		if (check(r, toml_get(t, r->c->alarms[i].name),
			  &r->c->alarms[i]) < 0)
			return -1;
	return 0;
}

const struct config_alarm *config_alarm(const struct config *c, const char *name)
{
	for (size_t i = 0; c != NULL && i < c->n_alarms; i++)
		if (strcmp(c->alarms[i].name, name) == 0)
			return &c->alarms[i];
	return NULL;
}

void config_alarms_free(struct config *c)
{
	for (size_t i = 0; i < c->n_alarms; i++) {
		struct config_alarm *a = &c->alarms[i];

		mem_free(a->name);
		config_list_free(a->program, a->n_program);
		config_list_free(a->mail, a->n_mail);
		config_list_free(a->events, a->n_events);
		mem_free(a->sendmail);
		mem_free(a->from);
		mem_free(a->webhook);
	}
	mem_free(c->alarms);
}
