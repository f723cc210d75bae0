/* SPDX-License-Identifier: Apache-2.0 */
/* What a scan tells of each entry that has its number: by stats whether the file has to be read,
 * and by comparing with the base whether there is anything to tell. What a disk doesn't keep, such
 * as modes, is as it was agreed. */
#include "peer/sources/files/scan_inside.h"

#include "codec/content.h"
#include "codec/pack.h"
#include "peer/bindings/guard.h"
#include "peer/bindings/lifted.h"
#include "peer/merge/node_stat.h"

#include <stdlib.h>

static cf_bytes pack_mode(cf_scan *scan, uint32_t mode)
{
    cf_buffer value = {0};

    cf_pack_uint(&value, mode & 0777);
    cf_bytes copy = cf_arena_copy(&scan->batch_arena, cf_buffer_view(&value));
    cf_buffer_release(&value);
    return copy;
}

/* Some modes are our doing. */
static uint32_t meant(const cf_binding *binding, uint64_t node, uint32_t mode)
{
    return cf_lifted_meant(binding, node, cf_write_bits_meant(binding, node, mode));
}

static cf_bytes pack_mtime(cf_scan *scan, int64_t mtime_ns)
{
    cf_buffer value = {0};

    cf_pack_int(&value, mtime_ns);
    cf_bytes copy = cf_arena_copy(&scan->batch_arena, cf_buffer_view(&value));
    cf_buffer_release(&value);
    return copy;
}

static cf_bytes pack_content(cf_scan *scan, const cf_hash *hash, uint64_t size)
{
    cf_buffer value = {0};

    cf_content_identity_pack(&value, hash, size);
    cf_bytes copy = cf_arena_copy(&scan->batch_arena, cf_buffer_view(&value));
    cf_buffer_release(&value);
    return copy;
}

/* Another disk below the source's root was not tried. One that keeps no births (FUSE) may keep no
 * modes either, and that of its root is nobody's: it comes and goes with what is mounted there. */
static bool may_lose_modes(const cf_stat *stat, uint64_t disk)
{
    return disk && (stat->is_mount || !stat->birth_ns);
}

/* What the disk does not keep is as it was agreed; of what is new nothing is known. */
static cf_bytes found_mode(cf_scan *scan, const cf_node *node, const cf_finding *finding,
                           const cf_stat *stat)
{
    const cf_binding *binding = scan->options.binding;
    const uint64_t number = finding->number;

    if (binding->traits.loses_modes || may_lose_modes(stat, finding->disk) ||
        cf_node_set_have(&scan->bare, number))
        return node ? node->mode : (cf_bytes){0};
    return pack_mode(scan, meant(binding, number, stat->mode));
}

static cf_bytes found_mtime(cf_scan *scan, const cf_node *node, const cf_finding *finding,
                            const cf_stat *stat)
{
    const cf_binding *binding = scan->options.binding;

    cf_bytes shown = pack_mtime(scan, stat->mtime_ns);
    if (!node)
        return shown;
    if (binding->traits.loses_times && node->mtime.size &&
        cf_bytes_equal(node->content, finding->content))
        return node->mtime;
    return cf_binding_meant_mtime(binding, node->mtime, shown);
}

/* A link or a folder has no time in the log, but for this: it was not made within the hour, but
 * comes with its source or from elsewhere. Who deletes it then deletes nothing that he had just
 * made (deletion_ages.h). */
static cf_bytes found_age(cf_scan *scan, const cf_node *node, const cf_stat *stat)
{
    const int64_t since_ns = stat->mtime_ns;
    const bool is_old =
        since_ns < 0 || (uint64_t)since_ns / 1000000 + CF_GUARD_YOUNG_MS < scan->now_ms;

    return !node && is_old ? pack_mtime(scan, since_ns) : (cf_bytes){0};
}

static bool recall(const cf_scan *scan, size_t entry, cf_recalled *out)
{
    const cf_scan_options *options = &scan->options;
    const cf_stat *stat = &scan->listing.entries[entry].stat;

    return stat->size > CF_INLINE_MAX && options->recall &&
           options->recall(options->context, stat, out);
}

