/* SPDX-License-Identifier: Apache-2.0 */
/* The records of a source in the home: packed, read when the engine opens, changed, and dropped
 * with the source; and its base, read into memory. What is added to the source's record comes last,
 * and is left out where nobody uses it: older programs read these records, too. */
#include "peer/bindings/binding.h"

#include "codec/pack.h"
#include "peer/bindings/lifted.h"
#include "peer/bindings/rescued.h"
#include "peer/log/author.h"

#include <stdlib.h>

/* One of before there were records has no keys. Behind them stand, as far as the last that says
 * anything: the map, what was asked for earlier, by which the source has still to deselect, the
 * tables that it leaves out, the columns of which the last value counts, and those that name rows.
 */
enum {
    PARTS_OF_FILES = 8,
    PARTS,
    PARTS_WITH_MAP,
    PARTS_WITH_EARLIER,
    PARTS_WITH_EXCLUDE,
    PARTS_WITH_LAST,
    PARTS_WITH_NATURAL
};
/* Beside the mode. */
enum { MODES = 3, MERGES = 4, UNITES = 8 };

static void pack_texts(cf_buffer *out, char *const *texts, size_t count)
{
    cf_pack_array(out, count);
    for (size_t i = 0; i < count; i++)
        cf_pack_bin(out, cf_bytes_of_text(texts[i]));
}

static size_t count_parts(const cf_binding *binding)
{
    if (binding->natural_count)
        return PARTS_WITH_NATURAL;
    if (binding->last_count)
        return PARTS_WITH_LAST;
    if (binding->exclude_count)
        return PARTS_WITH_EXCLUDE;
    if (binding->earlier_count)
        return PARTS_WITH_EARLIER;
    return binding->map ? PARTS_WITH_MAP : PARTS;
}

static void pack_earlier(cf_buffer *out, const cf_binding *binding)
{
    cf_pack_array(out, binding->earlier_count);
    for (size_t i = 0; i < binding->earlier_count; i++)
        pack_texts(out, binding->earlier[i].include, binding->earlier[i].include_count);
}

/* Nothing in it: rows of one number are the same, as it was kept before there was more. */
static void put_meeting(const cf_binding *binding, cf_kv_list *records)
{
    cf_arena arena = {0};
    cf_buffer value = {0};

    cf_pack_uint(&value, binding->meets);
    cf_pack_uint(&value, binding->met_ms);
    cf_kv_list_put(records, cf_key_source(&arena, CF_TABLE_MEETING, binding->number),
                   cf_buffer_view(&value));
    cf_buffer_release(&value);
    cf_arena_release(&arena);
}

void cf_binding_put(const cf_binding *binding, cf_kv_list *records)
{
    cf_arena arena = {0};
    cf_buffer value = {0};

    const size_t parts = count_parts(binding);
    cf_pack_array(&value, parts);
    cf_pack_bin(&value, cf_bytes_of(binding->collection.bytes, CF_ID_SIZE));
    cf_pack_uint(&value, binding->format);
    cf_pack_uint(&value, (uint64_t)binding->mode | (binding->merges ? MERGES : 0) |
                             (binding->unites ? UNITES : 0));
    cf_pack_uint(&value, binding->base);
    cf_pack_bin(&value, cf_bytes_of_text(binding->path));
    cf_pack_bin(&value, cf_bytes_of(binding->instance.bytes, CF_ID_SIZE));
    cf_pack_uint(&value, binding->next_node);
    pack_texts(&value, binding->include, binding->include_count);
    pack_texts(&value, binding->keys, binding->key_count);
    if (parts >= PARTS_WITH_MAP)
        cf_pack_bin(&value, cf_bytes_of_text(binding->map ? binding->map : ""));
    if (parts >= PARTS_WITH_EARLIER)
        pack_earlier(&value, binding);
    if (parts >= PARTS_WITH_EXCLUDE)
        pack_texts(&value, binding->exclude, binding->exclude_count);
    if (parts >= PARTS_WITH_LAST)
        pack_texts(&value, binding->last, binding->last_count);
    if (parts >= PARTS_WITH_NATURAL)
        pack_texts(&value, binding->natural, binding->natural_count);
    cf_kv_list_put(records, cf_key_source(&arena, CF_TABLE_SOURCE, binding->number),
                   cf_buffer_view(&value));
    if (binding->meets)
        put_meeting(binding, records);
    cf_buffer_release(&value);
    cf_arena_release(&arena);
}

void cf_binding_end_meeting(const cf_peer *peer, cf_binding *binding, unsigned meets,
                            uint64_t now_ms, cf_kv_list *records)
{
    if (!(binding->meets & meets))
        return;
    binding->meets &= ~meets;
    binding->met_ms = cf_author_time(peer->author, now_ms).ms;
    put_meeting(binding, records);
}

