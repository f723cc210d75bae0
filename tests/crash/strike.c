/* SPDX-License-Identifier: Apache-2.0 */
/* Preloaded into a real program: counts its calls that change a disk, and at the n-th kills the
 * process, or has the call fail; or the first write from the n-th call on write half. What to do,
 * and the count, are in the file that CF_STRIKE names, shared with who started the program. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

enum { STRIKE_COUNT, STRIKE_KILL, STRIKE_FAIL, STRIKE_SHORT };

/* strike.py writes and reads the same. */
typedef struct {
    _Atomic uint64_t count;
    _Atomic uint64_t at; /* the call to strike, from 1; 0: none */
    uint32_t kind;
    uint32_t error; /* of STRIKE_FAIL */
    char call[48];  /* that was struck */
} strike;

static strike *shared;
static bool is_flagless; /* CF_STRIKE_FLAGLESS: rename takes no flags, as on most of FUSE */

__attribute__((constructor)) static void begin(void)
{
    const char *path = getenv("CF_STRIKE");
    int file = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    void *at = file < 0 ? MAP_FAILED
                        : mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);

    if (at != MAP_FAILED)
        shared = at;
    is_flagless = getenv("CF_STRIKE_FLAGLESS");
}

/* Whether the call of this number is it. A write at 7 is struck for an `at` of 5 where 5 and 6 are
 * no writes; then `at` is 0, since one call is struck. */
static bool is_meant(uint64_t number, bool could_do_half)
{
    uint64_t at = shared->at;

    if (shared->kind != STRIKE_SHORT)
        return number == at && shared->kind != STRIKE_COUNT;
    return could_do_half && at > 0 && number >= at &&
           atomic_compare_exchange_strong(&shared->at, &at, 0);
}

/* Whether the call is to fail, with errno set. `half`: it may be told to do half of its work. */
static bool struck(const char *call, bool *half)
{
    if (!shared || !is_meant(atomic_fetch_add(&shared->count, 1) + 1, half))
        return false;
    strncpy(shared->call, call, sizeof shared->call - 1);
    if (shared->kind == STRIKE_KILL)
        kill(getpid(), SIGKILL);
    if (shared->kind == STRIKE_SHORT) {
        *half = true;
        return false;
    }
    errno = (int)shared->error;
    return true;
}

/* Sockets, pipes and event counters are not the disk. */
static bool is_disk(int file)
{
    struct stat stat;
    int before = errno;
    bool found = fstat(file, &stat) == 0 && (S_ISREG(stat.st_mode) || S_ISDIR(stat.st_mode));

    errno = before;
    return found;
}

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

