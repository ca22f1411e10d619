/*
 * conf: options and accounts.  An account is a line of ROOT/etc/passwd or an
 * option file.ACCOUNT; its key files follow sshd's AuthorizedKeysFile.
 */
#include "providers/ssh/conf.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "providers/ssh/keyfile.h"
#include "providers/ssh/keyline.h"

#define PASSWD "/etc/passwd"
#define DEFAULT_FILES ".ssh/authorized_keys .ssh/authorized_keys2"

static int nomem(struct err *e)
{
	return err_fail(e, ERR_NOMEM, NULL, "out of memory");
}

/* Copy an option that is a path. */
static int take_path(const struct kit_connection *c, const char *name,
		     const char *fallback, char **out, struct err *e)
{
	const char *v = kit_option(c, name, fallback);

	if (!v)
		return 0;
	if (*v != '/')
		return err_fail(e, ERR_CONFIG, name, "'%s' is not an absolute path", v);
	*out = mem_strdup(v);
	return *out ? 0 : nomem(e);
}

static int take_text(const struct kit_connection *c, const char *name, char **out,
		     struct err *e)
{
	const char *v = kit_option(c, name, NULL);

	if (!v)
		return 0;
	*out = mem_strdup(v);
	return *out ? 0 : nomem(e);
}

static int take_patterns(struct conf *f, const char *list, struct err *e)
{
	for (const char *p = list; *p;) {
		size_t n = strcspn(p, " ,");

		if (n && f->patterns == CONF_FILES)
			return err_fail(e, ERR_CONFIG, "authorized_keys",
					"more than %d files", CONF_FILES);
		if (n) {
			f->pattern[f->patterns] = mem_strndup(p, n);
			if (!f->pattern[f->patterns++])
				return nomem(e);
		}
		p += n;
		p += strspn(p, " ,");
	}
	return 0;
}

static int take_files(struct conf *f, const struct kit_connection *c, struct err *e)
{
	size_t max = json_count(c->options);

	f->file = mem_array(max + 1, sizeof(*f->file));
	if (!f->file)
		return nomem(e);
	for (const struct json *o = json_first(c->options); o; o = json_next(o)) {
		const char *key = json_key(o), *path = json_text(o);
		struct conf_file *x = &f->file[f->files];

		if (strncmp(key, "file.", 5) != 0)
			continue;
		if (!key[5] || !path || *path != '/')
			return err_fail(e, ERR_CONFIG, key,
					"write file.ACCOUNT=/path/to/authorized_keys");
		f->files++;
		x->account = mem_strdup(key + 5);
		x->path = mem_strdup(path);
		if (!x->account || !x->path)
			return nomem(e);
	}
	return 0;
}

static int check(struct conf *f, const struct kit_connection *c, struct err *e)
{
	const char *port = kit_option(c, "port", "22");
	const char *sessions = kit_option(c, "sessions", "keep");
	unsigned char hash[32];
	int64_t n;

	if (!text_int(port, 1, 65535, &n))
		return err_fail(e, ERR_CONFIG, "port", "'%s' is not a port", port);
	f->port = (unsigned)n;
	if (strcmp(sessions, "keep") != 0 && strcmp(sessions, "cut") != 0)
		return err_fail(e, ERR_CONFIG, "sessions", "write cut or keep");
	f->cut = !strcmp(sessions, "cut");
	if (f->cut && strcmp(f->root, "/") != 0)
		return err_fail(e, ERR_CONFIG, "sessions",
				"sessions can be cut on this machine only (root /)");
	if (f->host_key && strcmp(f->host_key, "any") != 0 &&
	    !keyline_unprint(f->host_key, hash))
		return err_fail(e, ERR_CONFIG, "host_key",
				"write a fingerprint SHA256:... or any");
	return 0;
}

int conf_open(const struct kit_connection *c, struct conf **out, struct err *e)
{
	struct conf *f = mem_zalloc(sizeof(*f));

	*out = NULL;
	if (!f)
		return nomem(e);
	if (take_path(c, "root", "/", &f->root, e) ||
	    take_path(c, "krl", NULL, &f->krl, e) ||
	    take_path(c, "known_hosts", NULL, &f->known_hosts, e) ||
	    take_text(c, "host", &f->host, e) ||
	    take_text(c, "host_key", &f->host_key, e) ||
	    take_patterns(f, kit_option(c, "authorized_keys", DEFAULT_FILES), e) ||
	    take_files(f, c, e) || check(f, c, e)) {
		conf_close(&f);
		return -1;
	}
	f->passwd = kit_option(c, "root", NULL) != NULL;
	if (!f->passwd && !f->files) {
		/* No silent default: it decides what this process may reach,
		 * and a kill should not touch a machine nobody named. */
		err_fail(e, ERR_CONFIG, "root", "the option is missing");
		err_hint(e, "root=/ for this machine, root=/FOLDER for another one's "
			 "files, or file.ACCOUNT=/path for single files");
		conf_close(&f);
		return -1;
	}
	*out = f;
	return 0;
}

void conf_close(struct conf **c)
{
	struct conf *f = *c;

	if (!f)
		return;
	for (size_t i = 0; i < f->patterns; i++)
		mem_free(f->pattern[i]);
	for (size_t i = 0; i < f->files; i++) {
		mem_free(f->file[i].account);
		mem_free(f->file[i].path);
	}
	mem_free(f->file);
	mem_free(f->root);
	mem_free(f->krl);
	mem_free(f->host);
	mem_free(f->host_key);
	mem_free(f->known_hosts);
	mem_free(f);
	*c = NULL;
}

