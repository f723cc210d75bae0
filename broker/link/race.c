/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/link/race.h"

/* The first one from `from` on of that family; `count` for none. */
static size_t find(const bool *are_ipv6, size_t count, size_t from, bool is_ipv6)
{
    while (from < count && are_ipv6[from] != is_ipv6)
        from++;
    return from;
}

size_t cf_race_order(const bool *are_ipv6, size_t count, size_t order[CF_RACE_MAX])
{
    size_t next[2] = {find(are_ipv6, count, 0, false), find(are_ipv6, count, 0, true)}, taken = 0;

    for (bool turn = count && are_ipv6[0]; taken < CF_RACE_MAX && taken < count; turn = !turn) {
        if (next[turn] == count)
            turn = !turn;
        order[taken++] = next[turn];
        next[turn] = find(are_ipv6, count, next[turn] + 1, turn);
    }
    return taken;
}

void cf_race_begin(cf_race *race, size_t count)
{
    *race = (cf_race){.count = count};
}

void cf_race_resume(cf_race *race)
{
    race->next_ms = 0;
}

bool cf_race_start(cf_race *race, uint64_t now_ms, size_t *racer)
{
    size_t i = 0;

    while (i < race->count && race->racers[i] != CF_RACER_WAITS)
        i++;
    if (i == race->count || now_ms < race->next_ms)
        return false;
    race->racers[i] = CF_RACER_RUNS;
    race->until_ms[i] = now_ms + CF_RACE_TRY_MS;
    race->next_ms = now_ms + CF_RACE_DELAY_MS;
    *racer = i;
    return true;
}

void cf_race_drop(cf_race *race, size_t racer)
{
    race->racers[racer] = CF_RACER_IS_OUT;
    race->next_ms = 0;
}

void cf_race_stop(cf_race *race, size_t winner)
{
    for (size_t i = 0; i < race->count; i++)
        if (race->racers[i] == CF_RACER_RUNS)
            race->racers[i] = CF_RACER_WAITS;
    race->racers[winner] = CF_RACER_IS_OUT;
}

bool cf_race_overdue(const cf_race *race, uint64_t now_ms, size_t *racer)
{
    for (size_t i = 0; i < race->count; i++)
        if (race->racers[i] == CF_RACER_RUNS && now_ms >= race->until_ms[i]) {
            *racer = i;
            return true;
        }
    return false;
}

bool cf_race_is_lost(const cf_race *race)
{
    for (size_t i = 0; i < race->count; i++)
        if (race->racers[i] != CF_RACER_IS_OUT)
            return false;
    return true;
}

uint64_t cf_race_due(const cf_race *race)
{
    uint64_t due_ms = UINT64_MAX;

    for (size_t i = 0; i < race->count; i++) {
        const uint64_t at_ms = race->racers[i] == CF_RACER_RUNS    ? race->until_ms[i]
                               : race->racers[i] == CF_RACER_WAITS ? race->next_ms
                                                                   : UINT64_MAX;

        due_ms = at_ms < due_ms ? at_ms : due_ms;
    }
    return due_ms;
}
