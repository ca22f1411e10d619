/* lineproto: framing, limits, and the secret cut out of the line. */
// link: base
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/lineproto.h"

struct pair {
	int in;	       /* we write raw bytes here */
	struct lp *lp; /* and read messages there */
};

static void pair_open(struct pair *p)
{
	int fds[2];

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	p->in = fds[1];
	p->lp = lp_open(fds[0], open("/dev/null", O_WRONLY | O_CLOEXEC), NULL);
	assert_non_null(p->lp);
}

static void pair_close(struct pair *p)
{
	close(p->in);
	lp_close(&p->lp);
}

static int give(struct pair *p, const char *text, struct json **msg,
		struct secret **secret, struct err *e)
{
	bool eof;
	size_t n = strlen(text);

	assert_int_equal(write(p->in, text, n), (ssize_t)n);
	assert_int_equal(lp_fill(p->lp, &eof, e), 0);
	assert_false(eof);
	return lp_next(p->lp, msg, secret, e);
}

static int copy_out(const unsigned char *p, size_t n, void *arg)
{
	char *out = arg;

	memcpy(out, p, n);
	out[n] = '\0';
	return 0;
}

static void assert_secret(const struct secret *s, const char *want)
{
	char *text = calloc(1, secret_len(s) + 1);

	secret_reveal(s, copy_out, text);
	assert_string_equal(text, want);
	free(text);
}

static void check_cut(const char *line, const char *want, const char *rest)
{
	struct pair p;
	struct json *msg;
	struct secret *secret;
	struct err e = ERR_INIT;
	struct buf b = BUF_INIT(BUF_LINE_MAX);

	pair_open(&p);
	assert_int_equal(give(&p, line, &msg, &secret, &e), 1);
	if (want) {
		assert_non_null(secret);
		assert_secret(secret, want);
	} else {
		assert_null(secret);
	}
	assert_int_equal(json_print(msg, false, &b, NULL), 0);
	assert_string_equal(b.p, rest);
	buf_release(&b);
	json_free(&msg);
	secret_free(&secret);
	pair_close(&p);
}

static void test_secret_anywhere(void **state)
{
	(void)state;
	check_cut("{\"secret\":\"s3\",\"id\":1}\n", "s3", "{\"id\":1}");
	check_cut("{\"id\":1,\"secret\":\"s3\",\"b\":2}\n", "s3",
		  "{\"id\":1,\"b\":2}");
	check_cut("{ \"id\":1 , \"secret\" : \"s3\" }\r\n", "s3",
		  "{\"id\":1}");
	check_cut("{\"secret\":\"s3\"}\n", "s3", "{}");
	check_cut("{\"secret\":\"\",\"id\":1}\n", "", "{\"id\":1}");
	check_cut("{\"secret\":null,\"id\":1}\n", NULL,
		  "{\"secret\":null,\"id\":1}");
	check_cut("{\"id\":1}\n", NULL, "{\"id\":1}");
}

static void test_secret_nested_stays(void **state)
{
	(void)state;
	check_cut("{\"a\":{\"secret\":\"x\"},\"b\":[{\"secret\":1}]}\n", NULL,
		  "{\"a\":{\"secret\":\"x\"},\"b\":[{\"secret\":1}]}");
	check_cut("{\"a\":{\"secret\":\"x\"},\"secret\":\"y\"}\n", "y",
		  "{\"a\":{\"secret\":\"x\"}}");
	check_cut("{\"a\":\"\\\"secret\\\":\\\"no\\\"\"}\n", NULL,
		  "{\"a\":\"\\\"secret\\\":\\\"no\\\"\"}");
}

static void test_secret_escapes(void **state)
{
	(void)state;
	check_cut("{\"secret\":\"a\\\"b\\\\c\\/\\n\\t\\u00e9\\ud83d\\ude00\"}\n",
		  "a\"b\\c/\n\t\xc3\xa9\xf0\x9f\x98\x80", "{}");
	/* a key may hide in escapes too */
	check_cut("{\"\\u0073ecret\":\"s\",\"id\":1}\n", "s", "{\"id\":1}");
}

