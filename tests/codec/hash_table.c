/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/hash_table.h"

#include <stdlib.h>

#include "tests/support/expect.h"

enum { THINGS = 1000, SAME = 7 };

typedef struct {
    cf_hash_link link;
    size_t number;
    bool was_met;
} thing;

/* Several have the same hash. */
static uint64_t hash_of(size_t number)
{
    return number / SAME;
}

static thing *things_in(cf_hash_table *table)
{
    thing *things = cf_allocate(THINGS, sizeof *things);

    for (size_t i = 0; i < THINGS; i++) {
        things[i].number = i;
        cf_hash_table_add(table, &things[i].link, hash_of(i));
    }
    return things;
}

static size_t number_of(const cf_hash_link *link)
{
    return cf_container_of(link, thing, link)->number;
}

Test(table, finds_all_of_a_hash_the_latest_first)
{
    cf_hash_table table = {0};
    thing *things = things_in(&table);

    for (size_t first = 0; first + SAME <= THINGS; first += SAME) {
        cf_hash_link *link = cf_hash_table_first(&table, hash_of(first));

        for (size_t i = SAME; i-- > 0; link = cf_hash_table_next(link)) {
            cr_assert(link);
            cr_expect_eq(number_of(link), first + i);
        }
        cr_expect_null(link);
    }
    cr_expect_null(cf_hash_table_first(&table, hash_of(THINGS) + 1));
    cf_hash_table_release(&table);
    free(things);
}

Test(table, finds_nothing_while_it_is_empty)
{
    cf_hash_table table = {0};

    cr_expect_null(cf_hash_table_first(&table, 0));
    cr_expect_null(cf_hash_table_walk(&table, NULL));
    cf_hash_table_release(&table);
}

Test(table, finds_what_is_left_when_others_were_taken_out)
{
    cf_hash_table table = {0};
    thing *things = things_in(&table);

    for (size_t i = 0; i < THINGS; i += 2)
        cf_hash_table_remove(&table, &things[i].link);
    cr_expect_eq(table.count, THINGS / 2);
    for (size_t i = 0; i < THINGS; i++) {
        cf_hash_link *link = cf_hash_table_first(&table, hash_of(i));

        while (link && number_of(link) != i)
            link = cf_hash_table_next(link);
        cr_expect_eq(link != NULL, i % 2 == 1, "%zu", i);
    }
    cf_hash_table_release(&table);
    free(things);
}

Test(table, walks_by_each_once_also_when_that_is_taken_out)
{
    cf_hash_table table = {0};
    thing *things = things_in(&table);

    for (cf_hash_link *link = cf_hash_table_walk(&table, NULL), *next; link; link = next) {
        next = cf_hash_table_walk(&table, link);
        cr_expect(!cf_container_of(link, thing, link)->was_met);
        cf_container_of(link, thing, link)->was_met = true;
        cf_hash_table_remove(&table, link);
    }
    for (size_t i = 0; i < THINGS; i++)
        cr_expect(things[i].was_met);
    cr_expect_eq(table.count, 0);
    cf_hash_table_release(&table);
    free(things);
}

Test(table, grows_once_for_as_many_as_are_said_to_come)
{
    cf_hash_table table = {0};

    cf_hash_table_reserve(&table, THINGS);
    const size_t size = table.size;
    thing *things = things_in(&table);
    cr_expect_geq(size, THINGS);
    cr_expect_eq(table.size, size);
    cf_hash_table_release(&table);
    free(things);
}

Test(table, hashes_by_all_bytes_their_number_and_the_seed)
{
    const uint8_t bytes[20] = {1, 2, 3};
    uint8_t other[20];
    const uint64_t hash = cf_hash_bytes(1, cf_bytes_of(bytes, sizeof bytes));

    cr_expect_eq(hash, cf_hash_bytes(1, cf_bytes_of(bytes, sizeof bytes)));
    cr_expect_neq(hash, cf_hash_bytes(2, cf_bytes_of(bytes, sizeof bytes)));
    for (size_t i = 0; i < sizeof bytes; i++) {
        memcpy(other, bytes, sizeof bytes);
        other[i] ^= 1;
        cr_expect_neq(hash, cf_hash_bytes(1, cf_bytes_of(other, sizeof other)), "%zu", i);
        cr_expect_neq(hash, cf_hash_bytes(1, cf_bytes_of(bytes, i)), "%zu", i);
    }
}

enum { CHOSEN = 300, MEET = 1024 };

/* So many names of which all meet in one of MEET buckets. */
static void choose(uint64_t names[CHOSEN])
{
    size_t count = 0;

    for (uint64_t name = 0; count < CHOSEN; name++)
        if (cf_hash_keyed(cf_bytes_of(&name, sizeof name)) % MEET == 0)
            names[count++] = name;
}

Test(table, names_that_were_chosen_to_meet_do_not_under_another_key)
{
    static const uint8_t key[CF_HASH_KEY_SIZE] = "a secret of it";
    uint64_t names[CHOSEN];
    bool has[MEET] = {0};
    size_t buckets = 0;

    choose(names);
    cf_hash_begin(key);
    for (size_t i = 0; i < CHOSEN; i++) {
        const uint64_t bucket = cf_hash_keyed(cf_bytes_of(&names[i], sizeof names[i])) % MEET;

        buckets += !has[bucket];
        has[bucket] = true;
    }
    cr_expect_gt(buckets, CHOSEN / 2); /* of 1,024 300 take 260 */
}
