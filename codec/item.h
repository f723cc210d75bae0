/* SPDX-License-Identifier: Apache-2.0 */
/* Items: what a field's value must be like. Only the fields of directories, files and links have a
 * form of their own here; what a newer program adds is kept as it is. codec/PROTOCOL.md, "Items,
 * fields and values". */
#ifndef CF_CODEC_ITEM_H
#define CF_CODEC_ITEM_H
#include "codec/bytes.h"
#include "codec/error.h"
#include "codec/ids.h"

/* A directory, a file or a link by its id's first byte, or the root (all zero). */
bool cf_item_is_file(const cf_id *item);

/* A contact, an event, a task, a row or another record, by the id's first byte. */
bool cf_item_is_record(const cf_id *item);
/* Whether a content stands in the value's place: its reference on the wire, its identity in the
 * state. That is /content of a file, and of records each array that begins with a bin32: the
 * content is then the encoding of the value, which is too long to stand there itself. */
bool cf_item_has_content(const cf_id *item, cf_bytes field, cf_bytes value);

/* A JSON Pointer (codec/pointer.h) of at most CF_FIELD_MAX bytes; "" is one. */
cf_status cf_field_check(cf_bytes field, cf_error *error);
/* What each device has for itself in a source, and no device syncs, at no depth. */
#define CF_OWN_FOLDER ".counterfoil"

/* One component of a path: 1 to CF_NAME_MAX bytes, none of them NUL or '/', not ".", ".." or
 * CF_OWN_FOLDER: what has such a name would lie where nobody looks. */
cf_status cf_name_check(cf_bytes name, cf_error *error);
/* `value` is canonical msgpack, and the field none that says where content is (/content), what is
 * deleted or what is pinned: the reader of bodies knows those. */
cf_status cf_item_check(const cf_id *item, cf_bytes field, cf_bytes value, cf_error *error);

#endif
