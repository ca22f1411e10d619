/*
 * regex: RE2-syntax patterns run in PCRE2 with bounded work.
 *
 * Owns every use of PCRE2.  Promises: a match attempt ends after a fixed
 * amount of work whatever the text.  Never runs a construct whose cost grows
 * with what it looks back at: those are refused by regex_not_re2().
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "hooks/scan/regex.h"

#include <pcre2.h>
#include <pthread.h>
#include <string.h>

#include "base/mem.h"

#define MATCH_LIMIT 2000000u	/* backtracking steps of one attempt */
#define HEAP_LIMIT_KIB 16384u
#define JIT_STACK_START (32u * 1024)
#define JIT_STACK_MAX (1024u * 1024)

struct regex {
	char *pattern;
	pcre2_code *code;
	bool failed;
	int groups;
	pthread_mutex_t lock;
};

struct regex_thread {
	pcre2_match_data *data;
	pcre2_match_context *ctx;
	pcre2_jit_stack *stack;
};

/* ---- syntax -------------------------------------------------------------- */

/* "(?" was read; p stands on what follows. */
static const char *group_problem(const char *p)
{
	if (p[0] == '=' || p[0] == '!')
		return "look-ahead";
	if (p[0] == '<' && (p[1] == '=' || p[1] == '!'))
		return "look-behind";
	if (p[0] == '>')
		return "an atomic group";
	if (p[0] == '|' || p[0] == '(' || p[0] == 'R' || p[0] == '&' ||
	    p[0] == '+' || (p[0] >= '0' && p[0] <= '9'))
		return "recursion or a condition";
	if (p[0] == 'P' && (p[1] == '=' || p[1] == '>'))
		return "a back-reference";
	if (p[0] == '#')
		return "a comment group";
	if (p[0] == '<' || (p[0] == 'P' && p[1] == '<'))
		return NULL; /* a name */
	p += strspn(p, "imsU-");
	return *p == ':' || *p == ')' ? NULL
				      : "a flag other than i, m, s and U";
}

static const char *escape_problem(char c)
{
	if (c >= '1' && c <= '9')
		return "a back-reference";
	if (c == 'k' || c == 'g')
		return "a back-reference";
	if (strchr("KGRXZhHNVeco", c))
		return "an escape of Perl";
	return NULL;
}

/* The last character of the escape that starts at p: its braces, as in
 * \p{Greek} and \x{41}, count nothing. */
static const char *skip_escape(const char *p)
{
	const char *end = strchr("pPx", p[1]) && p[2] == '{'
				  ? strchr(p, '}') : NULL;

	return end ? end : p + 1;
}

/* The last character of {2}, {2,} or {2,5} at p; NULL: braces as any text. */
static const char *skip_count(const char *p)
{
	size_t n = *p == '{' ? strspn(p + 1, "0123456789") : 0;

	if (!n)
		return NULL;
	p += 1 + n;
	if (*p == ',')
		p += 1 + strspn(p + 1, "0123456789");
	return *p == '}' ? p : NULL;
}

/* Past the character class that starts at p. */
static const char *skip_class(const char *p)
{
	p++;
	if (*p == '^')
		p++;
	if (*p == ']')
		p++;
	for (; *p && *p != ']'; p++) {
		if (*p == '\\' && p[1])
			p++;
		else if (p[0] == '[' && p[1] == ':') {
			const char *end = strstr(p, ":]");

			if (end)
				p = end + 1;
		}
	}
	return p;
}

/* A backslash is at *p, which moves to the last character of what it starts. */
static const char *escape_past(const char **p)
{
	const char *why, *end;

	if (!(*p)[1])
		return "a trailing backslash";
	if ((*p)[1] == 'Q') {
		end = strstr(*p, "\\E");
		*p = end ? end + 1 : *p + strlen(*p) - 1;
		return NULL;
	}
	why = escape_problem((*p)[1]);
	if (!why)
		*p = skip_escape(*p);
	return why;
}

const char *regex_not_re2(const char *pattern)
{
	bool repeat = false; /* the character before was a quantifier */
	const char *why, *p, *end;

	for (p = pattern; *p; p++) {
		bool quantifier = false;

		if (*p == '\\') {
			why = escape_past(&p);
			if (why)
				return why;
		} else if (*p == '[') {
			p = skip_class(p);
			if (!*p)
				return "an unclosed class";
		} else if (p[0] == '(' && p[1] == '?') {
			why = group_problem(p + 2);
			if (why)
				return why;
			p++;
		} else if (p[0] == '(' && p[1] == '*') {
			return "a control verb";
		} else if (*p == '+' && repeat) {
			return "a possessive repeat";
		} else if ((end = skip_count(p))) {
			quantifier = true;
			p = end;
		} else if (strchr("*+?", *p) && !repeat) {
			quantifier = true;
		}
		repeat = quantifier;
	}
	return NULL;
}

/* ---- life ---------------------------------------------------------------- */

