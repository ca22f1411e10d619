// link: scan
/*
 * What keeps a finding from being called high: what is drawn at random passes
 * nearly always, what people make up does not; and which paths are of tests,
 * examples, documentation.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "hooks/scan/weigh.h"

#define DRAWS 4000u
#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGIT "0123456789"

static uint64_t seed = 88172645463325252u;

static uint32_t dice(uint32_t sides)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 20) % sides;
}

/* How many of 1000 values drawn from the set are taken for what they are. */
static unsigned pass(const char *set, size_t n,
		     bool (*asked)(const char *p, size_t n))
{
	char text[128];
	unsigned good = 0, i;
	size_t k;

	for (i = 0; i < DRAWS; i++) {
		for (k = 0; k < n; k++)
			text[k] = set[dice((uint32_t)strlen(set))];
		good += asked(text, n);
	}
	return good * 1000 / DRAWS;
}

static void test_drawn(void **state)
{
	static const struct {
		const char *set;
		size_t n;
		unsigned least; /* of 1000 */
	} draws[] = {
		{ LOWER UPPER DIGIT, 12, 960 },
		{ LOWER UPPER DIGIT, 16, 980 },
		{ LOWER UPPER DIGIT, 24, 990 },
		{ LOWER UPPER DIGIT "+/", 44, 995 },
		{ LOWER DIGIT, 20, 980 },
		{ LOWER UPPER DIGIT "!#%&*-_=+", 14, 950 },
		{ DIGIT "abcdef", 32, 950 },
		{ DIGIT "abcdef", 40, 960 },
		{ UPPER, 20, 900 },
		{ LOWER, 16, 900 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(draws) / sizeof(*draws); i++) {
		unsigned value = pass(draws[i].set, draws[i].n, weigh_value);
		unsigned token = pass(draws[i].set, draws[i].n, weigh_token);

		print_message("%.12s... %zu: %u, as a token %u of 1000\n",
			      draws[i].set, draws[i].n, value, token);
		assert_true(value >= draws[i].least);
		assert_true(token >= draws[i].least);
	}
}

static void test_made_up(void **state)
{
	static const char *const values[] = {
		"s3cr3t55", "B0bP4ssw0rd", "T0pS3cr3t",
		"myhuginnpassword", "passw0rd1234", "Passw0rd!", "hawaii50",
		"adminadminadmin", "abcabcabcabcabc1", "aaaaaaaaaaaa1A",
		"123456789012345", "4111-1111-1111-1111", "koala", "ATBB",
		"my-secret-token", "some_test_password_1", "super-secret-key-1",
		"correct horse battery", "0123456789abcdef", "Str0ngP@ssword",
		"L\\u00F6senord", "Slapta\\u017Eodis", "\\u015eifreniz",
		"MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEkR7vXq2mWz9pLs8T",
		"<your token here>", "${DB_PASSWORD_42}", "kR7vXq<b64:20>9",
		"a391df94-dd1f-46d6-b3ab-60e90f23e8a2", "Zapomniałem",
		/* base64 of words, of name:password, of JSON */
		"dXNlcjpwYXNzd2Q=", "Y2xpZW50LWlkOmNsaWVudC1zZWNyZXQ=",
		"aGVsbG8gd29ybGQh", "Basic dXNlcm5hbWU6cGFzc3dvcmQ=",
		"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9",
		"eyJhbGciOiJIUzI1NiJ9.eyJ",
		/* echoes of a pseudo-language, of fingers on a keyboard */
		"crwdns107:0crwdne107:0", "qwsdfsdfsdfsdfsdfsdf1",
		/* an id behind its kind, the number a format begins with */
		"key:1:07729fbe-3942-11ec-854f-3e6e3d9df205", "0x04b24746", "0xa36085F69e2889c224210F603D836748e7dC0088",
		"Bearer eyJhbGciOiJIUzI1NiJ9.eyJleHAiOjE3MDAwMDM2MDB9.kR7vXq2mWz9p",
		"90e1023031bf48949e5f9d3d7019-a391df94-dd1f-46d6-b3ab-60e90f23e8a2-70",
		"1.10@sha256:93a633d4f2b76a1c66bf19c664dbddc56093a543de6d54320f",
		/* texts, something encrypted, keys that are public */
		"Gl\\u00f6mt Ditt l\\u00f6senord?", "Nenalezeno %1 k %2",
		"2.kR7vXq2mWz9pLs8TnQ4yBd==|kR7vXq2mWz9pLs8TnQ4yBd6FkR7vXq|R7vXq2mWz9p",
		"ENC(kR7vXq2mWz9pLs8TnQ4y)", "pk_kR7vXq2mWz9pLs8TnQ4y",
		/* the digest of 123456; base64 of an address */
		"e10adc3949ba59abbe56e057f20f883e",
		"ICJkdGMtZGVAdGVzdC11c2UtNDg2LmlhbS5leGFtcGxlLmNvbSI=",
		/* words of other languages, fingers on the middle row */
		"gebruikerswachtwoord", "anv\\xe4ndarl\\xf6senord",
		"jasdfhklsjadhflnhsausdfas", "sdkfj2hsdkjfh34lkasdjf",
		"phc_kR7vXq2mWz9pLs8TnQ4yBd6F",
		"dXNlcm5hbWU=:c3lzdGVtX2lk:ZW5hYmxlX2FwcHJvdmFs:cHJpdmF0ZQ==",
		"RSA.kR7vXq2mWz9pLs8TnQ4yBd6FkR7vXq2mWz9p.AQAB",
		/* base64 of JSON with lines, of a certificate */
		"ewogICJrdHkiOiAiUlNBIiwKICAiZSI6ICJBUUFCIgp9Cg==",
		"LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCk1JSUQ5akNDQXQ2Z0F3",
		NULL,
	};
	static const char *const tokens[] = {
		"glpat-adminadminadminadmin", "glpat-nobodysnobodysnobodys",
		"sk_live_aaaaaaaaaaaaaaaaaaaaaaaa", "xoxb-<token>",
		"ghp_abcdefghijklmnopqrstuvwxyzabcdefghij",
		"AKIAABCDEFGHIJKLMNOP",
		"hooks.slack.com/services/T1AB/B1CD/aaasdfsdfsdfsdfsdfsdf", NULL,
	};
	size_t i;

	(void)state;
	for (i = 0; values[i]; i++) {
		if (weigh_value(values[i], strlen(values[i])))
			print_message("value %s\n", values[i]);
		assert_false(weigh_value(values[i], strlen(values[i])));
	}
	for (i = 0; tokens[i]; i++) {
		if (weigh_token(tokens[i], strlen(tokens[i])))
			print_message("token %s\n", tokens[i]);
		assert_false(weigh_token(tokens[i], strlen(tokens[i])));
	}
	/* and what must stay */
	assert_true(weigh_value("kR7vXq2mWz9p", 12));
	assert_true(weigh_value("0xkR7vXq2mWz9p", 14));
	/* base64 of a private key, of an account's file */
	assert_true(weigh_value("LS0tLS1CRUdJTiBQUklWQVRFIEtFWS0tLS0tCk1JSUV2"
				"Z0lCQURBTkJna3Foa2lHOXcw", 68));
	assert_true(weigh_value("ewogICJ0eXBlIjogInNlcnZpY2VfYWNjb3VudCIsCiAg"
				"InByaXZhdGVfa2V5X2lkIjogIjY2N2JkMWZiIgp9Cg==",
				88));
	assert_true(weigh_value("ZGVwbG95OmtSN3ZYcTJtV3o5cA==", 28));
	assert_true(weigh_token("hooks.slack.com/services/T0AB1CD2E/B0AB1CD2E"
				"/kR7vXq2mWz9pLs8TnQ4yBd6F", 69));
}

/* As ssh-keygen writes it: the first line is the format's, full of zeros. */
/* Base64 of a certificate longer than what is looked at, and of a key. */
static void test_long(void **state)
{
	static const char cert[] = "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCk1JSU",
			  key[] = "LS0tLS1CRUdJTiBQUklWQVRFIEtFWS0tLS0tCk1JSU";
	char text[1200];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(text); i++)
		text[i] = "TURBR"[i % 4]; /* base64 of letters */
	memcpy(text, cert, sizeof(cert) - 1);
	assert_false(weigh_value(text, sizeof(text)));
	memcpy(text, key, sizeof(key) - 1);
	assert_true(weigh_value(text, sizeof(text)));
	/* something encrypted is long; what one logs in with is not */
	for (i = 0; i < sizeof(text); i++)
		text[i] = (LOWER UPPER DIGIT "+/")[dice(64)];
	memcpy(text, "AgB", 3);
	assert_false(weigh_value(text, 700));
	assert_true(weigh_value(text, 240));
	memcpy(text, "MII", 3);
	assert_true(weigh_value(text, 700));
}

