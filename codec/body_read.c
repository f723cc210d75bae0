/* SPDX-License-Identifier: Apache-2.0 */
/* A body out of bytes (PROTOCOL.md, "Bodies"); body_pack.c writes. Any bytes end in a body or a
 * status; what body_pack.c would not have written, such as dots out of order or dots that nothing
 * mentions, is refused. */
#include "codec/change.h"

#include "codec/content.h"
#include "codec/item.h"
#include "codec/limits.h"
#include "codec/pack.h"

/* The shortest encodings: no count is believed that the bytes which remain can't hold. */
enum { DOT_SIZE_MIN = 37, CHANGE_SIZE_MIN = 21, SUPPLY_SIZE_MIN = 36 };

typedef struct {
    cf_reader reader;
    const cf_entry *entry;
    cf_arena *arena;
    const cf_dot *dots;
    bool *named; /* of each dot: whether an index was met */
    size_t dot_count;
    size_t references; /* mentions of dots so far */
    cf_buffer scratch;
} decoder;

static cf_status read_count(decoder *self, size_t size_min, size_t *count, cf_error *error)
{
    cf_status status = cf_read_array(&self->reader, count, error);

    if (!status && *count > (size_t)(self->reader.end - self->reader.at) / size_min)
        status =
            cf_fail(error, CF_MALFORMED, "a count of %zu goes beyond the bytes there are", *count);
    return status;
}

static cf_status read_tuple(decoder *self, size_t wanted, cf_error *error)
{
    size_t count;
    cf_status status = cf_read_array(&self->reader, &count, error);

    if (!status && count != wanted)
        status = cf_fail(error, CF_MALFORMED, "%zu elements where %zu should be", count, wanted);
    return status;
}

static cf_status read_dot(decoder *self, cf_dot *out, cf_error *error)
{
    const cf_header *own = &self->entry->header;
    cf_status status = read_tuple(self, 3, error);

    if (!status)
        status = cf_read_bin_exact(&self->reader, out->writer.bytes, CF_ID_SIZE, error);
    if (!status)
        status = cf_read_uint(&self->reader, &out->sequence, error);
    if (!status && (out->sequence == 0 || out->sequence > CF_SEQUENCE_MAX))
        status = cf_fail(error, CF_MALFORMED, "a dot's sequence is 0 or over 2^63 - 1");
    if (!status && cf_id_equal(&out->writer, &own->writer) && out->sequence >= own->sequence)
        status = cf_fail(error, CF_MALFORMED, "the entry refers to itself or a later one");
    if (!status)
        status = cf_read_bin_exact(&self->reader, out->hash, sizeof out->hash, error);
    return status;
}

static cf_status read_table(decoder *self, cf_error *error)
{
    size_t count;
    cf_status status = read_count(self, DOT_SIZE_MIN, &count, error);

    if (!status && count > CF_BODY_REFERENCES_MAX)
        status = cf_fail(error, CF_TOO_LARGE, "%zu dots in one body", count);
    if (status)
        return status;
    cf_dot *dots = cf_arena_allocate(self->arena, count, sizeof *dots);
    for (size_t i = 0; i < count && !status; i++) {
        status = read_dot(self, &dots[i], error);
        if (!status && i > 0 && cf_dot_compare(&dots[i - 1], &dots[i]) >= 0)
            status = cf_fail(error, CF_MALFORMED, "the dots are not in ascending order");
    }
    self->dots = dots;
    self->named = cf_arena_allocate(self->arena, count, sizeof *self->named);
    self->dot_count = count;
    return status;
}

static cf_status check_table_is_used(const decoder *self, cf_error *error)
{
    for (size_t i = 0; i < self->dot_count; i++)
        if (!self->named[i])
            return cf_fail(error, CF_MALFORMED, "a dot that nothing refers to");
    return CF_OK;
}

static cf_status read_index(decoder *self, size_t *index, cf_error *error)
{
    uint64_t number;
    cf_status status = cf_read_uint(&self->reader, &number, error);

    if (status)
        return status;
    if (number >= self->dot_count)
        return cf_fail(error, CF_MALFORMED, "an index goes beyond the table of dots");
    if (++self->references > CF_BODY_REFERENCES_MAX)
        return cf_fail(error, CF_TOO_LARGE, "a body mentions dots too often");
    self->named[number] = true;
    *index = number;
    return CF_OK;
}

