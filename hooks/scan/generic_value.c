/*
 * generic_value: what a value looks like by itself.
 *
 * Owns the features of the first group.  Shares are percents, counts are
 * clipped.  Linear in the value, which is at most GENERIC_VALUE_MAX bytes.
 */
#include <ctype.h>
#include <math.h>
#include <string.h>
#include <strings.h>

#include "hooks/scan/checks.h"
#include "hooks/scan/generic.h"
#include "hooks/scan/generic_words.h"
#include "hooks/scan/weigh.h"

static const char *const literals[] = {
	"null", "nil", "none", "true", "false", "undefined", "nan", "string",
	"str", "int", "integer", "bool", "boolean", "number", "any", "object",
	"bytes", "byte", "char", "text", "varchar", "optional", "required",
	"yes", "no", "on", "off", "empty", "self", "this", "void", "auto",
	"default", "n/a", "type", "field", "value", NULL,
};

struct shape {
	size_t lower, upper, digit, other, foreign, space, vowel, alpha;
	size_t hex, b64, run, steps, changes, distinct, longest_alpha;
	size_t longest_alnum, dots, dashes, under;
};

enum { B64 = 1, VOWEL = 2, SOFT_SIGN = 4, MASK = 8 };

static const uint8_t class[256] = {
	['+'] = B64, ['/'] = B64 | SOFT_SIGN, ['='] = B64,
	['-'] = B64 | SOFT_SIGN | MASK, ['_'] = B64 | MASK,
	['.'] = SOFT_SIGN | MASK, [','] = SOFT_SIGN, [':'] = SOFT_SIGN,
	[';'] = SOFT_SIGN, ['?'] = SOFT_SIGN | MASK, ['!'] = SOFT_SIGN,
	['\''] = SOFT_SIGN, ['('] = SOFT_SIGN, [')'] = SOFT_SIGN,
	['*'] = MASK, ['x'] = MASK, ['X'] = MASK, ['#'] = MASK,
	['a'] = VOWEL, ['e'] = VOWEL, ['i'] = VOWEL, ['o'] = VOWEL,
	['u'] = VOWEL, ['y'] = VOWEL, ['A'] = VOWEL, ['E'] = VOWEL,
	['I'] = VOWEL, ['O'] = VOWEL, ['U'] = VOWEL, ['Y'] = VOWEL,
};

static int kind_of(unsigned char c)
{
	if (islower(c))
		return 1;
	if (isupper(c))
		return 2;
	if (isdigit(c))
		return 3;
	return c >= 128 ? 5 : 4;
}

static void look(const char *p, size_t n, struct shape *s)
{
	size_t i, run = 1, alpha = 0, alnum = 0;
	bool seen[256] = { false };

	memset(s, 0, sizeof(*s));
	for (i = 0; i < n; i++) {
		unsigned char c = (unsigned char)p[i];

		s->lower += c >= 'a' && c <= 'z';
		s->upper += c >= 'A' && c <= 'Z';
		s->digit += c >= '0' && c <= '9';
		s->foreign += c >= 128;
		s->space += c == ' ' || c == '\t';
		s->dots += c == '.';
		s->dashes += c == '-';
		s->under += c == '_';
		s->hex += c < 128 && isxdigit(c);
		s->b64 += c < 128 && (isalnum(c) || class[c] & B64);
		s->vowel += (class[c] & VOWEL) != 0;
		s->distinct += !seen[c];
		seen[c] = true;
		alpha = c < 128 && isalpha(c) ? alpha + 1 : 0;
		alnum = c < 128 && isalnum(c) ? alnum + 1 : 0;
		if (alpha > s->longest_alpha)
			s->longest_alpha = alpha;
		if (alnum > s->longest_alnum)
			s->longest_alnum = alnum;
		if (!i)
			continue;
		run = p[i] == p[i - 1] ? run + 1 : 1;
		if (run > s->run)
			s->run = run;
		s->steps += p[i] == p[i - 1] + 1 || p[i] == p[i - 1] - 1;
		s->changes += kind_of(c) != kind_of((unsigned char)p[i - 1]);
	}
	s->alpha = s->lower + s->upper;
	s->other = n - s->alpha - s->digit - s->foreign;
}

static int16_t clip(size_t v, int16_t most)
{
	return v > (size_t)most ? most : (int16_t)v;
}

static int16_t share(size_t part, size_t n)
{
	if (!n)
		return 0;
	return (int16_t)(part * 100 / n);
}

static bool starts(const char *p, size_t n, const char *word)
{
	size_t len = strlen(word);

	return n >= len && strncasecmp(p, word, len) == 0;
}

static bool is_uuid(const char *p, size_t n, const struct shape *s)
{
	return n == 36 && s->dashes == 4 && s->hex == 32 && p[8] == '-' &&
	       p[13] == '-' && p[18] == '-' && p[23] == '-';
}

