/*
 * link and launch: real processes started by the real launcher; each test
 * writes a small provider script that misbehaves in one way.
 */
// link: base agent/launch.c agent/launcher.c agent/launch_find.c agent/launch_grant.c agent/engine/link.c agent/engine/link_answer.c agent/engine/link_proc.c
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/engine/link.h"
#include "base/clock.h"
#include "base/harden.h"
#include "base/log.h"

static char dir[256];
static struct launcher *launcher;

static void script(const char *type, const char *text, mode_t mode)
{
	char path[512];
	FILE *f;

	(void)snprintf(path, sizeof path, "%s/curfew-provider-%s", dir, type);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, mode), 0);
}

/* A provider that answers hello, then does `then` with each further line. */
static void provider(const char *type, const char *then)
{
	char text[4096];

	(void)snprintf(text, sizeof text,
		       "#!/bin/sh\nread -r line\n"
		       "echo '{\"id\":1,\"status\":\"ok\",\"protocol\":1,"
		       "\"verbs\":[\"list\",\"probe\"],"
		       "\"facts\":{\"key\":{\"max\":2}}}'\n"
		       "while read -r line; do\n"
		       "id=$(echo \"$line\" | sed "
		       "'s/.*\"id\":\\([0-9]*\\).*/\\1/')\n"
		       "%s\ndone\n", then);
	script(type, text, 0700);
}

static struct link *opened(const char *type, const char *options)
{
	struct link *l;
	struct err e = ERR_INIT;

	assert_int_equal(link_open(launcher, "conn", type, options, NULL, &l,
				   &e), 0);
	return l;
}

static struct json *verb(const char *v)
{
	struct json *m = json_object();

	assert_true(json_set_str(m, "verb", v));
	return m;
}

/* One probe that is expected to end without an answer. */
static void expect_broken(const char *type, int64_t timeout_ms,
			  enum link_status want, const char *words)
{
	struct link *l = opened(type, NULL);
	struct err e = ERR_INIT;
	enum link_status st;
	char line[1500];

	link_set_hello_timeout(l, 5000);
	assert_int_equal(link_ask(l, verb("probe"), NULL, timeout_ms, &st,
				  NULL, &e), -1);
	(void)err_format(&e, line, sizeof line);
	if (strstr(line, words) == NULL)
		fail_msg("'%s' does not say '%s'", line, words);
	assert_int_equal(st, want);
	link_close(&l);
}

static void test_answers(void **state)
{
	struct link *l;
	struct err e = ERR_INIT;
	enum link_status st;
	struct json *body;
	int64_t max = 0;

	(void)state;
	provider("good", "echo \"{\\\"id\\\":$id,\\\"status\\\":\\\"ok\\\","
			 "\\\"life\\\":\\\"alive\\\"}\"");
	l = opened("good", NULL);
	assert_null(link_facts(l));
	assert_int_equal(link_start(l, &e), 0);
	assert_true(json_int(json_get(link_facts(l), "key"), "max", &max));
	assert_int_equal(max, 2);
	assert_true(link_has_verb(l, "probe"));
	assert_false(link_has_verb(l, "revoke"));
	for (int i = 0; i < 3; i++) {
		assert_int_equal(link_ask(l, verb("probe"), NULL, 5000, &st,
					  &body, &e), 0);
		assert_int_equal(st, LINK_OK);
		assert_string_equal(json_str(body, "life"), "alive");
		json_free(&body);
	}
	link_close(&l);
	assert_null(l);
}

struct many {
	int done, ok;
};

static void count(struct link *l, const struct link_answer *a, void *arg)
{
	struct many *m = arg;

	(void)l;
	if (a->status == LINK_ITEM)
		return;
	m->done++;
	m->ok += a->status == LINK_OK;
}

/* More calls than the window: all are answered, none is lost. */
static void test_window(void **state)
{
	struct link *l;
	struct err e = ERR_INIT;
	struct many m = { 0, 0 };

	(void)state;
	provider("many", "echo \"{\\\"id\\\":$id,\\\"status\\\":\\\"ok\\\"}\"");
	l = opened("many", NULL);
	for (uint64_t i = 0; i < 50; i++)
		assert_int_equal(link_call(l, i, verb("probe"), NULL, 9000,
					   &e), 0);
	assert_int_equal(link_in_flight(l), 50);
	while (m.done < 50)
		assert_true(links_poll(&l, 1, 1000, count, &m, &e) >= 0);
	assert_int_equal(m.ok, 50);
	assert_int_equal(link_in_flight(l), 0);
	link_close(&l);
}

static void test_missing(void **state)
{
	struct link *l;
	struct err e = ERR_INIT;

	(void)state;
	provider("postgres", "exit 0");
	l = opened("postgers", NULL);
	assert_int_equal(link_start(l, &e), -1);
	assert_int_equal(e.code, ERR_ABSENT);
	assert_non_null(strstr(e.cause, dir));
	assert_non_null(strstr(e.hint, "'postgres'"));
	link_close(&l);
}