#define WRITES(name, parameters, ...)                                                              \
    ssize_t name parameters                                                                        \
    {                                                                                              \
        bool half = false;                                                                         \
                                                                                                   \
        if (is_disk(file) && struck(#name, size > 1 ? &half : NULL))                               \
            return -1;                                                                             \
        if (half)                                                                                  \
            size /= 2;                                                                             \
        return NEXT(name)(__VA_ARGS__);                                                            \
    }
WRITES(write, (int file, const void *data, size_t size), file, data, size)
WRITES(pwrite, (int file, const void *data, size_t size, off_t at), file, data, size, at)
WRITES(pwrite64, (int file, const void *data, size_t size, off64_t at), file, data, size, at)

#define ON_FILE(name, parameters, ...)                                                             \
    int name parameters                                                                            \
    {                                                                                              \
        return is_disk(file) && struck(#name, NULL) ? -1 : NEXT(name)(__VA_ARGS__);                \
    }
ON_FILE(ftruncate, (int file, off_t size), file, size)
ON_FILE(ftruncate64, (int file, off64_t size), file, size)
ON_FILE(fallocate, (int file, int mode, off_t at, off_t size), file, mode, at, size)
ON_FILE(fallocate64, (int file, int mode, off64_t at, off64_t size), file, mode, at, size)
ON_FILE(fchmod, (int file, mode_t mode), file, mode)
ON_FILE(fchown, (int file, uid_t owner, gid_t group), file, owner, group)
ON_FILE(futimens, (int file, const struct timespec times[2]), file, times)

/* What has not reached the disk goes in a power cut, not with a process: nothing waits for it. */
#define SYNCS(name)                                                                                \
    int name(int file)                                                                             \
    {                                                                                              \
        return is_disk(file) && struck(#name, NULL) ? -1 : 0;                                      \
    }
SYNCS(fsync)
SYNCS(fdatasync)

#define ON_NAME(name, parameters, ...)                                                             \
    int name parameters                                                                            \
    {                                                                                              \
        return struck(#name, NULL) ? -1 : NEXT(name)(__VA_ARGS__);                                 \
    }
ON_NAME(rename, (const char *from, const char *to), from, to)
ON_NAME(renameat, (int a, const char *from, int b, const char *to), a, from, b, to)
static bool takes_flags(unsigned flags)
{
    if (flags && is_flagless)
        errno = EINVAL;
    return !flags || !is_flagless;
}

int renameat2(int a, const char *from, int b, const char *to, unsigned flags)
{
    return !takes_flags(flags) || struck("renameat2", NULL)
               ? -1
               : NEXT(renameat2)(a, from, b, to, flags);
}

ON_NAME(unlink, (const char *path), path)
ON_NAME(unlinkat, (int folder, const char *path, int flags), folder, path, flags)
ON_NAME(rmdir, (const char *path), path)
ON_NAME(remove, (const char *path), path)
ON_NAME(mkdir, (const char *path, mode_t mode), path, mode)
ON_NAME(mkdirat, (int folder, const char *path, mode_t mode), folder, path, mode)
ON_NAME(link, (const char *from, const char *to), from, to)
ON_NAME(linkat, (int a, const char *from, int b, const char *to, int flags), a, from, b, to, flags)
ON_NAME(symlinkat, (const char *target, int folder, const char *path), target, folder, path)
ON_NAME(fchmodat, (int folder, const char *path, mode_t mode, int flags), folder, path, mode, flags)
ON_NAME(utimensat, (int folder, const char *path, const struct timespec times[2], int flags),
        folder, path, times, flags)

static bool makes(int flags)
{
    return (flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE;
}

#define OPENS(name)                                                                                \
    int name(const char *path, int flags, ...)                                                     \
    {                                                                                              \
        mode_t mode = 0;                                                                           \
        va_list rest;                                                                              \
                                                                                                   \
        va_start(rest, flags);                                                                     \
        if (makes(flags))                                                                          \
            mode = va_arg(rest, mode_t);                                                           \
        va_end(rest);                                                                              \
        return makes(flags) && struck(#name, NULL) ? -1 : NEXT(name)(path, flags, mode);           \
    }
OPENS(open)
OPENS(open64)

#define OPENS_AT(name)                                                                             \
    int name(int folder, const char *path, int flags, ...)                                         \
    {                                                                                              \
        mode_t mode = 0;                                                                           \
        va_list rest;                                                                              \
                                                                                                   \
        va_start(rest, flags);                                                                     \
        if (makes(flags))                                                                          \
            mode = va_arg(rest, mode_t);                                                           \
        va_end(rest);                                                                              \
        return makes(flags) && struck(#name, NULL) ? -1 : NEXT(name)(folder, path, flags, mode);   \
    }
OPENS_AT(openat)
OPENS_AT(openat64)

/* openat2 has no wrapper in this libc. */
long syscall(long number, ...)
{
    const struct open_how *how;
    long with[6];
    va_list rest;

    va_start(rest, number);
    for (int i = 0; i < 6; i++)
        with[i] = va_arg(rest, long);
    va_end(rest);
    memcpy(&how, &with[2], sizeof how);
    if (number == SYS_openat2 && makes((int)how->flags) && struck("openat2", NULL))
        return -1;
    return NEXT(syscall)(number, with[0], with[1], with[2], with[3], with[4], with[5]);
}

int ioctl(int file, unsigned long request, ...)
{
    va_list rest;

    va_start(rest, request);
    long with = va_arg(rest, long);
    va_end(rest);
    return request == FICLONE && struck("ioctl", NULL) ? -1 : NEXT(ioctl)(file, request, with);
}
