/* SPDX-License-Identifier: Apache-2.0 */
/* Which files are read: of names of one file the first, and what that tells is told of all, unless
 * the name was in the way. How many at once: as many as a wave's memory holds. A coarse time is
 * judged by that of a file made on the disk just before, or by the clock where none can be made. */
#include "peer/sources/files/scan_reads.h"

#include "broker/platform/jobs.h"
#include "codec/clock.h"
#include "codec/hash_table.h"
#include "peer/merge/node_stat.h"

#include <stdio.h>
#include <stdlib.h>

enum { FILES_OF_A_JOB = 32 };
#define NOWHERE UINT64_MAX /* no device */
/* Of a wave, of which there are two at a time: small files are kept whole, and what is published
 * of any file takes more than its bytes. */
#define MEMORY_OF_A_WAVE (8 * CF_MIB)
#define MEMORY_OF_A_FILE (2 * CF_KIB)

typedef struct {
    bool wanted, done;
    cf_read_answer answer;
    cf_read read;
    cf_hash hash; /* outlives the read; all zero when it failed */
    char *reason;
    cf_read_past past;
} read_slot;

/* A file with several names, of which each tells what the others do. */
typedef struct {
    cf_hash_link by_inode;
    size_t entry; /* which is read */
    size_t *askers;
    size_t asker_count, capacity;
} several_names;

typedef struct {
    cf_job job;
    cf_scan_reads *reads;
    cf_bytes *names; /* of the folder, from the root */
    size_t depth;
    cf_arena arena;
    int64_t now_ns;
    int64_t disk_ns;   /* the time of the file that was made there last; INT64_MIN: none was */
    uint64_t makes_on; /* the device on which files are made; 0: not asked yet */
    size_t entries[FILES_OF_A_JOB];
    cf_bytes files[FILES_OF_A_JOB];
    cf_stat stats[FILES_OF_A_JOB]; /* as they were listed */
    cf_read_past pasts[FILES_OF_A_JOB];
    read_slot results[FILES_OF_A_JOB];
    size_t count;
} reading;

struct cf_scan_reads {
    const cf_env *env;
    cf_binding *binding;
    const cf_listing *listing;
    uint64_t now_ms;
    int64_t disk_ns;  /* as in a job */
    read_slot *slots; /* by entry */
    size_t capacity;
    const cf_hash **hashes;
    size_t hash_capacity;
    size_t *queue;
    size_t queued, queue_capacity;
    uint64_t queued_memory;
    size_t dropped; /* entries before are forgotten */
    size_t busy;
    cf_hash_table several; /* of several_names */
};

cf_scan_reads *cf_scan_reads_new(const cf_env *env, cf_binding *binding, const cf_listing *listing)
{
    cf_scan_reads *reads = cf_allocate(1, sizeof *reads);

    reads->env = env;
    reads->binding = binding;
    reads->listing = listing;
    reads->disk_ns = INT64_MIN;
    return reads;
}

static void release_slot(read_slot *slot)
{
    cf_read_release(&slot->read);
    free(slot->reason);
    slot->reason = NULL;
}

void cf_scan_reads_destroy(cf_scan_reads **reads)
{
    if (!*reads)
        return;
    while ((*reads)->busy)
        cf_jobs_await((*reads)->env->jobs);
    for (size_t i = 0; i < (*reads)->capacity; i++)
        release_slot(&(*reads)->slots[i]);
    for (cf_hash_link *link = cf_hash_table_walk(&(*reads)->several, NULL), *next; link;
         link = next) {
        several_names *names = cf_container_of(link, several_names, by_inode);

        next = cf_hash_table_walk(&(*reads)->several, link);
        free(names->askers);
        free(names);
    }
    cf_hash_table_release(&(*reads)->several);
    free((*reads)->slots);
    free((*reads)->hashes);
    free((*reads)->queue);
    free(*reads);
    *reads = NULL;
}

void cf_scan_reads_clock(cf_scan_reads *reads, uint64_t now_ms)
{
    reads->now_ms = now_ms;
}

/* Slots and hashes follow the listing. */
static void cover_listing(cf_scan_reads *reads)
{
    size_t count = reads->listing->entry_count, before = reads->capacity;

    if (count <= before)
        return;
    reads->slots = cf_grow(reads->slots, &reads->capacity, count, sizeof *reads->slots);
    memset(reads->slots + before, 0, (reads->capacity - before) * sizeof *reads->slots);
}

static void queue(cf_scan_reads *reads, size_t entry)
{
    *cf_one_more(reads->queue, reads->queued, reads->queue_capacity) = entry;
}

/* ---- Names of one file ---- */

static uint64_t key_of(const cf_stat *stat)
{
    return cf_hash_bytes(0, cf_bytes_of(&stat->inode, sizeof stat->inode));
}

