/* kit: a provider of its own, run in a child, spoken to over pipes. */
// link: base kit
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "providers/kit/kit.h"

/* ---- the provider --------------------------------------------------------- */

static atomic_int opened;
static pthread_barrier_t two;

static int fake_open(const struct kit_connection *c, void **session, struct err *e)
{
	const char *fail = kit_option(c, "fail", "");

	if (!strcmp(fail, "refused"))
		return err_fail(e, ERR_PROVIDER, NULL, "wrong password");
	if (!strcmp(fail, "network"))
		return err_fail(e, ERR_IO, NULL, "no route");
	*session = (void *)(intptr_t)(atomic_fetch_add(&opened, 1) + 1);
	return 0;
}

#define VERB(name)                                                              \
	static int name(void *session, const struct kit_connection *c,          \
			const struct kit_request *q, struct kit_stream *s,      \
			struct kit_reply *r, struct err *e)
#define UNUSED (void)session, (void)c, (void)q, (void)s, (void)r, (void)e

VERB(fake_list)
{
	struct json *good = json_object(), *odd = json_object(), *big = json_object();
	char *text = mem_alloc(1200000);

	UNUSED;
	memset(text, 'x', 1199999);
	text[1199999] = 0;
	json_set_str(good, "what", "account");
	json_set_str(good, "account", "a");
	json_set_str(odd, "what", "account");
	json_set_str(big, "what", "account");
	json_set_str(odd, "account", "caf\xe9");
	json_set_str(big, "account", text);
	mem_free(text);
	if (kit_item(s, good, e) || kit_item(s, odd, e) || kit_item(s, big, e))
		return -1;
	json_set_bool(kit_body(r), "complete", true);
	return 0;
}

VERB(fake_probe)
{
	UNUSED;
	if (!strcmp(q->credential, "fault"))
		return err_fail(e, ERR_IO, "wire", "it broke");
	if (!strcmp(q->credential, "lost"))
		r->lost = true;
	json_set_int(kit_body(r), "session", (intptr_t)session);
	return kit_tell(r, !strcmp(q->credential, "dead") ? KIT_DEAD : KIT_ALIVE, true,
			"seen \xff\x1b here");
}

VERB(fake_mint)
{
	UNUSED;
	r->secret = secret_new("fresh \"key\"", 11, e);
	json_set_str(kit_body(r), "secret", "in the clear");
	json_set_str(kit_body(r), "status", "refused");
	json_set_str(kit_body(r), "credential", "new");
	return r->secret ? 0 : -1;
}

VERB(fake_meet)
{
	UNUSED;
	pthread_barrier_wait(&two); /* returns only when two run at once */
	return 0;
}

static const struct provider fake = {
	.name = "fake",
	.describe = "{\"options\":[{\"name\":\"fail\"},{\"name\":\"x.*\"}],"
		    "\"secret\":\"optional\",\"facts\":{}}",
	.parallel = 2,
	.open = fake_open,
	.verbs = { { "list", fake_list }, { "probe", fake_probe }, { "mint", fake_mint },
		   { "last_used", fake_meet }, { "revoke", NULL }, { .verb = NULL } },
};

/* ---- the talk ------------------------------------------------------------- */

struct talk {
	pid_t pid;
	FILE *in, *out;
	char *line;
	size_t cap;
};

static void start(struct talk *t)
{
	int in[2], out[2];

	memset(t, 0, sizeof(*t));
	assert_int_equal(pipe(in) | pipe(out), 0);
	t->pid = fork();
	if (t->pid == 0) {
		char name[] = "fake", *argv[] = { name, NULL };

		dup2(in[0], 0);
		dup2(out[1], 1);
		pthread_barrier_init(&two, NULL, 2);
		alarm(60);
		_exit(kit_main(&fake, 1, argv));
	}
	close(in[0]);
	close(out[1]);
	t->in = fdopen(in[1], "w");
	t->out = fdopen(out[0], "r");
}

static const char *hear(struct talk *t)
{
	return getline(&t->line, &t->cap, t->out) > 0 ? t->line : NULL;
}

static const char *say(struct talk *t, const char *line)
{
	fprintf(t->in, "%s\n", line);
	fflush(t->in);
	return hear(t);
}

