/* SPDX-License-Identifier: Apache-2.0 */
/* The format vcard: contacts. */
#include "peer/adapters/record_adapter.h"

#include "codec/limits.h"
#include "peer/adapters/text/content_lines_edit.h"
#include "peer/adapters/vcard.h"

static bool looks(cf_bytes bytes)
{
    return cf_format_begins(bytes, "BEGIN:VCARD");
}

static cf_status read(const cf_record_options *options, cf_bytes bytes, cf_record_file *out,
                      cf_error *error)
{
    return cf_vcard_rows_read_by(bytes, options->memory, out, error);
}

static cf_status open_file(const cf_record_options *options, cf_bytes bytes, cf_arena *arena,
                           void **out, cf_error *error)
{
    cf_vcard_document *document;

    (void)arena;
    cf_status status = cf_vcard_document_read(bytes, options->memory, &document, error);
    if (!status) {
        cf_vcard_document_lay(document, options->layout);
        *out = document;
    }
    return status;
}

static void lay(void *file, cf_bytes bytes, cf_buffer *out)
{
    (void)file;
    cf_vcard_layout(bytes, out);
}

static void close_file(void *file)
{
    cf_vcard_document *document = file;

    cf_vcard_document_destroy(&document);
}

static cf_status rows(void *file, const cf_record_file **out, cf_error *error)
{
    (void)error;
    *out = cf_vcard_document_rows(file);
    return CF_OK;
}

static cf_status write(void *file, const cf_row *wanted, size_t count, cf_buffer *out,
                       cf_error *error)
{
    return cf_vcard_document_write(file, wanted, count, out, error);
}

static cf_status fill(void *file, const cf_format_known *known, cf_buffer *out, cf_error *error)
{
    return cf_vcard_document_fill(file, known->base, known->elsewhere, out, error);
}

static cf_status holds(const cf_record_options *options, void *file, cf_arena *arena,
                       cf_row_format *out, cf_error *error)
{
    cf_format_table *table = cf_arena_allocate(arena, 1, sizeof *table);

    (void)options;
    (void)file;
    (void)error;
    *table = cf_vcard_format(arena);
    table->speak = cf_vcard_speak;
    *out = (cf_row_format){.tables = table, .count = 1};
    return CF_OK;
}

static cf_status mend(cf_bytes bytes, cf_buffer *out, cf_error *error)
{
    return cf_content_lines_mend(bytes, NULL, out, error);
}

static void *remember(void)
{
    return cf_vcard_cards_new();
}

static void forget(void *memory)
{
    cf_vcard_cards *cards = memory;

    cf_vcard_cards_destroy(&cards);
}

static const cf_record_adapter records = {
    .read = read,
    .open = open_file,
    .close = close_file,
    .rows = rows,
    .write = write,
    .fill = fill,
    .holds = holds,
    .lay = lay,
    .mend = mend,
    .speak = cf_vcard_speak,
    .remember = remember,
    .forget = forget,
};

static const char *const tables[] = {CF_TABLE_CONTACTS, NULL};

const cf_adapter cf_adapter_vcard = {
    .name = "vcard",
    .what = "contacts",
    .item = "contact",
    .usage =
        "--format vcard: contacts, in one file with many of them or in a folder of files as "
        "vdirsyncer and khard use it. The UID says which one it is. Elsewhere they may be csv or "
        "json.",
    .storage = CF_STORAGE_FILE_OR_FOLDER,
    .keying = CF_KEYING_UID,
    .mapping = CF_MAPPING_NONE,
    .cutting = CF_CUTTING_COMPONENT,
    .extension = ".vcf",
    .tables = tables,
    .tables_text = "contacts",
    .schema = &cf_schema_contacts,
    .columns = &cf_known_contacts,
    .layout_max = CF_LAYOUT_MAX,
    .looks = looks,
    .records = &records,
};
