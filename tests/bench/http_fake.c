/*
 * http_fake: a service quick enough to measure against: one thread, epoll, an
 * answer DELAY ms after its request, many requests under way on as many
 * kept-alive connections.
 *
 *   http_fake COUNT DELAY_MS      prints its port; serves until it is killed
 *
 * COUNT keys "k0"…, ten to a robot: GET /robots?page=, GET /robots/R/keys, GET
 * and DELETE /keys/K, as providers/http's example definition describes them.
 * GET /stat tells how many requests, connections, the most at once, and when
 * (ms) the first and last DELETE came and was answered.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CONNS 512
#define PER_ROBOT 10
#define PER_PAGE 100
#define IN_MAX 8192
#define OUT_MAX 65536

struct conn {
	int fd;
	size_t got;
	int64_t due; /* when the answer goes out; 0: none under way */
	bool del;
	char in[IN_MAX];
	char *out;
	size_t out_len;
};

static struct conn conns[CONNS];
static unsigned char *ended;
static long count, delay_ms;
static long requests, opened, now_open, busy, most, deletes;
static int64_t first_delete, last_delete;

static int64_t now_us(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static size_t put(char *b, size_t at, const char *fmt, long n, long m)
{
	int len = snprintf(b + at, OUT_MAX - at, fmt, n, m);

	return len < 0 || at + (size_t)len >= OUT_MAX ? at : at + (size_t)len;
}

static size_t robots(char *b, long page)
{
	const long all = (count + PER_ROBOT - 1) / PER_ROBOT;
	size_t n = put(b, 0, "{\"robots\":[", 0, 0);

	for (long r = page * PER_PAGE; r < all && r < (page + 1) * PER_PAGE; r++)
		n = put(b, n, r % PER_PAGE ? ",{\"name\":\"robot-%ld\"}" :
					     "{\"name\":\"robot-%ld\"}", r, 0);
	n = put(b, n, "]", 0, 0);
	if ((page + 1) * PER_PAGE < all)
		n = put(b, n, ",\"next\":\"/robots?page=%ld\"", page + 1, 0);
	return put(b, n, "}", 0, 0);
}

static size_t keys(char *b, long robot)
{
	size_t n = put(b, 0, "[", 0, 0);
	bool some = false;

	for (long k = robot * PER_ROBOT; k < count && k < (robot + 1) * PER_ROBOT; k++) {
		if (ended[k])
			continue;
		n = put(b, n, some ? ",{\"id\":\"k%ld\",\"made\":1767225600}" :
				     "{\"id\":\"k%ld\",\"made\":1767225600}", k, 0);
		some = true;
	}
	return put(b, n, "]", 0, 0);
}

static size_t stat_of(char *b)
{
	size_t n = put(b, 0, "{\"requests\":%ld,\"connections\":%ld", requests, opened);

	n = put(b, n, ",\"most\":%ld,\"deletes\":%ld", most, deletes);
	return put(b, n, ",\"first_us\":%ld,\"last_us\":%ld}", (long)first_delete,
		   (long)last_delete);
}

static void answer(struct conn *c)
{
	static char body[OUT_MAX];
	const char *status = "200 OK";
	bool known = strstr(c->in, "Authorization: Key wiki-admin-key-0000") != NULL;
	bool stat = !strncmp(c->in, "GET /stat ", 10);
	size_t n = 0;
	long at;

	c->del = !strncmp(c->in, "DELETE ", 7);
	if (stat) {
		n = stat_of(body);
	} else if (!known) {
		status = "401 Unauthorized";
		n = put(body, 0, "{\"error\":\"no such key\"}", 0, 0);
	} else if (sscanf(c->in, "GET /robots/robot-%ld/keys", &at) == 1) {
		n = keys(body, at);
	} else if (!strncmp(c->in, "GET /robots", 11)) {
		n = robots(body, sscanf(c->in, "GET /robots?page=%ld", &at) == 1 ? at : 0);
	} else if (sscanf(c->in, c->del ? "DELETE /keys/k%ld" : "GET /keys/k%ld", &at) == 1 &&
		   at >= 0 && at < count) {
		if (c->del) {
			ended[at] = 1;
			status = "204 No Content";
			deletes++;
			if (!first_delete)
				first_delete = now_us();
		} else {
			n = put(body, 0, ended[at] ? "{\"ended\":true}" :
						     "{\"ended\":false}", 0, 0);
		}
	} else {
		status = "404 Not Found";
		n = put(body, 0, "{\"error\":\"nothing here\"}", 0, 0);
	}
	free(c->out);
	c->out = malloc(n + 200);
	if (!c->out)
		abort();
	c->out_len = (size_t)snprintf(c->out, 200, "HTTP/1.1 %s\r\nContent-Type: "
				      "application/json\r\nContent-Length: %zu\r\n\r\n",
				      status, n);
	if (c->del) /* 204 has no length */
		c->out_len = (size_t)snprintf(c->out, 200, "HTTP/1.1 %s\r\n\r\n", status);
	memcpy(c->out + c->out_len, body, n);
	c->out_len += n;
	c->due = now_us() + (stat ? 0 : delay_ms * 1000);
	requests += !stat;
	busy++;
	most = busy > most ? busy : most;
}

static void shut(struct conn *c)
{
	(void)close(c->fd);
	free(c->out);
	busy -= c->due != 0;
	memset(c, 0, sizeof(*c));
	c->fd = -1;
	now_open--;
}

/* Requests come with an empty body or one of a known, short length. */
static void take(struct conn *c)
{
	ssize_t n = read(c->fd, c->in + c->got, sizeof(c->in) - 1 - c->got);

	if (n <= 0) {
		if (n == 0 || errno != EAGAIN)
			shut(c);
		return;
	}
	c->got += (size_t)n;
	c->in[c->got] = '\0';
	if (!c->due && strstr(c->in, "\r\n\r\n"))
		answer(c);
}

static void send_due(struct conn *c)
{
	(void)!write(c->fd, c->out, c->out_len);
	if (c->del)
		last_delete = now_us();
	c->due = 0;
	c->got = 0;
	busy--;
}

static int accept_all(int ep, int listener)
{
	int fd;

	while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		int i = 0, on = 1;
		struct epoll_event ev = { .events = EPOLLIN };

		while (i < CONNS && conns[i].fd >= 0)
			i++;
		if (i == CONNS)
			return -1;
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		conns[i].fd = fd;
		ev.data.u32 = (uint32_t)i;
		if (epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev))
			return -1;
		opened++;
		now_open++;
	}
	return 0;
}

