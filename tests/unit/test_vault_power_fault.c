// link: vault tests/unit/vaultkit.c tests/unit/vfsshim.c tests/unit/powerkit.c
// wrap: pwrite write fsync fdatasync renameat
/*
 * power: the power goes at any moment of a vault's work.
 *
 * A vault with an emergency envelope makes transactions that change several
 * rows together, is closed and opened in between; then the folder is made as a
 * cut would have left it, once for each seed.  It must open, its chain verify,
 * and hold the state of the last commit that was promised or of the one under
 * way; the envelope is one that was whole.
 *
 * CURFEW_POWER_SEEDS: how many cuts (10,000; `make power` takes 50,000).
 */
#include "vaultkit.h"
#include "powerkit.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sodium.h>
#include <unistd.h>

#include "base/io.h"
#include "base/mem.h"
#include "base/text.h"
#include "vault/envelope.h"
#include "vault/inventory.h"

#define ROUNDS 24
#define ROWS 6

static char cut_dir[64];
static struct buf whole[ROUNDS + 2]; /* each envelope that was ever complete */
static size_t n_whole;

/* ---- the work ---------------------------------------------------------------------- */

static void keep_envelope(struct kit *k)
{
	char *path = io_path(k->dir, ENVELOPE_NAME);

	whole[n_whole] = (struct buf)BUF_INIT(BUF_REPORT_MAX);
	assert_ok(io_read_file(path, IO_ANY, BUF_REPORT_MAX, &whole[n_whole], e));
	n_whole++;
	mem_free(path);
}

/* Round `i`: every row says i, in one transaction; one row is as large as
 * several pages and grows and shrinks, one is there every second time. */
static void one_round(struct kit *k, int i)
{
	static char text[12000];
	char name[16];

	assert_ok(store_begin(k->v, e));
	for (int r = 0; r < ROWS; r++) {
		const size_t len = r == 0 ? (size_t)(i * 2377 % 11000) : 40;

		(void)snprintf(text, sizeof(text), "%06d ", i);
		memset(text + 7, 'a' + r, len);
		text[7 + len] = '\0';
		(void)snprintf(name, sizeof(name), "row-%d", r);
		kit_put(k->v, STORE_ACTION, name, "g", text, "s3cret");
	}
	if (i % 2) {
		kit_put(k->v, STORE_SNAPSHOT, "odd", NULL, "odd", NULL);
	} else {
		const struct store_id id = kit_id(k->v, STORE_SNAPSHOT, "odd");

		assert_ok(store_delete(k->v, STORE_SNAPSHOT, &id, e));
	}
	kit_journal(k->v, "a round");
	assert_ok(store_commit(k->v, e));
	power_mark();
}

static void work(struct kit *k)
{
	unsigned char pk[crypto_box_PUBLICKEYBYTES], sk[crypto_box_SECRETKEYBYTES];

	(void)crypto_box_keypair(pk, sk);
	assert_ok(envelope_setup(k->v, pk, e));
	keep_envelope(k);
	kit_close(k); /* all of this is on the disk before the first cut */
	kit_open(k, true);
	power_record(k->dir);
	kit_open(k, true); /* again, through the recorder */
	for (int i = 1; i <= ROUNDS; i++) {
		one_round(k, i);
		if (i % 5 == 0) { /* a checkpoint, a new log */
			kit_close(k);
			kit_open(k, true);
		}
		if (i % 4 == 0) {
			struct inv_connection c = { .created_ms = i };
			static char conn[] = "c", type[] = "t";

			c.name = conn;
			c.type = type;
			assert_ok(inv_connection_put(k->v, &c, NULL, e));
			assert_ok(envelope_refresh(k->v, e));
			keep_envelope(k);
		}
	}
	power_stop();
	kit_close(k);
}

/* ---- what is left ------------------------------------------------------------------ */

static int round_of(struct vault *v, const char *name)
{
	const char *text = kit_get(v, STORE_ACTION, name);

	return strcmp(text, "(absent)") == 0 ? 0 :
	       text[0] == '!' ? -1 : (int)strtol(text, NULL, 10);
}

/* The round that the folder holds; -1: it does not open or says that it was
 * tampered with.  A mixture fails the test. */
static int state_of(struct kit *k, bool all, const char *what)
{
	struct vault_report report = { .text = BUF_INIT(BUF_REPORT_MAX) };
	struct err e = ERR_INIT;
	struct vault *v = NULL;
	uint64_t entries;
	int round, rc = -1;

	if (vault_open(cut_dir, &k->in, 1, true, &v, &e) < 0)
		return -1;
	round = round_of(v, "row-0");
	for (int r = 1; r < ROWS && round >= 0; r++) {
		char name[16];
		int is;

		(void)snprintf(name, sizeof(name), "row-%d", r);
		is = round_of(v, name);
		if (is != round && is >= 0)
			fail_msg("%s: row-0 is of round %d, %s of %d", what,
				 round, name, is);
		if (is < 0)
			round = -1;
	}
	if (round > 0 && strcmp(kit_get(v, STORE_SNAPSHOT, "odd"),
				round % 2 ? "odd" : "(absent)") != 0)
		fail_msg("%s: the odd row is of another round", what);
	if (round < 0 || journal_verify(v, &entries, &e) < 0)
		goto out;
	if (all && (vault_verify(v, &report, &e) < 0 || report.bad > 0))
		goto out;
	rc = round;
out:
	buf_release(&report.text);
	vault_close(&v);
	return rc;
}