static void check_garbage(const char *line, enum err_code code)
{
	struct pair p;
	struct json *msg;
	struct secret *secret;
	struct err e = ERR_INIT;

	pair_open(&p);
	assert_int_equal(give(&p, line, &msg, &secret, &e), -1);
	assert_null(msg);
	assert_null(secret);
	assert_int_equal(e.code, code);
	/* the next line is read all the same */
	err_clear(&e);
	assert_int_equal(give(&p, "{\"id\":2}\n", &msg, &secret, &e), 1);
	json_free(&msg);
	pair_close(&p);
}

static void test_garbage(void **state)
{
	(void)state;
	check_garbage("hello\n", ERR_PROTO);
	check_garbage("\n", ERR_PROTO);
	check_garbage("[1]\n", ERR_PROTO);
	check_garbage("{\"a\":1}{}\n", ERR_PROTO);
	check_garbage("{\"a\":1,}\n", ERR_PROTO);
	check_garbage("{\"a\":\"\xff\"}\n", ERR_PROTO);
	check_garbage("{\"a\":1,\"a\":2}\n", ERR_PROTO);
	check_garbage("{\"secret\":\"a\",\"secret\":\"b\"}\n", ERR_PROTO);
	check_garbage("{\"secret\":\"a\",\"s\\u0065cret\":\"b\"}\n", ERR_PROTO);
	check_garbage("{\"secret\":1}\n", ERR_PROTO);
	check_garbage("{\"secret\":{\"a\":\"b\"}}\n", ERR_PROTO);
	check_garbage("{\"secret\":[]}\n", ERR_PROTO);
	check_garbage("{\"secret\":\"a\\u0000b\"}\n", ERR_PROTO);
	check_garbage("{\"secret\":\"a\\ud800\"}\n", ERR_PROTO);
}

static void test_byte_by_byte(void **state)
{
	static const char line[] =
		"{\"id\":7,\"secret\":\"p\\u00e4ss\"}\n{\"id\":8}\n";
	struct pair p;
	struct json *msg;
	struct secret *secret;
	struct err e = ERR_INIT;
	int64_t id;
	int got = 0;
	bool eof;

	(void)state;
	pair_open(&p);
	for (size_t i = 0; i < sizeof(line) - 1; i++) {
		assert_int_equal(write(p.in, line + i, 1), 1);
		assert_int_equal(lp_fill(p.lp, &eof, &e), 0);
		if (lp_next(p.lp, &msg, &secret, &e) == 0)
			continue;
		got++;
		assert_true(json_int(msg, "id", &id));
		assert_int_equal(id, 6 + got);
		assert_int_equal(line[i], '\n');
		if (got == 1)
			assert_secret(secret, "p\xc3\xa4ss");
		json_free(&msg);
		secret_free(&secret);
	}
	assert_int_equal(got, 2);
	close(p.in);
	assert_int_equal(lp_fill(p.lp, &eof, &e), 0);
	assert_true(eof);
	p.in = -1;
	lp_close(&p.lp);
}

/* Write from a child, so that a full pipe does not stop the test. */
static void feed(struct pair *p, const char *text, size_t n)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		while (n) {
			ssize_t w = write(p->in, text, n);

			if (w <= 0)
				_exit(1);
			text += w;
			n -= (size_t)w;
		}
		_exit(0);
	}
	close(p->in);
	p->in = -1;
}

static int read_one(struct pair *p, struct json **msg, struct err *e)
{
	struct secret *secret;
	bool eof = false;
	int rc = 0;

	while (rc == 0 && !eof) {
		if (lp_fill(p->lp, &eof, e) != 0)
			return -1;
		rc = lp_next(p->lp, msg, &secret, e);
	}
	return rc;
}

static void test_line_limit(void **state)
{
	size_t n = BUF_LINE_MAX;
	char *line = malloc(n + 1);

	(void)state;
	/* over = 0: the newline is the last byte allowed */
	for (int over = 0; over < 2; over++) {
		size_t len = n + (size_t)over;
		struct err e = ERR_INIT;
		struct json *msg;
		struct pair p;

		memset(line, 'x', len);
		memcpy(line, "{\"a\":\"", 6);
		memcpy(line + len - 3, "\"}\n", 3);
		pair_open(&p);
		feed(&p, line, len);
		if (over) {
			assert_int_equal(read_one(&p, &msg, &e), -1);
			assert_int_equal(e.code, ERR_TOOBIG);
		} else {
			assert_int_equal(read_one(&p, &msg, &e), 1);
			json_free(&msg);
		}
		lp_close(&p.lp);
	}
	free(line);
}

