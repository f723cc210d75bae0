/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/commands/conflict_shown.h"

#include "broker/platform/names.h"
#include "broker/platform/times.h"
#include "codec/bulk.h"
#include "codec/pack.h"
#include "peer/commands/conflict_advice.h"
#include "peer/commands/value_shown.h"
#include "peer/log/catalog.h"
#include "peer/log/dot_entry.h"
#include "peer/merge/rules.h"

#include <string.h>

/* ---- JSON ---- */

static void add_value(json_t *object, const char *name, const char *long_name,
                      const cf_told_value *value)
{
    json_object_set_new(object, value->is_long ? long_name : name, cf_value_shown_json(value));
}

void cf_conflict_id(const cf_binding *binding, const cf_conflict *conflict,
                    char text[CF_CONFLICT_ID_TEXT])
{
    const cf_dot *dot = &conflict->written;
    const bool both = conflict->field && conflict->field->both; /* of one set may be several */
    cf_buffer sequence = {0};

    cf_pack_uint(&sequence, dot->sequence);
    const cf_bytes parts[] = {cf_bytes_of(binding->collection.bytes, CF_ID_SIZE),
                              cf_bytes_of(dot->writer.bytes, CF_ID_SIZE),
                              cf_buffer_view(&sequence),
                              cf_bytes_of(dot->hash, sizeof dot->hash),
                              conflict->path,
                              both ? conflict->field->value.value : (cf_bytes){0}};
    const size_t count = sizeof parts / sizeof *parts;
    const cf_hash id = cf_hash_of("conflict", parts, both ? count : count - 1);
    cf_hex(cf_bytes_of(id.bytes, CF_CONFLICT_ID_TEXT / 2), text);
    cf_buffer_release(&sequence);
}

/* ---- Once each ---- */

typedef struct {
    cf_hash_link link;
    char id[CF_CONFLICT_ID_TEXT];
} listed_conflict;

void cf_listed_conflicts_release(cf_listed_conflicts *listed)
{
    cf_hash_table_release(&listed->ids);
    cf_arena_release(&listed->arena);
}

/* False: it was there already. */
static bool add_id(cf_listed_conflicts *listed, const cf_binding *binding,
                   const cf_conflict *conflict)
{
    listed_conflict *fresh = cf_arena_allocate(&listed->arena, 1, sizeof *fresh);

    cf_conflict_id(binding, conflict, fresh->id);
    const uint64_t hash = cf_hash_bytes(0, cf_bytes_of_text(fresh->id));
    for (cf_hash_link *link = cf_hash_table_first(&listed->ids, hash); link;
         link = cf_hash_table_next(link))
        if (strcmp(cf_container_of(link, listed_conflict, link)->id, fresh->id) == 0)
            return false;
    cf_hash_table_add(&listed->ids, &fresh->link, hash);
    return true;
}

void cf_listed_conflicts_take(cf_listed_conflicts *listed, cf_binding_status *status)
{
    cf_conflict *left = cf_arena_allocate(&listed->arena, status->conflict_count, sizeof *left);
    size_t count = 0;

    for (size_t i = 0; i < status->conflict_count; i++)
        if (add_id(listed, status->binding, &status->conflicts[i]))
            left[count++] = status->conflicts[i];
    status->conflicts = left;
    status->conflict_count = count;
}

/* ---- Copies ---- */

/* Of "sub/a (conflict 2026-11-26 13-24-55 cxjw).txt" the path "sub/a.txt"; false: the name was cut.
 */
static bool append_original(cf_bytes copy, cf_buffer *out)
{
    const uint8_t *slash = copy.size ? memrchr(copy.data, '/', copy.size) : NULL;
    const size_t before = slash ? (size_t)(slash - copy.data) + 1 : 0;

    cf_buffer_append(out, copy.data, before);
    return cf_name_in_conflict(cf_bytes_of(copy.data + before, copy.size - before), out);
}

