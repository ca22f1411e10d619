/* ask: one request and its answer; the connection; the suite's main(). */
#include "tests/conform/conform.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/mem.h"
#include "base/text.h"

struct setup setup = { .timeout_ms = 10000 };
struct json *hello_answer;

int64_t next_id(void)
{
	static int64_t id;

	return ++id;
}

struct json *request(const char *verb)
{
	struct json *m = json_object();

	if (!json_set_str(m, "verb", verb))
		json_free(&m);
	return m;
}

struct json *request_on(const char *verb)
{
	struct json *m = request(verb);

	if (!json_set_str(m, "account", setup.account) ||
	    !json_set_str(m, "kind", setup.kind) ||
	    !json_set_str(m, "credential", setup.credential))
		json_free(&m);
	return m;
}

/* A test's secret may go through the JSON library; curfew's never do. */
struct json *hello_request(bool connection)
{
	struct json *m = request("hello"), *o;

	json_set_int(m, "protocol", 1);
	if (!connection)
		return m;
	o = json_parse(setup.options, strlen(setup.options), NULL);
	json_set_str(m, "connection", "conformance");
	json_set(m, "options", o);
	if (setup.secret)
		json_set_str(m, "secret", setup.secret);
	return m;
}

void ask(struct prov *p, struct json *msg, struct answer *a)
{
	int64_t id = next_id(), got;
	struct json *m;

	*a = (struct answer){ .status = "", .items = json_array() };
	json_set_int(msg, "id", id);
	prov_send_json(p, &msg);
	while ((m = prov_next(p, setup.timeout_ms))) {
		if (!json_int(m, "id", &got) || got != id) {
			if (!*p->trouble)
				snprintf(p->trouble, sizeof(p->trouble),
					 "an answer to a request nobody sent");
			json_free(&m);
			return;
		}
		if (!json_get(m, "item")) {
			a->body = m;
			a->status = json_str(m, "status") ? json_str(m, "status") : "";
			return;
		}
		json_push(a->items, json_dup(json_get(m, "item")));
		json_free(&m);
	}
}

void answer_free(struct answer *a)
{
	json_free(&a->body);
	json_free(&a->items);
	a->status = "";
}

bool answer_is(const struct answer *a, const char *statuses)
{
	return *a->status && strstr(statuses, a->status) != NULL;
}

bool connected(struct prov *p)
{
	static bool told;
	struct answer a;
	bool ok;

	prov_start(p);
	ask(p, hello_request(true), &a);
	ok = answer_is(&a, "ok");
	if (!ok && !told) {
		tap(false, "hello opens the connection", "%s: %s %s", a.status, p->trouble,
		    a.body && json_str(a.body, "error") ? json_str(a.body, "error") : "");
		told = true;
	}
	answer_free(&a);
	if (!ok)
		prov_close(p);
	return ok;
}

static bool in_list(const struct json *list, const char *verb)
{
	for (const struct json *v = list ? json_first(list) : NULL; v; v = json_next(v))
		if (json_text(v) && !strcmp(json_text(v), verb))
			return true;
	return false;
}

bool has_verb(const char *verb)
{
	return in_list(hello_answer ? json_get(hello_answer, "verbs") : NULL, verb);
}

bool has_verb_of_kind(const char *verb)
{
	const struct json *facts = hello_answer && setup.kind ?
		json_get(json_get(hello_answer, "facts"), setup.kind) : NULL;
	const struct json *list = facts ? json_get(facts, "verbs") : NULL;

	return has_verb(verb) && (!list || in_list(list, verb));
}

static int usage(void)
{
	fputs("usage: conformance [OPTION...] PROGRAM [ARGUMENT...]\n\n"
	      "Tests a curfew provider program; the result is TAP.\n\n"
	      "  --options JSON       the connection's options; without it only hello\n"
	      "                       and the frame are tested\n"
	      "  --secret-file FILE   the admin credential\n"
	      "  --account NAME --kind KIND --credential ID\n"
	      "                       a credential made for this test: it is disabled,\n"
	      "                       revoked and, if the provider can, restored\n"
	      "  --timeout SECONDS    for one answer (10)\n"
	      "  --only PART          hello, frame, list or verbs (hello always runs)\n",
	      stderr);
	return 2;
}

static bool read_secret(const char *file)
{
	struct buf b = BUF_INIT(SECRET_MAX);

	if (io_read_file(file, IO_ANY, SECRET_MAX, &b, NULL))
		return false;
	while (b.len && (b.p[b.len - 1] == '\n' || b.p[b.len - 1] == '\r'))
		b.len--;
	setup.secret = mem_strndup(b.p, b.len);
	buf_release(&b);
	return setup.secret != NULL;
}

static bool part_known(const char *name)
{
	return !strcmp(name, "hello") || !strcmp(name, "frame") ||
	       !strcmp(name, "list") || !strcmp(name, "verbs");
}

static bool wanted(const char *part)
{
	return !setup.only || !strcmp(setup.only, part);
}

static bool arguments(int argc, char **argv)
{
	int i = 1;
	int64_t n;

	for (; i + 1 < argc && !strncmp(argv[i], "--", 2); i += 2) {
		const char *v = argv[i + 1];

		if (!strcmp(argv[i], "--options"))
			setup.options = v;
		else if (!strcmp(argv[i], "--account"))
			setup.account = v;
		else if (!strcmp(argv[i], "--kind"))
			setup.kind = v;
		else if (!strcmp(argv[i], "--credential"))
			setup.credential = v;
		else if (!strcmp(argv[i], "--only") && part_known(v))
			setup.only = v;
		else if (!strcmp(argv[i], "--timeout") && text_int(v, 1, 3600, &n))
			setup.timeout_ms = n * 1000;
		else if (strcmp(argv[i], "--secret-file") || !read_secret(v))
			return false;
	}
	setup.program = argv + i;
	if (i >= argc || (setup.account && (!setup.kind || !setup.credential)))
		return false;
	if (setup.options) {
		struct json *o = json_parse(setup.options, strlen(setup.options), NULL);
		bool ok = o && json_type(o) == JSON_OBJECT;

		json_free(&o);
		return ok;
	}
	return true;
}

int main(int argc, char **argv)
{
	bool locked;

	signal(SIGPIPE, SIG_IGN);
	if (secret_boot(&locked, NULL) || !arguments(argc, argv))
		return usage();
	if (access(setup.program[0], X_OK)) {
		perror(setup.program[0]);
		return 2;
	}
	test_hello();
	if (wanted("frame"))
		test_frame();
	if (wanted("list") && setup.options)
		test_list();
	if (wanted("verbs") && setup.options)
		test_verbs();
	if (!setup.options)
		tap_skip("list and the other verbs", "no --options given");
	if (setup.secret)
		tap(!prov_leaked(setup.secret), "the admin credential was never printed",
		    "it is in the program's output or log");
	json_free(&hello_answer);
	mem_free(setup.secret);
	return tap_end();
}
