/* frame: lines, ids, order, and what curfew would never send. */
#include "tests/conform/conform.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"

#define MANY 16 /* requests in flight, docs/protocol.md */

/* A provider to throw things at: with its connection, if there are options. */
static bool start(struct prov *p)
{
	struct answer a;
	bool ok;

	if (setup.options)
		return connected(p);
	prov_start(p);
	ask(p, hello_request(false), &a);
	ok = answer_is(&a, "ok");
	answer_free(&a);
	if (!ok)
		prov_close(p);
	return ok;
}

/* Send hello behind something odd.  It is still answered, rightly, and nothing
 * before it as if the odd thing had been fine; or the program has ended, not as
 * if all were well. */
static void survives(struct prov *p, const char *name)
{
	struct json *m = hello_request(false);
	int64_t id = next_id(), got = 0;
	bool fine = false;

	json_set_int(m, "id", id);
	prov_send_json(p, &m);
	while (!fine && (m = prov_next(p, setup.timeout_ms))) {
		bool ok = json_str(m, "status") && !strcmp(json_str(m, "status"), "ok");

		fine = json_int(m, "id", &got) && got == id && ok;
		if (!fine && ok)
			snprintf(p->trouble, sizeof(p->trouble), "it was answered ok");
		json_free(&m);
		if (*p->trouble)
			break;
	}
	if (!fine && !*p->trouble) {
		if (!prov_ended(p, setup.timeout_ms))
			snprintf(p->trouble, sizeof(p->trouble), "no answer and no end");
		else if (p->status == 0)
			snprintf(p->trouble, sizeof(p->trouble), "it ended with status 0");
	}
	tap(!*p->trouble, name, "%s", p->trouble);
}

/* Lines that are no requests. */
static void test_garbage(void)
{
	static const struct {
		const char *name, *line;
	} t[] = {
		{ "a line that is not JSON", "what is this" },
		{ "an empty line", "" },
		{ "half an object", "{\"id\":7,\"verb\":\"list\"" },
		{ "an array", "[1,\"list\"]" },
		{ "a request without an id", "{\"verb\":\"list\"}" },
		{ "an id that is text", "{\"id\":\"7\",\"verb\":\"list\"}" },
		{ "an id below 1", "{\"id\":0,\"verb\":\"list\"}" },
		{ "bytes that are not UTF-8", "{\"id\":7,\"verb\":\"\xff\xfe\"}" },
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct prov p;
		char name[120];

		snprintf(name, sizeof(name), "it survives, or ends at, %s", t[i].name);
		if (!start(&p))
			continue;
		prov_send(&p, t[i].line);
		survives(&p, name);
		prov_close(&p);
	}
}

static void test_long_line(void)
{
	const size_t n = 3u << 20;
	char *line = mem_alloc(n + 1);
	static const char head[] = "{\"id\":7,\"verb\":\"probe\",\"x\":\"";
	struct prov p;

	if (!line || !start(&p))
		goto out;
	memset(line, 'a', n);
	memcpy(line, head, sizeof(head) - 1);
	memcpy(line + n - 2, "\"}", 3);
	prov_send(&p, line);
	survives(&p, "it survives, or ends at, a line of 3 MiB");
	prov_close(&p);
out:
	mem_free(line);
}

/* Requests with an id, but wrong: answered, and not with ok. */
static void test_wrong_requests(void)
{
	static const char *const t[] = {
		"{\"id\":%lld}",
		"{\"id\":%lld,\"verb\":7}",
		"{\"id\":%lld,\"verb\":\"\"}",
		"{\"id\":%lld,\"verb\":\"probe\",\"account\":[\"x\"]}",
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		char line[200], name[240];
		int64_t id = next_id(), got = 0;
		struct json *m;
		struct prov p;
		bool ended;

		if (!start(&p))
			return;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		snprintf(line, sizeof(line), t[i], (long long)id);
#pragma GCC diagnostic pop
		snprintf(name, sizeof(name), "a wrong request is not answered ok: %s", t[i]);
		prov_send(&p, line);
		m = prov_next(&p, setup.timeout_ms);
		ended = !m && p.out < 0 && prov_ended(&p, setup.timeout_ms);
		tap((m && json_int(m, "id", &got) && got == id && json_str(m, "status") &&
		     strcmp(json_str(m, "status"), "ok") && !*p.trouble) ||
		    (ended && p.status != 0 && !*p.trouble), name, "answered '%s' %s",
		    m && json_str(m, "status") ? json_str(m, "status") : "", p.trouble);
		json_free(&m);
		prov_close(&p);
	}
}

static struct json *parsed(const char *text)
{
	return json_parse(text, strlen(text), NULL);
}

