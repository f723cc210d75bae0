/* SPDX-License-Identifier: Apache-2.0 */
/* Long values on their way: out, by uploads, before their row is published; in, by downloads,
 * before the row is written; then into the base. In their place rows have identities
 * (record_values.h); a value that is small stands in the log itself, and needs no file. */
#include "peer/sources/records/record_values_files.h"

#include "codec/content.h"
#include "codec/terse.h"
#include "peer/merge/node_stat.h"

/* ---- Out ---- */

/* The value that a patch for a new one is best made from: one that the field had before, and rather
 * one that it hasn't any more. */
static cf_bytes before_of(const cf_row *row, const cf_row *base, cf_bytes name)
{
    const cf_row_field *field = base ? cf_row_field_named(base, name) : NULL;
    static const cf_id record = {{CF_KIND_RECORD}};
    cf_bytes before = {0};

    for (size_t i = 0; field && i < field->count; i++) {
        if (!cf_item_has_content(&record, name, field->values[i]))
            continue;
        before = field->values[i];
        if (!cf_row_field_has(cf_row_field_named(row, name), before))
            break;
    }
    return before;
}

static void hash_leaves(const cf_record_value *one, cf_buffer *leaves)
{
    cf_content_hasher *hasher = cf_content_hasher_new(leaves);
    cf_buffer made = {0};
    uint64_t size;

    cf_content_hasher_update(hasher, cf_record_value_content(one, &made));
    cf_content_hasher_finish(hasher, &size);
    cf_content_hasher_destroy(&hasher);
    cf_buffer_release(&made);
}

/* The content lies in a file that this process wrote, or needs none. */
static bool is_kept(const cf_record_value *one)
{
    return one->is_written || cf_record_value_is_small(one);
}

static void read_value(const cf_record_value *one, cf_read *out)
{
    hash_leaves(one, &out->leaves);
    if (!cf_record_value_is_small(one))
        return;
    cf_buffer made = {0};
    cf_bytes content = cf_record_value_content(one, &made);
    cf_buffer_append(&out->whole, content.data, content.size);
    cf_buffer_release(&made);
}

static cf_upload_file file_of(const cf_record_values *self, const cf_record_value *one)
{
    const cf_node *node = cf_nodes_find(self->binding->nodes, one->node);
    cf_upload_file file = {
        .binding = self->binding,
        .folder = CF_NODE_ROOT,
        .stat = {.size = one->size},
        .hash = one->hash,
    };

    if (node) {
        file.name = node->name;
        file.stat = cf_stat_of_node(node);
    }
    return file;
}

/* Whether the content can be named in an entry, or is on its way. `kept`: the file may not hold it
 * any more; an upload that has to be begun needs it anew. */
static cf_upload_answer prepare(cf_record_values *self, cf_record_value *one, bool kept,
                                cf_bytes before, const cf_prepared **out)
{
    cf_upload_file file = file_of(self, one);
    cf_read read = {0};

    file.before = before;
    if (!kept || cf_record_value_is_small(one)) {
        file.read = &read;
        read_value(one, &read);
    }
    cf_upload_answer answer = cf_uploads_prepare(self->context->uploads, &file, out);
    cf_buffer_release(&read.leaves);
    cf_buffer_release(&read.whole);
    return answer;
}

typedef struct {
    cf_record_values *self;
    const cf_row *row, *base;
    const char *why;
    bool *again;
} sending;

/* One long value of a row on its way out; none that the base's row has, too. */
static void send(void *context, cf_bytes field, cf_bytes identity)
{
    sending *at = context;
    cf_record_value *one = cf_record_values_of(at->self, identity);
    const cf_prepared *ignored;
    cf_error error;

    if (!one || !one->value.size ||
        (at->base && cf_row_field_has(cf_row_field_named(at->base, field), identity)))
        return;
    bool kept = is_kept(one);
    if (!kept && cf_value_file_write(at->self, one, &error)) {
        at->why = "a long value of it can't be kept in the home: no room, or a failing disk";
        return;
    }
    switch (prepare(at->self, one, kept, before_of(at->row, at->base, field), &ignored)) {
    case CF_UPLOAD_READY:
        break;
    case CF_UPLOAD_STARTED:
        at->why = "a long value of it is being sent";
        break;
    case CF_UPLOAD_WAITS:
        at->why = "a long value of it waits for a broker";
        break;
    case CF_UPLOAD_DEFERRED:
        at->why = CF_WAITS_METERED;
        break;
    case CF_UPLOAD_AGAIN:
        at->why = "a long value of it has to be sent again";
        one->is_written = false;
        *at->again = true;
        break;
    }
}

