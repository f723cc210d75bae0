/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of a simulated disk share. Here a failure is a number of errno, 0: none; the calls
 * of broker/platform/files.h make a status and a text of it. */
#ifndef CF_TESTS_DISK_INSIDE_H
#define CF_TESTS_DISK_INSIDE_H
#include "broker/platform/names.h"
#include "tests/support/chance.h"
#include "tests/worlds/disk.h"
#include "tests/worlds/disk_content.h"
#include "tests/worlds/disk_names.h"

#include <errno.h>

typedef struct {
    uint32_t mode;
    int64_t mtime_ns, ctime_ns;
} disk_attributes;

/* What is durable, or seen. */
typedef struct {
    disk_attributes attributes;
    disk_content content; /* a link's target is its content */
    disk_names names;     /* of a folder */
} disk_state;

/* A file, folder or link. */
struct disk_node {
    uint64_t number;
    int64_t birth_ns;
    cf_file_kind kind;
    unsigned volume; /* the file system it is in */
    bool is_mount;
    bool is_foreign; /* another owner's */
    bool is_locked;
    bool is_away; /* it was open when its file system was taken out */
    disk_state now, durable;
    bool has_failed; /* a sync of it failed: `failed` will not be written */
    disk_content failed;
    bool is_believed;      /* the next one said that all is durable, and some of it isn't */
    bool is_spoiled;       /* that is what the last power cut took */
    uint64_t shortest;     /* that the file was since it was durable */
    disk_node *parent;     /* of a folder; stays when it is deleted */
    uint32_t links;        /* names that are seen; a folder has one */
    uint32_t open;         /* since the last power cut */
    uint32_t open_writers; /* of those */
    uint32_t handles;      /* with those from before the power cut */
    bool is_released;      /* its number is free */
    bool is_marked;        /* while unused nodes are looked for */
    size_t copy;           /* while an image is made: its number there, from 1 */
    uint64_t names_step;   /* the last step that changed its names, or asked for their order */
    uint64_t place_step;   /* the last step that changed where it is */
};

typedef struct {
    disk_node *folder;
    disk_name *name;
    disk_node *to; /* NULL: the name is taken away */
} disk_change;

/* A step that waits to become durable; steps have numbers from 1 on. */
typedef struct {
    disk_change changes[2];
    int count;
    uint64_t *after; /* steps that must be durable before */
    size_t after_count, after_capacity;
    bool is_done, is_chosen;
} disk_step;

typedef struct {
    uint64_t number;
    uint64_t after; /* the step that freed it */
} disk_free_number;

struct disk {
    cf_files base;
    disk_options options;
    uint64_t epoch; /* counts power cuts */
    disk_node *root;
    disk_node *card; /* what is taken out, of card_path; NULL: nothing is */
    char card_path[64];
    disk_node **nodes; /* all that are in memory */
    size_t node_count, node_capacity, node_limit;
    uint64_t next_number, device;
    unsigned volumes;
    disk_free_number *free_numbers;
    size_t free_count, free_capacity;
    disk_step *steps; /* steps[step_head] has the number first_step; those before are done */
    size_t step_head, step_count, step_capacity;
    uint64_t first_step;
    uint64_t used; /* bytes, of what is seen */
    disk_rates rates;
    uint64_t faults, calls_left;
    bool is_cut; /* disk_cut_after came to pass */
    chance fault_random, crash_random, number_random;
};

/* A folder or a file that is held. */
struct cf_folder {
    disk *on;
    disk_node *node;
    uint64_t epoch;
    cf_buffer path;
    char shown[CF_NAME_SHOWN]; /* "": not asked for yet */
};

struct cf_file {
    disk *on;
    disk_node *node;
    uint64_t epoch;
    bool writes, locks;
    cf_buffer path;
};

/* ---- disk.c ---- */

uint64_t disk_random(chance *from, uint64_t below);
int64_t disk_stamp(const disk *self);
/* As this disk shows it. */
int64_t disk_cut(const disk *self, int64_t time_ns);
/* Counted; the number of a node that is free again is used again, sometimes. */
disk_node *disk_node_new(disk *self, const disk_node *parent, cf_file_kind kind, uint32_t mode);
void disk_node_open(disk_node *node, bool writes);
/* `epoch`: when it was opened. */
void disk_node_close(disk *self, disk_node *node, bool writes, uint64_t epoch);
/* Frees what it no longer can be, after its last name or user went. */
void disk_node_settle(disk *self, disk_node *node);
/* What it takes. */
uint64_t disk_room_of(const disk_node *node);
/* Whether so many bytes more fit. */
bool disk_has_room(const disk *self, uint64_t bytes);
bool disk_has_room_for_thing(const disk *self);
/* Forgets what nothing leads to, sometimes. */
void disk_collect(disk *self, bool now);
cf_stat disk_stat_of(const disk *self, const disk_node *node);

