/* SPDX-License-Identifier: Apache-2.0 */
/* What adapters have in common. An adapter turns one kind of source into items and back; what it
 * knows of the engine is this file: it gives each thing that it finds a token, and says what it
 * can't bring under sync, and why. */
#ifndef CF_PEER_ADAPTERS_ADAPTER_H
#define CF_PEER_ADAPTERS_ADAPTER_H
#include "codec/bytes.h"
#include "codec/error.h"

typedef enum {
    CF_FORMAT_FILES,
} cf_format;

/* CF_USAGE names an unknown format. */
cf_status cf_format_of_text(const char *text, cf_format *out, cf_error *error);
const char *cf_format_text(cf_format format);

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
