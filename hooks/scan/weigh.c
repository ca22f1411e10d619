/*
 * weigh: what keeps a finding from being called high.
 *
 * Owns the idea of "as if drawn at random" and the names of folders and files
 * in which values are made up.  Reads nothing but what it is given; linear.
 */
#include "hooks/scan/weigh.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "hooks/scan/checks.h"
#include "hooks/scan/generic.h"

#define LOOKED_AT 256u /* of longer values the beginning tells */
#define BITS_LEAST 26.0
#define LENGTH_LEAST 8u
#define LETTERS_LEAST 16u /* of a value of letters alone */
#define NATURAL_MOST 68
#define NATURAL_MOST_PLAIN 53 /* of one case: 98 of 100 drawn ones are below */
#define TURNS_LEAST 4u
#define LINE_LEAST 24u /* of a key block */
#define DEPTH_MOST 2
#define ECHO_OF_10 6u
#define LONG_LIFE_S (7 * 24 * 3600)

/* ---- values -------------------------------------------------------------- */

static char letter_of(char c)
{
	static const char from[] = "013457$@!", to[] = "oieastsai";
	const char *at = c ? strchr(from, c) : NULL;

	return at ? to[at - from] : c;
}

size_t weigh_words(const char *p, size_t n)
{
	char text[LOOKED_AT];
	size_t i;

	if (n > LOOKED_AT)
		n = LOOKED_AT;
	for (i = 0; i < n; i++)
		text[i] = letter_of(p[i]);
	return generic_in_long_words(text, n);
}

/* The failure function of Knuth, Morris and Pratt gives the least period. */
size_t weigh_period(const char *p, size_t n)
{
	unsigned short fail[LOOKED_AT + 1];
	size_t i, k = 0, period;

	if (n > LOOKED_AT)
		n = LOOKED_AT;
	if (n < 2)
		return 0;
	fail[0] = fail[1] = 0;
	for (i = 1; i < n; i++) {
		while (k && p[i] != p[k])
			k = fail[k];
		k += p[i] == p[k];
		fail[i + 1] = (unsigned short)k;
	}
	period = n - fail[n];
	return period * 2 <= n ? period : 0;
}

/* Most of it comes again so many bytes later, though not all: abc1:0abd1:0. */
static bool echoes(const char *p, size_t n)
{
	size_t by, i, same;

	if (n > LOOKED_AT)
		n = LOOKED_AT;
	for (by = 1; by * 2 <= n; by++) {
		for (i = by, same = 0; i < n; i++)
			same += p[i] == p[i - by];
		if (n - by >= LENGTH_LEAST && same * 10 >= (n - by) * ECHO_OF_10)
			return true;
	}
	return false;
}

struct make {
	size_t letters, digits, upper, lower, signs, steps, run;
	size_t turns; /* from a small letter to a capital or back */
};

static void look(const char *p, size_t n, struct make *m)
{
	size_t i, run = 1;

	memset(m, 0, sizeof(*m));
	for (i = 0; i < n; i++) {
		unsigned char c = (unsigned char)p[i];

		m->lower += islower(c) != 0;
		m->upper += isupper(c) != 0;
		m->digits += isdigit(c) != 0;
		if (!i)
			continue;
		m->turns += isalpha(c) && isalpha((unsigned char)p[i - 1]) &&
			    ((c ^ (unsigned char)p[i - 1]) & 0x20);
		m->steps += p[i] == p[i - 1] + 1 || p[i] == p[i - 1] - 1;
		run = p[i] == p[i - 1] ? run + 1 : 1;
		if (run > m->run)
			m->run = run;
	}
	m->letters = m->lower + m->upper;
	m->signs = n - m->letters - m->digits;
}

/* A UUID, also between other things: key:1:UUID. */
static bool uuid(const char *p, size_t n)
{
	size_t i, k;

	for (i = 0; i + 36 <= n; i++) {
		if (p[i + 8] != '-' || p[i + 13] != '-' || p[i + 18] != '-' ||
		    p[i + 23] != '-')
			continue;
		for (k = 0; k < 36 && (p[i + k] == '-' ||
				       isxdigit((unsigned char)p[i + k])); k++)
			;
		if (k == 36)
			return true;
	}
	return false;
}

/* 0x04b24746: a number that a format begins with; with 40 digits it is the
 * address of an account, which all may know. */
