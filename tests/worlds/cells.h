/* SPDX-License-Identifier: Apache-2.0 */
/* What the text files of records in a world say: rows of a CSV file, properties of vCards. They are
 * read and written here without anything of the product, as the programs of its neighbours do. */
#ifndef CF_TESTS_WORLDS_CELLS_H
#define CF_TESTS_WORLDS_CELLS_H
#include "codec/bytes.h"

typedef struct {
    char *key, *field; /* of a row itself the field is empty, and so is the value */
    char *value;
} cell;

typedef struct {
    cell *all;
    size_t count, capacity;
} cells; /* {0} is empty */

void cells_release(cells *self);
void cells_add(cells *self, const char *key, const char *field, const char *value);
/* NULL: there is none. Of a set it is the first one. */
cell *cells_find(const cells *self, const char *key, const char *field);
/* Takes it away, and lets it be borrowed no more. */
void cells_drop(cells *self, const cell *one);
void cells_drop_row(cells *self, const char *key);
/* In place of what the field has. */
void cells_set(cells *self, const char *key, const char *field, const char *value);
/* By key, field and value. */
void cells_sort(cells *self);

/* The columns, behind the first one, "id". */
enum { CELL_COLUMNS = 3 };
extern const char *const cell_columns[CELL_COLUMNS];
void cells_read_table(cf_bytes text, cells *out);
void cells_write_table(const cells *self, cf_buffer *out);

/* The one row of a JSON document has this key, if it has any member; what those say are texts. */
extern const char cells_settings[];
void cells_read_settings(cf_bytes text, cells *out);
void cells_write_settings(const cells *self, cf_buffer *out);

/* The properties: a name, a note, telephones, a photo, a birthday, and one that no standard knows.
 * The name and the last two are single ones. */
typedef enum {
    CELL_NAME,
    CELL_NOTE,
    CELL_TELEPHONE,
    CELL_PHOTO,
    CELL_BIRTHDAY,
    CELL_SPOUSE,
    CELL_PROPERTIES
} cell_property;
extern const char *const cell_properties[CELL_PROPERTIES];
/* Of a birthday and a spouse: a line of a card that is never long. */
bool cells_is_short(const char *field);
void cells_read_cards(cf_bytes text, cells *out);
void cells_write_card(const cells *self, const char *key, cf_buffer *out);
/* What in a file of one card is against RFC 6350, or more than its users put there; NULL: nothing.
 */
const char *cells_card_is_wrong(cf_bytes text);

#endif
