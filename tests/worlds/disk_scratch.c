/* SPDX-License-Identifier: Apache-2.0 */
/* tests/support/scratch.h on a simulated disk: the tests of the real files hold there, too. */
#include "tests/support/scratch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "tests/worlds/disk_users.h"

enum { START_MS = 1795176000, PATH_SIZE = 4096 };

typedef struct {
    scratch base; /* the first */
    disk *disk;
    uint64_t now_ms;
} simulated;

#define must(call) cr_assert((call), "%s", #call)

scratch *scratch_new(void)
{
    simulated *self = cf_allocate(1, sizeof *self);
    cf_error error;

    self->now_ms = START_MS * UINT64_C(1000);
    self->disk = disk_new(&(disk_options){.seed = 1, .now_ms = &self->now_ms});
    strcpy(self->base.path, "/tmp/scratch");
    disk_make_folder(self->disk, self->base.path);
    cf_files *files = self->base.files = disk_files(self->disk);
    must(files->open_root(files, self->base.path, &self->base.folder, &error) == CF_OK);
    return &self->base;
}

void scratch_destroy(scratch **self)
{
    simulated *real = (simulated *)*self;

    (*self)->files->close_folder((*self)->files, &(*self)->folder);
    disk_destroy(&real->disk);
    free(real);
    *self = NULL;
}

static disk *on(const scratch *self)
{
    return ((const simulated *)self)->disk;
}

typedef struct {
    char text[PATH_SIZE];
} place;

static place at(const scratch *self, const char *path)
{
    place out;

    snprintf(out.text, sizeof out.text, "%s/%s", self->path, path);
    return out;
}

void scratch_write(const scratch *self, const char *path, const char *text)
{
    must(disk_user_writes(on(self), at(self, path).text, text));
}

void scratch_patch(const scratch *self, const char *path, uint64_t offset, cf_bytes bytes)
{
    must(disk_user_patches(on(self), at(self, path).text, offset, bytes));
}

void scratch_resize(const scratch *self, const char *path, uint64_t size)
{
    must(disk_user_truncates(on(self), at(self, path).text, size));
}

void scratch_read(const scratch *self, const char *path, cf_buffer *out)
{
    must(disk_user_reads(on(self), at(self, path).text, out));
}

void scratch_mkdir(const scratch *self, const char *path)
{
    must(disk_user_makes_folder(on(self), at(self, path).text));
}

void scratch_symlink(const scratch *self, const char *path, const char *target)
{
    must(disk_user_makes_link(on(self), at(self, path).text, target));
}

void scratch_hard_link(const scratch *self, const char *from, const char *to)
{
    must(disk_user_links(on(self), at(self, from).text, at(self, to).text));
}

void scratch_rename(const scratch *self, const char *from, const char *to)
{
    must(disk_user_moves(on(self), at(self, from).text, at(self, to).text));
}

void scratch_remove(const scratch *self, const char *path)
{
    must(disk_user_unlinks(on(self), at(self, path).text));
}

void scratch_chmod(const scratch *self, const char *path, unsigned mode)
{
    must(disk_user_chmods(on(self), at(self, path).text, mode));
}

void scratch_fifo(const scratch *self, const char *path)
{
    must(disk_user_makes_fifo(on(self), at(self, path).text));
}

void scratch_socket(const scratch *self, const char *path)
{
    must(disk_user_makes_socket(on(self), at(self, path).text));
}

bool scratch_exists(const scratch *self, const char *path)
{
    cf_stat stat;

    return disk_user_stat(on(self), at(self, path).text, &stat);
}

bool scratch_holds(const scratch *self, const char *path, const char *text)
{
    cf_buffer found = {0};

    scratch_read(self, path, &found);
    bool holds = cf_bytes_equal(cf_buffer_view(&found), cf_bytes_of_text(text));
    cf_buffer_release(&found);
    return holds;
}

struct scratch_hold {
    disk_hold *hold;
};

scratch_hold *scratch_open_for(const scratch *self, const char *path, bool writing)
{
    scratch_hold *hold = cf_allocate(1, sizeof *hold);

    must(disk_user_opens(on(self), at(self, path).text, writing, &hold->hold));
    return hold;
}

void scratch_close(scratch_hold **hold)
{
    disk_user_closes(&(*hold)->hold);
    free(*hold);
    *hold = NULL;
}

void scratch_settle(const scratch *self, const char *path)
{
    simulated *real = (simulated *)self;

    must(scratch_exists(self, path));
    real->now_ms += (uint64_t)(4 * self->files->tick_ns / 1000000);
}

int64_t scratch_now_ns(const scratch *self)
{
    return (int64_t)((const simulated *)self)->now_ms * 1000000;
}

/* Permissions count as it is. */
void scratch_be_nobody(const scratch *self)
{
    (void)self;
}
