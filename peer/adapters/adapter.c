/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/adapters/adapter.h"

#include "codec/limits.h"
#include "peer/adapters/record_adapter.h"
#include "peer/records/seats.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* ---- Without a text of records ---- */

static bool looks_like_nothing(cf_bytes bytes)
{
    (void)bytes;
    return false;
}

static const cf_adapter files = {
    .name = "files",
    .what = "files",
    .item = "file",
    .usage = "--format files, unless another is said: a folder, with all that is in it.",
    .storage = CF_STORAGE_TREE,
    .keying = CF_KEYING_PATH,
    .mapping = CF_MAPPING_NONE,
    .cutting = CF_CUTTING_NONE,
    .looks = looks_like_nothing,
};

static bool looks_like_database(cf_bytes bytes)
{
    static const char magic[] = "SQLite format 3";

    return bytes.size >= sizeof magic - 1 && memcmp(bytes.data, magic, sizeof magic - 1) == 0;
}

/* Databases are read and written in adapters/sqlite/. */
static const cf_adapter sqlite = {
    .name = "sqlite",
    .what = "rows of a database",
    .item = "row",
    .usage =
        "--format sqlite: a database, row by row, beside the program that has it open. --include "
        "TABLE chooses tables, FIELD=VALUE or TABLE//FIELD=VALUE rows; a column of the key is a "
        "FIELD, too. --exclude TABLE leaves one out. Of counters and times of use --last "
        "TABLE.COLUMN says that the later value counts, without a conflict. What no foreign key "
        "declares, --map FILE names, one a line: refers TABLE COLUMN TABLE. With --unique same, "
        "rows made apart with one text in a unique column are one, if no other column that both "
        "fill differs; with --natural-key TABLE.COLUMN, of one text in this, whatever differs. "
        "One that isn't there is made as the collection's first one is, with --existing.",
    .storage = CF_STORAGE_DATABASE,
    .keying = CF_KEYING_DATABASE,
    .mapping = CF_MAPPING_REFERENCES,
    .cutting = CF_CUTTING_NONE,
    .layout_max = CF_DATABASE_LAYOUT_MAX,
    .looks = looks_like_database,
};

/* ---- The table ---- */

static const cf_adapter *const adapters[] = {
    [CF_FORMAT_FILES] = &files,
    [CF_FORMAT_CSV] = &cf_adapter_csv,
    [CF_FORMAT_JSON] = &cf_adapter_json,
    [CF_FORMAT_VCARD] = &cf_adapter_vcard,
    [CF_FORMAT_ICALENDAR] = &cf_adapter_icalendar,
    [CF_FORMAT_SQLITE] = &sqlite,
};
static_assert(sizeof adapters / sizeof *adapters == CF_FORMATS, "the last one has its line, too");

const cf_adapter *cf_adapter_of(cf_format format)
{
    assert((size_t)format < CF_FORMATS);
    return adapters[format];
}

cf_status cf_format_of_text(const char *text, cf_format *out, cf_error *error)
{
    char names[CF_FORMATS_TEXT];

    for (size_t i = 0; i < CF_FORMATS; i++)
        if (strcmp(adapters[i]->name, text) == 0) {
            *out = (cf_format)i;
            return CF_OK;
        }
    return cf_fail(error, CF_USAGE, "unknown format '%s': %s", text, cf_format_names(NULL, names));
}

cf_format cf_format_of_table(cf_bytes table)
{
    size_t i = 0;

    while (!adapters[i]->columns || !cf_schema_find(adapters[i]->schema, table))
        i++; /* a map is of a table that one of them has */
    return (cf_format)i;
}

const char *cf_format_text(cf_format format)
{
    return cf_adapter_of(format)->name;
}

const char *cf_format_what(cf_format format)
{
    return cf_adapter_of(format)->what;
}

bool cf_format_is_records(cf_format format)
{
    return cf_adapter_has_records(cf_adapter_of(format));
}

/* ---- What several fields say together ---- */

bool cf_adapter_has_records(const cf_adapter *adapter)
{
    return adapter->storage != CF_STORAGE_TREE;
}

bool cf_adapter_has_named_keys(const cf_adapter *adapter)
{
    return adapter->keying == CF_KEYING_COLUMNS || adapter->keying == CF_KEYING_MEMBER;
}

bool cf_adapter_is_mapped(const cf_adapter *adapter)
{
    return adapter->mapping == CF_MAPPING_COLUMNS || adapter->mapping == CF_MAPPING_OBJECTS;
}

bool cf_adapter_has_own_tables(const cf_adapter *adapter)
{
    return adapter->storage == CF_STORAGE_DATABASE;
}

bool cf_adapter_has_seats(const cf_adapter *adapter)
{
    return adapter->schema && cf_kind_has_seats(adapter->schema->tables[0].kind);
}

const char *cf_format_names(bool (*is)(const cf_adapter *adapter), char text[CF_FORMATS_TEXT])
{
    const char *names[CF_FORMATS];
    size_t count = 0, size = 0;

    for (size_t i = 0; i < CF_FORMATS; i++)
        if (!is || is(adapters[i]))
            names[count++] = adapters[i]->name;
    text[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        const char *before = i == 0 ? "" : i + 1 == count ? " or " : ", ";

        size += (size_t)snprintf(text + size, CF_FORMATS_TEXT - size, "%s%s", before, names[i]);
        assert(size < CF_FORMATS_TEXT);
    }
    return text;
}
