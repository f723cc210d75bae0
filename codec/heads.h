/* SPDX-License-Identifier: Apache-2.0 */
/* Heads: the ends of the branches of writers' chains. A set of heads says what somebody holds or
 * has seen: everything in the past of the entries it names. A writer has one head, or several where
 * its chain is forked. Two heads of one writer say nothing about each other by themselves: whether
 * one is in the other's past is the log's to know. */
#ifndef CF_CODEC_HEADS_H
#define CF_CODEC_HEADS_H
#include "codec/bytes.h"
#include "codec/entry.h"
#include "codec/error.h"
#include "codec/pack.h"

typedef struct {
    cf_head *heads; /* ascending by writer, sequence, hash; none twice */
    size_t count, capacity;
} cf_heads; /* {0} is empty */

void cf_heads_release(cf_heads *set);
int cf_head_compare(const cf_head *a, const cf_head *b);
cf_head cf_head_of(const cf_entry *entry);

bool cf_heads_contain(const cf_heads *set, const cf_head *head);
/* The heads of one writer: a run of `*count` in the set, NULL when none. */
const cf_head *cf_heads_of_writer(const cf_heads *set, const cf_id *writer, size_t *count);
/* Whether some branch of the writer comes as far as `sequence`: no means that nothing there is in
 * the set's past, yes that something is. */
bool cf_heads_reach(const cf_heads *set, const cf_id *writer, uint64_t sequence);

/* Both do nothing when it is there, or not there, already. */
void cf_heads_insert(cf_heads *set, const cf_head *head);
/* Many, in any order. */
void cf_heads_add(cf_heads *set, const cf_head *heads, size_t count);
void cf_heads_remove(cf_heads *set, const cf_head *head);
/* The set after its holder took an entry which it did not have: the entry replaces its predecessor
 * where that is a head, else it begins a branch. */
void cf_heads_advance(cf_heads *set, const cf_entry *entry);
/* Adds to `into` what is in `more` and not in `known` (NULL: all of it). */
void cf_heads_add_new(cf_heads *into, const cf_heads *more, const cf_heads *known);

/* The `after` of the writer's next entry: what its author holds now, of the collection and of the
 * member log, without what `told` says was so at the writer's previous entry. Once that entry is
 * committed, `told` becomes `collection` and `members` together. */
typedef struct {
    const cf_heads *collection;
    const cf_heads *members; /* NULL in the member log itself */
    const cf_heads *told;
    const cf_id *writer; /* its own chain is not listed: the header names the predecessor */
} cf_author_seen;
void cf_heads_after(const cf_author_seen *seen, cf_heads *out);

/* [[writer, sequence, hash]…] in the set's order, as in headers and messages. */
void cf_heads_pack(cf_buffer *out, const cf_head *heads, size_t count);
/* CF_TOO_LARGE for more than `limit`. Replaces what is in `out`. */
cf_status cf_heads_read(cf_reader *reader, size_t limit, cf_heads *out, cf_error *error);

/* The sequences to offer when looking for the last common entry of a branch: highest, highest - 1,
 * - 3, - 7 … and 1. Returns how many. */
enum { CF_LADDER_MAX = 65 };
size_t cf_ladder(uint64_t highest, uint64_t out[CF_LADDER_MAX]);

#endif
