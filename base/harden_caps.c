/*
 * harden_caps: the capabilities that a helper started by root keeps.
 *
 * Promises: neither this process nor what it executes has more than `kept`
 * again, also as user 0; the bounding set, and no new privileges, hold that.
 * Must never: keep one that reaches past the files Landlock allows, such as
 * CAP_SYS_ADMIN, CAP_MKNOD, CAP_SYS_RAWIO, CAP_SYSLOG or CAP_BPF.
 */
#include "base/harden_in.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CAPS_MAX 64 /* capset() knows no more */
#define CAP(n) (UINT64_C(1) << (n))

/* What ending a key on this machine takes: change another user's file and give
 * it back to him, and end his sessions. */
static const uint64_t kept = CAP(CAP_CHOWN) | CAP(CAP_DAC_OVERRIDE) |
			     CAP(CAP_FOWNER) | CAP(CAP_KILL);

int harden_caps(struct err *e)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct set[2];

	/* EINVAL: the kernel knows no more of them; EPERM: a user without
	 * CAP_SETPCAP, who gains none by exec either (no new privileges) */
	for (int c = 0; c < CAPS_MAX; c++)
		if ((kept & CAP(c)) == 0 &&
		    prctl(PR_CAPBSET_DROP, c, 0, 0, 0) != 0 &&
		    errno != EINVAL && errno != EPERM)
			return err_sys(e, NULL, "limit the capabilities");
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0 &&
	    errno != EINVAL) /* before Linux 4.3 */
		return err_sys(e, NULL, "clear the ambient capabilities");
	if (syscall(SYS_capget, &head, set) != 0)
		return err_sys(e, NULL, "read the capabilities");
	for (int i = 0; i < 2; i++) {
		const uint32_t mask = (uint32_t)(kept >> (32 * i));

		set[i].permitted &= mask;
		set[i].effective = set[i].permitted;
		set[i].inheritable = 0;
	}
	if (syscall(SYS_capset, &head, set) != 0)
		return err_sys(e, NULL, "give up capabilities");
	return 0;
}