static void test_misbehaving(void **state)
{
	(void)state;
	provider("dies", "echo 'out of luck' >&2; exit 3");
	expect_broken("dies", 9000, LINK_UNKNOWN, "exit status 3");
	expect_broken("dies", 9000, LINK_UNKNOWN, "out of luck");
	provider("signal", "kill -SEGV $$");
	expect_broken("signal", 9000, LINK_UNKNOWN, "killed by signal 11");
	provider("hangs", "sleep 60");
	expect_broken("hangs", 300, LINK_UNKNOWN, "no answer in 300 ms");
	provider("garbage", "echo 'Traceback (most recent call last):'");
	expect_broken("garbage", 9000, LINK_UNKNOWN, "conn");
	provider("array", "echo '[1,2]'");
	expect_broken("array", 9000, LINK_UNKNOWN, "no object");
	provider("alien", "echo '{\"id\":77,\"status\":\"ok\"}'");
	expect_broken("alien", 9000, LINK_UNKNOWN, "id 77");
	provider("word", "echo \"{\\\"id\\\":$id,\\\"status\\\":\\\"fine\\\"}\"");
	expect_broken("word", 9000, LINK_UNKNOWN, "known status");
	provider("type", "echo \"{\\\"id\\\":$id,\\\"status\\\":7}\"");
	expect_broken("type", 9000, LINK_UNKNOWN, "known status");
	provider("item", "echo \"{\\\"id\\\":$id,\\\"item\\\":7}\"");
	expect_broken("item", 9000, LINK_UNKNOWN, "item that is not an object");
	provider("long", "head -c 1100000 /dev/zero | tr '\\0' x; echo");
	expect_broken("long", 9000, LINK_UNKNOWN, "1048576");
	provider("chatty", "head -c 200000 /dev/zero | tr '\\0' x >&2; sleep 9");
	expect_broken("chatty", 9000, LINK_UNKNOWN, "64 KiB");
}

static void test_hello(void **state)
{
	(void)state;
	script("old", "#!/bin/sh\nread -r x\necho '{\"id\":1,\"status\":\"ok\","
		      "\"protocol\":9,\"verbs\":[]}'\nread -r x\n", 0700);
	expect_broken("old", 9000, LINK_NOT_SENT, "speaks protocol 9");
	script("no", "#!/bin/sh\nread -r x\necho '{\"id\":1,\"status\":"
		     "\"refused\",\"error\":\"wrong password\"}'\nread -r x\n",
	       0700);
	expect_broken("no", 9000, LINK_NOT_SENT, "refused: wrong password");
	script("quiet", "#!/bin/sh\nexit 4\n", 0700);
	expect_broken("quiet", 9000, LINK_NOT_SENT, "exit status 4");
	script("noexec", "#!/nonexistent/interpreter\n", 0700);
	expect_broken("noexec", 9000, LINK_NOT_SENT, "exec");
}

/* The first restart is at once, then there is a growing pause; nothing is ever
 * sent again by itself. */
static void test_back_off(void **state)
{
	char then[600], path[300], line[8];
	struct link *l;
	struct err e = ERR_INIT;
	struct many m = { 0, 0 };
	FILE *f;
	int starts = 0;

	(void)state;
	(void)snprintf(path, sizeof path, "%s/calls", dir);
	(void)snprintf(then, sizeof then, "echo x >> %s; exit 1", path);
	provider("flaky", then);
	(void)snprintf(then, sizeof then, "{\"calls\":\"%s\"}", path);
	f = fopen(path, "w"); /* the grant needs the file */
	assert_non_null(f);
	assert_int_equal(fclose(f), 0);
	l = opened("flaky", then);
	for (uint64_t i = 0; i < 4; i++) {
		assert_int_equal(link_call(l, i, verb("probe"), NULL, 9000,
					   &e), 0);
		while (m.done <= (int)i)
			assert_true(links_poll(&l, 1, 1000, count, &m, &e) >= 0);
	}
	f = fopen(path, "r");
	assert_non_null(f);
	while (fgets(line, sizeof line, f) != NULL)
		starts++;
	assert_int_equal(fclose(f), 0);
	assert_int_equal(starts, 2);
	link_close(&l);
}

static void test_trust(void **state)
{
	struct err e = ERR_INIT;
	struct link *l;

	(void)state;
	provider("open", "exit 0");
	{
		char path[512];

		(void)snprintf(path, sizeof path, "%s/curfew-provider-open",
			       dir);
		assert_int_equal(chmod(path, 0777), 0);
	}
	l = opened("open", NULL);
	assert_int_equal(link_start(l, &e), -1);
	assert_int_equal(e.code, ERR_POLICY);
	link_close(&l);
	err_clear(&e);
	l = opened("../../../bin/sh", NULL);
	assert_int_equal(link_start(l, &e), -1);
	assert_int_equal(e.code, ERR_POLICY);
	link_close(&l);
}

