/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/peer/model/vector_file.h"

#include <stdio.h>
#include <stdlib.h>

#include <zstd.h>

#include "codec/pack.h"
#include "tests/peer/model/model_rules.h"

static void read_file(const char *path, cf_buffer *out)
{
    FILE *file = fopen(path, "rb");
    size_t got;

    if (!file) {
        perror(path);
        abort();
    }
    do {
        got = fread(cf_buffer_reserve(out, 1 << 16), 1, 1 << 16, file);
        out->size += got;
    } while (got);
    fclose(file);
}

static void decompress(cf_bytes compressed, cf_buffer *out)
{
    ZSTD_DStream *stream = ZSTD_createDStream();
    ZSTD_inBuffer in = {compressed.data, compressed.size, 0};
    size_t step = 1 << 20;

    while (in.pos < in.size) {
        ZSTD_outBuffer piece = {cf_buffer_reserve(out, step), step, 0};

        if (ZSTD_isError(ZSTD_decompressStream(stream, &piece, &in)))
            abort();
        out->size += piece.pos;
    }
    ZSTD_freeDStream(stream);
}

static void load_lines(const char *path, cf_buffer *lines)
{
    static const uint8_t magic[] = {0x28, 0xb5, 0x2f, 0xfd};
    cf_buffer file = {0};

    read_file(path, &file);
    if (file.size > sizeof magic && memcmp(file.data, magic, sizeof magic) == 0)
        decompress(cf_buffer_view(&file), lines);
    else
        cf_buffer_append(lines, file.data, file.size);
    cf_buffer_release(&file);
}

size_t vectors_each_in(const char *path, void (*check)(const json_t *vector))
{
    cf_buffer lines = {0};
    size_t count = 0;

    load_lines(path, &lines);
    for (size_t at = 0, end; at < lines.size; at = end + 1) {
        const uint8_t *newline = memchr(lines.data + at, '\n', lines.size - at);

        end = newline ? (size_t)(newline - lines.data) : lines.size;
        json_t *vector = json_loadb((const char *)lines.data + at, end - at, 0, NULL);
        if (!vector)
            abort();
        check(vector);
        json_decref(vector);
        count++;
    }
    cf_buffer_release(&lines);
    return count;
}

size_t vectors_each(void (*check)(const json_t *vector))
{
    const char *path = getenv("CF_MERGE_VECTORS");

    return vectors_each_in(path ? path : CF_MERGE_VECTORS_HERE, check);
}

static cf_bytes kept(cf_arena *arena, cf_buffer *packed)
{
    cf_bytes copy = cf_arena_copy(arena, cf_buffer_view(packed));

    cf_buffer_release(packed);
    return copy;
}

static cf_bytes words(const json_t *text)
{
    return cf_bytes_of(json_string_value(text), json_string_length(text));
}

cf_bytes vector_text(const json_t *text, cf_arena *arena)
{
    cf_buffer packed = {0};

    cf_pack_text(&packed, words(text));
    return kept(arena, &packed);
}

cf_dot vector_dot(const json_t *pair)
{
    return (cf_dot){
        .writer = model_writer(json_string_value(json_array_get(pair, 0))),
        .sequence = (uint64_t)json_integer_value(json_array_get(pair, 1)),
    };
}

cf_bytes vector_covers(const json_t *list, cf_arena *arena)
{
    size_t count = json_array_size(list);
    cf_cover *all = cf_arena_allocate(arena, count, sizeof *all);
    cf_buffer packed = {0};

    for (size_t i = 0; i < count; i++) {
        const json_t *pair = json_array_get(list, i);

        all[i] = (cf_cover){words(json_array_get(pair, 0)), vector_dot(json_array_get(pair, 1))};
    }
    cf_covers_pack(&packed, all, count);
    return kept(arena, &packed);
}

static cf_bytes pin(const json_t *list, cf_arena *arena)
{
    const json_t *parent = json_array_get(list, 2), *name = json_array_get(list, 3);
    cf_pin pin = {
        .parent = model_item(json_string_value(json_array_get(list, 0))),
        .name = words(json_array_get(list, 1)),
        .has_parent_dot = json_is_array(parent),
        .has_name_dot = json_is_array(name),
    };
    cf_buffer packed = {0};

    if (pin.has_parent_dot)
        pin.parent_dot = vector_dot(parent);
    if (pin.has_name_dot)
        pin.name_dot = vector_dot(name);
    cf_pin_pack(&packed, &pin);
    return kept(arena, &packed);
}

