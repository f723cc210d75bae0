/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/sources/files/watch.h"

#include <errno.h>
#include <limits.h>
#include <search.h>
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <unistd.h>

enum {
    MASK = IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE | IN_DELETE | IN_MODIFY |
           IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR | IN_EXCL_UNLINK,
    BUFFER_SIZE = 64 * 1024,
    READS_MAX = 16, /* in one go: whoever writes without end must not keep us */
    NOT_WATCHED = -1,
};

typedef struct {
    uint64_t number;
    int watch; /* inotify's; NOT_WATCHED when it was refused */
} watched;

struct cf_watch {
    cf_files *files;
    cf_watch_handler handler;
    int inotify;
    void *by_number, *by_watch; /* trees (tsearch) of watched; the first owns */
    size_t count, missing;
    uint32_t unknown; /* the last that was given */
};

static int order_numbers(const void *a, const void *b)
{
    const watched *left = a, *right = b;

    return (left->number > right->number) - (left->number < right->number);
}

static int order_watches(const void *a, const void *b)
{
    const watched *left = a, *right = b;

    return (left->watch > right->watch) - (left->watch < right->watch);
}

static watched *find(void *const *tree, const watched *like,
                     int (*order)(const void *, const void *))
{
    watched *const *found = tfind(like, tree, order);

    return found ? *found : NULL;
}

cf_status cf_watch_new(cf_files *files, const cf_watch_handler *handler, cf_watch **out,
                       cf_error *error)
{
    int inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

    if (inotify < 0)
        return cf_fail_errno(error, errno, "watching files (fs.inotify.max_user_instances)");
    cf_watch *watch = cf_allocate(1, sizeof *watch);
    *watch = (cf_watch){.files = files, .handler = *handler, .inotify = inotify};
    *out = watch;
    return CF_OK;
}

static void keep(void *node)
{
    (void)node;
}

void cf_watch_destroy(cf_watch **watch)
{
    if (!watch || !*watch)
        return;
    close((*watch)->inotify);
    tdestroy((*watch)->by_watch, keep);
    tdestroy((*watch)->by_number, free);
    free(*watch);
    *watch = NULL;
}

int cf_watch_descriptor(const cf_watch *watch)
{
    return watch->inotify;
}

static void forget(cf_watch *watch, watched *entry)
{
    if (entry->watch == NOT_WATCHED) {
        watch->missing--;
    } else {
        tdelete(entry, &watch->by_watch, order_watches);
        watch->count--;
    }
    tdelete(entry, &watch->by_number, order_numbers);
    free(entry);
}

static void remember(cf_watch *watch, uint64_t number, int descriptor)
{
    watched *entry = cf_allocate(1, sizeof *entry);

    *entry = (watched){.number = number, .watch = descriptor};
    tsearch(entry, &watch->by_number, order_numbers);
    if (descriptor == NOT_WATCHED) {
        watch->missing++;
    } else {
        tsearch(entry, &watch->by_watch, order_watches);
        watch->count++;
    }
}

cf_status cf_watch_add(cf_watch *watch, uint64_t number, const cf_folder *folder, cf_error *error)
{
    char path[64];

    snprintf(path, sizeof path, "/proc/self/fd/%d", watch->files->descriptor(watch->files, folder));
    int descriptor = inotify_add_watch(watch->inotify, path, MASK);
    int reason = errno;
    watched *before = find(&watch->by_number, &(watched){.number = number}, order_numbers);
    if (before && descriptor >= 0 && before->watch == descriptor)
        return CF_OK;
    cf_watch_remove(watch, number);
    if (descriptor >= 0) {
        watched *other = find(&watch->by_watch, &(watched){.watch = descriptor}, order_watches);
        if (other)
            forget(watch, other);
    }
    remember(watch, number, descriptor >= 0 ? descriptor : NOT_WATCHED);
    if (descriptor >= 0)
        return CF_OK;
    const char *shown = watch->files->shown(watch->files, folder);
    if (reason == ENOSPC)
        return cf_fail(error, CF_FULL, "watching %s: fs.inotify.max_user_watches is reached",
                       shown);
    return cf_fail_errno(error, reason, "watching %s", shown);
}

