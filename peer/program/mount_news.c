/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/program/mount_news.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { TABLE_MAX = 16 << 20, PIECE = 65536, PLACE_FIELD = 4 }; /* from 0 */

struct cf_mount_news {
    pthread_t thread;
    int table;
    int changed;     /* readable: since it was read */
    int closed;      /* readable: nobody wants to know any more */
    cf_buffer known; /* the table as it was read last */
};

static void read_table(int table, cf_buffer *out)
{
    ssize_t got;

    if (lseek(table, 0, SEEK_SET) != 0)
        return;
    while (out->size < TABLE_MAX && (got = read(table, cf_buffer_reserve(out, PIECE), PIECE)) > 0)
        out->size += (size_t)got;
}

static void *watch(void *context)
{
    const cf_mount_news *self = context;
    struct pollfd both[] = {{.fd = self->closed, .events = POLLIN},
                            {.fd = self->table, .events = POLLPRI}};

    for (;;) {
        if (poll(both, 2, -1) < 0 && errno != EINTR)
            return NULL;
        if (both[0].revents)
            return NULL;
        if (both[1].revents)
            eventfd_write(self->changed, 1);
    }
}

static void free_all(cf_mount_news *self)
{
    const int all[] = {self->table, self->changed, self->closed};

    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (all[i] >= 0)
            close(all[i]);
    cf_buffer_release(&self->known);
    free(self);
}

cf_mount_news *cf_mount_news_open(void)
{
    cf_mount_news *self = cf_allocate(1, sizeof *self);

    self->table = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
    self->changed = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    self->closed = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (self->table >= 0)
        read_table(self->table, &self->known);
    if (self->table < 0 || self->changed < 0 || self->closed < 0 ||
        pthread_create(&self->thread, NULL, watch, self)) {
        free_all(self);
        return NULL;
    }
    return self;
}

void cf_mount_news_close(cf_mount_news **news)
{
    if (!*news)
        return;
    eventfd_write((*news)->closed, 1);
    pthread_join((*news)->thread, NULL);
    free_all(*news);
    *news = NULL;
}

int cf_mount_news_descriptor(const cf_mount_news *news)
{
    return news->changed;
}

/* ---- What differs ---- */

typedef struct {
    cf_bytes *at;
    size_t count, capacity;
} lines;

static int by_bytes(const void *a, const void *b)
{
    return cf_bytes_compare(*(const cf_bytes *)a, *(const cf_bytes *)b);
}

static lines lines_of(cf_bytes table)
{
    lines all = {0};
    const uint8_t *end;

    while (table.size && (end = memchr(table.data, '\n', table.size))) {
        size_t size = (size_t)(end - table.data);

        *cf_one_more(all.at, all.count, all.capacity) = cf_bytes_of(table.data, size);
        table = cf_bytes_of(end + 1, table.size - size - 1);
    }
    if (all.count)
        qsort(all.at, all.count, sizeof *all.at, by_bytes);
    return all;
}

static bool is_octal(const uint8_t *text, size_t size)
{
    return size >= 4 && text[0] == '\\' && text[1] >= '0' && text[1] <= '3' && text[2] >= '0' &&
           text[2] <= '7' && text[3] >= '0' && text[3] <= '7';
}

/* "36 35 98:0 /root /mnt/a\040b rw,noatime - ext4 …": "/mnt/a b". */
static void place_of(cf_bytes line, cf_buffer *out)
{
    int field = 0;

    for (size_t i = 0; i < line.size && field <= PLACE_FIELD; i++) {
        const uint8_t *at = line.data + i;
        uint8_t byte = *at;

        if (byte == ' ') {
            field++;
            continue;
        }
        if (field != PLACE_FIELD)
            continue;
        if (is_octal(at, line.size - i)) {
            byte = (uint8_t)((at[1] - '0') << 6 | (at[2] - '0') << 3 | (at[3] - '0'));
            i += 3;
        }
        cf_buffer_append(out, &byte, 1);
    }
    cf_buffer_append(out, "", 1);
}

void cf_mount_news_take(cf_mount_news *news, void (*changed)(void *context, const char *place),
                        void *context)
{
    cf_buffer table = {0}, place = {0};
    eventfd_t ignored;

    eventfd_read(news->changed, &ignored); /* first: what changes after the reading is told again */
    read_table(news->table, &table);
    lines before = lines_of(cf_buffer_view(&news->known)), now = lines_of(cf_buffer_view(&table));
    for (size_t i = 0, k = 0; i < before.count || k < now.count;) {
        int order = i == before.count ? 1
                    : k == now.count  ? -1
                                      : cf_bytes_compare(before.at[i], now.at[k]);

        if (order) {
            cf_buffer_clear(&place);
            place_of(order < 0 ? before.at[i] : now.at[k], &place);
            changed(context, (const char *)place.data);
        }
        i += order <= 0;
        k += order >= 0;
    }
    free(before.at);
    free(now.at);
    cf_buffer_release(&place);
    cf_buffer_release(&news->known);
    news->known = table;
}
