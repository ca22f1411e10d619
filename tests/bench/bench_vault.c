// link: vault
/*
 * bench_vault: what the vault costs, beside what the disk itself does.
 *
 * usage: bench_vault DIR [credentials [commits]]
 * Makes a vault in DIR (a new folder), one key-file slot, and prints one line
 * a measure: name, median of the runs, lowest, highest, unit.  `disk_sync` is
 * the raw rate of write + fdatasync of as many bytes as a commit writes, in
 * the same folder, taken in turn with the commits.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/io.h"
#include "base/mem.h"
#include "base/text.h"
#include "vault/inventory.h"
#include "vault/journal.h"

#define RUNS 7
#define PER_ACCOUNT 2

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void die(struct err *e)
{
	char line[1600];

	err_format(e, line, sizeof(line));
	fprintf(stderr, "bench_vault: %s\n", line);
	exit(1);
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double tell(const char *name, double *x, size_t n, const char *unit)
{
	qsort(x, n, sizeof(*x), by_value);
	printf("%-24s %12.3f  (%.3f .. %.3f) %s\n", name, x[n / 2], x[0],
	       x[n - 1], unit);
	fflush(stdout);
	return x[n / 2];
}

struct bench {
	const char *dir;
	struct slot_input in;
	struct vault *v;
	long n, commits;
	double runs[RUNS];
};

static void names(long i, char account[32], char id[40])
{
	snprintf(account, 32, "svc-%06ld", i / PER_ACCOUNT);
	snprintf(id, 40, "AKIA%016ld", i);
}

static void fill(struct bench *b)
{
	static char conn[] = "aws-prod", kind[] = "access-key",
		    fp[] = "SHA256:0123456789abcdef0123456789abcdef",
		    attr[] = "{\"region\":\"eu-central-1\",\"path\":\"/x/\"}";
	struct inv_connection c = { .name = conn, .type = kind };
	struct err e = ERR_INIT;
	double t = now();

	if (store_begin(b->v, &e) || inv_connection_put(b->v, &c, NULL, &e))
		die(&e);
	for (long i = 0; i < b->n; i++) {
		char account[32], id[40];
		struct inv_credential x = {
			.connection = conn, .account = account, .kind = kind,
			.id = id, .state = INV_ACTIVE, .created_ms = 1 + i,
			.seen_ms = 2, .first_seen_ms = 3, .fingerprint = fp,
			.attributes = attr,
		};
		struct inv_account a = { .connection = conn, .name = account,
					 .state = INV_ACTIVE, .seen_ms = 2 };

		names(i, account, id);
		if ((i % PER_ACCOUNT == 0 && inv_account_put(b->v, &a, &e)) ||
		    inv_credential_put(b->v, &x, NULL, &e))
			die(&e);
	}
	if (store_commit(b->v, &e))
		die(&e);
	printf("%-24s %12.3f  s for %ld credentials, one transaction\n",
	       "fill", now() - t, b->n);
}

static void open_close(struct bench *b)
{
	struct err e = ERR_INIT;

	for (int i = 0; i < RUNS; i++) {
		double t;

		vault_close(&b->v);
		t = now();
		if (vault_open(b->dir, &b->in, 1, true, &b->v, &e))
			die(&e);
		b->runs[i] = (now() - t) * 1e3;
	}
	tell("open_unseal", b->runs, RUNS, "ms");
}

static int count(const struct inv_credential *c, void *arg, struct err *e)
{
	(void)e;
	*(long *)arg += c->id[0] == 'A';
	return 0;
}

static void walks(struct bench *b)
{
	struct err e = ERR_INIT;

	for (int kind = 0; kind < 2; kind++) {
		for (int i = 0; i < RUNS; i++) {
			long n = 0;
			double t = now();

			if (inv_credentials(b->v, kind ? "aws-prod" : NULL,
					    NULL, count, &n, &e))
				die(&e);
			b->runs[i] = now() - t;
			if (n != b->n) {
				fprintf(stderr, "walked %ld\n", n);
				exit(1);
			}
		}
		tell(kind ? "list_connection" : "list_all", b->runs, RUNS,
		     "s");
	}
}

static void bench_get(struct bench *b)
{
	struct inv_credential c;
	struct err e = ERR_INIT;
	char account[32], id[40];
	long n = 0;

	for (int kind = 0; kind < 2; kind++) {
		for (int i = 0; i < RUNS; i++) {
			double t = now();

			for (int j = 0; j < 300; j++) {
				names((i * 7919L + j * 104729L) % b->n, account,
				      id);
				if (kind == 0 &&
				    inv_credential_get(b->v, "aws-prod",
						       account, "access-key",
						       id, &c, NULL, &e) != 1)
					die(&e);
				if (kind == 0)
					inv_credential_free(&c);
				else if (inv_credentials(b->v, "aws-prod",
							 account, count, &n,
							 &e))
					die(&e);
			}
			b->runs[i] = (now() - t) / 300 * 1e3;
		}
		tell(kind ? "list_account" : "get_checked", b->runs, RUNS,
		     "ms");
	}
}

static double sync_rate(struct bench *b, size_t bytes)
{
	static char block[64 * 1024];
	char *path = io_path(b->dir, "raw");
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	off_t at = 0;
	double t;

	if (fd < 0 || ftruncate(fd, 8 << 20) != 0)
		exit(1);
	/* written once before, so that only data is synced, as in a WAL that is
	 * used again */
	for (off_t i = 0; i < 8 << 20; i += (off_t)sizeof(block)) {
		if (pwrite(fd, block, sizeof(block), i) < 0)
			exit(1);
	}
	fsync(fd);
	t = now();
	for (long i = 0; i < b->commits; i++) {
		if (pwrite(fd, block, bytes, at) < 0 || fdatasync(fd) != 0)
			exit(1);
		at = (at + (off_t)bytes) % ((8 << 20) - (off_t)sizeof(block));
	}
	t = now() - t;
	close(fd);
	unlink(path);
	mem_free(path);
	return (double)b->commits / t;
}

