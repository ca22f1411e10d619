/*
 * jsonwalk: one pass over JSON that was found well formed.
 *
 * Promises: a fixed stack, no allocation; a text that is not well formed ends
 * the walk early and is never read past its end.
 */
#include "base/jsonwalk.h"

#include <string.h>

struct level {
	bool object;
	bool named; /* a name of its parent leads here */
};

struct walker {
	struct jsonwalk w;
	const char *end, *at;
	struct level level[JSON_DEPTH_MAX + 1];
	size_t depth;
	jsonwalk_fn fn;
	void *arg;
};

static void space(struct walker *k)
{
	while (k->at < k->end && memchr(" \t\r\n,", *k->at, 5))
		k->at++;
}

/* At a quote; ends behind the closing one. */
static void string(struct walker *k, const char **p, size_t *n)
{
	*p = ++k->at;
	while (k->at < k->end && *k->at != '"')
		k->at += *k->at == '\\' ? 2 : 1;
	if (k->at > k->end)
		k->at = k->end;
	*n = (size_t)(k->at - *p);
	if (k->at < k->end)
		k->at++;
}

static int tell(struct walker *k, enum jsonwalk_what what, const char *p,
		size_t n)
{
	k->w.at = p;
	k->w.n = n;
	return k->fn(&k->w, what, k->arg);
}

static int close_level(struct walker *k)
{
	const struct level l = k->level[--k->depth];
	int rc = 0;

	k->at++;
	if (l.object)
		rc = tell(k, JSONWALK_CLOSE, k->at, 0);
	if (l.named)
		k->w.names--;
	return rc;
}

/* One value, behind its name if it has one. */
static int value(struct walker *k, bool named)
{
	const char *p = k->at;
	size_t n;
	int rc;

	if (*p == '{' || *p == '[') {
		if (k->depth > JSON_DEPTH_MAX)
			return -1;
		k->level[k->depth++] = (struct level){ *p == '{', named };
		k->at++;
		return *p == '{' ? tell(k, JSONWALK_OPEN, p, 0) : 0;
	}
	if (*p == '"') {
		string(k, &p, &n);
		rc = tell(k, JSONWALK_STRING, p, n);
	} else {
		while (k->at < k->end && !memchr(" \t\r\n,]}", *k->at, 7))
			k->at++;
		if (k->at == p)
			return -1;
		rc = tell(k, JSONWALK_WORD, p, (size_t)(k->at - p));
	}
	if (named)
		k->w.names--;
	return rc;
}

static int member(struct walker *k)
{
	const char *p;
	size_t n;

	if (*k->at != '"' || k->w.names == JSON_DEPTH_MAX)
		return -1;
	string(k, &p, &n);
	k->w.name[k->w.names].p = p;
	k->w.name[k->w.names++].n = n;
	while (k->at < k->end && memchr(" \t\r\n:", *k->at, 5))
		k->at++;
	return k->at < k->end ? value(k, true) : -1;
}

int jsonwalk(const char *p, size_t n, jsonwalk_fn fn, void *arg)
{
	struct walker k = { .w = { .p = p }, .end = p + n, .at = p, .fn = fn,
			    .arg = arg };
	int rc = 0;

	for (space(&k); rc == 0 && k.at < k.end; space(&k)) {
		if (k.depth && (*k.at == '}' || *k.at == ']'))
			rc = close_level(&k);
		else if (k.depth && k.level[k.depth - 1].object)
			rc = member(&k);
		else
			rc = value(&k, false);
	}
	return rc;
}

bool jsonwalk_is(const struct jsonwalk *w, const char *path)
{
	for (size_t i = 0; i < w->names; i++) {
		if (i && *path++ != '.')
			return false;
		if (strnlen(path, w->name[i].n) < w->name[i].n ||
		    memcmp(path, w->name[i].p, w->name[i].n) != 0)
			return false;
		path += w->name[i].n;
	}
	return *path == '\0';
}