/* The file is as the base has it, as far as a stat can tell. */
static bool is_unchanged(const cf_scan *scan, size_t entry)
{
    const cf_listed *listed = &scan->listing.entries[entry];
    const cf_node *node = cf_scan_base_node(scan, entry);

    if (!node || node->stat.is_racy || (scan->replaced && scan->replaced[entry]))
        return false;
    cf_stat known = cf_stat_of_node(node);
    if (cf_binding_renumbers(scan->options.binding, node->disk, node->stat.birth_ns) &&
        (scan->identity.tokens[entry].how == CF_TOKEN_SAME ||
         cf_scan_was_renamed(scan, node->number))) {
        known.device = listed->stat.device;
        known.inode = listed->stat.inode;
        known.birth_ns = listed->stat.birth_ns;
    }
    if (scan->identity.tokens[entry].how == CF_TOKEN_MOVED && known.ctime_ns != CF_CTIME_UNSEEN)
        known.ctime_ns = listed->stat.ctime_ns; /* a rename changes the ctime and nothing else */
    return cf_stat_unchanged(&known, &listed->stat);
}

/* The file was renamed, by which its place is known, and it is read all the same: a rename changes
 * the ctime, and so may hide an edit that left size and mtime as they were. */
static bool was_renamed(const cf_scan *scan, size_t entry)
{
    const cf_listed *listed = &scan->listing.entries[entry];
    const cf_node *node = cf_scan_base_node(scan, entry);

    return node && listed->kind == CF_KIND_FILE &&
           scan->identity.tokens[entry].how == CF_TOKEN_MOVED &&
           node->stat.ctime_ns != listed->stat.ctime_ns;
}

static void fill_finding(cf_scan *scan, size_t entry, const cf_read *read, cf_finding *out)
{
    const cf_listed *listed = &scan->listing.entries[entry];
    const cf_node *node = cf_scan_base_node(scan, entry);
    cf_recalled recalled;
    bool is_recalled = !read && listed->kind == CF_KIND_FILE && !is_unchanged(scan, entry) &&
                       recall(scan, entry, &recalled);
    const cf_stat *stat = read                            ? &read->stat
                          : is_recalled && recalled.moved ? &recalled.stat
                                                          : &listed->stat;

    *out = (cf_finding){
        .number = scan->numbers[entry],
        .parent = cf_scan_folder_number(scan, listed->folder),
        .name = listed->name,
        .kind = (uint8_t)listed->kind,
        .stat = cf_node_stat_of(stat),
        .disk = scan->identity.disks[entry],
    };
    out->stat.is_racy = read ? read->racy_ms > 0 : node && node->stat.is_racy;
    if (!read && was_renamed(scan, entry))
        out->stat.ctime_ns = CF_CTIME_UNSEEN;
    if (listed->kind == CF_KIND_SYMLINK) {
        cf_hash hash = cf_content_hash(listed->target);

        out->content = pack_content(scan, &hash, listed->target.size);
        out->mtime = found_age(scan, node, stat);
        return;
    }
    out->mode = found_mode(scan, node, out, stat);
    if (listed->kind == CF_KIND_DIRECTORY && out->mode.size)
        cf_lifted_see(scan->options.binding, out->number, cf_mode_of(out->mode, 0));
    if (listed->kind != CF_KIND_FILE) {
        out->mtime = found_age(scan, node, stat);
        return;
    }
    if (read) {
        out->content = pack_content(scan, &read->content, read->stat.size);
    } else if (is_recalled) {
        out->content = pack_content(scan, &recalled.hash, stat->size);
        out->stat.is_racy = recalled.is_racy;
    } else if (node) {
        out->content = node->content;
    }
    out->mtime = found_mtime(scan, node, out, stat);
}

/* A mode that came as none: the disk keeps what it has. */
static bool differs(cf_bytes now, cf_bytes then)
{
    return then.size && !cf_bytes_equal(now, then);
}

static bool is_as_before(const cf_finding *now, const cf_node *then)
{
    return now->parent == then->parent && cf_bytes_equal(now->name, then->name) &&
           cf_bytes_equal(now->content, then->content) && !differs(now->mode, then->mode) &&
           !differs(now->mtime, then->mtime);
}

/* By so much that it is another disk which lies there now. */
static bool is_told_by_files(const cf_scan *scan, uint64_t disk)
{
    const cf_nodes *nodes = scan->options.binding->nodes;
    size_t count = 0;

    for (const cf_node *node = cf_nodes_next(nodes, NULL); node && count < CF_FILES_TELLING;
         node = cf_nodes_next(nodes, node))
        count += node->disk == disk && node->kind == CF_KIND_FILE;
    return count == CF_FILES_TELLING;
}

/* Two cards have an `IMG_0001` each: that of the second, which lies where the first one's was, is
 * no edit of it. */
static bool is_of_another_disk(const cf_scan *scan, const cf_finding *now, const cf_node *then)
{
    return !scan->options.takes_other_disks && now->kind != CF_KIND_DIRECTORY &&
           now->disk != then->disk && !cf_node_went_below(then) && now->parent == then->parent &&
           cf_bytes_equal(now->name, then->name) && is_told_by_files(scan, then->disk);
}

