/*
 * lineproto: the input comes through a pipe in two pieces, cut where its first
 * byte says.  A top-level "secret" must never reach the parsed message as a string.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/lineproto.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void drain(struct lp *lp)
{
	struct json *msg;
	struct secret *secret;
	int rc;

	while ((rc = lp_next(lp, &msg, &secret, NULL)) != 0) {
		if (rc == 1 && json_str(msg, "secret"))
			abort();
		if (rc == -1 && (msg || secret))
			abort();
		json_free(&msg);
		secret_free(&secret);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t first;
	struct lp *lp;
	int fds[2];
	bool eof;

	/* what a pipe holds at once */
	if (size < 1 || size > 60000 || pipe2(fds, O_CLOEXEC | O_NONBLOCK) != 0)
		return 0;
	first = data[0] % size;
	lp = lp_open(fds[0], -1, NULL);
	if (!lp || write(fds[1], data + 1, first) != (ssize_t)first ||
	    lp_fill(lp, &eof, NULL) != 0)
		abort();
	drain(lp);
	if (write(fds[1], data + 1 + first, size - 1 - first) !=
		    (ssize_t)(size - 1 - first) ||
	    lp_fill(lp, &eof, NULL) != 0)
		abort();
	drain(lp);
	close(fds[1]);
	lp_close(&lp);
	return 0;
}
