/* SPDX-License-Identifier: Apache-2.0 */
/* A disk of a seed with a folder on it that a program holds, for tests of the disk itself. */
#ifndef CF_TESTS_DISK_PROGRAM_H
#define CF_TESTS_DISK_PROGRAM_H
#include "tests/support/expect.h"
#include "tests/support/named.h"
#include "tests/worlds/disk_users.h"

typedef struct {
    uint64_t now_ms;
    disk *disk;
    cf_files *files;
    cf_folder *folder; /* /home */
    cf_error error;
} program;

static inline void program_opens(program *self)
{
    expect_ok(self->files->open_root(self->files, "/home", &self->folder, &self->error),
              self->error);
}

/* `options` without its clock. */
static inline void program_begins(program *self, disk_options options)
{
    *self = (program){.now_ms = UINT64_C(1795176000000)};
    options.now_ms = &self->now_ms;
    self->disk = disk_new(&options);
    self->files = disk_files(self->disk);
    disk_make_folder(self->disk, "/home");
    program_opens(self);
}

static inline void program_ends(program *self)
{
    self->files->close_folder(self->files, &self->folder);
    disk_destroy(&self->disk);
}

/* The power is cut, and the program begins anew. */
static inline void program_crashes(program *self)
{
    disk_crash(self->disk);
    self->files->close_folder(self->files, &self->folder);
    program_opens(self);
}

static inline cf_folder *program_enters(program *self, const char *name)
{
    cf_folder *folder = NULL;

    expect_ok(
        self->files->open_folder(self->files, self->folder, named(name), &folder, &self->error),
        self->error);
    return folder;
}

typedef enum { SYNC_NOTHING, SYNC_FILE = 1, SYNC_FOLDER = 2, SYNC_BOTH = 3 } synced_parts;

/* A new file. */
static inline void program_makes(program *self, const char *name, cf_bytes bytes, synced_parts what)
{
    cf_files *files = self->files;
    cf_file *file = NULL;

    expect_ok(files->create_file(files, self->folder, named(name), 0644, &file, &self->error),
              self->error);
    expect_ok(files->write_at(files, file, 0, bytes, &self->error), self->error);
    if (what & SYNC_FILE)
        expect_ok(files->sync_file(files, file, &self->error), self->error);
    if (what & SYNC_FOLDER)
        expect_ok(files->sync_folder(files, self->folder, &self->error), self->error);
    files->close_file(files, &file);
}

/* "a b": the names in a folder, as an oracle sees them; `out` is cleared. */
static inline void program_tree(const program *self, cf_buffer *out)
{
    cf_buffer_clear(out);
    cr_assert(disk_dump(self->disk, "/home", &(disk_dump_options){0}, out));
}

static inline bool program_has(const program *self, const char *path)
{
    cf_stat stat;

    return disk_user_stat(self->disk, path, &stat);
}

#endif
