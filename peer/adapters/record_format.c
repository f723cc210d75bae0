/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/adapters/record_format.h"

#include "codec/pack.h"
#include "codec/pointer.h"
#include "peer/adapters/json_value.h"
#include "peer/adapters/record_adapter.h"
#include "peer/adapters/text/json_document.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static cf_status check_keying(const cf_adapter *adapter, size_t count, cf_error *error)
{
    switch (adapter->keying) {
    case CF_KEYING_COLUMNS:
        return count ? CF_OK
                     : cf_fail(error, CF_USAGE,
                               "--format %s needs --key COLUMN: which column says which row it is; "
                               "or --map FILE, where rows are contacts, events or tasks",
                               adapter->name);
    case CF_KEYING_MEMBER:
        return count <= 1 ? CF_OK
                          : cf_fail(error, CF_USAGE, "--format %s takes one --key", adapter->name);
    case CF_KEYING_UID:
        return !count ? CF_OK
                      : cf_fail(error, CF_USAGE, "--format %s takes no --key: it is the UID",
                                adapter->name);
    case CF_KEYING_DATABASE:
        return !count ? CF_OK
                      : cf_fail(error, CF_USAGE,
                                "--key does not go with --format %s: a database says itself what "
                                "its keys are",
                                adapter->name);
    case CF_KEYING_PATH:
        break;
    }
    return CF_OK;
}

cf_status cf_record_options_check(const cf_record_options *options, cf_error *error)
{
    cf_status status = check_keying(options->adapter, options->key_count, error);

    for (size_t i = 0; !status && i < options->key_count; i++)
        if (!*options->keys[i])
            status = cf_fail(error, CF_USAGE, "--key is empty");
    return status;
}

void cf_record_options_remember(cf_record_options *options)
{
    const cf_record_adapter *records = options->adapter->records;

    cf_record_options_forget(options);
    if (records->remember)
        options->memory = records->remember();
}

void cf_record_options_forget(cf_record_options *options)
{
    if (options->memory)
        options->adapter->records->forget(options->memory);
    options->memory = NULL;
}

/* ---- A document ---- */

static bool is_blank(cf_bytes bytes)
{
    for (size_t i = 0; i < bytes.size; i++)
        if (!memchr(" \t\r\n", bytes.data[i], 4))
            return false;
    return true;
}

struct cf_record_document {
    const cf_record_options *options;
    const cf_record_adapter *records; /* the format's */
    cf_bytes bytes;
    cf_arena arena; /* of the file */
    void *file;     /* the adapter's */
};

cf_status cf_record_document_read(const cf_record_options *options, cf_bytes bytes,
                                  cf_record_document **out, cf_error *error)
{
    cf_record_document *self = cf_allocate(1, sizeof *self);

    self->options = options;
    self->records = options->adapter->records;
    self->bytes = bytes;
    cf_status status = self->records->open(options, bytes, &self->arena, &self->file, error);
    if (status)
        cf_record_document_destroy(&self);
    else
        *out = self;
    return status;
}

void cf_record_document_destroy(cf_record_document **document)
{
    cf_record_document *self = *document;

    if (!self)
        return;
    if (self->file)
        self->records->close(self->file);
    cf_arena_release(&self->arena);
    free(self);
    *document = NULL;
}

const cf_record_options *cf_record_document_options(const cf_record_document *document)
{
    return document->options;
}

cf_bytes cf_record_document_bytes(const cf_record_document *document)
{
    return document->bytes;
}

/* ---- What a format can hold ---- */

void cf_record_format_holds(const cf_record_options *options, cf_arena *arena, cf_row_format *out)
{
    cf_error error;

    cf_status status = options->adapter->records->holds(options, NULL, arena, out, &error);
    assert(!status); /* only a file can be such that nobody knows */
    (void)status;
}

cf_status cf_record_document_holds(cf_record_document *document, cf_arena *arena,
                                   cf_row_format *out, cf_error *error)
{
    return document->records->holds(document->options, document->file, arena, out, error);
}

void cf_record_document_layout(cf_record_document *document, cf_buffer *out)
{
    if (document->records->lay)
        document->records->lay(document->file, document->bytes, out);
}

void cf_record_format_layout(const cf_record_options *options, cf_bytes bytes, cf_buffer *out)
{
    if (options->adapter->records->lay)
        options->adapter->records->lay(NULL, bytes, out);
}

/* ---- Reading and writing ---- */

cf_status cf_record_document_rows(cf_record_document *document, cf_record_file *out,
                                  cf_error *error)
{
    const cf_record_map *map = document->options->map;
    const cf_record_file *rows;

    cf_status status = document->records->rows(document->file, &rows, error);
    if (status)
        return status;
    *out = cf_record_file_borrow(rows);
    if (map)
        cf_record_map_enter(map, out);
    return CF_OK;
}

cf_status cf_record_format_read(const cf_record_options *options, cf_bytes bytes,
                                cf_record_file *out, cf_error *error)
{
    cf_status status = options->adapter->records->read(options, bytes, out, error);

    if (!status && options->map)
        cf_record_map_enter(options->map, out);
    return status;
}

static cf_status write_mapped(cf_record_document *self, const cf_row *wanted, size_t count,
                              cf_buffer *out, cf_error *error)
{
    const cf_record_file *is;
    cf_row_format ignored;
    cf_arena arena = {0};

    cf_status status = cf_record_document_holds(self, &arena, &ignored, error);
    if (!status)
        status = self->records->rows(self->file, &is, error);
    if (!status) {
        cf_row *rows = cf_arena_allocate(&arena, count + is->count, sizeof *rows);

        count = cf_record_map_take(self->options->map, is, wanted, count, &arena, rows);
        status = self->records->write(self->file, rows, count, out, error);
    }
    cf_arena_release(&arena);
    return status;
}

/* Through the map, into a file that begins as such a file does. */
static cf_status write_begun(const cf_record_document *self, const cf_row *wanted, size_t count,
                             cf_buffer *out, cf_error *error)
{
    cf_record_document *document = NULL;
    cf_buffer begun = {0};

    self->records->begin(self->options->map, &begun);
    cf_status status =
        cf_record_document_read(self->options, cf_buffer_view(&begun), &document, error);
    if (!status)
        status = write_mapped(document, wanted, count, out, error);
    cf_record_document_destroy(&document);
    cf_buffer_release(&begun);
    return status;
}

cf_status cf_record_document_write(cf_record_document *document, const cf_row *wanted, size_t count,
                                   cf_buffer *out, cf_error *error)
{
    if (!document->options->map)
        return document->records->write(document->file, wanted, count, out, error);
    return document->records->begin && count && is_blank(document->bytes)
               ? write_begun(document, wanted, count, out, error)
               : write_mapped(document, wanted, count, out, error);
}

bool cf_record_format_fills(const cf_record_options *options)
{
    return options->adapter->records && options->adapter->records->fill;
}

cf_status cf_record_document_fill(cf_record_document *document, const cf_format_known *known,
                                  cf_buffer *out, cf_error *error)
{
    return document->records->fill ? document->records->fill(document->file, known, out, error)
                                   : CF_OK;
}

cf_status cf_record_format_mend(const cf_record_options *options, cf_bytes bytes, cf_buffer *out,
                                cf_error *error)
{
    return options->adapter->records->mend(bytes, out, error);
}

bool cf_record_format_keeps(const cf_record_options *options, cf_bytes table, cf_bytes key)
{
    const cf_record_adapter *records = options->adapter->records;

    return !records || !records->keeps || records->keeps(options, table, key);
}
