/* SPDX-License-Identifier: Apache-2.0 */
/* One RocksDB with our tables and our settings, and our statuses for its errors. Reads may come
 * from any thread. */
#ifndef CF_BROKER_STORE_ROCKS_H
#define CF_BROKER_STORE_ROCKS_H
#include "broker/store/store.h"

#include <rocksdb/c.h>

typedef enum {
    CF_ROCKS_DEFAULT, /* "instance"; 'u' · user -> epoch, 'b' · user -> bytes of its entries */
    CF_ROCKS_ENTRIES, /* user · position -> entry */
    CF_ROCKS_CHAIN,   /* user · writer · sequence · hash -> position */
    CF_ROCKS_HEADS,   /* user · writer -> sequence · hash of each entry without a successor */
    CF_ROCKS_RECORDS, /* user · key -> value */
    CF_ROCKS_TABLES,
} cf_rocks_table;

/* Of the files in which tables are: store_manifest.c reads up to this one. */
enum { CF_ROCKS_TABLE_FORMAT = 5 };

extern const char *const cf_rocks_table_names[CF_ROCKS_TABLES];

typedef struct cf_rocks {
    rocksdb_t *db;
    rocksdb_column_family_handle_t *tables[CF_ROCKS_TABLES];
    rocksdb_readoptions_t *reading;
    rocksdb_writeoptions_t *synced;
    rocksdb_writeoptions_t *unsynced;
    bool any_order;        /* its manifest may be ours: which table is newer is not known */
    char *listed;          /* its folder, of which an inventory is kept; NULL: none is */
    struct cf_rocks *next; /* of those that were left open */
} cf_rocks;

/* How any of them is opened. */
rocksdb_options_t *cf_rocks_settings(const cf_store_options *options);
/* Statuses as of cf_store_rocksdb_open. */
cf_status cf_rocks_open(const cf_store_options *options, cf_rocks **out, cf_error *error);
void cf_rocks_close(cf_rocks **rocks);
/* What stands in logs alone is written into tables; a new log begins, if anything stood there. */
cf_status cf_rocks_flush(const cf_rocks *rocks, cf_error *error);
/* After a write that failed, instead of closing: RocksDB as Debian builds it ends the process when
 * a log that could not be written is closed. Its lock is kept until the process ends. */
void cf_rocks_leave_open(cf_rocks **rocks);

/* Takes the error text that a call of RocksDB gave. */
cf_status cf_rocks_fail(cf_error *error, char *text);

/* Appends to `*value`; CF_MISSING when there is none. */
cf_status cf_rocks_get(const cf_rocks *rocks, cf_rocks_table table, cf_bytes key, cf_buffer *value,
                       cf_error *error);
/* All keys that begin with `prefix`, from `from` on, ascending. */
typedef struct {
    cf_rocks_table table;
    cf_bytes prefix;
    cf_bytes from; /* size 0: the first */
    bool once;     /* not worth a place in the cache */
    bool deleted;  /* and those of users that were removed, as long as tables have them */
} cf_rocks_range;
cf_status cf_rocks_each(const cf_rocks *rocks, const cf_rocks_range *range, cf_record_visit *visit,
                        void *context, cf_error *error);
/* The position of the user's newest entry; 0 when there is none. */
cf_status cf_rocks_last(const cf_rocks *rocks, const cf_hash *user, uint64_t *position,
                        cf_error *error);
/* The bytes of the user's entries: as they were counted, or counted now, in a store of before they
 * were. */
cf_status cf_rocks_size(const cf_rocks *rocks, const cf_hash *user, uint64_t *size,
                        cf_error *error);

/* ---- The users that it appends for ---- */

/* As a RocksDB store remembers them between commits. */
typedef struct {
    cf_hash user;
    uint64_t epoch;
    uint64_t next; /* position of its next entry, those that wait for the commit counted */
    uint64_t size; /* bytes of its entries, those that wait counted */
} cf_rocks_account;

typedef struct {
    cf_rocks_account *list; /* ascending by user; owned */
    size_t count, capacity;
} cf_rocks_accounts;

/* NULL when it is not there; valid until the next add. */
cf_rocks_account *cf_rocks_account_of(const cf_rocks_accounts *accounts, const cf_hash *user);
void cf_rocks_account_add(cf_rocks_accounts *accounts, const cf_rocks_account *account);

void cf_rocks_account_remove(cf_rocks_accounts *accounts, const cf_hash *user);

/* The keys of the user's numbers in the default table. */
enum { CF_ROCKS_USER_KEY_SIZE = 1 + CF_HASH_SIZE, CF_ROCKS_EPOCH = 'u', CF_ROCKS_SIZE = 'b' };
void cf_rocks_user_key(uint8_t kind, const cf_hash *user, uint8_t out[CF_ROCKS_USER_KEY_SIZE]);

#endif