/* Of what was not read now: whether it has changed since shows. */
static uint32_t wait_of(const cf_finding *finding, const cf_listed *listed)
{
    uint32_t wait_ms = cf_racy_wait_ms(&listed->stat, cf_racy_time(&listed->stat));

    return wait_ms > CF_READ_MOVES_MS || cf_node_stat_same_bytes(&finding->stat, &listed->stat)
               ? wait_ms
               : CF_READ_MOVES_MS;
}

/* Another directory in its place is, its time is none. */
static bool is_directory_news(const cf_node_stat *known, const cf_node_stat *now)
{
    return known->inode != now->inode || known->birth_ns != now->birth_ns;
}

static void note_other_disk(cf_scan *scan, size_t entry, bool below)
{
    cf_buffer reason = {0};

    cf_buffer_append_text(&reason,
                          below ? "another file lies there than before, as if another disk was "
                                  "mounted at, above or under its folder: mount the one before"
                                : "another file system is mounted there than the one that had it: "
                                  "mount that");
    cf_buffer_append_text(&reason, " again, or rename this here; `counterfoil sync ");
    cf_binding_path_word(scan->options.binding, &reason);
    cf_buffer_append_text(&reason, " --yes` sends it as an edit");
    cf_scan_note_entry(scan, entry, cf_arena_text(&scan->arena, cf_buffer_view(&reason)), true);
    cf_buffer_release(&reason);
}

/* What differs, or is yet to be read, may be published after another look, which doesn't see its
 * disk come back. */
static void keep_returned(cf_scan *scan, size_t entry)
{
    const cf_node *node = cf_scan_base_node(scan, entry);

    if (node && cf_disk_is_below(node->disk) &&
        cf_scan_is_back(scan, node, &scan->listing.entries[entry].stat))
        cf_scan_restate(scan, node, &node->stat, scan->identity.disks[entry]);
}

static void observe(cf_scan *scan, size_t entry, const cf_read *read)
{
    const cf_listed *listed = &scan->listing.entries[entry];
    const cf_node *node = cf_scan_base_node(scan, entry);
    cf_observation seen = {.read = read, .target = listed->target, .entry = entry};

    scan->reported[entry] = true;
    if (listed->excluded && !node && listed->kind != CF_KIND_DIRECTORY)
        return; /* the base forgot it when it was told that it came there */
    fill_finding(scan, entry, read, &seen.finding);
    if (seen.finding.stat.is_racy && listed->kind == CF_KIND_FILE)
        cf_scan_note_racy(scan, entry, read ? read->racy_ms : wait_of(&seen.finding, listed));
    const bool covers = node && !scan->options.takes_other_disks &&
                        cf_scan_covers_held(scan, &seen.finding, &listed->stat, node);
    const bool is_folder =
        covers && node->kind == CF_KIND_DIRECTORY && seen.finding.kind == CF_KIND_DIRECTORY;
    if (is_folder)
        seen.finding.disk = node->disk; /* whatever directory it is now */
    if (node && is_as_before(&seen.finding, node)) {
        cf_stat known = cf_stat_of_node(node);

        if (node->disk != seen.finding.disk ||
            (listed->kind == CF_KIND_DIRECTORY
                 ? is_directory_news(&node->stat, &seen.finding.stat)
                 : !cf_stat_unchanged(&known, &listed->stat) ||
                       node->stat.is_racy != seen.finding.stat.is_racy))
            cf_scan_restate(scan, node, &seen.finding.stat, seen.finding.disk);
        return;
    }
    if (node && (is_of_another_disk(scan, &seen.finding, node) || (covers && !is_folder))) {
        if (covers && !cf_disk_is_below(node->disk))
            cf_scan_restate(scan, node, &node->stat, scan->below);
        note_other_disk(scan, entry, covers);
        return;
    }
    keep_returned(scan, entry);
    *cf_one_more(scan->observed, scan->batch.count, scan->observed_capacity) = seen;
    scan->batch.at = scan->observed;
}

/* The base has what was on its way: only of a racy file that is asked. */
static bool is_published(const cf_scan *scan, size_t entry, const cf_recalled *recalled)
{
    const cf_node *node = cf_scan_base_node(scan, entry);
    cf_hash hash;
    uint64_t size;
    cf_error ignored;

    return node && node->stat.is_racy &&
           cf_content_identity_read(node->content, &hash, &size, &ignored) == CF_OK &&
           cf_hash_equal(&hash, &recalled->hash);
}

