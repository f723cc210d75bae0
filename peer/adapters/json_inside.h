/* SPDX-License-Identifier: Apache-2.0 */
/* What reading and writing of JSON records share. */
#ifndef CF_PEER_ADAPTERS_JSON_INSIDE_H
#define CF_PEER_ADAPTERS_JSON_INSIDE_H
#include "peer/adapters/json.h"
#include "peer/adapters/text/json_document.h"

struct cf_json_records {
    const cf_json_source *source;
    cf_bytes bytes;
    bool is_blank; /* then there is no more */
    cf_json json;
    size_t container;    /* the array or object of records */
    bool has_beside;     /* objects lead to it, and what else they have is a record */
    cf_record_file rows; /* each in the place of its node */
};

/* The node is the one at `container`, or one that leads to it. */
static inline bool cf_json_leads_to(const cf_json *json, size_t node, size_t container)
{
    return container != CF_JSON_NONE && node <= container && container < json->nodes[node].end;
}

#endif
