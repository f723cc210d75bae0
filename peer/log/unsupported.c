/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/log/unsupported.h"

#include "codec/limits.h"

#include <stdio.h>
#include <string.h>

static const char unsupported_name[] = "unsupported"; /* of `record`, each */

enum { NAME = 16 };

typedef struct {
    uint8_t key[32];
    char command[NAME]; /* its name, filled up with zeros */
    uint8_t until[8];   /* by the time of day */
} record;

typedef struct {
    record at[CF_UNSUPPORTED_MAX];
    size_t count;
} list;

static record record_of(const cf_address *broker, cf_command command)
{
    record it = {.command = ""};

    memcpy(it.key, broker->key, sizeof it.key);
    snprintf(it.command, NAME, "%s", cf_command_name(command));
    return it;
}

static bool is_same(const record *a, const record *b)
{
    return memcmp(a->key, b->key, sizeof a->key) == 0 && memcmp(a->command, b->command, NAME) == 0;
}

/* 0: it is over; a time that lies farther ahead was noted by a clock that was set back since. */
static uint64_t left_ms(const record *it, uint64_t now_ms)
{
    const uint64_t until_ms = cf_get_u64(it->until);

    return until_ms > now_ms && until_ms - now_ms <= CF_UNKNOWN_FOR_MS ? until_ms - now_ms : 0;
}

/* Those that are not over; what is damaged is forgotten, and asked anew. */
static void load(cf_home *home, uint64_t now_ms, list *out)
{
    cf_buffer value = {0};
    cf_error ignored;

    out->count = 0;
    if (cf_home_get(home, unsupported_name, &value, &ignored) == CF_OK &&
        value.size % sizeof(record) == 0)
        for (size_t i = 0; i < value.size / sizeof(record) && i < CF_UNSUPPORTED_MAX; i++) {
            memcpy(&out->at[out->count], value.data + i * sizeof(record), sizeof(record));
            out->count += left_ms(&out->at[out->count], now_ms) > 0;
        }
    cf_buffer_release(&value);
}

void cf_unsupported_recall(cf_home *home, const cf_address *broker, const cf_env *env,
                           cf_link *link)
{
    const uint64_t now_ms = cf_env_now_ms(env), steady_ms = cf_env_steady_ms(env);
    list kept;

    load(home, now_ms, &kept);
    for (int command = CF_COMMAND_HELLO; command < CF_COMMANDS; command++) {
        const record wanted = record_of(broker, (cf_command)command);
        uint64_t until_ms = 0;

        for (size_t i = 0; i < kept.count; i++)
            if (is_same(&kept.at[i], &wanted))
                until_ms = steady_ms + left_ms(&kept.at[i], now_ms);
        cf_link_without(link, (cf_command)command, until_ms);
    }
}

/* Where it stood before, at the end, or in the place of the one that is over first. */
static record *place_of(list *kept, const record *it)
{
    record *first = &kept->at[0];

    for (size_t i = 0; i < kept->count; i++)
        if (is_same(&kept->at[i], it))
            return &kept->at[i];
    if (kept->count < CF_UNSUPPORTED_MAX)
        return &kept->at[kept->count++];
    for (size_t i = 1; i < kept->count; i++)
        if (cf_get_u64(kept->at[i].until) < cf_get_u64(first->until))
            first = &kept->at[i];
    return first;
}

void cf_unsupported_note(cf_home *home, const cf_address *broker, const cf_env *env,
                         cf_command command)
{
    const uint64_t now_ms = cf_env_now_ms(env);
    record it = record_of(broker, command);
    cf_error error;
    list kept;

    load(home, now_ms, &kept);
    cf_put_u64(it.until, now_ms + CF_UNKNOWN_FOR_MS);
    *place_of(&kept, &it) = it;
    if (cf_home_set(home, unsupported_name, cf_bytes_of(kept.at, kept.count * sizeof *kept.at),
                    &error))
        cf_report(env, CF_REPORT_WARNING, "noting what the broker does not know: %s", error.text);
}
