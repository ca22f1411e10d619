/*
 * harden_landlock: which files a process can still reach, by Landlock.
 *
 * The constants are written out here because the distribution's header may be
 * older than the kernel; each line names the Landlock version ("ABI") that
 * brought it (Documentation/userspace-api/landlock.rst, Linux 6.15).  Only what
 * the running kernel knows is asked for.
 * Must never: widen what a caller asked for, except as harden.h says.
 */
#include "base/harden_in.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/lsan_interface.h>
#endif

/* The same numbers on every architecture. */
#define SYS_LANDLOCK_CREATE 444
#define SYS_LANDLOCK_ADD 445
#define SYS_LANDLOCK_RESTRICT 446
#define CREATE_VERSION 1u
#define RULE_PATH_BENEATH 1

#define BIT(n) (UINT64_C(1) << (n))
#define FS_EXECUTE BIT(0)
#define FS_WRITE_FILE BIT(1)
#define FS_READ_FILE BIT(2)
#define FS_READ_DIR BIT(3)
#define FS_REMOVE_DIR BIT(4)
#define FS_REMOVE_FILE BIT(5)
#define FS_MAKE_DIR BIT(7)
#define FS_MAKE_REG BIT(8)
#define FS_ALL_V1 (BIT(13) - 1)
#define FS_REFER BIT(13)     /* ABI 2 */
#define FS_TRUNCATE BIT(14)  /* ABI 3 */
#define FS_IOCTL_DEV BIT(15) /* ABI 5 */
#define NET_ALL (BIT(0) | BIT(1)) /* ABI 4: TCP bind and connect */
#define SCOPE_ABSTRACT BIT(0) /* ABI 6: abstract UNIX sockets outside */
#define SCOPE_SIGNAL BIT(1)   /* ABI 6: signals to processes outside */

/* What makes sense on a file; the kernel refuses others there. */
#define ON_FILE (FS_EXECUTE | FS_WRITE_FILE | FS_READ_FILE | FS_TRUNCATE | \
		 FS_IOCTL_DEV)

#define READ (FS_READ_FILE | FS_READ_DIR)
#define RUN (READ | FS_EXECUTE)
#define WRITE (READ | FS_WRITE_FILE | FS_TRUNCATE | FS_REMOVE_DIR | \
	       FS_REMOVE_FILE | FS_MAKE_DIR | FS_MAKE_REG | FS_REFER)
#define DEVICE (FS_READ_FILE | FS_WRITE_FILE | FS_IOCTL_DEV)

struct attr { /* struct landlock_ruleset_attr */
	uint64_t fs, net, scoped;
};

struct beneath { /* struct landlock_path_beneath_attr */
	uint64_t allowed;
	int32_t fd;
} __attribute__((packed));

struct rule {
	const char *path;
	uint64_t allowed;
};

/* Besides the paths that the vault needs. */
static const struct rule core_rules[] = {
	{ "/dev/null", DEVICE },
	{ "/dev/tty", DEVICE },
	{ "/dev/urandom", FS_READ_FILE },
	{ "/etc/localtime", FS_READ_FILE },
	{ "/usr/share/zoneinfo", READ },
	{ "/proc/sys/kernel/random/boot_id", FS_READ_FILE },
};

/* A helper is a dynamic program that resolves names and checks certificates.
 * Of /etc only what the C library, the name services, TLS, Kerberos and the
 * common interpreters read: the rest holds other people's keys, perhaps ours.
 * For the same reason no /usr/local/etc, /usr/etc, /opt and /etc/ssl/private. */
