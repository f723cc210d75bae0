/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/address.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/limits.h"
#include "tests/support/expect.h"

static cf_address an_address(const char *host)
{
    cf_address address = {.port = 7817, .key = {1, 2, 3, 0xff}};

    strcpy(address.host, host);
    return address;
}

Test(address, goes_round_as_one_line)
{
    const char *const hosts[] = {"localhost", "10.0.0.1", "[::1]", "[fe80::1%eth0]",
                                 "a-b.example_1.org"};
    char text[CF_ADDRESS_TEXT], again[CF_ADDRESS_TEXT], spaced[CF_ADDRESS_TEXT + 4];
    cf_error error;
    cf_address back;

    for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
        cf_address address = an_address(hosts[i]);

        cf_address_write(&address, text);
        expect_ok(cf_address_read(text, &back, &error), error);
        cr_assert_str_eq(back.host, hosts[i]);
        cr_assert_eq(back.port, 7817);
        cr_assert_arr_eq(back.key, address.key, 32);
        cf_address_write(&back, again);
        cr_assert_str_eq(text, again);
        snprintf(spaced, sizeof spaced, " %s\n", text);
        expect_ok(cf_address_read(spaced, &back, &error), error);
    }
    cf_address local = an_address("localhost");
    cf_address_write(&local, text);
    cr_assert_str_eq(text,
                     "tcp://localhost:7817#aebah7yaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
    cf_address_endpoint(&local, text);
    cr_assert_str_eq(text, "tcp://localhost:7817");
}

Test(address, of_the_longest_host_fits)
{
    char host[CF_HOST_MAX + 1] = {0}, text[CF_ADDRESS_TEXT], line[2 * CF_ADDRESS_TEXT];
    cf_error error;
    cf_address back;

    memset(host, 'h', CF_HOST_MAX);
    cf_address address = an_address(host);
    cf_address_write(&address, text);
    expect_ok(cf_address_read(text, &back, &error), error);
    cr_assert_str_eq(back.host, host);
    snprintf(line, sizeof line, "tcp://h%s", text + 6);
    expect_fails(cf_address_read(line, &back, &error), CF_USAGE);
}

Test(address, cut_anywhere_or_odd_is_refused)
{
    const char *const key = "aebah7yaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    const char *const odd[] = {"",
                               "localhost:7817",
                               "udp://localhost:7817#%s",
                               "tcp://:7817#%s",
                               "tcp://localhost#%s",
                               "tcp://localhost:#%s",
                               "tcp://localhost:0#%s",
                               "tcp://localhost:65536#%s",
                               "tcp://localhost:-1#%s",
                               "tcp://local host:1#%s",
                               "tcp://local/host:1#%s",
                               "tcp://::1:7817#%s",
                               "tcp://localhost:7817#%sa",
                               "tcp://localhost:7817;inproc://x:1#%s"};
    char text[CF_ADDRESS_TEXT], line[CF_ADDRESS_TEXT];
    cf_error error;
    cf_address address = an_address("localhost"), back;

    cf_address_write(&address, text);
    for (size_t size = strlen(text); size-- > 0;) {
        text[size] = '\0';
        expect_fails(cf_address_read(text, &back, &error), CF_USAGE);
    }
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        const char *mark = strstr(odd[i], "%s");

        snprintf(line, sizeof line, "%.*s%s%s", mark ? (int)(mark - odd[i]) : 100, odd[i],
                 mark ? key : "", mark ? mark + 2 : "");
        cr_expect_eq(cf_address_read(line, &back, &error), CF_USAGE, "%s", line);
    }
}

Test(address, of_a_listener_needs_no_key)
{
    cf_error error;
    cf_address back;

    expect_ok(cf_host_port_read("tcp://127.0.0.1:0", &back, &error), error);
    cr_assert_str_eq(back.host, "127.0.0.1");
    cr_assert_eq(back.port, 0);
    expect_ok(cf_host_port_read("*:7817", &back, &error), error);
    cr_assert_str_eq(back.host, "*");
    expect_fails(cf_host_port_read("127.0.0.1", &back, &error), CF_USAGE);
    expect_fails(cf_host_port_read("", &back, &error), CF_USAGE);
    expect_fails(cf_host_port_read("a:1#b", &back, &error), CF_USAGE);
}

static cf_code a_code(bool has_user)
{
    cf_code code = {.broker = an_address("broker.example"),
                    .has_user = has_user,
                    .secret = "thirty-two random bytes, perhaps",
                    .expires_ms = 1700000000000};

    if (has_user)
        memcpy(code.user.bytes, "somebody", 8);
    return code;
}