static void check_envelope(const char *what)
{
	struct buf b = BUF_INIT(BUF_REPORT_MAX);
	char *path = io_path(cut_dir, ENVELOPE_NAME);
	bool known = false;

	assert_ok(io_read_file(path, IO_ANY, BUF_REPORT_MAX, &b, e));
	for (size_t i = 0; i < n_whole; i++)
		known = known || (b.len == whole[i].len &&
				  memcmp(b.p, whole[i].p, b.len) == 0);
	if (!known)
		fail_msg("%s: the envelope is none that was ever whole", what);
	buf_release(&b);
	mem_free(path);
}

static long seeds(void)
{
	const char *v = getenv("CURFEW_POWER_SEEDS");
	int64_t n = 10000;

	if (v && !text_int(v, 1, 10000000, &n))
		fail_msg("CURFEW_POWER_SEEDS is no number");
	return (long)n;
}

static void a_cut_leaves_before_or_after(void **state)
{
	struct kit *k = *state;
	const long n = seeds();
	long before = 0, after = 0;

	assert_true(power_events() > 300 && n_whole > 5);
	for (long seed = 1; seed <= n; seed++) {
		uint64_t rng = (uint64_t)seed;
		const size_t at = (size_t)(power_random(&rng) %
					   (power_events() + 1));
		const int promised = (int)power_marks(at);
		char what[100];
		int round;

		(void)snprintf(what, sizeof(what), "seed %ld, cut at %zu", seed,
			       at);
		power_cut(cut_dir, at, rng, SIZE_MAX);
		round = state_of(k, seed % 50 == 0, what);
		if (round != promised && round != promised + 1)
			fail_msg("%s: round %d was promised, %d is there", what,
				 promised, round);
		before += round == promised;
		after += round == promised + 1;
		check_envelope(what);
	}
	print_message("%ld cuts: %ld before, %ld after\n", n, before, after);
	/* both must come up, or nothing was tried */
	assert_true(before > n / 10 && after > 0);
}

/* A disk that says "synced" and is not breaks the promise; then something may
 * be missing, and it is said, or an older state is there, whole.  Never a
 * mixture. */
static void a_lost_sync_is_never_a_mixture(void **state)
{
	struct kit *k = *state;
	const size_t syncs = power_syncs();
	long refused = 0, older = 0, kept = 0;

	for (uint64_t seed = 1; seed <= (uint64_t)seeds() / 10; seed++) {
		uint64_t rng = ~seed;
		const size_t sync = (size_t)(power_random(&rng) % syncs);
		const size_t from = power_sync_at(sync);
		const size_t at = from + (size_t)(power_random(&rng) %
						  (power_events() + 1 - from));
		char what[100];
		int round;

		(void)snprintf(what, sizeof(what), "seed %llu, sync %zu lost, "
			       "cut at %zu", (unsigned long long)seed, sync, at);
		power_cut(cut_dir, at, rng, sync);
		round = state_of(k, false, what);
		refused += round < 0;
		older += round >= 0 && round < (int)power_marks(at);
		kept += round >= (int)power_marks(at);
		assert_true(round <= (int)power_marks(at) + 1);
	}
	print_message("lost syncs: %ld refused, %ld older, %ld kept\n", refused,
		      older, kept);
	/* the simulation bites: without the sync something is lost */
	assert_true(refused + older > 0 && kept > 0);
}

static int begin(void **state)
{
	if (kit_setup(state))
		return -1;
	(void)snprintf(cut_dir, sizeof(cut_dir), "%s/curfew-cut-XXXXXX",
		       access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	assert_non_null(mkdtemp(cut_dir));
	work(*state);
	return 0;
}

static void empty(const char *dir)
{
	DIR *d = opendir(dir);

	for (struct dirent *de; d && (de = readdir(d)) != NULL;)
		/* "." and ".." are refused; what a cut left is hidden */
		(void)unlinkat(dirfd(d), de->d_name, 0);
	if (d)
		(void)closedir(d);
}

static int end(void **state)
{
	struct kit *k = *state;
	char *path = io_path(k->dir, ENVELOPE_NAME);

	power_free();
	for (size_t i = 0; i < n_whole; i++)
		buf_release(&whole[i]);
	empty(cut_dir);
	(void)rmdir(cut_dir);
	(void)unlink(path);
	mem_free(path);
	return kit_teardown(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_cut_leaves_before_or_after),
		cmocka_unit_test(a_lost_sync_is_never_a_mixture),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
