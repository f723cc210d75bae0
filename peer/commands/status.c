/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/commands/disk_answers.h"
#include "peer/membership/membership.h"
#include "peer/commands/overview.h"
#include "peer/commands/named_record.h"
#include "peer/commands/remote.h"
#include "peer/commands/sources.h"
#include "peer/commands/flows_shown.h"
#include "peer/commands/verbs.h"
#include "peer/sources/records/card_file.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { LOOK_AGAIN_MS = 250 };

typedef struct {
    cf_arena arena;
    cf_overview_filter *filters;
    size_t count, capacity;
    cf_round *round;
    cf_broker_query *query; /* --remote */
} state;

/* On the disk, or known from before. */
static bool exists(const cf_overview_filter *filter)
{
    struct stat stat;
    uint64_t at = CF_NODE_ROOT;
    cf_buffer path = {0};

    if (filter->path.size == 0 || filter->binding->silence)
        return true;
    cf_buffer_append_text(&path, "%s/", filter->binding->path);
    cf_buffer_append(&path, filter->path.data, filter->path.size);
    cf_buffer_append(&path, "", 1);
    bool there = lstat((const char *)path.data, &stat) == 0;
    cf_buffer_release(&path);
    if (there)
        return true;
    for (cf_bytes rest = filter->path; rest.size;) {
        const uint8_t *slash = memchr(rest.data, '/', rest.size);
        size_t size = slash ? (size_t)(slash - rest.data) : rest.size;
        const cf_node *node =
            cf_nodes_child(filter->binding->nodes, at, cf_bytes_of(rest.data, size));

        if (!node)
            return false;
        at = node->number;
        size += slash ? 1 : 0;
        rest = cf_bytes_of(rest.data + size, rest.size - size);
    }
    return true;
}

static void add_filter(state *self, const cf_overview_filter *filter)
{
    *cf_one_more(self->filters, self->count, self->capacity) = *filter;
}

/* Of a file in a folder of contacts or a calendar what becomes of its records is told, too. */
static cf_status add_path(const cf_run *run, state *self, const char *named, cf_error *error)
{
    cf_overview_filter filter = {.named = named};
    cf_record_paths records = {0};
    cf_binding *binding;

    cf_status status = cf_source_of_path(run, named, &self->arena, &binding, &filter.path, error);
    if (!status)
        status = cf_card_file_records(cf_loop_peer(run->loop), binding, filter.path, &self->arena,
                                      &records, error);
    if (status)
        return status;
    filter.binding = binding;
    if (!records.count && !exists(&filter))
        return cf_fail(error, CF_MISSING, "%s: no such file, here or in the collection", named);
    add_filter(self, &filter);
    for (size_t i = 0; i < records.count; i++) {
        filter.path = filter.row = records.at[i];
        add_filter(self, &filter);
    }
    return CF_OK;
}

/* The files that the record was in, too: one that can't be read now is listed by its own name. */
static cf_status add_files_of(const cf_run *run, state *self, const cf_overview_filter *of,
                              cf_binding *binding, cf_error *error)
{
    cf_overview_filter filter = {.binding = binding, .named = of->named};
    cf_record_paths files;

    cf_status status =
        cf_record_card_files(cf_loop_peer(run->loop), binding, of->row.size ? of->row : of->path,
                             &self->arena, &files, error);
    for (size_t i = 0; !status && i < files.count; i++) {
        filter.path = files.at[i];
        add_filter(self, &filter);
    }
    return status;
}

/* All sources of its collection here. */
static cf_status add_record(const cf_run *run, state *self, const char *named,
                            const cf_named_record *record, cf_error *error)
{
    cf_engine *engine = cf_loop_engine(run->loop);
    bool known = record->row.size || record->is_table || record->is_field || !record->path.size;
    size_t count = self->count;
    cf_status status = CF_OK;

    for (size_t i = 0; !status && i < cf_engine_binding_count(engine); i++) {
        cf_binding *binding = cf_engine_binding_at(engine, i);

        if (!cf_id_equal(&binding->collection, &record->collection))
            continue;
        const cf_overview_filter filter = {binding, record->path, record->row, named, named};
        known |= !cf_format_is_records(binding->format) && exists(&filter);
        add_filter(self, &filter);
        status = add_files_of(run, self, &filter, binding, error);
    }
    if (status)
        return status;
    for (size_t i = count; known && i < self->count; i++)
        self->filters[i].unknown = NULL;
    return self->count > count
               ? CF_OK
               : cf_fail(error, CF_MISSING, "%s: '%s' has no source here", named, record->name);
}

static cf_status add_named(const cf_run *run, state *self, const char *named, cf_error *error)
{
    cf_named_record record;

    cf_status status = cf_named_record_read(run, named, &self->arena, &record, error);
    if (status && status != CF_MISSING)
        return status;
    if (!status && (record.row.size || record.is_table || record.is_field || !record.path.size))
        return add_record(run, self, named, &record, error);
    bool named_collection = !status;
    status = add_path(run, self, named, error);
    if (status != CF_MISSING)
        return status;
    if (!named_collection && !cf_names_collection(run, named, &self->arena, &record)) {
        cf_source_explain_missing(run, named, error);
        return status;
    }
    return add_record(run, self, named, &record, error); /* it may be new */
}

static cf_status ask(cf_run *run, state *self, cf_error *error)
{
    uint64_t timeout_ms = 0;

    if (!cf_options_has(&run->options, "remote"))
        return CF_OK;
    cf_status status = cf_run_timeout(run, &timeout_ms, error);
    return status ? status
                  : cf_broker_query_new(cf_loop_connections(run->loop), cf_loop_peer(run->loop),
                                        timeout_ms, &self->query, error);
}