void cf_watch_remove(cf_watch *watch, uint64_t number)
{
    watched *entry = find(&watch->by_number, &(watched){.number = number}, order_numbers);

    if (!entry)
        return;
    if (entry->watch != NOT_WATCHED)
        inotify_rm_watch(watch->inotify, entry->watch);
    forget(watch, entry);
}

bool cf_watch_has(const cf_watch *watch, uint64_t number)
{
    return find(&watch->by_number, &(watched){.number = number}, order_numbers) != NULL;
}

void cf_watch_renumber(cf_watch *watch, uint64_t before, uint64_t number)
{
    watched *entry = find(&watch->by_number, &(watched){.number = before}, order_numbers);

    if (!entry || before == number)
        return;
    cf_watch_remove(watch, number);
    tdelete(entry, &watch->by_number, order_numbers);
    entry->number = number;
    tsearch(entry, &watch->by_number, order_numbers);
}

uint64_t cf_watch_unknown(cf_watch *watch, uint32_t source)
{
    watched like;

    do {
        watch->unknown++;
        like.number = (uint64_t)source << 32 | CF_WATCH_UNKNOWN | watch->unknown;
    } while (find(&watch->by_number, &like, order_numbers));
    return like.number;
}

typedef struct {
    uint32_t source;
    watched *found;
} seeking;

static void seek_missing(const void *node, VISIT visit, void *context)
{
    watched *entry = *(watched *const *)node;
    seeking *self = context;

    if ((visit == postorder || visit == leaf) && entry->watch == NOT_WATCHED &&
        CF_WATCH_SOURCE(entry->number) == self->source && entry->number & CF_WATCH_UNKNOWN)
        self->found = entry;
}

void cf_watch_count_anew(cf_watch *watch, uint32_t source)
{
    seeking self = {.source = source};

    do {
        self.found = NULL;
        twalk_r(watch->by_number, seek_missing, &self);
        if (self.found)
            forget(watch, self.found);
    } while (self.found);
}

size_t cf_watch_missing(const cf_watch *watch)
{
    return watch->missing;
}

size_t cf_watch_count(const cf_watch *watch)
{
    return watch->count;
}

static cf_event_kind kind_of(uint32_t mask)
{
    if (mask & (IN_CLOSE_WRITE | IN_MOVED_TO) || (mask & IN_CREATE && mask & IN_ISDIR))
        return CF_EVENT_ARRIVED;
    if (mask & IN_MOVED_FROM)
        return CF_EVENT_LEFT;
    return mask & IN_DELETE ? CF_EVENT_ABSENT : CF_EVENT_WRITTEN;
}

/* An event of a watch that was removed meanwhile is nobody's. */
static void handle(cf_watch *watch, const struct inotify_event *event)
{
    const cf_watch_handler *handler = &watch->handler;

    if (event->mask & IN_Q_OVERFLOW) {
        handler->overflowed(handler->context);
        return;
    }
    watched *entry = find(&watch->by_watch, &(watched){.watch = event->wd}, order_watches);
    if (!entry)
        return;
    uint64_t number = entry->number;
    if (event->mask & IN_IGNORED)
        forget(watch, entry);
    if (event->mask & (IN_IGNORED | IN_MOVE_SELF))
        handler->moved(handler->context, number);
    else if (!(event->mask & (IN_DELETE_SELF | IN_UNMOUNT))) /* IN_IGNORED follows them */
        handler->changed(handler->context, number,
                         event->len ? cf_bytes_of_text(event->name) : CF_WHOLE_FOLDER,
                         kind_of(event->mask));
}

cf_status cf_watch_readable(cf_watch *watch, cf_error *error)
{
    alignas(struct inotify_event) char buffer[BUFFER_SIZE];

    for (int i = 0; i < READS_MAX; i++) {
        ssize_t size = read(watch->inotify, buffer, sizeof buffer);

        if (size < 0 && errno == EINTR)
            continue;
        if (size < 0 && errno == EAGAIN)
            return CF_OK;
        if (size < 0)
            return cf_fail_errno(error, errno, "reading what happened to files");
        for (ssize_t at = 0; at < size;) {
            const struct inotify_event *event = (const void *)(buffer + at);

            handle(watch, event);
            at += (ssize_t)(sizeof *event + event->len);
        }
    }
    return CF_OK;
}
