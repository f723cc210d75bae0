/* SPDX-License-Identifier: Apache-2.0 */
/* Criterion begins libgit2 in each process, one a test, and that reads all certificates of the
 * system for its TLS: a third of what a small test takes. Here it finds none. */
int mbedtls_x509_crt_parse_file(void *chain, const char *path);

int mbedtls_x509_crt_parse_file(void *chain, const char *path)
{
    (void)chain;
    (void)path;
    return 0;
}