static bool plain_number(const char *p, size_t n)
{
	size_t i = 2;

	if (n < 3 || (n > 18 && n != 42) || p[0] != '0' ||
	    (p[1] | 0x20) != 'x')
		return false;
	while (i < n && isxdigit((unsigned char)p[i]))
		i++;
	return i == n;
}

/* Words with blanks between, none of them long: a text. */
static bool phrase(const char *p, size_t n)
{
	const char *at = p, *end = p + n, *blank;
	size_t longest = 0;

	if (!memchr(p, ' ', n))
		return false;
	for (; at < end; at = blank + 1) {
		blank = memchr(at, ' ', (size_t)(end - at));
		if (!blank)
			blank = end;
		if ((size_t)(blank - at) > longest)
			longest = (size_t)(blank - at);
	}
	return longest < LETTERS_LEAST;
}

/* Parts between bars (vector|text|sum): something is encrypted, and says so. */
static bool sealed(const char *p, size_t n)
{
	const char *bar = memchr(p, '|', n);

	return (bar && n > 64 && memchr(bar + 1, '|', n - (size_t)(bar + 1 - p))) ||
	       (n > 4 && (!memcmp(p, "ENC(", 4) || !memcmp(p, "ENC[", 4)));
}

/* <name>, ${NAME}, {{ name }}: a place to fill in. */
static bool to_fill_in(const char *p, size_t n)
{
	const char *open = memchr(p, '<', n);

	if (open && memchr(open, '>', n - (size_t)(open - p)))
		return true;
	return memmem(p, n, "${", 2) || memmem(p, n, "{{", 2) ||
	       memmem(p, n, "}}", 2) || memmem(p, n, "$(", 2);
}

/* A public key in base64 of DER: RSA, P-256, P-384, Ed25519, X25519. */
static bool public_key(const char *p, size_t n)
{
	static const char *const begins[] = {
		"MFkwEwYHKoZIzj0C", "MHYwEAYHKoZIzj0C", "MIGfMA0GCSqGSIb3",
		"MIIBIjANBgkqhkiG", "MIICIjANBgkqhkiG", "MCowBQYDK2V", NULL,
	};
	size_t i, len;

	/* of a magic envelope: RSA.modulus.exponent */
	if (n > 5 && !memcmp(p, "RSA.", 4) && !memcmp(p + n - 5, ".AQAB", 5))
		return true;
	for (i = 0; begins[i]; i++) {
		len = strlen(begins[i]);
		if (n >= len && !memcmp(p, begins[i], len))
			return true;
	}
	return false;
}

/* Nobody draws runs, steps and repetitions. */
static bool drawn(const char *p, size_t n, const struct make *m)
{
	return m->run < 5 && m->steps * 3 < n && !weigh_period(p, n) &&
	       !echoes(p, n);
}

/* Base64 of readable text, of lines too: that text, else 0.  What a longer
 * value begins with is enough (the first part of a web token). */
static size_t reads_as(const char *p, size_t n, char out[LOOKED_AT])
{
	size_t len = 0, i;
	long got;

	while (len < n && len < LOOKED_AT &&
	       (isalnum((unsigned char)p[len]) || strchr("+/-_=", p[len])))
		len++;
	if (len < 8 || (len < LOOKED_AT && len * 4 < n * 3))
		return 0;
	if (len == LOOKED_AT || p[len - 1] != '=')
		len -= len % 4 == 1;
	got = check_unbase64(p, len, (unsigned char *)out);
	for (i = 0; got > 0 && i < (size_t)got; i++)
		if (out[i] == '\n' && i + 1 == (size_t)got)
			return i;
		else if ((out[i] < ' ' || out[i] > '~') &&
			 out[i] != '\r' && out[i] != '\n' &&
			 out[i] != '\t')
			return 0;
	return got > 0 ? (size_t)got : 0;
}

/* \u00e9 and \xe9 in a text of letters are one of them. */
static size_t without_escapes(const char *p, size_t n, char out[LOOKED_AT])
{
	size_t len = 0, i = 0, k;

	while (i < n && len < LOOKED_AT) {
		for (k = 0; k < 4 && i + 2 + k < n &&
			    isxdigit((unsigned char)p[i + 2 + k]); k++)
			;
		if (p[i] == '\\' && ((k == 4 && p[i + 1] == 'u') ||
				     (k > 1 && p[i + 1] == 'x'))) {
			out[len++] = 'e';
			i += p[i + 1] == 'u' ? 6 : 4;
		} else {
			out[len++] = p[i++];
		}
	}
	return len;
}

