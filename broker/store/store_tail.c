/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/store/store_tail.h"

#include "broker/platform/descriptor.h"
#include "codec/bytes.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BLOCK = 32768, HEADER = 7 };

/* Types of records: a logical one is FULL, or FIRST, MIDDLE…, LAST. Of others we know just that
 * they stand alone. */
enum { ZERO = 0, FULL = 1, FIRST = 2, MIDDLE = 3, LAST = 4 };

/* CRC-32C (RFC 3720, appendix B.4), by halves of bytes. */
static uint32_t crc32c(cf_bytes bytes)
{
    static const uint32_t of_half[16] = {0x00000000, 0x105EC76F, 0x20BD8EDE, 0x30E349B1,
                                         0x417B1DBC, 0x5125DAD3, 0x61C69362, 0x7198540D,
                                         0x82F63B78, 0x92A8FC17, 0xA24BB5A6, 0xB21572C9,
                                         0xC38D26C4, 0xD3D3E1AB, 0xE330A81A, 0xF36E6F75};
    uint32_t crc = UINT32_MAX;

    for (size_t i = 0; i < bytes.size; i++) {
        crc ^= bytes.data[i];
        crc = crc >> 4 ^ of_half[crc & 15];
        crc = crc >> 4 ^ of_half[crc & 15];
    }
    return ~crc;
}

/* As RocksDB writes it, so that a checksum of bytes with checksums in them is none of them. */
static uint32_t masked(uint32_t crc)
{
    return (crc >> 15 | crc << 17) + 0xA282EAD8;
}

