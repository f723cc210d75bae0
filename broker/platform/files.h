/* SPDX-License-Identifier: Apache-2.0 */
/* The file system, as the rest of the product sees it. Every call takes a held directory and one
 * name in it; nothing ever follows a symbolic link or leaves the directory, whatever others rename
 * meanwhile. A name is refused (CF_MALFORMED) unless cf_name_valid.
 *
 * Calls may come from any thread; two threads may use one folder or file at the same time.
 * Statuses that a caller may tell apart, in all calls: CF_MISSING (nothing of that name),
 * CF_CHANGED (something else is there than was expected: it exists already, is not empty, is no
 * directory or no regular file, a symbolic link stands there), CF_FULL, CF_IO (all others; the text
 * has the reason). Every text names the file. A sync that failed must not be tried again: what was
 * written since the last one is lost or not, and nobody knows; write it anew. */
#ifndef CF_BROKER_PLATFORM_FILES_H
#define CF_BROKER_PLATFORM_FILES_H
#include "codec/arena.h"
#include "codec/bytes.h"
#include "codec/error.h"
#include "codec/reader_at.h"

typedef struct cf_files cf_files;
typedef struct cf_folder cf_folder; /* a held directory; it is the same one wherever it is moved */
typedef struct cf_file cf_file;     /* an open regular file */

typedef enum {
    CF_FILE_REGULAR,
    CF_FILE_FOLDER,
    CF_FILE_LINK, /* symbolic */
    CF_FILE_FIFO,
    CF_FILE_SOCKET,
    CF_FILE_DEVICE,
} cf_file_kind;

typedef struct {
    cf_file_kind kind;
    uint64_t device;
    uint64_t inode;
    int64_t birth_ns; /* 0 where the file system keeps none */
    uint64_t size;
    uint64_t allocated; /* bytes of the disk that it takes */
    uint32_t mode;      /* permission bits, 07777 */
    uint32_t links;
    int64_t mtime_ns; /* since 1970 */
    int64_t ctime_ns;
    bool is_mount; /* the root of what is mounted there */
} cf_stat;

/* The same thing, perhaps with other contents: inode and birth time, and the device where there is
 * no birth time (device numbers may change with a restart, inodes are used again). */
bool cf_stat_same_file(const cf_stat *a, const cf_stat *b);
/* Nothing was done to it in between, as far as a stat can tell. */
bool cf_stat_unchanged(const cf_stat *a, const cf_stat *b);

typedef enum {
    CF_WRITER_NONE,
    CF_WRITER_OPEN,    /* somebody has it open for writing, or mapped shared and writable */
    CF_WRITER_UNKNOWN, /* another owner's file, or a file system that can't tell */
} cf_writer_answer;

enum { CF_HOLDER_MAX = 63 }; /* bytes of the text in a lock that tell who has it */

/* What the system knows of the file system on which something lies. */
typedef struct {
    uint64_t device; /* as in cf_stat; may be another one when it is mounted anew */
    uint64_t type;   /* the magic number that statfs tells; 0: not known */
    uint64_t id;     /* of this file system; 0: it has none */
    bool is_fuse;
    bool is_remote;    /* other machines change it, of which this one is not told */
    bool renumbers;    /* inode numbers are made up, and others when it is mounted anew */
    bool is_read_only; /* mounted so */
    bool is_union;     /* a folder may be of several disks, and shows the time of one: mergerfs */
} cf_filesystem;
bool cf_filesystem_equal(const cf_filesystem *a, const cf_filesystem *b);

/* One of several files, and whether it is durable. */
typedef struct {
    const cf_file *file;
    cf_status status;
    cf_error error;
} cf_file_sync;

/* Return false to stop. "." and ".." don't come; the order is the file system's. */
typedef bool cf_name_visit(void *context, cf_bytes name);

