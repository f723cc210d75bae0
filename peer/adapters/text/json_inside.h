/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of json_document share. */
#ifndef CF_PEER_ADAPTERS_TEXT_JSON_INSIDE_H
#define CF_PEER_ADAPTERS_TEXT_JSON_INSIDE_H
#include "peer/adapters/text/json_document.h"

/* `byte` may be -1: there is none. */
static inline bool cf_json_is_space(int byte)
{
    return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r';
}

/* -1: it is none. */
int cf_json_hex_digit(int byte);

/* Marks the members whose name an earlier one has. */
void cf_json_find_repeated(cf_json *json, uint32_t object);

#endif