bool cf_record_values_send(cf_record_values *values, const cf_row *row, const cf_row *base,
                           const char **why, bool *again)
{
    sending at = {.self = values, .row = row, .base = base, .again = again};

    cf_row_identities(row, send, &at);
    *why = at.why;
    return !at.why;
}

const cf_prepared *cf_record_values_prepared(cf_record_values *values, cf_bytes identity)
{
    cf_record_value *one = cf_record_values_of(values, identity);
    const cf_prepared *prepared = NULL;

    if (!one || !one->value.size || !is_kept(one) ||
        prepare(values, one, true, (cf_bytes){0}, &prepared) != CF_UPLOAD_READY)
        return NULL;
    return prepared;
}

void cf_record_values_published(cf_record_values *values, cf_bytes identity)
{
    cf_record_value *one = cf_record_values_of(values, identity);

    if (!one)
        return;
    cf_upload_file file = file_of(values, one);
    cf_uploads_published(values->context->uploads, &file);
}

/* ---- In ---- */

static const char TOO_LARGE[] = "a value of it is too large: more than 32 MiB";

typedef struct {
    cf_record_values *self;
    cf_arena *arena;
    bool asks_nobody;
    cf_values_answer answer;
    const char *why;
} fetching;

/* The row lacks a value: of several reasons the graver one is told. */
static void lack(fetching *at, cf_values_answer answer, const char *why)
{
    if (answer <= at->answer)
        return;
    at->answer = answer;
    at->why = cf_arena_text(at->arena, cf_bytes_of_text(why));
}

/* The content from the broker, or made of what is here; nothing: it isn't here yet. */
static cf_bytes download(fetching *at, cf_record_value *one, cf_bytes identity)
{
    cf_record_values *self = at->self;
    cf_bytes bytes = {0};
    cf_download came;
    cf_error error;

    if (at->asks_nobody) {
        lack(at, CF_VALUES_FAILED, "a long value of it is not here");
        return bytes;
    }
    if (cf_value_files_open(self, &error)) {
        lack(at, CF_VALUES_FAILED, error.text);
        return bytes;
    }
    one->is_asked = true;
    switch (cf_downloads_want(self->context->downloads, self->binding, identity, &came)) {
    case CF_DOWNLOAD_READY:
        if (cf_value_bytes(self, self->binding->temporary, came.name, one, at->arena, &bytes,
                           &error))
            lack(at, CF_VALUES_FAILED, error.text);
        break;
    case CF_DOWNLOAD_STARTED:
        lack(at, CF_VALUES_COME, "a long value of it is on its way");
        break;
    case CF_DOWNLOAD_WAITS:
        lack(at, CF_VALUES_COME, came.reason);
        break;
    case CF_DOWNLOAD_FAILED:
        lack(at, CF_VALUES_FAILED, came.reason);
        break;
    }
    return bytes;
}

/* The value that the content is of; nothing: it is of none, and that is noted. */
static cf_bytes value_of(fetching *at, cf_bytes content)
{
    cf_buffer value = {0};
    cf_bytes copy = {0};
    cf_error error;

    cf_status status = cf_terse_read(content, CF_RECORD_VALUE_MAX, &value, &error);
    if (status == CF_TOO_LARGE)
        lack(at, CF_VALUES_FAILED, TOO_LARGE);
    else if (status)
        lack(at, CF_VALUES_FAILED, "a long value of it is none");
    else
        copy = cf_arena_copy(at->arena, cf_buffer_view(&value));
    cf_buffer_release(&value);
    return copy;
}

/* A long value's encoding: from what the medium shows, from its file, or downloaded; nothing: the
 * row lacks it. */
static cf_bytes bytes_of(fetching *at, cf_bytes identity)
{
    cf_record_value *one = cf_record_values_of(at->self, identity);
    cf_bytes bytes = {0};
    cf_error error;

    if (!one || one->size > CF_RECORD_VALUE_MAX) {
        lack(at, CF_VALUES_FAILED, TOO_LARGE);
        return bytes;
    }
    if (one->value.size)
        return one->value;
    if (cf_value_file_read(at->self, one, at->arena, &bytes, &error))
        bytes = download(at, one, identity);
    return bytes.size ? value_of(at, bytes) : bytes;
}

