/*
 * example: the matches and misses of rules, expanded and tried.
 *
 * Owns the placeholders.  Same seed, same text: a failure can be repeated.
 */
#include "hooks/scan/example.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "hooks/scan/checks.h"
#include "hooks/scan/sums.h"

#define EXAMPLE_MAX (64u * 1024)
#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGIT "0123456789"

static const struct {
	const char *name, *set;
	size_t inner; /* first and last character from so many of the set */
} sets[] = {
	{ "lower", LOWER, 26 },
	{ "upper", UPPER, 26 },
	{ "alpha", LOWER UPPER, 52 },
	{ "digit", DIGIT, 10 },
	{ "alnum", LOWER UPPER DIGIT, 62 },
	{ "lowernum", LOWER DIGIT, 36 },
	{ "uppernum", UPPER DIGIT, 36 },
	{ "word", LOWER DIGIT, 26 },
	{ "hex", DIGIT "abcdef", 16 },
	{ "HEX", DIGIT "ABCDEF", 16 },
	{ "base32", UPPER "234567", 32 },
	{ "base58", "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz", 58 },
	{ "bech", "qpzry9x8gf2tvdw0s3jn54khce6mua7l", 32 },
	{ "b64", LOWER UPPER DIGIT "+/", 62 },
	{ "b64url", LOWER UPPER DIGIT "_-", 62 },
};

/* xorshift: examples need variety, not secrecy. */
static uint32_t next(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return (uint32_t)(*state >> 24);
}

static int random_text(const char *set, size_t inner, size_t n,
		       uint64_t *state, struct buf *out, struct err *e)
{
	size_t i, of;

	for (i = 0; i < n; i++) {
		of = i == 0 || i == n - 1 ? inner : strlen(set);
		if (buf_add(out, &set[next(state) % of], 1, e))
			return -1;
	}
	return 0;
}

static int uuid(uint64_t *state, struct buf *out, struct err *e)
{
	static const char form[] = "xxxxxxxx-xxxx-4xxx-8xxx-xxxxxxxxxxxx";
	const char *p;

	for (p = form; *p; p++)
		if (*p == 'x' ? random_text(DIGIT "abcdef", 16, 1, state, out, e)
			      : buf_add(out, p, 1, e))
			return -1;
	return 0;
}

/* "<crcXX:n>": the sum of the n characters made last; "<_crc62:n>": a '_' before
 * it. */
static int sum(const char *name, size_t n, struct buf *out, struct err *e)
{
	const char *from = out->p + out->len - n;
	char text[8];
	size_t len = 6;

	if (!strncmp(name, "_crc62:", 7)) {
		text[0] = '_';
		check_crc62(from, n, text + 1);
		len = 7;
	} else if (!strncmp(name, "crc62:", 6)) {
		check_crc62(from, n, text);
	} else if (!strncmp(name, "crc36:", 6)) {
		check_crc36(from, n, text);
		len = 7;
	} else if (!strncmp(name, "bech32:", 7)) {
		sum_make_bech32(from, n, text);
	} else {
		check_crc32hex(from, n, text);
		len = 8;
	}
	return buf_add(out, text, len, e);
}

/* "<wif:n>", "<xprv:111>", "<strkey:56>": a whole key of n characters with the
 * sum inside it.  1: there is no such kind or length. */
static int coin_key(const char *name, size_t n, uint64_t *state,
		    struct buf *out, struct err *e)
{
	static const unsigned char xprv[4] = { 0x04, 0x88, 0xad, 0xe4 };
	unsigned char b[78] = { 0x80 };
	char text[SUM_BASE58_MAX];
	size_t i, len = 0;

	if (strncmp(name, "wif:", 4) != 0 && strncmp(name, "xprv:", 5) != 0 &&
	    strncmp(name, "strkey:", 7) != 0)
		return 1; /* and the other kinds keep their random numbers */
	for (i = 1; i < sizeof(b); i++)
		b[i] = (unsigned char)next(state);
	if (!strncmp(name, "wif:", 4) && n == 51) {
		len = sum_make_base58check(b, 33, text);
	} else if (!strncmp(name, "wif:", 4) && n == 52) {
		b[33] = 1; /* for a compressed public key */
		len = sum_make_base58check(b, 34, text);
	} else if (!strncmp(name, "xprv:", 5) && n == 111) {
		memcpy(b, xprv, sizeof(xprv));
		b[45] = 0; /* a private key: 33 bytes, the first 0 */
		len = sum_make_base58check(b, 78, text);
	} else if (!strncmp(name, "strkey:", 7) && n == SUM_STRKEY) {
		sum_make_strkey(18 << 3 /* a seed */, b, text);
		len = SUM_STRKEY;
	}
	return len && len == n ? buf_add(out, text, len, e) : 1;
}