/* The folder with all that is missing above it; durable. */
int disk_make_way(disk *self, const char *path, uint32_t mode);

/* ---- disk_tree.c: what is seen, and what is done to it ---- */

enum { DISK_EXECUTE = 1, DISK_WRITE = 2, DISK_READ = 4 };
bool disk_allows(const disk_node *node, unsigned how);

typedef struct {
    disk_node *folder;
    cf_bytes name;
} disk_place;

int disk_find(const disk *self, disk_place place, disk_node **out);
int disk_create(disk *self, disk_place place, cf_file_kind kind, uint32_t mode, disk_node **out);
int disk_create_link(disk *self, disk_place place, cf_bytes target);
int disk_link(disk *self, disk_node *node, disk_place place);
typedef enum { DISK_NEVER_REPLACE, DISK_REPLACE, DISK_EXCHANGE } disk_rename_way;
int disk_rename(disk *self, disk_place from, disk_place to, disk_rename_way how);
int disk_unlink(disk *self, disk_place place, bool folder);
bool disk_is_below(const disk_node *node, const disk_node *above);
int disk_set_mode(disk *self, disk_node *node, uint32_t mode);
int disk_set_mtime(disk *self, disk_node *node, int64_t mtime_ns);
/* Writes what there is room for; ENOSPC when that is not all. */
int disk_write(disk *self, disk_node *node, uint64_t offset, cf_bytes bytes);
int disk_truncate(disk *self, disk_node *node, uint64_t size);
int disk_clone(disk *self, const disk_node *source, disk_node *target);

/* ---- disk_path.c ---- */

/* The last component's place; ".", ".." and "/" have none (EINVAL). `path` outlives it. */
int disk_locate(const disk *self, const char *path, disk_place *out);
/* What stands at a path; with `follow` where a link there leads. */
int disk_resolve(const disk *self, const char *path, bool follow, disk_node **out);

/* ---- disk_steps.c: what is durable ---- */

/* A new last step; good until the next one. */
disk_step *disk_step_new(disk *self);
/* The name in the folder leads there from now on (NULL: nowhere): this is seen, and waits. */
void disk_step_change(disk *self, disk_step *step, disk_place place, disk_node *to);
/* The thing is put, taken away or moved. */
void disk_step_moves(disk *self, disk_step *step, disk_node *node);
void disk_step_after(const disk *self, disk_step *step, uint64_t number);
/* The step needs the folder, and all above it, to be where they are. */
void disk_step_after_way(const disk *self, disk_step *step, const disk_node *folder);
/* Makes it and all that it needs durable; 0: nothing. */
void disk_steps_commit(disk *self, uint64_t number);
/* All before this one. */
void disk_steps_commit_before(disk *self, uint64_t end);
void disk_steps_commit_all(disk *self);
/* As many as a power cut lets through; the others are forgotten. */
void disk_steps_cut(disk *self);
/* The same of one file system. */
void disk_steps_commit_in(disk *self, unsigned volume);
void disk_steps_cut_in(disk *self, unsigned volume);
void disk_steps_forget(disk *self);
void disk_folder_sync(disk *self, disk_node *folder);
void disk_folder_sync_fails(disk *self, disk_node *folder);

/* ---- disk_durable.c: what is durable of a file, and power cuts ---- */

void disk_node_sync(disk_node *node);
void disk_node_sync_fails(disk *self, disk_node *node);
/* What a power cut leaves of a file is durable. */
void disk_file_cut(disk *self, disk_node *node);
/* What is durable is what is seen; all else is gone. */
void disk_wake(disk *self);
/* The same of what is below a folder to which no name leads. */
void disk_wake_below(disk_node *folder);

/* ---- disk_files.c, disk_files_names.c, disk_files_open.c ---- */

enum { DISK_UMASK = 022 };

/* Whether this call fails, by the rates: a number of errno, or 0. */
typedef enum { DISK_READS, DISK_CHANGES, DISK_ADDS, DISK_SYNCS } disk_call;
int disk_fault(disk *self, disk_call call);
/* "WHAT PATH/NAME: reason"; `name` may be empty. */
cf_status disk_fail(cf_bytes path, cf_bytes name, int number, const char *what, cf_error *error);
cf_status disk_fail_at(const cf_folder *folder, cf_bytes name, int number, const char *what,
                       cf_error *error);
void disk_join(cf_bytes path, cf_bytes name, cf_buffer *out);
/* Not opened before a power cut (ESTALE), nor on what was taken out since (EIO). */
int disk_alive(const disk_node *node, const disk *self, uint64_t epoch);
/* Before a call on a name: EINVAL when it is no valid one. */
int disk_enter(const cf_folder *folder, cf_bytes name, disk_call call);
void disk_add_open_files(cf_files *files);
void disk_add_folders(cf_files *files);
void disk_add_names(cf_files *files);

#endif
