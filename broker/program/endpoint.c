/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/program/endpoint.h"

#include "broker/door/gateway_zmq.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <limits.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define NO_BRACKETS "'%.80s': an IPv6 address stands in brackets: tcp://[%s]:"

/* HOST:PORT as it was typed, taken apart. */
typedef struct {
    char host[CF_HOST_MAX + 1]; /* "": not given */
    char port[CF_HOST_MAX + 1]; /* likewise */
} typed_place;

static bool is_ipv6(const char *host)
{
    struct in6_addr ignored;

    return inet_pton(AF_INET6, host, &ignored) == 1;
}

/* ::1:7900 can be read in two ways; with a port it is what whoever has forgotten the brackets
 * meant. 2001:db8::1 is an address only as a whole. */
static cf_status fail_without_brackets(const char *text, const char *given, size_t host_size,
                                       cf_error *error)
{
    char host[INET6_ADDRSTRLEN];

    snprintf(host, sizeof host, "%.*s", (int)host_size, given);
    if (is_ipv6(host))
        return cf_fail(error, CF_USAGE, NO_BRACKETS "%s", text, host, given + host_size + 1);
    return cf_fail(error, CF_USAGE, NO_BRACKETS "%d", text, is_ipv6(given) ? given : "::1",
                   CF_DEFAULT_PORT);
}

static cf_status take_apart(const char *text, typed_place *out, cf_error *error)
{
    const char *scheme = strstr(text, "://");
    const char *given = scheme ? scheme + 3 : text;
    const char *bracket = strrchr(given, ']');
    const char *colon = strrchr(bracket ? bracket : given, ':');
    size_t host_size = colon ? (size_t)(colon - given) : strlen(given);

    if (scheme && strncmp(text, "tcp://", 6) != 0)
        return cf_fail(error, CF_USAGE, "'%.80s': only tcp:// is spoken", text);
    if (!bracket && colon && memchr(given, ':', host_size))
        return fail_without_brackets(text, given, host_size, error);
    if (*given && !colon && strspn(given, "0123456789") == strlen(given))
        return cf_fail(error, CF_USAGE, "'%s': a port alone is written *:%s", text, given);
    if (strlen(given) > CF_HOST_MAX)
        return cf_fail(error, CF_USAGE, "an address is too long");
    snprintf(out->host, sizeof out->host, "%.*s", (int)host_size, given);
    snprintf(out->port, sizeof out->port, "%s", colon ? colon + 1 : "");
    return CF_OK;
}

static bool is_any_address(const char *host)
{
    return !*host || strcmp(host, "*") == 0 || strcmp(host, "0.0.0.0") == 0 ||
           strcmp(host, "[::]") == 0;
}

static bool is_open_port(const char *port)
{
    return strcmp(port, "*") == 0 || strcmp(port, "0") == 0;
}

static cf_status check_port(const char *port, cf_error *error)
{
    char *end = NULL;
    unsigned long number = strtoul(port, &end, 10);

    if (strcmp(port, "*") == 0 || (end != port && !*end && number <= 65535))
        return CF_OK;
    return cf_fail(error, CF_USAGE, "%s is no port", port);
}

/* The form alone; what is left out is "". */
static cf_status read_form(const char *text, typed_place *out, cf_error *error)
{
    cf_status status = take_apart(text, out, error);

    return status || !*out->port ? status : check_port(out->port, error);
}

cf_status cf_endpoint_check_listen(const char *text, cf_error *error)
{
    typed_place typed;

    return read_form(text, &typed, error);
}

/* In digits, as ZeroMQ and peers take it. */
static void write_numeric(const struct sockaddr *address, char out[CF_HOST_MAX + 1])
{
    char digits[INET6_ADDRSTRLEN] = "";

    if (address->sa_family == AF_INET) {
        inet_ntop(AF_INET, &((const struct sockaddr_in *)address)->sin_addr, digits, sizeof digits);
        snprintf(out, CF_HOST_MAX + 1, "%s", digits);
    } else {
        inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)address)->sin6_addr, digits,
                  sizeof digits);
        snprintf(out, CF_HOST_MAX + 1, "[%s]", digits);
    }
}

