// link: scan
/*
 * git_pack: a pack of whatever objects the input tells of is walked by deltas
 * and walked whole: no harm, and the same findings either way.
 *
 * Input, for each object: a byte (type in its low 3 bits; 0x80: the bytes that
 * follow are put in as they are), a byte that names the base of a delta, the
 * length in 2 bytes, and the content, which is deflated here.  The head of a
 * delta is made here too when bit 0x40 is set, so that lengths agree.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <libdeflate.h>

#include "base/mem.h"
#include "fuzz_file.h"
#include "hooks/scan/walk.h"

#define OBJECTS 40u
#define PACK_MAX (256u * 1024)

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct engine engine;

static const char rules[] =
	"[[rules]]\nid='near'\nregex='''tok_[a-z0-9]{4,9}'''\n"
	"[[rules]]\nid='wide'\nregex='''BEG[a-z\\n]+?END'''\nkeywords=['beg']\n";

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct engine_options o = { .config_text = rules };

	(void)argc;
	(void)argv;
	if (engine_open(&engine, &o, NULL))
		abort();
	return 0;
}

struct made {
	uint8_t data[PACK_MAX];
	size_t n;
	uint32_t offset[OBJECTS];
	size_t length[OBJECTS]; /* of the object itself, as far as known */
	uint32_t count;
};

static void oid_of(uint32_t i, unsigned char oid[static OID_LEN])
{
	memset(oid, 0, OID_LEN);
	oid[0] = (unsigned char)(i * 6);
	oid[1] = (unsigned char)i;
}

static void put_varint(struct made *m, uint64_t v)
{
	for (; v > 127; v >>= 7)
		m->data[m->n++] = (uint8_t)(v | 0x80);
	m->data[m->n++] = (uint8_t)v;
}

static void put_head(struct made *m, unsigned type, size_t size)
{
	uint8_t c = (uint8_t)(type << 4 | (size & 15));

	size >>= 4;
	m->data[m->n++] = (uint8_t)(c | (size ? 0x80 : 0));
	if (size)
		put_varint(m, size);
}

static void put_distance(struct made *m, uint32_t d)
{
	uint8_t v[8];
	int at = 7;

	v[7] = d & 0x7f;
	while (d >>= 7)
		v[--at] = (uint8_t)(0x80 | (--d & 0x7f));
	memcpy(m->data + m->n, v + at, (size_t)(8 - at));
	m->n += (size_t)(8 - at);
}

/* What a delta's list makes, so that its head may tell the truth. */
static size_t made_of(const uint8_t *d, size_t n)
{
	size_t at = 0, sum = 0, count, i;

	while (at < n) {
		unsigned op = d[at++];

		count = op;
		if (op & 0x80) {
			for (i = count = 0; i < 7; i++)
				if (op >> i & 1 && at < n) {
					if (i >= 4)
						count += (size_t)d[at] << (8 * (i - 4));
					at++;
				}
			count = count ? count : 0x10000;
		} else {
			at += op;
		}
		sum += count;
	}
	return sum;
}

static void add(struct made *m, struct libdeflate_compressor *z, unsigned how,
		unsigned base, const uint8_t *p, size_t n)
{
	static uint8_t content[70000];
	unsigned char oid[OID_LEN];
	unsigned type = how & 7;
	size_t head = m->n, i = m->count;

	m->offset[m->count++] = (uint32_t)m->n;
	m->length[i] = n;
	base = i ? base % (unsigned)i : 0;
	if (how & 0x80) {
		memcpy(m->data + m->n, p, n);
		m->n += n;
		return;
	}
	if (type >= OBJECT_OFS_DELTA && how & 0x40) {
		m->n = 0;
		m->length[i] = made_of(p, n);
		/* in front of the pack for a moment */
		memcpy(content + 32, m->data, 32);
		put_varint(m, m->length[base]);
		put_varint(m, m->length[i]);
		memcpy(content, m->data, m->n);
		memcpy(m->data, content + 32, 32);
		memcpy(content + m->n, p, n);
		n += m->n;
		p = content;
		m->n = head;
	}
	put_head(m, type, n);
	if (type == OBJECT_OFS_DELTA)
		put_distance(m, (uint32_t)(head - m->offset[base]));
	if (type == OBJECT_REF_DELTA) {
		oid_of(base, oid);
		memcpy(m->data + m->n, oid, OID_LEN);
		m->n += OID_LEN;
	}
	m->n += libdeflate_zlib_compress(z, p, n, m->data + m->n, PACK_MAX - m->n);
}

