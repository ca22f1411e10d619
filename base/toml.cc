/*
 * toml: TOML as a plain tree, over toml++; the only C++ of the house.
 *
 * Promises: no exception leaves this file; every node knows its place.
 * Must never: keep a C++ object alive behind the C interface.
 */
#define TOML_HEADER_ONLY 1
#define TOML_ENABLE_FORMATTERS 0
#define TOML_EXCEPTIONS 1
#include <toml++/toml.h>

#include <cstring>
#include <new>
#include <sstream>
#include <string>
#include <string_view>

extern "C" {
#include "base/err.h"
#include "base/mem.h"
}
#include "base/toml.h"

/* base/buf.h's BUF_CONFIG_MAX; that header is C only. */
static const std::size_t text_max = 4u * 1024 * 1024;
static const int depth_max = 32;
static const int dots_max = 16;

struct failure {
	enum err_code code;
	std::string text;
};

static char *copy(std::string_view s)
{
	if (s.find('\0') != std::string_view::npos)
		throw failure{ ERR_CONFIG, " a NUL character in a string" };
	char *p = mem_strndup(s.data() ? s.data() : "", s.size());
	if (!p)
		throw std::bad_alloc();
	return p;
}

template <typename T> static std::string as_written(const T &v)
{
	std::ostringstream o;

	o << v;
	return o.str();
}

static toml_node *make(const toml::node &from, int depth);

static void place(toml_node *t, const toml::node &from)
{
	t->line = from.source().begin.line;
	t->col = from.source().begin.column;
}

/* Children are hooked in as soon as they exist: a later throw frees all. */
static void fill(toml_node *t, const toml::node &from, int depth)
{
	toml_node **at = &t->child;

	if (depth > depth_max)
		throw failure{ ERR_CONFIG, " nested too deeply" };
	if (const toml::table *table = from.as_table()) {
		t->kind = TOML_TABLE;
		for (auto &&[key, value] : *table) {
			*at = make(value, depth + 1);
			(*at)->key = copy(key.str());
			at = &(*at)->next;
		}
	} else if (const toml::array *array = from.as_array()) {
		t->kind = TOML_ARRAY;
		for (const toml::node &value : *array) {
			*at = make(value, depth + 1);
			at = &(*at)->next;
		}
	} else if (auto s = from.as_string()) {
		t->kind = TOML_STRING;
		t->str = copy(s->get());
	} else if (auto i = from.as_integer()) {
		t->kind = TOML_INT;
		t->num = i->get();
	} else if (auto d = from.as_floating_point()) {
		t->kind = TOML_FLOAT;
		t->real = d->get();
	} else if (auto b = from.as_boolean()) {
		t->kind = TOML_BOOL;
		t->num = b->get() ? 1 : 0;
	} else {
		t->kind = TOML_DATE;
		if (auto dt = from.as_date_time())
			t->str = copy(as_written(dt->get()));
		else if (auto day = from.as_date())
			t->str = copy(as_written(day->get()));
		else if (auto time = from.as_time())
			t->str = copy(as_written(time->get()));
	}
}

static toml_node *make(const toml::node &from, int depth)
{
	toml_node *t = static_cast<toml_node *>(mem_zalloc(sizeof(toml_node)));

	if (!t)
		throw std::bad_alloc();
	try {
		place(t, from);
		fill(t, from, depth);
		/* a table that only dotted names made has no place itself */
		if (t->line == 0 && t->child) {
			t->line = t->child->line;
			t->col = t->child->col;
		}
	} catch (...) {
		toml_free(&t);
		throw;
	}
	return t;
}

/*
 * toml++ 3.3 builds and frees dotted keys (a.b.c...) by recursion without a
 * limit: a line of a million dots would end the process.  This walks over the
 * text first and refuses a key of more than dots_max dots.  It need not know
 * TOML well, only where strings and comments are; on malformed text it may be
 * wrong about that until the next line, where toml++ stops anyway.
 */
struct dot_walk {
	std::string_view s;
	std::size_t i = 0;
	unsigned line = 1;

	bool here(const char *what) const
	{
		return s.substr(i, std::strlen(what)) == what;
	}
	/* Behind the string that starts at i. */
	void string(char quote)
	{
		const char triple[] = { quote, quote, quote, '\0' };
		bool many = here(triple);

		i += many ? 3 : 1;
		for (; i < s.size(); i++) {
			if (s[i] == '\n') {
				if (!many)
					return;
				line++;
			} else if (s[i] == '\\' && quote == '"') {
				if (i + 1 < s.size() && s[i + 1] == '\n')
					line++;
				i++;
			} else if (many ? here(triple) : s[i] == quote) {
				i += many ? 3 : 1;
				return;
			}
		}
	}
	void comment()
	{
		while (i < s.size() && s[i] != '\n')
			i++;
	}
};

static void check_dots(std::string_view s)
{
	dot_walk w;
	int dots = 0;

	w.s = s;
	while (w.i < s.size()) {
		char c = s[w.i];

		if (c == '"' || c == '\'') {
			w.string(c);
			continue;
		}
		if (c == '#') {
			w.comment();
			continue;
		}
		if (c == '\n')
			w.line++;
		if (std::strchr("\n=,[]{}", c))
			dots = 0;
		else if (c == '.' && ++dots > dots_max)
			throw failure{ ERR_CONFIG,
				       std::to_string(w.line) +
					       ":1: a key of too many parts" };
		w.i++;
	}
}

extern "C" toml_node *toml_parse(const char *text, size_t n, const char *name,
				 struct err *e)
{
	if (n > text_max) {
		err_fail(e, ERR_TOOBIG, name, "larger than %zu bytes",
			 text_max);
		return nullptr;
	}
	try {
		std::string_view view(text ? text : "", n);

		check_dots(view);
		return make(toml::parse(view), 0);
	} catch (const toml::parse_error &x) {
		std::string_view what = x.description();

		err_fail(e, ERR_CONFIG, nullptr, "%s:%u:%u: %.*s", name,
			 x.source().begin.line, x.source().begin.column,
			 static_cast<int>(what.size()), what.data());
	} catch (const failure &x) {
		err_fail(e, x.code, nullptr, "%s:%s", name, x.text.c_str());
	} catch (const std::bad_alloc &) {
		err_fail(e, ERR_NOMEM, name, "out of memory");
	} catch (const std::exception &x) {
		err_fail(e, ERR_BUG, name, "%s", x.what());
	} catch (...) {
		err_fail(e, ERR_BUG, name, "an unknown exception");
	}
	return nullptr;
}

extern "C" void toml_free(toml_node **t)
{
	/* children are at most depth_max deep */
	while (t && *t) {
		toml_node *node = *t, *next = node->next;

		toml_free(&node->child);
		mem_free(node->key);
		mem_free(node->str);
		mem_free(node);
		*t = next;
	}
}

extern "C" const toml_node *toml_get(const toml_node *table, const char *key)
{
	if (!table || table->kind != TOML_TABLE)
		return nullptr;
	for (const toml_node *c = table->child; c; c = c->next)
		if (std::strcmp(c->key, key) == 0)
			return c;
	return nullptr;
}

extern "C" const char *toml_str(const toml_node *table, const char *key)
{
	const toml_node *t = toml_get(table, key);

	return t && t->kind == TOML_STRING ? t->str : nullptr;
}
