/* SPDX-License-Identifier: Apache-2.0 */
/* A JSON document (RFC 8259) as it is spelled: the nodes are places in the input, so a number is
 * its digits, never rounded, and what isn't edited is written byte for byte. A byte order mark is
 * passed over. */
#ifndef CF_PEER_ADAPTERS_TEXT_JSON_DOCUMENT_H
#define CF_PEER_ADAPTERS_TEXT_JSON_DOCUMENT_H
#include "codec/bytes.h"
#include "codec/error.h"
#include "codec/limits.h"

#define CF_JSON_INPUT_MAX (256 * CF_MIB)
#define CF_JSON_NODES_MAX ((size_t)4 << 20)
#define CF_JSON_DEPTH_MAX 64
#define CF_JSON_NONE UINT32_MAX

typedef enum {
    CF_JSON_NULL,
    CF_JSON_FALSE,
    CF_JSON_TRUE,
    CF_JSON_NUMBER,
    CF_JSON_STRING,
    CF_JSON_ARRAY,
    CF_JSON_OBJECT,
} cf_json_type;

/* Nodes are in the order of the document: a container's first child is the next node, and behind a
 * child `end` is the next one, up to the container's own `end`. */
typedef struct {
    uint8_t type;             /* cf_json_type */
    bool repeated;            /* a member whose name an earlier one of its object has */
    uint16_t depth;           /* 0: the root */
    uint32_t offset, size;    /* as spelled, quotes and brackets included */
    uint32_t name, name_size; /* of a member, as spelled with its quotes; size 0: none */
    uint32_t parent;          /* or CF_JSON_NONE */
    uint32_t end;             /* the first node that isn't within this one */
    uint32_t children;
} cf_json_node;

typedef struct {
    cf_bytes input;
    cf_json_node *nodes; /* the first is the root */
    size_t count, capacity;
    size_t depth;    /* of the deepest node */
    size_t repeated; /* how many nodes are `repeated` */
} cf_json;           /* {0} is empty */

/* Borrows `input` until the release. CF_MALFORMED names line and column. */
cf_status cf_json_read(cf_bytes input, cf_json *out, cf_error *error);
void cf_json_release(cf_json *json);

/* `byte` may be -1: there is none. */
static inline bool cf_json_is_space(int byte)
{
    return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r';
}

cf_bytes cf_json_spelled(const cf_json *json, size_t node);
/* A member's name as spelled. */
cf_bytes cf_json_spelled_name(const cf_json *json, size_t node);
/* The line on which the node begins, from 1. */
size_t cf_json_line(const cf_json *json, size_t node);

/* Appends what a string says. CF_MALFORMED: half of a surrogate pair, which no UTF-8 can say. */
cf_status cf_json_text(cf_bytes spelled, cf_buffer *out, cf_error *error);
/* Appends the text as a string, with its quotes. UTF-8 is the caller's to ensure. */
void cf_json_write_text(cf_bytes text, cf_buffer *out);

/* The member of an object, the first one of that name, or CF_JSON_NONE. */
size_t cf_json_member(const cf_json *json, size_t object, cf_bytes name);
/* What a JSON Pointer (RFC 6901) names, or CF_JSON_NONE. */
size_t cf_json_find(const cf_json *json, cf_bytes pointer);

#endif