static bool needs_reading(const cf_scan *scan, size_t entry)
{
    const cf_listed *listed = &scan->listing.entries[entry];

    if (listed->kind != CF_KIND_FILE || !scan->numbers[entry] || !listed->readable ||
        listed->skipped)
        return false;
    if (listed->excluded && !cf_scan_base_node(scan, entry))
        return false;
    cf_recalled recalled;
    return !is_unchanged(scan, entry) &&
           (!recall(scan, entry, &recalled) || is_published(scan, entry, &recalled));
}

/* What is not known at all is read, and what has another place. */
static bool rests(cf_scan *scan, size_t entry)
{
    const cf_scan_options *options = &scan->options;
    const cf_listed *listed = &scan->listing.entries[entry];
    const cf_node *node = cf_scan_base_node(scan, entry);
    uint64_t folder = cf_scan_folder_number(scan, listed->folder);

    if (!options->rests || !node || node->parent != folder ||
        !cf_bytes_equal(node->name, listed->name) || !needs_reading(scan, entry))
        return false;
    const char *reason = options->rests(options->context, folder, listed->name);
    if (reason)
        cf_scan_note_entry(scan, entry, reason, true);
    return reason != NULL;
}

static void begin_batch(cf_scan *scan)
{
    cf_arena_release(&scan->batch_arena);
    scan->batch = (cf_scan_batch){0};
}

/* ---- What is told with a file that is read ----
 *
 * A thing in another one's place is told with that, or waits (publish.c); a file that is read is
 * told behind all that need no reading. So a link in its place is told with the file:
 *
 *     the file f is edited, and changes places with the link l:  f, now at l, is read; with it the
 *                                                                link at f is told
 *     links k and l and the file f go round:                     both links with f */

/* The thing that the base has in the entry's place, where that is another one. */
static const cf_node *displaced_by(const cf_scan *scan, size_t entry)
{
    const cf_listed *listed = &scan->listing.entries[entry];

    if (!scan->numbers[entry] || listed->kind == CF_KIND_DIRECTORY || listed->skipped ||
        !listed->readable || scan->identity.tokens[entry].how == CF_TOKEN_SAME ||
        needs_reading(scan, entry) || was_renamed(scan, entry))
        return NULL;
    const cf_node *was = cf_nodes_child(scan->options.binding->nodes,
                                        cf_scan_folder_number(scan, listed->folder), listed->name);
    return was && was->number != scan->numbers[entry] ? was : NULL;
}

typedef struct {
    uint64_t number;
    size_t entry;
} numbered;

static int by_number(const void *a, const void *b)
{
    const uint64_t first = ((const numbered *)a)->number, second = ((const numbered *)b)->number;

    return first < second ? -1 : first > second;
}

/* Where each thing is now, by number. */
static numbered *number_all(const cf_scan *scan)
{
    const size_t count = scan->listing.entry_count;
    numbered *all = cf_allocate(count, sizeof *all);

    for (size_t i = 0; i < count; i++)
        all[i] = (numbered){scan->numbers[i], i};
    if (count > 1)
        qsort(all, count, sizeof *all, by_number);
    return all;
}

/* Where the thing is now in whose place this one is; SIZE_MAX: it is in no other's, or that was not
 * found. */
static size_t displaced_to(const cf_scan *scan, const numbered *all, size_t entry)
{
    const cf_node *was = displaced_by(scan, entry);
    const numbered *found = was ? bsearch(&(numbered){was->number, 0}, all,
                                          scan->listing.entry_count, sizeof *all, by_number)
                                : NULL;

    return found ? found->entry : SIZE_MAX;
}

enum {
    TOLD_NOW = -1
}; /* of `with`, which has behind an entry that of the file; 0: not asked yet */

/* From one place to the next, until a file is read, or there is none, or it comes round. All on the
 * way are told with the end; each entry is passed twice, however many lead to it. */
static void follow(cf_scan *scan, const numbered *all, size_t entry, ssize_t *with)
{
    size_t end = entry, next;

    while (!with[end] && (next = displaced_to(scan, all, end)) != SIZE_MAX) {
        with[end] = TOLD_NOW;
        end = next;
    }
    const ssize_t told = with[end]                  ? with[end]
                         : needs_reading(scan, end) ? (ssize_t)end + 1
                                                    : TOLD_NOW;
    for (end = entry; told != TOLD_NOW && with[end] == TOLD_NOW; end = next) {
        next = displaced_to(scan, all, end);
        with[end] = told;
        scan->reported[end] = true;
        *cf_one_more(scan->late, scan->late_count, scan->late_capacity) =
            (cf_scan_late){end, (size_t)told - 1};
    }
}

