/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/sources/context/watch.h"
#include "peer/sources/context/places.h"

#include <errno.h>
#include <limits.h>
#include <search.h>
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

enum {
    MASK = IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE | IN_DELETE | IN_MODIFY |
           IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR | IN_EXCL_UNLINK,
    BUFFER_SIZE = 64 * 1024,
    READS_MAX = 16,   /* in one go: whoever writes without end must not keep us */
    LEAVING_MAX = 16, /* between the two events of a rename there are few others */
    EARLY_MAX = 64 * 1024,
    NOT_WATCHED = -1,
};

typedef struct {
    uint64_t number;
    int watch; /* inotify's; NOT_WATCHED when it was refused */
} watched;

typedef struct {
    uint32_t cookie; /* 0: none */
    uint64_t folder;
    char name[NAME_MAX + 1];
} renamed_half;

struct cf_watch {
    cf_files *files;
    cf_watch_handler handler;
    int inotify;
    bool stays_open;            /* the descriptor, for somebody who may never end */
    void *by_number, *by_watch; /* trees (tsearch) of watched; the first owns */
    size_t count, missing;
    uint32_t *missing_of; /* by source */
    size_t sources;
    uint32_t unknown;                  /* the last that was given */
    renamed_half leaving[LEAVING_MAX]; /* the last names from which something was renamed, */
    renamed_half coming[LEAVING_MAX];  /* and to which, while the other half may be early */
    size_t left, came;                 /* so many ever */
    size_t awaited;                    /* who watches directories that are entered later */
    cf_buffer early;                   /* events of what is not entered yet, as they were read */
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
    if (!(*watch)->stays_open)
        close((*watch)->inotify);
    tdestroy((*watch)->by_watch, keep);
    tdestroy((*watch)->by_number, free);
    cf_buffer_release(&(*watch)->early);
    free((*watch)->missing_of);
    free(*watch);
    *watch = NULL;
}

int cf_watch_descriptor(const cf_watch *watch)
{
    return watch->inotify;
}

static uint32_t *missing_of(cf_watch *watch, uint32_t source)
{
    const size_t before = watch->sources;

    if (source >= before) {
        watch->missing_of = cf_grow(watch->missing_of, &watch->sources, source + (size_t)1,
                                    sizeof *watch->missing_of);
        memset(watch->missing_of + before, 0,
               (watch->sources - before) * sizeof *watch->missing_of);
    }
    return &watch->missing_of[source];
}

static void forget(cf_watch *watch, watched *entry)
{
    if (entry->watch == NOT_WATCHED) {
        watch->missing--;
        --*missing_of(watch, CF_WATCH_SOURCE(entry->number));
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
        ++*missing_of(watch, CF_WATCH_SOURCE(number));
    } else {
        tsearch(entry, &watch->by_watch, order_watches);
        watch->count++;
    }
}