/* fe80::1 means something only together with an interface. */
static bool is_of_link(const struct sockaddr *address)
{
    return IN6_IS_ADDR_LINKLOCAL(&((const struct sockaddr_in6 *)address)->sin6_addr);
}

/* The address of an interface: its IPv4 one, if it has one. */
static bool find_interface(const char *name, char out[CF_HOST_MAX + 1])
{
    struct ifaddrs *all = NULL;
    bool found = false, is_old = false;

    if (getifaddrs(&all))
        return false;
    for (const struct ifaddrs *at = all; at && !is_old; at = at->ifa_next) {
        int family = at->ifa_addr ? at->ifa_addr->sa_family : AF_UNSPEC;

        is_old = family == AF_INET;
        if ((!is_old && (family != AF_INET6 || found || is_of_link(at->ifa_addr))) ||
            strcmp(at->ifa_name, name) != 0) {
            is_old = false;
            continue;
        }
        write_numeric(at->ifa_addr, out);
        found = true;
    }
    freeifaddrs(all);
    return found;
}

/* What a given address, name or interface stands for, in digits. */
typedef struct {
    char hosts[CF_LISTEN_ADDRESSES_MAX][CF_HOST_MAX + 1];
    size_t count;
    bool is_of_name;
} addresses;

static void add_address(addresses *list, const char *host)
{
    if (list->count < CF_LISTEN_ADDRESSES_MAX)
        snprintf(list->hosts[list->count++], CF_HOST_MAX + 1, "%s", host);
}

/* Those of IPv4 first: the first one's port is that of all. */
static cf_status look_up(const char *name, addresses *out, cf_error *error)
{
    static const int families[] = {AF_INET, AF_INET6};
    const struct addrinfo wanted = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    char host[CF_HOST_MAX + 1];

    int failed = getaddrinfo(name, NULL, &wanted, &found);
    if (failed)
        return cf_fail(error, CF_USAGE, "'%.80s' is neither an address nor a known name: %s", name,
                       gai_strerror(failed));
    for (size_t i = 0; i < sizeof families / sizeof *families; i++)
        for (const struct addrinfo *at = found; at; at = at->ai_next)
            if (at->ai_family == families[i]) {
                write_numeric(at->ai_addr, host);
                add_address(out, host);
            }
    freeaddrinfo(found);
    return CF_OK;
}

static bool is_numeric(const char *host)
{
    struct in_addr address;

    return *host == '[' || inet_pton(AF_INET, host, &address) == 1;
}

/* `told` gets what peers are told of it: a name stays one, an interface has its address. */
static cf_status find_addresses(const char *listen, addresses *out, typed_place *told,
                                cf_error *error)
{
    char host[CF_HOST_MAX + 1];

    cf_status status = read_form(listen, told, error);
    if (status)
        return status;
    if (!*told->port)
        snprintf(told->port, sizeof told->port, "%d", CF_DEFAULT_PORT);
    if (is_any_address(told->host)) {
        add_address(out, *told->host ? told->host : "*");
    } else if (is_numeric(told->host)) {
        add_address(out, told->host);
    } else if (find_interface(told->host, host)) {
        memcpy(told->host, host, sizeof host);
        add_address(out, host);
    } else {
        out->is_of_name = true;
        status = look_up(told->host, out, error);
    }
    return status;
}

static const cf_endpoint *find_endpoint(const cf_endpoints *place, const cf_endpoint *wanted)
{
    for (size_t i = 0; i < place->count && !wanted->is_open; i++)
        if (strcmp(place->endpoints[i].text, wanted->text) == 0)
            return &place->endpoints[i];
    return NULL;
}

/* `localhost` and `::1` may both be given, one address twice not, nor one name. */
static cf_status add_endpoints(cf_endpoints *place, size_t given, const char *listen,
                               typed_place *told, cf_error *error)
{
    addresses found = {0};
    bool is_new = false, is_twice = false;

    cf_status status = find_addresses(listen, &found, told, error);
    for (size_t i = 0; !status && i < found.count; i++) {
        cf_endpoint *made = &place->endpoints[place->count];

        *made = (cf_endpoint){
            .given = given, .is_of_name = found.is_of_name, .is_open = is_open_port(told->port)};
        snprintf(made->text, sizeof made->text, "tcp://%s:%.16s", found.hosts[i], told->port);
        const cf_endpoint *there = find_endpoint(place, made);
        is_new |= !there;
        is_twice |= there && there->is_of_name == made->is_of_name;
        place->count += !there;
    }
    if (!status && !is_new && is_twice)
        status = cf_fail(error, CF_USAGE, "'%s' is given twice", listen);
    return status;
}