static cf_bytes value_of(const char *field, const json_t *value, cf_arena *arena)
{
    cf_buffer packed = {0};

    if (json_is_null(value))
        return (cf_bytes){0};
    if (strcmp(field, CF_FIELD_DELETED) == 0)
        return vector_covers(value, arena);
    if (strcmp(field, CF_FIELD_PIN) == 0)
        return pin(value, arena);
    if (strcmp(field, CF_FIELD_PARENT) == 0 || strcmp(field, CF_FIELD_FROM) == 0) {
        cf_id parent = model_item(json_string_value(value));

        cf_pack_bin(&packed, cf_bytes_of(parent.bytes, sizeof parent.bytes));
    } else if (strcmp(field, CF_FIELD_NAME) == 0) {
        cf_pack_bin(&packed, words(value));
    } else {
        cf_pack_text(&packed, words(value));
    }
    return kept(arena, &packed);
}

cf_change *vector_changes(const json_t *list, cf_arena *arena, size_t *count)
{
    *count = json_array_size(list);
    cf_change *changes = cf_arena_allocate(arena, *count, sizeof *changes);
    for (size_t i = 0; i < *count; i++) {
        const json_t *from = json_array_get(list, i), *over = json_object_get(from, "over");
        const char *field = json_string_value(json_object_get(from, "field"));
        cf_dot *dots = cf_arena_allocate(arena, json_array_size(over), sizeof *dots);

        for (size_t j = 0; j < json_array_size(over); j++)
            dots[j] = vector_dot(json_array_get(over, j));
        changes[i] = (cf_change){
            .item = model_item(json_string_value(json_object_get(from, "item"))),
            .field = cf_bytes_of_text(field),
            .value = value_of(field, json_object_get(from, "value"), arena),
            .over = dots,
            .over_count = json_array_size(over),
            .weak = json_is_true(json_object_get(from, "weak")),
        };
    }
    return changes;
}

static const cf_dot *heads(json_t *after, cf_arena *arena, size_t *count)
{
    cf_dot *dots = cf_arena_allocate(arena, json_object_size(after), sizeof *dots);
    const char *writer;
    json_t *sequence;

    *count = 0;
    json_object_foreach(after, writer, sequence) dots[(*count)++] = (cf_dot){
        .writer = model_writer(writer), .sequence = (uint64_t)json_integer_value(sequence)};
    return dots;
}

vector_entry *vector_entries(const json_t *vector, cf_arena *arena, size_t *count)
{
    const json_t *list = json_object_get(vector, "entries");

    *count = json_array_size(list);
    vector_entry *entries = cf_arena_allocate(arena, *count, sizeof *entries);
    for (size_t i = 0; i < *count; i++) {
        json_t *from = json_array_get(list, i);
        vector_entry *entry = &entries[i];

        entry->dot.writer = model_writer(json_string_value(json_object_get(from, "writer")));
        entry->dot.sequence = (uint64_t)json_integer_value(json_object_get(from, "sequence"));
        entry->time.ms = (uint64_t)json_integer_value(json_object_get(from, "time"));
        entry->after = heads(json_object_get(from, "after"), arena, &entry->after_count);
        entry->changes = vector_changes(json_object_get(from, "changes"), arena, &entry->count);
    }
    return entries;
}

bool vector_counts(const json_t *limits, const vector_entry *entry)
{
    const char letter[] = {(char)entry->dot.writer.bytes[0], '\0'};
    const json_t *limit = json_object_get(limits, letter);

    return !limit || entry->dot.sequence <= (uint64_t)json_integer_value(limit);
}

const cf_id *vector_items(const json_t *list, cf_arena *arena, size_t *count)
{
    *count = json_array_size(list);
    cf_id *items = cf_arena_allocate(arena, *count, sizeof *items);
    for (size_t i = 0; i < *count; i++)
        items[i] = model_item(json_string_value(json_array_get(list, i)));
    return items;
}

cf_bytes vector_refs(const json_t *refs, cf_arena *arena)
{
    cf_ref *all = NULL;
    size_t count = 0, capacity = 0;
    const char *item, *field;
    json_t *fields, *pairs;
    cf_buffer packed = {0};

    json_object_foreach((json_t *)refs, item, fields) json_object_foreach(
        fields, field, pairs) for (size_t i = 0; i < json_array_size(pairs); i++)
    {
        const json_t *pair = json_array_get(pairs, i);

        *cf_one_more(all, count, capacity) = (cf_ref){
            .item = model_item(item),
            .holder = model_item(json_string_value(json_array_get(pair, 0))),
            .field = cf_bytes_of_text(field),
            .dot = vector_dot(json_array_get(pair, 1)),
        };
    }
    cf_refs_pack(&packed, all, count);
    free(all);
    return kept(arena, &packed);
}

bool vector_holds(const json_t *held, const cf_dot *dot)
{
    for (size_t i = 0; i < json_array_size(held); i++) {
        cf_dot one = vector_dot(json_array_get(held, i));

        if (cf_dot_equal(&one, dot))
            return true;
    }
    return false;
}