static void test_round_trip(void **state)
{
	static const char value[] = "a\"\\\x01\n\xc3\xa9 end";
	struct secret *s = secret_new(value, sizeof(value) - 1, NULL), *got;
	struct json *msg = json_object(), *back;
	struct err e = ERR_INIT;
	struct lp *lp;
	int fds[2];
	bool eof;

	(void)state;
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	lp = lp_open(fds[0], fds[1], &e);
	assert_true(json_set_int(msg, "id", 1));
	assert_int_equal(lp_send(lp, msg, s, &e), 0);
	assert_false(lp_pending(lp));
	assert_int_equal(lp_fill(lp, &eof, &e), 0);
	assert_int_equal(lp_next(lp, &back, &got, &e), 1);
	assert_true(secret_equal(s, got));
	assert_int_equal(json_count(back), 1);
	json_free(&back);
	secret_free(&got);

	/* not text: refused, and nothing of it is queued */
	secret_free(&s);
	s = secret_new("\xff\xfe", 2, NULL);
	assert_int_equal(lp_send(lp, msg, s, &e), -1);
	assert_int_equal(e.code, ERR_FORMAT);
	assert_false(lp_pending(lp));
	secret_free(&s);
	err_clear(&e);

	/* a message that has a member "secret" of its own */
	s = secret_new("x", 1, NULL);
	assert_true(json_set_str(msg, "secret", "required"));
	assert_int_equal(lp_send(lp, msg, s, &e), -1);
	assert_int_equal(e.code, ERR_BUG);
	err_clear(&e);
	assert_int_equal(lp_send(lp, msg, NULL, &e), 0);
	assert_int_equal(lp_fill(lp, &eof, &e), 0);
	assert_int_equal(lp_next(lp, &back, &got, &e), 1);
	assert_secret(got, "required");
	json_free(&back);
	secret_free(&got);
	secret_free(&s);
	json_free(&msg);
	lp_close(&lp);
}

static void test_nonblocking_and_dead_peer(void **state)
{
	struct json *msg = json_object();
	struct err e = ERR_INIT;
	struct lp *lp;
	int fds[2], rfd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	int sent = 0, seen = 0;
	char buf[2048];
	ssize_t n;

	(void)state;
	assert_int_equal(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
	lp = lp_open(rfd, fds[1], &e);
	assert_true(json_set_str(msg, "text", "0123456789012345678901234567"));
	while (!lp_pending(lp) && sent < 100000) {
		assert_int_equal(lp_send(lp, msg, NULL, &e), 0);
		sent++;
	}
	assert_true(lp_pending(lp));
	while (lp_pending(lp) || seen < sent) {
		n = read(fds[0], buf, sizeof(buf));
		for (ssize_t i = 0; i < n; i++)
			seen += buf[i] == '\n';
		assert_int_equal(lp_flush(lp, &e), 0);
	}
	assert_int_equal(seen, sent);
	close(fds[0]);
	assert_int_equal(lp_send(lp, msg, NULL, &e), -1);
	assert_int_equal(e.code, ERR_PROTO);
	json_free(&msg);
	lp_close(&lp);
}

static void test_nothing_there(void **state)
{
	struct err e = ERR_INIT;
	struct json *msg;
	struct secret *s;
	struct lp *lp;
	int fds[2];
	bool eof = true;

	(void)state;
	assert_int_equal(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
	lp = lp_open(fds[0], -1, &e);
	assert_int_equal(lp_next(lp, &msg, &s, &e), 0);
	assert_int_equal(lp_fill(lp, &eof, &e), 0);
	assert_false(eof);
	assert_int_equal(lp_next(lp, &msg, &s, &e), 0);
	lp_close(&lp);
	close(fds[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_secret_anywhere),
		cmocka_unit_test(test_secret_nested_stays),
		cmocka_unit_test(test_secret_escapes),
		cmocka_unit_test(test_garbage),
		cmocka_unit_test(test_byte_by_byte),
		cmocka_unit_test(test_line_limit),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_nonblocking_and_dead_peer),
		cmocka_unit_test(test_nothing_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
