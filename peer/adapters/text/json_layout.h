/* SPDX-License-Identifier: Apache-2.0 */
/* How a JSON document is laid out, learned from it, and new values laid out so. */
#ifndef CF_PEER_ADAPTERS_TEXT_JSON_LAYOUT_H
#define CF_PEER_ADAPTERS_TEXT_JSON_LAYOUT_H
#include "peer/adapters/text/json_document.h"

/* Borrows from the document. */
typedef struct {
    bool tall;         /* children on lines of their own */
    cf_bytes line_end; /* where it is */
    cf_bytes unit;     /* one step of indentation */
    cf_bytes colon;    /* with the space around it */
    cf_bytes comma;    /* the space behind it, on one line */
} cf_json_layout;

cf_json_layout cf_json_layout_of(const cf_json *json);

/* The white space before a node: behind the bracket, comma or colon. */
cf_bytes cf_json_lead(const cf_json *json, size_t node);
/* The same before the member's name, where the node is one. */
cf_bytes cf_json_member_lead(const cf_json *json, size_t node);
/* Between a member's name and its value. */
cf_bytes cf_json_colon(const cf_json *json, size_t node);
/* The white space at the beginning of the line on which the node begins. */
cf_bytes cf_json_indent(const cf_json *json, size_t node);

/* Appends a JSON text anew; `tall` or on one line. `indent` is that of the line on which it begins.
 */
void cf_json_lay(cf_bytes text, const cf_json_layout *layout, bool tall, cf_bytes indent,
                 cf_buffer *out);

#endif
