/* SPDX-License-Identifier: Apache-2.0 */
/* Rows into the text of a file of cards: cards whose row changed are edited (vcard_edit.c), new
 * ones are built, all other bytes stay. A card of vCard 2.1 whose row changed is written anew, as
 * vCard 3. */
#include "peer/adapters/vcard_inside.h"

#include <string.h>
#include <strings.h>

#include "codec/pack.h"
#include "peer/adapters/rewrite.h"
#include "peer/adapters/roundtrip.h"
#include "peer/adapters/text/content_text.h"
#include "peer/adapters/value_map.h"

/* ---- New cards ---- */

static const char *version_text(cf_vcard_version version)
{
    return version == CF_VCARD_4_0 ? "4.0" : "3.0";
}

/* The least that a card must have; the rest is written into it as into any other. */
static void begin_card(const cf_row *row, cf_vcard_version version, cf_buffer *out)
{
    cf_bytes uid = {0};
    cf_buffer line = {0};
    const cf_line_style style = {true, 75, ' '};

    cf_value_is_text(row->key, &uid);
    cf_buffer_append_text(out, "BEGIN:VCARD\r\nVERSION:%s\r\n", version_text(version));
    cf_buffer_append_text(&line, "UID:");
    cf_content_text_write(uid, &line);
    cf_line_write(cf_buffer_view(&line), style, out);
    if (!cf_vcard_plain(row, cf_bytes_of_text("/name/full")).data)
        cf_buffer_append_text(out, "FN;DERIVED=TRUE:\r\n");
    cf_buffer_append_text(out, "END:VCARD\r\n");
    cf_buffer_release(&line);
}

/* Inserts all lines of a new card behind the line `after`. */
static cf_status insert_card(const cf_row *row, cf_vcard_version version, size_t after,
                             cf_line_edits *edits, cf_error *error)
{
    cf_buffer text = {0}, whole = {0};
    cf_content_lines lines = {0};
    cf_vcard_card card = {0};
    cf_arena arena = {0};

    begin_card(row, version, &text);
    cf_status status = cf_content_lines_read(cf_buffer_view(&text), &lines, error);
    if (status)
        goto done;
    cf_line_edits own = {.lines = &lines};
    cf_vcard_card_read(&lines, 0, &arena, &card);
    if (!card.trouble)
        cf_vcard_card_write(&card, row, &own);
    cf_line_edits_write(&own, &whole);
    cf_line_edits_release(&own);
    cf_vcard_card_release(&card);
    cf_content_lines_release(&lines);
    status = cf_content_lines_read(cf_buffer_view(&whole), &lines, error);
    for (size_t i = 0; i < lines.count && !status; i++)
        status = cf_line_edits_insert(edits, after, lines.lines[i].text, error);
done:
    cf_content_lines_release(&lines);
    cf_arena_release(&arena);
    cf_buffer_release(&text);
    cf_buffer_release(&whole);
    return status;
}

/* ---- Files ---- */

static void delete_card(const cf_content_lines *lines, size_t component, cf_line_edits *edits)
{
    for (size_t i = lines->components[component].first; i <= lines->components[component].last; i++)
        cf_line_edits_delete(edits, i);
}

static cf_status change_card(const cf_content_lines *lines, size_t component, const cf_row *is,
                             const cf_row *row, cf_line_edits *edits, cf_error *error)
{
    const cf_schema_table *table =
        cf_schema_find(&cf_schema_contacts, cf_bytes_of_text(CF_TABLE_CONTACTS));
    cf_arena arena = {0};
    cf_vcard_card card;
    cf_status status = CF_OK;

    cf_vcard_card_read(lines, component, &arena, &card);
    if (card.version != CF_VCARD_2_1) {
        cf_vcard_card_write(&card, row, edits);
    } else if (!cf_row_same(table, is, row)) {
        delete_card(lines, component, edits);
        status = insert_card(row, CF_VCARD_3_0, lines->components[component].last, edits, error);
    }
    cf_vcard_card_release(&card);
    cf_arena_release(&arena);
    return status;
}

