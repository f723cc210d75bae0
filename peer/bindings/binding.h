/* SPDX-License-Identifier: Apache-2.0 */
/* A binding: which collection lives where on this device, and how. And the base of that source:
 * what was last agreed between its disk and the state. Owned by the engine's thread. */
#ifndef CF_PEER_BINDINGS_BINDING_H
#define CF_PEER_BINDINGS_BINDING_H
#include "broker/platform/files.h"
#include "broker/platform/jobs.h"
#include "peer/adapters/adapter.h"
#include "peer/merge/files_include.h"
#include "peer/merge/node.h"
#include "peer/log/peer.h"
#include "peer/records/record.h"
#include "peer/bindings/base_place.h"
#include "peer/bindings/disk_traits.h"
#include "peer/bindings/guard.h"

typedef enum {
    CF_MODE_BOTH,
    CF_MODE_SEND,    /* what comes from others is not applied here */
    CF_MODE_RECEIVE, /* what is done here is not published */
} cf_mode;

typedef enum {
    CF_BASE_AUTO,   /* bytes while there is room for them, else leaves */
    CF_BASE_FULL,   /* the bytes of what was last agreed */
    CF_BASE_LEAVES, /* only the hashes of their leaves */
} cf_base_kept;

/* Something a user saved that could not return to its place: peer/bindings/rescued.h. */
typedef struct {
    uint64_t number;            /* of its record, and in its name in the temporary folder */
    uint64_t parent;            /* the directory to which it belongs */
    cf_buffer name;             /* and the name in it */
    char reason[CF_ERROR_TEXT]; /* why it could not; empty: it was not tried yet */
} cf_rescued;

/* A file whose write permission was taken off, and the mode that it had:
 * peer/bindings/lifted.h. */
typedef struct {
    uint64_t node;
    uint32_t mode;
} cf_write_bits;

/* A folder that was made writable for us, and the mode that it got for that; or one in which its
 * owner may not write, and for which no mode was agreed: peer/bindings/lifted.h. */
typedef struct {
    uint64_t node;
    uint32_t set;
    uint32_t own;  /* the mode that is its user's, where the base has none */
    bool is_tried; /* by this process */
} cf_lifted;

typedef struct {
    cf_lifted *at; /* ascending by node */
    size_t count, capacity;
} cf_lifted_folders;

typedef struct {
    char **include;
    size_t include_count;
    cf_include *matcher;
} cf_asked;

/* Until what lies there was looked at once, all of it: what the base says nothing of is compared
 * with all that the log knows. */
typedef enum {
    CF_MEETS_SAME = 1,  /* rows of one number are the same, until something was published */
    CF_MEETS_OLD = 2,   /* what is only old is brought up to date */
    CF_MEETS_AGAIN = 4, /* the same also of what the base has: that is older, the home went back */
    CF_MEETS_MINE = 8,  /* what lies here is the newest */
    CF_MEETS_NEW = 16,  /* all of it is new: the collection was made with the source */
} cf_meets;

/* Of how many the guard judges: those that there were when the first of them was missed. */
typedef struct {
    uint64_t items;       /* 0: nothing is missed */
    cf_time since;        /* by the log's time; what was made then or later was not there */
    uint64_t older;       /* of them, when they were first held; 0: they are not */
    cf_recent_count went; /* just before these were held, and is no more among them */
    bool all;             /* that there were are held */
    bool is_held;         /* what is missed; until the word, or until nothing is missed */
} cf_guarded;

/* Another folder in a source's place. */
typedef struct {
    uint64_t inode; /* of its root */
    cf_id mark;     /* {0}: it has none */
    bool is_alike;  /* it holds what the source held */
} cf_other_root;

/* How a source whose root was refused may go on, beside what the refusal names. */
typedef enum {
    CF_WAY_ON_NONE,
    CF_WAY_ON_MOVED, /* it lies elsewhere now */
    CF_WAY_ON_MEANT, /* what lies in its place is what the user wants */
} cf_way_on;

