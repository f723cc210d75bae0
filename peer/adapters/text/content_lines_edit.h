/* SPDX-License-Identifier: Apache-2.0 */
/* Edits of content lines. They are collected, in any order, and written at once: what no edit names
 * is written byte for byte, what one does is folded as the rest of the file is. A line number
 * always means the line that was read. */
#ifndef CF_PEER_ADAPTERS_TEXT_CONTENT_LINES_EDIT_H
#define CF_PEER_ADAPTERS_TEXT_CONTENT_LINES_EDIT_H
#include "peer/adapters/text/content_lines.h"
#include "peer/adapters/text/splice.h"

/* Appends the line with its line end, folded at `fold_at` octets (0: not at all), never within a
 * character. */
typedef struct {
    bool crlf;
    size_t fold_at;
    char fold_with;
} cf_line_style;
void cf_line_write(cf_bytes text, cf_line_style style, cf_buffer *out);

typedef struct {
    const cf_content_lines *lines;
    cf_splice splice;
} cf_line_edits; /* {.lines = …} has none */

void cf_line_edits_release(cf_line_edits *edits);

/* `text` is a whole line, unfolded, without line end. CF_MALFORMED for what wouldn't be read again
 * as one content line. Of several edits of a line the last one counts. */
cf_status cf_line_edits_replace(cf_line_edits *edits, size_t line, cf_bytes text, cf_error *error);
/* As cf_line_edits_replace, with group, name and parameters as they are spelled. `value` is
 * escaped. */
cf_status cf_line_edits_value(cf_line_edits *edits, size_t line, cf_bytes value, cf_error *error);
/* Behind the line and what was inserted there before; CF_LINES_NONE: before the first line. */
cf_status cf_line_edits_insert(cf_line_edits *edits, size_t after, cf_bytes text, cf_error *error);
void cf_line_edits_delete(cf_line_edits *edits, size_t line);
/* Of a list of `count` parts that is the line's value: leaves those that are kept, as they are
 * spelled, and adds `more`, spelled with commas, in the end. An empty list goes with its line. */
void cf_line_edits_list(cf_line_edits *edits, size_t line, const bool *kept, size_t count,
                        cf_bytes more);

/* Appends the whole file. */
void cf_line_edits_write(cf_line_edits *edits, cf_buffer *out);

/* Appends the text without what has no end: components, and a last line that is cut. One at the top
 * that is called `around` (NULL: none) is kept, with those in it that are whole, and is ended. */
cf_status cf_content_lines_mend(cf_bytes bytes, const char *around, cf_buffer *out,
                                cf_error *error);

#endif