/* Of this machine, if it is one that can be looked up. */
static void find_host_name(char name[CF_HOST_MAX + 1])
{
    struct addrinfo *found = NULL;

    name[CF_HOST_MAX] = '\0';
    if (gethostname(name, CF_HOST_MAX) || getaddrinfo(name, NULL, NULL, &found))
        memcpy(name, "localhost", sizeof "localhost");
    if (found)
        freeaddrinfo(found);
}

bool cf_endpoint_is_bare(const char *host)
{
    return !is_numeric(host) && !strchr(host, '.');
}

/* The port that is listened on is known only later when it is left to the system. */
static cf_status write_advertised(const typed_place *told, cf_address *out, cf_error *error)
{
    char text[CF_ADDRESS_TEXT];
    bool is_open = is_open_port(told->port);

    snprintf(text, sizeof text, "%s:%.16s", told->host, is_open ? "1" : told->port);
    cf_status status = cf_host_port_read(text, out, error);
    if (!status && is_open)
        out->port = 0;
    return status;
}

static cf_status read_advertised(const char *text, typed_place *out, cf_error *error)
{
    cf_status status = *text ? read_form(text, out, error)
                             : cf_fail(error, CF_USAGE, "'' is no address and no host name");

    if (!status && *out->host && is_any_address(out->host))
        status = cf_fail(error, CF_USAGE,
                         "no device can connect to %s: name the address or host name by which "
                         "they reach this machine",
                         out->host);
    else if (!status && *out->host == '-')
        status = cf_fail(error, CF_USAGE, "'%s' is neither an address nor a host name", out->host);
    return status;
}

cf_status cf_endpoint_check_advertise(const char *text, cf_error *error)
{
    typed_place typed;

    return read_advertised(text, &typed, error);
}

static cf_status find_advertised(const char *advertise, const typed_place *heard, cf_endpoints *out,
                                 cf_error *error)
{
    typed_place told = *heard;

    if (advertise) {
        cf_status status = read_advertised(advertise, &told, error);
        if (status)
            return status;
        if (!*told.port)
            memcpy(told.port, heard->port, sizeof told.port);
    }
    if (is_any_address(told.host))
        find_host_name(told.host);
    return write_advertised(&told, &out->advertised, error);
}

cf_status cf_endpoints_find(const char *const listen[CF_LISTEN_MAX], const char *advertise,
                            cf_endpoints *out, cf_error *error)
{
    typed_place first = {0}, other;
    cf_status status = CF_OK;
    size_t given = 0;

    memset(out, 0, sizeof *out);
    do {
        status = add_endpoints(out, given, listen[given] ? listen[given] : "*",
                               given ? &other : &first, error);
        if (status)
            return cf_error_while(error, "--listen"), status;
        given++;
    } while (given < CF_LISTEN_MAX && listen[given]);
    status = find_advertised(advertise, &first, out, error);
    if (status)
        cf_error_while(error, advertise ? "--advertise" : "--listen");
    return status;
}

/* ---- What can be listened at ---- */

/* Without brackets; "" is every address. */
static void split_endpoint(const char *endpoint, char host[CF_ADDRESS_TEXT], char port[8])
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

    split_endpoint(endpoint, host, port);
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

void cf_endpoints_tell(const cf_endpoints *place, const cf_env *env)
{
    for (size_t i = 0; i < place->count; i++)
        if (strncmp(place->endpoints[i].text, "tcp://*:", strlen("tcp://*:")) == 0 && !has_ipv6())
            cf_report(env, CF_REPORT_NOTICE, "no IPv6 here: listening on 0.0.0.0 alone");
}

cf_status cf_endpoints_try(const cf_endpoints *place, cf_error *error)
{
    int held[CF_LISTEN_ENDPOINTS_MAX];
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
