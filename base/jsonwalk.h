/*
 * jsonwalk: the values of a JSON text one by one, each with the names that
 * lead to it, without building anything from it.
 *
 * For texts that hold secrets: a string is handed over as it stands in the
 * text, and json_unescape() puts it where it belongs.  The text must have
 * passed json_scan().
 */
#ifndef BASE_JSONWALK_H
#define BASE_JSONWALK_H

#include <stdbool.h>
#include <stddef.h>

#include "base/jsonscan.h"

enum jsonwalk_what {
	JSONWALK_OPEN,	 /* an object begins */
	JSONWALK_CLOSE,	 /* and ends */
	JSONWALK_STRING, /* between its quotes, escapes and all */
	JSONWALK_WORD,	 /* a number, true, false, null */
};

struct jsonwalk {
	const char *p; /* the whole text */
	struct {
		const char *p;
		size_t n;
	} name[JSON_DEPTH_MAX]; /* as they stand in the text */
	size_t names; /* arrays have none */
	const char *at; /* the value */
	size_t n;
};

/* 0 on, -1 stop. */
typedef int (*jsonwalk_fn)(const struct jsonwalk *w, enum jsonwalk_what what,
			   void *arg);
int jsonwalk(const char *p, size_t n, jsonwalk_fn fn, void *arg);
/* Is the path "a.b.c" (of plain names)? */
bool jsonwalk_is(const struct jsonwalk *w, const char *path);

#endif
