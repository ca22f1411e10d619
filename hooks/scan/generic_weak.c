/*
 * generic_weak: what keeps a scored value from being called high (weigh.h asks
 * the value itself).
 *
 * Owns the names of what stands for a secret, and how a text for readers is
 * told from one that is used.  Reads nothing outside the window.
 */
#include <ctype.h>
#include <string.h>

#include "hooks/scan/checks.h"
#include "hooks/scan/generic.h"

#define NAME_BEFORE 12u	   /* bytes before the name that may belong to it */
#define CALL_BEFORE 16u
#define TOKEN_SHORT 12u
#define KEY_SHORT 24u
#define TABLE_HEAD 48u	   /* of a name with what stands before its value */
#define CRYPTED_LEAST 20u
#define LINE_PACKED 60u
#define KINDS_PACKED 14u
#define LINE_MINIFIED 500u /* a line of code that nobody wrote so */

static bool any_of(const char *p, size_t n, const char *const *words)
{
	size_t i;

	for (i = 0; words[i]; i++)
		if (check_find(p, n, words[i]))
			return true;
	return false;
}

/* keyid, keySha256, checksum/secrets, crypted_password, csrf_token: what stands
 * for a value, is made of it, or is made anew for each page. */
static bool stands_for(const struct generic_window *w,
		       const struct generic_value *v)
{
	static const char *const words[] = {
		"sha1", "sha2", "sha3", "sha5", "md5", "hash", "digest",
		"checksum", "integrity", "fingerprint", "thumbprint", "keyid",
		"public", "pubkey", "commit", "gpg", "pgp", "crypted", "_crypt",
		"csrf", "xsrf", "authenticity", "nonce", "publishable",
		"sitekey", "site_key", "site-key", "idkey", "websocket",
		"identifier", "uuid", "guid", "applicationserver",
		"verificationtoken", "version_token", "versiontoken",
		"page_token", "pagetoken", "next_token", "nexttoken",
		"synctoken", "sync_token", "continuation", "captcha",
		"licen", "security-token", "security_token",
		"securitytoken", "security\\", NULL,
	};
	uint32_t from = v->name > w->from + NAME_BEFORE ? v->name - NAME_BEFORE
							: w->from;

	return v->name_end > from &&
	       any_of(w->text + from, v->name_end - from, words);
}

static bool ends_as_file(const char *p, size_t n)
{
	static const char *const ends[] = {
		".svg", ".png", ".jpg", ".gif", ".js", ".css", ".html",
		".json", ".map", ".woff", ".woff2", ".ttf", ".wasm", NULL,
	};
	size_t len, i;

	for (i = 0; ends[i]; i++) {
		len = strlen(ends[i]);
		if (n >= len && !memcmp(p + n - len, ends[i], len))
			return true;
	}
	return false;
}

/* "icons/seeds.svg": "38c5...", "seeds": "/g9I9S6.png": files. */
static bool names_file(const struct generic_window *w,
		       const struct generic_value *v)
{
	return ends_as_file(w->text + v->name, v->name_end - v->name) ||
	       ends_as_file(w->text + v->at, v->end - v->at);
}

/* 5db5d97e287ebe4e58de5f28: what MongoDB calls a row by begins with the time
 * it was made at, in seconds (2010 to 2034). */
static bool object_id(const struct generic_window *w,
		      const struct generic_value *v,
		      const int16_t f[GENERIC_FEATURES])
{
	const char *p = w->text + v->at;
	size_t i;

	if (v->end - v->at != 24 || f[F_NAME_PASS] || f[F_NAME_SECRET] ||
	    memcmp(p, "4c", 2) < 0 || memcmp(p, "79", 2) > 0)
		return false;
	for (i = 0; i < 24; i++)
		if (!isxdigit((unsigned char)p[i]) || isupper((unsigned char)p[i]))
			return false;
	return true;
}

/* ...?viewkey=, &token= in an address: mostly what it is about.  The names of
 * secrets there say more (access_token, api_key, subscription-key). */
