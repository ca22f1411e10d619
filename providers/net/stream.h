/*
 * stream: one connection of bytes, plain, over TLS or to a unix socket, over
 * libcurl; with a deadline on every call.
 *
 * TLS is always verified, for the name that was given.  No proxy and no
 * variable of the environment is looked at.
 */
#ifndef PROVIDERS_NET_STREAM_H
#define PROVIDERS_NET_STREAM_H

#include <stdint.h>
#include <sys/types.h>

#include "providers/net/net.h"

struct net_stream;

struct net_place {
	const char *host, *port;
	const char *socket;	   /* path of a unix socket instead, or NULL */
	const char *address;	   /* numeric: go there, look no name up; or NULL */
	bool tls;
	const char *cafile;
	const char *cert, *key;	   /* PEM files, or NULL */
	int64_t connect_ms;	   /* for the whole handshake */
};

/* 0, or -1 with the reason in why (no byte of the caller's was sent). */
int net_stream_open(const struct net_place *p, struct net_stream **out,
		    char why[NET_WHY]) __attribute__((warn_unused_result));
void net_stream_close(struct net_stream **s);
/* The numeric address that was reached, "" for a socket. */
const char *net_stream_address(const struct net_stream *s);
/* Our own end, "127.0.0.1:50144" or "[::1]:50144"; "" for a socket. */
const char *net_stream_own(const struct net_stream *s);

/* False when the peer has ended it, or said something nobody asked for. */
bool net_stream_quiet(const struct net_stream *s);

enum net_flow { NET_FLOWS, NET_ENDED, NET_BROKE, NET_LATE };

/* All of it, until the clock (clock_mono_ms) shows `until`. */
enum net_flow net_stream_send(struct net_stream *s, const void *p, size_t n,
			      int64_t until);
/* What is there, at least one byte; NET_ENDED at the peer's end. */
enum net_flow net_stream_recv(struct net_stream *s, void *p, size_t cap,
			      size_t *n, int64_t until);

#endif