/* Its name has the time, as "2026-11-26 13-24-55". */
static json_t *time_of_copy(cf_bytes copy)
{
    static const char note[] = " (conflict ";
    const cf_bytes sought = cf_bytes_of(note, sizeof note - 1);
    enum { DAY = 10, SIZE = 19 };
    const uint8_t *at = NULL;

    for (size_t i = 0; i + sought.size + SIZE <= copy.size; i++)
        if (memcmp(copy.data + i, sought.data, sought.size) == 0)
            at = copy.data + i + sought.size;
    return at ? json_sprintf("%.10sT%.2s:%.2s:%.2sZ", at, at + DAY + 1, at + DAY + 4, at + DAY + 7)
              : json_null();
}

static void add_copy(json_t *object, const cf_conflict *conflict)
{
    cf_buffer original = {0};

    json_object_set_new(object, "of",
                        append_original(conflict->path, &original)
                            ? cf_json_name(cf_buffer_view(&original))
                            : json_null());
    json_object_set_new(object, "time", time_of_copy(conflict->path));
    cf_buffer_release(&original);
}

/* Who has what only one row can have. */
static void add_rival(json_t *object, const cf_record_conflict *field, cf_peer *peer,
                      cf_arena *arena)
{
    const cf_hash device = cf_dot_device(peer, &field->rival_written);

    json_object_set_new(object, "unique", json_true());
    json_object_set_new(object, "rival",
                        field->rival.size ? cf_json_name(field->rival) : json_null());
    json_object_set_new(object, "rival_device",
                        field->rival.size
                            ? json_string(cf_catalog_device_name(peer, &device, arena))
                            : json_null());
}

static json_t *list_names(const cf_bytes *names, size_t count)
{
    json_t *list = json_array();

    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, cf_json_name(names[i]));
    return list;
}

/* A row that is hidden. */
static void add_clash(json_t *object, const cf_record_conflict *conflict)
{
    const cf_told_clash *clash = conflict->clash;
    json_t *values = json_object();
    char time[CF_TIME_TEXT];

    cf_time_show(conflict->time_ms, time);
    for (size_t i = 0; i < clash->field_count; i++) {
        json_t *name = cf_json_name(clash->fields[i].name);

        json_object_set_new(values, json_string_value(name),
                            cf_value_shown_json(&clash->fields[i].value));
        json_decref(name);
    }
    json_object_set_new(object, "of", cf_json_name(conflict->rival));
    json_object_set_new(object, "time", json_string(time));
    json_object_set_new(object, "values", values);
    json_object_set_new(object, "columns", list_names(clash->columns, clash->column_count));
    json_object_set_new(object, "waits", list_names(clash->waiting, clash->waiting_count));
    json_object_set_new(object, "same", json_boolean(conflict->can_be_one));
    json_object_set_new(object, "keep", json_boolean(clash->empties.size != 0));
    if (clash->refusal.size)
        json_object_set_new(object, "refused", cf_json_name(clash->refusal));
}

static void add_field(json_t *object, const cf_conflict *conflict)
{
    const cf_record_conflict *field = conflict->field;
    char time[CF_TIME_TEXT];

    cf_time_show(field->time_ms, time);
    json_object_set_new(object, "of", cf_json_name(field->record));
    json_object_set_new(object, "time", json_string(time));
    add_value(object, "value", "long_value", &field->value);
    add_value(object, "shown", "long_shown", &field->shown);
}

static const char *const kinds[] = {
    [CF_CONFLICT_COPY] = "file",  [CF_CONFLICT_ROW] = "row",     [CF_CONFLICT_BOTH] = "both",
    [CF_CONFLICT_WISH] = "field", [CF_CONFLICT_FIELD] = "field",
};

json_t *cf_conflict_json(const cf_binding *binding, const cf_conflict *conflict, cf_peer *peer)
{
    char id[CF_CONFLICT_ID_TEXT];
    cf_arena arena = {0};

    cf_conflict_id(binding, conflict, id);
    const cf_conflict_kind kind = cf_conflict_kind_of(conflict);
    json_t *object = json_pack("{s:s, s:s, s:o, s:s}", "id", id, "kind", kinds[kind], "path",
                               cf_json_name(conflict->path), "device",
                               cf_catalog_device_name(peer, &conflict->device, &arena));
    if (kind == CF_CONFLICT_ROW)
        add_clash(object, conflict->field);
    else if (conflict->field)
        add_field(object, conflict);
    if (kind == CF_CONFLICT_ROW || kind == CF_CONFLICT_WISH)
        add_rival(object, conflict->field, peer, &arena);
    if (!conflict->field)
        add_copy(object, conflict);
    cf_arena_release(&arena);
    return object;
}