static uint32_t little_u32(const uint8_t *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

typedef struct {
    uint8_t type;
    size_t size; /* with its header */
} record;

static size_t left_in_block(size_t at)
{
    return BLOCK - at % BLOCK;
}

/* False: there is no sound record. */
static bool read_record(cf_bytes log, size_t at, record *out)
{
    size_t room = log.size - at < left_in_block(at) ? log.size - at : left_in_block(at);

    if (room < HEADER)
        return false;
    const uint8_t *header = log.data + at;
    size_t length = (size_t)header[4] | (size_t)header[5] << 8;
    *out = (record){header[6], HEADER + length};
    return out->type != ZERO && out->size <= room &&
           masked(crc32c(cf_bytes_of(header + 6, 1 + length))) == little_u32(header);
}

/* Whether the record goes on what came before it. */
static bool follows(const record *found, bool in_parts)
{
    return found->type == MIDDLE || found->type == LAST ? in_parts : !in_parts;
}

/* A walk from record to record, block by block. */
typedef struct {
    size_t at;     /* where the sound records end, */
    size_t whole;  /* and of them the last logical one that is whole */
    bool in_parts; /* the one under way has begun */
    bool is_over;  /* what stands at `at` is not sound */
} walk;

static void walk_block(walk *self, cf_bytes block)
{
    const size_t begin = self->at;
    size_t at = 0;
    record found;

    while (at < block.size && left_in_block(at) >= HEADER) {
        self->is_over = !read_record(block, at, &found) || !follows(&found, self->in_parts);
        if (self->is_over)
            return;
        at += found.size;
        self->at = begin + at;
        self->in_parts = found.type == FIRST || found.type == MIDDLE;
        if (!self->in_parts)
            self->whole = self->at;
    }
    self->at = begin + block.size; /* a block's end has no room for a header */
}

/* Where the sound records end (`*bad`), and of them the last logical one that is whole. */
static size_t sound_end(cf_bytes log, size_t *bad)
{
    walk self = {0};

    while (!self.is_over && self.at < log.size) {
        const size_t left = log.size - self.at;

        walk_block(&self, cf_bytes_of(log.data + self.at, left < BLOCK ? left : BLOCK));
    }
    *bad = self.at;
    return self.whole;
}

static bool is_padding(size_t from, size_t end)
{
    return end - from < HEADER && end % BLOCK == 0;
}

static cf_status walk_file(int file, const char *name, bool *is_whole, uint64_t *whole,
                           cf_error *error)
{
    uint8_t *block = cf_allocate(1, BLOCK);
    cf_status status = CF_OK;
    walk self = {0};
    size_t size = BLOCK;

    while (!status && !self.is_over && size == BLOCK) {
        if (!cf_descriptor_read_at(file, self.at, block, BLOCK, &size))
            status = cf_fail_errno(error, errno, "reading %s", name);
        else
            walk_block(&self, cf_bytes_of(block, size));
    }
    *is_whole = !self.is_over && (self.whole == self.at || is_padding(self.whole, self.at));
    *whole = self.whole;
    free(block);
    return status;
}

cf_status cf_store_tail_check(int folder, const char *name, bool *is_whole, uint64_t *whole,
                              cf_error *error)
{
    const int file = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

    if (file < 0)
        return cf_fail_errno(error, errno, "opening %s", name);
    const cf_status status = walk_file(file, name, is_whole, whole, error);
    close(file);
    return status;
}

/* In the block that is damaged a record may begin anywhere, in later ones at the beginning. */
static bool has_sound_record(cf_bytes log, size_t from)
{
    record found;
    size_t at = from;

    for (; at < log.size && at % BLOCK; at++)
        if (read_record(log, at, &found))
            return true;
    for (; at < log.size; at += BLOCK)
        if (read_record(log, at, &found))
            return true;
    return false;
}

static cf_status read_all(int file, const char *name, cf_buffer *out, cf_error *error)
{
    struct stat stat;

    if (fstat(file, &stat))
        return cf_fail_errno(error, errno, "looking at %s", name);
    size_t size = (size_t)stat.st_size;
    if (!cf_descriptor_read(file, cf_buffer_reserve(out, size), size, &out->size))
        return cf_fail_errno(error, errno, "reading %s", name);
    return CF_OK;
}

cf_status cf_store_tail_is_torn(int folder, const char *name, bool *is_torn, cf_error *error)
{
    cf_buffer log = {0};
    size_t bad = 0;
    const int file = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

    if (file < 0)
        return cf_fail_errno(error, errno, "opening %s", name);
    const cf_status status = read_all(file, name, &log, error);
    if (!status) {
        const size_t end = sound_end(cf_buffer_view(&log), &bad);

        *is_torn = end < log.size && !has_sound_record(cf_buffer_view(&log), bad + 1);
    }
    cf_buffer_release(&log);
    close(file);
    return status;
}

static cf_status mend_file(int folder, const char *name, size_t *cut, cf_error *error)
{
    cf_buffer log = {0};
    size_t bad = 0, end;
    int file = openat(folder, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);

    if (file < 0)
        return cf_fail_errno(error, errno, "opening %s", name);
    cf_status status = read_all(file, name, &log, error);
    end = sound_end(cf_buffer_view(&log), &bad);
    if (!status && end < log.size && !has_sound_record(cf_buffer_view(&log), bad + 1)) {
        if (ftruncate(file, (off_t)end) || fsync(file))
            status = cf_fail_errno(error, errno, "cutting %s", name);
        else
            *cut += log.size - end;
    }
    cf_buffer_release(&log);
    close(file);
    return status;
}

/* The newest log that something was written to; empty: there is none. */
static cf_status newest_log(int folder, char name[NAME_MAX + 1], cf_error *error)
{
    int copy = dup(folder);
    DIR *listing = copy < 0 ? NULL : fdopendir(copy);
    unsigned long newest = 0;
    const struct dirent *entry;
    struct stat stat;
    char *end;

    name[0] = '\0';
    if (!listing)
        return cf_fail_errno(error, errno, "listing the logs");
    while ((entry = cf_descriptor_next_name(listing))) {
        unsigned long number = strtoul(entry->d_name, &end, 10);

        if (number <= newest || strcmp(end, ".log") != 0 ||
            fstatat(folder, entry->d_name, &stat, 0) || stat.st_size == 0)
            continue;
        newest = number;
        snprintf(name, NAME_MAX + 1, "%s", entry->d_name);
    }
    cf_status status = errno ? cf_fail_errno(error, errno, "listing the logs") : CF_OK;
    closedir(listing);
    return status;
}

/* CURRENT names it. */
static bool manifest(int folder, char name[NAME_MAX + 1])
{
    int file = openat(folder, "CURRENT", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    size_t size = 0;
    bool is_read = file >= 0 && cf_descriptor_read(file, name, NAME_MAX, &size);

    if (file >= 0)
        close(file);
    if (!is_read)
        return false;
    name[size] = '\0';
    name[strcspn(name, "\n")] = '\0';
    return strncmp(name, "MANIFEST-", 9) == 0;
}

cf_status cf_store_tail_mend(const char *path, size_t *cut, cf_error *error)
{
    char name[NAME_MAX + 1];
    int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    cf_status status;

    *cut = 0;
    if (folder < 0)
        return cf_fail_errno(error, errno, "opening %s", path);
    status = newest_log(folder, name, error);
    if (!status && *name)
        status = mend_file(folder, name, cut, error);
    if (!status && manifest(folder, name))
        status = mend_file(folder, name, cut, error);
    close(folder);
    return status;
}

/* ---- A log that is made ---- */

static void append_part(cf_buffer *log, uint8_t type, cf_bytes part)
{
    const size_t at = log->size;
    const uint8_t header[HEADER] = {[4] = (uint8_t)part.size, (uint8_t)(part.size >> 8), type};

    cf_buffer_append(log, header, HEADER);
    cf_buffer_append(log, part.data, part.size);
    const uint32_t sum = masked(crc32c(cf_bytes_of(log->data + at + 6, 1 + part.size)));
    for (size_t i = 0; i < 4; i++)
        log->data[at + i] = (uint8_t)(sum >> (8 * i));
}

void cf_store_tail_append(cf_buffer *log, cf_bytes content)
{
    static const uint8_t padding[HEADER];
    bool is_first = true, is_last = false;

    while (!is_last) {
        if (left_in_block(log->size) < HEADER)
            cf_buffer_append(log, padding, left_in_block(log->size));
        const size_t room = left_in_block(log->size) - HEADER;
        const size_t size = content.size < room ? content.size : room;

        is_last = size == content.size;
        append_part(log, is_first ? (is_last ? FULL : FIRST) : (is_last ? LAST : MIDDLE),
                    cf_bytes_of(content.data, size));
        content = cf_bytes_of(content.data + size, content.size - size);
        is_first = false;
    }
}

/* ---- What is whole of a damaged one ---- */

typedef struct {
    cf_buffer *out;
    cf_buffer parts; /* of the logical record under way */
    bool in_parts;
} keeper;

static void keep_record(keeper *self, const record *found, const uint8_t *at)
{
    const cf_bytes content = cf_bytes_of(at + HEADER, found->size - HEADER);

    if (!follows(found, self->in_parts)) {
        self->in_parts = false; /* its end is missing, or the beginning of what was found */
        if (found->type == MIDDLE || found->type == LAST)
            return;
    }
    if (!self->in_parts)
        self->parts.size = 0;
    cf_buffer_append(&self->parts, content.data, content.size);
    self->in_parts = found->type == FIRST || found->type == MIDDLE;
    if (!self->in_parts)
        cf_store_tail_append(self->out, cf_buffer_view(&self->parts));
}

/* In a damaged block nothing says where the next record begins. */
static void keep_of_block(keeper *self, cf_bytes block)
{
    record found;
    size_t at = 0;

    for (; left_in_block(at) >= HEADER && at < block.size; at += found.size) {
        if (!read_record(block, at, &found) || found.type > LAST) {
            self->in_parts = false;
            return;
        }
        keep_record(self, &found, block.data + at);
    }
}

static void keep_whole(cf_bytes log, cf_buffer *out)
{
    keeper self = {.out = out};

    for (size_t at = 0; at < log.size; at += BLOCK) {
        const size_t left = log.size - at;

        keep_of_block(&self, cf_bytes_of(log.data + at, left < BLOCK ? left : BLOCK));
    }
    cf_buffer_release(&self.parts);
}

cf_status cf_store_tail_keep_whole(int folder, const char *name, cf_error *error)
{
    cf_buffer log = {0}, kept = {0};
    bool is_whole = false;
    uint64_t whole;
    const int file = openat(folder, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);

    if (file < 0)
        return cf_fail_errno(error, errno, "opening %s", name);
    cf_status status = walk_file(file, name, &is_whole, &whole, error);
    if (!status && !is_whole) {
        status = read_all(file, name, &log, error);
        keep_whole(cf_buffer_view(&log), &kept);
        if (!status && (!cf_descriptor_write_at(file, 0, cf_buffer_view(&kept)) ||
                        ftruncate(file, (off_t)kept.size)))
            status = cf_fail_errno(error, errno, "writing %s", name);
    }
    cf_buffer_release(&kept);
    cf_buffer_release(&log);
    close(file);
    return status;
}
