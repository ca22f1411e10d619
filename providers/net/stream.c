/*
 * stream: bytes over libcurl's CONNECT_ONLY (stream.h).
 *
 * Must never send anything before the peer's certificate was verified, nor wait
 * past a deadline.
 */
#include "providers/net/stream.h"

#include <curl/curl.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

struct net_stream {
	CURL *easy;
	curl_socket_t fd;
	char address[64], own[80];
};

static bool set_url(CURL *c, const struct net_place *p)
{
	const char *scheme = p->tls ? "https" : "http";
	bool six = p->host && strchr(p->host, ':');
	char url[400], to[200];
	struct curl_slist *pin;

	if (p->socket) {
		curl_easy_setopt(c, CURLOPT_UNIX_SOCKET_PATH, p->socket);
		(void)snprintf(url, sizeof(url), "%s://localhost", scheme);
	} else {
		(void)snprintf(url, sizeof(url), six ? "%s://[%s]:%s" : "%s://%s:%s",
			       scheme, p->host, p->port);
	}
	if (curl_easy_setopt(c, CURLOPT_URL, url))
		return false;
	if (p->socket || !p->address || !*p->address)
		return true;
	(void)snprintf(to, sizeof(to), strchr(p->address, ':') ? "::[%s]:%s" : "::%s:%s",
		       p->address, p->port);
	pin = curl_slist_append(NULL, to);
	/* owned by the handle's private pointer until it is closed */
	curl_easy_setopt(c, CURLOPT_PRIVATE, pin);
	return pin && !curl_easy_setopt(c, CURLOPT_CONNECT_TO, pin);
}

static bool set_up(CURL *c, const struct net_place *p, char *error)
{
	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, error);
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_PROXY, "");
	curl_easy_setopt(c, CURLOPT_CONNECT_ONLY, 1L);
	curl_easy_setopt(c, CURLOPT_FRESH_CONNECT, 1L);
	curl_easy_setopt(c, CURLOPT_SSL_ENABLE_ALPN, 0L);
	curl_easy_setopt(c, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, (long)p->connect_ms);
	curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, (long)p->connect_ms);
	if (p->tls && p->cafile)
		curl_easy_setopt(c, CURLOPT_CAINFO, p->cafile);
	if (p->tls && p->cert)
		curl_easy_setopt(c, CURLOPT_SSLCERT, p->cert);
	if (p->tls && p->key)
		curl_easy_setopt(c, CURLOPT_SSLKEY, p->key);
	return set_url(c, p);
}

static void own_end(struct net_stream *s, const struct net_place *p)
{
	char *ip = NULL;
	long port = 0;

	if (p->socket || curl_easy_getinfo(s->easy, CURLINFO_LOCAL_IP, &ip) || !ip ||
	    curl_easy_getinfo(s->easy, CURLINFO_LOCAL_PORT, &port))
		return;
	(void)snprintf(s->own, sizeof(s->own), strchr(ip, ':') ? "[%s]:%ld" : "%s:%ld",
		       ip, port);
}

int net_stream_open(const struct net_place *p, struct net_stream **out,
		    char why[NET_WHY])
{
	struct net_stream *s = mem_zalloc(sizeof(*s));
	char error[CURL_ERROR_SIZE] = "";
	struct err e = ERR_INIT;
	CURLcode rc = CURLE_OUT_OF_MEMORY;
	char *ip = NULL;

	*out = NULL;
	if (net_library(&e)) {
		(void)snprintf(why, NET_WHY, "%.*s", NET_WHY - 1, e.cause);
		mem_free(s);
		return -1;
	}
	if (s)
		s->easy = curl_easy_init();
	if (s && s->easy && set_up(s->easy, p, error))
		rc = curl_easy_perform(s->easy);
	if (rc == CURLE_OK)
		rc = curl_easy_getinfo(s->easy, CURLINFO_ACTIVESOCKET, &s->fd);
	if (rc != CURLE_OK) {
		(void)snprintf(why, NET_WHY, "%.*s", NET_WHY - 1,
			       error[0] ? error : curl_easy_strerror(rc));
		net_stream_close(&s);
		return -1;
	}
	curl_easy_setopt(s->easy, CURLOPT_ERRORBUFFER, NULL);
	if (!p->socket && !curl_easy_getinfo(s->easy, CURLINFO_PRIMARY_IP, &ip) && ip)
		(void)snprintf(s->address, sizeof(s->address), "%s", ip);
	own_end(s, p);
	*out = s;
	return 0;
}

void net_stream_close(struct net_stream **s)
{
	struct curl_slist *pin = NULL;

	if (*s && (*s)->easy) {
		curl_easy_getinfo((*s)->easy, CURLINFO_PRIVATE, &pin);
		curl_easy_cleanup((*s)->easy);
		curl_slist_free_all(pin);
	}
	mem_free(*s);
	*s = NULL;
}

const char *net_stream_own(const struct net_stream *s)
{
	return s->own;
}

const char *net_stream_address(const struct net_stream *s)
{
	return s->address;
}

bool net_stream_quiet(const struct net_stream *s)
{
	struct pollfd p = { .fd = s->fd, .events = POLLIN };

	return poll(&p, 1, 0) == 0;
}

/* False at the deadline. */
static bool wait_for(const struct net_stream *s, short events, int64_t until)
{
	for (;;) {
		int64_t left = until - clock_mono_ms();
		struct pollfd p = { .fd = s->fd, .events = events };
		int n;

		if (left <= 0)
			return false;
		n = poll(&p, 1, left > 60000 ? 60000 : (int)left);
		if (n > 0 || (n < 0 && errno != EINTR))
			return true;
	}
}

enum net_flow net_stream_send(struct net_stream *s, const void *p, size_t n,
			      int64_t until)
{
	const char *at = p;

	while (n) {
		size_t sent = 0;
		CURLcode rc = curl_easy_send(s->easy, at, n, &sent);

		if (rc != CURLE_OK && rc != CURLE_AGAIN)
			return NET_BROKE;
		at += sent;
		n -= sent;
		if (n && rc == CURLE_AGAIN && !wait_for(s, POLLOUT, until))
			return NET_LATE;
	}
	return NET_FLOWS;
}

enum net_flow net_stream_recv(struct net_stream *s, void *p, size_t cap,
			      size_t *n, int64_t until)
{
	for (;;) {
		CURLcode rc = curl_easy_recv(s->easy, p, cap, n);

		if (rc == CURLE_OK)
			return *n ? NET_FLOWS : NET_ENDED;
		if (rc != CURLE_AGAIN)
			return NET_BROKE;
		if (!wait_for(s, POLLIN, until))
			return NET_LATE;
	}
}
