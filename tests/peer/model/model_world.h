/* SPDX-License-Identifier: Apache-2.0 */
/* A world of the merge model: devices in one process, each with a disk that is a list, a base and
 * the entries it has received. Users change the disks, devices scan, exchange entries and bring the
 * view to their disks; every step is checked. What breaks is printed with the world's name, and the
 * program ends. */
#ifndef CF_TESTS_MODEL_WORLD_H
#define CF_TESTS_MODEL_WORLD_H
#include "peer/merge/diff.h"
#include "tests/support/chance.h"

enum { MODEL_DEVICES_MAX = 8, MODEL_NAME_SIZE = 256 };

typedef struct {
    uint64_t number, parent;
    char name[MODEL_NAME_SIZE];
    uint8_t kind;
    char content[24];
    uint64_t mode, mtime_ns;
} model_file;

typedef struct {
    cf_dot dot;
    cf_time time;
    cf_change *changes;
    size_t count;
} model_entry;

typedef struct {
    cf_id writer;
    uint64_t sequence; /* the last that counts */
} model_limit;

typedef struct {
    cf_state *state;
    cf_view *view;
    cf_nodes *base;
    model_file *files;
    size_t file_count, file_capacity;
    bool *held; /* by the entry's index in the model_world */
    size_t held_capacity;
    model_limit *limits;
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
    struct model_shown *shown;    /* what it shows, if that was asked since then */
    struct model_listing *listed; /* the groups when they were last checked */
} model_device;

/* What became of a content, by disks and bases alone. */
typedef struct {
    char content[24];
    bool written, edited, gone; /* edited: replaced by one who saw it; gone: that or deleted */
    bool shared;                /* more than one file may have it */
} model_content;

typedef struct {
    const char *name;
    cf_env env;
    cf_rules rules;
    chance chance;
    uint64_t now_ms, last_number, last_content;
    model_device devices[MODEL_DEVICES_MAX];
    size_t device_count;
    model_entry *entries; /* in a causal order */
    size_t entry_count, entry_capacity;
    model_content *contents;
    size_t content_count, content_capacity;
    bool revoked;
    uint64_t steps; /* a user's acts, entries folded, steps of plans */
    cf_arena arena;
} model_world;

void model_open(model_world *world, const char *name, uint64_t seed, size_t devices);
void model_close(model_world *world);
__attribute__((noreturn, format(printf, 2, 3))) void model_fail(const model_world *world,
                                                                const char *format, ...);

/* A line for each device, NUMBER:DIRECTORY/NAME=CONTENT. */
void model_print_disks(const model_world *world);

/* Entries. A part of 3 is all. */
void model_receive(model_world *world, model_device *device, const model_device *from,
                   uint64_t part);
void model_hold(model_world *world, model_device *device, size_t index);
bool model_holds(const model_device *device, size_t index);
void model_revoke(model_world *world, model_device *device, model_device *whom);
bool model_counts(const model_device *device, const model_entry *entry);
/* One more device, a copy of the other, writer and all: a restored backup, a cloned disk. */
void model_fork(model_world *world, const model_device *of);

/* Disk and base. */
model_file *model_find(const model_device *device, uint64_t number);
bool model_is_dirty(const model_device *device);
void model_copy_base(model_device *device, const model_device *of);
/* Publishes what the user did; false: nothing. */
bool model_scan(model_world *world, model_device *device);
/* Brings the whole view to the disk; where a user's edits wait, as much of it as goes. */
void model_apply(model_world *world, model_device *device);
/* Some steps of the plan, each with a chance of `percent`, in any order, `most` in all. */
void model_apply_part(model_world *world, model_device *device, uint64_t percent, size_t most);
/* The groups that the view says have changed are to be planned. */
void model_take_changed(model_device *device);

/* The incremental view is the whole view, and each group that changed was named. */
void model_check_view(model_world *world, model_device *device);
void model_forget_listing(model_device *device);
void model_forget_shown(model_device *device); /* the state has changed */
/* The disk shows what the view says. */
void model_check_disk(model_world *world, model_device *device);
/* Scans and exchanges until nobody has anything to say; all are equal then, and nothing is lost. */
void model_settle(model_world *world);

/* What users do: to files of their choice, by name of the act. */
void model_act(model_world *world, model_device *device, const char *act);
model_content *model_content_of(model_world *world, const char *content);
model_file *model_put(model_world *world, model_device *device, uint64_t parent, const char *name,
                      uint8_t kind, const char *content);
model_file *model_child(const model_device *device, uint64_t parent, const char *name);
void model_remove(model_device *device, uint64_t number);
void model_edit(model_world *world, model_file *file, const char *content);

#endif
