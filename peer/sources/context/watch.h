/* SPDX-License-Identifier: Apache-2.0 */
/* inotify over the directories of a source, one watch each. It says with which name in which
 * directory something happened and of which sort; what it was, only a look tells. Plugs into a poll
 * loop. One thread. */
#ifndef CF_PEER_SOURCES_CONTEXT_WATCH_H
#define CF_PEER_SOURCES_CONTEXT_WATCH_H
#include "broker/platform/files.h"

/* A watch numbers the directories of all sources: that of the source above, the node's below; a
 * directory that was no node yet when it was listed, or not the one that the base has there, has
 * this bit. */
#define CF_WATCH_UNKNOWN ((uint64_t)1 << 31)
#define CF_WATCH_NODE(folder) ((folder)&0xffffffff)
#define CF_WATCH_SOURCE(folder) ((uint32_t)((folder) >> 32))

typedef enum {
    CF_EVENT_ARRIVED, /* closed after writing, moved in, a directory made */
    CF_EVENT_WRITTEN, /* written to, made, other permissions */
    CF_EVENT_ABSENT,  /* deleted */
    CF_EVENT_LEFT,    /* moved away */
} cf_event_kind;

typedef struct cf_watch cf_watch;

typedef struct {
    void *context;
    /* Something happened to what has this name in the directory that was added as `folder`; no
     * name: to the directory itself. */
    void (*changed)(void *context, uint64_t folder, cf_bytes name, cf_event_kind kind);
    /* What had one name has the other, in directories of one source or of two. Both are told of as
     * changed, too. NULL: nobody asks. */
    void (*renamed)(void *context, uint64_t from_folder, cf_bytes from, uint64_t to_folder,
                    cf_bytes to);
    /* The directory itself was deleted, moved or unmounted. Its watch stays until it is removed
     * where the directory still exists, and is gone where it doesn't. */
    void (*moved)(void *context, uint64_t folder);
    /* Events were lost: look at everything. */
    void (*overflowed)(void *context);
} cf_watch_handler;

cf_status cf_watch_new(cf_files *files, const cf_watch_handler *handler, cf_watch **out,
                       cf_error *error);
void cf_watch_destroy(cf_watch **watch);
int cf_watch_descriptor(const cf_watch *watch);
/* Reads what there is and calls the handler. */
cf_status cf_watch_readable(cf_watch *watch, cf_error *error);

/* Watches the directory; again for a directory that is watched: it gets the new number. Add first,
 * list then, so that nothing falls between. CF_FULL: the limit fs.inotify.max_user_watches is
 * reached; the folder counts as missing until it is added or removed. */
cf_status cf_watch_add(cf_watch *watch, uint64_t number, const cf_folder *folder, cf_error *error);
/* The same in two parts, of which the first may wait for a disk: it is done by any thread, with the
 * watch's descriptor, while the watch awaits such. What happens to the directory from then on is
 * told once it is entered: `answer` is that of the first part, `shown` the directory's path. */
int cf_watch_arm(cf_files *files, int descriptor, const cf_folder *folder);
cf_status cf_watch_enter(cf_watch *watch, uint64_t number, int answer, const char *shown,
                         cf_error *error);
void cf_watch_await(cf_watch *watch);
void cf_watch_await_no_more(cf_watch *watch);
/* The same, while the first part is done by a thread that a disk may never give back: the
 * descriptor stays open when the watch goes, so that its number means nothing else. */
void cf_watch_await_for_ever(cf_watch *watch);
void cf_watch_remove(cf_watch *watch, uint64_t number);
/* It was added, even if it could not be watched. */
bool cf_watch_has(const cf_watch *watch, uint64_t number);
/* What is known now: the directory that was added as `before`. */
void cf_watch_renumber(cf_watch *watch, uint64_t before, uint64_t number);
/* A number with CF_WATCH_UNKNOWN that no other directory has. */
uint64_t cf_watch_unknown(cf_watch *watch, uint32_t source);
/* Before all of a source is added again: those of its unknown ones that could not be watched are
 * missing no more. */
void cf_watch_count_anew(cf_watch *watch, uint32_t source);
/* None of the source's directories is watched any more. */
void cf_watch_forget_source(cf_watch *watch, uint32_t source);
/* Directories that could not be watched: changes there are found by full rescans only. */
size_t cf_watch_missing(const cf_watch *watch);
/* Whether any of them is this source's. */
bool cf_watch_misses(const cf_watch *watch, uint32_t source);
size_t cf_watch_count(const cf_watch *watch);

#endif
