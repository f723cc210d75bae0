/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/peer/adapters/text_rows.h"

cf_record_file rows;

static const text_format *format;
static cf_error error;

void text_rows_enter(const text_format *of)
{
    format = of;
}

void text_rows_leave(void)
{
    cf_record_file_release(&rows);
}

void read_bytes(cf_bytes bytes)
{
    text_rows_leave();
    expect_ok(format->read(bytes, &rows, &error), error);
}

void read_text(const char *text)
{
    read_bytes(cf_bytes_of_text(text));
}

static int by_key(const void *left, const void *right)
{
    return cf_bytes_compare(((const cf_row *)left)->key, ((const cf_row *)right)->key);
}

cf_buffer printed(void)
{
    cf_buffer out = {0};

    if (format->in_any_order)
        qsort(rows.rows, rows.count, sizeof *rows.rows, by_key);
    print_rows(&rows, &out);
    return out;
}

cf_buffer rewritten(cf_bytes before)
{
    cf_buffer out = {0};

    expect_ok(format->write(before, rows.rows, rows.count, &out, &error), error);
    return out;
}

cf_buffer rewritten_with(const char *before, const char *table, const char *field, const char *json)
{
    cf_buffer value = {0}, out = {0};
    cf_json parsed;

    expect_ok(cf_json_read(cf_bytes_of_text(json), &parsed, &error), error);
    expect_ok(cf_json_value(&parsed, 0, &value, &error), error);
    const cf_bytes values[] = {cf_buffer_view(&value)};
    const cf_row_field fields[] = {{cf_bytes_of_text(field), values, 1}};
    const cf_row row = {.table = cf_bytes_of_text(table),
                        .key = cf_bytes_of_text("\xa1"
                                                "1"),
                        .fields = fields,
                        .field_count = 1};
    expect_ok(format->write(cf_bytes_of_text(before), &row, 1, &out, &error), error);
    cf_json_release(&parsed);
    cf_buffer_release(&value);
    return out;
}

void expect_change(const char *before, const char *wanted, const char *after)
{
    read_text(wanted);
    cf_buffer out = rewritten(cf_bytes_of_text(before));
    expect_written(&out, after);
}

void expect_edit(const char *name, const char *old, const char *new)
{
    cf_buffer before = an_export(name), after = with_replaced((char *)before.data, old, new);

    read_bytes(cf_buffer_view(&after));
    cf_buffer out = rewritten(cf_buffer_view(&before));
    *cf_buffer_reserve(&after, 1) = '\0';
    expect_written(&out, (char *)after.data);
    cf_buffer_release(&after);
    cf_buffer_release(&before);
}

void expect_same_in(const char *file, const char *name)
{
    cf_buffer meant = printed(), out = rewritten(cf_bytes_of_text(file)), again;

    again = rewritten(cf_buffer_view(&out)); /* it is written once, and not again */
    cr_assert(cf_bytes_equal(cf_buffer_view(&again), cf_buffer_view(&out)), "%s", name);
    cf_buffer_release(&again);
    read_bytes(cf_buffer_view(&out));
    again = printed();
    cr_assert(cf_bytes_equal(cf_buffer_view(&meant), cf_buffer_view(&again)),
              "%s in <%s> was\n%.*s\nand is\n%.*s\nin %.*s", name, file, (int)meant.size,
              (char *)meant.data, (int)again.size, (char *)again.data, (int)out.size,
              (char *)out.data);
    expect_troubles(&rows, "");
    cf_buffer_release(&meant);
    cf_buffer_release(&again);
    cf_buffer_release(&out);
}

void expect_alike(const char *one, const char *other)
{
    read_text(one);
    cf_buffer meant = printed();
    read_text(other);
    cf_buffer again = printed();
    cr_assert(cf_bytes_equal(cf_buffer_view(&meant), cf_buffer_view(&again)), "%.*s and %.*s",
              (int)meant.size, (char *)meant.data, (int)again.size, (char *)again.data);
    expect_change(one, other, one);
    cf_buffer_release(&meant);
    cf_buffer_release(&again);
}

void expect_unchanged(cf_bytes bytes)
{
    text_rows_leave();
    if (format->read(bytes, &rows, &error))
        return;
    cf_buffer out = rewritten(bytes);
    cr_assert(cf_bytes_equal(cf_buffer_view(&out), bytes));
    cf_buffer_release(&out);
}

void expect_export_unchanged(const char *name, size_t count)
{
    cf_buffer bytes = an_export(name);

    read_bytes(cf_buffer_view(&bytes));
    cr_assert_eq(rows.count, count, "%s", name);
    expect_troubles(&rows, "");
    cf_buffer out = rewritten(cf_buffer_view(&bytes));
    cr_assert(cf_bytes_equal(cf_buffer_view(&out), cf_buffer_view(&bytes)), "%s is\n%.*s", name,
              (int)out.size, (char *)out.data);
    cf_buffer_release(&out);
    cf_buffer_release(&bytes);
}