static int loop(int listener)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.u32 = CONNS }, got[64];
	int ep = epoll_create1(EPOLL_CLOEXEC);

	if (ep < 0 || epoll_ctl(ep, EPOLL_CTL_ADD, listener, &ev))
		return 1;
	for (;;) {
		int64_t next = INT64_MAX, now;
		struct timespec wait;
		int n;

		for (int i = 0; i < CONNS; i++)
			if (conns[i].fd >= 0 && conns[i].due && conns[i].due < next)
				next = conns[i].due;
		now = now_us();
		next = next == INT64_MAX ? 1000000 : next > now ? next - now : 0;
		wait = (struct timespec){ next / 1000000, next % 1000000 * 1000 };
		n = epoll_pwait2(ep, got, 64, &wait, NULL);
		for (int i = 0; i < n; i++) {
			if (got[i].data.u32 < CONNS)
				take(&conns[got[i].data.u32]);
			else if (accept_all(ep, listener))
				return 1;
		}
		now = now_us();
		for (int i = 0; i < CONNS; i++)
			if (conns[i].fd >= 0 && conns[i].due && conns[i].due <= now)
				send_due(&conns[i]);
	}
}

int main(int argc, char **argv)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (argc != 3)
		return 2;
	count = strtol(argv[1], NULL, 10);
	delay_ms = strtol(argv[2], NULL, 10);
	ended = calloc((size_t)(count > 0 ? count : 1), 1);
	for (int i = 0; i < CONNS; i++)
		conns[i].fd = -1;
	(void)signal(SIGPIPE, SIG_IGN);
	if (!ended || fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) || listen(fd, 128) ||
	    getsockname(fd, (struct sockaddr *)&a, &len))
		return 1;
	printf("%d\n", ntohs(a.sin_port));
	(void)fflush(stdout);
	return loop(fd);
}