static void be32(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 24);
	p[1] = (uint8_t)(v >> 16);
	p[2] = (uint8_t)(v >> 8);
	p[3] = (uint8_t)v;
}

static void write_pack(struct made *m, char path[static 128])
{
	static uint8_t idx[8 + 1024 + OBJECTS * 28 + 40];
	uint8_t *fan = idx + 8, *at = fan + 1024;
	char pack_path[128];
	uint32_t i, k;

	memset(idx, 0, sizeof(idx));
	memcpy(idx, "\xfftOc\0\0\0\2", 8);
	for (i = 0; i < 256; i++) {
		for (k = 0; k < m->count && k * 6 <= i; k++)
			;
		be32(fan + 4 * i, k);
	}
	for (i = 0; i < m->count; i++) {
		oid_of(i, at + (size_t)i * OID_LEN);
		be32(at + (size_t)m->count * 24 + (size_t)i * 4, m->offset[i]);
	}
	memcpy(m->data, "PACK\0\0\0\2", 8);
	be32(m->data + 8, m->count);
	memset(m->data + m->n, 0, OID_LEN);
	fuzz_file("a.pack", m->data, m->n + OID_LEN, pack_path);
	fuzz_file("a.idx", idx, 8 + 1024 + (size_t)m->count * 28 + 40, path);
}

static int by_place(const void *a, const void *b)
{
	const struct sighting *x = a, *y = b;
	int c = memcmp(x->oid, y->oid, OID_LEN);

	if (c)
		return c;
	if (x->mark.rule != y->mark.rule)
		return x->mark.rule < y->mark.rule ? -1 : 1;
	return (x->mark.start > y->mark.start) - (x->mark.start < y->mark.start);
}

static void walk(const struct pack *p, bool whole, struct walk_out *out,
		 struct tally *tally)
{
	struct walk w = { .engine = &engine, .threads = 1, .whole = whole,
			  .max_object = 1 << 20, .tally = tally, .out = out };
	struct forest f = { 0 };

	if (forest_build(p, 1, &f, NULL) || walk_pack(&w, p, &f, NULL))
		abort();
	forest_release(&f);
	if (out->seen.n)
		qsort(out->seen.v, out->seen.n, sizeof(*out->seen.v), by_place);
}

static void compare(const struct pack *p)
{
	struct walk_out a = { 0 }, b = { 0 };
	struct tally ta = { 0 }, tb = { 0 };
	size_t i;

	walk(p, false, &a, &ta);
	walk(p, true, &b, &tb);
	if (a.seen.n != b.seen.n || ta.problems != tb.problems ||
	    ta.texts != tb.texts)
		abort();
	for (i = 0; i < a.seen.n; i++)
		if (by_place(&a.seen.v[i], &b.seen.v[i]) ||
		    a.seen.v[i].mark.end != b.seen.v[i].mark.end)
			abort();
	walk_out_release(&a);
	walk_out_release(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct libdeflate_compressor *z;
	static struct made m;
	char path[128];
	struct pack *p;

	if (!z && !(z = libdeflate_alloc_compressor(0)))
		abort();
	m.n = 12;
	m.count = 0;
	while (size >= 4 && m.count < OBJECTS && m.n < PACK_MAX - 140000) {
		size_t n = (size_t)data[2] << 8 | data[3];

		n = n > size - 4 ? size - 4 : n;
		add(&m, z, data[0], data[1], data + 4, n);
		data += 4 + n;
		size -= 4 + n;
	}
	write_pack(&m, path);
	p = pack_open(path, NULL);
	if (p)
		compare(p);
	pack_close(&p);
	return 0;
}
