/* SPDX-License-Identifier: Apache-2.0 */
/* An item's record: [dots, writes, names], where a dot is [writer, sequence, hash, ms, counter], a
 * write [field, index of its dot, weak, value], a remembered name [field, index of its dot, count].
 * A field with a fixed number is that number, any other its name. All are ascending, and a dot that
 * only names use has no time, so that equal entries make equal bytes in whatever order they came.
 * Older programs wrote names without a count, and nothing in order. */
#include "peer/merge/state_item.h"

#include <stdlib.h>

/* ---- Writing ---- */

typedef struct {
    uint32_t number;
    bool has_time; /* a write that lives uses it */
} listed_dot;

static int compare_listed(const void *left, const void *right, void *context)
{
    const listed_dot *a = left, *b = right;

    return a->number == b->number
               ? 0
               : cf_dot_compare(cf_dots_at(context, a->number), cf_dots_at(context, b->number));
}

/* The dots of an item's writes and names, ascending, each once. */
static listed_dot *list_dots(const cf_item *item, cf_dots *dots, size_t *count)
{
    listed_dot *list = cf_allocate(item->total, sizeof *list);

    *count = 0;
    for (uint32_t i = 0; i < item->total; i++)
        list[i] = (listed_dot){item->writes[i].dot, i < item->live};
    qsort_r(list, item->total, sizeof *list, compare_listed, dots);
    for (uint32_t i = 0; i < item->total; i++) {
        if (*count && list[*count - 1].number == list[i].number)
            list[*count - 1].has_time |= list[i].has_time;
        else
            list[(*count)++] = list[i];
    }
    return list;
}

static size_t index_of(const listed_dot *list, size_t count, cf_dots *dots, uint32_t number)
{
    listed_dot wanted = {number, false};
    size_t first = 0;

    while (count > 1) { /* the number is among `count` from `first` on */
        size_t half = count / 2;

        if (compare_listed(&wanted, &list[first + half], dots) >= 0) {
            first += half;
            count -= half;
        } else {
            count = half;
        }
    }
    return first;
}

static void pack_dot(cf_buffer *out, const cf_dots *dots, const listed_dot *listed)
{
    const cf_dot *dot = cf_dots_at(dots, listed->number);
    cf_time time = listed->has_time ? cf_dots_time(dots, listed->number) : (cf_time){0};

    cf_pack_array(out, 5);
    cf_pack_bin(out, cf_bytes_of(dot->writer.bytes, sizeof dot->writer.bytes));
    cf_pack_uint(out, dot->sequence);
    cf_pack_bin(out, cf_bytes_of(dot->hash, sizeof dot->hash));
    cf_pack_uint(out, time.ms);
    cf_pack_uint(out, time.counter);
}

/* A name that an older program wrote has no count, and is packed without one again. */
static void pack_name(cf_buffer *out, const cf_state *state, const cf_stored_write *name,
                      size_t dot)
{
    bool counted = name->size != CF_NAMES_UNCOUNTED;

    cf_pack_array(out, counted ? 3 : 2);
    cf_field_pack(out, cf_state_field_name(state, name->field));
    cf_pack_uint(out, dot);
    if (counted)
        cf_pack_uint(out, name->size);
}

static void pack_write(cf_buffer *out, const cf_state *state, const cf_item *item,
                       const cf_stored_write *write, size_t dot)
{
    cf_pack_array(out, 4);
    cf_field_pack(out, cf_state_field_name(state, write->field));
    cf_pack_uint(out, dot);
    cf_pack_bool(out, write->weak);
    cf_pack_raw(out, cf_bytes_of((const uint8_t *)item + write->value, write->size));
}

bool cf_state_item_pack(const cf_state *state, const cf_id *id, cf_buffer *out)
{
    const cf_item *item = cf_state_record(state, id);
    cf_dots *dots = cf_state_dots(state);
    size_t count;

    if (!item)
        return false;
    listed_dot *list = list_dots(item, dots, &count);
    cf_pack_array(out, 3);
    cf_pack_array(out, count);
    for (size_t i = 0; i < count; i++)
        pack_dot(out, dots, &list[i]);
    cf_pack_array(out, item->live);
    for (uint32_t i = 0; i < item->live; i++)
        pack_write(out, state, item, &item->writes[i],
                   index_of(list, count, dots, item->writes[i].dot));
    cf_pack_array(out, item->total - item->live);
    for (uint32_t i = item->live; i < item->total; i++)
        pack_name(out, state, &item->writes[i], index_of(list, count, dots, item->writes[i].dot));
    free(list);
    return true;
}

/* ---- Reading ---- */

typedef struct {
    cf_dot dot;
    cf_time time;
} timed_dot;

static cf_status read_dot(cf_reader *reader, timed_dot *out, cf_error *error)
{
    cf_status status = cf_read_array_of(reader, 5, error);

    if (!status)
        status = cf_read_bin_exact(reader, out->dot.writer.bytes, CF_ID_SIZE, error);
    if (!status)
        status = cf_read_uint(reader, &out->dot.sequence, error);
    if (!status)
        status = cf_read_bin_exact(reader, out->dot.hash, sizeof out->dot.hash, error);
    if (!status)
        status = cf_read_uint(reader, &out->time.ms, error);
    if (!status)
        status = cf_read_uint(reader, &out->time.counter, error);
    return status;
}

