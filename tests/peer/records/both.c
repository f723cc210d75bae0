/* SPDX-License-Identifier: Apache-2.0 */
/* Which values of a card two devices put in the place of one, while apart: they are told. */
#include "peer/records/record_both.h"

#include <string.h>

#include "peer/adapters/vcard.h"
#include "tests/peer/records/text_world.h"
#include "tests/support/expect.h"

#define CARD(lines) "BEGIN:VCARD\nVERSION:3.0\nUID:1\nFN:Ann\nN:;Ann;;;\n" lines "END:VCARD\n"

/* The pairs that are told, in the order of their fields: "a b" of the texts looked for. */
static void expect_told(const char *before, const char *one, const char *other,
                        const char *const pairs[][2], size_t count)
{
    rule_world world = rule_world_of(&cf_schema_contacts);

    text_world_both(&world, before, one, other, false);
    cf_row_view *view = cf_row_view_new(world.state, world.schema);
    size_t told;
    const cf_row_both *both =
        cf_row_both_kept(view, world.state, world.schema, &world.arena, &told);
    cr_expect_eq(told, count, "%zu are told, not %zu:\n%s%s", told, count, one, other);
    for (size_t i = 0; i < count && told == count; i++) {
        size_t found = 0;

        for (size_t j = 0; j < told; j++)
            found +=
                memmem(both[j].first.data, both[j].first.size, pairs[i][0], strlen(pairs[i][0])) &&
                memmem(both[j].other.value.data, both[j].other.value.size, pairs[i][1],
                       strlen(pairs[i][1]));
        cr_expect_eq(found, 1, "%s and %s of\n%s%s", pairs[i][0], pairs[i][1], one, other);
    }
    cf_row_view_destroy(&view);
    rule_world_end(&world);
}

#define TELS(home, work, cell)                                                                     \
    CARD("TEL;TYPE=HOME:" home "\nTEL;TYPE=WORK:" work "\nTEL;TYPE=CELL:" cell "\n")

Test(record_both, tells_each_of_two_numbers_that_both_changed)
{
    /* by their order the numbers would be taken for each other's */
    expect_told(TELS("100", "200", "300"), TELS("911", "121", "300"), TELS("922", "122", "300"),
                (const char *const[][2]){{"911", "922"}, {"121", "122"}}, 2);
}

Test(record_both, tells_one_that_both_changed_where_one_of_them_changed_another_too)
{
    expect_told(TELS("100", "200", "300"), TELS("911", "200", "300"), TELS("922", "122", "300"),
                (const char *const[][2]){{"911", "922"}}, 1);
}

Test(record_both, tells_one_that_both_changed_where_one_of_them_adds_another)
{
    expect_told(TELS("100", "200", "300"), TELS("911", "200", "300"),
                TELS("922", "200", "300\nTEL;TYPE=FAX:122"),
                (const char *const[][2]){{"911", "922"}}, 1);
}

Test(record_both, tells_a_number_that_got_another_type_beside_one_that_did_not)
{
    expect_told(TELS("100", "200", "300"), TELS("911", "121", "300"),
                CARD("TEL;TYPE=HOME:922\nTEL;TYPE=PAGER:200\nTEL;TYPE=CELL:300\n"),
                (const char *const[][2]){{"911", "922"}, {"121", "200"}}, 2);
}

Test(record_both, tells_each_of_two_addresses_of_which_nothing_is_said)
{
    expect_told(CARD("EMAIL:x@1\nEMAIL:y@1\n"), CARD("EMAIL:x@a\nEMAIL:y@a\n"),
                CARD("EMAIL:x@b\nEMAIL:y@b\n"),
                (const char *const[][2]){{"x@a", "x@b"}, {"y@a", "y@b"}}, 2);
}

Test(record_both, tells_nothing_of_what_one_deleted_and_of_two_of_one_kind_that_became_one)
{
    expect_told(TELS("100", "200", "300"), TELS("911", "121", "300"), CARD("TEL;TYPE=CELL:300\n"),
                NULL, 0);
    expect_told(CARD("EMAIL:x@1\nEMAIL:y@1\n"), CARD("EMAIL:x@a\n"), CARD("EMAIL:x@b\n"), NULL, 0);
}
