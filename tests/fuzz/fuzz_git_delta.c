// link: scan
/*
 * git_delta: a delta on a base gives what a second, slow reader of
 * gitformat-pack(5) makes of it, and the runs say truly what was copied.
 * Input: length of the base (2 bytes), the base, the delta.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "hooks/scan/delta.h"

#define OUT_MAX (1u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* -1: malformed */
static int64_t slow(const uint8_t *d, size_t n, size_t at, const uint8_t *base,
		    size_t base_len, uint8_t *out, size_t room)
{
	size_t len = 0;

	while (at < n) {
		unsigned op = d[at++];
		size_t from = 0, count = op & 0x7f, i;

		if (!op)
			return -1;
		if (op & 0x80) {
			for (i = count = 0; i < 7; i++) {
				if (!(op >> i & 1))
					continue;
				if (at == n)
					return -1;
				if (i < 4)
					from += (size_t)d[at++] << (8 * i);
				else
					count += (size_t)d[at++] << (8 * (i - 4));
			}
			count = count ? count : 0x10000;
			if (from + count > base_len)
				return -1;
		} else if (at + count > n) {
			return -1;
		}
		if (len + count > room)
			return -1;
		for (i = 0; i < count; i++)
			out[len++] = op & 0x80 ? base[from + i] : d[at++];
	}
	return (int64_t)len;
}

static void check_runs(const struct runs *r, const uint8_t *base,
		       size_t base_len, const char *out, size_t n)
{
	size_t i, end = 0;

	for (i = 0; i < r->n; i++) {
		if (r->v[i].at < end || r->v[i].at + (size_t)r->v[i].len > n ||
		    r->v[i].from + (size_t)r->v[i].len > base_len ||
		    memcmp(out + r->v[i].at, base + r->v[i].from, r->v[i].len))
			abort();
		end = r->v[i].at + (size_t)r->v[i].len;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t want[OUT_MAX];
	struct runs runs = { 0 };
	uint64_t from, to;
	size_t base_len, n, head;
	int64_t len;
	char *out;

	if (size < 2)
		return 0;
	base_len = (size_t)data[0] << 8 | data[1];
	data += 2;
	size -= 2;
	if (base_len > size)
		base_len = size;
	n = size - base_len;
	if (!delta_sizes(data + base_len, n, &from, &to) || to > OUT_MAX)
		return 0;
	for (head = base_len, len = 0; len < 2; head++)
		len += !(data[head] & 0x80);
	out = mem_alloc((size_t)to + 1);
	len = slow(data + base_len, n, head - base_len, data, base_len, want,
		   OUT_MAX);
	if (delta_apply(data + base_len, n, (const char *)data, base_len, out,
			(size_t)to, &runs) == DELTA_OK) {
		if (from != base_len || len < 0 || (uint64_t)len != to ||
		    memcmp(out, want, (size_t)to))
			abort();
		check_runs(&runs, data, base_len, out, (size_t)to);
	} else if (from == base_len && len >= 0 && (uint64_t)len == to) {
		abort();
	}
	mem_free(out);
	mem_free(runs.v);
	return 0;
}