struct cf_files {
    /* Folders. close takes NULL and pointers to NULL. make_root makes the folder and those above it
     * that are missing, all durable; one that is there is as good. */
    cf_status (*make_root)(cf_files *files, const char *path, uint32_t mode, cf_error *error);
    cf_status (*open_root)(cf_files *files, const char *path, cf_folder **out, cf_error *error);
    cf_status (*open_folder)(cf_files *files, const cf_folder *parent, cf_bytes name,
                             cf_folder **out, cf_error *error);
    /* The folder at the end of these names, of which there is at least one, as open_folder of each
     * in turn would: through no link, beneath `parent`. NULL: there is no shorter way. */
    cf_status (*open_below)(cf_files *files, const cf_folder *parent, const cf_bytes *names,
                            size_t count, cf_folder **out, cf_error *error);
    cf_status (*make_folder)(cf_files *files, const cf_folder *parent, cf_bytes name, uint32_t mode,
                             cf_error *error);
    void (*close_folder)(cf_files *files, cf_folder **folder);
    /* Gives up what keeps the file system of a held folder from being unmounted, until something is
     * asked of the folder. Then it is opened again where it was, and has to be the same one; or,
     * with `above`, to which it is below and which outlives it, to lie there in the same place.
     * Else all that is asked of it is CF_CHANGED. No job is to work in it. NULL: nothing keeps it.
     */
    void (*rest_folder)(cf_files *files, cf_folder *folder, const cf_folder *above);
    /* As the disk has it now: of a share or a FUSE disk not as the system remembers it. */
    cf_status (*stat_folder)(cf_files *files, const cf_folder *folder, cf_stat *out,
                             cf_error *error);
    /* Whether `folder` is `root` or still lies below it. */
    cf_status (*is_below)(cf_files *files, const cf_folder *folder, const cf_folder *root,
                          bool *out, cf_error *error);
    cf_status (*list)(cf_files *files, const cf_folder *folder, cf_name_visit *visit, void *context,
                      cf_error *error);
    cf_status (*sync_folder)(cf_files *files, const cf_folder *folder, cf_error *error);
    /* Of the file system, in bytes; the whole may be NULL. */
    cf_status (*free_bytes)(cf_files *files, const cf_folder *folder, uint64_t *out,
                            uint64_t *whole, cf_error *error);
    cf_status (*filesystem)(cf_files *files, const cf_folder *folder, cf_filesystem *out,
                            cf_error *error);
    /* For a watch; -1 where there is none. Stays the folder's. */
    int (*descriptor)(cf_files *files, const cf_folder *folder);
    /* As errors name it. Lives as long as the folder. */
    const char *(*shown)(cf_files *files, const cf_folder *folder);

    /* Names. */
    cf_status (*stat)(cf_files *files, const cf_folder *folder, cf_bytes name, cf_stat *out,
                      cf_error *error);
    /* The same, of a share or a FUSE disk not as the system remembers it: each call asks the disk.
     */
    cf_status (*stat_now)(cf_files *files, const cf_folder *folder, cf_bytes name, cf_stat *out,
                          cf_error *error);
    /* Whether this process may read it. */
    bool (*readable)(cf_files *files, const cf_folder *folder, cf_bytes name);
    /* Appends to `*target`. */
    cf_status (*read_link)(cf_files *files, const cf_folder *folder, cf_bytes name,
                           cf_buffer *target, cf_error *error);
    cf_status (*make_link)(cf_files *files, const cf_folder *folder, cf_bytes name, cf_bytes target,
                           cf_error *error);
    /* Another name for a file, or a link, never in the place of anything: CF_CHANGED when `to`
     * exists. Here and in the next two CF_UNSAFE: this file system can't do it (it takes no links,
     * or no flags), and nothing was done. cf_files_place and cf_files_rename know other ways. */
    cf_status (*link)(cf_files *files, const cf_folder *from_folder, cf_bytes from,
                      const cf_folder *to_folder, cf_bytes to, cf_error *error);
    /* Never replaces: CF_CHANGED when `to` exists. Here and in the next two CF_USAGE: the two
     * places are on different file systems. */
    cf_status (*rename)(cf_files *files, const cf_folder *from_folder, cf_bytes from,
                        const cf_folder *to_folder, cf_bytes to, cf_error *error);
    /* Both exist and change places, atomically. */
    cf_status (*exchange)(cf_files *files, const cf_folder *a_folder, cf_bytes a,
                          const cf_folder *b_folder, cf_bytes b, cf_error *error);
    /* Replaces `to`. Only for files that are the program's own. */
    cf_status (*replace)(cf_files *files, const cf_folder *from_folder, cf_bytes from,
                         const cf_folder *to_folder, cf_bytes to, cf_error *error);
    cf_status (*unlink)(cf_files *files, const cf_folder *folder, cf_bytes name, cf_error *error);
    /* CF_CHANGED unless it is empty. */
    cf_status (*remove_folder)(cf_files *files, const cf_folder *folder, cf_bytes name,
                               cf_error *error);
    cf_status (*set_mode)(cf_files *files, const cf_folder *folder, cf_bytes name, uint32_t mode,
                          cf_error *error);
    cf_status (*set_mtime)(cf_files *files, const cf_folder *folder, cf_bytes name,
                           int64_t mtime_ns, cf_error *error);