/* ---- Text ---- */

static void print_field(const char *collection, const cf_conflict *conflict, const char *device,
                        const cf_output *output)
{
    char path[CF_NAME_SHOWN], time[CF_TIME_TEXT];
    cf_buffer value = {0};

    cf_value_shown_append(&conflict->field->value, "a row that is gone", &value);
    cf_buffer_append(&value, "", 1);
    cf_name_show(conflict->path, path);
    cf_time_show(conflict->field->time_ms, time);
    cf_print(output, "  conflict  %s//%s: not shown is %s, written on %s, %s\n", collection, path,
             (const char *)value.data, device, time);
    cf_buffer_release(&value);
}

static void print_both(const char *collection, const cf_conflict *conflict, const char *device,
                       const cf_output *output)
{
    char path[CF_NAME_SHOWN], time[CF_TIME_TEXT];
    cf_buffer first = {0}, other = {0};

    cf_value_shown_append(&conflict->field->shown, "a row that is gone", &first);
    cf_buffer_append(&first, "", 1);
    cf_value_shown_append(&conflict->field->value, "a row that is gone", &other);
    cf_buffer_append(&other, "", 1);
    cf_name_show(conflict->path, path);
    cf_time_show(conflict->field->time_ms, time);
    cf_print(output, "  both kept %s//%s: %s, and %s, written on %s, %s\n", collection, path,
             (const char *)first.data, (const char *)other.data, device, time);
    cf_buffer_release(&first);
    cf_buffer_release(&other);
}

/* A value that only one row can have, and this one wishes for. */
static void print_wish(const char *collection, const cf_conflict *conflict, const char *device,
                       cf_peer *peer, const cf_output *output)
{
    const cf_record_conflict *field = conflict->field;
    const cf_hash other = cf_dot_device(peer, &field->rival_written);
    char path[CF_NAME_SHOWN], rival[CF_NAME_SHOWN], time[CF_TIME_TEXT];
    cf_buffer value = {0}, shown = {0}, who = {0};
    cf_arena arena = {0};

    cf_value_shown_append(&field->value, "a row that is gone", &value);
    cf_buffer_append(&value, "", 1);
    cf_value_shown_append(&field->shown, "nothing", &shown);
    cf_buffer_append(&shown, "", 1);
    cf_name_show(conflict->path, path);
    cf_name_show(field->rival, rival);
    cf_time_show(field->time_ms, time);
    if (field->rival.size)
        cf_buffer_append_text(&who, "that is the value of %s//%s, written on %s", collection, rival,
                              cf_catalog_device_name(peer, &other, &arena));
    else
        cf_buffer_append_text(&who, "another row had that");
    cf_buffer_append(&who, "", 1);
    cf_print(output, "  conflict  %s//%s: shown is %s instead of %s, written on %s, %s: %s\n",
             collection, path, (const char *)shown.data, (const char *)value.data, device, time,
             (const char *)who.data);
    cf_buffer_release(&value);
    cf_buffer_release(&shown);
    cf_buffer_release(&who);
    cf_arena_release(&arena);
}

/* Of what a row says, and of what waits for it; JSON has all. */
enum { FIELDS_TOLD = 8, WAITING_TOLD = 3 };

static void append_name(cf_bytes name, cf_buffer *out)
{
    char shown[CF_NAME_SHOWN];

    cf_name_show(name, shown);
    cf_buffer_append_text(out, "%s", shown);
}

static void append_more(size_t count, size_t told, cf_buffer *out)
{
    if (count > told)
        cf_buffer_append_text(out, " and %zu more", count - told);
}

