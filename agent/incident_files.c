/*
 * incident_files: incidents of kills without a vault, read again.
 *
 * Promises: a name leads to a file of DIR/incidents only, never elsewhere.
 */
#include "agent/incident_files.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/json.h"
#include "base/mem.h"

#define FILE_MAX (1024u * 1024) /* as panic_file.c writes at most */
#define ENDING ".json"

static bool is_path(const char *word)
{
	const size_t n = strlen(word), k = sizeof ENDING - 1;

	return strchr(word, '/') != NULL ||
	       (n > k && strcmp(word + n - k, ENDING) == 0);
}

char *incident_file(const char *dir, const char *word)
{
	struct buf b = BUF_INIT(BUF_TEXT_MAX);
	char *path = NULL;

	if (is_path(word))
		return mem_strdup(word);
	for (const char *p = word; *p != '\0'; p++)
		if (!isalnum((unsigned char)*p) && *p != '-')
			return NULL;
	if (buf_printf(&b, NULL, "%s/incidents/%s" ENDING, dir, word) == 0 &&
	    access(b.p, F_OK) == 0)
		path = mem_strdup(b.p);
	buf_release(&b);
	return path;
}

/* A row like those of the vault; its texts are lent. */
static int row_of(const struct json *o, record_fn fn, void *arg, struct err *e)
{
	const char *looks = json_str(o, "secret_looks_like"), *at;
	const char *kind = json_str(o, "kind"), *name = json_str(o, "incident");
	const char *reason = json_str(o, "reason"), *state = json_str(o, "state");
	struct incident inc = { .opened_ms = 0 };
	struct buf words = BUF_INIT(BUF_TEXT_MAX);
	int rc;

	if (name == NULL)
		return 0;
	rc = buf_printf(&words, e, "%s%s(a secret given)",
			looks != NULL ? looks : kind != NULL ? kind : "", " ");
	inc.name = mem_strdup(name);
	inc.words = mem_strdup(words.len > 0 ? words.p : "");
	inc.reason = mem_strdup(reason != NULL ? reason : "");
	inc.outcome = mem_strdup(state != NULL ? state : "");
	at = json_str(o, "opened");
	if (at == NULL || !clock_parse(at, &inc.opened_ms))
		inc.opened_ms = 0;
	at = json_str(o, "closed");
	if (at == NULL || !clock_parse(at, &inc.closed_ms))
		inc.closed_ms = 0;
	if (inc.name == NULL || inc.words == NULL || inc.reason == NULL ||
	    inc.outcome == NULL)
		rc = err_fail(e, ERR_NOMEM, NULL, "out of memory");
	if (rc == 0)
		rc = fn(&inc, arg, e);
	incident_release(&inc);
	buf_release(&words);
	return rc;
}

static int one(const char *folder, const char *name, record_fn fn, void *arg,
	       struct err *e)
{
	struct buf b = BUF_INIT(FILE_MAX);
	char *path = io_path(folder, name);
	struct json *o = NULL;
	int rc = 0;

	if (path == NULL)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	/* another's file, a damaged one: not in this list, 'show' says why */
	if (io_read_file(path, IO_ANY, FILE_MAX, &b, NULL) == 0)
		o = json_parse_max(b.p != NULL ? b.p : "", b.len, FILE_MAX, NULL);
	if (o != NULL && json_type(o) == JSON_OBJECT)
		rc = row_of(o, fn, arg, e);
	json_free(&o);
	mem_free(path);
	buf_release(&b);
	return rc;
}

int incident_files(const char *dir, record_fn fn, void *arg, struct err *e)
{
	char *folder = io_path(dir, "incidents");
	const struct dirent *de;
	DIR *d;
	int rc = 0;

	if (folder == NULL)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	d = opendir(folder);
	if (d == NULL && errno != ENOENT)
		rc = err_sys(e, folder, "list");
	while (d != NULL && rc == 0 && (de = readdir(d)) != NULL)
		if (de->d_name[0] != '.' && is_path(de->d_name))
			rc = one(folder, de->d_name, fn, arg, e);
	if (d != NULL)
		(void)closedir(d);
	mem_free(folder);
	return rc;
}
