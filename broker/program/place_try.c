/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/program/place.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "broker/door/gateway_zmq.h"

/* Without brackets; "" is every address. */
static void take_apart(const char *endpoint, char host[CF_ADDRESS_TEXT], char port[8])
{
    const char *given = endpoint + strlen("tcp://"), *colon = strrchr(given, ':');
    const char *begin = given + (*given == '['), *end = colon - (colon[-1] == ']');

    snprintf(host, CF_ADDRESS_TEXT, "%.*s", strncmp(given, "*:", 2) ? (int)(end - begin) : 0,
             begin);
    snprintf(port, 8, "%.7s", strcmp(colon + 1, "*") == 0 ? "0" : colon + 1);
}

/* As libzmq does: of IPv6 a socket is for IPv4, too. -1 with errno. */
static int listen_on(const struct addrinfo *at)
{
    const int yes = 1, no = 0;
    int made = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (made < 0)
        return -1;
    setsockopt(made, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (at->ai_family == AF_INET6)
        setsockopt(made, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof no);
    if (bind(made, at->ai_addr, at->ai_addrlen) == 0 && listen(made, 1) == 0)
        return made;
    int number = errno;
    close(made);
    errno = number;
    return -1;
}

static int try_host(const char *host, const char *port)
{
    const struct addrinfo wanted = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
                                    .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    int made = -1;

    if (getaddrinfo(host, port, &wanted, &found)) {
        errno = EINVAL;
        return -1;
    }
    for (const struct addrinfo *at = found; at && made < 0; at = at->ai_next)
        made = listen_on(at);
    int number = errno;
    freeaddrinfo(found);
    errno = number;
    return made;
}

/* Every address is one of IPv6, or of IPv4 where the kernel has no other. */
static int try_endpoint(const char *endpoint)
{
    char host[CF_ADDRESS_TEXT], port[8];

    take_apart(endpoint, host, port);
    if (*host)
        return try_host(host, port);
    int made = try_host("::", port);
    return made < 0 && errno == EAFNOSUPPORT ? try_host("0.0.0.0", port) : made;
}

static bool has_ipv6(void)
{
    int made = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (made < 0)
        return errno != EAFNOSUPPORT;
    close(made);
    return true;
}

void cf_place_tell(const cf_place *place, const cf_env *env)
{
    for (size_t i = 0; i < place->count; i++)
        if (strncmp(place->endpoints[i].text, "tcp://*:", strlen("tcp://*:")) == 0 && !has_ipv6())
            cf_report(env, CF_REPORT_NOTICE, "no IPv6 here: listening on 0.0.0.0 alone");
}

cf_status cf_place_try(const cf_place *place, cf_error *error)
{
    int held[CF_PLACE_ENDPOINTS_MAX];
    bool works = false;
    cf_status status = CF_OK;
    size_t count = 0;

    for (size_t i = 0; !status && i < place->count; i++) {
        const cf_endpoint *at = &place->endpoints[i];
        const bool is_last = i + 1 == place->count || place->endpoints[i + 1].given != at->given;
        int made = try_endpoint(at->text);
        int number = errno;

        if (made >= 0)
            held[count++] = made;
        works |= made >= 0;
        if (is_last && !works)
            status = cf_gateway_zmq_listen_failed(at->text, number, error);
        works &= !is_last;
    }
    while (count > 0)
        close(held[--count]);
    return status;
}
