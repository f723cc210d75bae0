/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/log/record_names.h"

#include <string.h>

#include "codec/item.h"
#include "codec/pack.h"
#include "codec/pointer.h"
#include "peer/adapters/record_format.h"
#include "peer/records/row_refs.h"

enum { PATH_DEPTH_MAX = 512, TITLE_MAX = 100 /* bytes, of a text that may be a title */ };

void cf_record_path(uint8_t kind, cf_bytes table, cf_bytes key, cf_buffer *out)
{
    if (kind == CF_KIND_ROW && table.size) {
        cf_buffer_append(out, table.data, table.size);
        cf_buffer_append(out, "/", 1);
    }
    cf_record_key_text(key, out);
}

static const char *title_field(uint8_t kind)
{
    if (kind == CF_KIND_CONTACT)
        return "/name/full";
    return kind == CF_KIND_EVENT || kind == CF_KIND_TASK ? "/title" : NULL;
}

static cf_bytes text_of(cf_bytes value)
{
    cf_reader reader = cf_reader_of(value);
    cf_bytes text;
    cf_error ignored;

    return cf_read_text(&reader, &text, &ignored) == CF_OK ? text : (cf_bytes){0};
}

cf_bytes cf_record_table(const cf_collection *collection, const cf_id *item)
{
    return text_of(cf_collection_last(collection, item, CF_FIELD_TABLE));
}

/* ---- Rows of a database ---- */

/* What a row's program is most likely to show of it. */
static cf_bytes own_title(const cf_collection *collection, const cf_id *item)
{
    static const char *const columns[] = {CF_COLUMNS "/name",  CF_COLUMNS "/title",
                                          CF_COLUMNS "/label", CF_COLUMNS "/tag",
                                          CF_COLUMNS "/text",  CF_COLUMNS "/url"};
    cf_bytes text = {0};

    for (size_t i = 0; i < sizeof columns / sizeof *columns && !text.size; i++)
        text = text_of(cf_collection_last(collection, item, columns[i]));
    return text;
}

/* Of a row that has no such column: the first of its short texts, by the columns' names. */
static cf_bytes any_text(const cf_collection *collection, const cf_id *id)
{
    const cf_item *item = cf_state_item(collection->state, id);
    const size_t count = item ? cf_item_write_count(item) : 0;
    cf_bytes text = {0};

    for (size_t i = 0; i < count && !text.size; i++) {
        const cf_bytes field = cf_state_field_name(
            collection->state, cf_state_write(collection->state, item, i).field);
        const char *name = NULL;
        cf_arena arena = {0};
        cf_bytes column;

        if (cf_pointer_below(field, CF_COLUMNS, &column) && column.size)
            name = cf_arena_text(&arena, field);
        if (name)
            text = text_of(cf_collection_last(collection, id, name));
        if (text.size > TITLE_MAX || (text.size && memchr(text.data, '\n', text.size)))
            text = (cf_bytes){0};
        cf_arena_release(&arena);
    }
    return text;
}

/* What people would call the row that another one joins: its name, or the key that says it. */
static void append_called(const cf_collection *collection, const cf_id *id, cf_buffer *out)
{
    const cf_bytes own = own_title(collection, id);
    const cf_bytes key = text_of(cf_collection_last(collection, id, CF_FIELD_KEY));
    const cf_bytes called = own.size ? own : key.size ? key : any_text(collection, id);

    if (called.size)
        cf_buffer_append_text(out, "'%.*s'", (int)called.size, (const char *)called.data);
    else
        cf_item_path(collection, id, out);
}

/* "book_id" is of a book. */
static void append_column(cf_bytes field, cf_buffer *out)
{
    static const char suffix[] = "_id";
    const size_t before = out->size, size = sizeof suffix - 1;

    cf_record_field_text(field, out);
    if (out->size > before + size && memcmp(out->data + out->size - size, suffix, size) == 0)
        out->size -= size;
}

/* Appends what the row that the write refers to is called; false: it refers to none. */
static bool append_joined(const cf_collection *collection, const cf_write *write, cf_buffer *out)
{
    const cf_bytes field = cf_state_field_name(collection->state, write->field);
    cf_bytes column;
    cf_id target;

    if (write->field < CF_FIELD_NUMBERS || !cf_reference_item(write->value, &target))
        return false;
    if (out->size)
        cf_buffer_append_text(out, " + ");
    if (cf_pointer_below(field, CF_COLUMNS, &column) && column.size) {
        append_column(field, out);
        cf_buffer_append_text(out, " ");
    }
    append_called(collection, &target, out);
    return true;
}