/* What of "name:password" is the secret. */
static void after_colon(const char **p, size_t *n)
{
	const char *at = memchr(*p, ':', *n);
	size_t name = at ? (size_t)(at - *p) : 0;

	if (!at || name + 1 == *n) {
		*n -= at != NULL;
		return;
	}
	*p = at + 1;
	*n -= name + 1;
}

bool weigh_value(const char *p, size_t n)
{
	char deep[DEPTH_MOST][LOOKED_AT], plain[LOOKED_AT];
	struct make m;
	size_t len;
	int depth, worst;

	if (public_key(p, n) || weigh_texts(p, n) || weigh_blob(p, n) ||
	    weigh_digest(p, n))
		return false;
	for (depth = 0; depth < DEPTH_MOST; depth++) {
		if (n >= 6 && !strncasecmp(p, "basic ", 6)) {
			p += 6;
			n -= 6;
		} else if (n >= 7 && !strncasecmp(p, "bearer ", 7)) {
			p += 7;
			n -= 7;
		}
		if (n > 40 && !memcmp(p, "eyJ", 3) && memchr(p, '.', n))
			return weigh_web_token(p, n);
		len = reads_as(p, n, deep[depth]);
		if (!len)
			break;
		if (deep[depth][0] == '{') /* JSON: an account's key file? */
			return memmem(deep[depth], len, "private_key", 11);
		if (len > 15 && !memcmp(deep[depth], "-----BEGIN ", 11))
			return memmem(deep[depth], len, " PRIVATE KEY", 12) ||
			       memmem(deep[depth], len, "BEGIN PRIVATE", 13);
		if (weigh_mail(deep[depth], len))
			return false;
		p = deep[depth];
		n = len;
		after_colon(&p, &n);
	}
	n = without_escapes(p, n, plain);
	p = plain;
	look(p, n, &m);
	if (n < LENGTH_LEAST || check_entropy(p, n) * (double)n < BITS_LEAST ||
	    !drawn(p, n, &m) || to_fill_in(p, n) || uuid(p, n) ||
	    plain_number(p, n) || phrase(p, n) || sealed(p, n) ||
	    memmem(p, n, "sha256:", 7) ||
	    (n > 4 && (!memcmp(p, "pk_", 3) || !memcmp(p, "phc_", 4))) || m.digits + m.signs == n)
		return false;
	/* letters, also as words with signs between: no written ones in any
	 * language, and if there are few, capitals among them */
	if (!m.digits &&
	    (generic_natural(p, n, &worst) >
		     (m.turns < TURNS_LEAST ? NATURAL_MOST_PLAIN : NATURAL_MOST) ||
	     (n < LETTERS_LEAST && m.turns < TURNS_LEAST)))
		return false;
	if (weigh_typed(p, n))
		return false;
	return weigh_words(p, n) * 2 < m.letters + m.digits;
}

/* The next piece between characters that no token holds; false: no more. */
static bool next_piece(const char **at, const char *end, const char **p, size_t *n)
{
	const char *c = *at;

	while (c < end && !isalnum((unsigned char)*c) && !strchr("_-+", *c))
		c++;
	for (*p = c; c < end && *c && (isalnum((unsigned char)*c) ||
				       strchr("_-+", *c)); c++)
		;
	*at = c + (c < end);
	*n = (size_t)(c - *p);
	return *n || c < end;
}

static bool piece_drawn(const char *p, size_t n)
{
	struct make m;

	if (n > LOOKED_AT)
		return true;
	look(p, n, &m);
	if (n < LENGTH_LEAST)
		return true; /* some vendors' are short: the rule knows */
	return m.run < 8 && m.steps * 2 < n && !weigh_period(p, n) &&
	       !echoes(p, n) &&
	       weigh_words(p, n) * 2 < m.letters + m.digits;
}

