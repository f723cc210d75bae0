/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/door/door_members.h"

#include <stdlib.h>
#include <string.h>

#include "codec/pack.h"

static const cf_hash nobody; /* has what concerns no user */
static const uint8_t key[] = {'w'};

static uint64_t time_of_day(const cf_env *env)
{
    return env->now_ms(env->context);
}

/* `[[address bin16, until uint]…]`, by the time of day, which goes on while no broker runs. */
void cf_door_members_keep(const cf_env *env, cf_store *store, const cf_connection_limits *limits)
{
    cf_door_member *members = cf_allocate(CF_DOOR_MEMBERS_MAX, sizeof *members);
    const size_t count = cf_connection_limits_members(limits, cf_env_steady_ms(env), members);
    cf_buffer value = {0};
    cf_error error;

    cf_pack_array(&value, count);
    for (size_t i = 0; i < count; i++) {
        cf_pack_array(&value, 2);
        cf_pack_bin(&value, cf_bytes_of(members[i].address, sizeof members[i].address));
        cf_pack_uint(&value, time_of_day(env) + members[i].left_ms);
    }
    const cf_kv record = {cf_bytes_of(key, sizeof key), cf_buffer_view(&value)};
    if (store->write(store, &nobody, &record, 1, false, &error))
        cf_report(env, CF_REPORT_DETAIL, "noting from where members came: %s", error.text);
    cf_buffer_release(&value);
    free(members);
}

static bool read_member(cf_reader *reader, uint64_t now_ms, cf_door_member *out)
{
    cf_error ignored;
    uint64_t until_ms;
    size_t parts;

    if (cf_read_array(reader, &parts, &ignored) || parts != 2 ||
        cf_read_bin_exact(reader, out->address, sizeof out->address, &ignored) ||
        cf_read_uint(reader, &until_ms, &ignored))
        return false;
    out->left_ms = until_ms > now_ms ? until_ms - now_ms : 0;
    if (out->left_ms > CF_DOOR_MEMBER_MS) /* the clock was set back */
        out->left_ms = 0;
    return true;
}

void cf_door_members_recall(const cf_env *env, cf_store *store, cf_connection_limits *limits)
{
    cf_buffer value = {0};
    cf_door_member member;
    cf_error ignored;
    size_t count = 0;

    if (store->get(store, &nobody, cf_bytes_of(key, sizeof key), &value, &ignored))
        cf_buffer_clear(&value);
    cf_reader reader = cf_reader_of(cf_buffer_view(&value));
    if (cf_read_array(&reader, &count, &ignored) || count > CF_DOOR_MEMBERS_MAX)
        count = 0;
    for (size_t i = 0; i < count && read_member(&reader, time_of_day(env), &member); i++)
        if (member.left_ms)
            cf_connection_limits_expect(limits, &member, cf_env_steady_ms(env));
    cf_buffer_release(&value);
}