static void test_key_blocks(void **state)
{
	static const char set[] = UPPER LOWER DIGIT "+/";
	static const char begins[] =
		"-----BEGIN OPENSSH PRIVATE " "KEY-----\n"
		"b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZW\n"
		"QyNTUxOQAAACB";
	char text[600], line[80];
	unsigned high = 0;
	size_t n, i;
	int k, l;

	(void)state;
	for (k = 0; k < 1000; k++) {
		n = strlen(begins);
		memcpy(text, begins, n);
		for (l = 0; l < 4; l++) {
			for (i = 0; i < 57; i++)
				line[i] = set[dice(sizeof(set) - 1)];
			line[57] = '\n';
			memcpy(text + n, line, 58);
			n += 58;
		}
		high += weigh_token(text, n);
	}
	print_message("key blocks: %u of 1000\n", high);
	assert_true(high >= 990);
	/* one that is cut off, as in documentation */
	static const char cut[] = "-----BEGIN RSA PRIVATE " "KEY-----\n"
		"MIIEpQIBAAKCAQEAkR7vXq2mWz9pLs8TnQ4yBd6FhJ3cGf5aZw\n"
		"-----END RSA PRIVATE " "KEY-----";

	assert_false(weigh_token(cut, strlen(cut)));
	/* and one that is a picture of a key */
	for (i = strlen(begins); i < n; i++)
		if (text[i] != '\n')
			text[i] = 'A';
	assert_false(weigh_token(text, n));
}

