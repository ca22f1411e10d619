/*
 * generic_words: which of a few hundred words stand in a window, in one pass.
 *
 * Owns the lists.  A word may be in several.  Words are at least two bytes,
 * lower case, and are found anywhere, also inside of longer words.
 */
#include <pthread.h>
#include <string.h>

#include "hooks/scan/generic_words.h"

#define SLOTS 4096u

#define L(list) (1u << WORDS_##list)

static const struct {
	const char *text;
	unsigned lists;
} words[] = {
	{ "pass", L(TELLING) },
	{ "pwd", L(TELLING) },
	{ "secret", L(TELLING) },
	{ "token", L(TELLING) },
	{ "key", L(TELLING) },
	{ "auth", L(TELLING) },
	{ "cred", L(TELLING) },
	{ "salt", L(TELLING) },
	{ "seed", L(TELLING) },
	{ "assert", L(TEST) },
	{ "expect", L(TEST) },
	{ "should", L(TEST) },
	{ "test", L(TEST) | L(EXAMPLE) },
	{ "mock", L(TEST) },
	{ "stub", L(TEST) },
	{ "fixture", L(TEST) },
	{ "spec", L(TEST) },
	{ "describe(", L(TEST) },
	{ "it(", L(TEST) },
	{ "@test", L(TEST) },
	{ "getenv", L(ENV) },
	{ "environ", L(ENV) },
	{ "process.env", L(ENV) },
	{ "env[", L(ENV) },
	{ "env(", L(ENV) },
	{ "env.", L(ENV) },
	{ "config.get", L(ENV) },
	{ "secrets.", L(ENV) },
	{ "vault", L(ENV) },
	{ "lookup(", L(ENV) },
	{ "os.get", L(ENV) },
	{ "settings.", L(ENV) },
	{ "options.", L(ENV) },
	{ "params[", L(ENV) },
	{ "req.", L(ENV) },
	{ "request.", L(ENV) },
	{ "args.", L(ENV) },
	{ "argv", L(ENV) },
	{ "example", L(SAMPLE) | L(EXAMPLE) },
	{ "e.g.", L(SAMPLE) },
	{ "sample", L(SAMPLE) | L(EXAMPLE) },
	{ "dummy", L(SAMPLE) | L(EXAMPLE) },
	{ "fake", L(SAMPLE) | L(EXAMPLE) },
	{ "default", L(SAMPLE) | L(EXAMPLE) },
	{ "placeholder", L(SAMPLE) | L(EXAMPLE) },
	{ "replace", L(SAMPLE) | L(EXAMPLE) },
	{ "your ", L(SAMPLE) },
	{ "changeme", L(SAMPLE) | L(EXAMPLE) },
	{ "insert", L(SAMPLE) | L(EXAMPLE) },
	{ "todo", L(SAMPLE) | L(EXAMPLE) },
	{ "demo", L(SAMPLE) | L(EXAMPLE) },
	{ "for instance", L(SAMPLE) },
	{ "such as", L(SAMPLE) },
	{ "function", L(DEFINE) | L(CODE) },
	{ "def ", L(DEFINE) },
	{ "func ", L(DEFINE) },
	{ "class ", L(DEFINE) },
	{ "interface", L(DEFINE) },
	{ "struct ", L(DEFINE) },
	{ "public ", L(DEFINE) },
	{ "private ", L(DEFINE) },
	{ "return", L(DEFINE) },
	{ "throw", L(DEFINE) },
	{ "import ", L(DEFINE) | L(CODE) },
	{ "require(", L(DEFINE) },
	{ "if ", L(DEFINE) },
	{ "void ", L(DEFINE) },
	{ "curl", L(SHELL) },
	{ "export ", L(SHELL) },
	{ "docker", L(SHELL) },
	{ "mysql", L(SHELL) },
	{ "psql", L(SHELL) },
	{ "sudo", L(SHELL) },
	{ "echo ", L(SHELL) },
	{ "kubectl", L(SHELL) },
	{ "$ ", L(SHELL) },
	{ "set ", L(SHELL) },
	{ "--", L(SHELL) },
	{ "wget", L(SHELL) },
	{ "helm", L(SHELL) },
	{ "ssh", L(SHELL) },
	{ "aws ", L(SHELL) },
	{ "user", L(USER) | L(EXAMPLE) },
	{ "login", L(USER) },
	{ "host", L(USER) },
	{ "email", L(USER) },
	{ "database", L(USER) },
	{ "dbname", L(USER) },
	{ "port", L(USER) },
	{ "account", L(USER) },
	{ "client_id", L(USER) },
	{ "clientid", L(USER) },
	{ "url", L(USER) },
	{ "server", L(USER) },
	{ "();", L(CODE) },
	{ ") {", L(CODE) },
	{ "};", L(CODE) },
	{ "return ", L(CODE) },
	{ "=> {", L(CODE) },
	{ "self.", L(CODE) },
	{ "this.", L(CODE) },
	{ "->", L(CODE) },
	{ "::", L(CODE) },
	{ "#include", L(CODE) },
	{ "const ", L(CODE) },
	{ "var ", L(CODE) },
	{ "let ", L(CODE) },
	{ " the ", L(PROSE) },
	{ " is ", L(PROSE) },
	{ " to ", L(PROSE) },
	{ " of ", L(PROSE) },
	{ " and ", L(PROSE) },
	{ " for ", L(PROSE) },
	{ " you ", L(PROSE) },
	{ " with ", L(PROSE) },
	{ " in ", L(PROSE) },
	{ "```", L(PROSE) },
	{ "change_me", L(EXAMPLE) },
	{ "change-me", L(EXAMPLE) },
	{ "change_this", L(EXAMPLE) },
	{ "your", L(EXAMPLE) },
	{ "fixme", L(EXAMPLE) },
	{ "enter", L(EXAMPLE) },
	{ "foobar", L(EXAMPLE) },
	{ "foo", L(EXAMPLE) },
	{ "bar", L(EXAMPLE) },
	{ "baz", L(EXAMPLE) },
	{ "hello", L(EXAMPLE) },
	{ "world", L(EXAMPLE) },
	{ "here", L(EXAMPLE) },
	{ "undefined", L(EXAMPLE) },
	{ "unknown", L(EXAMPLE) },
	{ "redacted", L(EXAMPLE) },
	{ "removed", L(EXAMPLE) },
	{ "hidden", L(EXAMPLE) },
	{ "omitted", L(EXAMPLE) },
	{ "something", L(EXAMPLE) },
	{ "whatever", L(EXAMPLE) },
	{ "anything", L(EXAMPLE) },
	{ "mypass", L(EXAMPLE) },
	{ "my_", L(EXAMPLE) },
	{ "my-", L(EXAMPLE) },
	{ "some_", L(EXAMPLE) },
	{ "some-", L(EXAMPLE) },
	{ "12345", L(EXAMPLE) },
	{ "qwerty", L(EXAMPLE) },
	{ "abc123", L(EXAMPLE) },
	{ "abcd", L(EXAMPLE) },
	{ "asdf", L(EXAMPLE) },
	{ "aaaa", L(EXAMPLE) },
	{ "xxxx", L(EXAMPLE) },
	{ "letmein", L(EXAMPLE) },
	{ "hunter2", L(EXAMPLE) },
	{ "p@ss", L(EXAMPLE) },
	{ "passw0rd", L(EXAMPLE) },
	{ "welcome", L(EXAMPLE) },
	{ "john", L(EXAMPLE) },
	{ "jane", L(EXAMPLE) },
	{ "alice", L(EXAMPLE) },
	{ "bob", L(EXAMPLE) },
	{ "admin", L(EXAMPLE) },
	{ "root", L(EXAMPLE) },
	{ "guest", L(EXAMPLE) },
	{ "temp", L(EXAMPLE) },
	{ "none", L(EXAMPLE) },
	{ "null", L(EXAMPLE) },
	{ "empty", L(EXAMPLE) },
	{ "blank", L(EXAMPLE) },
	{ "wrong", L(EXAMPLE) },
	{ "invalid", L(EXAMPLE) },
	{ "bad", L(EXAMPLE) },
	{ "good", L(EXAMPLE) },
	{ "valid", L(EXAMPLE) },
	{ "new", L(EXAMPLE) },
	{ "old", L(EXAMPLE) },
};

