/*
 * match_cache: the compiled matcher in a file.
 *
 * Cache file "rules-KEY.db" (rule_cache.h): magic, key, a CRC-32 of all from
 * here to the first database, the databases' sizes, the breaks, one struct
 * class_row per rule that has a regex (its place among these is its slot), and
 * from the next page on the databases as they lie in memory, to be mapped, each
 * at a page.  They have a sum of their own, which libhs compares.  (They hold
 * offsets, no addresses; hs_deserialize_database_at() asks for memory of 8-byte
 * alignment and lays the engine's code at 64 bytes, which a page keeps.)  KEY
 * covers these rules, the library's version and the processor, so a stale file
 * is simply not found; a rule without a regex, as that for known secrets, has no
 * part in it, so that one file serves with and without.
 */
#include <libdeflate.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/digest.h"
#include "base/text.h"
#include "hooks/scan/match_inner.h"
#include "hooks/scan/rule_image.h"

#define CACHE_MAGIC "curfew-rules-6\n"
#define CACHE_MAX (64u * 1024 * 1024)
#define CACHE_PAGE 4096u
#define SUM_AT (sizeof(CACHE_MAGIC) - 1 + sizeof(((struct matcher *)0)->key))
#define HEAD (SUM_AT + sizeof(uint32_t))

static int make_key(struct matcher *m, struct err *e)
{
	static const unsigned char fixed[DIGEST_KEY] = "curfew-scan rules cache";
	struct buf b = BUF_INIT(BUF_TEXT_MAX);
	unsigned char patterns[RULES_PATTERNS];
	hs_platform_info_t cpu;
	int rc = -1;

	memset(&cpu, 0, sizeof(cpu));
	hs_populate_platform(&cpu);
	if (rules_patterns(m->rs, patterns, e) ||
	    buf_add(&b, CACHE_MAGIC, sizeof(CACHE_MAGIC), e) ||
	    buf_add(&b, hs_version(), strlen(hs_version()) + 1, e) ||
	    buf_add(&b, &cpu, sizeof(cpu), e) ||
	    buf_printf(&b, e, "%u %u %zu", MATCH_REACH_MAX, MATCH_NEAR_MAX,
		       sizeof(struct class_row)) ||
	    buf_add(&b, patterns, sizeof(patterns), e))
		goto out;
	digest_keyed(fixed, b.p, b.len, m->key, sizeof(m->key));
	rc = 0;
out:
	buf_release(&b);
	return rc;
}

int match_cache_key(struct matcher *m, char name[static MATCH_CACHE_NAME],
		    struct err *e)
{
	if (make_key(m, e))
		return -1;
	memcpy(name, "rules-", 6);
	text_hex(m->key, sizeof(m->key), name + 6);
	memcpy(name + 6 + 2 * sizeof(m->key), ".db", 4);
	return 0;
}

static size_t page_after(size_t n)
{
	return (n + CACHE_PAGE - 1) / CACHE_PAGE * CACHE_PAGE;
}

static size_t breaks_at(void)
{
	return HEAD + DBS * sizeof(uint64_t);
}

static size_t rows_at(void)
{
	return breaks_at() + sizeof(struct bytes);
}

static size_t databases_at(const struct matcher *m)
{
	return page_after(rows_at() + m->slots * sizeof(*m->row));
}

/* Of what the databases' own sums leave out.  Against damage, not against a
 * forger: who is believed is rule_cache.c's. */
static uint32_t sum(const struct matcher *m, const char *p)
{
	return libdeflate_crc32(0, p + HEAD, databases_at(m) - HEAD);
}

/* Each asks for its magic number and its version too. */
static bool take_databases(struct matcher *m, char *p, size_t n)
{
	size_t at = databases_at(m), size, k;
	hs_database_t *db[DBS] = { NULL };
	uint64_t said[DBS];

	memcpy(said, p + HEAD, sizeof(said));
	for (k = 0; k < DBS; k++) {
		if (!said[k])
			continue;
		if (at > n || said[k] > n - at)
			return false;
		db[k] = (hs_database_t *)(void *)(p + at);
		if (hs_database_size(db[k], &size) != HS_SUCCESS ||
		    size != said[k])
			return false;
		at = page_after(at + size);
	}
	if (at != n)
		return false;
	memcpy(m->db, db, sizeof(db));
	return true;
}

/* Nothing in it is looked over when it is mapped; as it is put into a file and
 * read back its sum is compared. */
