/*
 * xml: see xml.h.
 */
#include "providers/http/xml.h"

#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "providers/http/def.h"

#define XML_DEPTH 24
#define XML_NAME 128

struct xml {
	const char *p, *end;
	const struct toml_node *lists;
};

static bool starts(const struct xml *x, const char *word)
{
	size_t n = strlen(word);

	return (size_t)(x->end - x->p) >= n && !memcmp(x->p, word, n);
}

static bool skip_past(struct xml *x, const char *word)
{
	const char *at = memmem(x->p, (size_t)(x->end - x->p), word, strlen(word));

	if (at)
		x->p = at + strlen(word);
	return at != NULL;
}

static int utf8_put(struct buf *b, int64_t c, struct err *e)
{
	char o[4];
	size_t n = 0;

	if (c < 0x80) {
		o[n++] = (char)c;
	} else if (c < 0x800) {
		o[n++] = (char)(0xc0 | (c >> 6));
		o[n++] = (char)(0x80 | (c & 63));
	} else if (c < 0x10000) {
		o[n++] = (char)(0xe0 | (c >> 12));
		o[n++] = (char)(0x80 | ((c >> 6) & 63));
		o[n++] = (char)(0x80 | (c & 63));
	} else {
		o[n++] = (char)(0xf0 | (c >> 18));
		o[n++] = (char)(0x80 | ((c >> 12) & 63));
		o[n++] = (char)(0x80 | ((c >> 6) & 63));
		o[n++] = (char)(0x80 | (c & 63));
	}
	return buf_add(b, o, n, e);
}

