/* SPDX-License-Identifier: Apache-2.0 */
/* Cards without a UID, as some address books export them: each gets one, made of what it says, so
 * that two devices which begin with the same export agree. Where a card that is known is missing,
 * one that nobody knows may be that one, edited by a program that writes no UIDs: it is left as it
 * is, and in trouble, so that nothing is taken for deleted. */
#include "peer/adapters/vcard_inside.h"

#include <stdlib.h>
#include <string.h>

#include "codec/pack.h"
#include "peer/adapters/key_text.h"
#include "peer/adapters/text/content_text.h"
#include "peer/adapters/value_map.h"

typedef struct {
    const cf_content_lines *lines;
    cf_line_edits edits;
    cf_rows *taken; /* the UIDs, each of a row of no table */
    const cf_rows *elsewhere;
} filling;

/* What is written anew at each export, though nobody changed the card. */
static bool is_of_export(const cf_content_line *line)
{
    return cf_line_named(line, "REV") || cf_line_named(line, "PRODID") ||
           cf_line_named(line, "UID");
}

/* All that the card says, whatever its line ends and folds. */
static void gather(const cf_content_lines *lines, const cf_component *card, cf_buffer *said)
{
    for (size_t i = card->first + 1; i < card->last; i++) {
        const cf_content_line *line = &lines->lines[i];

        if (line->kind == CF_LINE_BLANK || is_of_export(line))
            continue;
        cf_buffer_append_text(said, "%zu:", line->text.size);
        cf_buffer_append(said, line->text.data, line->text.size);
    }
}

static bool is_known(const cf_rows *rows, const char *key)
{
    cf_buffer packed = {0};

    cf_pack_text(&packed, cf_bytes_of_text(key));
    bool known =
        rows && cf_rows_find(rows, cf_bytes_of_text(CF_TABLE_CONTACTS), cf_buffer_view(&packed));
    cf_buffer_release(&packed);
    return known;
}

/* Puts the made UID among those that are taken. */
static void make_key(filling *self, const cf_component *card, char key[CF_KEY_MADE])
{
    cf_buffer said = {0};
    size_t number = 0;

    gather(self->lines, card, &said);
    do
        cf_key_made(cf_buffer_view(&said), number++, key);
    while (cf_rows_find(self->taken, (cf_bytes){0}, cf_bytes_of_text(key)) ||
           is_known(self->elsewhere, key));
    cf_rows_put(self->taken, &(cf_row){.key = cf_bytes_of_text(key)});
    cf_buffer_release(&said);
}

/* Its own line of this name, or CF_LINES_NONE. */
static size_t line_named(const cf_content_lines *lines, size_t component, const char *name)
{
    const cf_component *card = &lines->components[component];

    for (size_t i = card->first; i <= card->last; i++)
        if (lines->lines[i].component == component && lines->lines[i].kind == CF_LINE_PROPERTY &&
            cf_line_named(&lines->lines[i], name))
            return i;
    return CF_LINES_NONE;
}

static cf_status fill(filling *self, size_t component, const char *key, cf_error *error)
{
    const size_t uid = line_named(self->lines, component, "UID");
    const size_t version = line_named(self->lines, component, "VERSION");
    char line[CF_KEY_MADE + 8] = "UID:";

    strcat(line, key);
    if (uid != CF_LINES_NONE)
        return cf_line_edits_replace(&self->edits, uid, cf_bytes_of_text(line), error);
    return cf_line_edits_insert(
        &self->edits, version != CF_LINES_NONE ? version : self->lines->components[component].first,
        cf_bytes_of_text(line), error);
}

/* Its first UID that says anything, appended. */
static void read_uid(const cf_content_lines *lines, size_t component, cf_buffer *out)
{
    const cf_component *card = &lines->components[component];

    for (size_t i = card->first; i <= card->last && !out->size; i++)
        if (lines->lines[i].component == component && lines->lines[i].kind == CF_LINE_PROPERTY &&
            cf_line_named(&lines->lines[i], "UID"))
            cf_content_text_read(lines->lines[i].value, out);
}

/* False: it has a UID, or nobody can say where it ends. */
static bool is_to_fill(filling *self, size_t component)
{
    const cf_component *at = &self->lines->components[component];
    cf_buffer uid = {0};

    if (at->depth || !cf_component_named(at, "VCARD"))
        return false;
    read_uid(self->lines, component, &uid);
    const bool lacks = uid.size == 0;
    if (!lacks)
        cf_rows_put(self->taken, &(cf_row){.key = cf_buffer_view(&uid)});
    cf_buffer_release(&uid);
    return lacks && !at->trouble && !at->unended;
}

/* A card that the base has is not there: one without a UID may be it, with an edit. */
static bool is_any_missing(const filling *self, const cf_rows *base)
{
    cf_bytes uid;

    for (const cf_row *row = NULL; base && (row = cf_rows_next(base, row));)
        if (cf_value_is_text(row->key, &uid) && !cf_rows_find(self->taken, (cf_bytes){0}, uid))
            return true;
    return false;
}

cf_status cf_vcard_document_fill(const cf_vcard_document *document, const cf_rows *base,
                                 const cf_rows *elsewhere, cf_buffer *out, cf_error *error)
{
    const cf_content_lines *lines = &document->lines;
    filling self = {
        .lines = lines, .edits = {.lines = lines}, .taken = cf_rows_new(), .elsewhere = elsewhere};
    char(*keys)[CF_KEY_MADE] = cf_allocate(lines->component_count, sizeof *keys);
    bool *lacks = cf_allocate(lines->component_count, sizeof *lacks);
    cf_status status = CF_OK;

    for (size_t i = 0; i < lines->component_count; i++)
        lacks[i] = is_to_fill(&self, i);
    for (size_t i = 0; i < lines->component_count; i++)
        if (lacks[i])
            make_key(&self, &lines->components[i], keys[i]);
    const bool missing = is_any_missing(&self, base);
    for (size_t i = 0; i < lines->component_count && !status; i++)
        if (lacks[i] && (!missing || is_known(base, keys[i])))
            status = fill(&self, i, keys[i], error);
    if (!status && self.edits.splice.count)
        cf_line_edits_write(&self.edits, out);
    free(keys);
    free(lacks);
    cf_line_edits_release(&self.edits);
    cf_rows_destroy(&self.taken);
    return status;
}