typedef struct {
    uint32_t number; /* of the source, from 1 */
    cf_id collection;
    cf_format format;
    cf_mode mode;
    cf_base_kept base;
    cf_base_place place;   /* where the copies of its contents lie */
    bool merges;           /* texts that were edited apart, of a source of files */
    char *path;            /* absolute */
    cf_id instance;        /* of its root */
    cf_stat folder;        /* which one that was, with this mark: device, inode, birth; none: {0} */
    bool is_image;         /* it can't be written to: what it is known by is in the home alone */
    cf_disk_traits traits; /* of the disk on which its root lies, */
    cf_disk_identity disk; /* and which disk that was; {0}: none was tried */
    bool is_disk_doubted;  /* a call contradicted the traits: they are to be learned again */
    cf_disk_seen seen;     /* of it on that disk, */
    int64_t whole_kept_ns; /* as the record in the home has it; */
    int64_t set_back_ns; /* what that clock showed since then, when it was set back; 0: it wasn't */
    uint64_t clock_asked_ms; /* when that was asked last, on the clock that nobody sets; 0: never */
    bool is_remote; /* others change what lies there, and no watch tells; as of when it was held */
    cf_poll_word poll;   /* the source's own; {0}: as the disk is */
    cf_other_root other; /* that stood in its place last; {0}: none did */
    cf_way_on way_on;    /* where its root was refused when it was last to be held */
    bool is_unmarked;    /* when it was last to be held, and */
    size_t there;        /* how many of its items were there */
    char **include;
    size_t include_count;
    cf_asked *earlier; /* before that; what one of these leaves out is still to be forgotten */
    size_t earlier_count, earlier_capacity;
    char **exclude; /* patterns of a database's tables that aren't synced here */
    size_t exclude_count;
    char **last; /* TABLE.COLUMN of it: the later value counts, and another is no conflict */
    size_t last_count;
    char **natural; /* TABLE.COLUMN of it: its text names a row, whatever number it has */
    size_t natural_count;
    bool unites; /* its rows that were made apart, and say the same: they are one */
    char **keys; /* of a format of records: what its key is */
    size_t key_count;
    char *map;       /* how its columns stand for fields: record_map.h; NULL: by their names */
    unsigned meets;  /* of cf_meets */
    uint64_t met_ms; /* by the log's time, when that was over: what was told of by then was there
                        before, and not made here; 0: nobody knows */

    cf_delete_word limit;                   /* the source's own, of deletions; {0}: the guard's */
    cf_guarded counted[2], counted_kept[2]; /* by cf_guard_side */
    cf_recent_deletions recent[2];          /* the same; of this process, */
    cf_recent_earlier gone_before[2];       /* of those before, */
    cf_recent_earlier gone_lately[2];       /* and with this one's, for the next */

    cf_rows *rows;       /* the base of a source of records, */
    cf_rows *dependants; /* what hangs on its rows and is not shown: row_dependants.h */
    uint64_t refusals;   /* how often, in this process, it refused other rows than before */
    cf_nodes *nodes;     /* and the base of one of files */
    uint64_t next_node;
    cf_write_bits *taken;
    size_t taken_count, taken_capacity;
    cf_lifted_folders lifted, shut; /* shut: as seen by this process, not lifted */
    cf_include *matcher;
    cf_folder *root, *temporary; /* NULL while the root can't be used */
    const char *silence; /* why nothing of it is touched: its disk does not answer; NULL: it does */
    bool answers;        /* it did just now */
    bool is_base_moving; /* to another place, by a verb */
    bool lacks_base;  /* it could not be recalled: nothing is to be done by what is there of it */
    cf_job_line jobs; /* that look at its disk and put things there */
    cf_rescued *rescued;
    size_t rescued_count, rescued_capacity;
} cf_binding;

/* All bindings of the peer, in the order of their numbers. The caller destroys each and frees the
 * array. */
cf_status cf_bindings_load(cf_peer *peer, cf_binding ***out, size_t *count, cf_error *error);
/* The base of a source of files, and what is owed, as they are kept: changes in memory alone are
 * forgotten. Where it fails, the binding lacks its base until a later call does not. */
cf_status cf_binding_recall_base(cf_peer *peer, cf_binding *binding, cf_error *error);
void cf_binding_destroy(cf_binding **binding, cf_files *files);

/* A new one; its strings are copied. Nothing is kept until cf_binding_save. */
typedef struct {
    uint32_t number;
    cf_id collection;
    cf_format format;
    cf_mode mode;
    cf_base_kept base;
    cf_base_place place; /* borrowed */
    bool merges;
    const char *path;
    const char *const *include;
    size_t include_count;
    const char *const *exclude;
    size_t exclude_count;
    const char *const *last;
    size_t last_count;
    const char *const *natural;
    size_t natural_count;
    bool unites;
    const char *const *keys;
    size_t key_count;
    const char *map;
    cf_delete_word limit;
    cf_poll_word poll;
} cf_binding_options;
cf_status cf_binding_new(const cf_binding_options *options, cf_binding **out, cf_error *error);

