/* SPDX-License-Identifier: Apache-2.0 */
/* What the merge rules leave open: how ids are hashed and what a conflict copy is called. The
 * product's answers are in rules.c; the tests bring those of the model's vectors. All of them are
 * pure, random_id excepted: every device must come to the same answer. */
#ifndef CF_PEER_MERGE_RULES_H
#define CF_PEER_MERGE_RULES_H
#include "broker/platform/env.h"
#include "codec/clock.h"
#include "codec/ids.h"

/* The kinds of items that lie in a folder: first byte of their ids, value of /kind. */
enum { CF_KIND_DIRECTORY = 'd', CF_KIND_FILE = 'f', CF_KIND_SYMLINK = 'l' };

typedef struct cf_rules {
    void *context; /* of the calls below */
    /* Of an item found without a history. `parent` is its directory's item, `content` the value
     * of /content (none for a directory): one file made on two devices, before they knew of each
     * other, is one item; two of one name with different contents are two items (rule I). */
    cf_id (*new_id)(void *context, uint8_t kind, const cf_id *parent, cf_bytes name,
                    cf_bytes content);
    cf_id (*random_id)(void *context, uint8_t kind);
    /* The item that a conflict copy is, once somebody touches it: the content that the write `dot`
     * gave `item`. Keeps the kind. */
    cf_id (*copy_id)(void *context, const cf_id *item, const cf_dot *dot);
    /* Appends what `name` is called as a conflict copy written by `dot` at `time`: at most
     * CF_NAME_MAX bytes, another for each `number` (from 1).
     *
     *     "a.txt", 1    "a (conflict 2026-11-20 13-05-00 abcd).txt": abcd begins the writer's id
     *     "a.txt", 2    "a (conflict 2026-11-20 13-05-00 abcd 2).txt", if the first is taken */
    void (*conflict_name)(void *context, cf_bytes name, cf_time time, const cf_dot *dot,
                          uint64_t number, cf_buffer *out);
    uint64_t item_writes;  /* that an item which is shown has at most; 0: CF_ITEM_WRITES_MAX */
    cf_bytes default_mode; /* the mode of what has none; none in the product */
} cf_rules;

/* The root directory's item: all zero. */
extern const cf_id cf_root_item;

static inline uint8_t cf_kind_of(const cf_id *item)
{
    return item->bytes[0];
}
/* Whether a folder shows items of this kind. */
static inline bool cf_kind_is_node(uint8_t kind)
{
    return kind == CF_KIND_DIRECTORY || kind == CF_KIND_FILE || kind == CF_KIND_SYMLINK;
}

/* Appends `name` with " (NOTE)" before its extension (what stands behind the last dot, at most 32
 * bytes); the name is cut at the end of a character so that all fit into CF_NAME_MAX bytes. */
void cf_name_annotate(cf_bytes name, const char *note, cf_buffer *out);
/* Appends the name that this conflict name was made of; false: `name` is none, or is so long that
 * its beginning may have been cut off.
 *
 *     "a (conflict 2026-11-20 13-05-00 abcd 2).txt"    "a.txt" */
bool cf_name_in_conflict(cf_bytes name, cf_buffer *out);

/* The product's rules; `env` gives the random numbers and outlives them. */
void cf_rules_product(cf_rules *out, const cf_env *env);

#endif
