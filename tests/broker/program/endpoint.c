/* SPDX-License-Identifier: Apache-2.0 */
/* Which address a broker tells, where nothing is said of it. */
#include "broker/program/endpoint.h"

#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/expect.h"

/* On which machine a test runs is not known: a libc of this suite's own answers (--wrap). */
static const char *own_name;
static bool is_known;

int __wrap_gethostname(char *name, size_t size);
int __wrap_gethostname(char *name, size_t size)
{
    snprintf(name, size, "%s", own_name ? own_name : "");
    return own_name ? 0 : -1;
}

int __real_getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
                       struct addrinfo **out);
int __wrap_getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
                       struct addrinfo **out);
int __wrap_getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
                       struct addrinfo **out)
{
    if (own_name && name && strcmp(name, own_name) == 0)
        return is_known ? __real_getaddrinfo("127.0.0.1", service, hints, out) : EAI_NONAME;
    return __real_getaddrinfo(name, service, hints, out);
}

static void expect_advertised(const char *listen, const char *host)
{
    const char *const given[CF_LISTEN_MAX] = {listen};
    cf_endpoints place;
    cf_error error;

    expect_ok(cf_endpoints_find(given, NULL, &place, &error), error);
    cr_expect_str_eq(place.advertised.host, host);
    cr_expect_eq(place.advertised.port, 7000);
}

Test(place, of_every_address_is_told_by_the_name_of_the_machine)
{
    own_name = "house";
    is_known = true;
    expect_advertised("tcp://*:7000", "house");
    expect_advertised("tcp://127.0.0.1:7000", "127.0.0.1");
}

/* A name that nobody can look up would keep even this machine's own devices away. */
Test(place, is_localhost_where_the_machine_has_no_name_that_is_known)
{
    own_name = "house";
    expect_advertised("tcp://*:7000", "localhost");
    own_name = NULL;
    expect_advertised("tcp://*:7000", "localhost");
}