/* camelCase: small letters, then capitals one by one. */
static bool camel(const char *p, size_t n, const struct shape *s)
{
	size_t i, humps = 0;

	if (!s->lower || s->lower + s->upper + s->digit + s->under < n ||
	    s->digit > 2)
		return false;
	for (i = 1; i < n; i++)
		if (isupper((unsigned char)p[i]) &&
		    islower((unsigned char)p[i - 1]))
			humps++;
	return humps && humps * 3 <= n;
}

static int variable(const char *p, size_t n)
{
	if (!n)
		return 0;
	switch (p[0]) {
	case '$':
		return n > 1 && (p[1] == '{' || p[1] == '(') ? 2 : 1;
	case '%':
		return p[n - 1] == '%' || (n > 1 && p[1] == '(') ? 3 : 0;
	case '{':
		return n > 1 && p[1] == '{' ? 4 : 5;
	case '<':
		return p[n - 1] == '>' ? 6 : 7;
	case '@':
		return 8;
	case ':':
		return 9;
	case '&':
	case '*':
		return 10;
	case '#':
		return 11;
	case '[':
	case '(':
		return 12;
	default:
		return 0;
	}
}

/* Two or three characters that mark a place to fill in, all in one pass. */
struct pairs {
	bool braces, dollar, angle, under, fill, link, less, more;
};

static void find_pairs(const char *p, size_t n, struct pairs *o)
{
	size_t i;

	memset(o, 0, sizeof(*o));
	for (i = 0; i < n; i++) {
		char a = p[i], b = i + 1 < n ? p[i + 1] : '\0';

		o->less |= a == '<';
		o->more |= a == '>';
		o->braces |= (a == '{' || a == '}') && a == b;
		o->dollar |= (a == '$' && (b == '{' || b == '(')) ||
			     (a == '#' && b == '{');
		o->angle |= (a == '<' && b == '%') || (a == '#' && b == '#') ||
			    (a == '_' && b == '_');
		o->link |= a == ':' && b == '/' && i + 2 < n && p[i + 2] == '/';
		o->fill |= (a == '*' || a == '.' || a == 'x' || a == 'X') &&
			   a == b && i + 2 < n && p[i + 2] == a;
	}
}

static int template(const char *p, size_t n, const struct pairs *o)
{
	if (o->braces)
		return 1;
	if (o->dollar)
		return 2;
	if (o->angle)
		return 3;
	if (o->less && o->more)
		return 4;
	if (n > 1 && p[0] == '[' && p[n - 1] == ']')
		return 5;
	if (n > 2 && p[0] == '%' && p[n - 1] == '%')
		return 6;
	return memchr(p, '$', n) ? 7 : 0;
}

static bool format(const char *p, size_t n)
{
	size_t i;

	for (i = 0; i + 1 < n; i++)
		if ((p[i] == '%' && strchr("sdvqx@({", p[i + 1])) ||
		    (p[i] == '{' && (p[i + 1] == '}' ||
				     isdigit((unsigned char)p[i + 1]))))
			return true;
	return false;
}

static bool masked(const char *p, size_t n, const struct pairs *o)
{
	size_t i, stars = 0;

	for (i = 0; i < n; i++)
		stars += (class[(unsigned char)p[i]] & MASK) != 0;
	return stars == n || o->fill;
}

static bool is_literal(const char *p, size_t n)
{
	char first = (char)tolower((unsigned char)*p);
	size_t i;

	for (i = 0; literals[i]; i++)
		if (literals[i][0] == first &&
		    strncasecmp(literals[i], p, n) == 0 && !literals[i][n])
			return true;
	return false;
}

static int ending(unsigned char c)
{
	static const char some[] = ".:?!,;)]}=>%$-_/";
	const char *at = c ? strchr(some, c) : NULL;

	if (islower(c))
		return 1;
	if (isupper(c))
		return 2;
	if (isdigit(c))
		return 3;
	return at ? (int)(at - some) + 4 : 30;
}

/* What stands behind base64: 1 name:password, 2 JSON, 3 other text. */
static int decodes(const char *p, size_t n)
{
	unsigned char out[512];
	long len, i;

	if (n < 8 || n * 3 / 4 > sizeof(out))
		return 0;
	len = check_unbase64(p, n, out);
	if (len < 3)
		return 0;
	for (i = 0; i < len; i++)
		if (out[i] < 32 || out[i] == 127)
			return 0;
	if (out[0] == '{' && out[1] == '"')
		return 2;
	for (i = 0; i < len; i++)
		if (out[i] == ':')
			return 1;
		else if (out[i] >= 127)
			return 0;
	return 3;
}

/* Words of letters (of any alphabet) with single blanks between them. */
static int16_t phrase(const char *p, size_t n)
{
	size_t i, words = 0, letters = 0;

	for (i = 0; i <= n; i++) {
		unsigned char c = i < n ? (unsigned char)p[i] : ' ';

		if (isalpha(c) || c >= 128) {
			letters++;
		} else if (c == ' ') {
			words += letters > 0;
			letters = 0;
		} else if (!(class[c] & SOFT_SIGN)) {
			return 0;
		}
	}
	return words > 1 ? clip(words, 20) : 0;
}

