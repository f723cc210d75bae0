/* SPDX-License-Identifier: Apache-2.0 */
/* What the files_posix*.c share. */
#ifndef CF_BROKER_PLATFORM_FILES_POSIX_INSIDE_H
#define CF_BROKER_PLATFORM_FILES_POSIX_INSIDE_H
#include "broker/platform/files.h"
#include "broker/platform/names.h"
#include "codec/limits.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <time.h>

enum { CF_POSIX_STAT = STATX_BASIC_STATS | STATX_BTIME };

/* A path for messages, rendered when somebody asks. Jobs share folders: whoever asks holds the
 * mutex. */
typedef struct {
    pthread_mutex_t mutex;
    char text[CF_NAME_SHOWN]; /* empty: nobody has asked */
} cf_posix_shown;

/* What a folder is known by while it rests. Jobs share folders: whoever opens it holds the mutex.
 */
typedef struct {
    pthread_mutex_t mutex;
    atomic_bool is_resting;
    const cf_folder *above; /* NULL: it has to be the same folder */
    cf_stat stat;
} cf_posix_rest;

struct cf_folder {
    int descriptor; /* cf_posix_descriptor tells it */
    cf_buffer path; /* raw, as it was when it was opened */
    cf_posix_shown *shown;
    cf_posix_rest *rest;
};

/* A name as the system wants it. */
typedef struct {
    char text[CF_DISK_NAME_MAX + 1];
} cf_posix_name;

/* Of a folder that rests, after it was opened again; -1: it can't be. */
int cf_posix_descriptor(const cf_folder *folder);
void cf_posix_rest_folder(cf_files *files, cf_folder *folder, const cf_folder *above);

/* CF_MALFORMED unless the name is valid. */
cf_status cf_posix_name_of(const cf_folder *folder, cf_bytes name, cf_posix_name *out,
                           cf_error *error);
/* "WHAT FOLDER/NAME: reason"; errno chooses reason and status. */
cf_status cf_posix_fail(const cf_folder *folder, cf_bytes name, const char *what, cf_error *error);
cf_status cf_posix_fail_shown(const char *shown, const char *what, cf_error *error);
/* The same of the folder itself. */
cf_status cf_posix_fail_folder(const cf_folder *folder, const char *what, cf_error *error);
/* Lives as long as the folder. */
const char *cf_posix_folder_shown(const cf_folder *folder);
/* As cf_posix_fail, of a path as it is. */
cf_status cf_posix_fail_path(const char *path, const char *what, cf_error *error);
/* Prints folder and name, shortened. */
void cf_posix_show(const cf_folder *folder, cf_bytes name, char out[CF_NAME_SHOWN]);
/* openat2, beneath the folder, through no link. Returns -1 and sets errno. */
int cf_posix_open(const cf_folder *folder, const char *name, int flags, uint32_t mode);
cf_stat cf_posix_stat(const struct statx *raw);
struct timespec cf_posix_time(int64_t time_ns);

/* What is known of a file system by what statfs calls its type. */
typedef struct {
    bool is_fuse, is_remote, renumbers; /* as in cf_filesystem */
} cf_posix_type;
cf_posix_type cf_posix_type_of(uint32_t type);

/* fsync, of file systems too that have none because nothing can be written to them. */
bool cf_posix_sync(int descriptor);

/* Add the calls about names and about open files. */
void cf_posix_add_names(cf_files *files);
void cf_posix_add_open_files(cf_files *files);

#endif
