/* SPDX-License-Identifier: Apache-2.0 */
/* What adapters have in common. An adapter turns one kind of source into items and back; what it
 * knows of the engine is this file: it gives each thing that it finds a token, and says what it
 * can't bring under sync, and why. */
#ifndef CF_PEER_ADAPTERS_ADAPTER_H
#define CF_PEER_ADAPTERS_ADAPTER_H
#include "codec/bytes.h"
#include "codec/error.h"

#include <stdbool.h>

typedef enum {
    CF_FORMAT_FILES,
    CF_FORMAT_CSV,
    CF_FORMAT_JSON,
    CF_FORMAT_VCARD,
    CF_FORMAT_ICALENDAR,
    CF_FORMAT_SQLITE,
} cf_format;
enum { CF_FORMATS = CF_FORMAT_SQLITE + 1 };

/* Whether a source is one file of records (adapters/record_format.h), else a folder. */
static inline bool cf_format_is_records(cf_format format)
{
    return format != CF_FORMAT_FILES;
}

/* CF_USAGE names an unknown format. */
cf_status cf_format_of_text(const char *text, cf_format *out, cf_error *error);
const char *cf_format_text(cf_format format);
/* What a source of the format has, in one word for people. Formats that say the same here can hold
 * the same collection. */
const char *cf_format_what(cf_format format);

/* How a thing that was found got its token. */
typedef enum {
    CF_TOKEN_NONE,     /* no item: of a sort that isn't synced, or not asked for */
    CF_TOKEN_SAME,     /* the base node, where it was */
    CF_TOKEN_REPLACED, /* the base node, where it was, as another file: a save by rename */
    CF_TOKEN_MOVED,    /* the base node, from elsewhere */
    CF_TOKEN_NEW,
} cf_token_how;

typedef struct {
    cf_token_how how;
    uint64_t node; /* number of the base node; nothing with NONE and NEW */
} cf_token;

#endif
