/*
 * sdnotify: see sdnotify.h.  Must never block: a full queue loses the message.
 */
#include "agent/sdnotify.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/text.h"

static char place[sizeof(((struct sockaddr_un *)0)->sun_path)];
static int64_t watchdog_ms;
static int sock = -1;

void sdnotify_note_environ(void)
{
	const char *where = secure_getenv("NOTIFY_SOCKET");
	const char *usec = secure_getenv("WATCHDOG_USEC");
	const char *pid = secure_getenv("WATCHDOG_PID");
	int64_t n, us;

	if (where != NULL && (where[0] == '/' || where[0] == '@') &&
	    where[1] != '\0' && strlen(where) < sizeof place)
		memcpy(place, where, strlen(where) + 1);
	if (usec == NULL || !text_int(usec, 1, INT64_MAX, &us))
		return;
	if (pid != NULL && (!text_int(pid, 1, INT32_MAX, &n) || n != getpid()))
		return; /* meant for another process */
	watchdog_ms = us / 1000;
}

int sdnotify_open(struct err *e)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	socklen_t len;

	if (place[0] == '\0')
		return 0;
	memcpy(to.sun_path, place, strlen(place));
	len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(place));
	if (place[0] == '@')
		to.sun_path[0] = '\0';
	else
		len++;
	sock = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (sock < 0)
		return err_sys(e, place, "make a socket");
	if (connect(sock, (const struct sockaddr *)&to, len) < 0) {
		(void)err_sys(e, place, "connect to $NOTIFY_SOCKET");
		(void)err_ctx(e, NULL, "tell systemd");
		(void)close(sock);
		sock = -1;
		return -1;
	}
	return 0;
}

void sdnotify(const char *fmt, ...)
{
	char text[600];
	va_list ap;
	int n;

	if (sock < 0)
		return;
	va_start(ap, fmt);
	n = vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	if (n > 0)
		(void)!send(sock, text, n < (int)sizeof text ? (size_t)n :
							       sizeof text - 1,
			    MSG_NOSIGNAL);
}

int64_t sdnotify_watchdog_ms(void)
{
	return sock >= 0 ? watchdog_ms : 0;
}
