/* SPDX-License-Identifier: Apache-2.0 */
/* The private records that a peer keeps beside its log, by table: how their keys are made. A key
 * begins with the table's letter; numbers are big-endian, so that a table is read in their order.
 *
 * The log keeps records of its own under three of these letters (broker/log/log_tables.h), 'V' is
 * what it verified, and 'l' is its leases'. What is under 'r', 'b' and 'y' here has keys of
 * CF_KEY_SOURCE_SIZE, five bytes, the letter and a source; the log's have 9, 33 and 34. Whoever
 * scans one of these tables passes over keys of other sizes, and what it finds under a key of its
 * own size and can't read is damaged: the log never takes a record of a peer's for one of its own,
 * nor the other way round. That the sizes differ is asserted in tables.c. New tables get letters
 * that neither has.
 *
 * A key that is removed leaves something behind, until the store is compacted, which every scan
 * of its table passes. So what an entry, a session or a verb makes and takes away is no key: 'p' is
 * one value, and heads are one value for each writer (broker/store/store_rocksdb_heads.c). Keys are
 * removed in these tables, which are scanned
 *   when a source is opened: 'n', 'j', 'z', 'f' (of what is deleted), 't' (each step that is made),
 *     'o', 'a', 'L' (saves kept aside, modes that are lent);
 *   when a home is opened, and when keys come: 'x' (parts, until a changeset is whole);
 *   when a home is opened: 'h' (leases), the log's 'y' (revocations);
 *   by a broker at each HELLO: the log's 'b' (blobs that an entry came without);
 * and never as a whole: 'c', 'v', 'K', 'i'. */
#ifndef CF_PEER_LOG_TABLES_H
#define CF_PEER_LOG_TABLES_H
#include "broker/store/store.h"
#include "codec/arena.h"

typedef enum {
    CF_TABLE_ITEM = 'i', /* collection, item → the writes that nobody has replaced */
    CF_TABLE_NODE = 'n', /* source, node → what the disk showed when last agreed */
    CF_TABLE_ROW = 'j',  /* source, hash of table and key → a row of records, when last agreed */
    CF_TABLE_HIDDEN = 'z',   /* source, item → a row that is not shown and hangs on one that is */
    CF_TABLE_AGREED = 'g',   /* source → what its base becomes by the write under way */
    CF_TABLE_PLACE = 'f',    /* source, hash of a file's name → which records it held */
    CF_TABLE_CONTENT = 'c',  /* collection, content hash → the entry that tells how to get it */
    CF_TABLE_LEAVES = 'v',   /* content hash → hashes of its leaves */
    CF_TABLE_KNOWN = 'K',    /* content hash → of a patch in blobs, what it copies of a whole */
    CF_TABLE_INTENT = 't',   /* source, number → a step about to be made */
    CF_TABLE_RESCUED = 'o',  /* source, number → where it belongs: a user's save, kept aside */
    CF_TABLE_SOURCE = 's',   /* source → collection, location, options */
    CF_TABLE_SCHEMA = 'y',   /* source → the schema that its database had when last agreed */
    CF_TABLE_HELD = 'd',     /* source → which columns it had when last agreed */
    CF_TABLE_LAYOUT = 'Y',   /* source → how its file is laid out, as it told the others */
    CF_TABLE_RENAMED = 'U',  /* source → columns whose names in it are others than before */
    CF_TABLE_LEFT_OUT = 'C', /* source → columns that others have, and its file goes without */
    CF_TABLE_ENDED = 'N', /* source → a byte: its file's last line had an end when last agreed */
    CF_TABLE_REFUSED = 'r',  /* source → rows that it could not be made to show, and why */
    CF_TABLE_WAITED = 'q',   /* source → what waited when it was last synced, and why */
    CF_TABLE_DATABASE = 'b', /* source → which file its database is */
    CF_TABLE_MEETING = 'e', /* source → what holds until it was first looked at, and when it was */
    CF_TABLE_GUARDED = 'u', /* source → how many items there were when deletions were first held */
    CF_TABLE_EMPTIED = 'B', /* source → columns of which too many values are gone, and how many
                             * there were when that was first held */
    CF_TABLE_CLEARED = 'Z', /* source → of which columns values went just before, and how many */
    CF_TABLE_WRITER = 'w',  /* collection → this device's chain in it */
    CF_TABLE_WAITING =
        'x', /* collection, entry → held, but it can't be read yet (nothing; of a void one, a byte),
                or is a part of a changeset that is not whole (its number, how many) */
    CF_TABLE_UNSENT =
        'p', /* nothing → own entries that the broker does not have yet, as far as is known */
    CF_TABLE_ACKNOWLEDGED = 'k', /* instance of a broker's log → the heads that it has */
    CF_TABLE_LOCK = 'h',         /* request → a lease that this device has */
    CF_TABLE_TAKEN = 'a',  /* source, node → the mode it gets back when another's lease ends */
    CF_TABLE_LIFTED = 'L', /* source, node → the mode by which a folder is writable for us; where
                            * none was agreed for it, the one that it gets back */
    CF_TABLE_FOLDER = 'F', /* source → which folder its root is: device, inode, birth */
    CF_TABLE_LIMIT = 'D',  /* source → its own limit of deletions: per cent or not, how many */
    CF_TABLE_DISK = 'T',   /* source → which disk it lies on, and what that keeps */
    CF_TABLE_POLL = 'P',   /* source → how often it is polled, as its user said */
    CF_TABLE_CACHE = 'E',  /* source → where its base's copies lie, and the mark there */
    CF_TABLE_META = 'm',   /* name → value */
} cf_table_letter;