static cf_vcard_version version_here(const cf_vcard_document *document)
{
    const cf_content_lines *lines = &document->lines;

    for (size_t i = 0; i < lines->count; i++)
        if (cf_line_named(&lines->lines[i], "VERSION"))
            return cf_line_word_is(lines->lines[i].value, "4.0") ? CF_VCARD_4_0 : CF_VCARD_3_0;
    return document->version;
}

/* A contact with a UID: only such a row is a card. */
static bool is_card(const cf_row *row)
{
    cf_bytes uid;

    return cf_bytes_equal(row->table, cf_bytes_of_text(CF_TABLE_CONTACTS)) &&
           cf_value_is_text(row->key, &uid) && uid.size;
}

static cf_status write_rows(const cf_vcard_document *document, cf_rewrite *rewrite,
                            cf_line_edits *edits, cf_error *error)
{
    const cf_content_lines *lines = &document->lines;
    const size_t last = lines->count ? lines->count - 1 : CF_LINES_NONE;
    cf_status status = CF_OK;
    cf_rewrite_step step;

    while (!status && cf_rewrite_next(rewrite, &step))
        if (!step.wanted)
            delete_card(lines, step.place, edits);
        else if (step.is && !cf_row_fields_equal(step.is, step.wanted))
            status = change_card(lines, step.place, step.is, step.wanted, edits, error);
        else if (!step.is && is_card(step.wanted))
            status = insert_card(step.wanted, version_here(document), last, edits, error);
    return status;
}

cf_status cf_vcard_document_write(const cf_vcard_document *document, const cf_row *rows,
                                  size_t count, cf_buffer *out, cf_error *error)
{
    cf_rewrite rewrite = cf_rewrite_of(&document->rows, rows, count, NULL);
    cf_line_edits edits = {.lines = &document->lines};

    cf_status status = write_rows(document, &rewrite, &edits, error);
    if (!status)
        cf_line_edits_write(&edits, out);
    cf_line_edits_release(&edits);
    cf_rewrite_release(&rewrite);
    return status;
}

cf_status cf_vcard_rows_write(cf_bytes before, const cf_row *rows, size_t count, cf_buffer *out,
                              cf_error *error)
{
    cf_vcard_document *document = NULL;

    cf_status status = cf_vcard_document_read(before, NULL, &document, error);
    if (!status)
        status = cf_vcard_document_write(document, rows, count, out, error);
    cf_vcard_document_destroy(&document);
    return status;
}

/* ---- The version of files that are made ---- */

/* The line after this one; NULL: it is the last. */
static const uint8_t *next_line(const uint8_t *at, const uint8_t *end)
{
    const uint8_t *line_end = memchr(at, '\n', (size_t)(end - at));

    return line_end && line_end + 1 < end ? line_end + 1 : NULL;
}

void cf_vcard_layout(cf_bytes bytes, cf_buffer *out)
{
    static const char name[] = "VERSION:";
    const uint8_t *end = bytes.data + bytes.size;
    size_t new = 0, old = 0;

    for (const uint8_t *at = bytes.size ? bytes.data : NULL; at; at = next_line(at, end)) {
        const size_t left = (size_t)(end - at);

        if (left < sizeof name + 2 || strncasecmp((const char *)at, name, sizeof name - 1) != 0)
            continue;
        bool is_new = memcmp(at + sizeof name - 1, "4.0", 3) == 0;
        new += is_new;
        old += !is_new;
    }
    if (new || old)
        cf_pack_text(out, cf_bytes_of_text(version_text(new > old ? CF_VCARD_4_0 : CF_VCARD_3_0)));
}

void cf_vcard_document_lay(cf_vcard_document *document, cf_bytes layout)
{
    cf_bytes version;

    if (cf_value_is_text(layout, &version) && cf_line_word_is(version, "4.0"))
        document->version = CF_VCARD_4_0;
}

/* ---- How values are said ---- */

bool cf_vcard_speak(const cf_row *row, cf_arena *arena, cf_bytes *spoken)
{
    static const char *const before[] = {"", "VERSION:4.0\n"}; /* outside of a card */
    static const cf_roundtrip words = {cf_vcard_rows_read, cf_vcard_rows_write, before, 2};

    return cf_roundtrip_row(&words, row, arena, spoken);
}
