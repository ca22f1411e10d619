/*
 * harden_seccomp: the system calls that the core may still make.
 *
 * An allow-list: whatever is not here answers EPERM, so a new kernel's new call
 * is refused too.  Calls whose danger lies in an argument are in their own
 * list with the condition.
 * A reader has a list of what it may not call instead: it maps code (PCRE2's
 * compiler makes some) and starts threads.
 * Must never: let through a call that makes a socket, a process, a thread,
 * executable memory, or reaches into another process.
 */
#include "base/harden_in.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <termios.h>
#include <unistd.h>

/* By name: an architecture that lacks one (arm64 has no open) skips it. */
static const char *const plain[] = {
	/* open files; SQLite's WAL, shared memory and locks */
	"read", "pread64", "readv", "preadv", "write", "pwrite64", "writev",
	"pwritev", "close", "lseek", "fsync", "fdatasync", "flock",
	"ftruncate", "fallocate", "fstat", "fstatfs", "fchmod", "fchown",
	"dup", "dup2", "dup3", "pipe", "pipe2",
	/* names; Landlock says which */
	"open", "openat", "stat", "lstat", "newfstatat", "statx", "statfs",
	"access", "faccessat", "faccessat2", "readlink", "readlinkat",
	"rename", "renameat", "renameat2", "link", "linkat", "unlink",
	"unlinkat", "mkdir", "mkdirat", "rmdir", "chmod", "fchmodat", "truncate",
	"utimensat", "getdents64", "getcwd", "umask",
	/* waiting, and the pipes to the helpers; recvmsg takes descriptors
	 * from the launcher over a socket that is already there */
	"poll", "ppoll", "select", "pselect6", "epoll_create1", "epoll_ctl",
	"epoll_wait", "epoll_pwait", "eventfd2", "signalfd4", "timerfd_create",
	"timerfd_settime", "recvmsg", "sendmsg", "shutdown", "wait4", "waitid",
	/* memory */
	"brk", "munmap", "mremap", "madvise", "mlock", "mlock2", "munlock",
	/* time, randomness, signals, ending */
	"clock_gettime", "clock_getres", "clock_nanosleep", "gettimeofday",
	"nanosleep", "time", "getrandom", "futex", "rt_sigaction",
	"rt_sigprocmask", "rt_sigreturn", "rt_sigpending", "rt_sigtimedwait",
	"sigaltstack", "restart_syscall", "sched_yield", "exit", "exit_group",
	/* who and where we are */
	"getpid", "gettid", "getppid", "getuid", "geteuid", "getgid",
	"getegid", "getgroups", "getrusage", "sysinfo", "uname",
	"sched_getaffinity", "rseq", "set_robust_list", "set_tid_address",
};

/* Terminal settings only; above all not TIOCSTI, which types for the user. */
static const unsigned long ioctls[] = {
	TCGETS, TCSETS, TCSETSW, TCSETSF, TIOCGWINSZ, FIONREAD,
};

/* Flags and locks; not F_SETOWN, which makes the kernel signal others. */
static const unsigned long fcntls[] = {
	F_DUPFD, F_DUPFD_CLOEXEC, F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_GETLK,
	F_SETLK, F_SETLKW, F_OFD_GETLK, F_OFD_SETLK, F_OFD_SETLKW,
};

static int allow(scmp_filter_ctx f, const char *name,
		 const struct scmp_arg_cmp *cmp, unsigned n_cmp)
{
	int no = seccomp_syscall_resolve_name(name), rc;

	if (no == __NR_SCMP_ERROR)
		return 0; /* unknown to this libseccomp */
	rc = seccomp_rule_add_array(f, SCMP_ACT_ALLOW, no, n_cmp, cmp);
	return rc == -EDOM ? 0 : rc; /* not on this architecture */
}

/* One call, with its second argument (32 bits) one of the list. */
static int allow_each(scmp_filter_ctx f, const char *name,
		      const unsigned long *list, size_t n)
{
	int rc = 0;

	for (size_t i = 0; i < n && rc == 0; i++) {
		const struct scmp_arg_cmp which =
			SCMP_A1(SCMP_CMP_MASKED_EQ, 0xffffffff, list[i]);

		rc = allow(f, name, &which, 1);
	}
	return rc;
}

