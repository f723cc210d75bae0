/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/transfer/in_hand.h"

#include "tests/support/expect.h"

#include <criterion/criterion.h>

static void fill(cf_in_hand *hand, cf_transfer_rank rank, uint64_t size)
{
    while (cf_in_hand_has_room(hand, rank, size))
        cf_in_hand_take(hand, rank, size);
}

static uint64_t bytes_of(const cf_in_hand *hand)
{
    uint64_t bytes = 0;

    for (size_t rank = 0; rank < CF_RANKS; rank++)
        bytes += hand->bytes[rank];
    return bytes;
}

static size_t count_of(const cf_in_hand *hand)
{
    size_t count = 0;

    for (size_t rank = 0; rank < CF_RANKS; rank++)
        count += hand->count[rank];
    return count;
}

Test(in_hand, pieces_of_one_rank_fill_all_the_room)
{
    for (size_t rank = 0; rank < CF_RANKS; rank++) {
        cf_in_hand large = {0}, many = {0};

        fill(&large, (cf_transfer_rank)rank, 4 * CF_MIB);
        cr_expect_eq(bytes_of(&large), CF_IN_HAND_BYTES);
        fill(&many, (cf_transfer_rank)rank, 1);
        cr_expect_eq(count_of(&many), CF_IN_HAND_COUNT);
    }
}

Test(in_hand, every_rank_has_room_whatever_the_others_hold)
{
    for (size_t filled = 0; filled < CF_RANKS; filled++)
        for (size_t rank = 0; rank < CF_RANKS; rank++) {
            cf_in_hand large = {0}, many = {0};

            if (rank == filled)
                continue;
            fill(&large, (cf_transfer_rank)filled, 4 * CF_MIB);
            fill(&large, (cf_transfer_rank)rank, CF_MIB);
            cr_expect_eq(large.bytes[rank], CF_IN_HAND_BYTES_OF_A_RANK);
            fill(&many, (cf_transfer_rank)filled, 1);
            fill(&many, (cf_transfer_rank)rank, 1);
            cr_expect_eq(many.count[rank], CF_IN_HAND_OF_A_RANK);
        }
}

Test(in_hand, a_piece_of_any_size_is_let_in_alone)
{
    cf_in_hand hand = {0};

    fill(&hand, CF_RANK_SMALL, 1000);
    cr_expect(cf_in_hand_has_room(&hand, CF_RANK_HUGE, 2 * CF_IN_HAND_BYTES));
    cf_in_hand_take(&hand, CF_RANK_HUGE, 2 * CF_IN_HAND_BYTES);
    cr_expect_not(cf_in_hand_has_room(&hand, CF_RANK_HUGE, CF_IN_HAND_BYTES_OF_A_RANK));
    cf_in_hand_drop(&hand, CF_RANK_HUGE, 2 * CF_IN_HAND_BYTES);
    cr_expect(cf_in_hand_has_room(&hand, CF_RANK_HUGE, CF_MIB));
}

/* Of all orders in which the ranks come. */
Test(in_hand, there_is_a_bound_on_what_is_in_hand)
{
    for (size_t first = 0; first < CF_RANKS; first++) {
        cf_in_hand hand = {0};

        for (size_t i = 0; i < CF_RANKS; i++)
            fill(&hand, (cf_transfer_rank)((first + i) % CF_RANKS), 1);
        cr_expect_leq(count_of(&hand), CF_IN_HAND_MAX);
        hand = (cf_in_hand){0};
        for (size_t i = 0; i < CF_RANKS; i++)
            fill(&hand, (cf_transfer_rank)((first + i) % CF_RANKS), CF_MIB);
        cr_expect_leq(bytes_of(&hand), CF_IN_HAND_BYTES + CF_RANKS * CF_IN_HAND_BYTES_OF_A_RANK);
    }
}

Test(in_hand, sixteen_films_leave_a_place_for_a_photo)
{
    const size_t films[CF_RANKS] = {[CF_RANK_HUGE] = 16}, photos[CF_RANKS] = {[CF_RANK_MEDIUM] = 8};
    const size_t both[CF_RANKS] = {[CF_RANK_HUGE] = 16, [CF_RANK_MEDIUM] = 8};

    cr_expect_not(cf_rank_has_place(films, CF_RANK_HUGE, 16));
    cr_expect(cf_rank_has_place(films, CF_RANK_MEDIUM, 16));
    cr_expect(cf_rank_has_place(photos, CF_RANK_MEDIUM, 16));
    cr_expect_not(cf_rank_has_place(both, CF_RANK_MEDIUM, 16));
    cr_expect(cf_rank_has_place(both, CF_RANK_SMALL, 16));
}

Test(in_hand, what_has_ended_is_told_without_waiting_for_what_takes_longer)
{
    size_t ended[CF_RANKS] = {0}, coming[CF_RANKS] = {0};

    cr_expect_not(cf_ranks_worth_telling(ended, coming), "there is nothing to tell");
    coming[CF_RANK_HUGE] = 60;
    ended[CF_RANK_HUGE] = 3;
    cr_expect_not(cf_ranks_worth_telling(ended, coming));
    ended[CF_RANK_HUGE] = 4;
    cr_expect(cf_ranks_worth_telling(ended, coming));
    ended[CF_RANK_HUGE] = 0;
    ended[CF_RANK_SMALL] = 1;
    cr_expect(cf_ranks_worth_telling(ended, coming), "a page waits for films");
    coming[CF_RANK_SMALL] = 17;
    cr_expect_not(cf_ranks_worth_telling(ended, coming));
    ended[CF_RANK_SMALL] = 2;
    cr_expect(cf_ranks_worth_telling(ended, coming));
}
