/* SPDX-License-Identifier: Apache-2.0 */
/* Edits of a JSON document. They are collected, in any order, and written at once: what no edit
 * names is written byte for byte, what is new is laid out as its neighbours are (line ends,
 * indentation, spaces behind colons and commas). */
#ifndef CF_PEER_ADAPTERS_TEXT_JSON_EDIT_H
#define CF_PEER_ADAPTERS_TEXT_JSON_EDIT_H
#include "peer/adapters/text/json_layout.h"
#include "peer/adapters/text/splice.h"

typedef struct {
    const cf_json *json;
    cf_splice splice;
    struct cf_json_child *children; /* that are new, or gone */
    size_t count, capacity;
    bool *gone; /* of each node; NULL: none is */
    cf_json_layout layout;
    bool has_layout; /* it was learned */
} cf_json_edits;     /* {.json = …} has none */

void cf_json_edits_release(cf_json_edits *edits);

/* `value` is any JSON text; its own layout is not kept. CF_MALFORMED: it is none, or would nest too
 * deeply. Of several edits of a node the last one counts; edits within a node that is replaced or
 * deleted are void. */
cf_status cf_json_edits_replace(cf_json_edits *edits, size_t node, cf_bytes value, cf_error *error);
/* Not of the root. */
void cf_json_edits_delete(cf_json_edits *edits, size_t node);
/* A new last member of that name, which the object must not have, or a new last element (`name`
 * counts for nothing). */
cf_status cf_json_edits_add(cf_json_edits *edits, size_t container, cf_bytes name, cf_bytes value,
                            cf_error *error);

/* Appends the whole document, once. */
void cf_json_edits_write(cf_json_edits *edits, cf_buffer *out);

#endif
