// link: vault
/*
 * bench_due: a vault with many rows that have a deadline, for `curfew due`.
 *
 * usage: bench_due DIR KEYFILE ROWS OVERDUE
 * DIR is a new folder, KEYFILE a key file; OVERDUE of the ROWS are past theirs.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/io.h"
#include "vault/store.h"

static int fill(struct vault *v, long rows, long overdue, struct err *e)
{
	const int64_t now = clock_wall_ms();
	char name[32], data[300];

	memset(data, 'x', sizeof data);
	if (store_begin(v, e) < 0)
		return -1;
	for (long i = 0; i < rows; i++) {
		const char *part = name;
		struct store_row row = { .data = data, .len = sizeof data };

		(void)snprintf(name, sizeof name, "line-%ld", i);
		row.id = store_id(v, STORE_ROTATION, &part, 1);
		row.due_ms = i < overdue ? now - 1000 * (i + 1) :
					   now + 60000 * (i + 1);
		if (store_put(v, STORE_ROTATION, &row, e) < 0)
			return -1;
	}
	return store_commit(v, e);
}

int main(int argc, char **argv)
{
	struct slot_input in = { .kind = SLOT_KEYFILE, .name = "bench" };
	struct err e = ERR_INIT;
	struct secret *key = NULL;
	struct vault *v = NULL;
	char line[1600];
	bool locked;

	if (argc != 5) {
		(void)fprintf(stderr, "usage: bench_due DIR KEYFILE ROWS OVERDUE\n");
		return 2;
	}
	in.path = argv[2];
	if (secret_boot(&locked, &e) == 0 &&
	    io_read_secret(argv[2], IO_PRIVATE, &key, &e) == 0) {
		in.secret = key;
		if (vault_init(argv[1], &in, &v, &e) == 0)
			(void)!fill(v, strtol(argv[3], NULL, 10),
				    strtol(argv[4], NULL, 10), &e);
	}
	vault_close(&v);
	secret_free(&key);
	if (e.code == ERR_NONE)
		return 0;
	(void)err_format(&e, line, sizeof line);
	(void)fprintf(stderr, "bench_due: %s\n", line);
	return 1;
}
