/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/commands/disk_answers.h"
#include "peer/commands/keep_shown.h"
#include "peer/commands/log_now.h"
#include "peer/log/history.h"

#include "broker/platform/names.h"
#include "broker/platform/times.h"
#include "peer/log/catalog.h"
#include "peer/commands/named_record.h"
#include "peer/commands/sources.h"
#include "peer/commands/value_shown.h"
#include "peer/log/catalog_schema.h"
#include "peer/records/record_view.h"
#include "peer/records/row_same.h"
#include "peer/commands/verbs.h"
#include "peer/sources/records/card_file.h"

enum { TAIL = 64 /* entries, at first */ };

/* The PATH that the user named, and what is there now. */
typedef struct {
    bool all; /* everything; else */
    cf_id collection;
    cf_bytes path;
    const cf_node *node;  /* NULL: nothing is there now */
    const cf_id *records; /* what is called so now, and all that are one with it */
    size_t record_count;
    cf_record_paths held; /* the records in the file, in a folder of such */
} wanted;

static bool lies_in(cf_bytes path, cf_bytes folder)
{
    return path.size >= folder.size && memcmp(path.data, folder.data, folder.size) == 0 &&
           (path.size == folder.size || path.data[folder.size] == '/');
}

/* Or was there, or is a copy of what was. */
static bool is_at(const cf_event *event, cf_bytes path)
{
    return lies_in(event->path, path) || (event->from.size && lies_in(event->from, path)) ||
           (event->original.size && lies_in(event->original, path));
}

static bool is_wanted(const wanted *filter, const cf_event *event)
{
    if (filter->all)
        return true;
    if (!cf_id_equal(&event->collection, &filter->collection))
        return false;
    if (!filter->path.size || is_at(event, filter->path))
        return true;
    for (size_t i = 0; i < filter->held.count; i++)
        if (is_at(event, filter->held.at[i]))
            return true;
    for (size_t i = 0; i < filter->record_count; i++)
        if (cf_id_equal(&filter->records[i], &event->item))
            return true;
    for (size_t i = 0; filter->node && i < filter->node->item_count; i++)
        if (cf_id_equal(&filter->node->items[i], &event->item))
            return true;
    return false;
}

static json_t *list_fields(const cf_event *event)
{
    json_t *fields = json_array();

    for (size_t i = 0; i < event->field_count; i++)
        json_array_append_new(fields, cf_json_name(event->fields[i]));
    return fields;
}

static cf_told_value told(const cf_event_value *value)
{
    return (cf_told_value){value->value, value->is_long};
}

static json_t *list_values(const cf_event *event)
{
    json_t *values = json_array();

    for (size_t i = 0; i < event->field_count; i++) {
        const cf_told_value value = told(&event->values[i]);

        json_array_append_new(values,
                              event->values[i].untold ? json_null() : cf_value_shown_json(&value));
    }
    return values;
}

/* `"Anna Example": email "anna@example.org", phones` */
static const char *tell_record(const cf_event *event, cf_arena *arena)
{
    cf_buffer text = {0};

    if (event->title) {
        cf_buffer_append(&text, " \"", 2);
        cf_name_append(&text, cf_bytes_of_text(event->title));
        cf_buffer_append(&text, "\"", 1);
    }
    for (size_t i = 0; i < event->field_count; i++) {
        cf_buffer_append(&text, i ? ", " : ": ", 2);
        cf_name_append(&text, event->fields[i]);
        if (event->values[i].untold)
            continue;
        const cf_told_value value = told(&event->values[i]);
        cf_buffer_append_text(&text, "%s", event->values[i].stays ? " stays " : " ");
        cf_value_shown_append(&value, "nothing", &text);
    }
    const char *copy = cf_arena_text(arena, cf_buffer_view(&text));
    cf_buffer_release(&text);
    return copy;
}

/* ---- A line of it ---- */

/* What has no path: a record that is all of its file, and a copy of what another device wrote over
 * by now. */
static const char *unnamed(const cf_event *event)
{
    return cf_item_is_file(&event->item) && !cf_id_equal(&event->collection, &cf_catalog_id)
               ? "a conflict copy"
               : "the document";
}

/* A row that no source can show goes by the name that it has now, and by no other: the key that it
 * would have is that of another row perhaps. */
static json_t *show_json(const cf_event *event, cf_log_now *now)
{
    const cf_bytes hidden = cf_log_now_hidden(now, event);
    cf_buffer path = {0};
    json_t *object = json_pack("{s:s, s:o}", "change", event->what, "path",
                               cf_json_name(hidden.size ? hidden : event->path));

    if (event->from.size)
        json_object_set_new(object, "from", cf_json_name(event->from));
    if (!hidden.size && cf_log_now_path(now, event, &path))
        json_object_set_new(object, "now", cf_json_name(cf_buffer_view(&path)));
    if (event->original.size)
        json_object_set_new(object, "of", cf_json_name(event->original));
    if (event->title)
        json_object_set_new(object, "title", json_string(event->title));
    if (event->field_count) {
        json_object_set_new(object, "fields", list_fields(event));
        json_object_set_new(object, "values", list_values(event));
    }
    if (hidden.size)
        json_object_set_new(object, "hidden", json_true());
    cf_buffer_release(&path);
    return object;
}