    /* Open files. open reads only; create makes a new one (CF_CHANGED when the name is taken),
     * reads and writes; reopen reads and writes a file of the program's own. */
    cf_status (*open_file)(cf_files *files, const cf_folder *folder, cf_bytes name, cf_file **out,
                           cf_error *error);
    cf_status (*create_file)(cf_files *files, const cf_folder *folder, cf_bytes name, uint32_t mode,
                             cf_file **out, cf_error *error);
    cf_status (*reopen_file)(cf_files *files, const cf_folder *folder, cf_bytes name, cf_file **out,
                             cf_error *error);
    /* A file of the program's own, made where it is missing, that nobody else can lock until it is
     * closed, or the process ends, however it ends. CF_LOCKED: another process has it; the text
     * says so of the folder, with what the file holds: the process, and what its holder appended,
     * up to CF_HOLDER_MAX printable bytes. */
    cf_status (*lock)(cf_files *files, const cf_folder *folder, cf_bytes name, cf_file **out,
                      cf_error *error);
    void (*close_file)(cf_files *files, cf_file **file);
    cf_status (*stat_file)(cf_files *files, const cf_file *file, cf_stat *out, cf_error *error);
    /* Up to `size` bytes; fewer only at the end of the file. */
    cf_status (*read_at)(cf_files *files, const cf_file *file, uint64_t offset, void *buffer,
                         size_t size, size_t *read, cf_error *error);
    cf_status (*write_at)(cf_files *files, const cf_file *file, uint64_t offset, cf_bytes bytes,
                          cf_error *error);
    /* Cuts, or lengthens with a hole. */
    cf_status (*truncate)(cf_files *files, const cf_file *file, uint64_t size, cf_error *error);
    cf_status (*set_file_mode)(cf_files *files, const cf_file *file, uint32_t mode,
                               cf_error *error);
    cf_status (*set_file_mtime)(cf_files *files, const cf_file *file, int64_t mtime_ns,
                                cf_error *error);
    cf_status (*sync_file)(cf_files *files, const cf_file *file, cf_error *error);
    /* The same with several at once, in no order: each has an outcome of its own. */
    void (*sync_files)(cf_files *files, cf_file_sync *syncs, size_t count);
    /* The first stretch of data that ends after `offset`: [*from, *to). Both are the file's size
     * when only a hole is left. */
    cf_status (*next_data)(cf_files *files, const cf_file *file, uint64_t offset, uint64_t *from,
                           uint64_t *to, cf_error *error);
    /* For a file opened by open_file. */
    cf_writer_answer (*writer)(cf_files *files, const cf_file *file);
    /* Shares the blocks of `source` with the empty file `target` where the file system can;
     * `*cloned` false: nothing was done. */
    cf_status (*clone)(cf_files *files, const cf_file *source, const cf_file *target, bool *cloned,
                       cf_error *error);

    /* How far apart two changes must be, in nanoseconds, to have different times for sure. */
    int64_t tick_ns;
    void *context; /* the implementation's own: a copy of this struct works as it does */
};

/* The system's own. One for the process, never freed; ignores SIGIO, which `writer` may cause. */
cf_files *cf_files_posix(void);

