/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/worlds/revocations.h"

#include "broker/gateway/eviction.h"

static const cf_registry *members_at(const world_broker *of)
{
    const cf_hash *user = cf_peer_user(device_peer(&of->in->devices[0]));
    const cf_log *log = cf_users_find(of->broker.users, user);

    return log ? cf_log_registry(log) : NULL;
}

bool revocations_has(const world_broker *of, const cf_hash *curve)
{
    const cf_registry *members = of->in->count ? members_at(of) : NULL;

    for (size_t i = 0; members && i < cf_registry_device_count(members); i++) {
        const cf_device *member = cf_registry_device_at(members, i);

        if (!member->is_valid && memcmp(member->keys.curve, curve->bytes, CF_HASH_SIZE) == 0)
            return true;
    }
    return false;
}

static bool says_no(cf_command command)
{
    return command == CF_COMMAND_REFUSED || command == CF_COMMAND_AGAIN ||
           command == CF_COMMAND_CLOCK; /* which is told to whoever asks */
}

static void note_time(world_broker *of)
{
    for (int i = 0; i < of->in->count; i++) {
        device *one = &of->in->devices[i];
        const bool is_revoked = one->station.outbox && revocations_has(of, &one->station.curve);

        if (!is_revoked)
            of->revoked_ms[i] = 0;
        else if (!of->revoked_ms[i])
            of->revoked_ms[i] = of->in->now_ms;
    }
}

void revocations_look(world_broker *of)
{
    const cf_registry *members = of->in->count ? members_at(of) : NULL;
    const cf_hash *user = members ? cf_peer_user(device_peer(&of->in->devices[0])) : NULL;

    note_time(of);
    for (size_t i = 0; members && i < cf_registry_device_count(members); i++) {
        const cf_device *member = cf_registry_device_at(members, i);

        if (!member->is_valid && cf_gateway_has_session(of->broker.gateway, user, &member->id))
            cf_buffer_append_text(&of->in->leaks,
                                  "broker %d has a session of a device that was revoked\n",
                                  of->number);
    }
}

void revocations_sent(world_broker *of, const cf_hash *curve, const cf_message *message)
{
    if (!message || !revocations_has(of, curve))
        return;
    if (says_no(message->command))
        of->refusals++;
    else
        cf_buffer_append_text(&of->in->leaks, "broker %d sends %s to a device that was revoked\n",
                              of->number, cf_command_name(message->command));
}

void revocations_heard(const world_broker *from, const device *by, const cf_message *message)
{
    const uint64_t since_ms = from->revoked_ms[by->number];

    if (since_ms && from->in->now_ms >= since_ms + CF_EVICTED_MS && message &&
        !says_no(message->command))
        cf_buffer_append_text(
            &from->in->leaks, "a device hears %s %d ms after broker %d took its revocation\n",
            cf_command_name(message->command), (int)(from->in->now_ms - since_ms), from->number);
}