/* `moved notes.txt from draft.txt (now old.txt)` */
static const char *tell_paths(const cf_event *event, cf_log_now *now, cf_arena *arena)
{
    const cf_bytes hidden = cf_log_now_hidden(now, event);
    char shown[CF_NAME_SHOWN];
    cf_buffer text = {0}, path = {0};

    cf_name_show(hidden.size        ? hidden
                 : event->path.size ? event->path
                                    : cf_bytes_of_text(unnamed(event)),
                 shown);
    cf_buffer_append_text(&text, "%s", shown);
    cf_name_show(event->from, shown);
    if (event->from.size)
        cf_buffer_append_text(&text, " from %s", shown);
    if (!hidden.size && cf_log_now_path(now, event, &path)) {
        cf_name_show(cf_buffer_view(&path), shown);
        cf_buffer_append_text(&text, " (now %s)", shown);
    }
    const char *copy = cf_arena_text(arena, cf_buffer_view(&text));
    cf_buffer_release(&path);
    cf_buffer_release(&text);
    return copy;
}

static void show(cf_run *run, const cf_event *event, cf_log_now *now, cf_arena *arena, json_t *list)
{
    cf_peer *peer = cf_loop_peer(run->loop);
    const char *device = cf_catalog_device_name(peer, &event->device, arena);
    const char *collection = cf_catalog_name(peer, &event->collection, arena);
    char id[2 * CF_HASH_SIZE + 1], time[CF_TIME_TEXT];

    cf_hex(cf_bytes_of(event->entry.hash.bytes, CF_HASH_SIZE), id);
    id[CF_ENTRY_ID_TEXT] = '\0';
    cf_time_show(event->time_ms, time);
    if (cf_hash_equal(&event->device, cf_peer_user(peer)))
        device = "(account)";
    if (run->json) {
        json_t *object = json_pack("{s:s, s:s, s:s, s:s}", "entry", id, "time", time, "device",
                                   device, "collection", collection);
        json_object_update_new(object, show_json(event, now));
        json_array_append_new(list, object);
        return;
    }
    const char *paths = tell_paths(event, now, arena);
    const char *details = tell_record(event, arena);
    cf_print(&run->output, "%s %s %s %s: %s %s%s%s\n", id, time, device, collection, event->what,
             paths, details, cf_log_now_hidden(now, event).size ? " (hidden)" : "");
}

/* How many of the newest events are asked for; false when one of them is unsure. */
static bool count_wanted(const wanted *filter, const cf_history *history, uint64_t most,
                         uint64_t *count)
{
    *count = 0;
    for (size_t i = history->count; i-- > 0 && *count < most;) {
        if (history->at[i].unsure)
            return false; /* perhaps it is */
        *count += is_wanted(filter, &history->at[i]);
    }
    return true;
}

static bool is_unknown(const wanted *filter, const cf_history *history)
{
    uint64_t count;

    return filter->path.size && !filter->node && !filter->record_count &&
           count_wanted(filter, history, 1, &count) && !count;
}

static void show_all(cf_run *run, const wanted *filter, const cf_history *history, uint64_t most)
{
    cf_log_now now = {.run = run};
    cf_arena arena = {0};
    json_t *list = json_array();

    for (size_t i = history->count; i-- > 0 && most;) {
        if (!is_wanted(filter, &history->at[i]))
            continue;
        show(run, &history->at[i], &now, &arena, list);
        most--;
    }
    if (run->json)
        cf_print_json(&run->output, json_incref(list));
    json_decref(list);
    cf_log_now_release(&now);
    cf_arena_release(&arena);
}

/* As much of the log's end as is needed to tell the newest. */
static cf_status read_newest(cf_run *run, const wanted *filter, uint64_t most, cf_history *out,
                             cf_error *error)
{
    cf_peer *peer = cf_loop_peer(run->loop);
    cf_store *store = cf_home_store(peer->home);
    uint64_t last, count, window = TAIL;

    cf_status status = store->last(store, cf_peer_user(peer), &last, error);
    for (bool enough = false; !status && !enough; window *= 4) {
        uint64_t from = most < last && window < last ? last - window + 1 : 1;

        cf_history_release(out);
        status = cf_history_read(peer, from, out, error);
        enough = from == 1 || (count_wanted(filter, out, most, &count) && count == most);
        cf_report(cf_loop_env(run->loop), CF_REPORT_DETAIL, "read the log from %llu to %llu",
                  (unsigned long long)from, (unsigned long long)last);
    }
    return status;
}