static cf_status read_texts(cf_reader *reader, cf_arena *arena, const char *const **out,
                            size_t *count, cf_error *error)
{
    cf_status status = cf_read_array(reader, count, error);
    if (status)
        return status;
    const char **texts = cf_arena_allocate(arena, *count, sizeof *texts);
    for (size_t i = 0; !status && i < *count; i++) {
        cf_bytes text;

        status = cf_read_bin(reader, &text, error);
        if (!status)
            texts[i] = cf_arena_text(arena, text);
    }
    *out = texts;
    return status;
}

static cf_status read_earlier(cf_reader *reader, cf_arena *arena, cf_binding *binding,
                              cf_error *error)
{
    const char *const *include;
    size_t count, texts;

    cf_status status = cf_read_array(reader, &count, error);
    for (size_t i = 0; !status && i < count; i++) {
        status = read_texts(reader, arena, &include, &texts, error);
        if (!status)
            status = cf_binding_note_earlier(binding, include, texts, error);
    }
    return status;
}

/* A record of a source, as it is read. */
typedef struct {
    cf_reader reader;
    cf_arena arena; /* of what the options borrow */
    cf_binding_options options;
    size_t parts;
    cf_id instance;
    uint64_t next_node;
    cf_bytes earlier;
} binding_reading;

static cf_status read_way(binding_reading *self, cf_error *error)
{
    uint64_t format = 0, mode = 0, base = 0;

    cf_status status = cf_read_uint(&self->reader, &format, error);
    if (!status)
        status = cf_read_uint(&self->reader, &mode, error);
    if (!status)
        status = cf_read_uint(&self->reader, &base, error);
    if (!status && (format >= CF_FORMATS || mode > (UNITES | MERGES | CF_MODE_RECEIVE) ||
                    (mode & MODES) > CF_MODE_RECEIVE || base > CF_BASE_LEAVES))
        status = cf_fail(error, CF_BROKEN, "the record of source %u is of a newer program",
                         self->options.number);
    self->options.format = (cf_format)format;
    self->options.mode = (cf_mode)(mode & MODES);
    self->options.merges = mode & MERGES;
    self->options.unites = mode & UNITES;
    self->options.base = (cf_base_kept)base;
    return status;
}

static cf_status read_head(binding_reading *self, cf_error *error)
{
    cf_reader *reader = &self->reader;
    cf_bytes path = {0};

    cf_status status = cf_read_array(reader, &self->parts, error);
    if (!status && (self->parts < PARTS_OF_FILES || self->parts > PARTS_WITH_NATURAL))
        status = cf_fail(error, CF_BROKEN, "the record of source %u has %zu parts",
                         self->options.number, self->parts);
    if (!status)
        status = cf_read_bin_exact(reader, self->options.collection.bytes, CF_ID_SIZE, error);
    if (!status)
        status = read_way(self, error);
    if (!status)
        status = cf_read_bin(reader, &path, error);
    if (!status)
        status = cf_read_bin_exact(reader, self->instance.bytes, CF_ID_SIZE, error);
    if (!status)
        status = cf_read_uint(reader, &self->next_node, error);
    self->options.path = cf_arena_text(&self->arena, path);
    return status;
}

static cf_status read_choices(binding_reading *self, cf_error *error)
{
    cf_binding_options *options = &self->options;
    cf_reader *reader = &self->reader;
    cf_arena *arena = &self->arena;
    cf_bytes map = {0};

    cf_status status = read_texts(reader, arena, &options->include, &options->include_count, error);
    if (!status && self->parts >= PARTS)
        status = read_texts(reader, arena, &options->keys, &options->key_count, error);
    if (!status && self->parts >= PARTS_WITH_MAP)
        status = cf_read_bin(reader, &map, error);
    if (!status && self->parts >= PARTS_WITH_EARLIER)
        status = cf_read_value(reader, &self->earlier, error);
    if (!status && self->parts >= PARTS_WITH_EXCLUDE)
        status = read_texts(reader, arena, &options->exclude, &options->exclude_count, error);
    if (!status && self->parts >= PARTS_WITH_LAST)
        status = read_texts(reader, arena, &options->last, &options->last_count, error);
    if (!status && self->parts >= PARTS_WITH_NATURAL)
        status = read_texts(reader, arena, &options->natural, &options->natural_count, error);
    options->map = map.size ? cf_arena_text(arena, map) : NULL;
    return status;
}

