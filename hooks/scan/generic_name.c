/*
 * generic_name: what the name of a value says.
 *
 * Owns the lists of words that names are made of, and the features of the
 * second group.
 */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "hooks/scan/checks.h"
#include "hooks/scan/generic_words.h"

#define NAME_WORDS_MAX 12u

enum group {
	G_NONE, G_PASS, G_SECRET, G_TOKEN, G_KEY, G_AUTH, G_SALT, G_STRONG,
	G_PUBLIC, G_TEXT, G_WRONG, G_PLACE, G_MEASURE, G_WHOSE, G_STATE,
};

static const struct {
	const char *word;
	enum group group;
} groups[] = {
	{ "password", G_PASS }, { "passwd", G_PASS }, { "pass", G_PASS },
	{ "pwd", G_PASS }, { "pw", G_PASS }, { "passphrase", G_PASS },
	{ "passcode", G_PASS }, { "passwords", G_PASS }, { "pswd", G_PASS },
	{ "userpass", G_PASS }, { "pin", G_PASS }, { "identified", G_PASS },
	{ "secret", G_SECRET }, { "secrets", G_SECRET }, { "otp", G_SECRET },
	{ "totp", G_SECRET }, { "hmac", G_SECRET }, { "jwt", G_SECRET },
	{ "token", G_TOKEN }, { "tokens", G_TOKEN }, { "bearer", G_TOKEN },
	{ "key", G_KEY }, { "keys", G_KEY }, { "apikey", G_KEY },
	{ "nkey", G_KEY }, { "appkey", G_KEY }, { "xkey", G_KEY },
	{ "auth", G_AUTH }, { "authorization", G_AUTH }, { "basic", G_AUTH },
	{ "authentication", G_AUTH }, { "oauth", G_AUTH }, { "oauth2", G_AUTH },
	{ "authenticator", G_AUTH }, { "authorize", G_AUTH },
	{ "credential", G_AUTH }, { "credentials", G_AUTH }, { "cred", G_AUTH },
	{ "creds", G_AUTH }, { "login", G_AUTH }, { "cookie", G_AUTH },
	{ "authenticated", G_STATE }, { "authorized", G_STATE },
	{ "salt", G_SALT }, { "nonce", G_SALT }, { "seed", G_SALT },
	{ "iv", G_SALT }, { "signature", G_SALT }, { "sig", G_SALT },
	{ "api", G_STRONG }, { "access", G_STRONG }, { "private", G_STRONG },
	{ "client", G_STRONG }, { "master", G_STRONG }, { "app", G_STRONG },
	{ "consumer", G_STRONG }, { "session", G_STRONG }, { "db", G_STRONG },
	{ "encryption", G_STRONG }, { "signing", G_STRONG },
	{ "refresh", G_STRONG }, { "database", G_STRONG }, { "admin", G_STRONG },
	{ "root", G_STRONG }, { "user", G_STRONG }, { "mysql", G_STRONG },
	{ "service", G_STRONG }, { "account", G_STRONG }, { "ssh", G_STRONG },
	{ "rsa", G_STRONG }, { "x", G_STRONG }, { "sys", G_STRONG },
	{ "public", G_PUBLIC }, { "pub", G_PUBLIC }, { "id", G_PUBLIC },
	{ "name", G_PUBLIC }, { "names", G_PUBLIC }, { "type", G_PUBLIC },
	{ "kind", G_PUBLIC }, { "primary", G_PUBLIC }, { "foreign", G_PUBLIC },
	{ "sort", G_PUBLIC }, { "index", G_PUBLIC }, { "partition", G_PUBLIC },
	{ "cache", G_PUBLIC }, { "event", G_PUBLIC }, { "routing", G_PUBLIC },
	{ "object", G_PUBLIC }, { "map", G_PUBLIC }, { "group", G_PUBLIC },
	{ "label", G_TEXT }, { "message", G_TEXT }, { "msg", G_TEXT },
	{ "error", G_TEXT }, { "hint", G_TEXT }, { "title", G_TEXT },
	{ "description", G_TEXT }, { "prompt", G_TEXT }, { "text", G_TEXT },
	{ "help", G_TEXT }, { "field", G_TEXT }, { "placeholder", G_TEXT },
	{ "input", G_TEXT }, { "form", G_TEXT }, { "button", G_TEXT },
	{ "header", G_TEXT }, { "param", G_TEXT }, { "attribute", G_TEXT },
	{ "column", G_TEXT }, { "table", G_TEXT }, { "property", G_TEXT },
	{ "format", G_TEXT }, { "pattern", G_TEXT }, { "regex", G_TEXT },
	{ "class", G_TEXT }, { "element", G_TEXT }, { "selector", G_TEXT },
	{ "confirm", G_WRONG }, { "confirmation", G_WRONG },
	{ "repeat", G_WRONG }, { "wrong", G_WRONG }, { "invalid", G_WRONG },
	{ "old", G_WRONG }, { "new", G_WRONG }, { "test", G_WRONG },
	{ "fake", G_WRONG }, { "example", G_WRONG }, { "dummy", G_WRONG },
	{ "hash", G_WRONG }, { "hashed", G_WRONG }, { "encrypted", G_WRONG },
	{ "digest", G_WRONG }, { "forgot", G_WRONG }, { "reset", G_WRONG },
	{ "change", G_WRONG }, { "current", G_WRONG }, { "expected", G_WRONG },
	{ "default", G_WRONG }, { "mock", G_WRONG },
	{ "file", G_PLACE }, { "path", G_PLACE }, { "dir", G_PLACE },
	{ "url", G_PLACE }, { "uri", G_PLACE }, { "endpoint", G_PLACE },
	{ "host", G_PLACE }, { "domain", G_PLACE }, { "store", G_PLACE },
	{ "store", G_PLACE }, { "location", G_PLACE }, { "ref", G_PLACE },
	{ "env", G_PLACE }, { "var", G_PLACE }, { "provider", G_PLACE },
	{ "issuer", G_PLACE }, { "server", G_PLACE }, { "callback", G_PLACE },
	{ "length", G_MEASURE }, { "size", G_MEASURE }, { "len", G_MEASURE },
	{ "count", G_MEASURE }, { "min", G_MEASURE }, { "max", G_MEASURE },
	{ "limit", G_MEASURE }, { "timeout", G_MEASURE }, { "ttl", G_MEASURE },
	{ "expires", G_MEASURE }, { "expiry", G_MEASURE }, { "age", G_MEASURE },
	{ "version", G_MEASURE }, { "algorithm", G_MEASURE },
	{ "algo", G_MEASURE }, { "alg", G_MEASURE }, { "method", G_MEASURE },
	{ "mode", G_MEASURE }, { "scheme", G_MEASURE }, { "policy", G_MEASURE },
	{ "strength", G_MEASURE }, { "scope", G_MEASURE },
	{ "my", G_WHOSE }, { "the", G_WHOSE }, { "your", G_WHOSE },
	{ "our", G_WHOSE }, { "this", G_WHOSE }, { "self", G_WHOSE },
	{ "get", G_STATE }, { "set", G_STATE }, { "is", G_STATE },
	{ "has", G_STATE }, { "use", G_STATE }, { "enable", G_STATE },
	{ "enabled", G_STATE }, { "check", G_STATE }, { "verify", G_STATE },
	{ "validate", G_STATE }, { "create", G_STATE }, { "generate", G_STATE },
	{ "with", G_STATE }, { "require", G_STATE }, { "required", G_STATE },
	{ "allow", G_STATE }, { "update", G_STATE }, { "delete", G_STATE },
	{ "find", G_STATE }, { "add", G_STATE }, { "remove", G_STATE },
	{ "load", G_STATE }, { "save", G_STATE }, { "read", G_STATE },
	{ "write", G_STATE }, { "authenticate", G_STATE },
};

