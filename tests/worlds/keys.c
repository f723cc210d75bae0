/* SPDX-License-Identifier: Apache-2.0 */
/* Content keys that come while a disk fails. */
#include "tests/support/short_form.h"
#include "tests/worlds/scene.h"

enum { SEEDS = CF_SANITIZED ? 2 : 3, CALLS = 80 };

/* It fails once, or from then on; what then is written lies under the new key, and the process
 * ends.
 */
static void takes_a_key(uint64_t seed, uint64_t call, bool once)
{
    world *w = a_world(seed, 3);
    device *owner = &w->devices[0], *other = &w->devices[1];

    cr_assert(disk_user_writes(owner->drive, "/things/a", "before"));
    cr_assert(syncs(owner));
    cr_assert(syncs(other));
    other->serves = true;
    shuts_out(owner, &w->devices[2]);
    cr_assert(disk_user_writes(owner->drive, "/things/a", "meanwhile"));
    cr_assert(syncs(owner));
    cr_assert(disk_user_writes(other->drive, "/things/b", "of the other"));
    other->faults.once = once;
    other->faults.at = other->faults.calls + call;
    other->faults.status = CF_IO;
    syncs(other);
    device_mend(other);
    /* What failed before may be noticed now, and then ends the process once more. */
    cr_assert(syncs(other) || syncs(other));
    cr_assert(disk_user_writes(owner->drive, "/things/a", "since"));
    cr_assert(syncs(owner));
    device_restart(other, END_KILLED);
    cr_expect(syncs(other), "seed %d, call %d", (int)seed, (int)call);
    expect_tree_of(w, owner);
    world_destroy(&w);
}

/* Where the file of keys could not be written, what had been queued of the log was left in the
 * queue, and answered later to where nobody was any more: who closed the store lost its
 * stack (of use under a sanitizer). */
Test(keys, are_kept_though_the_disk_failed)
{
    const unsigned stride = one_in(1, 2, 2);

    for (uint64_t seed = 1; seed <= SEEDS; seed++)
        for (uint64_t call = seed % stride + 1; call <= CALLS; call += stride) {
            takes_a_key(seed, call, false);
            takes_a_key(seed, call, true);
        }
}
