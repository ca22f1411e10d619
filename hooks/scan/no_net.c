/*
 * no_net: libgit2 without its ways to the network.
 *
 * This program never opens a connection.  Where libgit2 is taken in from its
 * archive, what is defined here is not drawn from there, and so neither are its
 * transports, TLS, ssh and Kerberos with their seven libraries, whose binding
 * cost 4 ms of every hook.  Where it is a shared library, Debian's (1.5, with
 * mbed TLS) calls the last function to parse all of
 * /etc/ssl/certs/ca-certificates.crt when it is initialised: 10 ms more.
 *
 * The names are libgit2 1.5's own, seen in its libgit2.c and remote.c; the
 * Makefile asks for that version before it takes the archive.
 */
#include <stdbool.h>
#include <stddef.h>

bool git_http__expect_continue, git_smart__ofs_delta_enabled; /* settings of transports */

int git_transport_new(void **out, void *owner, const char *url);
int git_transport_ssh_global_init(void);
int git_mbedtls_stream_global_init(void);
int git_mbedtls__set_cert_location(const char *file, const char *path);
int mbedtls_x509_crt_parse_file(void *chain, const char *path);

/* No address has a transport, as with a scheme that is unknown. */
int git_transport_new(void **out, void *owner, const char *url)
{
	(void)owner;
	(void)url;
	*out = NULL;
	return -1;
}

int git_transport_ssh_global_init(void)
{
	return 0;
}

int git_mbedtls_stream_global_init(void)
{
	return 0;
}

int git_mbedtls__set_cert_location(const char *file, const char *path)
{
	(void)file;
	(void)path;
	return -1;
}

int mbedtls_x509_crt_parse_file(void *chain, const char *path)
{
	(void)chain;
	(void)path;
	return 0;
}
