/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/log/history_records.h"

#include "codec/content.h"
#include "codec/item.h"
#include "codec/pack.h"
#include "peer/adapters/record_format.h"
#include "peer/log/record_names.h"
#include "peer/merge/fields.h"
#include "peer/records/row_refs.h"

static const cf_change *change_of(const cf_change *changes, size_t count, uint32_t field)
{
    for (size_t i = 0; i < count; i++)
        if (cf_field_is(changes[i].field, field))
            return &changes[i];
    return NULL;
}

static size_t place_of(const cf_event *event, cf_bytes name)
{
    size_t i = 0;

    while (i < event->field_count && !cf_bytes_equal(event->fields[i], name))
        i++;
    return i;
}

/* In the place of a reference what that row is called. */
static cf_bytes named(const cf_collection *collection, cf_bytes value, cf_arena *arena)
{
    cf_buffer path = {0}, packed = {0};
    cf_bytes key;
    cf_id item;

    if (cf_reference_nothing(value, &key))
        return cf_arena_copy(arena, key);
    if (!collection || !cf_reference_item(value, &item))
        return cf_arena_copy(arena, value);
    cf_item_path(collection, &item, &path);
    cf_pack_text(&packed, cf_buffer_view(&path));
    cf_bytes copy = cf_arena_copy(arena, cf_buffer_view(&packed));
    cf_buffer_release(&path);
    cf_buffer_release(&packed);
    return copy;
}

/* What a change that writes no value leaves in its field, as far as the state says: the value that
 * was written before, as of two titles in conflict one was kept; else nothing, unless the field was
 * written since.
 *
 *     "Ann" and "Anja", "Ann" given up:   "Anja" stays
 *     then "Eva" written:                 untold of the former
 *     "Ann", emptied:                     nothing */
static cf_event_value value_left(const cf_collection *collection, const cf_change *change,
                                 const cf_event *event)
{
    const cf_item *item = collection ? cf_state_item(collection->state, &change->item) : NULL;
    cf_event_value left = {.untold = false};

    for (size_t i = 0; item && i < cf_item_write_count(item); i++) {
        const cf_write write = cf_state_write(collection->state, item, i);

        if (!cf_bytes_equal(cf_state_field_name(collection->state, write.field), change->field))
            continue;
        if (write.time.ms <= event->time_ms)
            return (cf_event_value){.value = write.value, .stays = true};
        left.untold = true;
    }
    return left;
}

static cf_event_value value_of(const cf_collection *collection, const cf_change *change,
                               const cf_event *event, cf_arena *arena)
{
    cf_event_value value = change->value.size ? (cf_event_value){.value = change->value}
                                              : value_left(collection, change, event);
    const cf_bytes said = value.value;
    cf_buffer identity = {0};
    cf_error ignored;

    value.value = (cf_bytes){0};
    value.is_long = cf_item_has_content(&change->item, change->field, said);
    if (!value.is_long)
        value.value = named(collection, said, arena);
    else if (cf_content_identity(said, &identity, &ignored) == CF_OK)
        value.value = cf_arena_copy(arena, cf_buffer_view(&identity));
    cf_buffer_release(&identity);
    return value;
}

/* Each once, though several values of a set may have changed: what went and what came is an edit of
 * one value. */
static void add_fields(const cf_collection *collection, const cf_change *changes, size_t count,
                       cf_event *event, cf_arena *arena)
{
    const cf_schema_table plain = {.kind = event->item.bytes[0]};
    cf_bytes *fields = cf_arena_allocate(arena, count, sizeof *fields), name;
    cf_event_value *values = cf_arena_allocate(arena, count, sizeof *values);
    cf_buffer text = {0};

    event->fields = fields;
    event->values = values;
    for (size_t i = 0; i < count; i++) {
        if (cf_row_field_is_reserved(changes[i].field))
            continue;
        cf_schema_property(&plain, changes[i].field, &name);
        cf_buffer_clear(&text);
        cf_record_field_path(event->item.bytes[0], name, &text);
        const size_t at = place_of(event, cf_buffer_view(&text));
        const cf_event_value value = value_of(collection, &changes[i], event, arena);
        if (at == event->field_count) {
            fields[event->field_count++] = cf_arena_copy(arena, cf_buffer_view(&text));
            values[at] = value;
        } else if (value.value.size) {
            values[at] = (cf_event_value){.value = value.value,
                                          .is_long = value.is_long,
                                          .untold = values[at].value.size > 0};
        }
    }
    cf_buffer_release(&text);
}

void cf_history_record(const cf_collection *collection, const cf_change *changes, size_t count,
                       cf_event *event, cf_arena *arena)
{
    const cf_change *table = change_of(changes, count, CF_FIELD_NUMBER_TABLE);
    const cf_change *key = change_of(changes, count, CF_FIELD_NUMBER_KEY);
    bool keyed = key && key->value.size;

    if (collection)
        event->title = cf_record_title(collection, &event->item, arena);
    if (change_of(changes, count, CF_FIELD_NUMBER_DELETED)) {
        event->what = "deleted";
    } else if (keyed && !key->weak && table && table->value.size) {
        event->what = "new";
    } else {
        add_fields(collection, changes, count, event, arena);
        event->what = event->field_count ? "edited" : keyed ? "moved" : "settled";
    }
}
