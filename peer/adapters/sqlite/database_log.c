/* SPDX-License-Identifier: Apache-2.0 */
/* The write-ahead log beside a database, as https://www.sqlite.org/fileformat.html#walformat has
 * it: a header, and frames of one page each. All numbers are big-endian. Frames of an earlier round
 * lie behind those of this one, with other salts:
 *
 *     header, salts 7 | frame 7: page 3 | frame 7: page 1, commit | frame 6: page 4, commit
 *
 * Who has the database open shares the index of the log (https://www.sqlite.org/walformat.html),
 * whose numbers are as this machine has them: how many frames are committed, and how many of these
 * a checkpoint has put into the file. */
#include "peer/adapters/sqlite/database.h"

#include <stdlib.h>
#include <string.h>

enum {
    HEADER_SIZE = 32,
    PAGE_SIZE_AT = 8,
    SALTS_AT = 16,
    FRAME_SIZE = 24, /* before its page */
    PAGE_AT = 0,
    COMMIT_AT = 4, /* the pages that the file has then; 0: the transaction goes on */
    FRAME_SALTS_AT = 8,
    SALTS_SIZE = 8,
    INDEX_SIZE = 100, /* of the shared index: two times its header, and what is in the file */
    INDEX_PIECE = 32768,
    INDEX_FRAMES_AT = 16,
    INDEX_FILLED_AT = 96,
    PAGE_MIN = 512,
    PAGE_MAX = 65536
};

typedef struct {
    uint32_t page;
    uint32_t frame;
} written_page;

typedef struct {
    sqlite3_file *file, *log;
    uint8_t header[HEADER_SIZE];
    uint32_t page_size;
    uint32_t pages;        /* of the file, after the last commit */
    written_page *written; /* in the log's order */
    size_t count, capacity, committed;
} wal;

static uint32_t number_at(const uint8_t *bytes, size_t at)
{
    return (uint32_t)bytes[at] << 24 | (uint32_t)bytes[at + 1] << 16 |
           (uint32_t)bytes[at + 2] << 8 | bytes[at + 3];
}

static bool read_at(sqlite3_file *file, void *out, size_t size, sqlite3_int64 at)
{
    return file->pMethods->xRead(file, out, (int)size, at) == SQLITE_OK;
}

static sqlite3_int64 place_of(const wal *self, size_t frame)
{
    return HEADER_SIZE + (sqlite3_int64)frame * (FRAME_SIZE + self->page_size);
}

static bool begin(wal *self, sqlite3 *database)
{
    sqlite3_int64 size = 0;

    if (sqlite3_file_control(database, "main", SQLITE_FCNTL_FILE_POINTER, &self->file) ||
        sqlite3_file_control(database, "main", SQLITE_FCNTL_JOURNAL_POINTER, &self->log) ||
        !self->file || !self->file->pMethods || !self->log || !self->log->pMethods ||
        self->log->pMethods->xFileSize(self->log, &size) || size > CF_DATABASE_CONTENT_MAX ||
        !read_at(self->log, self->header, HEADER_SIZE, 0))
        return false;
    self->page_size = number_at(self->header, PAGE_SIZE_AT);
    return self->page_size >= PAGE_MIN && self->page_size <= PAGE_MAX;
}

static void read_frames(wal *self)
{
    uint8_t frame[FRAME_SIZE];

    while (read_at(self->log, frame, FRAME_SIZE, place_of(self, self->count)) &&
           !memcmp(frame + FRAME_SALTS_AT, self->header + SALTS_AT, SALTS_SIZE)) {
        const written_page one = {number_at(frame, PAGE_AT), (uint32_t)self->count};

        *cf_one_more(self->written, self->count, self->capacity) = one;
        if (number_at(frame, COMMIT_AT)) {
            self->pages = number_at(frame, COMMIT_AT);
            self->committed = self->count;
        }
    }
}

static int by_page(const void *left, const void *right)
{
    const written_page *a = left, *b = right;

    if (a->page != b->page)
        return a->page < b->page ? -1 : 1;
    return a->frame < b->frame ? -1 : a->frame > b->frame;
}

static bool is_in_file(const wal *self, const written_page *one, uint8_t *pages)
{
    const sqlite3_int64 there = ((sqlite3_int64)one->page - 1) * self->page_size;
    const sqlite3_int64 here = place_of(self, one->frame) + FRAME_SIZE;

    return one->page && read_at(self->file, pages, self->page_size, there) &&
           read_at(self->log, pages + self->page_size, self->page_size, here) &&
           !memcmp(pages, pages + self->page_size, self->page_size);
}

static bool are_in_file(wal *self)
{
    uint8_t *pages = cf_allocate(2, self->page_size);
    bool all = self->committed > 0;

    if (all)
        qsort(self->written, self->committed, sizeof *self->written, by_page);
    for (size_t i = 0; all && i < self->committed; i++) {
        const bool is_last =
            i + 1 == self->committed || self->written[i + 1].page != self->written[i].page;

        if (is_last && self->written[i].page <= self->pages) /* behind that it was cut */
            all = is_in_file(self, &self->written[i], pages);
    }
    free(pages);
    return all;
}

bool cf_database_log_is_in_file(sqlite3 *database)
{
    wal self = {0};
    bool all = false;

    if (begin(&self, database)) {
        read_frames(&self);
        all = are_in_file(&self);
    }
    free(self.written);
    return all;
}

/* The beginning of the index. It is shared already: who reads by a log has it. */
static bool read_index(const wal *self, uint8_t *out)
{
    void volatile *shared = NULL;

    if (self->file->pMethods->iVersion < 2 ||
        self->file->pMethods->xShmMap(self->file, 0, INDEX_PIECE, 0, &shared) || !shared)
        return false;
    memcpy(out, (const void *)shared, INDEX_SIZE);
    return true;
}

/* How many frames of commits there are, where all of them have been put into the file; else 0. */
static uint32_t filled_of(const uint8_t *index)
{
    uint32_t frames, filled;

    memcpy(&frames, index + INDEX_FRAMES_AT, sizeof frames);
    memcpy(&filled, index + INDEX_FILLED_AT, sizeof filled);
    return frames == filled ? frames : 0;
}

bool cf_database_log_is_overwritten(sqlite3 *database)
{
    uint8_t before[INDEX_SIZE], after[INDEX_SIZE];
    wal self = {0};
    bool found = false;

    if (begin(&self, database) && read_index(&self, before) && filled_of(before)) {
        read_frames(&self); /* more than these: behind them lies what a power cut left */
        found = self.committed == filled_of(before) && !are_in_file(&self) &&
                read_index(&self, after) &&
                !memcmp(before, after, INDEX_SIZE); /* else its program has begun it anew */
    }
    free(self.written);
    return found;
}
