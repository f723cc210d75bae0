/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/whole_log.h"
#include "tests/worlds/inside.h"

static parcel log_of(device *of)
{
    return parcel_of_log(of->home, cf_peer_user(device_peer(of)));
}

static void take(device *to, const parcel *from)
{
    cf_error error;

    to->is_unsure = true;
    if (parcel_take(from, device_peer(to), &error)) { /* its store failed before */
        world_tell(to->in, "device %d can't take it: %s", to->number, error.text);
        device_restart(to, END_KILLED);
        must(parcel_take(from, device_peer(to), &error), &error,
             "taking a log that was handed over");
    }
}

void devices_meet(device *one, device *other)
{
    world_tell(one->in, "devices %d and %d meet", one->number, other->number);
    parcel here = log_of(one), there = log_of(other);
    take(one, &there);
    take(other, &here);
    parcel_release(&here);
    parcel_release(&there);
}
