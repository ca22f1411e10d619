/* urgent: a lock of its own, DIR/vault.urgent, held by those who wait. */
#include "agent/urgent.h"

#include <unistd.h>

#include "base/err.h"
#include "base/io.h"
#include "base/mem.h"

static int take(const char *dir, struct err *e)
{
	char *path = io_path(dir, "vault.urgent");
	int fd = path ? io_lock(path, e) : -1;

	mem_free(path);
	return fd;
}

int urgent_raise(const char *dir)
{
	struct err e = ERR_INIT;

	return take(dir, &e);
}

bool urgent_wanted(const char *dir)
{
	struct err e = ERR_INIT;
	int fd = take(dir, &e);

	if (fd >= 0)
		(void)close(fd);
	return fd < 0 && err_is(&e, ERR_BUSY);
}