static void account_clear(struct account *a)
{
	mem_free(a->name);
	mem_free(a->home);
	mem_free(a->shell);
	for (size_t i = 0; i < a->paths; i++)
		mem_free(a->path[i]);
	memset(a, 0, sizeof(*a));
}

/* %h, %u, %% as in sshd_config(5); a relative result is below the home. */
static int expand(const char *pattern, struct account *a, struct err *e)
{
	struct buf b = BUF_INIT(PATH_MAX);
	int rc = -1;

	if (*pattern != '/' && strncmp(pattern, "%h", 2) != 0 &&
	    buf_printf(&b, e, "%s/", a->home))
		goto out;
	for (const char *p = pattern; *p; p++) {
		const char *with = *p != '%' ? NULL : p[1] == 'h' ? a->home :
				   p[1] == 'u' ? a->name : p[1] == '%' ? "%" : NULL;

		if (*p == '%' && !with) {
			err_fail(e, ERR_CONFIG, "authorized_keys",
				 "'%s' holds a %% that is not %%h, %%u or %%%%",
				 pattern);
			goto out;
		}
		if (with ? buf_puts(&b, with, e) : buf_add(&b, p, 1, e))
			goto out;
		if (with)
			p++;
	}
	rc = 0;
	for (size_t i = 0; i < a->paths; i++)
		if (!strcmp(a->path[i], b.p))
			goto out;
	a->path[a->paths] = mem_strdup(b.p);
	if (!a->path[a->paths++])
		rc = nomem(e);
out:
	buf_release(&b);
	return rc;
}

/* name:password:uid:gid:comment:home:shell.  false: no such line. */
static bool passwd_line(const char *p, size_t n, struct account *a)
{
	const char *field[7] = { NULL };
	size_t len[7] = { 0 }, k = 0;
	char num[24];
	int64_t uid, gid;

	for (const char *end = p + n; k < 7; k++) {
		const char *colon = p <= end ? memchr(p, ':', (size_t)(end - p)) : NULL;

		if (p > end)
			return false;
		field[k] = p;
		len[k] = (size_t)((colon ? colon : end) - p);
		p = colon ? colon + 1 : end + 1;
	}
	if (!len[0] || *field[0] == '#' || !len[5] || *field[5] != '/')
		return false;
	if (len[2] >= sizeof(num) || len[3] >= sizeof(num))
		return false;
	snprintf(num, sizeof(num), "%.*s", (int)len[2], field[2]);
	if (!text_int(num, 0, UINT_MAX - 1, &uid))
		return false;
	snprintf(num, sizeof(num), "%.*s", (int)len[3], field[3]);
	if (!text_int(num, 0, UINT_MAX - 1, &gid))
		return false;
	a->uid = (uid_t)uid;
	a->gid = (gid_t)gid;
	a->name = mem_strndup(field[0], len[0]);
	a->home = mem_strndup(field[5], len[5]);
	a->shell = mem_strndup(field[6], len[6]);
	return true;
}

static int each_passwd(const struct conf *c, const char *name, account_fn fn,
		       void *arg, struct err *e)
{
	struct account a = { .paths = 0 };
	struct keyfile f;
	int rc = -1;

	if (keyfile_open(c->root, PASSWD, KEYFILE_ANY_OWNER, &f, e))
		return -1;
	if (!f.exists) {
		err_fail(e, ERR_ABSENT, PASSWD, "there is no such file below '%s'",
			 c->root);
		err_hint(e, "name the key files with file.ACCOUNT=/path instead");
		goto out;
	}
	for (size_t pos = 0; pos < f.text.len;) {
		const char *p = f.text.p + pos;
		const char *nl = memchr(p, '\n', f.text.len - pos);
		size_t n = nl ? (size_t)(nl - p) : f.text.len - pos;

		pos += n + 1;
		if (*name && (n <= strlen(name) || p[strlen(name)] != ':' ||
			      memcmp(p, name, strlen(name)) != 0))
			continue;
		if (!passwd_line(p, n, &a))
			continue;
		if (!a.name || !a.home || !a.shell) {
			nomem(e);
			goto out;
		}
		a.root = c->root;
		for (size_t i = 0; i < c->patterns; i++)
			if (expand(c->pattern[i], &a, e))
				goto out;
		rc = fn(&a, arg, e);
		account_clear(&a);
		if (rc)
			goto out;
		rc = -1;
	}
	rc = 0;
out:
	account_clear(&a);
	keyfile_close(&f);
	return rc;
}

static int each_file(const struct conf *c, const char *name, account_fn fn,
		     void *arg, struct err *e)
{
	static char none[] = "";

	for (size_t i = 0; i < c->files; i++) {
		struct account a = { .name = c->file[i].account, .home = none,
				     .shell = none, .uid = KEYFILE_ANY_OWNER,
				     .root = "/", .path = { c->file[i].path },
				     .paths = 1 };
		int rc;

		if (*name && strcmp(name, a.name) != 0)
			continue;
		rc = fn(&a, arg, e);
		if (rc)
			return rc;
	}
	return 0;
}

int accounts(const struct conf *c, const char *name, account_fn fn, void *arg,
	     struct err *e)
{
	int rc = each_file(c, name, fn, arg, e);

	if (!rc && c->passwd)
		rc = each_passwd(c, name, fn, arg, e);
	return rc;
}
