/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of rows that came without one. */
#include "peer/adapters/csv.h"

#include "peer/adapters/text/csv_document.h"
#include "tests/support/expect.h"

#include <string.h>

static const cf_bytes key = {(const uint8_t *)"id", 2};
static const cf_csv_source source = {
    .table = {(const uint8_t *)"t", 1}, .keys = &key, .key_count = 1};

static cf_buffer filled(cf_bytes text)
{
    cf_csv_document *document = NULL;
    cf_buffer out = {0};
    cf_error error;

    expect_ok(cf_csv_document_read(text, &source, &document, &error), error);
    expect_ok(cf_csv_document_fill(document, &out, &error), error);
    cf_csv_document_destroy(&document);
    return out;
}

/* Two that say the same are two, and blanks say nothing. Made again elsewhere, the keys are the
 * same. */
Test(csv_keys, gives_each_row_that_says_something_a_key_of_its_own)
{
    cf_record_file rows = {0};
    cf_error error;
    static const char text[] = "name,city\nAnn,Rome\nAnn,Rome\n , \nBob,\n";
    cf_buffer once = filled(cf_bytes_of_text(text)), there = filled(cf_bytes_of_text(text));

    cr_expect(cf_bytes_equal(cf_buffer_view(&once), cf_buffer_view(&there)));
    expect_ok(cf_csv_rows_read(cf_buffer_view(&once), &source, &rows, &error), error);
    cr_assert_eq(rows.count, 3);
    for (size_t i = 0; i < rows.count; i++)
        for (size_t k = 0; k < i; k++)
            cr_expect_not(cf_bytes_equal(rows.rows[i].key, rows.rows[k].key));
    cf_buffer again = filled(cf_buffer_view(&once));
    cr_expect_eq(again.size, 0, "each has one");
    cf_record_file_release(&rows);
    cf_buffer_release(&once);
    cf_buffer_release(&there);
    cf_buffer_release(&again);
}

Test(csv_keys, leaves_keys_that_are_there)
{
    cf_buffer out = filled(cf_bytes_of_text("id,name\n7,Ann\n,Bob\n"));

    *cf_buffer_reserve(&out, 1) = '\0';
    cr_expect_not_null(strstr((char *)out.data, "\n7,Ann\n"), "%s", (char *)out.data);
    cf_buffer_release(&out);
}