static bool of_address(const struct generic_window *w,
		       const struct generic_value *v,
		       const int16_t f[GENERIC_FEATURES])
{
	static const char *const strong[] = { "api", "access", "subscription",
					      "client", "app", NULL };
	static const char amp[] = "&amp;";
	const char *at = w->text + v->name;
	size_t before = v->name - w->from;

	if (f[F_NAME_PASS] || f[F_NAME_SECRET] || v->quote || !before ||
	    any_of(at, v->name_end - v->name, strong))
		return false;
	return at[-1] == '?' || at[-1] == '&' ||
	       (before >= 5 && !memcmp(at - 5, amp, 5));
}

/* credentials('name'): what a build server calls one that it keeps. */
static bool kept_elsewhere(const struct generic_window *w,
			   const struct generic_value *v)
{
	static const char call[] = "credentials(";
	uint32_t from = w->from;

	if (v->at > from + CALL_BEFORE)
		from = v->at - CALL_BEFORE;

	return memmem(w->text + from, v->at - from, call, sizeof(call) - 1);
}

/* Hexadecimal digits of one case, or letters and digits of one case: what ids
 * and digests are written as. */
static bool of_one_case(const struct generic_window *w,
			const struct generic_value *v)
{
	bool upper = false, lower = false;
	uint32_t i;

	for (i = v->at; i < v->end; i++) {
		unsigned char c = (unsigned char)w->text[i];

		upper |= isupper(c) != 0;
		lower |= islower(c) != 0;
		if (!isalnum(c) && c != '-')
			return false;
	}
	return !(upper && lower);
}

/* key, gateway_key: "key" says as often what something is found by.  Whose or
 * what for makes it one that opens. */
static bool key_of_something(const struct generic_window *w,
			     const struct generic_value *v,
			     const int16_t f[GENERIC_FEATURES])
{
	static const char *const opens[] = {
		"api", "app", "access", "secret", "priv", "client", "consumer",
		"crypt", "sign", "auth", "service", "licen", "master", "hmac",
		"jwt", "aes", "session", "cookie", "shared", "admin", "subscr",
		"deploy", "account", "transaction", "merchant", "server",
		"storage", "mch", NULL,
	};

	if (!f[F_NAME_KEY] || f[F_NAME_PASS] || f[F_NAME_SECRET] ||
	    f[F_NAME_TOKEN] || f[F_NAME_AUTH] ||
	    any_of(w->text + v->name, v->name_end - v->name, opens))
		return false;
	return of_one_case(w, v) ||
	       (f[F_NAME_BARE] && v->end - v->at < KEY_SHORT);
}

/* _token (a form's own), and signingkey = 5A9DE49BB354255A: an OpenPGP key is
 * called by its last digits. */
static bool named_for_form_or_key(const struct generic_window *w,
				  const struct generic_value *v)
{
	const char *p = w->text + v->name;
	size_t n = v->name_end - v->name, len = v->end - v->at, i;

	if (n == 6 && !memcmp(p, "_token", 6))
		return true;
	if (!check_find(p, n, "signingkey") || (len != 8 && len != 16 && len != 40))
		return false;
	for (i = 0; i < len; i++)
		if (!isxdigit((unsigned char)w->text[v->at + i]))
			return false;
	return true;
}

/* app_token: "2k6i15xddsg0": what opens is longer, or not of one case. */
static bool short_token(const struct generic_window *w,
			const struct generic_value *v,
			const int16_t f[GENERIC_FEATURES])
{
	return f[F_NAME_TOKEN] && !f[F_NAME_PASS] && !f[F_NAME_SECRET] &&
	       v->end - v->at <= TOKEN_SHORT && of_one_case(w, v);
}

/* gotpantheon:e: the letters of "otp" stand in a word. */
static bool by_chance(const struct generic_value *v,
		      const int16_t f[GENERIC_FEATURES])
{
	return v->how < GENERIC_URL && !f[F_NAME_PASS] && !f[F_NAME_SECRET] &&
	       !f[F_NAME_TOKEN] && !f[F_NAME_KEY] && !f[F_NAME_AUTH] &&
	       !f[F_NAME_AFTER];
}

/* Does [a, a + n) look made like [b, b + n), and differ? */
static bool made_alike(const char *a, const char *b, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (!isalnum((unsigned char)a[i]) != !isalnum((unsigned char)b[i]))
			return false;
	return memcmp(a, b, n) != 0;
}

/* The same name, given the same way to another value of the same length: a
 * table.  What there stands in a column is what the rows are called by. */