/* So few jobs of a disk that may hang are under way at once that other sources keep some of the
 * first workers. */
enum { CF_JOBS_OF_REMOTE = 8 };
/* Each job of a look at the source's disk, and of what is put there, but for the listing, which
 * runs alone. Consumes the job. */
void cf_binding_submit(cf_binding *binding, cf_jobs *jobs, cf_job *job);

/* The binding takes over the options of `trial`, which takes over its: mode, base and its place,
 * merges, limit, poll, what it includes and excludes, where the last value counts, what names rows,
 * and whether it unites them. All of that is kept, or, where it fails, as it was. */
cf_status cf_binding_change(cf_peer *peer, cf_binding *binding, cf_binding *trial, cf_error *error);
/* What was asked for before: what that left out a source of files is to deselect, too. */
cf_status cf_binding_note_earlier(cf_binding *binding, const char *const *include, size_t count,
                                  cf_error *error);
/* The last of that is taken back. */
void cf_binding_forget_earlier(cf_binding *binding);
/* It has been. */
void cf_binding_end_earlier(cf_binding *binding);
/* Each gets the other's options, as of cf_binding_change, in memory. */
void cf_binding_exchange(cf_binding *binding, cf_binding *trial);
/* What would vanish from the source at once. */
typedef struct {
    cf_guard_side side;
    cf_delete_word word;
    const cf_id *gone; /* an item of each */
    size_t count;
    const cf_id *others; /* that are missing as well, but don't go yet: they may come back */
    size_t other_count;
    uint64_t now_ms;      /* deleted here: when */
    bool with_dependants; /* of what there is, rows that the source doesn't show count as well */
    bool *goes; /* NULL: one is as the other; else, of what may not, which goes all the same: what
                 * who deletes it made within the hour before */
} cf_vanishing;
/* Whether it may, with what went just before, of as much as there was when the first of it was
 * missed (binding_guard.c); what is held stays held, whatever comes meanwhile. Who is told that it
 * may deletes it. */
bool cf_binding_allows(cf_peer *peer, cf_binding *binding, const cf_vanishing *vanishing);
/* The same for who only looks. */
bool cf_binding_would_allow(cf_peer *peer, const cf_binding *binding,
                            const cf_vanishing *vanishing);
/* The first is missed, nothing is missed any more, and of how many it would be judged. What the
 * same look publishes is not counted: it does so with the same `now_ms`. */
void cf_binding_count(cf_peer *peer, cf_binding *binding, cf_guard_side side, uint64_t now_ms);
void cf_binding_end_count(cf_peer *peer, cf_binding *binding, cf_guard_side side);
uint64_t cf_binding_counted(const cf_binding *binding, cf_guard_side side);
/* That so many are held, and the commands that end it; in the arena. */
const char *cf_binding_held_text(cf_peer *peer, const cf_binding *binding, cf_guard_side side,
                                 uint64_t held, cf_arena *arena);
/* "`counterfoil repair SOURCE --refill` does, or ", as a way to have back what is missing; nothing
 * of a source that only sends, to which nothing is brought. Appended. */
void cf_binding_refill_way(const cf_binding *binding, cf_buffer *out);
/* The same between two words of the sentence, with the path as it is typed after a verb. */
void cf_binding_refill_word(const cf_binding *binding, const char *before, const char *after,
                            cf_buffer *out);
/* The source's path as a word of a command; appended. */
void cf_binding_path_word(const cf_binding *binding, cf_buffer *out);
/* "`counterfoil add SOURCE HOW --format csv --key id`": what adds the source once more, with the
 * options that it has; `how` begins with a space, or is empty. Appended. */
void cf_binding_add_command(const cf_binding *binding, const char *how, cf_buffer *out);
/* The same to its collection, so that what lies here is the newest. */
void cf_binding_mine_command(cf_peer *peer, const cf_binding *binding, cf_buffer *out);
enum { CF_PATH_TYPED = 128 };
/* The same for a text of limited size, in `out`: "SOURCE", where it is longer. */
const char *cf_binding_path_typed(const cf_binding *binding, char out[CF_PATH_TYPED]);
cf_status cf_binding_load_count(cf_peer *peer, cf_binding *binding, cf_error *error);
/* The source's own limit, as it is kept. */
void cf_binding_put_limit(const cf_binding *binding, cf_kv_list *records);

/* Visits what a table keeps of the source. */
cf_status cf_binding_scan(cf_peer *peer, const cf_binding *binding, cf_table_letter table,
                          cf_record_visit *visit, void *context, cf_error *error);