Test(codes, go_round_with_and_without_a_user)
{
    char text[CF_CODE_TEXT], typed[2 * CF_CODE_TEXT];
    cf_error error;
    cf_code back;

    for (int has_user = 0; has_user < 2; has_user++) {
        cf_code code = a_code(has_user);
        size_t length = 0;

        cf_code_write(&code, text);
        cr_assert_null(strpbrk(text, " \n"));
        expect_ok(cf_code_read(text, &back, &error), error);
        cr_assert_str_eq(back.broker.host, "broker.example");
        cr_assert_eq(back.broker.port, 7817);
        cr_assert_arr_eq(back.broker.key, code.broker.key, 32);
        cr_assert_eq(back.has_user, has_user);
        cr_assert(cf_hash_equal(&back.user, &code.user));
        cr_assert_arr_eq(back.secret, code.secret, 32);
        cr_assert_eq(back.expires_ms, code.expires_ms);
        for (size_t i = 0; text[i]; i++) {
            typed[length++] = (char)(text[i] >= 'a' ? text[i] - 32 : text[i]);
            if (i % 40 == 39)
                typed[length++] = '\n';
        }
        typed[length] = '\0';
        expect_ok(cf_code_read(typed, &back, &error), error);
    }
}

Test(codes, of_the_longest_host_fit)
{
    char text[CF_CODE_TEXT];
    cf_error error;
    cf_code code = a_code(true), back;

    memset(code.broker.host, 'h', CF_HOST_MAX);
    cf_code_write(&code, text);
    expect_ok(cf_code_read(text, &back, &error), error);
    cr_assert_eq(strlen(back.broker.host), CF_HOST_MAX);
}

Test(codes, expire_at_a_time_that_can_be_told)
{
    char text[CF_CODE_TEXT];
    cf_error error;
    cf_code code = a_code(true), back;

    code.expires_ms = CF_TIME_MS_MAX;
    cf_code_write(&code, text);
    expect_ok(cf_code_read(text, &back, &error), error);
    code.expires_ms = CF_TIME_MS_MAX + 1;
    cf_code_write(&code, text);
    expect_fails(cf_code_read(text, &back, &error), CF_USAGE);
}

Test(codes, mistyped_or_cut_anywhere_are_refused)
{
    char text[CF_CODE_TEXT];
    cf_error error;
    cf_code code = a_code(true), back;

    cf_code_write(&code, text);
    for (size_t i = 0; text[i]; i++) {
        char was = text[i];

        text[i] = was == 'a' ? 'b' : 'a';
        expect_fails(cf_code_read(text, &back, &error), CF_USAGE);
        text[i] = was;
    }
    for (size_t size = strlen(text); size-- > 0;) {
        text[size] = '\0';
        expect_fails(cf_code_read(text, &back, &error), CF_USAGE);
        cr_expect(strstr(error.text, "cut short"), "%s", error.text);
    }
}

Test(codes, say_how_much_of_them_is_there)
{
    char text[CF_CODE_TEXT], wanted[80];
    cf_error error;
    cf_code back;

    for (int has_user = 0; has_user < 2; has_user++) {
        cf_code code = a_code(has_user);
        cf_code_write(&code, text);
        const size_t whole = strlen(text);

        snprintf(wanted, sizeof wanted, has_user ? "%zu of %zu letters" : "%zu of at least ",
                 whole - 30, whole);
        text[whole - 30] = '\0';
        expect_fails(cf_code_read(text, &back, &error), CF_USAGE);
        cr_expect(strstr(error.text, wanted), "%s", error.text);
        text[30] = '\0';
        expect_fails(cf_code_read(text, &back, &error), CF_USAGE);
        cr_expect(strstr(error.text, "30 letters"), "%s", error.text);
    }
}

Test(codes, are_told_apart_from_addresses_and_from_anything_else)
{
    char text[CF_ADDRESS_TEXT], *endless = calloc(100000, 1);
    cf_error error;
    cf_address address = an_address("localhost");
    cf_code back;

    cf_address_write(&address, text);
    expect_fails(cf_code_read(text, &back, &error), CF_USAGE);
    cr_assert(strstr(error.text, "address"));
    expect_fails(cf_code_read("hello, world", &back, &error), CF_USAGE);
    memset(endless, 'a', 99999);
    expect_fails(cf_code_read(endless, &back, &error), CF_USAGE);
    free(endless);
}

Test(addresses, of_ipv4_are_said_as_such)
{
    cr_expect_str_eq(cf_address_plain("::ffff:192.0.2.1"), "192.0.2.1");
    cr_expect_str_eq(cf_address_plain("192.0.2.1"), "192.0.2.1");
    cr_expect_str_eq(cf_address_plain("::ffff:1"), "::ffff:1");
    cr_expect_str_eq(cf_address_plain("2001:db8::1"), "2001:db8::1");
    cr_expect_null(cf_address_plain(NULL));
}