/* Words that only look as if they told of a secret. */
static const char *const innocent[] = {
	"keyword", "keywords", "keyboard", "keyboards", "keyframe",
	"keyframes", "keypress", "keyup", "keydown", "keycode", "keycodes",
	"keymap", "keymaps", "keystroke", "keystrokes", "keynote", "keyof",
	"keypoint", "keypoints", "keyspace", "keystone", "hotkey", "hotkeys",
	"monkey", "monkeys", "turkey", "hockey", "donkey", "whiskey", "author",
	"authors", "authored", "authority", "authorities", "authorship",
	"passed", "passes", "passing", "passive", "passenger", "passengers",
	"passage", "passages", "passthrough", "bypass", "bypassed", "compass",
	"surpass", "encompass", "tokenizer", "tokenizers", "tokenize",
	"tokenized", "tokenization", "accredited", "credit", "credits",
	"hotpink", "footprint", "footprints", "webauthn", "sacred",
	"incredible", "secretary", "seeded", "seeder", "seeders",
	"seeding", "seedling", NULL,
};

#define GROUPS (sizeof(groups) / sizeof(*groups))

static int words_group(const char *p, size_t n)
{
	size_t i;
	char first;

	while (n > 1 && isdigit((unsigned char)p[n - 1]))
		n--;
	first = n ? (char)tolower((unsigned char)*p) : '\0';
	for (i = 0; i < GROUPS; i++)
		if (groups[i].word[0] == first &&
		    strncasecmp(groups[i].word, p, n) == 0 &&
		    !groups[i].word[n])
			return (int)groups[i].group;
	return G_NONE;
}