static int allow_conditional(scmp_filter_ctx f)
{
	const struct scmp_arg_cmp no_exec =
		SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0);
	const struct scmp_arg_cmp own_limits = SCMP_A0(SCMP_CMP_EQ, 0, 0);
	const struct scmp_arg_cmp myself =
		SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid(), 0);
	/* send() and recv(); an address would reach past the socket's peer */
	const struct scmp_arg_cmp no_address = SCMP_A4(SCMP_CMP_EQ, 0, 0);
	int rc = allow_each(f, "ioctl", ioctls,
			    sizeof(ioctls) / sizeof(ioctls[0]));

	if (rc == 0)
		rc = allow_each(f, "fcntl", fcntls,
				sizeof(fcntls) / sizeof(fcntls[0]));
	if (rc == 0)
		rc = allow(f, "mmap", &no_exec, 1);
	if (rc == 0)
		rc = allow(f, "mprotect", &no_exec, 1);
	if (rc == 0)
		rc = allow(f, "prlimit64", &own_limits, 1);
	if (rc == 0)
		rc = allow(f, "tgkill", &myself, 1); /* abort(), raise() */
	if (rc == 0)
		rc = allow(f, "sendto", &no_address, 1);
	if (rc == 0)
		rc = allow(f, "recvfrom", &no_address, 1);
	return rc;
}

int harden_seccomp(struct err *e)
{
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int rc = 0;

	if (!f)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	/* calls of a foreign kind (32-bit, x32) are no mistake but an attack */
	rc = seccomp_attr_set(f, SCMP_FLTATR_ACT_BADARCH,
			      SCMP_ACT_KILL_PROCESS);
	if (rc == 0)
		rc = seccomp_attr_set(f, SCMP_FLTATR_CTL_TSYNC, 1);
	for (size_t i = 0; rc == 0 && i < sizeof(plain) / sizeof(plain[0]); i++)
		rc = allow(f, plain[i], NULL, 0);
	if (rc == 0)
		rc = allow_conditional(f);
	if (rc == 0)
		rc = seccomp_load(f);
	seccomp_release(f);
	if (rc != 0)
		return err_fail(e, ERR_UNSUPPORTED, NULL,
				"the kernel takes no system call filter: %s",
				strerror(-rc));
	return 0;
}

/* The network, other programs, other processes, and the doors of the kernel that
 * a file's reader has no business at. */
static const char *const not_for_readers[] = {
	"socket", "socketpair", "connect", "bind", "listen", "accept", "accept4",
	"execve", "execveat", "fork", "vfork", "ptrace", "process_vm_readv",
	"process_vm_writev", "pidfd_open", "pidfd_getfd", "kill", "tkill",
	"bpf", "io_uring_setup", "perf_event_open", "userfaultfd", "keyctl",
	"add_key", "request_key", "mount", "umount2", "pivot_root", "chroot",
	"unshare", "setns", "init_module", "finit_module", "kexec_load",
};

int harden_seccomp_reader(struct err *e)
{
	const struct scmp_arg_cmp process =
		SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0);
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_ALLOW);
	int rc = 0;

	if (!f)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	rc = seccomp_attr_set(f, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	for (size_t i = 0; rc == 0 && i < sizeof(not_for_readers) /
						  sizeof(not_for_readers[0]); i++) {
		int no = seccomp_syscall_resolve_name(not_for_readers[i]);

		if (no != __NR_SCMP_ERROR)
			rc = seccomp_rule_add_array(f, SCMP_ACT_ERRNO(EPERM), no,
						    0, NULL);
		rc = rc == -EDOM ? 0 : rc; /* not on this architecture */
	}
	if (rc == 0)
		rc = seccomp_rule_add_array(f, SCMP_ACT_ERRNO(EPERM),
					    SCMP_SYS(clone), 1, &process);
	/* its flags lie in memory; the C library then takes clone() */
	if (rc == 0)
		rc = seccomp_rule_add_array(f, SCMP_ACT_ERRNO(ENOSYS),
					    SCMP_SYS(clone3), 0, NULL);
	if (rc == 0)
		rc = seccomp_load(f);
	seccomp_release(f);
	if (rc != 0)
		return err_fail(e, ERR_UNSUPPORTED, NULL,
				"the kernel takes no system call filter: %s",
				strerror(-rc));
	return 0;
}