static several_names *names_of(const cf_scan_reads *reads, size_t entry)
{
    const cf_stat *stat = &reads->listing->entries[entry].stat;

    for (cf_hash_link *link = cf_hash_table_first(&reads->several, key_of(stat)); link;
         link = cf_hash_table_next(link)) {
        several_names *names = cf_container_of(link, several_names, by_inode);

        if (cf_stat_unchanged(&reads->listing->entries[names->entry].stat, stat))
            return names;
    }
    return NULL;
}

static void copy_result(read_slot *to, const read_slot *from)
{
    *to = *from;
    to->read.leaves = to->read.whole = (cf_buffer){0};
    cf_buffer_append(&to->read.leaves, from->read.leaves.data, from->read.leaves.size);
    cf_buffer_append(&to->read.whole, from->read.whole.data, from->read.whole.size);
    to->reason = cf_text_copy(from->reason);
}

/* Of the file, whatever the name that it was read by. */
static bool is_for_all(const read_slot *slot)
{
    return slot->answer != CF_READ_FAILED && slot->answer != CF_READ_CHANGED;
}

/* Whether what another name of the file told serves this one, or will. */
static bool shares(cf_scan_reads *reads, size_t entry)
{
    const cf_stat *stat = &reads->listing->entries[entry].stat;
    several_names *names = stat->links > 1 ? names_of(reads, entry) : NULL;

    if (stat->links > 1 && !names) {
        names = cf_allocate(1, sizeof *names);
        names->entry = entry;
        cf_hash_table_add(&reads->several, &names->by_inode, key_of(stat));
        return false;
    }
    if (!names)
        return false;
    const read_slot *read = &reads->slots[names->entry];
    if (!read->done) {
        *cf_one_more(names->askers, names->asker_count, names->capacity) = entry;
        return true;
    }
    if (names->entry < reads->dropped || !is_for_all(read)) {
        names->entry = entry;
        return false;
    }
    copy_result(&reads->slots[entry], read);
    return true;
}

/* Or, where the name was the reason that it told nothing, the next one is read. */
static void tell_askers(cf_scan_reads *reads, size_t entry)
{
    several_names *names =
        reads->listing->entries[entry].stat.links > 1 ? names_of(reads, entry) : NULL;

    if (!names || names->entry != entry)
        return;
    if (is_for_all(&reads->slots[entry])) {
        while (names->asker_count)
            copy_result(&reads->slots[names->askers[--names->asker_count]], &reads->slots[entry]);
    } else if (names->asker_count) {
        names->entry = names->askers[--names->asker_count];
        queue(reads, names->entry);
        cf_scan_reads_start(reads);
    }
}

void cf_scan_reads_want(cf_scan_reads *reads, size_t entry, const cf_read_past *past)
{
    const cf_listed *listed = &reads->listing->entries[entry];

    cover_listing(reads);
    if (reads->slots[entry].wanted)
        return;
    reads->slots[entry].wanted = true;
    reads->slots[entry].past = *past;
    reads->queued_memory +=
        MEMORY_OF_A_FILE + (listed->stat.size <= CF_INLINE_MAX ? listed->stat.size : 0);
    if (!shares(reads, entry))
        queue(reads, entry);
}

bool cf_scan_reads_room(const cf_scan_reads *reads)
{
    return reads->queued_memory < MEMORY_OF_A_WAVE;
}

bool cf_scan_reads_busy(const cf_scan_reads *reads)
{
    return reads->busy > 0;
}

/* ---- Jobs ---- */

/* Of what lies on another disk below the root, or below a root that is mounted read-only, nothing
 * can be made there to compare with. */
static bool is_beyond(reading *self, const cf_stat *stat)
{
    cf_files *files = self->reads->env->files;
    cf_error ignored;
    cf_stat temporary;

    if (!self->makes_on)
        self->makes_on =
            files->stat_folder(files, self->reads->binding->temporary, &temporary, &ignored)
                ? NOWHERE
                : temporary.device;
    return stat->device != self->makes_on;
}

/* What its time is judged by, before it is read. A file that was made earlier will do where even
 * that is later than this one's time: of many that have rested for long one is made. */
static int64_t ask_disk(reading *self, size_t i)
{
    const cf_stat *stat = &self->stats[i];
    char name[32];
    cf_error ignored;

    if (!cf_racy_is_coarse(stat))
        return self->disk_ns;
    if (is_beyond(self, stat))
        return cf_racy_now_by_clock(self->now_ns);
    if (cf_racy_time(stat) < self->disk_ns)
        return self->disk_ns;
    snprintf(name, sizeof name, "time-%zu", self->entries[i]);
    if (cf_racy_now(self->reads->env->files, self->reads->binding->temporary,
                    cf_bytes_of_text(name), &self->disk_ns, &ignored))
        self->disk_ns = cf_racy_now_by_clock(self->now_ns);
    return self->disk_ns;
}