/* Its own name; of a row that joins others, theirs: that of item 3, "Milk", and tag 5, "shopping",
 * is "item 'Milk' + tag 'shopping'". NULL: it has none. */
static const char *title_of_row(const cf_collection *collection, const cf_id *id, cf_arena *arena)
{
    const cf_item *item = cf_state_item(collection->state, id);
    const size_t count = item ? cf_item_write_count(item) : 0;
    cf_bytes own = own_title(collection, id);
    cf_buffer text = {0};
    size_t joined = 0;
    uint32_t before = UINT32_MAX;

    for (size_t i = 0; i < count && !own.size; i++) {
        const cf_write write = cf_state_write(collection->state, item, i);

        if (write.field != before && append_joined(collection, &write, &text)) {
            before = write.field;
            joined++;
        }
    }
    const char *title = own.size     ? cf_arena_text(arena, own)
                        : joined > 1 ? cf_arena_text(arena, cf_buffer_view(&text))
                                     : NULL;
    cf_buffer_release(&text);
    return title;
}

const char *cf_record_title(const cf_collection *collection, const cf_id *item, cf_arena *arena)
{
    const char *field = title_field(item->bytes[0]);
    cf_bytes text = {0};

    if (item->bytes[0] == CF_KIND_ROW)
        return title_of_row(collection, item, arena);

    if (field)
        text = text_of(cf_collection_last(collection, item, field));
    return text.size ? cf_arena_text(arena, text) : NULL;
}

/* Of files a name is any bytes, in the catalog it is text. */
static cf_bytes name_of(const cf_collection *collection, const cf_id *item)
{
    cf_bytes value = cf_collection_last(collection, item, CF_FIELD_NAME), name;
    cf_reader reader = cf_reader_of(value);
    cf_error ignored;

    return cf_read_bin(&reader, &name, &ignored) == CF_OK ? name : text_of(value);
}

static bool parent_of(const cf_collection *collection, const cf_id *item, cf_id *out)
{
    cf_bytes value = cf_collection_last(collection, item, CF_FIELD_PARENT);
    cf_reader reader = cf_reader_of(value);
    cf_error ignored;

    return cf_read_bin_exact(&reader, out->bytes, CF_ID_SIZE, &ignored) == CF_OK &&
           !cf_id_equal(out, &cf_root_item);
}

static void append_place(const cf_collection *collection, const cf_id *item, unsigned depth,
                         cf_buffer *out)
{
    cf_bytes name = name_of(collection, item);
    char id[2 * CF_ID_SIZE + 1];
    cf_id parent;

    if (depth < PATH_DEPTH_MAX && parent_of(collection, item, &parent)) {
        append_place(collection, &parent, depth + 1, out);
        cf_buffer_append(out, "/", 1);
    }
    cf_hex(cf_bytes_of(item->bytes, CF_ID_SIZE), id);
    if (!name.size)
        name = cf_bytes_of_text(id);
    cf_buffer_append(out, name.data, name.size);
}

void cf_item_path(const cf_collection *collection, const cf_id *item, cf_buffer *out)
{
    cf_bytes key = {0};

    if (cf_item_is_record(item))
        key = cf_collection_last(collection, item, CF_FIELD_KEY);
    if (key.size)
        cf_record_path(item->bytes[0], cf_record_table(collection, item), key, out);
    else
        append_place(collection, item, 0, out);
}

typedef struct {
    const cf_collection *collection;
    cf_bytes path;
    cf_buffer found_path;
    bool found;
    cf_id item;
} naming;

static void compare_name(void *context, const cf_id *item)
{
    naming *self = context;

    if (self->found || !cf_kind_is_record(item->bytes[0]) ||
        !cf_collection_lives(self->collection, item))
        return;
    cf_bytes key = cf_collection_value(self->collection, item, CF_FIELD_KEY);
    if (!key.size)
        return;
    cf_buffer_clear(&self->found_path);
    cf_record_path(item->bytes[0], cf_record_table(self->collection, item), key, &self->found_path);
    self->found = cf_bytes_equal(cf_buffer_view(&self->found_path), self->path);
    self->item = *item;
}

bool cf_record_named(const cf_collection *collection, cf_bytes path, cf_id *out)
{
    naming self = {.collection = collection, .path = path};

    cf_state_each(collection->state, compare_name, &self);
    cf_buffer_release(&self.found_path);
    if (self.found)
        *out = self.item;
    return self.found;
}
