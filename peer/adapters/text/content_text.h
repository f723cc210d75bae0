/* SPDX-License-Identifier: Apache-2.0 */
/* What is spelled in a content line's value and parameters, and what it says: backslashes (RFC
 * 6350, 3.4; RFC 5545, 3.3.11), lists and structured values, quotes and carets of parameters (RFC
 * 6868), vCard 2.1's quoted-printable. */
#ifndef CF_PEER_ADAPTERS_TEXT_CONTENT_TEXT_H
#define CF_PEER_ADAPTERS_TEXT_CONTENT_TEXT_H
#include "codec/bytes.h"

/* Appends what a text value says. A backslash before anything but n N \ , ; : is one itself. */
void cf_content_text_read(cf_bytes spelled, cf_buffer *out);
/* Appends the text with \ , ; and line ends escaped; CR LF and CR become \n, too. */
void cf_content_text_write(cf_bytes text, cf_buffer *out);

/* Takes the next part of a structured value (separator ';') or a list (','), still spelled. `*at`
 * begins with 0; false: there are no more. An empty value has one part, which is empty. */
bool cf_content_part(cf_bytes spelled, char separator, size_t *at, cf_bytes *part);

/* Takes the next of a parameter's values, without its quotes, its carets still spelled; as
 * cf_content_part. */
bool cf_parameter_part(cf_bytes spelled, size_t *at, cf_bytes *part);
/* Appends what one value says: ^n, ^' and ^^ are a line end, a quote and a caret. */
void cf_parameter_read(cf_bytes part, cf_buffer *out);
/* Appends one value: with carets, in quotes where it holds one of : ; , */
void cf_parameter_write(cf_bytes text, cf_buffer *out);

/* Appends what =XX stand for; a broken one stays as it is. */
void cf_quoted_printable_read(cf_bytes spelled, cf_buffer *out);

#endif