static cf_status read_over(decoder *self, cf_change *out, cf_error *error)
{
    size_t count, index = 0, previous = 0;
    cf_status status = read_count(self, 1, &count, error);

    if (!status && count > self->dot_count)
        status = cf_fail(error, CF_MALFORMED, "`over` has more dots than there are");
    if (!status && count > CF_BODY_REFERENCES_MAX - self->references)
        status = cf_fail(error, CF_TOO_LARGE, "a body mentions dots too often");
    if (status || count == 0)
        return status;
    cf_dot *over = cf_arena_allocate(self->arena, count, sizeof *over);
    for (size_t i = 0; i < count; i++) {
        status = read_index(self, &index, error);
        if (status)
            return status;
        if (i > 0 && index <= previous)
            return cf_fail(error, CF_MALFORMED, "`over` is not in ascending order");
        over[i] = self->dots[index];
        previous = index;
    }
    out->over = over;
    out->over_count = count;
    return CF_OK;
}

static cf_status read_field(decoder *self, cf_bytes *out, cf_error *error)
{
    cf_status status = cf_read_text(&self->reader, out, error);

    return status ? status : cf_field_check(*out, error);
}

static cf_status read_cover(decoder *self, cf_cover *out, size_t *index, cf_error *error)
{
    cf_status status = read_tuple(self, 2, error);

    if (!status)
        status = read_field(self, &out->field, error);
    if (!status)
        status = read_index(self, index, error);
    if (!status)
        out->dot = self->dots[*index];
    return status;
}

static cf_status read_covers(decoder *self, cf_cover *covers, size_t count, cf_error *error)
{
    size_t index = 0, previous = 0;

    for (size_t i = 0; i < count; i++) {
        cf_status status = read_cover(self, &covers[i], &index, error);

        if (status)
            return status;
        int order = i > 0 ? cf_bytes_compare(covers[i - 1].field, covers[i].field) : -1;
        if (order > 0 || (order == 0 && index <= previous))
            return cf_fail(error, CF_MALFORMED, "what a deletion covers is not in order");
        previous = index;
    }
    return CF_OK;
}

/* The value with whole dots is in self->scratch afterwards. */
static cf_status read_deletion(decoder *self, cf_error *error)
{
    size_t count;
    cf_status status = read_count(self, 3, &count, error);

    if (!status && count > CF_BODY_REFERENCES_MAX - self->references)
        status = cf_fail(error, CF_TOO_LARGE, "a body mentions dots too often");
    if (status)
        return status;
    cf_arena arena = {0};
    cf_cover *covers = cf_arena_allocate(&arena, count, sizeof *covers);
    status = read_covers(self, covers, count, error);
    if (!status)
        cf_covers_pack(&self->scratch, covers, count);
    cf_arena_release(&arena);
    return status;
}

static cf_status read_index_or_nil(decoder *self, bool *has, cf_dot *out, cf_error *error)
{
    cf_type type;
    size_t index = 0;
    cf_status status = cf_read_type(&self->reader, &type, error);

    if (status)
        return status;
    *has = type != CF_TYPE_NIL;
    if (!*has)
        return cf_read_nil(&self->reader, error);
    status = read_index(self, &index, error);
    if (!status)
        *out = self->dots[index];
    return status;
}

static cf_status read_pin(decoder *self, cf_error *error)
{
    cf_pin pin = {0};
    cf_status status = read_tuple(self, 4, error);

    if (!status)
        status = cf_read_bin_exact(&self->reader, pin.parent.bytes, CF_ID_SIZE, error);
    if (!status)
        status = cf_read_bin(&self->reader, &pin.name, error);
    if (!status)
        status = cf_name_check(pin.name, error);
    if (!status)
        status = read_index_or_nil(self, &pin.has_parent_dot, &pin.parent_dot, error);
    if (!status)
        status = read_index_or_nil(self, &pin.has_name_dot, &pin.name_dot, error);
    if (!status)
        cf_pin_pack(&self->scratch, &pin);
    return status;
}

static cf_status read_plain_value(decoder *self, cf_change *change, cf_error *error)
{
    cf_content content;
    cf_status status = cf_read_value(&self->reader, &change->value, error);

    if (status)
        return status;
    if (cf_item_has_content(&change->item, change->field, change->value))
        return cf_content_read(change->value, self->entry->header.blob_count, &content, error);
    return cf_item_check(&change->item, change->field, change->value, error);
}

static cf_status read_value(decoder *self, cf_change *change, cf_error *error)
{
    cf_status status;

    cf_buffer_clear(&self->scratch);
    if (cf_field_is_deletion(change->field)) {
        status = read_deletion(self, error);
    } else if (cf_field_is_pin(&change->item, change->field)) {
        status = read_pin(self, error);
    } else {
        return read_plain_value(self, change, error);
    }
    if (!status)
        change->value = cf_arena_copy(self->arena, cf_buffer_view(&self->scratch));
    return status;
}