static void count(void *context, cf_bytes field, cf_bytes identity)
{
    (void)field, (void)identity;
    ++*(size_t *)context;
}

/* Puts each long value in the place of its identity; what is not here is noted (lack()). */
static void fetch(fetching *at, const cf_row *row, cf_row *out)
{
    static const cf_id record = {{CF_KIND_RECORD}};
    size_t contents = 0;

    *out = *row;
    cf_row_identities(row, count, &contents);
    if (!contents)
        return;
    cf_row_field *fields = cf_arena_allocate(at->arena, row->field_count, sizeof *fields);
    for (size_t i = 0; i < row->field_count; i++) {
        cf_bytes *taken = cf_arena_allocate(at->arena, row->fields[i].count, sizeof *taken);

        fields[i] = row->fields[i];
        for (size_t k = 0; k < fields[i].count; k++)
            taken[k] = cf_item_has_content(&record, fields[i].name, fields[i].values[k])
                           ? bytes_of(at, fields[i].values[k])
                           : fields[i].values[k];
        fields[i].values = taken;
    }
    out->fields = fields;
}

cf_values_answer cf_record_values_fetch(cf_record_values *values, const cf_row *row,
                                        cf_arena *arena, cf_row *out, const char **why)
{
    fetching at = {.self = values, .arena = arena};

    fetch(&at, row, out);
    if (at.why)
        *why = at.why;
    return at.answer;
}

bool cf_record_values_here(cf_record_values *values, const cf_row *row, cf_arena *arena,
                           cf_row *out)
{
    fetching at = {.self = values, .arena = arena, .asks_nobody = true};

    fetch(&at, row, out);
    return at.answer == CF_VALUES_HERE;
}

void cf_record_values_fetched(cf_record_values *values)
{
    for (cf_hash_link *link = NULL; (link = cf_hash_table_walk(&values->table, link));) {
        cf_record_value *one = cf_container_of(link, cf_record_value, link);
        cf_buffer identity = {0};

        if (one->was_asked && !one->is_asked) {
            cf_content_identity_pack(&identity, &one->hash, one->size);
            cf_downloads_take(values->context->downloads, values->binding,
                              cf_buffer_view(&identity));
        }
        one->was_asked = one->is_asked;
        one->is_asked = false;
        cf_buffer_release(&identity);
    }
}

/* ---- The base ---- */

typedef struct {
    cf_record_values *self;
    cf_kv_list *records;
} keeping;

/* The base is to have a file of the value. */
static bool needs_file(const cf_record_values *self, const cf_record_value *one)
{
    return self->binding->base != CF_BASE_LEAVES && !cf_record_value_is_small(one);
}

/* Whether a content that came is taken over as it is. */
static bool take_download(keeping *at, cf_record_value *one, cf_bytes identity)
{
    cf_record_values *self = at->self;
    cf_download came;
    cf_error ignored;

    if (!one->was_asked || cf_downloads_want(self->context->downloads, self->binding, identity,
                                             &came) != CF_DOWNLOAD_READY)
        return false;
    cf_leaves_put(&one->hash, came.leaves, at->records);
    bool taken =
        !needs_file(self, one) || cf_value_file_take(self, one, came.name, &ignored) == CF_OK;
    cf_downloads_take(self->context->downloads, self->binding, identity);
    one->was_asked = false;
    return taken;
}

/* One long value of a row that the base has from now on. */
static void keep(void *context, cf_bytes field, cf_bytes identity)
{
    keeping *at = context;
    cf_record_value *one = cf_record_values_of(at->self, identity);
    cf_buffer leaves = {0};
    cf_error ignored;

    (void)field;
    if (!one || take_download(at, one, identity) || !one->value.size)
        return;
    hash_leaves(one, &leaves);
    cf_leaves_put(&one->hash, cf_buffer_view(&leaves), at->records);
    cf_uploads_keep(at->self->context->uploads, &one->hash, at->records);
    cf_buffer_release(&leaves);
    if (!needs_file(at->self, one))
        cf_value_file_drop(at->self, one);
    else if (!one->node)
        cf_value_file_write(at->self, one, &ignored);
}

void cf_record_values_keep(cf_record_values *values, const cf_row *row, cf_kv_list *records)
{
    cf_row_identities(row, keep, &(keeping){values, records});
}
