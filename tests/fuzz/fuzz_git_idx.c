// link: scan
/*
 * git_idx: an index of any bytes beside a small pack.  The pack's own count is
 * made to agree, so that what comes after that check is reached.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz_file.h"
#include "hooks/scan/forest.h"
#include "hooks/scan/rebuild.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_all(const struct pack *p)
{
	unsigned char oid[OID_LEN] = { 0x41 };
	struct rebuilder r;
	uint32_t i, *entry = calloc((size_t)p->n + 1, sizeof(*entry));

	if (!entry || rebuilder_init(&r, NULL))
		abort();
	for (i = 0; i < p->n; i++) {
		const char *why;
		char *text;
		size_t n;

		entry[p->entry[i].pos] = i;
		why = rebuild(&r, p, i, "base", 4, 1 << 20, &text, &n);
		if (!why && n && text[n - 1] == '\1')
			oid[1]++;
		free(text);
		if ((i && pack_before(p, i, p->entry[i / 2].offset) != i / 2) ||
		    (i + 1 < p->n &&
		     pack_before(p, p->n - 1, p->entry[i].offset) != i))
			abort();
	}
	for (i = 0; i < p->n; i++)
		(void)pack_find(p, pack_oid(p, i), entry);
	(void)pack_find(p, oid, entry);
	free(entry);
	rebuilder_release(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t pack[400] = "PACK\0\0\0\2";
	char idx_path[128], pack_path[128];
	struct forest f = { 0 };
	struct pack *p;
	size_t i, count;

	count = size >= 4 && !memcmp(data, "\xfftOc", 4) ? 8 + 1020 : 1020;
	if (size >= count + 4)
		memcpy(pack + 8, data + count, 4);
	/* blobs of nothing, deflated, at every 8th byte */
	for (i = 12; i + 9 <= sizeof(pack) - OID_LEN; i += 9)
		memcpy(pack + i, "\x30\x78\x9c\x03\0\0\0\0\1", 9);
	fuzz_file("a.idx", data, size, idx_path);
	fuzz_file("a.pack", pack, sizeof(pack), pack_path);
	p = pack_open(idx_path, NULL);
	if (!p)
		return 0;
	read_all(p);
	if (forest_build(p, 1, &f, NULL))
		abort();
	forest_release(&f);
	pack_close(&p);
	return 0;
}
