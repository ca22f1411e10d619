/*
 * host: see host.h.
 */
#include "base/host.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

#define NAME_MAX_LEN 253
#define LABEL_MAX 63

static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
static const char digits[] = "0123456789";

static bool v4(const char *host, struct in_addr *a)
{
	return inet_pton(AF_INET, host, a) == 1;
}

/* "[…]" without its brackets. */
static bool v6(const char *host, struct in6_addr *a)
{
	char text[INET6_ADDRSTRLEN];
	const size_t n = strlen(host);

	if (n < 4 || n - 2 >= sizeof(text) || host[0] != '[' || host[n - 1] != ']')
		return false;
	memcpy(text, host + 1, n - 2);
	text[n - 2] = '\0';
	return inet_pton(AF_INET6, text, a) == 1;
}

bool host_loopback(const char *host)
{
	struct in6_addr six;
	struct in_addr four;

	if (!strcmp(host, "localhost"))
		return true;
	if (v4(host, &four))
		return (ntohl(four.s_addr) >> 24) == 127;
	return v6(host, &six) &&
	       memcmp(&six, &in6addr_loopback, sizeof(six)) == 0;
}

/* A name, or an address written out.  "127.1" and "0x7f000001" are addresses to
 * some programs and names to others: neither is taken. */
static bool host_ok(const char *host)
{
	const char *last = strrchr(host, '.');
	struct in6_addr six;
	struct in_addr four;

	if (*host == '[')
		return v6(host, &six);
	if (v4(host, &four))
		return true;
	last = last ? last + 1 : host;
	if (!*host || strlen(host) > NAME_MAX_LEN || strchr(digits, *last))
		return false;
	for (const char *p = host; *p;) {
		const size_t n = strcspn(p, ".");

		if (n == 0 || n > LABEL_MAX || *p == '-' || p[n - 1] == '-')
			return false;
		for (size_t i = 0; i < n; i++)
			if (!strchr(letters, p[i]) && !strchr(digits, p[i]) &&
			    p[i] != '-' && p[i] != '_')
				return false;
		p += n;
		if (*p == '.' && !*++p)
			return false;
	}
	return true;
}

static bool path_ok(const char *path)
{
	for (const char *p = path; *p; p++) {
		if (*p != '/' && !strchr(letters, *p) && !strchr(digits, *p) &&
		    !strchr("-._~", *p))
			return false;
		if (*p == '/' && (p[1] == '/' || p[1] == '.'))
			return false;
	}
	return true;
}

static int wrong(const char *given, const char *why, struct err *e)
{
	(void)err_fail(e, ERR_USAGE, given, "%s", why);
	err_hint(e, "a host looks like git.example.com, git.example.com:8443, "
		 "https://git.example.com or http://127.0.0.1:8080");
	return -1;
}

int host_address(const char *given, char *out, size_t cap, struct err *e)
{
	const char *at = strstr(given, "://"), *scheme = "https";
	char host[NAME_MAX_LEN + 3];
	int64_t port = 0;
	size_t n;

	if (at && !strncmp(given, "http://", 7))
		scheme = "http";
	else if (at && strncmp(given, "https://", 8) != 0)
		return wrong(given, "its scheme is neither https nor http", e);
	given = at ? at + 3 : given;
	n = *given == '[' ? strcspn(given, "]") + 1 : strcspn(given, ":/");
	if (n > strlen(given) || n >= sizeof(host))
		return wrong(given, "that is not the name of a host", e);
	memcpy(host, given, n);
	host[n] = '\0';
	if (!host_ok(host))
		return wrong(given, *host ? "that is not the name of a host" :
					    "there is no host in it", e);
	at = given + n;
	if (*at == ':') {
		char text[8];

		n = strspn(++at, digits);
		(void)snprintf(text, sizeof(text), "%.*s", (int)(n < 7 ? n : 7), at);
		if (n > 5 || !text_int(text, 1, 65535, &port))
			return wrong(given, "its port is not one of 1 to 65535", e);
		at += n;
	}
	if (*at && (*at != '/' || !path_ok(at)))
		return wrong(given, "there is more than a host in it", e);
	if (!strcmp(scheme, "http") && !host_loopback(host))
		return wrong(given, "plain http is spoken to this machine only "
			     "(localhost, 127.…, [::1]): https, please", e);
	if ((size_t)snprintf(out, cap, "%s://%s", scheme, given) >= cap)
		return wrong(given, "that is too long", e);
	for (n = strlen(out); out[n - 1] == '/'; n--)
		out[n - 1] = '\0';
	return 0;
}
