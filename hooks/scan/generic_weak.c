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
		"sitekey", "site_key", "site-key", "idkey", "websocket", NULL,
	};
	uint32_t from = v->name > w->from + NAME_BEFORE ? v->name - NAME_BEFORE
							: w->from;

	return v->name_end > from &&
	       any_of(w->text + from, v->name_end - from, words);
}

/* "icons/seeds.svg": "38c5...": files and their digests. */
static bool names_file(const struct generic_window *w,
		       const struct generic_value *v)
{
	static const char *const ends[] = {
		".svg", ".png", ".jpg", ".gif", ".js", ".css", ".html",
		".json", ".map", ".woff", ".woff2", ".ttf", ".wasm", NULL,
	};
	size_t n = v->name_end - v->name, len, i;

	for (i = 0; ends[i]; i++) {
		len = strlen(ends[i]);
		if (n >= len && !memcmp(w->text + v->name_end - len, ends[i], len))
			return true;
	}
	return false;
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

/* A page that shows code, with colours or as it is, and a comment that
 * describes an interface: what stands there is to be read. */
static bool for_readers(const struct generic_window *w,
			const struct generic_value *v,
			const int16_t f[GENERIC_FEATURES])
{
	static const char *const coloured[] = { "<span class=", "</span>",
						"<code", "</code>", NULL };
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
	if (names_file(w, v) || of_address(w, v, f) || kept_elsewhere(w, v))
		return true;
	return digest_of_password(w, v, f) || minified(w, v) ||
	       for_readers(w, v, f);
}