static bool whole(const struct matcher *m)
{
	hs_database_t *db;
	bool yes = true;
	char *bytes;
	size_t k, n;

	for (k = 0; k < DBS && yes; k++) {
		if (!m->db[k])
			continue;
		bytes = NULL;
		db = NULL;
		yes = hs_serialize_database(m->db[k], &bytes, &n) == HS_SUCCESS &&
		      hs_deserialize_database(bytes, n, &db) == HS_SUCCESS;
		hs_free_database(db);
		free(bytes); /* libhs allocates it with malloc */
	}
	return yes;
}

/* Does the engine take them?  A damaged file counts as none. */
static bool usable(struct matcher *m, const struct rule_cache *c)
{
	bool yes = !(c->only || c->publish) || whole(m);
	size_t k;

	for (k = 0; k < DBS && yes; k++)
		yes = !m->db[k] ||
		      hs_alloc_scratch(m->db[k], &m->scratch) == HS_SUCCESS;
	if (yes)
		return true;
	hs_free_scratch(m->scratch);
	m->scratch = NULL;
	memset(m->db, 0, sizeof(m->db));
	return false;
}

bool match_cache_load(struct matcher *m, const struct rule_cache *c,
		      int folder, const char *name)
{
	size_t n = 0, head = sizeof(CACHE_MAGIC) - 1;
	char *p = rule_cache_map(c, folder, name, CACHE_MAX, &n);
	struct class_row row;
	uint32_t said = 0;
	size_t i;

	if (!p)
		return false;
	if (n >= databases_at(m))
		memcpy(&said, p + SUM_AT, sizeof(said));
	if (n < databases_at(m) || memcmp(p, CACHE_MAGIC, head) != 0 ||
	    memcmp(p + head, m->key, sizeof(m->key)) != 0 || said != sum(m, p) ||
	    !take_databases(m, p, n) || !usable(m, c)) {
		munmap(p, n);
		return false;
	}
	memcpy(&m->breaks, p + breaks_at(), sizeof(m->breaks));
	for (i = 0; i < m->slots; i++) {
		memcpy(&row, p + rows_at() + i * sizeof(row), sizeof(row));
		m->row[m->of[i]] = row;
	}
	if (folder == CACHE_OWN)
		rule_cache_publish(c, name, p, n);
	m->map = p;
	m->map_len = n;
	return true;
}

/* One database for the file; its size as it will lie there. */
static bool pack_up(const hs_database_t *db, char **bytes, size_t *len,
		    uint64_t *size)
{
	size_t n = 0;

	*bytes = NULL;
	*len = 0;
	*size = 0;
	if (!db)
		return true;
	if (hs_serialize_database(db, bytes, len) != HS_SUCCESS ||
	    hs_serialized_database_size(*bytes, *len, &n) != HS_SUCCESS)
		return false;
	*size = n;
	return true;
}

/* The file as it will be mapped, NULL when that cannot be; rows to be filled. */
static char *lay_out(const struct matcher *m, size_t *n)
{
	size_t len[DBS] = { 0 }, at[DBS], k;
	char *bytes[DBS] = { NULL }, *page = NULL;
	uint64_t size[DBS];
	void *p = NULL;

	*n = databases_at(m);
	for (k = 0; k < DBS; k++) {
		if (!pack_up(m->db[k], &bytes[k], &len[k], &size[k]))
			goto out;
		at[k] = *n;
		*n = page_after(*n + size[k]);
	}
	if (posix_memalign(&p, CACHE_PAGE, *n))
		goto out;
	page = memset(p, 0, *n);
	memcpy(page + HEAD, size, sizeof(size));
	for (k = 0; k < DBS && page; k++) {
		hs_database_t *db = (hs_database_t *)(void *)(page + at[k]);

		if (size[k] && hs_deserialize_database_at(bytes[k], len[k], db) !=
				       HS_SUCCESS) {
			free(page);
			page = NULL;
		}
	}
out:
	for (k = 0; k < DBS; k++)
		free(bytes[k]); /* libhs allocates it with malloc */
	return page;
}

bool match_cache_save(const struct matcher *m, const struct rule_cache *c,
		      const char *name)
{
	size_t head = sizeof(CACHE_MAGIC) - 1, n = 0, i;
	char *p = lay_out(m, &n);
	uint32_t crc;
	bool done;

	if (!p)
		return false;
	memcpy(p, CACHE_MAGIC, head);
	memcpy(p + head, m->key, sizeof(m->key));
	memcpy(p + breaks_at(), &m->breaks, sizeof(m->breaks));
	for (i = 0; i < m->slots; i++)
		memcpy(p + rows_at() + i * sizeof(*m->row),
		       &m->row[m->of[i]], sizeof(*m->row));
	crc = sum(m, p);
	memcpy(p + SUM_AT, &crc, sizeof(crc));
	done = n <= CACHE_MAX && rule_cache_save(c, name, p, n);
	free(p);
	return done;
}