/* What follows works with any of them. */

/* Of a disk that is full, or takes nothing any more, its own words: the file of ours that met it
 * says nobody anything. False: another error, which stays as it is. */
bool cf_files_blame_disk(cf_error *error);

/* A whole small file. CF_TOO_LARGE when it is longer than `limit`. `*out` is replaced. */
cf_status cf_files_read(cf_files *files, const cf_folder *folder, cf_bytes name, size_t limit,
                        cf_buffer *out, cf_error *error);
/* Makes the file hold `bytes` and be durable, or leaves it as it was, whatever happens meanwhile.
 * Beside it NAME.new may be left by a crash; the next call takes it away. */
cf_status cf_files_write(cf_files *files, const cf_folder *folder, cf_bytes name, uint32_t mode,
                         cf_bytes bytes, cf_error *error);

/* A rename that replaces nothing, on any file system. Where that can't be asked of it (`rename` is
 * CF_UNSAFE there: FUSE, network shares), it looks and then renames: `from` is moved as it is at
 * that moment, whoever saved it just before; what somebody else makes at `to` in between the two
 * calls is replaced. */
cf_status cf_files_rename(cf_files *files, const cf_folder *from_folder, cf_bytes from,
                          const cf_folder *to_folder, cf_bytes to, cf_error *error);
/* The same for a file that is the program's own where it is, so nobody saves it there: where there
 * are hard links, it gets the new name first, which fails if somebody has made that, and then loses
 * the old one. A crash in between leaves both. */
cf_status cf_files_place(cf_files *files, const cf_folder *from_folder, cf_bytes from,
                         const cf_folder *to_folder, cf_bytes to, cf_error *error);

/* Of a call that failed: whether the disk failed, or this process lacks what it needs, so that it
 * says nothing of what lies there. Else it does: nothing, something else, or what is closed to us.
 */
bool cf_files_has_failed(const cf_error *error);

/* A sync_files that is as many times sync_file. */
void cf_files_sync_each(cf_files *files, cf_file_sync *syncs, size_t count);

/* The names of what is in the folder, in any order and in the arena; free(out->at). */
typedef struct {
    cf_bytes *at;
    size_t count;
} cf_folder_names;
cf_status cf_files_names(cf_files *files, const cf_folder *folder, cf_arena *arena,
                         cf_folder_names *out, cf_error *error);

/* The folder at the end of these names, of which there is at least one: by open_below, else by
 * open_folder of each. */
cf_status cf_files_open_below(cf_files *files, const cf_folder *parent, const cf_bytes *names,
                              size_t count, cf_folder **out, cf_error *error);
/* Takes away what is there, with all that is in it; CF_OK when there is nothing. */
cf_status cf_files_remove(cf_files *files, const cf_folder *folder, cf_bytes name, cf_error *error);
/* The folder in which the last name of `path` is. CF_USAGE when it has none, as "/". `*name` lies
 * in `path`. */
cf_status cf_files_open_above(cf_files *files, const char *path, cf_folder **out, cf_bytes *name,
                              cf_error *error);

/* As write_at, where nothing was written yet: each block of zeros stays a hole, so that a sparse
 * file is one wherever it is made. If the file ends in such a block, `truncate` gives it its
 * length. a byte, and zeros up to 400 MB: one block is written, and the rest is a hole */
#define CF_HOLE_BLOCK 4096
cf_status cf_files_write_sparse(cf_files *files, const cf_file *file, uint64_t offset,
                                cf_bytes bytes, cf_error *error);

/* An open file as a source of bytes, and, front to back from `offset` on, as a sink. The struct
 * outlives what is made of it. */
typedef struct {
    cf_files *files;
    const cf_file *file;
    uint64_t offset; /* of the sink's next byte */
} cf_file_bytes;
cf_reader_at cf_reader_of_file(cf_file_bytes *bytes, uint64_t size);
cf_sink cf_sink_of_file(cf_file_bytes *bytes);
/* As cf_files_write_sparse. */
cf_sink cf_sparse_sink_of_file(cf_file_bytes *bytes);

#endif