static bool of_table(const struct generic_window *w,
		     const struct generic_value *v,
		     const int16_t f[GENERIC_FEATURES])
{
	const char *name = w->text + v->name, *end = w->text + w->to;
	const char *at = w->text + w->from;
	size_t n = v->at - v->name, len = v->end - v->at;

	if (f[F_NAME_PASS] || f[F_NAME_SECRET] || f[F_NAME_STRONG] ||
	    v->how >= GENERIC_URL || v->at <= v->name_end || n > TABLE_HEAD ||
	    v->end >= w->to)
		return false;
	while ((at = memmem(at, (size_t)(end - at), name, n))) {
		if (at != name && (size_t)(end - at) > n + len &&
		    at[n + len] == name[n + len] &&
		    (at == w->text + w->from || name == w->text + w->from ||
		     at[-1] == name[-1]) &&
		    made_alike(at + n, name + n, len))
			return true;
		at++;
	}
	return false;
}

/* The value's line, as far as the window shows it. */
static const char *line_of(const struct generic_window *w,
			   const struct generic_value *v, size_t *n)
{
	const char *low = w->text + w->from, *at = w->text + v->at;
	const char *end = w->text + v->end, *high = w->text + w->to;
	const char *from = memrchr(low, '\n', (size_t)(at - low));
	const char *to;

	if (high < end)
		high = end;
	to = memchr(end, '\n', (size_t)(high - end));
	from = from ? from + 1 : low;
	*n = (size_t)((to ? to : high) - from);
	return from;
}

enum turn { TURN_NONE, TURN_BEGINS, TURN_ENDS, TURN_BOTH };

/* Does the line begin, or end, a comment of several lines? */
static enum turn turns_comment(const char *p, const char *end)
{
	bool begins, ends;

	while (p < end && (*p == ' ' || *p == '\t'))
		p++;
	while (p < end && (end[-1] == ' ' || end[-1] == '\t' || end[-1] == '\r'))
		end--;
	begins = end - p >= 2 && p[0] == '/' && p[1] == '*';
	ends = end - p >= 2 && end[-2] == '*' && end[-1] == '/';
	return (begins ? TURN_BEGINS : 0) + (ends ? TURN_ENDS : 0);
}

/* Below a line that begins a comment, or above one that ends it: one of them
 * in sight is enough. */
static bool in_block(const struct generic_window *w,
		     const struct generic_value *v)
{
	const char *low = w->text + w->from, *high = w->text + w->to;
	const char *end = memrchr(low, '\n', v->at - w->from), *p;
	enum turn turn = TURN_NONE;

	while (!turn && end) { /* the lines before, upwards */
		p = memrchr(low, '\n', (size_t)(end - low));
		if (!p && w->from) /* cut */
			break;
		turn = turns_comment(p ? p + 1 : low, end);
		end = p;
	}
	if (turn)
		return turn == TURN_BEGINS;
	p = w->text + v->end;
	while (!turn && p < high && (p = memchr(p, '\n', (size_t)(high - p)))) {
		p++;
		end = memchr(p, '\n', (size_t)(high - p));
		if (!end)
			break;
		turn = turns_comment(p, end);
	}
	return turn == TURN_ENDS;
}

/* In a comment stands how it is used and what came back.  A password there
 * may be one that was taken out; not in code that stands further in than the
 * comment's words (#   user.password = "x"). */
static bool in_comment(const char *p, size_t n,
		       const int16_t f[GENERIC_FEATURES])
{
	const char *end = p + n;

	while (p < end && (*p == ' ' || *p == '\t'))
		p++;
	if (end - p < 8 || !memcmp(p, "#define", 7))
		return false;
	if (f[F_COMMENT] == 2 && p[2] != ' ') /* --option */
		return false;
	if (memmem(p, (size_t)(end - p), "/:_auth", 7)) /* //registry/:_authToken=x */
		return false;
	p += f[F_COMMENT] < 3 ? 2 : 1;
	return !f[F_NAME_PASS] || *p == '\t' || (p[0] == ' ' && p[1] == ' ');
}

/* A page that shows code, with colours or as it is, and a comment that
 * describes an interface: what stands there is to be read. */