static void find_late(cf_scan *scan)
{
    const size_t count = scan->listing.entry_count;
    numbered *all = NULL;
    ssize_t *with = NULL;

    for (size_t i = 0; i < count; i++)
        if (displaced_by(scan, i)) {
            if (!all) {
                all = number_all(scan);
                with = cf_allocate(count, sizeof *with);
            }
            follow(scan, all, i, with);
        }
    free(all);
    free(with);
}

/* Of the files from `first` to `end`, which were read. */
static void report_late(cf_scan *scan, size_t first, size_t end)
{
    for (size_t i = 0; i < scan->late_count; i++)
        if (scan->late[i].with >= first && scan->late[i].with < end)
            observe(scan, scan->late[i].entry, NULL);
}

void cf_scan_report_places(cf_scan *scan)
{
    begin_batch(scan);
    if (scan->any_renumbers) {
        scan->replaced =
            cf_arena_allocate(&scan->arena, scan->listing.entry_count, sizeof *scan->replaced);
        cf_scan_find_replaced(scan, scan->replaced);
    }
    scan->batch.is_first = true;
    scan->batch.gone = scan->identity.gone;
    scan->batch.gone_count = scan->identity.gone_count;
    scan->batch.away = scan->identity.away;
    scan->batch.away_count = scan->identity.away_count;
    scan->batch.drafts = scan->identity.drafts;
    scan->batch.draft_count = scan->identity.draft_count;
    if (cf_binding_asks_folders(scan->options.binding))
        cf_scan_find_below(scan);
    find_late(scan);
    for (size_t i = 0; i < scan->listing.entry_count; i++)
        if (scan->reported[i]) {
            continue; /* with another */
        } else if (!scan->numbers[i] || scan->listing.entries[i].skipped ||
                   !scan->listing.entries[i].readable || rests(scan, i)) {
            scan->reported[i] = true;
            keep_returned(scan, i);
        } else if (!needs_reading(scan, i)) {
            bool again = was_renamed(scan, i);

            observe(scan, i, NULL);
            scan->reported[i] = !again;
        } else {
            keep_returned(scan, i);
        }
}

static void report_read(cf_scan *scan, size_t entry)
{
    const char *reason;
    const cf_read *read = cf_scan_reads_get(scan->reads, entry, &reason);
    cf_read_answer answer = cf_scan_reads_answer(scan->reads, entry);

    if (read) {
        observe(scan, entry, read);
        return;
    }
    scan->reported[entry] = true;
    if (answer == CF_READ_FRESH || answer == CF_READ_CHANGED)
        cf_scan_look_again_at(scan, entry);
    if (answer == CF_READ_WRITER || answer == CF_READ_FAILED)
        cf_scan_note_unread(scan, entry);
    /* The read is dropped before its note is asked for. */
    cf_scan_note_entry(scan, entry, cf_arena_text(&scan->arena, cf_bytes_of_text(reason)),
                       answer != CF_READ_FAILED);
}

/* What is known of a listed file before it is read; `node` may be NULL. */
static cf_read_past past_of(const cf_scan *scan, size_t entry, const cf_node *node)
{
    const cf_scan_options *options = &scan->options;
    const cf_listed *listed = &scan->listing.entries[entry];
    cf_read_past past = {.may_be_open = true};
    cf_error ignored;

    if (!node || cf_content_identity_read(node->content, &past.known, &past.known_size, &ignored))
        past.known_size = 0;
    past.insists = options->insists &&
                   options->insists(options->context, cf_scan_number_again(scan, listed->folder),
                                    listed->name, node ? NULL : &listed->stat);
    return past;
}

bool cf_scan_start_contents(cf_scan *scan)
{
    size_t wanted = 0;

    cf_scan_reads_drop(scan->reads, scan->first);
    scan->first = scan->next;
    while (scan->next < scan->listing.entry_count && cf_scan_reads_room(scan->reads)) {
        if (!scan->reported[scan->next]) {
            const cf_node *node = cf_scan_base_node(scan, scan->next);
            cf_read_past past = past_of(scan, scan->next, node);

            cf_scan_reads_want(scan->reads, scan->next, &past);
            wanted++;
        }
        scan->next++;
    }
    cf_scan_reads_start(scan->reads);
    return wanted > 0;
}

bool cf_scan_report_contents(cf_scan *scan)
{
    size_t first = scan->first, end = scan->next;
    bool more = cf_scan_start_contents(scan);

    begin_batch(scan);
    for (size_t i = first; i < end; i++)
        if (!scan->reported[i])
            report_read(scan, i);
    report_late(scan, first, end);
    return more;
}
