/*
 * json: a tree over cJSON; checks before it and printing after it are ours.
 *
 * Promises: cJSON sees only text that json_scan() found clean, and only memory
 * that is wiped when it is freed.
 * Must never: recurse by the depth of foreign input (cJSON does, up to 32).
 */
#include "base/json.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/jsonscan.h"
#include "base/mem.h"
#include "base/text.h"

#define EXACT INT64_C(9007199254740992) /* 2^53 */

static cJSON *node(struct json *j)
{
	return (cJSON *)(void *)j;
}

static const cJSON *cnode(const struct json *j)
{
	return (const cJSON *)(const void *)j;
}

static struct json *json_of(cJSON *c)
{
	return (struct json *)(void *)c;
}

static void install(void)
{
	cJSON_Hooks hooks = { .malloc_fn = mem_alloc, .free_fn = mem_free };

	cJSON_InitHooks(&hooks);
}

static void boot(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, install);
}

/* ---- reading -------------------------------------------------------------- */

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* 1: a key is there twice, -1: out of memory. */
static int repeated(const cJSON *obj)
{
	size_t n = (size_t)cJSON_GetArraySize(obj), i = 0;
	const char **names;
	int rc = 0;

	if (n < 2)
		return 0;
	names = mem_array(n, sizeof(*names));
	if (!names)
		return -1;
	for (const cJSON *c = obj->child; c; c = c->next)
		names[i++] = c->string;
	qsort(names, n, sizeof(*names), by_name);
	for (i = 1; i < n && rc == 0; i++)
		rc = strcmp(names[i - 1], names[i]) == 0;
	mem_free(names);
	return rc;
}

static int check_node(const cJSON *c, struct err *e)
{
	int rc = cJSON_IsObject(c) ? repeated(c) : 0;

	if (rc < 0)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	if (rc)
		return err_fail(e, ERR_FORMAT, NULL,
				"an object has one name twice");
	if (cJSON_IsNumber(c) && !isfinite(c->valuedouble))
		return err_fail(e, ERR_FORMAT, NULL, "a number is too large");
	return 0;
}

/* Walks without recursion: the way back up is kept in a small stack. */
static int check_tree(const cJSON *top, struct err *e)
{
	const cJSON *stack[JSON_DEPTH_MAX + 1], *c = top;
	size_t depth = 0;

	for (;;) {
		if (check_node(c, e) != 0)
			return -1;
		if (c->child && depth < JSON_DEPTH_MAX) {
			stack[depth++] = c;
			c = c->child;
			continue;
		}
		while (depth && !c->next)
			c = stack[--depth];
		if (!depth)
			return 0;
		c = c->next;
	}
}

struct json *json_parse_max(const char *p, size_t n, size_t max, struct err *e)
{
	cJSON *c;

	boot();
	if (n > max) {
		err_fail(e, ERR_TOOBIG, NULL, "JSON of %zu bytes (at most %zu)",
			 n, max);
		return NULL;
	}
	if (json_scan(p, n, NULL, NULL, e) != 0)
		return NULL;
	c = cJSON_ParseWithLength(p, n);
	if (!c) {
		err_fail(e, ERR_NOMEM, NULL, "out of memory");
		return NULL;
	}
	if (check_tree(c, e) != 0) {
		cJSON_Delete(c);
		return NULL;
	}
	return json_of(c);
}

struct json *json_parse(const char *p, size_t n, struct err *e)
{
	return json_parse_max(p, n, BUF_LINE_MAX, e);
}

void json_free(struct json **j)
{
	if (!j || !*j)
		return;
	cJSON_Delete(node(*j));
	*j = NULL;
}

struct json *json_dup(const struct json *j)
{
	boot();
	return j ? json_of(cJSON_Duplicate(cnode(j), 1)) : NULL;
}

enum json_type json_type(const struct json *j)
{
	const cJSON *c = cnode(j);

	if (cJSON_IsBool(c))
		return JSON_BOOL;
	if (cJSON_IsNumber(c))
		return JSON_NUMBER;
	if (cJSON_IsString(c))
		return JSON_STRING;
	if (cJSON_IsArray(c))
		return JSON_ARRAY;
	if (cJSON_IsObject(c))
		return JSON_OBJECT;
	return JSON_NULL;
}