static int finish(struct talk *t)
{
	int status;

	fclose(t->in);
	while (hear(t))
		;
	fclose(t->out);
	free(t->line);
	assert_int_equal(waitpid(t->pid, &status, 0), t->pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void has(const char *line, const char *part)
{
	if (!line || !strstr(line, part))
		fail_msg("no %s in %s", part, line ? line : "(nothing)");
}

static void hello(struct talk *t)
{
	start(t);
	has(say(t, "{\"id\":1,\"verb\":\"hello\",\"connection\":\"c\"}"), "\"status\":\"ok\"");
}

static void test_hello(void **state)
{
	struct talk t;
	const char *a;

	(void)state;
	start(&t);
	a = say(&t, "{\"id\":1,\"verb\":\"hello\",\"protocol\":1}");
	has(a, "\"verbs\":[\"list\",\"probe\",\"mint\",\"last_used\"]");
	has(a, "\"parallel\":2");
	has(a, "\"secret\":\"optional\"");
	has(say(&t, "{\"id\":2,\"verb\":\"list\"}"), "say hello first");
	has(say(&t, "{\"id\":3,\"verb\":\"hello\",\"connection\":\"c\","
		    "\"options\":{\"fial\":\"x\"}}"), "\"refused\"");
	has(say(&t, "{\"id\":3,\"verb\":\"hello\",\"connection\":\"c\","
		    "\"options\":{\"fail\":7}}"), "\"refused\"");
	has(say(&t, "{\"id\":4,\"verb\":\"hello\",\"connection\":\"c\","
		    "\"options\":{\"fail\":\"refused\"}}"), "\"refused\"");
	has(say(&t, "{\"id\":5,\"verb\":\"hello\",\"connection\":\"c\","
		    "\"options\":{\"fail\":\"network\"}}"), "\"retry\"");
	has(say(&t, "{\"id\":6,\"verb\":\"hello\",\"connection\":\"c\","
		    "\"options\":{\"x.any\":\"y\"}}"), "\"status\":\"ok\"");
	has(say(&t, "{\"id\":7,\"verb\":\"revoke\"}"), "\"unsupported\"");
	assert_int_equal(finish(&t), 0);
}

static void test_items(void **state)
{
	struct talk t;

	(void)state;
	hello(&t);
	has(say(&t, "{\"id\":2,\"verb\":\"list\"}"), "{\"id\":2,\"item\":{\"what\":\"account\",\"account\":\"a\"}}");
	has(hear(&t), "{\"id\":2,\"status\":\"ok\",\"complete\":false}");
	assert_int_equal(finish(&t), 0);
}

static void test_answers(void **state)
{
	struct talk t;
	const char *a;

	(void)state;
	hello(&t);
	a = say(&t, "{\"id\":2,\"verb\":\"probe\",\"credential\":\"dead\"}");
	has(a, "\"life\":\"dead\",\"proof\":\"refusal\"");
	has(a, "seen \\\\xff\\\\x1b here");
	a = say(&t, "{\"id\":3,\"verb\":\"probe\",\"credential\":\"fault\"}");
	has(a, "\"status\":\"unknown\",\"life\":\"unknown\"");
	has(a, "it broke");
	a = say(&t, "{\"id\":4,\"verb\":\"mint\"}");
	has(a, "\"status\":\"ok\"");
	has(a, "\"credential\":\"new\"");
	has(a, "\"secret\":\"fresh \\\"key\\\"\"");
	assert_null(strstr(a, "in the clear"));
	has(say(&t, "{\"id\":5}"), "\"refused\"");
	has(say(&t, "{\"id\":6,\"verb\":\"probe\",\"account\":{}}"), "\"refused\"");
	assert_int_equal(finish(&t), 0);
}

static int session_of(const char *line)
{
	const char *at = line ? strstr(line, "\"session\":") : NULL;

	return at ? (int)strtol(at + 10, NULL, 10) : -1;
}

/* A worker whose session is lost opens another before its next request; two
 * workers open three in the end at least, and nobody uses a lost one. */
static void test_lost_session(void **state)
{
	int lost[8], n = 0;
	struct talk t;

	(void)state;
	hello(&t);
	for (int i = 0; i < 8; i++) {
		lost[n] = session_of(say(&t, "{\"id\":2,\"verb\":\"probe\",\"credential\":\"lost\"}"));
		assert_true(lost[n] > 0);
		for (int k = 0; k < n; k++)
			assert_int_not_equal(lost[n], lost[k]);
		n++;
	}
	assert_int_equal(finish(&t), 0);
}

static void test_two_at_once(void **state)
{
	struct talk t;

	(void)state;
	hello(&t);
	fprintf(t.in, "{\"id\":2,\"verb\":\"last_used\"}\n{\"id\":3,\"verb\":\"last_used\"}\n");
	fflush(t.in);
	has(hear(&t), "\"status\":\"ok\"");
	has(hear(&t), "\"status\":\"ok\"");
	assert_int_equal(finish(&t), 0);
}

static void test_garbage(void **state)
{
	static const char *const t[] = { "nonsense", "[]", "{\"verb\":\"list\"}",
					 "{\"id\":0,\"verb\":\"list\"}",
					 "{\"id\":1.5,\"verb\":\"list\"}" };

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct talk talk;

		hello(&talk);
		assert_null(say(&talk, t[i]));
		assert_int_equal(finish(&talk), 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hello),	     cmocka_unit_test(test_items),
		cmocka_unit_test(test_answers),	     cmocka_unit_test(test_lost_session),
		cmocka_unit_test(test_two_at_once),  cmocka_unit_test(test_garbage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