enum { CF_KEY_SOURCE_SIZE = 1 + sizeof(uint32_t) };

cf_bytes cf_key_meta(cf_arena *arena, const char *name);
cf_bytes cf_key_hash(cf_arena *arena, cf_table_letter table, const cf_hash *hash);
cf_bytes cf_key_collection(cf_arena *arena, cf_table_letter table, const cf_id *collection);
cf_bytes cf_key_item(cf_arena *arena, const cf_id *collection, const cf_id *item);
cf_bytes cf_key_content(cf_arena *arena, const cf_id *collection, const cf_hash *content);
cf_bytes cf_key_source(cf_arena *arena, cf_table_letter table, uint32_t source);
cf_bytes cf_key_row(cf_arena *arena, uint32_t source, cf_bytes table, cf_bytes key);
cf_bytes cf_key_dependant(cf_arena *arena, uint32_t source, const cf_id *item);
cf_bytes cf_key_numbered(cf_arena *arena, cf_table_letter table, uint32_t source, uint64_t number);

cf_bytes cf_key_named(cf_arena *arena, cf_table_letter table, uint32_t source, cf_bytes name);

cf_bytes cf_key_entry(cf_arena *arena, cf_table_letter table, const cf_head *entry);
/* The entry that such a key names; false when it is none. */
bool cf_key_entry_read(cf_bytes key, cf_head *entry);
/* The same of an entry in the collection's part of CF_TABLE_WAITING. */
cf_bytes cf_key_waiting(cf_arena *arena, const cf_id *collection, const cf_head *entry);
bool cf_key_waiting_read(cf_bytes key, cf_head *entry);

/* Records gathered for one commit: what is put last for a key counts. Everything is copied. */
typedef struct {
    cf_arena arena;
    cf_kv *at;
    size_t count, capacity;
} cf_kv_list; /* {0} is empty */

void cf_kv_list_put(cf_kv_list *records, cf_bytes key, cf_bytes value);
void cf_kv_list_delete(cf_kv_list *records, cf_bytes key);
/* Moves all of `more` behind what is there. */
void cf_kv_list_add(cf_kv_list *records, cf_kv_list *more);
/* Empties it for the next commit. */
void cf_kv_list_release(cf_kv_list *records);

#endif
