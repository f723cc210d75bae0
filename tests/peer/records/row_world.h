/* SPDX-License-Identifier: Apache-2.0 */
/* A world of devices with sources of records: A and B with a database, C with a database and a CSV
 * file that can't hold all of it, D with that alone. What must hold always is checked on the way;
 * where it doesn't, the program ends and says so. */
#ifndef CF_TESTS_ROW_WORLD_H
#define CF_TESTS_ROW_WORLD_H
#include "peer/records/record_diff.h"

enum { ROW_DEVICES = 4, ROW_SOURCES = 2, ROW_ENTRIES = 4096 };

typedef struct {
    cf_dot dot;
    cf_time time;
    cf_change *changes;
    size_t count;
    uint64_t first, parts; /* sequence of the changeset's first part, how many there are */
} row_entry;

typedef struct {
    const cf_row_format *format;
    cf_row *disk;
    size_t count, capacity;
    cf_rows *base;
    bool clean; /* the disk was the whole view when last applied or scanned */
} row_source;

typedef struct {
    char name;
    uint64_t skew_ms, time_ms, sequence;
    bool held[ROW_ENTRIES];
    cf_state *state; /* of what it holds */
    row_source sources[ROW_SOURCES];
    size_t source_count;
} row_device;

typedef struct {
    char name[64];
    cf_arena arena;
    row_entry entries[ROW_ENTRIES];
    size_t entry_count;
    row_device devices[ROW_DEVICES];
    size_t device_count;
    uint64_t now_ms;
    uint64_t published; /* a hash of all changes */
} row_world;

/* person (serial; /mark required, /email unique, /tel a set), phone (serial; /person refers to
 * one, and /mail to the /email of one), card (natural, /tel a set); /rev is volatile, /seen weak.
 */
extern const cf_schema row_world_schema;
const cf_schema_table *row_world_table(const cf_row *row);

row_world *row_world_new(const char *name, size_t device_count);
void row_world_free(row_world *world);

/* Ends the program. */
__attribute__((format(printf, 2, 3), noreturn)) void row_world_broken(const row_world *world,
                                                                      const char *format, ...);

/* What a user does to a source. The row is borrowed for the world's life. */
cf_row *row_disk_find(const row_source *source, cf_bytes table, cf_bytes key);
void row_disk_put(row_source *source, cf_row row);
void row_disk_drop(row_source *source, cf_bytes table, cf_bytes key);

/* Publishes what was done to the device's sources, in so many parts. False: nothing. */
bool row_world_scan(row_world *world, row_device *device, size_t parts);
/* Takes `share` percent, but at least one, of the entries that the other has, in their order. */
void row_world_receive(row_world *world, row_device *device, const row_device *other,
                       unsigned share);
void row_world_apply(row_world *world, row_device *device);
/* Everybody scans, hears of everything and applies, until nobody publishes any more; then all must
 * show the same. */
void row_world_settle(row_world *world);

#endif