static const struct rule helper_rules[] = {
	{ "/usr/bin", RUN },	{ "/usr/sbin", RUN },
	{ "/usr/lib", RUN },	{ "/usr/lib32", RUN },
	{ "/usr/lib64", RUN },	{ "/usr/libx32", RUN },
	{ "/usr/libexec", RUN }, { "/usr/share", READ },
	{ "/usr/local/bin", RUN }, { "/usr/local/sbin", RUN },
	{ "/usr/local/lib", RUN }, { "/usr/local/lib64", RUN },
	{ "/usr/local/libexec", RUN }, { "/usr/local/share", READ },
	{ "/lib", RUN },	{ "/lib32", RUN },
	{ "/lib64", RUN },	{ "/libx32", RUN },
	{ "/bin", RUN },	{ "/sbin", RUN },
	{ "/nix/store", RUN },	{ "/gnu/store", RUN },
	/* loader, locale, time */
	{ "/etc/ld.so.cache", READ }, { "/etc/ld.so.conf", READ },
	{ "/etc/ld.so.conf.d", READ }, { "/etc/ld.so.preload", READ },
	{ "/etc/localtime", READ }, { "/etc/timezone", READ },
	{ "/etc/locale.alias", READ }, { "/etc/locale.conf", READ },
	{ "/etc/machine-id", READ }, { "/etc/hostname", READ },
	{ "/etc/os-release", READ },
	/* names */
	{ "/etc/resolv.conf", READ }, { "/etc/hosts", READ },
	{ "/etc/nsswitch.conf", READ }, { "/etc/host.conf", READ },
	{ "/etc/gai.conf", READ }, { "/etc/services", READ },
	{ "/etc/protocols", READ }, { "/etc/networks", READ },
	{ "/etc/passwd", READ }, { "/etc/group", READ },
	/* where resolv.conf really is */
	{ "/run/systemd/resolve", READ }, { "/run/resolvconf", READ },
	{ "/run/NetworkManager/resolv.conf", READ },
	/* TLS and Kerberos */
	{ "/etc/ssl/certs", READ }, { "/etc/ssl/openssl.cnf", READ },
	{ "/etc/ssl/cert.pem", READ }, { "/etc/ca-certificates", READ },
	{ "/etc/ca-certificates.conf", READ },
	{ "/etc/pki/tls/certs", READ }, { "/etc/pki/tls/cert.pem", READ },
	{ "/etc/pki/tls/openssl.cnf", READ },
	{ "/etc/pki/ca-trust", READ }, { "/etc/crypto-policies", READ },
	{ "/etc/gnutls/config", READ }, { "/etc/krb5.conf", READ },
	{ "/etc/krb5.conf.d", READ }, { "/etc/gss/mech.d", READ },
	{ "/etc/ldap/ldap.conf", READ }, { "/etc/openldap/ldap.conf", READ },
	/* a provider may be a script */
	{ "/etc/perl", READ },	{ "/etc/python3", READ },
	{ "/etc/python3.9", READ }, { "/etc/python3.10", READ },
	{ "/etc/python3.11", READ }, { "/etc/python3.12", READ },
	{ "/etc/python3.13", READ }, { "/etc/python3.14", READ },
	/* a process sees which others there are; into one of them it cannot
	 * look: Landlock refuses that between domains */
	{ "/proc", READ },	{ "/sys/devices/system", READ },
	{ "/dev/null", DEVICE }, { "/dev/zero", DEVICE },
	{ "/dev/full", DEVICE }, { "/dev/tty", DEVICE },
	{ "/dev/random", DEVICE }, { "/dev/urandom", DEVICE },
};

/* 0: none. */
static long version(void)
{
	long v;
#ifdef CURFEW_TEST
	if (getenv("CURFEW_NO_LANDLOCK"))
		return 0;
#endif
	v = syscall(SYS_LANDLOCK_CREATE, NULL, 0, CREATE_VERSION);
	/* version 1 (Linux 5.13 to 5.18) refuses every move between two folders,
	 * and a new vault is built in one and moved into another */
	return v > 1 ? v : 0;
}

bool harden_have_landlock(void)
{
	return version() > 0;
}

static uint64_t known_fs(long v)
{
	return FS_ALL_V1 | (v >= 2 ? FS_REFER : 0) |
	       (v >= 3 ? FS_TRUNCATE : 0) | (v >= 5 ? FS_IOCTL_DEV : 0);
}

static int new_ruleset(long v, const struct attr *wanted, struct err *e)
{
	struct attr a = { known_fs(v), v >= 4 ? wanted->net : 0,
			  v >= 6 ? wanted->scoped : 0 };
	/* an older kernel takes the shorter struct only */
	size_t size = v >= 6 ? 24 : v >= 4 ? 16 : 8;
	int fd = (int)syscall(SYS_LANDLOCK_CREATE, &a, size, 0);

	return fd >= 0 ? fd : err_sys(e, NULL, "make a Landlock ruleset");
}

static int add_fd(int set, long v, int fd, uint64_t allowed, const char *path,
		  struct err *e)
{
	struct beneath b = { .fd = fd };
	struct stat st;

	if (fstat(fd, &st) != 0)
		return err_sys(e, path, "stat");
	b.allowed = allowed & known_fs(v);
	if (!S_ISDIR(st.st_mode))
		b.allowed &= ON_FILE;
	if (syscall(SYS_LANDLOCK_ADD, set, RULE_PATH_BENEATH, &b, 0) != 0)
		return err_sys(e, path, "allow with Landlock");
	return 0;
}