static void commits(struct bench *b)
{
	struct journal_entry j = {
		.kind = J_ANSWER,
		.text = "revoked aws-prod/svc-000001#AKIA0000000000000001",
		.detail = "{\"status\":204,\"attempt\":1,\"ms\":83}",
	};
	double raw[RUNS], both[RUNS], ratio, disk;
	struct err e = ERR_INIT;

	for (int i = 0; i < RUNS; i++) {
		double t;

		raw[i] = sync_rate(b, 2 * (4096 + 24));
		t = now();
		for (long n = 0; n < b->commits; n++) {
			if (journal_append(b->v, &j, NULL, &e))
				die(&e);
		}
		b->runs[i] = (double)b->commits / (now() - t);
		t = now();
		for (long n = 0; n < b->commits / 4; n++) {
			char account[32], id[40];
			struct inv_credential c;

			names(n * 37 % b->n, account, id);
			if (inv_credential_get(b->v, "aws-prod", account,
					       "access-key", id, &c, NULL,
					       &e) != 1 ||
			    store_begin(b->v, &e) ||
			    journal_append(b->v, &j, NULL, &e) ||
			    inv_credential_put(b->v, &c, NULL, &e) ||
			    store_commit(b->v, &e))
				die(&e);
			inv_credential_free(&c);
		}
		both[i] = (double)(b->commits / 4) / (now() - t);
	}
	disk = tell("disk_sync", raw, RUNS, "syncs/s");
	ratio = tell("journal_commits", b->runs, RUNS, "commits/s") / disk;
	printf("%-24s %12.3f  of the disk's own rate\n", "journal_ratio",
	       ratio);
	tell("get_put_commits", both, RUNS, "commits/s");
}

static void verify(struct bench *b)
{
	struct vault_report r;
	struct err e = ERR_INIT;
	uint64_t n;
	double t = now();

	if (journal_verify(b->v, &n, &e))
		die(&e);
	printf("%-24s %12.3f  s for %llu entries\n", "journal_verify",
	       now() - t, (unsigned long long)n);
	t = now();
	if (vault_verify(b->v, &r, &e))
		die(&e);
	printf("%-24s %12.3f  s, %llu bad\n", "vault_verify", now() - t,
	       (unsigned long long)r.bad);
	buf_release(&r.text);
}

int main(int argc, char **argv)
{
	struct bench b = { .in = { .kind = SLOT_KEYFILE, .name = "bench" } };
	int64_t n = 100000, commits_wanted = 2000;
	struct err e = ERR_INIT;
	struct secret *key;
	bool locked;

	if (argc < 2 || (argc > 2 && !text_int(argv[2], 10, 10000000, &n)) ||
	    (argc > 3 && !text_int(argv[3], 10, 1000000, &commits_wanted))) {
		fprintf(stderr, "usage: bench_vault DIR [n [commits]]\n");
		return 2;
	}
	b.dir = argv[1];
	b.n = (long)n;
	b.commits = (long)commits_wanted;
	if (secret_boot(&locked, &e))
		die(&e);
	key = secret_generate(48, &e);
	b.in.secret = key;
	b.in.path = "bench.key";
	if (!key || vault_init(b.dir, &b.in, &b.v, &e))
		die(&e);
	fill(&b);
	open_close(&b);
	walks(&b);
	bench_get(&b);
	commits(&b);
	verify(&b);
	vault_close(&b.v);
	secret_free(&key);
	return 0;
}
