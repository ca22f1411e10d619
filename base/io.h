/*
 * io: files, the one door to the disk.
 *
 * Opens never follow a final symbolic link and always close on exec; checks
 * look at the open descriptor; writes are temp + fsync + rename +
 * fsync(directory), so a reader sees the old file or the new one.
 */
#ifndef BASE_IO_H
#define BASE_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/secret.h"

enum io_check {
	IO_ANY = 0,
	IO_PRIVATE = 1, /* owner is us or root, no access for group and others */
	IO_OWNED = 2,	/* owner is us or root, not writable by others */
};

int io_read_file(const char *path, enum io_check check, size_t max,
		 struct buf *out, struct err *e)
	__attribute__((warn_unused_result));

/* A secret from a file: one trailing newline is dropped.  "-" is stdin. */
int io_read_secret(const char *path, enum io_check check, struct secret **out,
		   struct err *e) __attribute__((warn_unused_result));
int io_read_secret_fd(int fd, struct secret **out, struct err *e)
	__attribute__((warn_unused_result));

/* Ask on the terminal (/dev/tty) without echo.  ERR_UNSUPPORTED when there is
 * none.  `confirm` asks twice and compares. */
int io_prompt_secret(const char *prompt, bool confirm, struct secret **out,
		     struct err *e) __attribute__((warn_unused_result));
/* Ask for a line with echo, e.g. a typed confirmation. */
int io_prompt_line(const char *prompt, struct buf *out, struct err *e)
	__attribute__((warn_unused_result));

/* Replace or create; keeps owner and mode of an existing file when mode is 0. */
int io_write_atomic(const char *path, const void *p, size_t n, mode_t mode,
		    struct err *e) __attribute__((warn_unused_result));
/* Fails with ERR_EXISTS rather than replace. */
int io_create(const char *path, const void *p, size_t n, mode_t mode,
	      struct err *e) __attribute__((warn_unused_result));

/* rename(2), replacing, and synced so that it lasts. */
int io_move(const char *from, const char *to, struct err *e)
	__attribute__((warn_unused_result));
/* What another writer (SQLite) left in the file, onto the disk. */
int io_sync(const char *path, struct err *e) __attribute__((warn_unused_result));

int io_mkdirs(const char *path, mode_t mode, struct err *e)
	__attribute__((warn_unused_result));

/* An advisory lock held by the returned fd (flock); -1 + ERR_BUSY when held,
 * the message names the holder's pid when the file tells it. */
int io_lock(const char *path, struct err *e) __attribute__((warn_unused_result));

int io_write_all(int fd, const void *p, size_t n, struct err *e)
	__attribute__((warn_unused_result));

/* dir + "/" + name, mem_free it. */
char *io_path(const char *dir, const char *name);

#endif