static cf_status start(cf_run *run, cf_error *error)
{
    const cf_options *options = &run->options;
    state *self = cf_allocate(1, sizeof *self);
    cf_status status = CF_OK;

    run->state = self;
    for (size_t i = 0; !status && i < options->argument_count; i++)
        status = add_named(run, self, options->arguments[i], error);
    if (!status)
        status = ask(run, self, error);
    if (status)
        return status;
    cf_id *collections = cf_arena_allocate(&self->arena, self->count, sizeof *collections);
    for (size_t i = 0; i < self->count; i++)
        collections[i] = self->filters[i].binding->collection;
    self->round = cf_round_begin(cf_loop_engine(run->loop),
                                 &(cf_round_options){.kind = CF_ROUND_TELL,
                                                     .collections = collections,
                                                     .collection_count = self->count});
    cf_loop_wake(run->loop);
    return CF_OK;
}

/* A record that nobody knew, and that is in no source either; NULL: none is. */
static const cf_overview_filter *find_missing(const state *self, const cf_overview *overview)
{
    for (size_t i = 0; i < self->count; i++) {
        const char *named = self->filters[i].unknown;
        bool found = !named;

        for (size_t k = 0; !found && k < self->count; k++)
            found =
                self->filters[k].unknown == named && cf_overview_tells(overview, &self->filters[k]);
        if (!found)
            return &self->filters[i];
    }
    return NULL;
}

static bool is_in_trouble(const cf_overview *overview, const cf_binding *binding)
{
    for (size_t i = 0; i < overview->count; i++)
        if (overview->sources[i].status.binding == binding && overview->sources[i].status.trouble)
            return true;
    return false;
}

/* What was asked for, and isn't listed. Of a source that can't be looked at nothing is known. */
static void print_settled(const cf_run *run, const state *self, const cf_overview *overview)
{
    for (size_t i = 0; i < self->count;) {
        const char *named = self->filters[i].named;
        bool told = !self->filters[i].path.size;

        for (; i < self->count && self->filters[i].named == named; i++)
            told |= cf_overview_tells(overview, &self->filters[i]) ||
                    is_in_trouble(overview, self->filters[i].binding);
        if (!told)
            cf_print(&run->output, "%s: nothing of it is out of sync\n", named);
    }
}

static cf_status show(cf_run *run, state *self, cf_error *error)
{
    cf_peer *peer = cf_loop_peer(run->loop);
    cf_overview overview;
    cf_remote remote;
    cf_flows flows;

    cf_status status = cf_overview_take(
        run, &(cf_overview_options){.filters = self->filters, .filter_count = self->count},
        &self->arena, &overview, error);
    if (status)
        return status;
    const cf_overview_filter *missing = find_missing(self, &overview);
    if (missing)
        return cf_fail(error, CF_MISSING, "%s: no such %s, here or in the collection",
                       missing->unknown,
                       cf_format_is_records(missing->binding->format) ? "record" : "file");
    json_t *document = run->json ? cf_overview_json(&overview, peer) : NULL;
    cf_engine_flows(cf_loop_engine(run->loop), &flows);
    if (run->json) {
        json_object_set_new(document, "transfer", cf_flows_json(&flows));
    } else {
        cf_overview_print(&overview, peer, &run->output);
        cf_flows_print(&flows, &run->output);
        print_settled(run, self, &overview);
    }
    if (self->query) {
        const cf_kept own = cf_engine_kept(cf_loop_engine(run->loop), &self->arena);

        cf_remote_take(peer, &own, cf_broker_query_answer(self->query), &self->arena, &remote);
        if (run->json)
            json_object_set_new(document, "remote", cf_remote_json(&remote));
        else
            cf_remote_print(&remote, &run->output);
    }
    if (run->json)
        cf_print_json(&run->output, document);
    cf_source_say_none(run);
    bool is_out = cf_membership_standing(peer, error) != CF_OK;
    if (is_out)
        cf_say(&run->output, "%s", error->text);
    if (cf_options_has(&run->options, "check")) {
        cf_exit_standing standing = cf_overview_standing(&overview, false);
        standing.denied |= is_out;
        run->exit_code = cf_exit_standing_exit_code(&standing);
    }
    return CF_OK;
}

static cf_status step(cf_run *run, uint64_t now_ms, cf_progress *progress, cf_error *error)
{
    state *self = run->state;
    cf_status status = CF_OK;
    uint64_t ignored_ms;

    bool answered =
        !self->query || cf_broker_query_over(self->query, now_ms, &ignored_ms, &status, error);
    if (status)
        return status;
    if (answered && cf_round_over(self->round, now_ms))
        return show(run, self, error);
    *progress = (cf_progress){false, now_ms + LOOK_AGAIN_MS};
    return CF_OK;
}

static void end(cf_run *run)
{
    state *self = run->state;

    if (!self)
        return;
    cf_round_end(&self->round);
    cf_broker_query_destroy(&self->query);
    cf_arena_release(&self->arena);
    free(self->filters);
    free(self);
}

static const cf_option options_of_status[] = {
    {"check", 0, NULL, "exit with the code that follows from what is listed"},
    {"remote", 0, NULL, "ask the broker what it has, and what devices have applied"},
    {"timeout", 0, "T",
     "how long to wait for the broker, and for another verb that has the home (30s)"},
    {0},
};

const cf_verb cf_verb_status = {
    .name = "status",
    .usage = "status [PATH|COLLECTION[//KEY]...] [--check] [--remote [--timeout T]]",
    .summary = "Shows what is in sync, and what is not and why; asks nobody but with --remote",
    .needs = CF_NEEDS_PEER,
    .patience_ms = CF_REQUEST_TIMEOUT_MS,
    .options = options_of_status,
    .prerequisite = &cf_disk_answers_paths,
    .start = start,
    .step = step,
    .end = end,
};
