/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/membership/limit_heads.h"

#include "peer/merge/state.h"
#include "tests/broker/people/diary.h"

enum { CHAINS = 12, MOST = 4 };

/* The lap's chains; the third is the longest, and the fifth wrote what is not replaced. */
static void open_chains(diary *d, cf_head chains[CHAINS])
{
    for (size_t i = 0; i < CHAINS; i++) {
        begin_chain(&d->lap, &papers, &d->account.head);
        for (size_t k = 0; k < (i == 2 ? 3 : 1); k++) {
            write_change(&d->lap, "an entry", NULL, 0);
            cr_assert_eq(offer(d, &d->lap, CF_BRINGER_ANOTHER).answer, CF_OFFER_NEW);
        }
        chains[i] = d->lap.head;
    }
    commit(d);
}

static void show(diary *d, const cf_head *by)
{
    const cf_id item = {"f a file"};
    const cf_change change = {
        .item = item, .field = cf_bytes_of_text("/x"), .value = cf_bytes_of("\x01", 1)};
    cf_dot dot = {.writer = by->writer, .sequence = by->sequence};
    cf_state *state = cf_state_new();
    cf_buffer packed = {0};
    cf_arena arena = {0};
    cf_kv_list records = {0};
    cf_error error;

    memcpy(dot.hash, by->hash.bytes, sizeof dot.hash);
    cf_state_apply(state, &dot, (cf_time){1, 0}, &change, 1, NULL);
    cr_assert(cf_state_item_pack(state, &item, &packed));
    cf_kv_list_put(&records, cf_key_item(&arena, &papers, &item), cf_buffer_view(&packed));
    expect_ok(d->store->write(d->store, &d->account.user, records.at, records.count, true, &error),
              error);
    cf_kv_list_release(&records);
    cf_arena_release(&arena);
    cf_buffer_release(&packed);
    cf_state_destroy(&state);
}

static diary a_diary_of(cf_head chains[CHAINS], cf_heads *heads)
{
    diary d = a_diary();
    cf_error error;

    found(&d);
    open_chains(&d, chains);
    show(&d, &chains[4]);
    expect_ok(cf_log_device_heads(d.log, &d.lap.id, heads, &error), error);
    return d;
}

/* Of twelve four can be named: what shows, the longest chain, and two of the others. */
Test(limit_heads, are_those_that_show_and_then_the_longest)
{
    cf_head chains[CHAINS];
    cf_heads heads = {0};
    diary d = a_diary_of(chains, &heads);
    cf_peer peer = {.log = d.log};
    cf_error error;
    uint64_t voided;

    cr_assert_eq(heads.count, CHAINS);
    expect_ok(cf_limit_heads(&peer, &heads, CHAINS, &voided, &error), error);
    cr_expect_eq(voided, 0);
    cr_expect_eq(heads.count, CHAINS);
    expect_ok(cf_limit_heads(&peer, &heads, MOST, &voided, &error), error);
    cr_expect_eq(heads.count, MOST);
    cr_expect_eq(voided, CHAINS - MOST);
    cr_expect(cf_heads_contain(&heads, &chains[4]));
    cr_expect(cf_heads_contain(&heads, &chains[2]));
    expect_ok(cf_limit_heads(&peer, &heads, 1, &voided, &error), error);
    cr_expect(cf_heads_contain(&heads, &chains[4]));
    cr_expect_eq(voided, 5, "three of the longest chain and two more");
    cf_heads_release(&heads);
    diary_end(&d);
}

/* However long the chains are that a broker makes up. */
Test(limit_heads, are_those_that_are_here_before_those_that_are_only_told)
{
    cf_head chains[CHAINS];
    cf_heads heads = {0};
    diary d = a_diary_of(chains, &heads);
    cf_peer peer = {.log = d.log};
    cf_error error;
    uint64_t voided;

    for (uint8_t i = 0; i < CHAINS; i++) {
        cf_head told = chains[i];

        told.sequence = CF_SEQUENCE_MAX - i;
        told.hash.bytes[0] ^= 1;
        cf_heads_insert(&heads, &told);
    }
    expect_ok(cf_limit_heads(&peer, &heads, CHAINS, &voided, &error), error);
    cr_expect_eq(heads.count, CHAINS);
    for (size_t i = 0; i < CHAINS; i++)
        cr_expect(cf_heads_contain(&heads, &chains[i]));
    cf_heads_release(&heads);
    diary_end(&d);
}
