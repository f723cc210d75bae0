/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/broker/management/guests.h"

#include <string.h>

guest a_guest(broker_world *world, const uint8_t secret[32])
{
    guest made = {.pairing = cf_pairing_new(secret)};

    made.door = connect_client(world, cf_pairing_guest_public(made.pairing));
    return made;
}

void guest_knock(broker_world *world, guest *from, const cf_hash *user, cf_bytes sealed)
{
    cf_message message = {.command = CF_COMMAND_KNOCK, .knock = {.user = user, .sealed = sealed}};

    memcpy(message.knock.key.bytes, cf_pairing_guest_public(from->pairing), 32);
    say(world, from->door, &message);
}
