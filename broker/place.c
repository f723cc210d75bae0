/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/place.h"

#include <limits.h>
#include <netdb.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *without_scheme(const char *text)
{
    return strncmp(text, "tcp://", 6) == 0 ? text + 6 : text;
}

/* HOST:PORT, whatever is left out. */
static cf_status complete(const char *text, const char *default_host, const char *default_port,
                          char out[CF_ADDRESS_TEXT], cf_error *error)
{
    const char *given = without_scheme(text ? text : "");
    const char *bracket = strrchr(given, ']');
    const char *colon = strrchr(bracket ? bracket : given, ':');
    size_t host_size = colon ? (size_t)(colon - given) : strlen(given);
    const char *host = host_size ? given : default_host;
    const char *port = colon && colon[1] ? colon + 1 : NULL;

    int size =
        snprintf(out, CF_ADDRESS_TEXT, "%.*s:%s", (int)(host_size ? host_size : strlen(host)), host,
                 port ? port : default_port);
    if (size < 0 || size >= CF_ADDRESS_TEXT)
        return cf_fail(error, CF_USAGE, "an address is too long");
    return CF_OK;
}

static bool is_any_address(const char *host)
{
    return strncmp(host, "*:", 2) == 0 || strncmp(host, "0.0.0.0:", 8) == 0 ||
           strncmp(host, "[::]:", 5) == 0;
}

static cf_status check_port(const char *listen, cf_error *error)
{
    const char *port = strrchr(listen, ':') + 1;
    char *end = NULL;
    unsigned long number = strtoul(port, &end, 10);

    if (strcmp(port, "*") == 0 || (end != port && !*end && number <= 65535))
        return CF_OK;
    return cf_fail(error, CF_USAGE, "%s is no port", port);
}

/* The port that is listened on is known only later when it is left to the system: * or 0. */
static cf_status read_advertised(const char *text, cf_address *out, cf_error *error)
{
    char host[CF_ADDRESS_TEXT];
    size_t host_size = (size_t)(strrchr(text, ':') - text);
    const char *port = text + host_size + 1;
    bool is_open = strcmp(port, "*") == 0 || strcmp(port, "0") == 0;

    snprintf(host, sizeof host, "%.*s:%s", (int)host_size, text, is_open ? "1" : port);
    cf_status status = cf_host_port_read(host, out, error);
    if (!status && is_open)
        out->port = 0;
    return status;
}

/* Of this machine, if it is one that can be looked up. */
static void find_host_name(char name[HOST_NAME_MAX + 1])
{
    struct addrinfo *found = NULL;

    name[HOST_NAME_MAX] = '\0';
    if (gethostname(name, HOST_NAME_MAX) || getaddrinfo(name, NULL, NULL, &found))
        memcpy(name, "localhost", sizeof "localhost");
    if (found)
        freeaddrinfo(found);
}

cf_status cf_place_find(const char *listen, const char *advertise, const uint8_t key[32],
                        cf_place *out, cf_error *error)
{
    char name[HOST_NAME_MAX + 1], default_port[8];
    char heard[CF_ADDRESS_TEXT], told[CF_ADDRESS_TEXT];

    find_host_name(name);
    snprintf(default_port, sizeof default_port, "%d", CF_DEFAULT_PORT);
    memset(out, 0, sizeof *out);
    cf_status status = complete(listen, "*", default_port, heard, error);
    if (!status)
        status = check_port(heard, error);
    if (status)
        return cf_error_while(error, "--listen"), status;
    const char *port = strrchr(heard, ':');
    if (snprintf(out->endpoint, sizeof out->endpoint, "tcp://%s", heard) >=
        (int)sizeof out->endpoint)
        return cf_fail(error, CF_USAGE, "--listen: an address is too long");
    if (advertise)
        status = complete(advertise, name, port + 1, told, error);
    else if (is_any_address(heard))
        snprintf(told, sizeof told, "%s%s", name, port);
    else
        memcpy(told, heard, sizeof told);
    if (!status)
        status = read_advertised(told, &out->advertised, error);
    if (status)
        return cf_error_while(error, "--advertise"), status;
    memcpy(out->advertised.key, key, sizeof out->advertised.key);
    return CF_OK;
}