struct json *json_get(const struct json *obj, const char *key)
{
	if (!obj || !cJSON_IsObject(cnode(obj)))
		return NULL;
	return json_of(cJSON_GetObjectItemCaseSensitive(cnode(obj), key));
}

const char *json_text(const struct json *j)
{
	return j && cJSON_IsString(cnode(j)) ? cnode(j)->valuestring : NULL;
}

const char *json_str(const struct json *obj, const char *key)
{
	return json_text(json_get(obj, key));
}

bool json_int_value(const struct json *j, int64_t *out)
{
	double d;

	if (!j || !cJSON_IsNumber(cnode(j)))
		return false;
	d = cnode(j)->valuedouble;
	if (!(fabs(d) <= (double)EXACT) || floor(d) != d)
		return false;
	*out = (int64_t)d;
	return true;
}

bool json_real(const struct json *j, double *out)
{
	if (!j || !cJSON_IsNumber(cnode(j)))
		return false;
	*out = cnode(j)->valuedouble;
	return true;
}

bool json_int(const struct json *obj, const char *key, int64_t *out)
{
	return json_int_value(json_get(obj, key), out);
}

bool json_bool_value(const struct json *j, bool *out)
{
	if (!j || !cJSON_IsBool(cnode(j)))
		return false;
	*out = cJSON_IsTrue(cnode(j)) != 0;
	return true;
}

bool json_bool(const struct json *obj, const char *key, bool *out)
{
	return json_bool_value(json_get(obj, key), out);
}

struct json *json_first(const struct json *container)
{
	return container ? json_of(cnode(container)->child) : NULL;
}

struct json *json_next(const struct json *j)
{
	return j ? json_of(cnode(j)->next) : NULL;
}

const char *json_key(const struct json *j)
{
	return j ? cnode(j)->string : NULL;
}

size_t json_count(const struct json *container)
{
	return container ? (size_t)cJSON_GetArraySize(cnode(container)) : 0;
}

/* ---- building ------------------------------------------------------------- */

struct json *json_object(void)
{
	boot();
	return json_of(cJSON_CreateObject());
}

struct json *json_array(void)
{
	boot();
	return json_of(cJSON_CreateArray());
}

bool json_set(struct json *obj, const char *key, struct json *child)
{
	cJSON *o = node(obj), *c = node(child);

	if (!c)
		return false;
	if (o && cJSON_IsObject(o)) {
		if (cJSON_GetObjectItemCaseSensitive(o, key)) {
			if (cJSON_ReplaceItemInObjectCaseSensitive(o, key, c))
				return true;
		} else if (cJSON_AddItemToObject(o, key, c)) {
			return true;
		}
	}
	cJSON_Delete(c);
	return false;
}

bool json_set_str(struct json *obj, const char *key, const char *v)
{
	if (!obj || (v && !text_utf8(v, strlen(v))))
		return false;
	return json_set(obj, key,
			json_of(v ? cJSON_CreateString(v) : cJSON_CreateNull()));
}

bool json_set_int(struct json *obj, const char *key, int64_t v)
{
	if (!obj || v > EXACT || v < -EXACT)
		return false;
	return json_set(obj, key, json_of(cJSON_CreateNumber((double)v)));
}

bool json_set_real(struct json *obj, const char *key, double v)
{
	return obj && isfinite(v) &&
	       json_set(obj, key, json_of(cJSON_CreateNumber(v)));
}

bool json_set_bool(struct json *obj, const char *key, bool v)
{
	return obj && json_set(obj, key, json_of(cJSON_CreateBool(v)));
}

bool json_push(struct json *arr, struct json *child)
{
	if (!child)
		return false;
	if (arr && cJSON_IsArray(node(arr)) &&
	    cJSON_AddItemToArray(node(arr), node(child)))
		return true;
	cJSON_Delete(node(child));
	return false;
}

bool json_push_str(struct json *arr, const char *v)
{
	if (!arr || !v || !text_utf8(v, strlen(v)))
		return false;
	return json_push(arr, json_of(cJSON_CreateString(v)));
}
