/* SPDX-License-Identifier: Apache-2.0 */
/* What an entry gets of a draft, and by which numbers a record names fields. */
#include "peer/merge/change_draft.h"

#include "peer/merge/fields.h"
#include "tests/support/expect.h"

static const cf_id one = {{'f', 1}}, other = {{'f', 2}};

static cf_dot dot_of(uint64_t sequence)
{
    return (cf_dot){.writer = {{3}}, .sequence = sequence, .hash = {1}};
}

static void replace(cf_change_draft *draft, const cf_id *item, uint64_t sequence)
{
    const cf_dot dot = dot_of(sequence);

    cf_change_draft_over(draft, item, cf_bytes_of_text("/name"), &dot);
}

/* In whatever order they were drafted, and however often. */
Test(change_draft, names_what_is_replaced_once_and_ascending)
{
    cf_arena arena = {0};
    cf_change_draft draft = {.arena = &arena};
    size_t count;

    replace(&draft, &other, 1);
    cf_change_draft_write(&draft, &one, cf_bytes_of_text("/name"), cf_bytes_of("\1", 1), false);
    replace(&draft, &one, 7);
    replace(&draft, &one, 2);
    replace(&draft, &one, 7);
    const cf_change *changes = cf_change_draft_changes(&draft, &count);
    cr_assert_eq(count, 2);
    cr_expect(cf_id_equal(&changes[0].item, &one));
    cr_assert_eq(changes[0].over_count, 2);
    cr_expect_eq(changes[0].over[0].sequence, 2);
    cr_expect_eq(changes[0].over[1].sequence, 7);
    cf_change_draft_release(&draft);
    cf_arena_release(&arena);
}

Test(change_draft, has_what_was_written_since_it_was_asked)
{
    cf_arena arena = {0};
    cf_change_draft draft = {.arena = &arena};
    size_t count;

    replace(&draft, &one, 1);
    cf_change_draft_changes(&draft, &count);
    replace(&draft, &other, 1);
    cf_change_draft_changes(&draft, &count);
    cr_expect_eq(count, 2);
    cf_change_draft_release(&draft);
    cf_arena_release(&arena);
}

/* ---- Fields ---- */

static cf_buffer packed(const char *name)
{
    cf_buffer out = {0};

    cf_field_pack(&out, cf_bytes_of_text(name));
    return out;
}

/* Programs before know no other numbers than these. */
Test(change_draft, fields_are_numbers_in_records_as_far_as_all_know_them)
{
    for (uint32_t number = 0; number < CF_FIELD_NUMBERS; number++) {
        const cf_bytes name = cf_field_fixed(number);
        cf_buffer record = {0};

        cf_field_pack(&record, name);
        cr_expect_eq(record.size == 1, number < CF_FIELD_NUMBERS_KEPT, "%u", number);
        cf_buffer_release(&record);
    }
    cf_buffer own = packed("/a field");
    cr_expect_gt(own.size, 1);
    cf_buffer_release(&own);
}

Test(change_draft, fields_by_a_number_that_no_record_has_are_damage)
{
    for (uint64_t number = 0; number <= CF_FIELD_NUMBERS; number++) {
        cf_buffer record = {0};
        cf_bytes name;
        cf_error error;

        cf_pack_uint(&record, number);
        cf_reader reader = cf_reader_of(cf_buffer_view(&record));
        if (number < CF_FIELD_NUMBERS_KEPT)
            expect_ok(cf_field_read(&reader, &name, &error), error);
        else
            expect_fails(cf_field_read(&reader, &name, &error), CF_MALFORMED);
        cf_buffer_release(&record);
    }
}