static int entity(struct xml *x, struct buf *b, struct err *e)
{
	static const struct { const char *name; char c; } known[] = {
		{ "&lt;", '<' }, { "&gt;", '>' }, { "&amp;", '&' },
		{ "&quot;", '"' }, { "&apos;", '\'' } };
	const char *semi;
	char digits[9];
	int64_t c = 0;

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (starts(x, known[i].name)) {
			x->p += strlen(known[i].name);
			return buf_add(b, &known[i].c, 1, e);
		}
	semi = memchr(x->p, ';', (size_t)(x->end - x->p));
	if (!starts(x, "&#") || !semi || semi - x->p < 3 || semi - x->p > 10)
		return err_fail(e, ERR_FORMAT, NULL, "XML: an entity nobody knows");
	memcpy(digits, x->p + 2, (size_t)(semi - x->p) - 2);
	digits[semi - x->p - 2] = '\0';
	x->p = semi + 1;
	if (digits[0] != 'x') {
		if (!text_int(digits, 1, 0x10ffff, &c))
			c = 0;
	} else {
		for (const char *h = digits + 1; *h; h++) {
			const char *hex = "0123456789abcdef0123456789ABCDEF";
			const char *at = strchr(hex, *h);

			if (!at)
				return err_fail(e, ERR_FORMAT, NULL, "XML: a bad number");
			c = c * 16 + (at - hex) % 16;
		}
	}
	if (c < 1 || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return err_fail(e, ERR_FORMAT, NULL, "XML: a bad character number");
	return utf8_put(b, c, e);
}

/* Text up to the next tag. */
static int text(struct xml *x, struct buf *b, struct err *e)
{
	while (x->p < x->end && *x->p != '<')
		if (*x->p == '&' ? entity(x, b, e) : buf_add(b, x->p++, 1, e))
			return -1;
	return 0;
}

/* After '<': the name; *empty for "<name/>".  Attributes are passed over. */
static int tag(struct xml *x, char name[static XML_NAME], bool *empty, struct err *e)
{
	size_t n = 0;
	char quote = 0;

	while (x->p < x->end && !strchr(" \t\r\n/>", *x->p)) {
		if (n == XML_NAME - 1)
			return err_fail(e, ERR_FORMAT, NULL, "XML: a name is too long");
		name[n++] = *x->p++;
	}
	name[n] = '\0';
	for (; x->p < x->end && (quote || *x->p != '>'); x->p++)
		if (quote ? *x->p == quote : *x->p == '"' || *x->p == '\'')
			quote = quote ? 0 : *x->p;
	if (n == 0 || x->p >= x->end)
		return err_fail(e, ERR_FORMAT, NULL, "XML: a tag without an end");
	*empty = x->p[-1] == '/';
	x->p++;
	return 0;
}

/* Add a child to an object: alone, or to the array of its name. */
static bool adopt(struct json *obj, const char *name, struct json *child, bool list)
{
	struct json *old = json_get(obj, name);
	struct json *arr;

	if (!old && !list)
		return json_set(obj, name, child);
	if (old && json_type(old) == JSON_ARRAY)
		return json_push(old, child);
	arr = json_array();
	if (!arr || (old && !json_push(arr, json_dup(old)))) {
		json_free(&arr);
		json_free(&child);
		return false;
	}
	if (!json_push(arr, child)) {
		json_free(&arr);
		return false;
	}
	return json_set(obj, name, arr);
}

static struct json *string_of(const struct buf *b)
{
	struct json *o = json_object(), *s = NULL;

	if (json_set_str(o, "s", b->p ? b->p : ""))
		s = json_dup(json_get(o, "s"));
	json_free(&o);
	return s;
}

static struct json *content(struct xml *x, const char *name, int depth, struct err *e);

/* One element after its '<'. */
static int child(struct xml *x, struct json **obj, int depth, struct err *e)
{
	struct buf none = BUF_INIT(16);
	char name[XML_NAME];
	struct json *c;
	bool empty = false;

	if (tag(x, name, &empty, e))
		return -1;
	if (name[0] == '/' || depth > XML_DEPTH)
		return err_fail(e, ERR_FORMAT, NULL, "XML: wrong nesting");
	if (empty)
		name[strlen(name) - (name[strlen(name) - 1] == '/')] = '\0';
	c = empty ? string_of(&none) : content(x, name, depth + 1, e);
	if (!c)
		return err_fail(e, ERR_FORMAT, NULL, "XML: out of memory");
	if (!*obj)
		*obj = json_object();
	if (!*obj || !adopt(*obj, name, c, def_has(x->lists, name)))
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	return 0;
}

/* Up to and with </name>. */
static struct json *content(struct xml *x, const char *name, int depth, struct err *e)
{
	struct buf b = BUF_INIT(BUF_RECORD_MAX);
	struct json *obj = NULL, *out = NULL;
	size_t n = strlen(name);

	for (;;) {
		if (text(x, &b, e))
			goto out;
		if (x->p >= x->end)
			break;
		if (starts(x, "<!--") || starts(x, "<?")) {
			if (!skip_past(x, starts(x, "<?") ? "?>" : "-->"))
				break;
			continue;
		}
		if (starts(x, "<!")) {
			(void)err_fail(e, ERR_FORMAT, NULL, "XML: a declaration");
			goto out;
		}
		if (starts(x, "</")) {
			if ((size_t)(x->end - x->p) < n + 3 ||
			    memcmp(x->p + 2, name, n) != 0 || !skip_past(x, ">"))
				break;
			out = obj ? obj : string_of(&b);
			obj = NULL;
			goto out;
		}
		x->p++;
		if (child(x, &obj, depth, e))
			goto out;
	}
	(void)err_fail(e, ERR_FORMAT, NULL, "XML: cut off, or wrong nesting");
out:
	json_free(&obj);
	buf_release(&b);
	return out;
}

struct json *xml_parse(const char *p, size_t n, const struct toml_node *lists,
		       struct err *e)
{
	struct xml x = { .p = p, .end = p + n, .lists = lists };
	struct json *obj = NULL;

	if (!text_utf8(p, n) || memchr(p, '\0', n)) {
		(void)err_fail(e, ERR_FORMAT, NULL, "XML: not UTF-8");
		return NULL;
	}
	while (x.p < x.end) {
		if (starts(&x, "<?") || starts(&x, "<!--")) {
			if (!skip_past(&x, starts(&x, "<?") ? "?>" : "-->"))
				break;
		} else if (strchr(" \t\r\n", *x.p)) {
			x.p++;
		} else if (*x.p == '<' && !starts(&x, "<!") && !obj) {
			x.p++;
			if (child(&x, &obj, 0, e)) {
				json_free(&obj);
				return NULL;
			}
		} else {
			break;
		}
	}
	if (x.p < x.end || !obj) {
		(void)err_fail(e, ERR_FORMAT, NULL, "XML: not one element");
		json_free(&obj);
	}
	return obj;
}