static void append_fields(const cf_told_clash *clash, cf_buffer *out)
{
    for (size_t i = 0; i < clash->field_count && i < FIELDS_TOLD; i++) {
        cf_buffer_append_text(out, i ? ", " : ": ");
        append_name(clash->fields[i].name, out);
        cf_buffer_append_text(out, " ");
        cf_value_shown_append(&clash->fields[i].value, "a row that is gone", out);
    }
    append_more(clash->field_count, FIELDS_TOLD, out);
}

static void append_waiting(const char *collection, const cf_told_clash *clash, cf_buffer *out)
{
    if (!clash->waiting_count)
        return;
    cf_buffer_append_text(out, "; for it wait%s ", clash->waiting_count == 1 ? "s" : "");
    for (size_t i = 0; i < clash->waiting_count && i < WAITING_TOLD; i++) {
        cf_buffer_append_text(out, "%s%s//", i ? ", " : "", collection);
        append_name(clash->waiting[i], out);
    }
    append_more(clash->waiting_count, WAITING_TOLD, out);
}

/* A row that is not shown, what it says, who has what both can't have, and what waits for it. */
static void print_clash(const char *collection, const cf_conflict *conflict, const char *device,
                        cf_peer *peer, const cf_output *output)
{
    const cf_told_clash *clash = conflict->field->clash;
    const cf_hash other = cf_dot_device(peer, &conflict->field->rival_written);
    char path[CF_NAME_SHOWN], rival[CF_NAME_SHOWN], time[CF_TIME_TEXT];
    cf_buffer line = {0};
    cf_arena arena = {0};

    cf_name_show(conflict->path, path);
    cf_name_show(conflict->field->rival, rival);
    cf_time_show(conflict->field->time_ms, time);
    append_fields(clash, &line);
    cf_buffer_append_text(&line, "; only one row can have the same ");
    for (size_t i = 0; i < clash->column_count; i++) {
        cf_buffer_append_text(&line, i ? ", " : "");
        append_name(clash->columns[i], &line);
    }
    cf_buffer_append_text(&line, ", and that is %s//%s, written on %s", collection, rival,
                          cf_catalog_device_name(peer, &other, &arena));
    if (clash->refusal.size) {
        cf_buffer_append_text(&line, "; with another one it is refused here: ");
        append_name(clash->refusal, &line);
    }
    append_waiting(collection, clash, &line);
    cf_buffer_append(&line, "", 1);
    cf_print(output, "  conflict  %s//%s: %s, made on %s, %s%s\n", collection, path,
             clash->lies_here ? "shown here alone, as it was, is this row"
                              : "not shown is this row",
             device, time, (const char *)line.data);
    cf_buffer_release(&line);
    cf_arena_release(&arena);
}

static void print_copy(const char *collection, const cf_conflict *conflict, const char *device,
                       const cf_output *output)
{
    char path[CF_NAME_SHOWN], original[CF_NAME_SHOWN];

    cf_name_show(conflict->path, path);
    cf_name_show(conflict->free, original);
    cf_print(output, "  conflict  %s//%s: written on %s%s%s%s\n", collection, path, device,
             conflict->free.size ? "; " : "", original,
             conflict->free.size ? " is not there any more, and the copy may have that name" : "");
}

void cf_conflicts_print(const char *collection, const cf_binding_status *status, cf_peer *peer,
                        const cf_output *output)
{
    cf_arena arena = {0};

    for (size_t i = 0; i < status->conflict_count; i++) {
        const cf_conflict *conflict = &status->conflicts[i];
        const char *device = cf_catalog_device_name(peer, &conflict->device, &arena);

        switch (cf_conflict_kind_of(conflict)) {
        case CF_CONFLICT_COPY:
            print_copy(collection, conflict, device, output);
            break;
        case CF_CONFLICT_ROW:
            print_clash(collection, conflict, device, peer, output);
            break;
        case CF_CONFLICT_BOTH:
            print_both(collection, conflict, device, output);
            break;
        case CF_CONFLICT_WISH:
            print_wish(collection, conflict, device, peer, output);
            break;
        default:
            print_field(collection, conflict, device, output);
            break;
        }
    }
    cf_conflict_advice_print(collection, status, peer, output);
    cf_arena_release(&arena);
}
