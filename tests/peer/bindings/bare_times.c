/* SPDX-License-Identifier: Apache-2.0 */
/* Times of directories without what is mounted there, and the steps of a disk's clock. */
#include "peer/bindings/disk_clock.h"
#include "peer/bindings/disk_traits.h"

#include "tests/support/expect.h"

#define SECOND_NS INT64_C(1000000000)

Test(bare_times, are_kept_once)
{
    cf_bare_times times = {0};

    cr_expect(cf_bare_times_add(&times, (cf_bare_time){1, 5, 7}));
    cr_expect_not(cf_bare_times_add(&times, (cf_bare_time){1, 5, 7}));
    cr_expect(cf_bare_times_add(&times, (cf_bare_time){2, 5, 7}));
    cr_expect_eq(times.count, 2);
}

/* FAT's times are even seconds: what was done a second ago may be done again at this time. */
Test(bare_times, of_whole_seconds_are_over_two_seconds_later)
{
    cr_expect_not(cf_disk_is_before(10 * SECOND_NS, 11 * SECOND_NS));
    cr_expect_not(cf_disk_is_before(10 * SECOND_NS, 12 * SECOND_NS));
    cr_expect(cf_disk_is_before(10 * SECOND_NS, 13 * SECOND_NS));
    cr_expect(cf_disk_is_before(10 * SECOND_NS + 1, 11 * SECOND_NS));
}

static cf_status read_with_step(int64_t step_ns)
{
    const cf_disk_identity identity = {.mark_inode = 1};
    const cf_disk_traits traits = {.time_step_ns = step_ns};
    const cf_disk_seen seen = {0};
    cf_disk_identity identity_read;
    cf_disk_traits traits_read;
    cf_disk_seen seen_read;
    cf_buffer record = {0};
    cf_error error;

    cf_disk_pack(&identity, &traits, &seen, &record);
    const cf_status status =
        cf_disk_read(cf_buffer_view(&record), &identity_read, &traits_read, &seen_read, &error);
    cf_buffer_release(&record);
    return status;
}

Test(bare_times, of_a_disk_with_no_such_step_are_damage)
{
    cr_expect_eq(read_with_step(1), CF_OK);
    cr_expect_eq(read_with_step(3600 * SECOND_NS), CF_OK);
    cr_expect_eq(read_with_step(0), CF_MALFORMED);
    cr_expect_eq(read_with_step(3600 * SECOND_NS + 1), CF_MALFORMED);
}