static int compile(struct regex *r, struct err *e)
{
	int number;
	PCRE2_SIZE at;
	pcre2_code *code;
	uint32_t groups = 0;

	if (r->code)
		return 0;
	if (r->failed)
		return err_fail(e, ERR_CONFIG, NULL, "pattern does not compile");
	code = pcre2_compile((PCRE2_SPTR)r->pattern, PCRE2_ZERO_TERMINATED,
			     PCRE2_DOLLAR_ENDONLY | PCRE2_USE_OFFSET_LIMIT |
			     PCRE2_NEVER_BACKSLASH_C | PCRE2_NEVER_UTF,
			     &number, &at, NULL);
	if (!code) {
		PCRE2_UCHAR text[160] = "";

		r->failed = true;
		pcre2_get_error_message(number, text, sizeof(text));
		return err_fail(e, ERR_CONFIG, NULL, "regex: %s at byte %zu",
				(const char *)text, (size_t)at);
	}
	/* No JIT on this machine is fine: the interpreter answers the same. */
	(void)pcre2_jit_compile(code, PCRE2_JIT_COMPLETE);
	pcre2_pattern_info(code, PCRE2_INFO_CAPTURECOUNT, &groups);
	r->groups = (int)groups;
	/* last: ready() of other threads looks at it without the lock */
	__atomic_store_n(&r->code, code, __ATOMIC_RELEASE);
	return 0;
}

struct regex *regex_new(const char *pattern, bool lazy, struct err *e)
{
	const char *why = regex_not_re2(pattern);
	struct regex *r;

	if (why) {
		err_fail(e, ERR_CONFIG, NULL,
			 "regex uses %s, which RE2 does not have", why);
		return NULL;
	}
	r = regex_known(pattern);
	if (!r) {
		err_fail(e, ERR_NOMEM, NULL, "out of memory");
		return NULL;
	}
	if (!lazy && compile(r, e))
		regex_free(&r);
	return r;
}

struct regex *regex_known(const char *pattern)
{
	struct regex *r = mem_zalloc(sizeof(*r));

	if (!r || !(r->pattern = mem_strdup(pattern))) {
		mem_free(r);
		return NULL;
	}
	pthread_mutex_init(&r->lock, NULL);
	return r;
}

void regex_free(struct regex **rp)
{
	struct regex *r = *rp;

	if (!r)
		return;
	pcre2_code_free(r->code);
	pthread_mutex_destroy(&r->lock);
	mem_free(r->pattern);
	mem_free(r);
	*rp = NULL;
}

const char *regex_pattern(const struct regex *r)
{
	return r->pattern;
}

int regex_groups(struct regex *r, struct err *e)
{
	int rc;

	pthread_mutex_lock(&r->lock);
	rc = compile(r, e);
	pthread_mutex_unlock(&r->lock);
	return rc ? -1 : r->groups;
}

void regex_thread_free(struct regex_thread **tp)
{
	struct regex_thread *t = *tp;

	if (!t)
		return;
	pcre2_match_data_free(t->data);
	pcre2_match_context_free(t->ctx);
	pcre2_jit_stack_free(t->stack);
	mem_free(t);
	*tp = NULL;
}

struct regex_thread *regex_thread_new(struct err *e)
{
	struct regex_thread *t = mem_zalloc(sizeof(*t));

	if (!t)
		goto nomem;
	t->data = pcre2_match_data_create(REGEX_GROUPS, NULL);
	t->ctx = pcre2_match_context_create(NULL);
	if (!t->data || !t->ctx)
		goto nomem;
	t->stack = pcre2_jit_stack_create(JIT_STACK_START, JIT_STACK_MAX, NULL);
	if (t->stack) /* NULL when this build of PCRE2 has no JIT */
		pcre2_jit_stack_assign(t->ctx, NULL, t->stack);
	pcre2_set_match_limit(t->ctx, MATCH_LIMIT);
	pcre2_set_heap_limit(t->ctx, HEAP_LIMIT_KIB);
	return t;
nomem:
	regex_thread_free(&t);
	err_fail(e, ERR_NOMEM, NULL, "out of memory");
	return NULL;
}

/* ---- matching ------------------------------------------------------------ */

static bool ready(struct regex *r)
{
	bool ok;

	if (__atomic_load_n(&r->code, __ATOMIC_ACQUIRE))
		return true;
	pthread_mutex_lock(&r->lock);
	ok = compile(r, NULL) == 0;
	pthread_mutex_unlock(&r->lock);
	return ok;
}

enum regex_answer regex_find(struct regex *r, struct regex_thread *t,
			     const char *text, size_t n, size_t from,
			     size_t last_start, struct regex_hit *hit)
{
	const PCRE2_SIZE *ov;
	int got;
	size_t i, kept;

	if (from > n || from > last_start)
		return REGEX_NONE;
	if (!ready(r))
		return REGEX_LIMIT;
	pcre2_set_offset_limit(t->ctx, last_start);
	got = pcre2_match(r->code, (PCRE2_SPTR)text, n, from, 0, t->data, t->ctx);
	if (got == PCRE2_ERROR_NOMATCH)
		return REGEX_NONE;
	if (got < 0)
		return REGEX_LIMIT;
	ov = pcre2_get_ovector_pointer(t->data);
	hit->start = ov[0];
	hit->end = ov[1];
	hit->groups = r->groups < REGEX_GROUPS ? (size_t)r->groups
					       : REGEX_GROUPS - 1;
	kept = got == 0 ? REGEX_GROUPS : (size_t)got;
	for (i = 0; i <= hit->groups; i++) {
		bool set = i < kept && ov[2 * i] != PCRE2_UNSET;

		hit->at[i][0] = set ? ov[2 * i] : (size_t)-1;
		hit->at[i][1] = set ? ov[2 * i + 1] : (size_t)-1;
	}
	return REGEX_FOUND;
}

bool regex_test(struct regex *r, struct regex_thread *t, const char *text,
		size_t n)
{
	struct regex_hit hit;

	return regex_find(r, t, text, n, 0, n, &hit) == REGEX_FOUND;
}
