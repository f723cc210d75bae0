/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/store/reserve.h"

#include "codec/limits.h"

#define LEAST (256 * CF_MIB)

uint64_t cf_reserve_of_contents(uint64_t whole)
{
    const uint64_t wanted = whole / 100 > LEAST ? whole / 100 : LEAST;

    return wanted < whole / 8 ? wanted : whole / 8;
}

/* Of what is needed beside: room for verbs, and for the small when the large are refused. */
#define SPARE CF_MIB

static bool leaves(const cf_reserve *reserve, uint64_t size, uint64_t least)
{
    return reserve->room >= least && reserve->room - least >= size;
}

static uint64_t greater(uint64_t one, uint64_t other)
{
    return one > other ? one : other;
}

static uint64_t least_of_contents(const cf_reserve *reserve)
{
    return greater(cf_reserve_of_contents(reserve->whole), reserve->needed + 2 * SPARE);
}

bool cf_reserve_takes_contents(const cf_reserve *reserve, uint64_t size)
{
    return leaves(reserve, size, least_of_contents(reserve));
}

bool cf_reserve_takes_entries(const cf_reserve *reserve, uint64_t size)
{
    const uint64_t contents = cf_reserve_of_contents(reserve->whole);

    return size <= CF_RESERVE_SMALL
               ? leaves(reserve, size, greater(contents / 40, reserve->needed))
               : leaves(reserve, size, greater(contents / 10, reserve->needed + SPARE));
}

bool cf_reserve_is_scarce(const cf_reserve *reserve)
{
    const uint64_t least = least_of_contents(reserve);

    return reserve->room < greater(reserve->whole / 10, least + least / 4);
}

const char *cf_reserve_effect(const cf_reserve *reserve)
{
    if (!cf_reserve_takes_entries(reserve, 1))
        return "all that users send is refused";
    if (!cf_reserve_takes_entries(reserve, CF_RESERVE_SMALL + 1))
        return "all that users send is refused but small edits and deletions";
    if (!cf_reserve_takes_contents(reserve, 1))
        return "contents that users send are refused";
    return "users may be refused soon";
}
