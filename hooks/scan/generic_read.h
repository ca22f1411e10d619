/*
 * generic_read: the reader that the finder's files share.
 */
#ifndef SCAN_GENERIC_READ_H
#define SCAN_GENERIC_READ_H

#include "hooks/scan/generic.h"

struct reader {
	struct generic_window *w;
	uint32_t p;
	struct generic_value *v;
	size_t n;
	struct generic_value now; /* what the next value begins with */
};

/* The byte at p, -1 outside the window; what is asked for counts as seen. */
static inline int at(const struct reader *r, uint32_t p)
{
	if (p >= r->w->seen)
		r->w->seen = p + 1;
	return p < r->w->end ? (unsigned char)r->w->text[p] : -1;
}

static inline bool blank(int c)
{
	return c == ' ' || c == '\t';
}

static inline bool space(int c)
{
	return blank(c) || c == '\n' || c == '\r';
}

static inline bool name_char(int c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
}

static inline bool quote_char(int c)
{
	return c == '"' || c == '\'' || c == '`';
}

/* Does the lower-case word stand at p, in any case? */
bool read_looks(const struct reader *r, uint32_t p, const char *word);
void read_blanks(struct reader *r);
/* A value: text[from, to). */
void read_give(struct reader *r, uint32_t from, uint32_t to);
/* A quote in any of its writings: its character and length, 0: none. */
int read_quote(const struct reader *r, uint32_t p, uint32_t *len);
/* At a quote: its content. */
bool read_quoted(struct reader *r);
/* Up to where an unquoted value ends. */
void read_bare(struct reader *r);
/* The literals of a list or of a call's arguments. */
void read_list(struct reader *r);
/* A value of whatever form, on the next line too if that is asked. */
void read_value(struct reader *r, bool next_line);

#endif