static void read_one(reading *self, size_t i, const cf_folder *folder)
{
    cf_read_options options = {
        .files = self->reads->env->files,
        .folder = folder,
        .name = self->files[i],
        .now_ns = self->now_ns,
        .disk_ns = ask_disk(self, i),
        .past = self->pasts[i],
    };
    read_slot *result = &self->results[i];
    cf_error error = {0};

    if (cf_read_file(&options, &result->read, &result->answer, &error))
        result->reason = cf_text_copy(error.text);
    else
        result->hash = result->read.content;
    result->done = true;
}

static void work(cf_job *job)
{
    reading *self = (reading *)job;
    cf_files *files = self->reads->env->files;
    cf_hold hold = {0};
    cf_error error;

    if (cf_hold_path(files, self->reads->binding->root, self->names, self->depth, &hold, &error)) {
        for (size_t i = 0; i < self->count; i++) {
            self->results[i].answer = error.status == CF_IO ? CF_READ_FAILED : CF_READ_CHANGED;
            self->results[i].reason = cf_text_copy(error.text);
            self->results[i].done = true;
        }
        return;
    }
    for (size_t i = 0; i < self->count; i++)
        read_one(self, i, hold.folder);
    cf_hold_release(&hold, files);
}

static void done(cf_job *job)
{
    reading *self = (reading *)job;

    for (size_t i = 0; i < self->count; i++) {
        read_slot *slot = &self->reads->slots[self->entries[i]];

        *slot = self->results[i];
        slot->wanted = true;
        tell_askers(self->reads, self->entries[i]);
    }
    if (self->disk_ns > self->reads->disk_ns)
        self->reads->disk_ns = self->disk_ns;
    self->reads->busy--;
    cf_arena_release(&self->arena);
    free(self);
}

/* The names from the root to a listed folder. */
static void fill_names(reading *self, const cf_listing *listing, size_t folder)
{
    cf_buffer path = {0};
    size_t at = 0;

    cf_listing_folder_path(listing, folder, &path);
    cf_bytes copy = cf_arena_copy(&self->arena, cf_buffer_view(&path));
    cf_buffer_release(&path);
    self->names = cf_arena_allocate(&self->arena, copy.size / 2 + 1, sizeof *self->names);
    while (at < copy.size) {
        const uint8_t *slash = memchr(copy.data + at, '/', copy.size - at);
        size_t size = slash ? (size_t)(slash - copy.data) - at : copy.size - at;

        self->names[self->depth++] = cf_bytes_of(copy.data + at, size);
        at += size + 1;
    }
}

static reading *begin_job(cf_scan_reads *reads, size_t folder)
{
    reading *self = cf_allocate(1, sizeof *self);

    self->job = (cf_job){.work = work, .done = done, .memory = 2 * CF_READ_WINDOW};
    self->reads = reads;
    self->now_ns = cf_ns_of_ms(reads->now_ms);
    self->disk_ns = reads->disk_ns;
    fill_names(self, reads->listing, folder);
    return self;
}

static void submit(cf_scan_reads *reads, reading *self)
{
    if (!self)
        return;
    reads->busy++;
    cf_binding_submit(reads->binding, reads->env->jobs, &self->job);
}

void cf_scan_reads_start(cf_scan_reads *reads)
{
    reading *job = NULL;
    size_t folder = SIZE_MAX;

    for (size_t i = 0; i < reads->queued; i++) {
        const cf_listed *listed = &reads->listing->entries[reads->queue[i]];

        if (!job || listed->folder != folder || job->count == FILES_OF_A_JOB ||
            listed->stat.size > CF_MIB) {
            submit(reads, job);
            folder = listed->folder;
            job = begin_job(reads, folder);
        }
        job->entries[job->count] = reads->queue[i];
        job->stats[job->count] = listed->stat;
        job->pasts[job->count] = reads->slots[reads->queue[i]].past;
        job->files[job->count++] = cf_arena_copy(&job->arena, listed->name);
    }
    submit(reads, job);
    reads->queued = 0;
    reads->queued_memory = 0;
}

/* ---- Results ---- */

void cf_scan_reads_drop(cf_scan_reads *reads, size_t entry)
{
    for (; reads->dropped < entry && reads->dropped < reads->capacity; reads->dropped++)
        release_slot(&reads->slots[reads->dropped]);
}

const cf_read *cf_scan_reads_get(const cf_scan_reads *reads, size_t entry, const char **reason)
{
    const read_slot *slot = &reads->slots[entry];

    *reason = slot->reason;
    return slot->answer == CF_READ_DONE ? &slot->read : NULL;
}

cf_read_answer cf_scan_reads_answer(const cf_scan_reads *reads, size_t entry)
{
    return reads->slots[entry].answer;
}

const cf_hash *const *cf_scan_reads_hashes(cf_scan_reads *reads)
{
    size_t count = reads->listing->entry_count;

    cover_listing(reads);
    reads->hashes =
        cf_grow(reads->hashes, &reads->hash_capacity, count ? count : 1, sizeof *reads->hashes);
    for (size_t i = 0; i < count; i++)
        reads->hashes[i] = reads->slots[i].done ? &reads->slots[i].hash : NULL;
    return reads->hashes;
}