/* "name:n>" after '<'; 0 when it is no placeholder, else its length. */
static size_t placeholder(const char *p, uint64_t *state, struct buf *out,
			  bool *bad, struct err *e)
{
	size_t name = strcspn(p, ":<> \n"), i;
	char *end;
	unsigned long n;

	if (!strncmp(p, "uuid>", 5)) {
		*bad = uuid(state, out, e) != 0;
		return 5;
	}
	if (p[name] != ':' || p[name + 1] < '0' || p[name + 1] > '9')
		return 0;
	n = strtoul(p + name + 1, &end, 10);
	if (*end != '>' || n > 20000)
		return 0;
	if ((!strncmp(p, "crc62:", 6) || !strncmp(p, "crc36:", 6) ||
	     !strncmp(p, "_crc62:", 7) || !strncmp(p, "crc32hex:", 9) ||
	     !strncmp(p, "bech32:", 7)) &&
	    n <= out->len) {
		*bad = sum(p, n, out, e) != 0;
		return (size_t)(end - p) + 1;
	}
	switch (coin_key(p, n, state, out, e)) {
	case -1:
		*bad = true;
		/* fallthrough */
	case 0:
		return (size_t)(end - p) + 1;
	}
	for (i = 0; i < sizeof(sets) / sizeof(*sets); i++)
		if (strlen(sets[i].name) == name &&
		    !strncmp(p, sets[i].name, name)) {
			*bad = random_text(sets[i].set, sets[i].inner, n, state,
					   out, e) != 0;
			return (size_t)(end - p) + 1;
		}
	return 0;
}

int example_expand(const char *text, unsigned seed, struct buf *out,
		   size_t *at, size_t *len, struct err *e)
{
	uint64_t state = 0x9e3779b97f4a7c15u * (seed + 1);
	const char *p = text;
	bool bad = false;
	size_t skip;

	*at = *len = 0;
	while (*p && !bad) {
		if (*p != '<') {
			bad = buf_add(out, p++, 1, e) != 0;
		} else if (!strncmp(p, "<s>", 3)) {
			*at = out->len;
			p += 3;
		} else if (!strncmp(p, "</s>", 4)) {
			*len = out->len - *at;
			p += 4;
		} else if (!strncmp(p, "<+>", 3)) {
			p += 3;
		} else {
			skip = placeholder(p + 1, &state, out, &bad, e);
			if (!skip)
				bad = buf_add(out, p, 1, e) != 0;
			p += skip + 1;
		}
	}
	return bad ? -1 : 0;
}

static int wrong(const struct rule *r, const char *list, size_t i,
		 unsigned seed, const char *what, struct err *e)
{
	return err_fail(e, ERR_CONFIG, r->id, "%s[%zu] (seed %u) %s", list, i,
			seed, what);
}

/* One text: how many findings of the rule, and the first one's secret. */
static int try_text(struct scan_thread *t, const struct rule *r,
		    const struct buf *text, size_t *found, size_t *at,
		    size_t *len, struct err *e)
{
	const struct ruleset *rs = matcher_rules(t->s->matcher);
	struct verdict v = { 0 };
	struct marks m = { 0 };
	int rc = -1;
	size_t i;

	*found = 0;
	if (scan_text(t, text->p, text->len, NULL, &m, e) ||
	    scan_verdict(t->s, text->p, text->len, &m, &v, e))
		goto out;
	/* what is only a part of other rules is never told */
	for (i = 0; r->skip_report && i < m.n; i++) {
		if (&rs->rule[m.v[i].rule] != r ||
		    m.v[i].secret == SECRET_NONE)
			continue;
		if (!(*found)++) {
			*at = m.v[i].at;
			*len = m.v[i].len;
		}
	}
	for (i = 0; i < v.n; i++) {
		if (&rs->rule[v.v[i]->rule] != r)
			continue;
		if (!(*found)++) {
			*at = v.v[i]->at;
			*len = v.v[i]->len;
		}
	}
	rc = 0;
out:
	verdict_release(&v);
	marks_release(&m);
	return rc;
}

static int try_one(struct scan_thread *t, const struct rule *r, bool match,
		   size_t i, unsigned seed, struct err *e)
{
	const struct strings *list = match ? &r->matches : &r->misses;
	const char *name = match ? "matches" : "misses";
	struct buf text = BUF_INIT(EXAMPLE_MAX);
	size_t at, len, found, got_at = 0, got_len = 0;
	int rc = -1;

	if (example_expand(list->v[i], seed, &text, &at, &len, e) ||
	    buf_add(&text, "", 0, e) ||
	    try_text(t, r, &text, &found, &got_at, &got_len, e))
		goto out;
	rc = 0;
	if (match && !found)
		rc = wrong(r, name, i, seed, "is not found", e);
	else if (!match && found)
		rc = wrong(r, name, i, seed, "is found", e);
	else if (match && len && (at != got_at || len != got_len))
		rc = wrong(r, name, i, seed,
			   "is found, but the secret is not what stands in <s>",
			   e);
out:
	buf_release(&text);
	return rc;
}

int example_try(struct scan_thread *t, const struct rule *r, struct err *e)
{
	unsigned seed;
	size_t i;

	for (seed = 0; seed < EXAMPLE_SEEDS; seed++) {
		for (i = 0; i < r->matches.n; i++)
			if (try_one(t, r, true, i, seed, e))
				return -1;
		for (i = 0; i < r->misses.n; i++)
			if (try_one(t, r, false, i, seed, e))
				return -1;
	}
	return 0;
}
