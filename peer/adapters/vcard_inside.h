/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of vcard share: the table of properties that JSContact has a word for (RFC 9555),
 * and the two directions between one line and one value. */
#ifndef CF_PEER_ADAPTERS_VCARD_INSIDE_H
#define CF_PEER_ADAPTERS_VCARD_INSIDE_H
#include "codec/value_build.h"
#include "peer/adapters/text/content_lines_edit.h"
#include "peer/adapters/vcard.h"

typedef enum {
    /* One value, the field's: */
    CF_VCARD_PLAIN, /* a text */
    CF_VCARD_STAMP, /* a time */
    CF_VCARD_NAME,  /* N: an array of components */
    /* Entries of a set, each a map with contexts, pref, label and vCardParams besides: */
    CF_VCARD_TEXT,
    CF_VCARD_URI,
    CF_VCARD_RELATED, /* a uri; its types are the relation */
    CF_VCARD_ORGANIZATION,
    CF_VCARD_ADDRESS,
    CF_VCARD_DATE,
    CF_VCARD_MEDIA,
    CF_VCARD_NAMES, /* a list, an entry each */
    /* Entries of a set that are texts: */
    CF_VCARD_WORDS, /* a list, an entry each */
    CF_VCARD_BARE,
    /* What there is no word for: an entry of /vCardProps. */
    CF_VCARD_OTHER,
} cf_vcard_form;

typedef struct {
    const char *name;   /* of the vCard property */
    const char *field;  /* of the row */
    const char *member; /* of the entry, for the value */
    const char *kind;   /* what the entry's `kind` must be, or NULL */
    cf_vcard_form form;
} cf_vcard_property;

extern const cf_vcard_property cf_vcard_other;
/* cf_vcard_other when there is no word for it. */
const cf_vcard_property *cf_vcard_property_named(cf_bytes name);
/* The property that such an entry is written as; NULL: none can. */
const cf_vcard_property *cf_vcard_property_for(cf_bytes field, cf_bytes value);
/* The field of a plain value's parameters. */
cf_bytes cf_vcard_params_field(const cf_vcard_property *property, cf_arena *arena);
bool cf_vcard_is_single(const cf_vcard_property *property);
bool cf_vcard_is_list(const cf_vcard_property *property);

typedef enum {
    CF_VCARD_2_1,
    CF_VCARD_3_0,
    CF_VCARD_4_0,
} cf_vcard_version;

/* One line to be made into a value. */
typedef struct {
    const cf_content_line *line;
    cf_vcard_version version;
    cf_bytes value; /* spelled as in vCard 3, whatever the version */
    cf_bytes label; /* text of its X-ABLabel; .data NULL: none */
    bool is_tied;   /* its group only ties it to that label, whatever its name */
    bool garbled;   /* its charset is unknown, or what it says is not in it */
} cf_vcard_line;

/* Replaces what is in `out` by the value of the line as this property (of a list: of the part
 * `value`); false: it can't be, and is to be taken as cf_vcard_other. */
bool cf_vcard_value(const cf_vcard_line *line, const cf_vcard_property *property, cf_buffer *out);
bool cf_vcard_is_base64(cf_bytes text);
/* Whether it says that its value is base64, which some programs do in vCard 4, too. */
bool cf_vcard_is_inline(const cf_vcard_line *line);
/* The parameters and the group of a line whose value is plain: a map; false: it has none. */
bool cf_vcard_params_value(const cf_vcard_line *line, cf_buffer *out);

/* The members of an entry that come from parameters, or of a map of parameters alone. */
void cf_vcard_read_params(const cf_vcard_line *line, const cf_vcard_property *property,
                          cf_value_builder *build);

/* Replaces what is in `out` by the line that says this value; `params` is the map of a plain
 * value's parameters, or nothing. False: no line can. */
bool cf_vcard_line_text(const cf_vcard_property *property, cf_bytes value, cf_bytes params,
                        cf_vcard_version version, cf_buffer *out);