int cf_watch_arm(cf_files *files, int descriptor, const cf_folder *folder)
{
    char path[64];

    snprintf(path, sizeof path, "/proc/self/fd/%d", files->descriptor(files, folder));
    int answer = inotify_add_watch(descriptor, path, MASK);
    return answer >= 0 ? answer : -errno;
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

typedef struct {
    uint32_t source;
    uint64_t *at;
    size_t count, capacity;
} gathering;

static void gather(const void *node, VISIT visit, void *context)
{
    const watched *entry = *(watched *const *)node;
    gathering *self = context;

    if ((visit != postorder && visit != leaf) || CF_WATCH_SOURCE(entry->number) != self->source)
        return;
    *cf_one_more(self->at, self->count, self->capacity) = entry->number;
}

void cf_watch_forget_source(cf_watch *watch, uint32_t source)
{
    gathering all = {.source = source};

    twalk_r(watch->by_number, gather, &all);
    for (size_t i = 0; i < all.count; i++)
        cf_watch_remove(watch, all.at[i]);
    free(all.at);
}

size_t cf_watch_missing(const cf_watch *watch)
{
    return watch->missing;
}

bool cf_watch_misses(const cf_watch *watch, uint32_t source)
{
    return source < watch->sources && watch->missing_of[source] > 0;
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

static void keep_half(renamed_half *half, uint64_t folder, const struct inotify_event *event)
{
    half->cookie = event->cookie;
    half->folder = folder;
    snprintf(half->name, sizeof half->name, "%s", event->name);
}

static renamed_half *other_half(renamed_half *halves, uint32_t cookie)
{
    for (size_t i = 0; i < LEAVING_MAX; i++)
        if (halves[i].cookie && halves[i].cookie == cookie)
            return &halves[i];
    return NULL;
}

/* Of the two halves of a rename, which have one cookie, that where something came is the later; but
 * where it left may be a directory that is entered only then. */
static void pair(cf_watch *watch, uint64_t folder, const struct inotify_event *event)
{
    const cf_watch_handler *handler = &watch->handler;
    const bool leaves = event->mask & IN_MOVED_FROM;
    renamed_half *other = other_half(leaves ? watch->coming : watch->leaving, event->cookie);

    if (!other && leaves)
        keep_half(&watch->leaving[watch->left++ % LEAVING_MAX], folder, event);
    else if (!other && watch->awaited)
        keep_half(&watch->coming[watch->came++ % LEAVING_MAX], folder, event);
    if (!other)
        return;
    const cf_bytes name = cf_bytes_of_text(event->name), others = cf_bytes_of_text(other->name);
    other->cookie = 0;
    if (leaves)
        handler->renamed(handler->context, folder, name, other->folder, others);
    else
        handler->renamed(handler->context, other->folder, others, folder, name);
}

/* An event of what is watched and not entered yet, if anything is awaited; else of a watch that was
 * removed meanwhile, which is nobody's. Where there are too many, all is looked at. */
static void keep_early(cf_watch *watch, const struct inotify_event *event)
{
    if (!watch->awaited)
        return;
    cf_buffer_append(&watch->early, event, sizeof *event + event->len);
    if (watch->early.size <= EARLY_MAX)
        return;
    cf_buffer_clear(&watch->early);
    watch->handler.overflowed(watch->handler.context);
}

/* What is watched anew at this moment by its old number may have ended before it gets the new one.
 */
static void handle(cf_watch *watch, const struct inotify_event *event)
{
    const cf_watch_handler *handler = &watch->handler;

    if (event->mask & IN_Q_OVERFLOW) {
        handler->overflowed(handler->context);
        return;
    }
    watched *entry = find(&watch->by_watch, &(watched){.watch = event->wd}, order_watches);
    if (!entry || event->mask & IN_IGNORED)
        keep_early(watch, event);
    if (!entry)
        return;
    uint64_t number = entry->number;
    if (event->mask & IN_IGNORED)
        forget(watch, entry);
    if (event->mask & (IN_MOVED_FROM | IN_MOVED_TO) && event->len && handler->renamed)
        pair(watch, number, event);
    if (event->mask & (IN_IGNORED | IN_MOVE_SELF))
        handler->moved(handler->context, number);
    else if (!(event->mask & (IN_DELETE_SELF | IN_UNMOUNT))) /* IN_IGNORED follows them */
        handler->changed(handler->context, number,
                         event->len ? cf_bytes_of_text(event->name) : CF_WHOLE_FOLDER,
                         kind_of(event->mask));
}

/* Those of this watch, in their order; the others stay. */
static void handle_early(cf_watch *watch, int descriptor)
{
    cf_buffer early = watch->early;

    if (!early.size)
        return;
    watch->early = (cf_buffer){0};
    for (size_t at = 0; at < early.size;) {
        const struct inotify_event *event = (const void *)(early.data + at);

        if (event->wd == descriptor)
            handle(watch, event);
        else
            keep_early(watch, event);
        at += sizeof *event + event->len;
    }
    cf_buffer_release(&early);
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

/* ---- Entering ---- */

static cf_status refuse(int reason, const char *shown, cf_error *error)
{
    if (reason == ENOSPC)
        return cf_fail(error, CF_FULL, "watching %s: fs.inotify.max_user_watches is reached",
                       shown);
    return cf_fail_errno(error, reason, "watching %s", shown);
}

cf_status cf_watch_enter(cf_watch *watch, uint64_t number, int answer, const char *shown,
                         cf_error *error)
{
    watched *before = find(&watch->by_number, &(watched){.number = number}, order_numbers);

    if (before && answer >= 0 && before->watch == answer)
        return CF_OK;
    cf_watch_remove(watch, number);
    watched *other =
        answer >= 0 ? find(&watch->by_watch, &(watched){.watch = answer}, order_watches) : NULL;
    if (other)
        forget(watch, other);
    remember(watch, number, answer >= 0 ? answer : NOT_WATCHED);
    if (answer < 0)
        return refuse(-answer, shown, error);
    if (!other)
        handle_early(watch, answer);
    return CF_OK;
}

cf_status cf_watch_add(cf_watch *watch, uint64_t number, const cf_folder *folder, cf_error *error)
{
    return cf_watch_enter(watch, number, cf_watch_arm(watch->files, watch->inotify, folder),
                          watch->files->shown(watch->files, folder), error);
}

void cf_watch_await(cf_watch *watch)
{
    watch->awaited++;
}

void cf_watch_await_no_more(cf_watch *watch)
{
    if (--watch->awaited == 0)
        cf_buffer_clear(&watch->early);
}

void cf_watch_await_for_ever(cf_watch *watch)
{
    watch->stays_open = true;
    cf_watch_await_no_more(watch);
}
