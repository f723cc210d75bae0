/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of records as people read them. A column and the name of a member are texts, a member may be
 * a number: the record of the one is that of the other. */
#ifndef CF_PEER_ADAPTERS_KEY_TEXT_H
#define CF_PEER_ADAPTERS_KEY_TEXT_H
#include "codec/bytes.h"

/* Appends the only other key that reads the same: of a number its text, of a text the number that
 * it is. False: there is none, and nothing is appended. */
bool cf_key_otherwise(cf_bytes key, cf_buffer *out);

#endif