#define WORDS (sizeof(words) / sizeof(*words))

static pthread_once_t once = PTHREAD_ONCE_INIT;
static uint8_t length[WORDS];
static int16_t head[SLOTS], next[WORDS]; /* by their first two bytes; -1 */

static unsigned lower(unsigned char c)
{
	return c >= 'A' && c <= 'Z' ? c + 32u : c;
}

static unsigned slot_of(unsigned a, unsigned b)
{
	return (a * 61 + b) % SLOTS;
}

static void prepare(void)
{
	size_t i;

	memset(head, -1, sizeof(head));
	for (i = WORDS; i-- > 0;) {
		unsigned s = slot_of((unsigned char)words[i].text[0],
				     (unsigned char)words[i].text[1]);

		length[i] = (uint8_t)strlen(words[i].text);
		next[i] = head[s];
		head[s] = (int16_t)i;
	}
}

static bool here(const char *p, size_t room, size_t word)
{
	size_t k, n = length[word];

	if (n > room)
		return false;
	for (k = 0; k < n; k++)
		if (lower((unsigned char)p[k]) !=
		    (unsigned char)words[word].text[k])
			return false;
	return true;
}

void words_look(const char *p, size_t n, const struct words_span *line,
		const struct words_span *value, struct words_seen *out)
{
	bool seen[3][WORDS] = { { false } };
	unsigned a, b;
	size_t i, k, w;
	int16_t at;

	pthread_once(&once, prepare);
	memset(out, 0, sizeof(*out));
	if (n < 2)
		return;
	a = lower((unsigned char)p[0]);
	for (i = 0; i + 1 < n; i++, a = b) {
		b = lower((unsigned char)p[i + 1]);
		for (at = head[slot_of(a, b)]; at >= 0; at = next[at]) {
			w = (size_t)at;
			if (!here(p + i, n - i, w))
				continue;
			k = i + length[w];
			seen[0][w] = true;
			seen[1][w] |= i >= line->from && k <= line->to;
			seen[2][w] |= i >= value->from && k <= value->to;
		}
	}
	for (w = 0; w < WORDS; w++)
		for (k = 0; seen[0][w] && k < WORDS_LISTS; k++)
			if (words[w].lists & 1u << k) {
				out->near[k]++;
				out->line[k] = (uint8_t)(out->line[k] + seen[1][w]);
				out->value[k] = (uint8_t)(out->value[k] + seen[2][w]);
			}
}