/* The directory of a file that is still to be made; -1 if it will not do. */
static int open_parent(const char *path)
{
	const char *slash = strrchr(path, '/');
	struct stat st;
	char *dir;
	int fd;

	if (!slash || slash == path)
		return -1;
	dir = mem_strndup(path, (size_t)(slash - path));
	fd = dir ? open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
	mem_free(dir);
	if (fd >= 0 && (fstat(fd, &st) != 0 || (st.st_mode & S_IWOTH))) {
		close(fd);
		fd = -1;
	}
	return fd;
}

static int add_path(int set, long v, const struct rule *r, struct err *e)
{
	int fd = open(r->path, O_PATH | O_CLOEXEC), rc;

	if (fd < 0 && errno == ENOENT && (r->allowed & FS_MAKE_REG))
		fd = open_parent(r->path);
	if (fd < 0)
		return 0; /* what cannot be opened stays out of reach */
	rc = add_fd(set, v, fd, r->allowed, r->path, e);
	close(fd);
	return rc;
}

static int restrict_to(const struct rule *always, size_t n_always,
		       const struct harden_path *paths, size_t n,
		       uint64_t reading, const struct attr *wanted,
		       struct err *e)
{
	long v = version();
	int set, rc = -1;

	set = new_ruleset(v, wanted, e);
	if (set < 0)
		return -1;
	for (size_t i = 0; i < n_always; i++)
		if (add_path(set, v, &always[i], e) != 0)
			goto out;
	for (size_t i = 0; i < n; i++) {
		struct rule r = { paths[i].path,
				  paths[i].write ? WRITE : reading };

		if (add_path(set, v, &r, e) != 0)
			goto out;
	}
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	/* make sanitize: also who is in here writes its report */
	const struct rule reports = { getenv("CURFEW_REPORTS"), WRITE };

	if (reports.path && add_path(set, v, &reports, e) != 0)
		goto out;
#endif
	if (syscall(SYS_LANDLOCK_RESTRICT, set, 0) != 0) {
		err_sys(e, NULL, "enter the Landlock sandbox");
		goto out;
	}
	rc = 0;
out:
	close(set);
	return rc;
}

static int no_new_privileges(struct err *e)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return err_sys(e, NULL, "give up new privileges");
	return 0;
}

int harden_core(const struct harden_path *paths, size_t n, struct err *e)
{
	static const struct attr all = { 0, NET_ALL,
					 SCOPE_ABSTRACT | SCOPE_SIGNAL };

#ifdef __SANITIZE_ADDRESS__
	/* the leak check at the end needs threads and ptrace: do it now */
	__lsan_do_leak_check();
#endif
	if (no_new_privileges(e) != 0)
		return -1;
	if (!harden_have_landlock())
		log_line(LOG_WARNING, "this kernel has no Landlock: files are "
				      "guarded by their permissions only");
	else if (restrict_to(core_rules,
			     sizeof(core_rules) / sizeof(core_rules[0]), paths,
			     n, READ, &all, e) != 0)
		return -1;
	return harden_seccomp(e);
}

static int helper(const struct harden_path *paths, size_t n, uint64_t scoped,
		  struct err *e)
{
	/* abstract sockets stay: a desktop's message bus may be one */
	const struct attr some = { 0, 0, scoped };

	if (no_new_privileges(e) != 0 || harden_caps(e) != 0)
		return -1;
	if (!harden_have_landlock())
		return 0; /* the core has warned */
	return restrict_to(helper_rules,
			   sizeof(helper_rules) / sizeof(helper_rules[0]),
			   paths, n, RUN, &some, e);
}

int harden_helper(const struct harden_path *paths, size_t n, struct err *e)
{
	return helper(paths, n, SCOPE_SIGNAL, e);
}

int harden_helper_signals(const struct harden_path *paths, size_t n, struct err *e)
{
	return helper(paths, n, 0, e);
}

int harden_reader(const struct harden_path *paths, size_t n, struct err *e)
{
	static const struct attr all = { 0, NET_ALL,
					 SCOPE_ABSTRACT | SCOPE_SIGNAL };

#ifdef __SANITIZE_ADDRESS__
	__lsan_do_leak_check(); /* as in harden_core() */
#endif
	if (no_new_privileges(e) != 0)
		return -1;
	/* without Landlock no word: a pusher would read it at each push */
	if (n != 0 && harden_have_landlock() &&
	    restrict_to(core_rules, sizeof(core_rules) / sizeof(core_rules[0]),
			paths, n, READ, &all, e) != 0)
		return -1;
	return harden_seccomp_reader(e);
}
