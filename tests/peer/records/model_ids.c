/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/peer/records/model_ids.h"

#include <inttypes.h>
#include <stdlib.h>

#include <sodium.h>

#include "codec/pack.h"
#include "peer/records/row_refs.h"
#include "tests/peer/model/model_rules.h"

static void print_item(const cf_id *item, cf_buffer *out)
{
    char name[MODEL_ITEM_TEXT];

    model_item_text(item, name);
    cf_buffer_append_text(out, "%s", name);
}

void model_print(cf_bytes value, cf_buffer *out)
{
    cf_reader reader = cf_reader_of(value);
    cf_error error;
    int64_t number;
    cf_bytes text, key;
    cf_id item;

    if (cf_reference_item(value, &item)) {
        cf_buffer_append_text(out, "('@', '");
        print_item(&item, out);
        cf_buffer_append_text(out, "')");
    } else if (cf_reference_nothing(value, &key)) {
        cf_buffer_append_text(out, "('?', ");
        model_print(key, out);
        cf_buffer_append_text(out, ")");
    } else if (cf_read_int(&reader, &number, &error) == CF_OK) {
        cf_buffer_append_text(out, "%" PRId64, number);
    } else {
        reader = cf_reader_of(value);
        if (cf_read_text(&reader, &text, &error))
            abort();
        cf_buffer_append(out, text.data, text.size);
    }
}

/* A value as it stands within a row's content: texts in quotes, a reference is the item's name. */
static void print_quoted(cf_bytes value, cf_buffer *out)
{
    cf_type type = CF_TYPE_NIL;
    cf_reader reader = cf_reader_of(value);
    cf_error error;
    cf_id item;
    bool reference = cf_reference_item(value, &item);

    if (!reference && cf_read_type(&reader, &type, &error))
        abort();
    bool quoted = reference || type == CF_TYPE_TEXT;
    cf_buffer_append_text(out, "%s", quoted ? "'" : "");
    if (reference)
        print_item(&item, out);
    else
        model_print(value, out);
    cf_buffer_append_text(out, "%s", quoted ? "'" : "");
}

static cf_id digest(const cf_buffer *text)
{
    uint8_t hash[16];
    cf_id id = {{'r'}};

    crypto_generichash(hash, sizeof hash, text->data, text->size, NULL, 0);
    memcpy(id.bytes + 1, hash, sizeof id.bytes - 1);
    return id;
}

static void begin(cf_buffer *text, const char *purpose, const cf_schema_table *table, cf_bytes key)
{
    cf_buffer_append_text(text, "%s", purpose);
    cf_buffer_append(text, "", 1);
    cf_buffer_append(text, table->name.data, table->name.size);
    cf_buffer_append(text, "", 1);
    model_print(key, text);
}

static cf_id named(const char *purpose, const cf_schema_table *table, cf_bytes key)
{
    cf_buffer text = {0};

    begin(&text, purpose, table, key);
    cf_id id = digest(&text);
    cf_buffer_release(&text);
    return id;
}

static cf_id natural(void *context, const cf_schema_table *table, cf_bytes key)
{
    (void)context;
    return named("record", table, key);
}

static cf_id cycle(void *context, const cf_schema_table *table, cf_bytes key)
{
    (void)context;
    return named("cycle", table, key);
}

static int as_printed(const void *left, const void *right)
{
    cf_buffer a = {0}, b = {0};

    model_print(*(const cf_bytes *)left, &a);
    model_print(*(const cf_bytes *)right, &b);
    int order = cf_bytes_compare(cf_buffer_view(&a), cf_buffer_view(&b));
    cf_buffer_release(&a);
    cf_buffer_release(&b);
    return order;
}

static void print_values(const cf_schema_table *table, const cf_row_field *field, cf_buffer *out)
{
    bool set = cf_schema_field(table, field->name).merge == CF_MERGE_SET;
    cf_bytes *values = cf_allocate(field->count, sizeof *values);

    if (!set && field->count == 0)
        cf_buffer_append_text(out, "None");
    for (size_t i = 0; i < field->count; i++)
        values[i] = field->values[i];
    qsort(values, field->count, sizeof *values, as_printed);
    cf_buffer_append_text(out, "%s", set ? "[" : "");
    for (size_t i = 0; i < field->count; i++) {
        cf_buffer_append_text(out, "%s", i ? ", " : "");
        print_quoted(values[i], out);
    }
    cf_buffer_append_text(out, "%s", set ? "]" : "");
    free(values);
}

static cf_id serial(void *context, const cf_schema_table *table, cf_bytes key,
                    const cf_row_field *content, size_t count, uint64_t number)
{
    cf_buffer text = {0};

    (void)context;
    begin(&text, "row", table, key);
    cf_buffer_append(&text, "", 1);
    cf_buffer_append_text(&text, "[");
    for (size_t i = 0; i < count; i++) {
        cf_buffer_append_text(&text, "%s('%.*s', ", i ? ", " : "", (int)content[i].name.size - 1,
                              (const char *)content[i].name.data + 1);
        print_values(table, &content[i], &text);
        cf_buffer_append_text(&text, ")");
    }
    cf_buffer_append_text(&text, "]");
    cf_buffer_append(&text, "", 1);
    cf_buffer_append_text(&text, "%" PRIu64, number);
    cf_id id = digest(&text);
    cf_buffer_release(&text);
    return id;
}

static void entry(void *context, cf_bytes value, uint64_t number, char name[CF_ENTRY_NAME_MAX])
{
    cf_buffer text = {0};
    (void)context;
    cf_buffer_append_text(&text, "entry");
    cf_buffer_append(&text, "", 1);
    model_print(value, &text);
    cf_buffer_append(&text, "", 1);
    cf_buffer_append_text(&text, "%" PRIu64, number);
    cf_id id = digest(&text);
    cf_hex(cf_bytes_of(id.bytes + 1, 4), name);
    cf_buffer_release(&text);
}

const cf_record_ids model_record_ids = {
    .natural = natural,
    .serial = serial,
    .cycle = cycle,
    .entry = entry,
};