static void counts(const char *p, size_t n, const struct shape *s, int16_t *f)
{
	int kinds = (s->lower > 0) + (s->upper > 0) + (s->digit > 0) +
		    (s->other > 0), worst;
	size_t tail = n, covered = generic_in_words(p, n);

	while (tail && isdigit((unsigned char)p[tail - 1]))
		tail--;
	f[F_LENGTH] = clip(n, 600);
	f[F_LOWER] = share(s->lower, n);
	f[F_UPPER] = share(s->upper, n);
	f[F_DIGIT] = share(s->digit, n);
	f[F_PUNCT] = share(s->other, n);
	f[F_KINDS] = (int16_t)kinds;
	f[F_ENTROPY] = (int16_t)lround(check_entropy(p, n) * 100);
	f[F_DISTINCT] = share(s->distinct, n);
	f[F_RUN] = clip(s->run, 50);
	f[F_STEPS] = share(s->steps, n);
	f[F_CHANGES] = share(s->changes, n);
	f[F_NATURAL] = (int16_t)generic_natural(p, n, &worst);
	f[F_WORST] = (int16_t)worst;
	f[F_IN_WORDS] = share(covered, s->alpha);
	f[F_WORDS] = clip(s->alpha > covered ? s->alpha - covered : 0, 99);
	f[F_VOWELS] = share(s->vowel, s->alpha);
	f[F_LONGEST_ALPHA] = clip(s->longest_alpha, 99);
	f[F_LONGEST_ALNUM] = clip(s->longest_alnum, 99);
	f[F_SPACES] = clip(s->space, 20);
	f[F_PHRASE] = phrase(p, n);
	f[F_FOREIGN] = clip(s->foreign, 20);
	f[F_TAIL_DIGITS] = clip(n - tail, 20);
}

static void kinds(const char *p, size_t n, const struct shape *s, int16_t *f)
{
	struct pairs pairs;

	find_pairs(p, n, &pairs);
	f[F_HEX] = s->hex == n && s->digit && s->alpha
			   ? (n >= 16 ? 2 : 1) : 0;
	f[F_BASE64] = s->b64 == n && n >= 16 && s->lower && s->upper && s->digit
			      ? (p[n - 1] == '=' ? 2 : 1) : 0;
	f[F_UUID] = is_uuid(p, n, s);
	f[F_NUMBER] = s->digit == n ? 1 : s->digit + s->other == n ? 2 : 0;
	f[F_DATE] = s->digit && s->digit + s->dots + s->dashes == n && s->dots;
	f[F_CAMEL] = camel(p, n, s);
	f[F_SNAKE] = s->under && s->lower + s->under + s->digit == n;
	f[F_DASHED] = s->dashes && s->lower + s->dashes + s->digit == n;
	f[F_DOTTED] = clip(s->dots, 9);
	f[F_CAPS] = s->upper && s->upper + s->under + s->digit == n
			    ? (s->under ? 2 : 1) : 0;
	f[F_PATHLIKE] = p[0] == '/' || p[0] == '~' ||
			(n > 1 && p[0] == '.' && (p[1] == '/' || p[1] == '.'))
				? 2 : memchr(p, '/', n) != NULL;
	f[F_LINK] = pairs.link;
	f[F_MAIL] = memchr(p, '@', n) && s->dots;
	f[F_TEMPLATE] = (int16_t)template(p, n, &pairs);
	f[F_VARIABLE] = (int16_t)variable(p, n);
	f[F_BRACKETS] = (int16_t)((memchr(p, '(', n) != NULL) +
				  2 * (memchr(p, '[', n) != NULL) +
				  4 * (memchr(p, '{', n) != NULL));
	f[F_FORMAT] = format(p, n);
	f[F_MASKED] = masked(p, n, &pairs);
	f[F_HASHED] = starts(p, n, "$2") || starts(p, n, "$1$") ||
		      starts(p, n, "$5$") || starts(p, n, "$6$") ||
		      starts(p, n, "sha") || starts(p, n, "{sha") ||
		      starts(p, n, "md5") || starts(p, n, "pbkdf2");
	f[F_DECODES] = (int16_t)decodes(p, n);
	f[F_LEET] = share(weigh_words(p, n), s->alpha + s->digit);
	f[F_PERIOD] = clip(weigh_period(p, n), 99);
}

void generic_measure_value(const char *p, size_t n, int16_t *f)
{
	struct shape s;

	look(p, n, &s);
	counts(p, n, &s, f);
	kinds(p, n, &s, f);
	f[F_LITERAL] = is_literal(p, n);
	f[F_ENDS] = (int16_t)ending((unsigned char)p[n - 1]);
	f[F_BEGINS] = (int16_t)ending((unsigned char)p[0]);
	f[F_SENTENCE] = s.space && strchr(".:?!", p[n - 1]) != NULL;
}