static cf_status read_binding(uint32_t number, cf_bytes value, cf_files *files, cf_binding **out,
                              cf_error *error)
{
    binding_reading self = {.reader = cf_reader_of(value), .options = {.number = number}};

    cf_status status = read_head(&self, error);
    if (!status)
        status = read_choices(&self, error);
    if (!status)
        status = cf_binding_new(&self.options, out, error);
    if (!status) {
        (*out)->instance = self.instance;
        (*out)->next_node = self.next_node;
        self.reader = cf_reader_of(self.earlier);
        if (self.earlier.size)
            status = read_earlier(&self.reader, &self.arena, *out, error);
        if (status)
            cf_binding_destroy(out, files);
    }
    cf_arena_release(&self.arena);
    return status == CF_MALFORMED ? CF_BROKEN : status;
}

typedef struct {
    cf_peer *peer;
    cf_binding **bindings;
    size_t count, capacity;
    cf_status status;
    cf_error *error;
} loading;

static bool load_binding(void *context, cf_bytes key, cf_bytes value)
{
    loading *load = context;
    cf_binding *binding;

    if (key.size != 5)
        return true;
    load->status = read_binding(cf_get_u32(key.data + 1), value, load->peer->env->files, &binding,
                                load->error);
    if (load->status)
        return false;
    *cf_one_more(load->bindings, load->count, load->capacity) = binding;
    return true;
}

typedef struct {
    cf_binding *binding;
    cf_rows *rows; /* into which rows go */
    cf_status status;
    cf_error *error;
} base_loading;

static bool load_node(void *context, cf_bytes key, cf_bytes value)
{
    base_loading *load = context;
    cf_arena arena = {0};
    cf_node node;

    (void)key;
    load->status = cf_node_read(value, &arena, &node, load->error);
    if (!load->status) {
        cf_nodes_put(load->binding->nodes, &node);
        if (node.number >= load->binding->next_node)
            load->binding->next_node = node.number + 1;
    }
    cf_arena_release(&arena);
    return load->status == CF_OK;
}

static bool load_row(void *context, cf_bytes key, cf_bytes value)
{
    base_loading *load = context;
    cf_arena arena = {0};
    cf_row row;

    (void)key;
    load->status = cf_row_read(value, &arena, &row, load->error);
    if (!load->status)
        cf_rows_put(load->rows, &row);
    cf_arena_release(&arena);
    return load->status == CF_OK;
}

/* One of before it was kept when that was over has the first number alone. */
static bool note_meeting(void *context, cf_bytes key, cf_bytes value)
{
    cf_binding *binding = context;
    cf_reader reader = cf_reader_of(value);
    uint64_t meets = CF_MEETS_SAME;
    cf_error ignored;

    (void)key;
    if (value.size && cf_read_uint(&reader, &meets, &ignored))
        meets = 0;
    if (reader.at == reader.end || cf_read_uint(&reader, &binding->met_ms, &ignored))
        binding->met_ms = 0;
    binding->meets = (unsigned)meets;
    return true;
}

static cf_status load_base(cf_peer *peer, cf_binding *binding, cf_error *error)
{
    bool records = cf_format_is_records(binding->format);
    base_loading load = {binding, binding->rows, CF_OK, error};

    cf_status status = cf_binding_scan(peer, binding, records ? CF_TABLE_ROW : CF_TABLE_NODE,
                                       records ? load_row : load_node, &load, error);
    load.rows = binding->dependants;
    if (!status && !load.status && records)
        status = cf_binding_scan(peer, binding, CF_TABLE_HIDDEN, load_row, &load, error);
    if (!status)
        status = cf_binding_scan(peer, binding, CF_TABLE_MEETING, note_meeting, binding, error);
    if (!status && load.status) {
        error->status = status = CF_BROKEN;
        cf_error_while(error, "the base of %s (`counterfoil repair` mends it from the log)",
                       binding->path);
    }
    return status;
}

cf_status cf_binding_recall_base(cf_peer *peer, cf_binding *binding, cf_error *error)
{
    cf_nodes_destroy(&binding->nodes);
    binding->nodes = cf_nodes_new();
    cf_status status = load_base(peer, binding, error);
    if (!status)
        status = cf_rescued_load(peer, binding, error);
    if (!status)
        status = cf_binding_tell_disks(peer, binding, error);
    binding->lacks_base = status != CF_OK;
    return status;
}