static bool for_readers(const struct generic_window *w,
			const struct generic_value *v,
			const int16_t f[GENERIC_FEATURES])
{
	static const char *const coloured[] = { "<span class=", "</span>",
						"<code", "</code>", NULL };
	static const char *const quot = "&quot;";
	static const char *const shown[] = { "<pre>", "<pre ", "</pre>",
					     "<code class", "</code>", NULL };
	size_t n, i = 0;
	const char *p = line_of(w, v, &n);

	while (i < n && (p[i] == ' ' || p[i] == '\t'))
		i++;
	if (i < n && p[i] == '*' && f[F_COMMENT])
		return true;
	if (f[F_COMMENT] == 5) /* behind something else */
		return true;
	if (f[F_COMMENT] && in_comment(p, n, f))
		return true;
	if (in_block(w, v))
		return true;
	if (v->at > v->name_end && /* what a page gives to its scripts */
	    (memmem(w->text + v->name_end, v->at - v->name_end, quot, 6) ||
	     memmem(p, n, "<script", 7)))
		return true;
	return any_of(p, n, coloured) ||
	       any_of(w->text + w->from, w->to - w->from, shown);
}

/* Bundles of other people's code. */
static bool minified(const struct generic_window *w,
		     const struct generic_value *v)
{
	static const char *const code[] = { "function(", "=>{", "return ",
					    "&&", NULL };
	size_t n;
	const char *p = line_of(w, v, &n);

	return n >= LINE_MINIFIED && memchr(p, ';', n) && any_of(p, n, code);
}

/* Lines of base85 and their like: no blank, and signs of all kinds. */
static bool packed(const struct generic_window *w,
		   const struct generic_value *v)
{
	bool seen[128] = { false };
	size_t n, i, kinds = 0;
	const char *p = line_of(w, v, &n);

	if (n < LINE_PACKED)
		return false;
	for (i = 0; i < n; i++) {
		unsigned char c = (unsigned char)p[i];

		if (c == ' ' || c == '\t' || c >= sizeof(seen))
			return false;
		kinds += !seen[c] && ispunct(c);
		seen[c] = true;
	}
	return kinds >= KINDS_PACKED;
}

/* k10:$apr1$salt$digest: crypt(3)'s and Apache's, also behind a name. */
static bool crypted(const struct generic_window *w,
		    const struct generic_value *v)
{
	static const char *const schemes[] = { "$apr1$", "$2a$", "$2b$", "$2y$",
					       "$1$", "$5$", "$6$", "$argon2",
					       NULL };

	return v->end - v->at > CRYPTED_LEAST &&
	       any_of(w->text + v->at, v->end - v->at, schemes);
}

/* password: and as many hexadecimal digits as a digest has.  In capitals it
 * is a setting, and some draw those so. */
static bool digest_of_password(const struct generic_window *w,
			       const struct generic_value *v,
			       const int16_t f[GENERIC_FEATURES])
{
	size_t n = v->end - v->at, i;

	if (!f[F_NAME_PASS] ||
	    (n != 32 && n != 40 && n != 64 && n != 96 && n != 128))
		return false;
	for (i = 0; i < n; i++)
		if (!isxdigit((unsigned char)w->text[v->at + i]))
			return false;
	for (i = v->name; i < v->name_end; i++)
		if (islower((unsigned char)w->text[i]))
			return true;
	return false;
}

bool generic_weak(const struct generic_window *w,
		  const struct generic_value *v,
		  const int16_t f[GENERIC_FEATURES])
{
	if (v->how < GENERIC_URL && stands_for(w, v))
		return true;
	if (f[F_NAME_SALT] || f[F_NAME_TEXT] || f[F_HASHED] ||
	    (f[F_NAME_PUBLIC] && f[F_NAME_AFTER] > 1))
		return true;
	if (key_of_something(w, v, f) || named_for_form_or_key(w, v) ||
	    of_table(w, v, f) || object_id(w, v, f) || short_token(w, v, f) ||
	    by_chance(v, f))
		return true;
	if (names_file(w, v) || of_address(w, v, f) || kept_elsewhere(w, v))
		return true;
	return digest_of_password(w, v, f) || crypted(w, v) || minified(w, v) ||
	       packed(w, v) ||
	       for_readers(w, v, f);
}