typedef struct {
    cf_state *state;
    timed_dot *dots;
    uint32_t *numbers; /* of the dots; those that were given one */
    size_t dot_count, numbered;
    cf_slots slots;
} unpacking;

static cf_status read_dots(cf_reader *reader, unpacking *record, cf_error *error)
{
    cf_status status = cf_read_array(reader, &record->dot_count, error);

    if (status)
        return status;
    record->dots = cf_allocate(record->dot_count, sizeof(timed_dot));
    record->numbers = cf_allocate(record->dot_count, sizeof(uint32_t));
    for (size_t i = 0; !status && i < record->dot_count; i++) {
        status = read_dot(reader, &record->dots[i], error);
        if (!status)
            record->numbers[record->numbered++] =
                cf_dots_use(cf_state_dots(record->state), &record->dots[i].dot);
    }
    return status;
}

/* A dot and field come once in a record, as a write or as a remembered name. */
static cf_status read_place(cf_reader *reader, unpacking *record, cf_slot **out, cf_error *error)
{
    uint64_t index = 0;
    cf_bytes field;

    cf_status status = cf_field_read(reader, &field, error);
    if (!status)
        status = cf_read_uint(reader, &index, error);
    if (!status && index >= record->dot_count)
        status = cf_fail(error, CF_MALFORMED, "a dot that is not listed");
    if (status)
        return status;
    *out = cf_slots_of(record->state, &record->slots, cf_state_field_number(record->state, field),
                       record->numbers[index]);
    return (*out)->balance ? cf_fail(error, CF_MALFORMED, "a write twice") : CF_OK;
}

static cf_status read_write(cf_reader *reader, unpacking *record, cf_error *error)
{
    cf_slot *slot = NULL;
    cf_status status = cf_read_array_of(reader, 4, error);

    if (!status)
        status = read_place(reader, record, &slot, error);
    if (!status)
        status = cf_read_bool(reader, &slot->weak, error);
    if (!status)
        status = cf_read_value(reader, &slot->value, error);
    if (!status)
        slot->balance = CF_WRITE_LIVES;
    return status;
}

static cf_status read_name(cf_reader *reader, unpacking *record, cf_error *error)
{
    uint64_t names = CF_NAMES_UNCOUNTED;
    cf_slot *slot = NULL;
    size_t size = 0;

    cf_status status = cf_read_array(reader, &size, error);
    if (!status && size != 2 && size != 3)
        status = cf_fail(error, CF_MALFORMED, "a remembered name of %zu elements", size);
    if (!status)
        status = read_place(reader, record, &slot, error);
    if (!status && size == 3)
        status = cf_read_uint(reader, &names, error);
    if (!status && (names == 0 || names > CF_NAMES_UNCOUNTED))
        status = cf_fail(error, CF_MALFORMED, "a name that is remembered %llu times",
                         (unsigned long long)names);
    if (!status)
        slot->balance = (int32_t)names;
    return status;
}

static cf_status read_each(cf_reader *reader, unpacking *record,
                           cf_status (*read)(cf_reader *, unpacking *, cf_error *), cf_error *error)
{
    size_t count = 0;
    cf_status status = cf_read_array(reader, &count, error);

    for (size_t i = 0; !status && i < count; i++)
        status = read(reader, record, error);
    return status;
}

static cf_status read_record(cf_reader *reader, unpacking *record, cf_error *error)
{
    cf_status status = cf_read_array_of(reader, 3, error);

    if (!status)
        status = read_dots(reader, record, error);
    if (!status)
        status = read_each(reader, record, read_write, error);
    if (!status)
        status = read_each(reader, record, read_name, error);
    return status ? status : cf_read_end(reader, error);
}

/* A dot that only names use has no time in the record: what the state knows of its time stays. */
static void take_record(cf_state *state, const cf_id *id, unpacking *record)
{
    cf_dots *dots = cf_state_dots(state);

    for (size_t i = 0; i < record->dot_count; i++)
        if (record->dots[i].time.ms || record->dots[i].time.counter)
            cf_dots_set_time(dots, record->numbers[i], record->dots[i].time);
    cf_state_take_item(state, id, cf_slots_store(state, &record->slots, id));
}

static void release_record(unpacking *record)
{
    cf_dots *dots = cf_state_dots(record->state);

    for (size_t i = 0; i < record->slots.count; i++)
        cf_dots_drop(dots, record->slots.at[i].dot);
    for (size_t i = 0; i < record->numbered; i++)
        cf_dots_drop(dots, record->numbers[i]);
    cf_slots_release(&record->slots);
    free(record->dots);
    free(record->numbers);
}

cf_status cf_state_item_read(cf_state *state, const cf_id *id, cf_bytes bytes, cf_error *error)
{
    cf_reader reader = cf_reader_of(bytes);
    unpacking record = {.state = state};

    cf_status status = read_record(&reader, &record, error);
    if (status)
        cf_error_while(error, "reading an item");
    else
        take_record(state, id, &record);
    release_record(&record);
    return status;
}