/* Appends group, name and parameters up to the colon. False: one of them is no word. */
bool cf_vcard_write_head(const cf_vcard_property *property, cf_bytes value, cf_bytes params,
                         cf_vcard_version version, cf_buffer *out);
/* As a value is spelled that is a uri: only backslashes and line ends are escaped. */
void cf_vcard_write_uri(cf_bytes uri, cf_buffer *out);

/* Contexts and features by their TYPE, in the order in which they are written. */
typedef struct {
    const char *type, *word;
} cf_vcard_type;
extern const cf_vcard_type cf_vcard_contexts[2];
extern const cf_vcard_type cf_vcard_features[8];
/* The parts of an address in the order of ADR, of a name in that of N. */
extern const char *const cf_vcard_address_kinds[7];
extern const char *const cf_vcard_name_kinds[7];

/* ---- Cards ---- */

#define CF_VCARD_LINES_MAX 10000 /* of one card */

/* A line, or a part of one, with what it says. */
typedef struct {
    const cf_vcard_property *property;
    cf_bytes field;
    cf_bytes value;  /* .data NULL: it says nothing (an empty N) */
    cf_bytes params; /* of a plain value; .data NULL: none */
    size_t line;
    size_t label; /* line of its X-ABLabel, or CF_LINES_NONE */
    bool derived; /* a full name that the rest of the card says: it says nothing */
} cf_vcard_entry;

typedef struct {
    const cf_content_lines *lines;
    size_t component;
    cf_vcard_version version;
    cf_bytes key;            /* a value; .data NULL: it has no UID */
    cf_vcard_entry *entries; /* in the order of the lines */
    size_t count, capacity;
    const char *trouble;
    size_t trouble_number;
} cf_vcard_card;

/* What is read is in the arena, except for the array. */
void cf_vcard_card_read(const cf_content_lines *lines, size_t component, cf_arena *arena,
                        cf_vcard_card *out);
/* Its lines, in order, and which of those are properties of its own. */
size_t cf_vcard_first_line(const cf_vcard_card *card);
size_t cf_vcard_last_line(const cf_vcard_card *card);
bool cf_vcard_is_own(const cf_vcard_card *card, size_t line);
/* One of its lines, with the value as vCard 3 spells it. */
cf_vcard_line cf_vcard_card_line(const cf_vcard_card *card, size_t line, cf_arena *arena);
/* The line's label, a line too, or CF_LINES_NONE: that of its group, in which no other may take it.
 */
size_t cf_vcard_label_of(const cf_vcard_card *card, size_t line);
/* The line has a label, and nothing else is in their group. */
bool cf_vcard_is_tied(const cf_vcard_card *card, size_t line);
/* A label that some other line's value has: no entry of its own. */
bool cf_vcard_is_taken_label(const cf_vcard_card *card, size_t line);
void cf_vcard_card_release(cf_vcard_card *card);
cf_row cf_vcard_card_row(const cf_vcard_card *card, cf_field_list *list, cf_arena *arena);
struct cf_vcard_document {
    cf_content_lines lines;
    cf_record_file rows;      /* each in the place of its component */
    cf_vcard_version version; /* of new cards, where there is none to go by */
};

/* Every card must have a full name: where the row has none it is derived from the name's parts, the
 * organization, an address or a number, and marked with DERIVED=TRUE (RFC 9554). Once all lines are
 * read: such an entry says nothing. */
void cf_vcard_name_settle(cf_vcard_card *card);
/* Replaces what is in `out` by that line for the row; false: the entry's line may stay. */
bool cf_vcard_name_line(const cf_vcard_card *card, const cf_vcard_entry *entry, const cf_row *row,
                        cf_buffer *out);

/* The value of a field that has one; .data NULL: the row hasn't. */
cf_bytes cf_vcard_plain(const cf_row *row, cf_bytes field);
/* Edits the card, of version 3.0 or 4.0, so that it says what the row says. */
void cf_vcard_card_write(const cf_vcard_card *card, const cf_row *row, cf_line_edits *edits);

#endif
