/* SPDX-License-Identifier: Apache-2.0 */
/* Contacts in vCard files (2.1, 3.0, 4.0), one card or many: rows of the table "contacts" with the
 * UID as key and the properties of JSContact (RFC 9553) as RFC 9555 translates them. The entries of
 * what JSContact calls a map of ids are the values of a set; /name/full and /name/components are
 * fields of their own. A property that JSContact has no word for is a value of /vCardProps: [name,
 * parameters, "unknown", value as spelled]. Parameters without a word, and the group, are in the
 * entry's `vCardParams`, those of a plain value NAME in the field /vCardParams/NAME. An Apple label
 * (X-ABLabel of the same group) is the entry's `label`.
 *
 * A card keeps its version; one of version 2.1 becomes one of 3.0 when anything in it changes. */
#ifndef CF_PEER_ADAPTERS_VCARD_H
#define CF_PEER_ADAPTERS_VCARD_H
#include "peer/adapters/record_file.h"
#include "peer/records/schema.h"

/* Cards that were read: where one is spelled as one of these, byte for byte, it isn't read again.
 */
typedef struct cf_vcard_cards cf_vcard_cards;
cf_vcard_cards *cf_vcard_cards_new(void);
void cf_vcard_cards_destroy(cf_vcard_cards **cards);

/* CF_MALFORMED or CF_TOO_LARGE: nothing of the file can be taken. */
cf_status cf_vcard_rows_read(cf_bytes bytes, cf_record_file *out, cf_error *error);
/* Appends the file. New cards come last, in the version of the first card that there is, else in
 * 3.0. */
cf_status cf_vcard_rows_write(cf_bytes before, const cf_row *wanted, size_t count, cf_buffer *out,
                              cf_error *error);
/* The same; what is read is added to the cards, and the rows borrow from them. NULL: none. */
cf_status cf_vcard_rows_read_by(cf_bytes bytes, cf_vcard_cards *cards, cf_record_file *out,
                                cf_error *error);

/* A file for both: it is split once, its rows are read once. Borrows the bytes and the cards. */
typedef struct cf_vcard_document cf_vcard_document;
cf_status cf_vcard_document_read(cf_bytes bytes, cf_vcard_cards *cards, cf_vcard_document **out,
                                 cf_error *error);
/* In which version cards of a file are made that has none yet: what cf_vcard_layout tells of
 * another file. A value that is not understood says nothing. */
void cf_vcard_document_lay(cf_vcard_document *document, cf_bytes layout);
/* Appends the version, as a text, of which most cards are, 4.0 or else 3.0 (2.1 isn't written);
 * nothing: there are none. */
void cf_vcard_layout(cf_bytes bytes, cf_buffer *out);
void cf_vcard_document_destroy(cf_vcard_document **document);
const cf_record_file *cf_vcard_document_rows(const cf_vcard_document *document);
cf_status cf_vcard_document_write(const cf_vcard_document *document, const cf_row *wanted,
                                  size_t count, cf_buffer *out, cf_error *error);
/* Cards without a UID get one that nothing elsewhere (NULL: nothing) has, unless it may be one of
 * the base (NULL: none) that is missing: appends the whole file, or nothing where all stays as it
 * is. */
cf_status cf_vcard_document_fill(const cf_vcard_document *document, const cf_rows *base,
                                 const cf_rows *elsewhere, cf_buffer *out, cf_error *error);
/* The fields that a card can hold. In the arena. */
cf_format_table cf_vcard_format(cf_arena *arena);
/* As cf_format_speak: cards of any version. */
bool cf_vcard_speak(const cf_row *row, cf_arena *arena, cf_bytes *spoken);

#endif
