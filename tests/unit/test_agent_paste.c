/* paste: what is read out of a pasted text, and nothing past its end. */
// link: base agent/paste.c agent/paste_command.c
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "agent/paste.h"
#include "base/mem.h"

static int boot(void **state)
{
	struct err e = ERR_INIT;
	bool locked;

	(void)state;
	return secret_boot(&locked, &e);
}

static int read_n(const void *p, size_t n, struct paste *out)
{
	struct err e = ERR_INIT;
	struct secret *s = secret_new(p, n, &e);
	int rc;

	assert_non_null(s);
	rc = paste_read(s, out, &e);
	secret_free(&s);
	return rc;
}

static bool has(const struct paste *p, const char *want)
{
	struct err e = ERR_INIT;
	struct secret *s = secret_new(want, strlen(want), &e);
	bool found = false;

	for (size_t i = 0; i < p->n; i++)
		found = found || secret_equal(p->reading[i], s);
	secret_free(&s);
	return found;
}

static void wrappings(void **state)
{
	static const char *const texts[] = {
		"t0k-en_1", " t0k-en_1 \r\n", "\"t0k-en_1\"", "'t0k-en_1';",
		"`t0k-en_1`", "A=t0k-en_1", "export A=\"t0k-en_1\"",
		"set A='t0k-en_1'", "A: t0k-en_1", "\"a\": \"t0k-en_1\",",
		"Authorization: Bearer t0k-en_1", "Bearer t0k-en_1",
		"PRIVATE-TOKEN: t0k-en_1", "https://u:t0k-en_1@h.example/x",
		"https://t0k-en_1@h.example", "https://t0k-en_1:x@h.example/",
		"\xef\xbb\xbft0k-en_1", "t0k-en_1\xc2\xa0", "\xe2\x80\x8bt0k-en_1\n\n",
		"url = https://u:t0k-en_1@h.example/x.git",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct paste p;

		assert_int_equal(read_n(texts[i], strlen(texts[i]), &p), 0);
		assert_int_equal(p.what, PASTE_VALUE);
		assert_int_equal(p.lines, 1);
		if (!has(&p, "t0k-en_1"))
			fail_msg("not found in: %s", texts[i]);
		paste_free(&p);
	}
}

static void commands(void **state)
{
	static const char *const texts[] = {
		"curl -H \"Authorization: Bearer t0k-en_1\" https://h.example/x",
		"$ curl -sS https://h.example/x -H 'PRIVATE-TOKEN: t0k-en_1'",
		"curl 'https://h.example/x?a=b' \\\n  -H 'Accept: */*' \\\n"
		"  -H 'authorization: token t0k-en_1' \\\n  --compressed\n",
		"curl -u bot:t0k-en_1 https://h.example/",
		"curl -ubot:t0k-en_1 https://h.example/",
		"curl --user=\"bot:t0k-en_1\" https://h.example:443/",
		"curl -u t0k-en_1: https://h.example/v1/charges -d amount=1",
		"curl --oauth2-bearer t0k-en_1 --url https://h.example/x",
		"curl \"https://h.example/x?y=1&private_token=t0k-en_1&z=2\"",
		"curl https://u:t0k-en_1@h.example/x",
		"curl --header \"Content-Type: text/plain\" "
		"--header=\"X-Api-Key: t0k-en_1\" -X POST https://h.example/",
		"wget --header 'Authorization: Bearer t0k-en_1' https://h.example/",
		"curl $'https://h.example/' -H $'X-Auth-Token: t0k-en_1'",
	};
	static const char two[] = "curl -H 'X-Api-Key: aaaaaaaa' -u b:cccccccc "
				  "https://h.example/";
	struct paste p;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		assert_int_equal(read_n(texts[i], strlen(texts[i]), &p), 0);
		assert_int_equal(p.what, PASTE_VALUE);
		assert_int_equal(p.lines, 1);
		if (!has(&p, "t0k-en_1") || strncmp(p.host, "h.example", 9) != 0)
			fail_msg("not found in: %s", texts[i]);
		paste_free(&p);
	}
	assert_int_equal(read_n(two, strlen(two), &p), 0);
	assert_int_equal(p.what, PASTE_MANY);
	assert_int_equal(p.secrets, 2);
	paste_free(&p);
	/* nothing in it: a text like any other */
	assert_int_equal(read_n("curl https://h.example/", 23, &p), 0);
	assert_int_equal(p.what, PASTE_VALUE);
	paste_free(&p);
}

static void kept_as_it_is(void **state)
{
	static const char *const texts[] = { "a=b", "user:pass", "x==", "=x", "\"",
					     "''", "a,", "://@", "x://@h", "- -" };

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct paste p;

		assert_int_equal(read_n(texts[i], strlen(texts[i]), &p), 0);
		assert_true(has(&p, texts[i])); /* the whole goes first */
		paste_free(&p);
	}
}

static void other_things(void **state)
{
	static const struct { const char *text; enum paste_what what; } t[] = {
		{ "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n", PASTE_PRIVATE_KEY },
		{ "-----BEGIN RSA PRIVATE KEY-----\nAAAA\n", PASTE_PRIVATE_KEY },
		{ "-----BEGIN PGP PRIVATE KEY BLOCK-----\nx\n", PASTE_PRIVATE_KEY },
		{ "-----BEGIN CERTIFICATE-----\nx\n", PASTE_OTHER_BLOCK },
		{ "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5 me@x", PASTE_PUBLIC_KEY },
		{ "sk-ssh-ed25519@openssh.com AAAAGnNr me", PASTE_PUBLIC_KEY },
		{ "two\nlines", PASTE_VALUE },
	};
	struct paste p;
	static char big[PASTE_VALUE_MAX + 2];

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		assert_int_equal(read_n(t[i].text, strlen(t[i].text), &p), 0);
		assert_int_equal(p.what, t[i].what);
		paste_free(&p);
	}
	assert_int_equal(read_n("two\n\n lines ", 12, &p), 0);
	assert_int_equal(p.lines, 2);
	paste_free(&p);
	assert_int_equal(read_n(" \n\t", 3, &p), -1);
	memset(big, 'a', sizeof(big));
	assert_int_equal(read_n(big, sizeof(big), &p), -1);
	paste_free(&p);
}

/* Whatever is pasted: under the sanitizers this shows a step past the end. */
static void anything(void **state)
{
	static const char bits[] = "\"'`:=@/ \n\r,;-.aAtB0?&$\\uH\xef\xbb\xbf\xc2\xa0";
	uint32_t seed = 1;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		char text[24], line[32] = "curl ";
		size_t n = 0;
		struct paste p;

		seed = seed * 1664525u + 1013904223u;
		for (n = 0; n < 1 + (seed >> 27) % sizeof(text) && n < sizeof(text); n++) {
			seed = seed * 1664525u + 1013904223u;
			text[n] = bits[(seed >> 16) % (sizeof(bits) - 1)];
		}
		if (read_n(text, n, &p) == 0)
			assert_true(p.n >= 1 && p.n <= PASTE_READINGS);
		paste_free(&p);
		memcpy(line + 5, text, n);
		if (read_n(line, n + 5, &p) == 0)
			assert_true(p.n >= 1 && p.n <= PASTE_READINGS);
		paste_free(&p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wrappings),
		cmocka_unit_test(commands),
		cmocka_unit_test(kept_as_it_is),
		cmocka_unit_test(other_things),
		cmocka_unit_test(anything),
	};

	return cmocka_run_group_tests_name("agent_paste", tests, boot, NULL);
}
