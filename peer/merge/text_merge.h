/* SPDX-License-Identifier: Apache-2.0 */
/* Two edits of one text in different places, made one: a three-way merge, line by line. A pure
 * function: every device makes the same bytes of the same versions. */
#ifndef CF_PEER_MERGE_TEXT_MERGE_H
#define CF_PEER_MERGE_TEXT_MERGE_H
#include "codec/bytes.h"

typedef struct {
    cf_bytes before; /* that both were made from */
    cf_bytes shown, other;
} cf_text_versions;

/* Appends the text with both edits. False: the edits touch, or a version is no text, or what ends
 * lines is not the same in all three; nothing was appended. Not for texts that are long: a merge
 * may take the product of their lines.
 *
 *     before "a b c d e", shown "A b c d e", other "a b c d E", each letter a line: "A b c d E"
 *     before "a b c", shown "A b c", other "B b c": false */
bool cf_text_merge(const cf_text_versions *versions, cf_buffer *out);

#endif