/* A path inside the protected folder is refused; from a path above it the
 * provider reaches everything but it, and no link that leads back in. */
static void test_protect(void **state)
{
	char vault[300], link_in[300], option[400], then[1500];
	const char *const protect[] = { vault, NULL };
	const char *const tails[] = { "/vault", "/vault/../vault/x", "/in" };
	struct launcher *mine;
	struct err e = ERR_INIT;
	enum link_status st;
	struct json *body = NULL;
	struct link *l;

	(void)state;
	(void)snprintf(vault, sizeof vault, "%s/vault", dir);
	(void)snprintf(link_in, sizeof link_in, "%s/in", dir);
	assert_int_equal(mkdir(vault, 0700), 0);
	assert_int_equal(symlink(vault, link_in), 0);
	(void)snprintf(option, sizeof option, "%s/beside", dir);
	assert_int_equal(mkdir(option, 0700), 0);
	(void)snprintf(then, sizeof then,
		       "try() { echo x 2>/dev/null >$1/probe && echo 1 || echo 0; }\n"
		       "echo \"{\\\"id\\\":$id,\\\"status\\\":\\\"ok\\\","
		       "\\\"vault\\\":$(try %s/vault),\\\"link\\\":$(try %s/in),"
		       "\\\"beside\\\":$(try %s/beside)}\"", dir, dir, dir);
	provider("reach", then);
	assert_int_equal(launcher_start_protecting(dir, protect, NULL, &mine, &e), 0);
	for (int i = 0; i < 3; i++) {
		(void)snprintf(option, sizeof option, "{\"p\":\"%s%s\"}", dir,
			       tails[i]);
		assert_int_equal(link_open(mine, "c", "reach", option, NULL, &l,
					   &e), 0);
		assert_int_equal(link_start(l, &e), -1);
		assert_int_equal(e.code, ERR_POLICY);
		link_close(&l);
		err_clear(&e);
	}
	(void)snprintf(option, sizeof option, "{\"p\":\"%s\"}", dir);
	assert_int_equal(link_open(mine, "c", "reach", option, NULL, &l, &e), 0);
	assert_int_equal(link_ask(l, verb("probe"), NULL, 5000, &st, &body, &e),
			 0);
	if (harden_have_landlock()) {
		int64_t n = -1;

		assert_true(json_int(body, "beside", &n) && n == 1);
		assert_true(json_int(body, "vault", &n) && n == 0);
		assert_true(json_int(body, "link", &n) && n == 0);
	}
	json_free(&body);
	link_close(&l);
	launcher_stop(&mine);
}

/* What a child is given: nothing but three descriptors and a short list. */
static void test_clean_start(void **state)
{
	struct link *l;
	struct err e = ERR_INIT;
	enum link_status st;
	struct json *body = NULL;

	(void)state;
	provider("look",
		 /* 10 is dash's own script */
		 "n=0; for f in /proc/$$/fd/*; do case $f in */[012]|*/10) ;; "
		 "*) [ ! -e $f ] || n=$((n+1)) ;; esac; done\n"
		 "v=$(env | grep -c -e SECRET_OF_MINE -e ^HOME=/root)\n"
		 "echo \"{\\\"id\\\":$id,\\\"status\\\":\\\"ok\\\",\\\"fds\\\":$n,"
		 "\\\"vars\\\":$v,\\\"home\\\":\\\"$HOME\\\"}\"");
	l = opened("look", NULL);
	assert_int_equal(link_ask(l, verb("probe"), NULL, 5000, &st, &body, &e),
			 0);
	{
		int64_t fds = -1, vars = -1;

		assert_true(json_int(body, "fds", &fds));
		assert_true(json_int(body, "vars", &vars));
		assert_int_equal(fds, 0);
		assert_int_equal(vars, 0);
		assert_string_equal(json_str(body, "home"), "/nonexistent");
	}
	json_free(&body);
	link_close(&l);
}

static int setup(void **state)
{
	struct err e = ERR_INIT;
	bool locked;

	(void)state;
	(void)snprintf(dir, sizeof dir, "%s/curfew-link-XXXXXX",
		       getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp");
	if (mkdtemp(dir) == NULL || setenv("SECRET_OF_MINE", "x", 1) < 0)
		return -1;
	launch_note_environ();
	if (secret_boot(&locked, &e) < 0)
		return -1;
	log_setup("test", LOG_ERROR, false);
	return launcher_start(dir, &launcher, &e);
}

static int forget(const char *path, const struct stat *st, int type,
		  struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static int teardown(void **state)
{
	(void)state;
	launcher_stop(&launcher);
	return nftw(dir, forget, 8, FTW_DEPTH | FTW_PHYS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_window),
		cmocka_unit_test(test_missing),
		cmocka_unit_test(test_misbehaving),
		cmocka_unit_test(test_hello),
		cmocka_unit_test(test_back_off),
		cmocka_unit_test(test_trust),
		cmocka_unit_test(test_protect),
		cmocka_unit_test(test_clean_start),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
