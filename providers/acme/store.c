/*
 * store: the certificates this connection got, as files: an authority keeps no
 * list that a client could ask for.  ACCOUNT.SERIAL.pem is a chain,
 * ACCOUNT.SERIAL.ended says that its end was asked for ("asked") or confirmed
 * ("done"), ACCOUNT.KEY.order which order a key is in.  Nothing here is secret;
 * whoever may write here could make curfew forget a certificate.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "providers/acme/acme.h"
#include "providers/sink/place.h"

static const struct place_look look = { (uid_t)-1, (gid_t)-1, 0644 };

bool acme_account_fits(const char *s)
{
	const size_t n = strlen(s);

	return n > 0 && n <= 64 &&
	       strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
			 "0123456789-_") == n;
}

bool acme_serial_fits(const char *s)
{
	const size_t n = strlen(s);

	return n > 0 && n < PKI_PRINT && strspn(s, "0123456789abcdef") == n;
}

const char *acme_names(const struct kit_connection *c, const char *account)
{
	char key[80];

	(void)snprintf(key, sizeof(key), "name.%.70s", account);
	return kit_option(c, key, NULL);
}

static int open_place(const struct acme *a, const char *account, const char *id,
		      const char *ext, struct place *p, struct err *e)
{
	char name[PLACE_NAME];

	if (!acme_account_fits(account) || !acme_serial_fits(id))
		return err_fail(e, ERR_USAGE, id, "it is no certificate's serial number");
	(void)snprintf(name, sizeof(name), "%s.%s.%s", account, id, ext);
	return place_open(a->store, name, &look, p, e);
}

int acme_load(const struct acme *a, const char *account, const char *id,
	      const char *ext, struct buf *out, int64_t *made_ms, struct err *e)
{
	struct place p;
	struct stat st = { 0 };
	int rc;

	if (open_place(a, account, id, ext, &p, e))
		return -1;
	rc = place_read(&p, p.name, out, &st, e);
	if (made_ms)
		*made_ms = (int64_t)st.st_mtim.tv_sec * 1000;
	place_close(&p);
	return rc;
}

int acme_save(const struct acme *a, const char *account, const char *id,
	      const char *ext, const struct buf *text, struct err *e)
{
	struct place p;
	int rc;

	if (open_place(a, account, id, ext, &p, e))
		return -1;
	rc = place_write(&p, p.name, text, &look, e);
	place_close(&p);
	return rc;
}

int acme_drop(const struct acme *a, const char *account, const char *id,
	      const char *ext, struct err *e)
{
	struct place p;
	int rc = 0;

	if (open_place(a, account, id, ext, &p, e))
		return -1;
	if (unlinkat(p.dirfd, p.name, 0) && errno != ENOENT)
		rc = err_sys(e, p.name, "remove it");
	place_close(&p);
	return rc;
}

/* ACCOUNT.SERIAL.pem in its parts. */
static bool split(char *name, char **serial)
{
	char *dot = strchr(name, '.'), *ext = dot ? strchr(dot + 1, '.') : NULL;

	if (!ext || strcmp(ext, ".pem") != 0)
		return false;
	*dot = *ext = '\0';
	*serial = dot + 1;
	return acme_account_fits(name) && acme_serial_fits(*serial);
}

int acme_each(const struct acme *a, acme_each_fn fn, void *arg, struct err *e)
{
	DIR *d = opendir(a->store);
	const struct dirent *f;
	int rc = 0;

	if (!d)
		return err_sys(e, a->store, "read the folder of certificates");
	while (!rc && (errno = 0, f = readdir(d))) {
		char *name = mem_strdup(f->d_name), *serial;

		if (!name)
			rc = err_fail(e, ERR_NOMEM, NULL, "out of memory");
		else if (split(name, &serial))
			rc = fn(name, serial, arg, e);
		mem_free(name);
	}
	if (!rc && errno)
		rc = err_sys(e, a->store, "read the folder of certificates");
	(void)closedir(d);
	return rc;
}