cf_status cf_bindings_load(cf_peer *peer, cf_binding ***out, size_t *count, cf_error *error)
{
    cf_store *store = cf_home_store(peer->home);
    const uint8_t table = CF_TABLE_SOURCE;
    loading load = {.peer = peer, .error = error};

    cf_status status =
        store->scan(store, cf_peer_user(peer), cf_bytes_of(&table, 1), load_binding, &load, error);
    if (!status)
        status = load.status;
    for (size_t i = 0; !status && i < load.count; i++)
        status = load_base(peer, load.bindings[i], error);
    for (size_t i = 0; !status && i < load.count; i++)
        status = cf_write_bits_load(peer, load.bindings[i], error);
    for (size_t i = 0; !status && i < load.count; i++)
        status = cf_lifted_load(peer, load.bindings[i], error);
    for (size_t i = 0; !status && i < load.count; i++)
        status = cf_binding_load_count(peer, load.bindings[i], error);
    for (size_t i = 0; !status && i < load.count; i++)
        status = cf_rescued_load(peer, load.bindings[i], error);
    for (size_t i = 0; !status && i < load.count; i++)
        status = cf_binding_load_folder(peer, load.bindings[i], error);
    for (size_t i = 0; !status && i < load.count; i++)
        status = cf_binding_tell_disks(peer, load.bindings[i], error);
    for (size_t i = 0; !status && i < load.count; i++)
        status = cf_binding_load_disk(peer, load.bindings[i], error);
    for (size_t i = 0; !status && i < load.count; i++)
        status = cf_binding_load_poll(peer, load.bindings[i], error);
    for (size_t i = 0; !status && i < load.count; i++)
        status = cf_binding_load_place(peer, load.bindings[i], error);
    if (status) {
        for (size_t i = 0; i < load.count; i++)
            cf_binding_destroy(&load.bindings[i], peer->env->files);
        free(load.bindings);
        return status;
    }
    *out = load.bindings;
    *count = load.count;
    return CF_OK;
}

cf_status cf_binding_save(cf_peer *peer, const cf_binding *binding, cf_error *error)
{
    cf_store *store = cf_home_store(peer->home);
    cf_kv_list records = {0};

    cf_binding_put(binding, &records);
    cf_binding_put_limit(binding, &records);
    cf_binding_put_poll(binding, &records);
    cf_binding_put_place(binding, &records);
    cf_status status =
        store->write(store, cf_peer_user(peer), records.at, records.count, true, error);
    cf_kv_list_release(&records);
    return status;
}

static bool ask_alike(const cf_binding *a, const cf_binding *b)
{
    bool alike = a->include_count == b->include_count;

    for (size_t i = 0; alike && i < a->include_count; i++)
        alike = strcmp(a->include[i], b->include[i]) == 0;
    return alike;
}

cf_status cf_binding_change(cf_peer *peer, cf_binding *binding, cf_binding *trial, cf_error *error)
{
    bool asks_otherwise = cf_include_limits(binding->matcher) && !ask_alike(binding, trial);
    cf_status status = CF_OK;

    if (asks_otherwise)
        status = cf_binding_note_earlier(binding, (const char *const *)binding->include,
                                         binding->include_count, error);
    if (status)
        return status;
    cf_binding_exchange(binding, trial);
    status = cf_binding_save(peer, binding, error);
    if (!status)
        return CF_OK;
    cf_binding_exchange(binding, trial);
    if (asks_otherwise)
        cf_binding_forget_earlier(binding);
    return status;
}

static bool drop_key(void *context, cf_bytes key, cf_bytes value)
{
    (void)value;
    cf_kv_list_delete(context, key);
    return true;
}

cf_status cf_binding_drop(cf_peer *peer, const cf_binding *binding, cf_error *error)
{
    cf_store *store = cf_home_store(peer->home);
    cf_kv_list records = {0};
    const cf_table_letter tables[] = {
        CF_TABLE_SOURCE,   CF_TABLE_NODE,    CF_TABLE_ROW,    CF_TABLE_PLACE,    CF_TABLE_INTENT,
        CF_TABLE_RESCUED,  CF_TABLE_TAKEN,   CF_TABLE_SCHEMA, CF_TABLE_DATABASE, CF_TABLE_AGREED,
        CF_TABLE_MEETING,  CF_TABLE_HELD,    CF_TABLE_HIDDEN, CF_TABLE_REFUSED,  CF_TABLE_WAITED,
        CF_TABLE_ENDED,    CF_TABLE_GUARDED, CF_TABLE_LIFTED, CF_TABLE_FOLDER,   CF_TABLE_LIMIT,
        CF_TABLE_DISK,     CF_TABLE_POLL,    CF_TABLE_CACHE,  CF_TABLE_LAYOUT,   CF_TABLE_RENAMED,
        CF_TABLE_LEFT_OUT, CF_TABLE_EMPTIED, CF_TABLE_CLEARED};
    cf_status status = CF_OK;

    for (size_t i = 0; !status && i < sizeof tables / sizeof tables[0]; i++)
        status = cf_binding_scan(peer, binding, tables[i], drop_key, &records, error);
    if (!status)
        status = store->write(store, cf_peer_user(peer), records.at, records.count, true, error);
    cf_kv_list_release(&records);
    return status;
}
