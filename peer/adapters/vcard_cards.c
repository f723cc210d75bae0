/* SPDX-License-Identifier: Apache-2.0 */
/* The cards of a file, and what was read of them already. */
#include "peer/adapters/vcard_inside.h"

#include <stdlib.h>

#include "codec/hash_table.h"

/* ---- What was read ---- */

struct cf_vcard_cards {
    cf_hash_table by_text;
    cf_arena arena;
};

typedef struct {
    cf_hash_link link;
    cf_bytes text;
    cf_row row;
} known_card;

cf_vcard_cards *cf_vcard_cards_new(void)
{
    return cf_allocate(1, sizeof(cf_vcard_cards));
}

void cf_vcard_cards_destroy(cf_vcard_cards **cards)
{
    if (!*cards)
        return;
    cf_hash_table_release(&(*cards)->by_text);
    cf_arena_release(&(*cards)->arena);
    free(*cards);
    *cards = NULL;
}

static const cf_row *find_known(const cf_vcard_cards *cards, cf_bytes text)
{
    cf_hash_link *link =
        cards ? cf_hash_table_first(&cards->by_text, cf_hash_bytes(0, text)) : NULL;

    for (; link; link = cf_hash_table_next(link)) {
        const known_card *known = cf_container_of(link, known_card, link);

        if (cf_bytes_equal(known->text, text))
            return &known->row;
    }
    return NULL;
}

/* The row's parts are in the cards' arena. */
static void keep(cf_vcard_cards *cards, cf_bytes text, const cf_row *row)
{
    known_card *known = cf_arena_allocate(&cards->arena, 1, sizeof *known);

    *known = (known_card){.text = cf_arena_copy(&cards->arena, text), .row = *row};
    cf_hash_table_add(&cards->by_text, &known->link, cf_hash_bytes(0, text));
}

/* ---- The rows of a file ---- */

/* From its BEGIN to its END, as found. */
static cf_bytes text_of(const cf_content_lines *lines, size_t component)
{
    const cf_component *at = &lines->components[component];
    const uint8_t *first = lines->lines[at->first].raw.data;
    cf_bytes last = lines->lines[at->last].raw;

    return cf_bytes_of(first, (size_t)(last.data + last.size - first));
}

/* What a card says is said by its text alone; of a trouble the line is told, too. */
static void read_card(const cf_content_lines *lines, size_t component, cf_vcard_cards *cards,
                      cf_field_list *list, cf_record_file *out)
{
    cf_arena *arena = cards ? &cards->arena : &out->arena;
    cf_bytes text = text_of(lines, component);
    const cf_row *known = find_known(cards, text);
    cf_vcard_card card;

    if (known) {
        cf_record_file_add(out, known, component);
        return;
    }
    cf_vcard_card_read(lines, component, arena, &card);
    cf_row row = cf_vcard_card_row(&card, list, arena);
    if (card.trouble) {
        (lines->components[component].unended ? cf_record_file_cut : cf_record_file_trouble)(
            out, card.trouble_number, card.key.data ? &row : NULL, card.trouble);
    } else {
        if (cards)
            keep(cards, text, &row);
        cf_record_file_add(out, &row, component);
    }
    cf_vcard_card_release(&card);
}

static size_t line_of(void *context, size_t component)
{
    const cf_content_lines *lines = context;

    return lines->lines[lines->components[component].first].number;
}

static void read_rows(const cf_content_lines *lines, cf_vcard_cards *cards, cf_record_file *out)
{
    cf_field_list list = {0};
    bool any = false, calendar = false;

    for (size_t i = 0; i < lines->count; i++)
        if (lines->lines[i].trouble && lines->lines[i].component == CF_LINES_NONE)
            (cf_content_line_is_cut(lines, i) ? cf_record_file_cut : cf_record_file_trouble)(
                out, lines->lines[i].number, NULL, lines->lines[i].trouble);
    for (size_t i = 0; i < lines->component_count; i++) {
        const cf_component *at = &lines->components[i];

        if (at->depth)
            continue;
        any |= cf_component_named(at, "VCARD");
        calendar |= cf_component_named(at, "VCALENDAR");
        if (cf_component_named(at, "VCARD"))
            read_card(lines, i, cards, &list, out);
        else if (at->unended)
            cf_record_file_cut(out, lines->lines[at->first].number, NULL, at->trouble);
        else if (at->trouble) /* what was meant by it, or is in it, is unknown */
            cf_record_file_trouble(out, at->trouble_number, NULL, at->trouble);
        else
            out->others = true;
    }
    if (calendar && !any) { /* it has taken the cards' place */
        cf_record_file_trouble(out, line_of((void *)lines, 0), NULL,
                               "begins no card, and there is none in the file: save it again, or "
                               "delete it if what it held may go");
        out->others = false;
    }
    cf_field_list_release(&list);
    cf_record_file_settle(out, line_of, (void *)lines);
}

cf_status cf_vcard_document_read(cf_bytes bytes, cf_vcard_cards *cards, cf_vcard_document **out,
                                 cf_error *error)
{
    cf_vcard_document *document = cf_allocate(1, sizeof *document);
    cf_status status = cf_content_lines_read_charsets(bytes, &document->lines, error);

    if (status) {
        free(document);
        return status;
    }
    document->version = CF_VCARD_3_0; /* which all programs read */
    read_rows(&document->lines, cards, &document->rows);
    *out = document;
    return CF_OK;
}

void cf_vcard_document_destroy(cf_vcard_document **document)
{
    if (!*document)
        return;
    cf_content_lines_release(&(*document)->lines);
    cf_record_file_release(&(*document)->rows);
    free(*document);
    *document = NULL;
}

const cf_record_file *cf_vcard_document_rows(const cf_vcard_document *document)
{
    return &document->rows;
}

cf_status cf_vcard_rows_read_by(cf_bytes bytes, cf_vcard_cards *cards, cf_record_file *out,
                                cf_error *error)
{
    cf_vcard_document *document;
    cf_status status = cf_vcard_document_read(bytes, cards, &document, error);

    if (status)
        return status;
    *out = document->rows;
    document->rows = (cf_record_file){0};
    cf_vcard_document_destroy(&document);
    return CF_OK;
}

cf_status cf_vcard_rows_read(cf_bytes bytes, cf_record_file *out, cf_error *error)
{
    return cf_vcard_rows_read_by(bytes, NULL, out, error);
}
