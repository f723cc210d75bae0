/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of records, and as people read them. A column and the name of a member are texts, a member
 * may be a number: the record of the one is that of the other. */
#ifndef CF_PEER_ADAPTERS_KEY_TEXT_H
#define CF_PEER_ADAPTERS_KEY_TEXT_H
#include "peer/adapters/adapter.h"
#include "peer/records/record.h"

/* How many columns the key fills; 0: it is none of a record. */
size_t cf_record_key_parts(cf_bytes key);
/* Whether one of the parts is not the empty text. */
bool cf_record_key_says_any(cf_bytes key, size_t parts);
/* Whether the record is a whole JSON document, or what stands in one beside its records. */
bool cf_record_is_document(const cf_adapter *adapter, size_t key_count, cf_bytes table);

/* What people call a key that the user named: its column, or the last step of its pointer;
 * appended. */
void cf_record_key_name(const cf_adapter *adapter, const char *key, cf_buffer *out);
/* Whether one of a source's keys has the name of this field, or of what it is within: then there is
 * no place for it in that source.
 *     keys: name     /columns/name, /columns/name/first: yes     /columns/names: no */
bool cf_record_keys_name(const cf_adapter *adapter, const char *const *keys, size_t count,
                         cf_bytes field);
/* The key, or the field without its first slash, or behind /columns/, as people read it; appended.
 */
void cf_record_key_text(cf_bytes key, cf_buffer *out);
void cf_record_field_text(cf_bytes field, cf_buffer *out);
/* The same of a field of an item of this kind, as a path that no other field of the record has: of
 * one in a document the steps stay as they are spelled.
 *     {"a/b": {"c": 1}}: a~1b/c        {"a": {"b/c": 1}}: a/b~1c */
void cf_record_field_path(uint8_t kind, cf_bytes field, cf_buffer *out);

/* Appends the only other key that reads the same: of a number its text, of a text the number that
 * it is. False: there is none, and nothing is appended. */
bool cf_key_otherwise(cf_bytes key, cf_buffer *out);

/* A key of its own for what says this, which any device makes of it: `number` is 0, or how many
 * that say the same come before it. */
enum { CF_KEY_MADE = 37 };
void cf_key_made(cf_bytes said, size_t number, char key[CF_KEY_MADE]);

/* ---- Keys that count up ---- */

/* Whether the keys of a file are numbers that somebody counts up, as far as they tell. Pure. */

/* All are plain numbers, none below zero, and they ascend, or leave few numbers out. Of no rows
 * nothing is known: no. Keys are texts or ints. */
bool cf_record_keys_count_up(const cf_row *rows, size_t count);

#endif
