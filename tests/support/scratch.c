/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/scratch.h"

#include "tests/support/remove_tree.h"
#include "tests/support/temporary.h"

#include <fcntl.h>
#include <poll.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <criterion/criterion.h>

enum { READ_ROOM = 1 << 16 };

#define must(call) cr_assert((call) >= 0, "%s: %m", #call)

scratch *scratch_new(void)
{
    scratch *self = cf_allocate(1, sizeof *self);
    cf_error error;

    temporary_pattern(self->path, sizeof self->path, "counterfoil-test");
    cr_assert(mkdtemp(self->path));
    self->files = cf_files_posix();
    cr_assert_eq(self->files->open_root(self->files, self->path, &self->folder, &error), CF_OK);
    return self;
}

void scratch_destroy(scratch **self)
{
    (*self)->files->close_folder((*self)->files, &(*self)->folder);
    must(remove_tree((*self)->path));
    free(*self);
    *self = NULL;
}

static int at(const scratch *self)
{
    return self->files->descriptor(self->files, self->folder);
}

int scratch_open(const scratch *self, const char *path, int flags)
{
    int descriptor = openat(at(self), path, flags | O_CLOEXEC, 0644);

    must(descriptor);
    return descriptor;
}

void scratch_write(const scratch *self, const char *path, const char *text)
{
    int descriptor = scratch_open(self, path, O_WRONLY | O_CREAT | O_TRUNC);

    must(write(descriptor, text, strlen(text)));
    close(descriptor);
}

void scratch_patch(const scratch *self, const char *path, uint64_t offset, cf_bytes bytes)
{
    int descriptor = scratch_open(self, path, O_WRONLY);

    cr_assert_eq(pwrite(descriptor, bytes.data, bytes.size, (off_t)offset), (ssize_t)bytes.size);
    close(descriptor);
}

void scratch_resize(const scratch *self, const char *path, uint64_t size)
{
    int descriptor = scratch_open(self, path, O_WRONLY);

    must(ftruncate(descriptor, (off_t)size));
    close(descriptor);
}

void scratch_read(const scratch *self, const char *path, cf_buffer *out)
{
    int descriptor = scratch_open(self, path, O_RDONLY);
    ssize_t size;

    while ((size = read(descriptor, cf_buffer_reserve(out, READ_ROOM), READ_ROOM)) > 0)
        out->size += (size_t)size;
    must(size);
    close(descriptor);
}

void scratch_mkdir(const scratch *self, const char *path)
{
    must(mkdirat(at(self), path, 0755));
}

void scratch_symlink(const scratch *self, const char *path, const char *target)
{
    must(symlinkat(target, at(self), path));
}

void scratch_hard_link(const scratch *self, const char *from, const char *to)
{
    must(linkat(at(self), from, at(self), to, 0));
}

void scratch_rename(const scratch *self, const char *from, const char *to)
{
    must(renameat(at(self), from, at(self), to));
}

void scratch_remove_tree(const scratch *self, const char *path)
{
    char whole[PATH_MAX];

    snprintf(whole, sizeof whole, "%s/%s", self->path, path);
    must(remove_tree(whole));
}

void scratch_remove(const scratch *self, const char *path)
{
    if (unlinkat(at(self), path, 0) != 0)
        must(unlinkat(at(self), path, AT_REMOVEDIR));
}

void scratch_chmod(const scratch *self, const char *path, unsigned mode)
{
    must(fchmodat(at(self), path, mode, 0));
}

void scratch_fifo(const scratch *self, const char *path)
{
    must(mkfifoat(at(self), path, 0600));
}

void scratch_socket(const scratch *self, const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int server = socket(AF_UNIX, SOCK_STREAM, 0);

    must(server);
    must(snprintf(address.sun_path, sizeof address.sun_path, "%s/%s", self->path, path));
    must(bind(server, (struct sockaddr *)&address, sizeof address));
    close(server);
}

bool scratch_exists(const scratch *self, const char *path)
{
    return faccessat(at(self), path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
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
    int descriptor;
};

scratch_hold *scratch_open_for(const scratch *self, const char *path, bool writing)
{
    scratch_hold *hold = cf_allocate(1, sizeof *hold);

    hold->descriptor = scratch_open(self, path, writing ? O_RDWR : O_RDONLY);
    return hold;
}

void scratch_close(scratch_hold **hold)
{
    close((*hold)->descriptor);
    free(*hold);
    *hold = NULL;
}

static struct timespec changed(const scratch *self, const char *path)
{
    struct stat raw;

    must(fstatat(at(self), path, &raw, AT_SYMLINK_NOFOLLOW));
    return raw.st_ctim;
}

void scratch_settle(const scratch *self, const char *path)
{
    struct timespec now, then = changed(self, path);

    do {
        poll(NULL, 0, 1);
        clock_gettime(CLOCK_REALTIME, &now);
    } while ((now.tv_sec - then.tv_sec) * INT64_C(1000000000) + now.tv_nsec - then.tv_nsec <=
             3 * self->files->tick_ns);
}

int64_t scratch_now_ns(const scratch *self)
{
    struct timespec now;

    (void)self;
    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

void scratch_be_nobody(const scratch *self)
{
    enum { NOBODY = 65534 };

    if (geteuid() != 0)
        return;
    must(chown(self->path, NOBODY, NOBODY));
    must(setresgid(NOBODY, NOBODY, NOBODY));
    must(setresuid(NOBODY, NOBODY, NOBODY));
}