/* Words of a name: cut at what is no letter and before capitals. */
static size_t split(const char *p, size_t n, size_t at[NAME_WORDS_MAX][2])
{
	size_t i = 0, words = 0, start;

	while (i < n && words < NAME_WORDS_MAX) {
		while (i < n && !isalnum((unsigned char)p[i]))
			i++;
		start = i;
		while (i < n && isalnum((unsigned char)p[i])) {
			if (i > start && isupper((unsigned char)p[i]) &&
			    (islower((unsigned char)p[i - 1]) ||
			     (i + 1 < n && isupper((unsigned char)p[i - 1]) &&
			      islower((unsigned char)p[i + 1]))))
				break;
			i++;
		}
		if (i > start) {
			at[words][0] = start;
			at[words++][1] = i - start;
		}
	}
	return words;
}

static bool says(const char *p, size_t n, const char *word)
{
	return check_find(p, n, word) != NULL;
}

static bool is_innocent(const char *p, size_t n)
{
	char first = n ? (char)tolower((unsigned char)*p) : '\0';
	size_t i;

	for (i = 0; innocent[i]; i++)
		if (innocent[i][0] == first &&
		    strncasecmp(innocent[i], p, n) == 0 && !innocent[i][n])
			return true;
	return false;
}

bool generic_innocent(const char *p, size_t n)
{
	static const char *const telling[] = {
		"pass", "pwd", "pswd", "pw", "secret", "token", "key", "auth",
		"cred", "salt", "nonce", "seed", "otp", "jwt", NULL,
	};
	size_t at[NAME_WORDS_MAX][2], words = split(p, n, at), i, k;
	bool some = false;

	if (words == NAME_WORDS_MAX)
		return false;
	for (i = 0; i < words; i++) {
		if (is_innocent(p + at[i][0], at[i][1])) {
			some = true;
			continue;
		}
		for (k = 0; telling[k]; k++)
			if (says(p + at[i][0], at[i][1], telling[k]))
				return false;
	}
	return some;
}

static int written(const char *p, size_t n)
{
	size_t lower = 0, upper = 0, i;

	for (i = 0; i < n; i++) {
		lower += islower((unsigned char)p[i]) != 0;
		upper += isupper((unsigned char)p[i]) != 0;
	}
	if (!lower)
		return memchr(p, '_', n) ? 2 : 1;
	if (!upper)
		return memchr(p, '_', n) ? 4 : memchr(p, '-', n) ? 5
			: memchr(p, '.', n) ? 6 : 3;
	return isupper((unsigned char)p[0]) ? 7 : 8;
}

void generic_measure_name(const char *p, size_t n, int16_t *f)
{
	size_t at[NAME_WORDS_MAX][2], words = split(p, n, at), i;
	int group;

	f[F_NAME_LENGTH] = (int16_t)n;
	f[F_NAME_WORDS] = (int16_t)words;
	f[F_NAME_PASS] = says(p, n, "pass") || says(p, n, "pwd");
	f[F_NAME_SECRET] = says(p, n, "secret");
	f[F_NAME_TOKEN] = says(p, n, "token");
	f[F_NAME_KEY] = says(p, n, "key");
	f[F_NAME_AUTH] = says(p, n, "auth") ? 1 : says(p, n, "cred") ? 2 : 0;
	if (!n)
		return;
	f[F_NAME_CASE] = (int16_t)written(p, n);
	for (i = 0; i < words; i++) {
		group = words_group(p + at[i][0], at[i][1]);
		switch (group) {
		case G_SALT:
			f[F_NAME_SALT] = 1;
			break;
		case G_STRONG:
			f[F_NAME_STRONG]++;
			break;
		case G_PUBLIC:
		case G_PLACE:
		case G_MEASURE:
			f[F_NAME_PUBLIC]++;
			break;
		case G_TEXT:
			f[F_NAME_TEXT]++;
			break;
		case G_WRONG:
		case G_STATE:
			f[F_NAME_WRONG]++;
			break;
		default:
			break;
		}
		if (i == 0)
			f[F_NAME_FIRST] = (int16_t)group;
		f[F_NAME_LAST] = (int16_t)group;
		if (group >= G_PASS && group <= G_SALT)
			f[F_NAME_AFTER] = (int16_t)(words - i);
	}
	f[F_NAME_BARE] = words == 1 && f[F_NAME_LAST] >= G_PASS &&
			 f[F_NAME_LAST] <= G_SALT;
}