/* A key in DER says how long it is: what documentation shows is cut off. */
static bool cut_off(const char *p, size_t n)
{
	const char *at = memmem(p, n, "KEY-----", 8), *end = p + n;
	const char *body;
	unsigned char head[3];
	size_t letters = 0, need;

	body = at ? memmem(at, (size_t)(end - at), "MII", 3) : NULL;
	if (!body || end - body < 8 || body - at > 24 ||
	    check_unbase64(body, 4, head) != 3 || head[0] != 0x30 ||
	    head[1] != 0x82)
		return false;
	need = (size_t)head[2] << 8;
	for (; body < end && *body != '-'; body++)
		letters += isalnum((unsigned char)*body) || *body == '+' ||
			   *body == '/' || *body == '=';
	return letters * 3 / 4 < need;
}

/* The longest piece tells.  Of a text of lines (a key block) the first is
 * often the format's own and full of zeros: any whole line will do. */
bool weigh_token(const char *p, size_t n)
{
	bool lines = memchr(p, '\n', n) || memmem(p, n, "\\n", 2);
	const char *at = p, *end = p + n, *piece, *best = p;
	size_t len, most = 0;

	if (to_fill_in(p, n > LOOKED_AT ? LOOKED_AT : n) || cut_off(p, n))
		return false;
	while (next_piece(&at, end, &piece, &len)) {
		if (lines && len >= LINE_LEAST && piece_drawn(piece, len))
			return true;
		if (len <= most)
			continue;
		most = len;
		best = piece;
	}
	return piece_drawn(best, most);
}

/* The number behind "name": in JSON; -1: none. */
static long long number_of(const char *p, size_t n, const char *name)
{
	const char *at = memmem(p, n, name, strlen(name)), *end = p + n;
	long long v = 0;
	int digits = 0;

	if (!at)
		return -1;
	for (at += strlen(name); at < end && (*at == ':' || *at == ' '); at++)
		;
	for (; at < end && isdigit((unsigned char)*at) && digits < 15; at++) {
		v = v * 10 + (*at - '0');
		digits++;
	}
	return digits ? v : -1;
}

bool weigh_web_token(const char *p, size_t n)
{
	const char *dot = memchr(p, '.', n), *last;
	unsigned char out[2048];
	long long expires, issued;
	long len;

	if (!dot || !(last = memchr(dot + 1, '.', n - (size_t)(dot + 1 - p))))
		return false;
	if ((size_t)(last - dot - 1) * 3 / 4 > sizeof(out))
		return false;
	len = check_unbase64(dot + 1, (size_t)(last - dot - 1), out);
	if (len <= 0 || out[0] != '{' ||
	    memmem(out, (size_t)len, "1234567890", 10) || /* jwt.io's own */
	    memmem(out, (size_t)len, "\"iat\":1516239022", 16) ||
	    memmem(out, (size_t)len, "\"role\":\"anon\"", 13)) /* for all */
		return false;
	expires = number_of((const char *)out, (size_t)len, "\"exp\"");
	issued = number_of((const char *)out, (size_t)len, "\"iat\"");
	if (issued < 0)
		issued = number_of((const char *)out, (size_t)len, "\"nbf\"");
	return expires < 0 || (issued >= 0 && expires - issued > LONG_LIFE_S);
}

/* ---- paths --------------------------------------------------------------- */

/* Words of folders and files; found as a whole word of a name. */
static const char *const made_up[] = {
	"test", "tests", "testing", "testdata", "testcase", "testcases",
	"unittest", "unittests", "tst", "suite", "conftest", "spec", "specs",
	"fixture", "fixtures", "mock", "mocks", "stub", "stubs", "fake",
	"fakes", "dummy", "e2e", "cypress", "selenium", "testsuite",
	"integrationtest", "snapshots", "cassettes", "example", "examples",
	"sample", "samples", "demo", "demos", "tutorial", "tutorials",
	"playground", "quickstart", "doc", "docs", "documentation", "javadoc",
	"readme", "changelog", "locale", "locales", "i18n", "l10n", "intl",
	"translations", "translation", "lang", "langs", "language",
	"languages", "localization", "localisation", "messages", "tmpl",
	"swagger", "openapi", "guide", "guides", "howto", "manual", "manuals", "handbook",
	"manuscript", "manuscripts",
	/* of others */
	"vendor", "vendored", "thirdparty", "bower_components",
	NULL,
};
/* Languages that property files end their names with. */
static const char languages[] =
	" ar bg ca cs da de el es et eu fa fi fr gl he hi hr hu id is it ja ka "
	"ko lt lv mk ms nb nl nn no pl pt ro ru sk sl sq sr sv th tr uk ur vi zh ";
