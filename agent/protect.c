/*
 * protect: the files of ours that no helper may be given.
 *
 * The vault's folder, the configuration, the head, and every file that opens
 * the vault: those named by options and configuration and those the slots
 * remember, which can be read without a key.  Must run before the launcher is
 * forked, because the launcher holds the list to every grant.
 */
#include "agent/main.h"

#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/mem.h"

static int add(struct protect *p, const char *path, struct err *e)
{
	char cwd[PATH_MAX];
	char *own;

	if (path == NULL || path[0] == '\0' || strcmp(path, "-") == 0)
		return 0;
	if (p->n == PROTECT_MAX)
		return err_fail(e, ERR_TOOBIG, path,
				"more than %u files to protect", PROTECT_MAX);
	if (path[0] == '/')
		own = mem_strdup(path);
	else if (getcwd(cwd, sizeof cwd) != NULL)
		own = io_path(cwd, path);
	else
		return err_sys(e, path, "find the folder of");
	if (own == NULL)
		return err_fail(e, ERR_NOMEM, path, "out of memory");
	p->v[p->n++] = own;
	return 0;
}

int protect_gather(const struct app *app, struct protect *p, struct err *e)
{
	const struct unlock_options *u = app->unlock;
	const struct config *c = app->config;
	const char *const given[] = {
		app->dir, app->config_path, u->key_file, u->passphrase_file,
		u->break_glass, unlock_credentials_dir(),
		c != NULL ? c->key_file : NULL, c != NULL ? c->head_file : NULL,
	};
	struct slot_info *slots = NULL;
	size_t n = 0;
	int rc = 0;

	memset(p, 0, sizeof *p);
	for (size_t i = 0; rc == 0 && i < sizeof given / sizeof *given; i++)
		rc = add(p, given[i], e);
	/* no vault yet, or a damaged one: nothing will be opened then */
	if (rc == 0 && vault_slots(app->dir, &slots, &n, NULL) == 0)
		for (size_t i = 0; rc == 0 && i < n; i++)
			if (slots[i].kind == SLOT_KEYFILE)
				rc = add(p, slots[i].detail, e);
	mem_free(slots);
	return rc;
}

void protect_free(struct protect *p)
{
	while (p->n > 0)
		mem_free(p->v[--p->n]);
}