static cf_status check_change(const cf_change *change, cf_error *error)
{
    bool writes = change->value.size > 0;

    if (!writes && change->over_count == 0)
        return cf_fail(error, CF_MALFORMED, "a change changes nothing");
    if (cf_field_is_deletion(change->field) && (!writes || change->weak || change->over_count))
        return cf_fail(error, CF_MALFORMED, "a deletion is weak, or replaces something");
    return CF_OK;
}

static cf_status read_change(decoder *self, cf_change *out, cf_error *error)
{
    size_t count;
    cf_status status = cf_read_array(&self->reader, &count, error);

    if (!status && count != 5 && count != 3)
        status = cf_fail(error, CF_MALFORMED, "a change of %zu elements", count);
    if (!status)
        status = cf_read_bin_exact(&self->reader, out->item.bytes, CF_ID_SIZE, error);
    if (!status)
        status = read_field(self, &out->field, error);
    if (!status)
        status = read_over(self, out, error);
    if (!status && count == 5)
        status = cf_read_bool(&self->reader, &out->weak, error);
    if (!status && count == 5)
        status = read_value(self, out, error);
    return status ? status : check_change(out, error);
}

static cf_status read_changes(decoder *self, cf_body *out, cf_error *error)
{
    size_t count;
    cf_status status = read_count(self, CHANGE_SIZE_MIN, &count, error);

    if (status)
        return status;
    cf_change *changes = cf_arena_allocate(self->arena, count, sizeof *changes);
    for (size_t i = 0; i < count && !status; i++) {
        status = read_change(self, &changes[i], error);
        if (!status && i > 0 && cf_change_compare(&changes[i - 1], &changes[i]) >= 0)
            status = cf_fail(error, CF_MALFORMED, "the changes are not in ascending order");
    }
    out->changes = changes;
    out->change_count = count;
    return status;
}

static cf_status read_supply(decoder *self, cf_supply *out, cf_error *error)
{
    cf_how how;
    cf_status status = read_tuple(self, 2, error);

    if (!status)
        status = cf_read_bin_exact(&self->reader, out->content.bytes, CF_HASH_SIZE, error);
    if (!status)
        status = cf_read_value(&self->reader, &out->how, error);
    if (!status)
        status = cf_how_read(out->how, self->entry->header.blob_count, &how, error);
    return status;
}

static cf_status read_supplies(decoder *self, cf_body *out, cf_error *error)
{
    size_t count;
    cf_status status = read_count(self, SUPPLY_SIZE_MIN, &count, error);

    if (status)
        return status;
    cf_supply *supplies = cf_arena_allocate(self->arena, count, sizeof *supplies);
    for (size_t i = 0; i < count && !status; i++)
        status = read_supply(self, &supplies[i], error);
    out->supplies = supplies;
    out->supply_count = count;
    return status;
}

static cf_status read_time(decoder *self, cf_body *out, cf_error *error)
{
    cf_status status = cf_read_uint(&self->reader, &out->time.ms, error);

    if (!status && out->time.ms > CF_TIME_MS_MAX)
        status = cf_fail(error, CF_MALFORMED, "a time is after the year 9999");
    if (!status)
        status = cf_read_uint(&self->reader, &out->time.counter, error);
    return status;
}

static cf_status read_part(decoder *self, cf_body *out, cf_error *error)
{
    cf_status status = cf_read_uint(&self->reader, &out->part, error);

    if (!status)
        status = cf_read_uint(&self->reader, &out->parts, error);
    if (!status && (out->part == 0 || out->part > out->parts || out->parts > CF_PARTS_MAX))
        status = cf_fail(error, CF_MALFORMED, "a part that can't be");
    return status;
}

static cf_status read_body(decoder *self, cf_body *out, cf_error *error)
{
    cf_status status = read_tuple(self, 7, error);

    if (!status)
        status = read_time(self, out, error);
    if (!status)
        status = read_part(self, out, error);
    if (!status)
        status = read_table(self, error);
    if (!status)
        status = read_changes(self, out, error);
    if (!status)
        status = check_table_is_used(self, error);
    if (!status)
        status = read_supplies(self, out, error);
    return status ? status : cf_read_end(&self->reader, error);
}

cf_status cf_body_read(cf_bytes plain, const cf_entry *entry, cf_arena *arena, cf_body *out,
                       cf_error *error)
{
    decoder self = {.reader = cf_reader_of(plain), .entry = entry, .arena = arena};
    cf_body body = {0};

    if (entry->header.version > CF_ENTRY_VERSION || entry->header.type != CF_ENTRY_CHANGE)
        return cf_fail(error, CF_DENIED, "an entry that only a newer version can read");
    if (plain.size > CF_BODY_MAX)
        return cf_fail(error, CF_TOO_LARGE, "a body of %zu bytes", plain.size);
    cf_status status = read_body(&self, &body, error);
    cf_buffer_release(&self.scratch);
    if (!status)
        *out = body;
    return status;
}