static void test_unknown(void)
{
	struct answer a;
	struct prov p;
	struct json *m;
	int64_t id, got = 0;

	if (!start(&p))
		return;
	ask(&p, request("no_such_verb"), &a);
	tap(answer_is(&a, "unsupported"), "an unknown verb is answered unsupported",
	    "'%s' %s", a.status, p.trouble);
	answer_free(&a);
	/* members that nobody knows, with decoys inside */
	id = next_id();
	m = json_object();
	json_set_str(m, "x_future", "}],{\"id\":3");
	json_set_int(m, "id", id);
	json_set(m, "x_list", parsed("[{\"id\":99,\"verb\":\"revoke\"},null,true,1.5]"));
	json_set_str(m, "verb", "no_such_verb");
	json_set(m, "x_deep", parsed("{\"verb\":\"list\",\"id\":98}"));
	prov_send_json(&p, &m);
	m = prov_next(&p, setup.timeout_ms);
	tap(m && json_int(m, "id", &got) && got == id && json_str(m, "status") &&
	    !strcmp(json_str(m, "status"), "unsupported"),
	    "unknown members are ignored, whatever is in them", "id %lld for %lld %s",
	    (long long)got, (long long)id, p.trouble);
	json_free(&m);
	prov_send(&p, "\t{ \"verb\" :\"no_such_verb\" ,\t\"id\" : 9007199254740991 } ");
	m = prov_next(&p, setup.timeout_ms);
	tap(m && json_int(m, "id", &got) && got == INT64_C(9007199254740991),
	    "order and white space do not matter, and a large id comes back exact",
	    "%s", p.trouble);
	json_free(&m);
	tap(prov_finish(&p) == 0, "and all is well", "status %d", p.status);
	prov_close(&p);
}

/* 16 at once, read late: each is answered once, in any order. */
static void test_many(void)
{
	bool seen[MANY] = { false };
	struct buf lines = BUF_INIT(BUF_TEXT_MAX);
	int64_t from = next_id(), id;
	size_t items[MANY] = { 0 };
	bool list = setup.options && has_verb("list"), even = true;
	unsigned got = 0;
	struct json *m;
	struct prov p;

	if (!start(&p))
		return;
	for (int64_t i = 0; i < MANY; i++)
		if (buf_printf(&lines, NULL, "%s{\"id\":%lld,\"verb\":\"%s\"}",
			       i ? "\n" : "", (long long)(from + i),
			       list ? "list" : "no_such_verb"))
			goto out;
	for (int i = 0; i < MANY; i++)
		next_id();
	prov_send(&p, lines.p);
	clock_sleep_ms(300); /* a slow reader */
	while (got < MANY && (m = prov_next(&p, setup.timeout_ms))) {
		size_t at = json_int(m, "id", &id) && id >= from && id < from + MANY ?
			    (size_t)(id - from) : MANY;

		if (at == MANY || seen[at]) {
			snprintf(p.trouble, sizeof(p.trouble),
				 "an answer too many, or to nobody's request");
		} else if (json_get(m, "item")) {
			items[at]++;
		} else {
			seen[at] = true;
			got++;
		}
		json_free(&m);
		if (*p.trouble)
			break;
	}
	for (int i = 1; i < MANY; i++)
		even = even && items[i] == items[0];
	tap(got == MANY && !*p.trouble, "16 requests in flight are all answered, once",
	    "%u were; %s", got, p.trouble);
	if (list)
		tap(even, "16 listings at once show the same", "some show more items");
	tap(prov_finish(&p) == 0 && p.at == p.text.len, "nothing follows the last answer",
	    "status %d, %zu bytes more", p.status, p.text.len - p.at);
out:
	buf_release(&lines);
	prov_close(&p);
}

static void test_ends(void)
{
	bool list = setup.options && has_verb("list");
	struct json *m, *last = NULL;
	struct prov p;
	int64_t id = next_id(), got = 0;
	int status;

	if (!start(&p))
		return;
	m = request(list ? "list" : "no_such_verb");
	json_set_int(m, "id", id);
	prov_send_json(&p, &m);
	if (p.in >= 0)
		close(p.in); /* at once: what runs is still finished */
	p.in = -1;
	while ((m = prov_next(&p, setup.timeout_ms))) {
		json_free(&last);
		last = m;
	}
	status = prov_finish(&p);
	tap(last && json_int(last, "id", &got) && got == id && !json_get(last, "item") &&
	    status == 0 && !*p.trouble,
	    "at the end of its input it finishes what runs, then ends with 0",
	    "status %d, %s %s", status, last ? "" : "no answer;", p.trouble);
	json_free(&last);
	prov_close(&p);

	if (!start(&p))
		return;
	close(p.out);
	p.out = -1;
	m = request("no_such_verb");
	json_set_int(m, "id", next_id());
	prov_send_json(&p, &m);
	m = request("no_such_verb");
	json_set_int(m, "id", next_id());
	prov_send_json(&p, &m);
	tap(prov_ended(&p, setup.timeout_ms), "it ends when nobody reads its answers",
	    "it still runs");
	prov_close(&p);
}

void test_frame(void)
{
	test_unknown();
	test_many();
	test_ends();
	test_wrong_requests();
	test_garbage();
	test_long_line();
}
