/*
 * table: aligned columns.
 *
 * All cells lie escaped in one growing block, so 100,000 rows cost a few
 * copies and no allocation each.  Never truncated unless stdout is a terminal.
 */
#include "agent/report/out.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"

#define COLUMNS_MAX 16
#define CELLS_BYTES_MAX BUF_REPORT_MAX
#define SHRINK_MIN 12u

struct table {
	struct column cols[COLUMNS_MAX];
	size_t width[COLUMNS_MAX];
	size_t n, rows;
	struct buf cells; /* NUL-terminated, row after row */
};

/* Printable ASCII: the usual case, without further questions. */
static bool plain(const char *s, size_t *n)
{
	size_t i = 0;

	for (; s[i] != '\0'; i++)
		if ((unsigned char)s[i] < 0x20 || (unsigned char)s[i] > 0x7e)
			return false;
	*n = i;
	return true;
}

struct table *table_new(const struct column *cols, size_t n, struct err *e)
{
	struct table *t = mem_zalloc(sizeof *t);

	if (t == NULL || n > COLUMNS_MAX) {
		(void)err_fail(e, ERR_NOMEM, NULL, "out of memory");
		mem_free(t);
		return NULL;
	}
	memcpy(t->cols, cols, n * sizeof *cols);
	t->n = n;
	t->cells.max = CELLS_BYTES_MAX;
	for (size_t i = 0; i < n; i++)
		t->width[i] = text_width(cols[i].head);
	return t;
}

void table_free(struct table **tp)
{
	if (*tp == NULL)
		return;
	buf_release(&(*tp)->cells);
	mem_free(*tp);
	*tp = NULL;
}

int table_row(struct table *t, const char *const *cells, struct err *e)
{
	for (size_t i = 0; i < t->n; i++) {
		const char *s = cells[i] != NULL ? cells[i] : "";
		const size_t at = t->cells.len;
		size_t w;

		if (plain(s, &w)) {
			if (buf_add(&t->cells, s, w + 1, e) < 0)
				return -1;
		} else {
			if (out_safe(&t->cells, s, e) < 0 ||
			    buf_add(&t->cells, "", 1, e) < 0)
				return -1;
			w = text_width(t->cells.p + at);
		}
		if (w > t->width[i])
			t->width[i] = w;
	}
	t->rows++;
	return 0;
}

static size_t terminal_width(void)
{
	struct winsize ws;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws) == 0 && ws.ws_col >= 40)
		return ws.ws_col;
	return 0;
}

/* Take columns off the widest column that may shrink, until it fits. */
static void fit(const struct table *t, size_t have, size_t *width)
{
	size_t need = 2 * (t->n - 1);

	for (size_t i = 0; i < t->n; i++)
		need += width[i];
	while (have > 0 && need > have) {
		size_t widest = t->n;

		for (size_t i = 0; i < t->n; i++)
			if (t->cols[i].shrink && width[i] > SHRINK_MIN &&
			    (widest == t->n || width[i] > width[widest]))
				widest = i;
		if (widest == t->n)
			return;
		width[widest]--;
		need--;
	}
}

static void pad(size_t n)
{
	static const char blanks[] = "                                        ";

	while (n > 0) {
		const size_t k = n < sizeof blanks - 1 ? n : sizeof blanks - 1;

		(void)fwrite(blanks, 1, k, stdout);
		n -= k;
	}
}

/* The first `width - 1` columns of s and an ellipsis. */
static void put_cut(const char *s, size_t width)
{
	size_t n = 0;

	for (size_t cols = 0; s[n] != '\0' && cols + 1 < width; cols++) {
		n++;
		while (((unsigned char)s[n] & 0xc0) == 0x80)
			n++;
	}
	(void)fwrite(s, 1, n, stdout);
	(void)fputs("\xe2\x80\xa6", stdout);
}

static void put_cell(const struct table *t, const size_t *width, size_t i, const char *s)
{
	const size_t w = text_width(s);

	if (w > width[i]) {
		put_cut(s, width[i]);
	} else {
		if (t->cols[i].right)
			pad(width[i] - w);
		(void)fputs(s, stdout);
		if (!t->cols[i].right && i + 1 < t->n)
			pad(width[i] - w);
	}
	if (i + 1 < t->n)
		(void)fputs("  ", stdout);
}

void table_print(const struct table *t, bool tty)
{
	size_t width[COLUMNS_MAX];
	const char *s = t->cells.p;

	memcpy(width, t->width, sizeof width);
	if (t->n > 0 && isatty(STDOUT_FILENO))
		fit(t, terminal_width(), width);
	if (tty)
		(void)fputs("\033[1m", stdout);
	for (size_t i = 0; i < t->n; i++)
		put_cell(t, width, i, t->cols[i].head);
	(void)fputs(tty ? "\033[0m\n" : "\n", stdout);
	for (size_t r = 0; r < t->rows; r++) {
		for (size_t i = 0; i < t->n; i++) {
			put_cell(t, width, i, s);
			s += strlen(s) + 1;
		}
		(void)putchar('\n');
	}
}
