/* SPDX-License-Identifier: Apache-2.0 */
/* Values of a row that are too long to be synced: they are named, and cost nothing. */
#include "peer/sources/records/record_values.h"

#include "codec/content.h"
#include "codec/item.h"
#include "codec/limits.h"
#include "tests/support/expect.h"

#include <stdlib.h>
#include <string.h>

static const cf_id record = {{CF_KIND_RECORD}};
static const cf_bytes photo = {(const uint8_t *)"/photo", 6};

static cf_row a_row(const cf_bytes *value, cf_row_field *field)
{
    *field = (cf_row_field){photo, value, 1};
    return (cf_row){.key = cf_bytes_of_text("\xa1k"), .fields = field, .field_count = 1};
}

/* What a look makes of a row with so long a value. */
static bool is_odd(size_t size, bool *is_reduced)
{
    uint8_t *bytes = cf_allocate(1, size);
    cf_bytes value = cf_bytes_of(bytes, size);
    cf_record_file file = {.count = 1};
    cf_rows_as_read as_read;
    cf_arena arena = {0};
    cf_row_field field;
    cf_row row = a_row(&value, &field);

    bytes[0] = 0xc6; /* of no terse form */
    file.rows = &row;
    cf_record_values_reduce(&(cf_values_look){0}, &file, &arena, &as_read);
    *is_reduced = cf_item_has_content(&record, photo, row.fields[0].values[0]);
    bool odd = as_read.odd && as_read.odd[0];
    cr_expect(odd || cf_bytes_equal(as_read.rows[0].fields[0].values[0], value));
    cf_arena_release(&arena);
    free(bytes);
    return odd;
}

Test(record_values, that_are_too_long_leave_their_row_as_it_was)
{
    bool is_reduced;

    cr_expect_not(is_odd(CF_RECORD_VALUE_MAX, &is_reduced));
    cr_expect(is_reduced);
    cr_expect(is_odd(CF_RECORD_VALUE_MAX + 1, &is_reduced));
    cr_expect_not(is_reduced);
}

/* What a look says against a row of one set with so many values, and of one more field. */
static const char *why_too_wide(const cf_env *env, size_t values, cf_arena *arena)
{
    static const cf_bytes value = {(const uint8_t *)"\1", 1};
    cf_bytes *all = cf_allocate(values, sizeof *all);
    cf_row_field fields[] = {{photo, all, values}, {cf_bytes_of_text("/title"), &value, 1}};
    cf_row row = {.key = cf_bytes_of_text("\xa1k"), .fields = fields, .field_count = 2};
    cf_record_file file = {.rows = &row, .count = 1};
    cf_peer peer = {.env = env};
    cf_rows_as_read as_read;

    for (size_t i = 0; i < values; i++)
        all[i] = value;
    cf_record_values_reduce(&(cf_values_look){.peer = env ? &peer : NULL}, &file, arena, &as_read);
    free(all);
    return as_read.odd ? as_read.odd[0] : NULL;
}

Test(record_values, of_which_a_row_has_too_many_leave_it_as_it_was)
{
    const cf_env few = {.item_writes = 64};
    cf_arena arena = {0};

    cr_expect_null(why_too_wide(&few, 64 - CF_ROW_OWN_WRITES - 1, &arena));
    cr_expect_not_null(why_too_wide(&few, 64 - CF_ROW_OWN_WRITES, &arena));
    cr_expect_null(why_too_wide(NULL, CF_ITEM_WRITES_MAX - CF_ROW_OWN_WRITES - 1, &arena));
    const char *why = why_too_wide(NULL, CF_ITEM_WRITES_MAX - CF_ROW_OWN_WRITES, &arena);
    cr_assert_not_null(why);
    cr_expect(strstr(why, "more than 1048560 values"), "%s", why);
    cf_arena_release(&arena);
}

/* There is nobody here whom it could be asked of. */
Test(record_values, that_are_too_long_are_asked_of_nobody)
{
    static const cf_hash hash = {"a photo"};
    cf_source_context context = {0};
    cf_binding binding = {.rows = cf_rows_new(), .nodes = cf_nodes_new()};
    cf_buffer identity = {0};
    cf_arena arena = {0};
    cf_row_field field;
    const char *why = NULL;
    cf_row out;

    cf_content_identity_pack(&identity, &hash, CF_RECORD_VALUE_MAX + 1);
    cf_bytes value = cf_buffer_view(&identity);
    cf_row row = a_row(&value, &field);
    cf_record_values *values = cf_record_values_new(&context, &binding);
    cr_expect_eq(cf_record_values_fetch(values, &row, &arena, &out, &why), CF_VALUES_FAILED);
    cr_assert(why);
    cr_expect(strstr(why, "too large"), "%s", why);
    cf_record_values_destroy(&values);
    cf_rows_destroy(&binding.rows);
    cf_nodes_destroy(&binding.nodes);
    cf_buffer_release(&identity);
    cf_arena_release(&arena);
}
