/* SPDX-License-Identifier: Apache-2.0 */
/* An item's record: [dots, writes, names], where a dot is [writer, sequence, hash, ms, counter], a
 * write [field, index of its dot, weak, value], a remembered name [field, index of its dot]. A
 * field with a fixed number is that number, any other its name. */
#include "peer/merge/state_item.h"

#include <stdlib.h>

static size_t index_of(const uint32_t *numbers, size_t count, uint32_t number)
{
    size_t i = 0;

    while (i < count && numbers[i] != number)
        i++;
    return i;
}

static void pack_dot(cf_buffer *out, const cf_dots *dots, uint32_t number)
{
    const cf_dot *dot = cf_dots_at(dots, number);
    cf_time time = cf_dots_time(dots, number);

    cf_pack_array(out, 5);
    cf_pack_bin(out, cf_bytes_of(dot->writer.bytes, sizeof dot->writer.bytes));
    cf_pack_uint(out, dot->sequence);
    cf_pack_bin(out, cf_bytes_of(dot->hash, sizeof dot->hash));
    cf_pack_uint(out, time.ms);
    cf_pack_uint(out, time.counter);
}

bool cf_state_item_pack(const cf_state *state, const cf_id *id, cf_buffer *out)
{
    const cf_item *item = cf_state_record(state, id);

    if (!item)
        return false;
    uint32_t *numbers = cf_allocate(item->total, sizeof *numbers);
    size_t count = 0;
    for (uint32_t i = 0; i < item->total; i++)
        if (index_of(numbers, count, item->writes[i].dot) == count)
            numbers[count++] = item->writes[i].dot;
    cf_pack_array(out, 3);
    cf_pack_array(out, count);
    for (size_t i = 0; i < count; i++)
        pack_dot(out, cf_state_dots(state), numbers[i]);
    cf_pack_array(out, item->live);
    for (uint32_t i = 0; i < item->total; i++) {
        const cf_stored_write *write = &item->writes[i];

        if (i == item->live)
            cf_pack_array(out, item->total - item->live);
        cf_pack_array(out, i < item->live ? 4 : 2);
        cf_field_pack(out, cf_state_field_name(state, write->field));
        cf_pack_uint(out, index_of(numbers, count, write->dot));
        if (i >= item->live)
            continue;
        cf_pack_bool(out, write->weak);
        cf_pack_raw(out, cf_bytes_of((const uint8_t *)item + write->value, write->size));
    }
    if (item->live == item->total)
        cf_pack_array(out, 0);
    free(numbers);
    return true;
}

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
    size_t dot_count;
    cf_slots slots;
} unpacking;

static cf_status read_slot(cf_reader *reader, unpacking *record, bool remembered, cf_error *error)
{
    cf_slot slot = {.remembered = remembered};
    uint64_t index = 0;
    cf_bytes field;
    cf_status status = cf_read_array_of(reader, remembered ? 2 : 4, error);

    if (!status)
        status = cf_field_read(reader, &field, error);
    if (!status)
        status = cf_read_uint(reader, &index, error);
    if (!status && index >= record->dot_count)
        status = cf_fail(error, CF_MALFORMED, "a dot that is not listed");
    if (!status && !remembered)
        status = cf_read_bool(reader, &slot.weak, error);
    if (!status && !remembered)
        status = cf_read_value(reader, &slot.value, error);
    if (status)
        return status;
    slot.field = cf_state_field_number(record->state, field);
    slot.dot = (uint32_t)index; /* a number of its own once all is read */
    for (size_t i = 0; i < record->slots.count; i++)
        if (record->slots.at[i].field == slot.field && record->slots.at[i].dot == slot.dot)
            return cf_fail(error, CF_MALFORMED, "a write twice");
    cf_slots_add(&record->slots, slot);
    return CF_OK;
}

static cf_status read_record(cf_reader *reader, unpacking *record, cf_error *error)
{
    cf_status status = cf_read_array_of(reader, 3, error);

    if (!status)
        status = cf_read_array(reader, &record->dot_count, error);
    if (!status)
        record->dots = cf_allocate(record->dot_count, sizeof(timed_dot));
    for (size_t i = 0; !status && i < record->dot_count; i++)
        status = read_dot(reader, &record->dots[i], error);
    for (int remembered = 0; !status && remembered < 2; remembered++) {
        size_t count = 0;

        status = cf_read_array(reader, &count, error);
        for (size_t i = 0; !status && i < count; i++)
            status = read_slot(reader, record, remembered, error);
    }
    return status ? status : cf_read_end(reader, error);
}

cf_status cf_state_item_read(cf_state *state, const cf_id *id, cf_bytes bytes, cf_error *error)
{
    cf_reader reader = cf_reader_of(bytes);
    unpacking record = {.state = state};
    cf_status status = read_record(&reader, &record, error);

    if (status) {
        cf_error_while(error, "reading an item");
        goto done;
    }
    for (size_t i = 0; i < record.slots.count; i++) {
        const timed_dot *listed = &record.dots[record.slots.at[i].dot];
        uint32_t number = cf_dots_use(cf_state_dots(state), &listed->dot);

        record.slots.at[i].dot = number;
        if (listed->time.ms || listed->time.counter)
            cf_dots_set_time(cf_state_dots(state), number, listed->time);
    }
    cf_state_take_item(state, id, cf_slots_store(state, &record.slots, id));
done:
    free(record.dots);
    cf_slots_release(&record.slots);
    return status;
}
