/* SPDX-License-Identifier: Apache-2.0 */
/* What the files_posix*.c share, and nobody else includes. */
#ifndef CF_BROKER_FILES_POSIX_H
#define CF_BROKER_FILES_POSIX_H
#include "broker/files.h"
#include "broker/names.h"
#include "codec/limits.h"

#include <sys/stat.h>
#include <time.h>

enum { CF_POSIX_STAT = STATX_BASIC_STATS | STATX_BTIME };

struct cf_folder {
    int descriptor;
    cf_buffer path; /* raw, as it was when it was opened: for messages only */
    char shown[CF_NAME_SHOWN];
};

/* A name as the system wants it. */
typedef struct {
    char text[CF_NAME_MAX + 1];
} cf_posix_name;

/* CF_MALFORMED unless the name is valid. */
cf_status cf_posix_name_of(const cf_folder *folder, cf_bytes name, cf_posix_name *out,
                           cf_error *error);
/* "WHAT FOLDER/NAME: reason"; errno chooses reason and status. */
cf_status cf_posix_fail(const cf_folder *folder, cf_bytes name, const char *what, cf_error *error);
cf_status cf_posix_fail_shown(const char *shown, const char *what, cf_error *error);
/* The same of a path as it is. */
cf_status cf_posix_fail_path(const char *path, const char *what, cf_error *error);
/* Prints folder and name, shortened. */
void cf_posix_show(const cf_folder *folder, cf_bytes name, char out[CF_NAME_SHOWN]);
/* openat2, beneath the folder, through no link. Returns -1 and sets errno. */
int cf_posix_open(const cf_folder *folder, const char *name, int flags, uint32_t mode);
cf_stat cf_posix_stat(const struct statx *raw);
struct timespec cf_posix_time(int64_t time_ns);

/* As sync_files, with threads of its own. */
void cf_posix_sync_files(cf_files *files, cf_file_sync *syncs, size_t count);

/* Add the calls about names and about open files. */
void cf_posix_add_names(cf_files *files);
void cf_posix_add_open_files(cf_files *files);

#endif