/* The record of the binding, for a commit. */
void cf_binding_put(const cf_binding *binding, cf_kv_list *records);
cf_status cf_binding_save(cf_peer *peer, const cf_binding *binding, cf_error *error);
/* Forgets the binding and its base. */
cf_status cf_binding_drop(cf_peer *peer, const cf_binding *binding, cf_error *error);

/* Holds the root. CF_MISSING: it isn't there. CF_UNSAFE: another folder stands in its place, or it
 * was emptied together with its `.counterfoil`. Nothing is deleted elsewhere because of either. A
 * mark that only was lost is put back where that is asked for again and nothing went meanwhile, and
 * is reported. */
cf_status cf_binding_open_root(cf_peer *peer, cf_binding *binding, cf_error *error);
/* CF_UNSAFE, since what can't be seen is not gone: of a folder that could not be opened, with what
 * helps where that was forbidden. */
cf_status cf_binding_refuse_unseen(const cf_binding *binding, cf_error *error);
/* How many of the things that were last synced lie in the folder as the very files, in their
 * places, and how many there are. */
typedef struct {
    size_t there, known;
} cf_root_content;
typedef cf_root_content cf_count_root(const void *context, cf_files *files);
typedef struct {
    const cf_folder *root;
    cf_count_root *count; /* asked where the mark is lost */
    const void *context;
} cf_marked_root;
/* The same of a root that somebody else holds. */
cf_status cf_binding_check_root(cf_peer *peer, cf_binding *binding, const cf_marked_root *marked,
                                cf_error *error);
void cf_binding_close_root(cf_binding *binding, cf_files *files);
/* Nothing of the disk is held open until something is asked of the root again, so that the disk can
 * be unmounted. What lies there then may be another one: see cf_binding_has_mark. */
void cf_binding_rest_root(cf_binding *binding, cf_files *files);
/* The root that is held has its mark and its temporary folder, as far as one can see. */
bool cf_binding_has_mark(const cf_binding *binding, cf_files *files);
cf_status cf_binding_load_folder(cf_peer *peer, cf_binding *binding, cf_error *error);

/* A source that only sends, in what can't be written to, has no mark (binding_root.c): it is made
 * one. CF_UNSAFE: another one lies in its place. */
cf_status cf_binding_make_image(cf_peer *peer, cf_binding *binding, cf_error *error);
/* CF_UNSAFE: what lies in the folder is what lay there earlier. */
cf_status cf_binding_refuse_older(const cf_binding *binding, cf_error *error);

/* Learns what the disk of the root that is held keeps, unless that is known of this very disk, and
 * not doubted. What
 * can't be learned is asked again the next time the root is opened. */
void cf_binding_learn_disk(cf_peer *peer, cf_binding *binding);
/* Whether a thing of the base, on this disk below the root (0: the root's) and born then, may have
 * another inode number by now, and be the same. Without births nothing tells of a disk below. */
bool cf_binding_renumbers(const cf_binding *binding, uint64_t disk, int64_t birth_ns);
/* Which time of a file counts, that is agreed or that was found, both as values: the agreed one
 * where the disk shows it as the other. 2.7 s is agreed, 2 s found, with steps of 1 s -> 2.7 s. */
cf_bytes cf_binding_meant_mtime(const cf_binding *binding, cf_bytes agreed, cf_bytes found);
/* Of a base of an earlier build: on which disk its nodes were. After cf_binding_load_folder; kept
 * at once, since the next look tells it of some of them only. */
cf_status cf_binding_tell_disks(cf_peer *peer, cf_binding *binding, cf_error *error);
cf_status cf_binding_load_disk(cf_peer *peer, cf_binding *binding, cf_error *error);
/* Whether directories of the source tell when something was removed from them, and may not show
 * what is mounted below. */
bool cf_binding_asks_folders(const cf_binding *binding);
/* Whether the disk's clock is to be asked now: now and then, since that writes to it. */
bool cf_binding_asks_clock(cf_binding *binding, uint64_t now_ms);
/* What it shows. Where it was set back, a directory that was changed since is of no later than
 * that. */
void cf_binding_tell_time(cf_binding *binding, int64_t clock_ns);
/* All that the base has was seen after the disk's clock showed this, but for what is held. Kept
 * now and then: what is from before says less, and nothing wrong. */
cf_status cf_binding_note_whole(cf_peer *peer, cf_binding *binding, int64_t clock_ns,
                                cf_error *error);
/* Directories as they show while something in them is held, and those of `empty` while nothing lies
 * in them, of which half as many as there may be are enough: kept at once. */
