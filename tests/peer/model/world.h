/* SPDX-License-Identifier: Apache-2.0 */
/* A world of devices in one process: each has a disk, a base and the entries it has received. Users
 * change the disks, devices scan, exchange entries and bring the view to their disks; every step is
 * checked. What breaks is printed with the world's name, and the program ends. */
#ifndef CF_TESTS_WORLD_H
#define CF_TESTS_WORLD_H
#include "peer/merge/diff.h"
#include "tests/support/chance.h"

enum { WORLD_DEVICES_MAX = 8, WORLD_NAME_SIZE = 256 };

typedef struct {
    uint64_t number, parent;
    char name[WORLD_NAME_SIZE];
    uint8_t kind;
    char content[24];
    uint64_t mode, mtime_ns;
} world_file;

typedef struct {
    cf_dot dot;
    cf_time time;
    cf_change *changes;
    size_t count;
} world_entry;

typedef struct {
    cf_id writer;
    uint64_t sequence; /* the last that counts */
} world_limit;

typedef struct {
    cf_state *state;
    cf_view *view;
    cf_nodes *base;
    world_file *files;
    size_t file_count, file_capacity;
    bool *held; /* by the entry's index in the test_world */
    size_t held_capacity;
    world_limit *limits;
    size_t limit_count, limit_capacity;
    cf_id writer;
    uint64_t sequence;
    cf_time time;
    uint64_t skew_ms;
    bool clean;                   /* the disk showed the whole view when the user began */
    bool dead;                    /* revoked */
    cf_ids marked;                /* directories whose groups are to be planned, */
    cf_ids marked_in, items;      /* and others, of each one item */
    cf_ids said;                  /* and those that the view named since it was last checked */
    bool checked;                 /* the view, since the state has changed */
    struct world_shown *shown;    /* what it shows, if that was asked since then */
    struct world_listing *listed; /* the groups when they were last checked */
} world_device;

/* What became of a content, by disks and bases alone. */
typedef struct {
    char content[24];
    bool written, edited, gone; /* edited: replaced by one who saw it; gone: that or deleted */
    bool shared;                /* more than one file may have it */
} world_content;

typedef struct {
    const char *name;
    cf_env env;
    cf_rules rules;
    chance chance;
    uint64_t now_ms, last_number, last_content;
    world_device devices[WORLD_DEVICES_MAX];
    size_t device_count;
    world_entry *entries; /* in a causal order */
    size_t entry_count, entry_capacity;
    world_content *contents;
    size_t content_count, content_capacity;
    bool revoked;
    uint64_t steps; /* a user's acts, entries folded, steps of plans */
    cf_arena arena;
} test_world;

void world_open(test_world *world, const char *name, uint64_t seed, size_t devices);
void world_close(test_world *world);
__attribute__((noreturn, format(printf, 2, 3))) void world_fail(const test_world *world,
                                                                const char *format, ...);

/* A line for each device, NUMBER:DIRECTORY/NAME=CONTENT. */
void world_print_disks(const test_world *world);

/* Entries. A part of 3 is all. */
void world_receive(test_world *world, world_device *device, const world_device *from,
                   uint64_t part);
void world_hold(test_world *world, world_device *device, size_t index);
bool world_holds(const world_device *device, size_t index);
void world_revoke(test_world *world, world_device *device, world_device *whom);
bool world_counts(const world_device *device, const world_entry *entry);
/* One more device, a copy of the other, writer and all: a restored backup, a cloned disk. */
void world_fork(test_world *world, const world_device *of);

/* Disk and base. */
world_file *world_find(const world_device *device, uint64_t number);
bool world_is_dirty(const world_device *device);
void world_copy_base(world_device *device, const world_device *of);
/* Publishes what the user did; false: nothing. */
bool world_scan(test_world *world, world_device *device);
/* Brings the whole view to the disk; where a user's edits wait, as much of it as goes. */
void world_apply(test_world *world, world_device *device);
/* Some steps of the plan, each with a chance of `percent`, in any order, `most` in all. */
void world_apply_part(test_world *world, world_device *device, uint64_t percent, size_t most);
/* The groups that the view says have changed are to be planned. */
void world_take_changed(world_device *device);

/* The incremental view is the whole view, and each group that changed was named. */
void world_check_view(test_world *world, world_device *device);
void world_forget_listing(world_device *device);
void world_forget_shown(world_device *device); /* the state has changed */
/* The disk shows what the view says. */
void world_check_disk(test_world *world, world_device *device);
/* Scans and exchanges until nobody has anything to say; all are equal then, and nothing is lost. */
void test_world_settle(test_world *world);

/* What users do: to files of their choice, by name of the act. */
void world_act(test_world *world, world_device *device, const char *act);
world_content *world_content_of(test_world *world, const char *content);
world_file *world_put(test_world *world, world_device *device, uint64_t parent, const char *name,
                      uint8_t kind, const char *content);
world_file *world_child(const world_device *device, uint64_t parent, const char *name);
void world_remove(world_device *device, uint64_t number);
void world_edit(test_world *world, world_file *file, const char *content);

#endif