static void test_paths(void **state)
{
	static const char *const made_up[] = {
		"tests/app.conf", "src/test/java/A.java", "a/b_test.go",
		"pkg/FooTests.java", "x/y.spec.ts", ".env.example", ".env.test",
		"spec/models/user_spec.rb", "docs/setup.txt", "README.md",
		"apps/x_SUITE_data/a.conf", "a/__fixtures__/k.json",
		"conf/locale/locale_nl-NL.ini", "a.zip!examples/x", "t/test1.c",
		"TestData.cs", "guide.adoc", "a/login_sv_SE.properties", "login_tr.properties",
		"src/vendor/x/key.pem", "web/node_modules/a/b.js", "go.sum",
		"yarn.lock", "ui/package-lock.json", "js/app.min.js", "a/testdata/key.pem",
		"public/js/langs/la.json", "assets/localization/cs/TeX.js",
		"api/swagger.json", "logo.eps", "guides/setup.html", "boot.log",
		"en/search/search_index.json", ".yarn/releases/yarn.cjs",
		"lib/python2.7/site-packages/ansible/x.py",
		"manuscript/swarm.txt", "swarm.mde", "a/README.markdown", NULL,
	};
	static const char *const real[] = {
		"app.conf", "src/main/latest.c", "contest/a.py", "attest.go",
		"config/production.yml", "config_db.properties", "block.c",
		"vendors/list.yml", ".env", "Dockerfile", "inspect.rb",
		"doctor/app.py", "deploy/prod.tfvars", "specialist.c", "",
		NULL,
	};
	size_t i;

	(void)state;
	for (i = 0; made_up[i]; i++) {
		if (!weigh_path(made_up[i]))
			print_message("%s\n", made_up[i]);
		assert_true(weigh_path(made_up[i]));
	}
	for (i = 0; real[i]; i++) {
		if (weigh_path(real[i]))
			print_message("%s\n", real[i]);
		assert_false(weigh_path(real[i]));
	}
}

static void test_small(void **state)
{
	char text[64];
	size_t n, i;

	(void)state;
	assert_false(weigh_value("", 0));
	(void)weigh_token("", 0);
	assert_int_equal(weigh_period("", 0), 0);
	assert_int_equal(weigh_period("abab", 4), 2);
	assert_int_equal(weigh_period("ababa", 5), 2);
	assert_int_equal(weigh_period("aaaa", 4), 1);
	assert_int_equal(weigh_period("abcd", 4), 0);
	for (i = 0; i < 20000; i++) {
		for (n = 0; n < dice(60); n++)
			text[n] = (char)dice(256);
		(void)weigh_value(text, n);
		(void)weigh_token(text, n);
		(void)weigh_web_token(text, n);
	}
}

/* {"alg":"HS256"} . payload . signature */
static void test_web_token(void **state)
{
	/* {"sub":"a"}; {"sub":"a","iat":1700000000,"exp":1700003600};
	 * {"iat":1700000000,"exp":1900000000}; {"exp":1700003600} */
	static const char forever[] = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0.x";
	static const char hour[] = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIiwiaWF0"
		"IjoxNzAwMDAwMDAwLCJleHAiOjE3MDAwMDM2MDB9.x";
	static const char years[] = "eyJhbGciOiJIUzI1NiJ9.eyJpYXQiOjE3MDAwMDAw"
		"MDAsImV4cCI6MTkwMDAwMDAwMH0.x";
	/* {"role":"anon"}: for every visitor */
	static const char anon[] = "eyJhbGciOiJIUzI1NiJ9."
		"eyJyb2xlIjoiYW5vbiJ9.x";
	static const char first[] = "eyJhbGciOiJIUzI1NiJ9."
		"eyJzdWIiOiIxIiwiaWF0IjoxNTE2MjM5MDIyfQ.x";
	static const char unknown[] =
		"eyJhbGciOiJIUzI1NiJ9.eyJleHAiOjE3MDAwMDM2MDB9.x";

	(void)state;
	assert_true(weigh_web_token(forever, strlen(forever)));
	assert_false(weigh_web_token(hour, strlen(hour)));
	assert_true(weigh_web_token(years, strlen(years)));
	assert_false(weigh_web_token(unknown, strlen(unknown)));
	assert_false(weigh_web_token("a.b", 3));
	/* {"sub":"1","iat":1516239022}: everybody's first one */
	assert_false(weigh_web_token(first, strlen(first)));
	assert_false(weigh_web_token(anon, strlen(anon)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_drawn),
		cmocka_unit_test(test_made_up),
		cmocka_unit_test(test_long),
		cmocka_unit_test(test_key_blocks),
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_small),
		cmocka_unit_test(test_web_token),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