/* By any of the items of rows that are one (peer/records/row_same.h). */
static cf_status add_records(cf_run *run, const cf_id *collection, const cf_id *item,
                             cf_arena *arena, wanted *out, cf_error *error)
{
    cf_collection *held;
    cf_schema schema;

    cf_status status = cf_peer_collection(cf_loop_peer(run->loop), collection, &held, error);
    if (!status)
        status = cf_catalog_schema(cf_loop_peer(run->loop), collection, arena, &schema, error);
    if (!status) {
        cf_row_view *view = cf_row_view_new(held->state, &schema);
        const cf_id *ones = cf_row_view_all_of_one(view, item, &out->record_count);
        cf_id *records = cf_arena_allocate(arena, out->record_count, sizeof *records);

        memcpy(records, ones, out->record_count * sizeof *records);
        out->records = records;
        cf_row_view_destroy(&view);
    }
    return status;
}

static cf_status choose_record(cf_run *run, const char *named, cf_arena *arena, wanted *out,
                               cf_error *error)
{
    cf_named_record found;

    cf_status status = cf_named_record_read(run, named, arena, &found, error);
    if (status)
        return status;
    out->collection = found.collection;
    out->path = found.path;
    out->node = found.node;
    return found.is_field || cf_bytes_equal(found.row, found.path)
               ? add_records(run, &found.collection, &found.item, arena, out, error)
               : CF_OK;
}

static cf_status choose_path(cf_run *run, const char *named, cf_arena *arena, wanted *out,
                             cf_error *error)
{
    cf_binding *binding;

    cf_status status = cf_source_of_path(run, named, arena, &binding, &out->path, error);
    if (!status) {
        out->collection = binding->collection;
        out->node = cf_nodes_at(binding->nodes, out->path);
    }
    if (!status)
        status = cf_card_file_records(cf_loop_peer(run->loop), binding, out->path, arena,
                                      &out->held, error);
    return status;
}

/* A collection by its bare name, where nothing else is called so. */
static bool choose_collection(const cf_run *run, const char *named, cf_arena *arena, wanted *out)
{
    cf_named_record found;

    if (!cf_names_collection(run, named, arena, &found))
        return false;
    *out = (wanted){.collection = found.collection};
    return true;
}

static cf_status read_named(cf_run *run, const char *named, uint64_t most, cf_arena *arena,
                            wanted *filter, cf_history *out, cf_error *error)
{
    cf_status status = choose_record(run, named, arena, filter, error);
    if (status == CF_MISSING)
        status = choose_path(run, named, arena, filter, error);
    if (status == CF_MISSING && choose_collection(run, named, arena, filter))
        status = cf_keep_check(
            run, &(cf_catalog_collection){.id = filter->collection, .name = named}, error);
    else if (status == CF_MISSING)
        cf_source_explain_missing(run, named, error);
    if (!status)
        status = read_newest(run, filter, most, out, error);
    if (status || !most || !is_unknown(filter, out))
        return status;
    return choose_collection(run, named, arena, filter)
               ? read_newest(run, filter, most, out, error)
               : cf_fail(error, CF_MISSING,
                         "the log knows nothing of %s; `counterfoil status` lists what is not "
                         "synced",
                         named);
}

static cf_status start(cf_run *run, cf_error *error)
{
    const char *limit = cf_options_value(&run->options, "number");
    uint64_t most = UINT64_MAX;
    cf_history history = {0};
    cf_arena arena = {0};
    wanted filter = {.all = run->options.argument_count == 0};

    cf_status status = cf_run_check_count(run, 0, 1, error);
    if (!status && limit)
        status = cf_number_read(limit, &most, error);
    if (!status && filter.all)
        status = read_newest(run, &filter, most, &history, error);
    else if (!status)
        status = read_named(run, run->options.arguments[0], most, &arena, &filter, &history, error);
    if (!status && !filter.all)
        cf_keep_say(run, &filter.collection);
    if (!status)
        show_all(run, &filter, &history, most);
    cf_history_release(&history);
    cf_arena_release(&arena);
    return status;
}

static const cf_option options[] = {
    {"number", 'n', "N", "the newest N only"},
    {0},
};

const cf_verb cf_verb_log = {
    .name = "log",
    .usage = "log [PATH|COLLECTION[//KEY]]",
    .summary = "Shows the history, newest first",
    .more = "Each line begins with an entry's id; an entry that did several things has several "
            "lines. Of a record that was edited it names the fields with their new values, and "
            "what it calls itself; a row that joins others is called after them. A row that no "
            "source can show is marked as hidden. What is called otherwise since has \"(now "
            "NAME)\". `show` says what was there before.",
    .needs = CF_NEEDS_PEER,
    .options = options,
    .prerequisite = &cf_disk_answers_paths,
    .start = start,
};
