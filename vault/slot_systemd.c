/*
 * slot_systemd: a key that systemd hands to the service as a credential.
 *
 * $CREDENTIALS_DIRECTORY/NAME lies on a ramfs that only the service sees.  The
 * file may carry an ACL for the service's user, which the mode shows as a
 * group bit: so it must be ours or root's and not writable by others, but need
 * not be 0400.
 */
#include "base/io.h"
#include "base/mem.h"
#include "base/text.h"
#include "vault/slot.h"
#include "vault/slot_input.h"

int slot_systemd_kek(const struct slot_head *h, const struct slot_input *in,
		     unsigned char kek[SLOT_KEK], struct err *e)
{
	return slot_key_kek(h, in->secret, kek, e);
}

int slot_systemd_read(const char *dir, const char *name, struct secret **out,
		      struct err *e)
{
	struct buf b = BUF_INIT(SECRET_MAX);
	char *path = NULL;
	int rc = -1;

	if (!text_name(name)) {
		err_fail(e, ERR_USAGE, name, "it is not a credential's name");
		goto out;
	}
	if (!dir || *dir != '/') {
		err_fail(e, ERR_ABSENT, name,
			 "$CREDENTIALS_DIRECTORY is not set: this process was "
			 "not started by systemd with that credential");
		err_hint(e, "add LoadCredentialEncrypted=%s to the unit", name);
		goto out;
	}
	path = io_path(dir, name);
	if (!path) {
		err_fail(e, ERR_NOMEM, NULL, "out of memory");
		goto out;
	}
	if (io_read_file(path, IO_OWNED, SECRET_MAX, &b, e) != 0)
		goto out;
	if (b.len < SLOT_KEY_MIN) {
		err_fail(e, ERR_FORMAT, name,
			 "a credential that serves as key has at least %d "
			 "bytes, this one %zu", SLOT_KEY_MIN, b.len);
		goto out;
	}
	*out = secret_new(b.p, b.len, e);
	if (!*out)
		goto out;
	rc = 0;
out:
	buf_release(&b);
	mem_free(path);
	if (rc != 0)
		err_ctx(e, name, "read the systemd credential");
	return rc;
}