cf_status cf_binding_note_bare(cf_peer *peer, cf_binding *binding, const cf_bare_time *held,
                               size_t held_count, const cf_bare_time *empty, size_t empty_count,
                               cf_error *error);
/* The disk's clock showed `time_ns` before all was seen, by more than a share remembers. */
bool cf_binding_saw_all_since(const cf_binding *binding, int64_t time_ns);
/* Nobody removed what is missing in a directory as it shows now: it was so while a disk was away,
 * something was done to what is missing later, at `seen_ns`, or all was seen later, by a look that
 * may have been shown what was removed shortly before. */
bool cf_binding_has_lost_nothing(const cf_binding *binding, cf_bare_time now, int64_t seen_ns);
/* How often all of it is looked at though nothing was told, in ms; 0: it is not polled. */
uint64_t cf_binding_poll_ms(const cf_binding *binding);
void cf_binding_put_poll(const cf_binding *binding, cf_kv_list *records);
/* The same of where its base lies. */
void cf_binding_put_place(const cf_binding *binding, cf_kv_list *records);
cf_status cf_binding_load_place(cf_peer *peer, cf_binding *binding, cf_error *error);
/* The value of such a record; the caller releases the place. False: it is none. */
bool cf_binding_place_read(cf_bytes value, cf_base_place *out);
/* CF_CHANGED: the disk on which its base lies is away, or is another one, and nothing is done in
 * the source until it is back; the text names the ways out. */
cf_status cf_binding_check_place(const cf_binding *binding, cf_files *files, cf_error *error);
cf_status cf_binding_load_poll(cf_peer *peer, cf_binding *binding, cf_error *error);

/* Whether it is a folder with a `.counterfoil`; else a single file. */
bool cf_binding_is_folder(const cf_binding *binding);

uint64_t cf_binding_new_number(cf_binding *binding);
/* Puts a node into the base and into the records of a commit. */
void cf_binding_put_node(cf_binding *binding, const cf_node *node, cf_kv_list *records);
void cf_binding_drop_node(cf_binding *binding, uint64_t number, cf_kv_list *records);
/* The same of a source of records. */
void cf_binding_put_row(cf_binding *binding, const cf_row *row, cf_kv_list *records);
void cf_binding_drop_row(cf_binding *binding, cf_bytes table, cf_bytes key, cf_kv_list *records);
void cf_binding_put_dependant(cf_binding *binding, const cf_row *row, cf_kv_list *records);
void cf_binding_drop_dependant(cf_binding *binding, const cf_id *item, cf_kv_list *records);
/* These hold no longer. */
void cf_binding_end_meeting(const cf_peer *peer, cf_binding *binding, unsigned meets,
                            uint64_t now_ms, cf_kv_list *records);

/* The path of a node from the source's root, without a leading slash; appended raw. Empty for the
 * root. */
void cf_binding_path(const cf_binding *binding, uint64_t number, cf_buffer *out);
/* The last part of the source's own path; borrowed. */
const char *cf_binding_file_name(const cf_binding *binding);
/* What a row of the source is called (log/record_names.h), or by the file's name if the file is all
 * of it; appended. */
void cf_binding_row_path(const cf_binding *binding, uint8_t kind, cf_bytes table, cf_bytes key,
                         cf_buffer *out);
/* Directories in one another; about as many as a path of Linux can name. */
enum { CF_BINDING_DEPTH_MAX = 2048 };

/* A directory held for a while: one that was opened, or the root itself. */
typedef struct {
    const cf_folder *folder;
    cf_folder *opened;
} cf_hold;
/* Holds the directory that is this node. */
cf_status cf_binding_hold(const cf_binding *binding, cf_files *files, uint64_t number, cf_hold *out,
                          cf_error *error);
/* The same from names, for jobs: touches nothing of the base. */
cf_status cf_hold_path(cf_files *files, const cf_folder *root, const cf_bytes *names, size_t count,
                       cf_hold *out, cf_error *error);
void cf_hold_release(cf_hold *hold, cf_files *files);

cf_status cf_mode_read(const char *text, cf_mode *out, cf_error *error);
const char *cf_mode_name(cf_mode mode);
/* "text" or "copies". */
cf_status cf_merges_read(const char *text, bool *out, cf_error *error);
/* "same" (true) or "apart"; CF_USAGE. */
cf_status cf_unique_read(const char *text, bool *out, cf_error *error);
cf_status cf_base_kept_read(const char *text, cf_base_kept *out, cf_error *error);

#endif