/* Ends of names. */
static const char *const texts[] = {
	".md", ".mdx", ".mde", ".mkd", ".mdown", ".markdown", ".rdoc", ".pod",
	".tex", ".wiki", ".rst", ".adoc", ".asciidoc", ".textile", ".ipynb",
	".snap", ".po", ".pot", ".xlf", ".xliff", ".man", ".dist",
	".template", ".tpl",
	/* full of sums */
	".lock", "-lock.json", "go.sum", ".min.js", ".min.css", ".map",
	"search_index.json",
	/* shown to people, drawn, told by programs */
	".html", ".htm", ".eps", ".svg", ".log", ".logcat", NULL,
};

static bool made_up_word(const char *p, size_t n)
{
	size_t i;

	while (n && isdigit((unsigned char)p[n - 1]))
		n--;
	for (i = 0; n && made_up[i]; i++)
		if (!strncasecmp(made_up[i], p, n) && !made_up[i][n])
			return true;
	return false;
}

/* Names are cut at what is no letter or digit and before capitals. */
static bool made_up_name(const char *p, size_t n)
{
	size_t i = 0, from;

	while (i < n) {
		while (i < n && !isalnum((unsigned char)p[i]))
			i++;
		from = i;
		while (i < n && isalnum((unsigned char)p[i])) {
			if (i > from && isupper((unsigned char)p[i]) &&
			    islower((unsigned char)p[i - 1]))
				break;
			i++;
		}
		if (made_up_word(p + from, i - from))
			return true;
	}
	return false;
}

/* name_de.properties, name_pt_BR.ini */
static bool of_language(const char *path, size_t n)
{
	const char *dot = memrchr(path, '.', n), *p = dot;
	char code[5] = "    ";

	if (!dot || (strcmp(dot, ".properties") != 0 &&
		     strcmp(dot, ".ini") != 0 && strcmp(dot, ".resx") != 0))
		return false;
	if (p - path > 6 && p[-3] == '_' && isupper((unsigned char)p[-1]))
		p -= 3;
	if (p - path < 4 || (p[-3] != '_' && p[-3] != '-' && p[-3] != '.'))
		return false;
	code[1] = p[-2];
	code[2] = p[-1];
	return strstr(languages, code) != NULL;
}

bool weigh_path(const char *path)
{
	size_t n = strlen(path), i, len;

	if (strstr(path, "node_modules/") || strstr(path, "third_party/") ||
	    strstr(path, "site-packages/") || strstr(path, "dist-packages/") ||
	    strstr(path, ".yarn/") ||
	    of_language(path, n))
		return true;

	for (i = 0; texts[i]; i++) {
		len = strlen(texts[i]);
		if (n >= len && !strcasecmp(path + n - len, texts[i]))
			return true;
	}
	return made_up_name(path, n);
}

/* Kinds that everybody makes up; a vendor's token somebody once was given. */
static bool of_anybody(const struct rule *r)
{
	static const char *const kinds[] = {
		"private-key", "password", "connection-string", "certificate",
		"secret", NULL,
	};
	size_t i;

	for (i = 0; r->kind && kinds[i]; i++)
		if (!strcmp(kinds[i], r->kind))
			return true;
	return r->scored || r->checksum == CHECKSUM_JWT;
}

/* A scored value in what a commit or tag says, which is prose.  A blob that no
 * path leads to has no commit. */
static bool in_message(const struct finding *f)
{
	return f->rule->scored && !*f->file && *f->commit;
}

enum confidence weigh_finding(const struct finding *f, const char *root)
{
	size_t n = root ? strlen(root) : 0;
	const char *path = f->file;

	if (n && !strncmp(path, root, n))
		path += n;
	if (!*path && strrchr(f->file, '/'))
		path = strrchr(f->file, '/');
	return f->confidence == CONFIDENCE_HIGH && !rule_stands(f->rule) &&
			       of_anybody(f->rule) &&
			       (weigh_path(path) || in_message(f))
		       ? CONFIDENCE_MEDIUM : f->confidence;
}

void weigh_findings(struct findings *f, const char *root)
{
	size_t i;

	for (i = 0; i < f->n; i++)
		f->v[i].confidence = weigh_finding(&f->v[i], root);
}
