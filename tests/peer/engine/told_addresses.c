/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/engine/told_addresses.h"

#include <stdio.h>
#include <string.h>

#include "tests/support/expect.h"
#include "tests/support/scratch.h"

static cf_address at(const char *host, uint16_t port, uint8_t key)
{
    cf_address made = {.port = port};

    snprintf(made.host, sizeof made.host, "%s", host);
    memset(made.key, key, sizeof made.key);
    return made;
}

static bool add(cf_told_addresses *told, const cf_address *own, const cf_address *it)
{
    char line[CF_ADDRESS_TEXT];

    cf_address_write(it, line);
    return cf_told_addresses_add(told, own, cf_bytes_of_text(line));
}

Test(told_addresses, are_of_the_same_key_and_elsewhere)
{
    const cf_address own = at("a.example", 1, 7), other = at("b.example", 1, 7),
                     foreign = at("c.example", 1, 8), bare = at("nas", 1, 7),
                     moved = at("a.example", 2, 7);
    cf_told_addresses told = {0};

    cr_expect(add(&told, &own, &other));
    cr_expect_not(add(&told, &own, &other));
    cr_expect_not(add(&told, &own, &own));
    cr_expect_not(add(&told, &own, &foreign));
    cr_expect_not(add(&told, &own, &bare));
    cr_expect_not(cf_told_addresses_add(&told, &own, cf_bytes_of_text("tcp://x")));
    cr_expect(add(&told, &own, &moved));
    cr_assert_eq(told.count, 2);
    cr_expect_eq(told.all[0].port, 2, "what was told last comes first");
}

Test(told_addresses, are_at_most_so_many_and_the_oldest_goes)
{
    const cf_address own = at("a.example", 1, 7);
    cf_told_addresses told = {0}, read;
    cf_buffer text = {0};

    for (uint16_t i = 1; i <= CF_TOLD_ADDRESSES_MAX + 1; i++) {
        const cf_address it = at("b.example", i, 7);
        cr_expect(add(&told, &own, &it));
    }
    cr_assert_eq(told.count, CF_TOLD_ADDRESSES_MAX);
    cr_expect_eq(told.all[0].port, CF_TOLD_ADDRESSES_MAX + 1);
    cr_expect_eq(told.all[told.count - 1].port, 2);

    cf_told_addresses_write(&told, &text);
    const cf_address more = at("c.example", 9, 7);
    char line[CF_ADDRESS_TEXT];
    cf_address_write(&more, line);
    cf_buffer_append_text(&text, "%s\n", line);
    cf_buffer_append(&text, "", 1);
    cf_told_addresses_read((const char *)text.data, &own, &read);
    cr_expect_eq(read.count, CF_TOLD_ADDRESSES_MAX);
    cr_expect_eq(memcmp(&read.all[0], &told.all[0], sizeof read.all[0]), 0);
    const cf_address later = at("a.example", 1, 9);
    cf_told_addresses_read((const char *)text.data, &later, &read);
    cr_expect_eq(read.count, 0, "of another broker");
    cf_buffer_release(&text);
}

/* A broker tells 16 at most. */
Test(told_addresses, of_more_than_are_kept_change_nothing_the_second_time)
{
    enum { TOLD = 2 * CF_TOLD_ADDRESSES_MAX };
    const cf_address own = at("a.example", 1, 7);
    cf_told_addresses told = {0};
    static char texts[TOLD][CF_ADDRESS_TEXT];
    cf_bytes lines[TOLD];

    for (uint16_t i = 0; i < TOLD; i++) {
        const cf_address it = at("b.example", i + 1, 7);
        cf_address_write(&it, texts[i]);
        lines[i] = cf_bytes_of_text(texts[i]);
    }
    cr_expect(cf_told_addresses_take(&told, &own, lines, TOLD));
    cr_expect_eq(told.count, CF_TOLD_ADDRESSES_MAX);
    cr_expect_eq(told.all[0].port, 1, "the best comes first");
    cr_expect_not(cf_told_addresses_take(&told, &own, lines, TOLD));
}

/* A device that begins anew tries them, too. */
Test(told_addresses, are_kept_in_the_home)
{
    const cf_address own = at("a.example", 1, 7), other = at("b.example", 2, 7);
    cf_told_addresses told = {0}, read;
    scratch *here = scratch_new();
    cf_home *home;
    cf_env env;
    cf_error error;
    char path[96];

    snprintf(path, sizeof path, "%s/home", here->path);
    cf_env_system(&env, "test", CF_REPORT_ERROR);
    const cf_home_options options = {.env = &env, .path = path, .create = true};
    expect_ok(cf_home_open(&options, &home, &error), error);
    expect_ok(cf_told_addresses_load(home, &own, &read, &error), error);
    cr_expect_eq(read.count, 0);
    cr_expect(add(&told, &own, &other));
    expect_ok(cf_told_addresses_save(home, &told, &error), error);
    cf_home_close(&home);
    expect_ok(cf_home_open(&options, &home, &error), error);
    expect_ok(cf_told_addresses_load(home, &own, &read, &error), error);
    cr_expect_eq(read.count, 1);
    cr_expect_str_eq(read.all[0].host, "b.example");
    cr_expect_eq(read.all[0].port, 2);
    cf_home_close(&home);
    scratch_destroy(&here);
}
