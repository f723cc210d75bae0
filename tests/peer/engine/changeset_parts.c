/* SPDX-License-Identifier: Apache-2.0 */
/* What one look found in several entries waits until all are there, and then no longer. */
#include "tests/peer/small/small_checks.h"
#include "tests/peer/small/small_table.h"

#include "peer/engine/engine.h"
#include "peer/log/tables.h"
#include "tests/support/expect.h"

enum { ROWS = 8, NOTE = 60000 };

static bool count_one(void *context, cf_bytes key, cf_bytes value)
{
    (void)key, (void)value;
    (*(size_t *)context)++;
    return true;
}

static size_t waiting_of(const small_device *self)
{
    static const uint8_t waiting = CF_TABLE_WAITING;
    cf_store *store = cf_home_store(self->home);
    size_t count = 0;
    cf_error error;

    expect_ok(store->scan(store, cf_peer_user(cf_engine_peer(self->engine)),
                          cf_bytes_of(&waiting, 1), count_one, &count, &error),
              error);
    return count;
}

/* No two of the notes fit one entry. */
static void fill(small_device *self)
{
    cf_arena arena = {0};
    table rows = {0};

    for (long id = 1; id <= ROWS; id++)
        table_add(&rows, id, 100, noise_text(self->in, NOTE, &arena));
    user_writes_table(self, &rows);
    table_release(&rows);
    cf_arena_release(&arena);
}

Test(changeset_parts, do_not_wait_when_all_are_there)
{
    small_world *in = small_world_new(41, 2);
    small_device *first = &in->devices[0], *second = &in->devices[1];

    small_world_bind_tables(in);
    settle(in);
    const uint64_t entries = small_world_entries(in);
    fill(first);
    cr_assert(small_device_sync(first));
    cr_assert_gt(small_world_entries(in), entries + 2, "it went in one piece");
    settles_equal_by(small_world_tables_equal, in, "after", 0);
    for (int i = 0; i < in->count; i++)
        cr_expect_eq(waiting_of(&in->devices[i]), 0, "device %d: what was folded waits", i);
    small_device_crash(second);
    settles_equal_by(small_world_tables_equal, in, "begun again", 0);
    small_world_destroy(&in);
}
