/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/log/contents.h"

#include "peer/log/contents_ways.h"
#include "tests/peer/transfer/depot.h"

#include <stdlib.h>

enum { SIZE = 40000 };

static depot d;

static void open_depot(void)
{
    depot_open(&d);
}

static void close_depot(void)
{
    depot_close(&d);
}

TestSuite(contents_small, .init = open_depot, .fini = close_depot);

static cf_bytes bytes_of(uint8_t *bytes)
{
    return cf_bytes_of(bytes, SIZE);
}

static cf_status read_back(cf_bytes content, cf_buffer *out, cf_error *error)
{
    cf_hash hash = cf_content_hash(content);

    return cf_contents_small(d.peer.contents, &d.author.next.collection, &hash, out, error);
}

static void expect_content(cf_bytes content)
{
    cf_buffer out = {0};
    cf_error error;

    expect_ok(read_back(content, &out, &error), error);
    cr_expect(cf_bytes_equal(cf_buffer_view(&out), content));
    cf_buffer_release(&out);
}

static void expect_refused(cf_bytes content, cf_status why)
{
    cf_buffer out = {0};
    cf_error error;

    expect_fails(read_back(content, &out, &error), why);
    cr_expect_eq(out.size, 0);
    cf_buffer_release(&out);
}

Test(contents_small, come_whole_and_as_patches)
{
    uint8_t *base = noise(1, SIZE), *next = noise(1, SIZE), *last = noise(1, SIZE);

    memset(next + 100, 1, 100);
    memset(last + 100, 2, 100);
    depot_whole(&d, bytes_of(base));
    depot_patch(&d, bytes_of(base), bytes_of(next), false);
    depot_patch(&d, bytes_of(next), bytes_of(last), false);
    expect_content(bytes_of(base));
    expect_content(bytes_of(next));
    expect_content(bytes_of(last));
    free(base);
    free(next);
    free(last);
}

Test(contents_small, are_what_their_names_say)
{
    uint8_t *base = noise(1, SIZE), *made = noise(1, SIZE), *claimed = noise(2, SIZE);

    memset(made + 100, 1, 100);
    depot_whole(&d, bytes_of(base));
    depot_liar(&d, bytes_of(base), bytes_of(made), bytes_of(claimed));
    expect_refused(bytes_of(claimed), CF_FORGED);
    expect_content(bytes_of(base));
    free(base);
    free(made);
    free(claimed);
}

Test(contents_small, are_not_made_of_a_base_that_lies)
{
    uint8_t *base = noise(1, SIZE), *made = noise(1, SIZE), *claimed = noise(2, SIZE),
            *next = noise(2, SIZE);

    memset(made + 100, 1, 100);
    memset(next + 100, 1, 100);
    depot_whole(&d, bytes_of(base));
    depot_liar(&d, bytes_of(base), bytes_of(made), bytes_of(claimed));
    depot_patch(&d, bytes_of(claimed), bytes_of(next), false);
    expect_refused(bytes_of(next), CF_FORGED);
    free(base);
    free(made);
    free(claimed);
    free(next);
}

/* Whoever says it once more gets nothing by it: it stands in the log already. */
Test(contents_small, keep_few_of_their_ways)
{
    uint8_t *base = noise(1, SIZE);
    cf_ways_table *table = cf_ways_table_new(d.peer.log);
    cf_content_key key = {d.author.next.collection, cf_content_hash(bytes_of(base))};
    cf_ways ways;
    cf_error error;

    for (int i = 0; i < 5; i++)
        depot_whole(&d, bytes_of(base));
    expect_ok(cf_ways_get(table, &key, &ways, &error), error);
    cr_expect_eq(ways.count, 2);
    cf_ways_table_destroy(&table);
    free(base);
}

Test(contents_small, are_in_the_log_itself)
{
    uint8_t *base = noise(1, SIZE), *next = noise(1, SIZE);

    memset(next + 100, 1, 100);
    expect_refused(bytes_of(base), CF_MISSING);
    depot_whole(&d, bytes_of(base));
    depot_patch(&d, bytes_of(base), bytes_of(next), true);
    expect_refused(bytes_of(next), CF_MISSING);
    free(base);
    free(next);
}
