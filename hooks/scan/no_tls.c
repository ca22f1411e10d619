/*
 * no_tls: libgit2 must not read the machine's certificates.
 *
 * Debian's libgit2 (1.5, with mbed TLS) parses all of
 * /etc/ssl/certs/ca-certificates.crt when it is initialised: 10 ms, more than
 * the rest of a hook.  This program never opens a connection, so the one
 * function it does that with is taken over here and does nothing: the linker
 * binds libgit2's call to ours.  With a libgit2 that uses another TLS library
 * nobody calls this.
 */

/* mbedtls/x509_crt.h; declared here to need no headers of it */
int mbedtls_x509_crt_parse_file(void *chain, const char *path);

int mbedtls_x509_crt_parse_file(void *chain, const char *path)
{
	(void)chain;
	(void)path;
	return 0;
}
