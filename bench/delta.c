/* SPDX-License-Identifier: Apache-2.0 */
/* What does it cost to make and apply the delta of an edited large file, beside the xdelta3
 * command? */
#include "codec/delta.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench/bench.h"
#include "bench/process.h"
#include "bench/workload.h"
#include "codec/block_prints.h"
#include "codec/content.h"
#include "codec/limits.h"

enum { RUNS = 3, STRETCHES_MAX = 64, INSERTS = 20 };
/* A patch has what is new, so many bytes for each stretch that it copies, and for each 8 MiB, as
 * xdelta3's has; and a quarter of all that on top. */
enum { STRETCH = 30, PIECE = 40, PIECE_SIZE = 8 * CF_MIB };
#define PATCH 1.25
/* What went farther is new to a delta of bytes, as to xdelta3, which looks as far. */
#define SOURCE_WINDOW (64.0 * CF_MIB)
/* 1.5 times of what was measured, in process a half of what xdelta3 takes: where all lies in its
 * place, what compares; else tables of what is looked at of the source, and windows of the target.
 * The command is a whole program, cuts larger windows, and takes some more than xdelta3. */
#define COMPARE_MEMORY (4.0 * CF_MIB)
#define WINDOWS_MEMORY (24.0 * CF_MIB)
#define APPLY_MEMORY (24.0 * CF_MIB)
#define PROGRAM_MEMORY (64.0 * CF_MIB)

typedef struct {
    const char *name;
    size_t (*cut)(uint64_t size, cf_stretch *out);
    bool is_shifted; /* not all lies where it did */
    unsigned moves;  /* this part of the file, by a quarter of it; 0: nothing */
} edit;

static size_t cut_overwrite(uint64_t size, cf_stretch *out)
{
    uint64_t middle = size / 2 + 777;

    out[0] = (cf_stretch){.size = middle};
    out[1] = (cf_stretch){.is_new = true, .size = 4 * CF_KIB};
    out[2] = (cf_stretch){.offset = middle + 4 * CF_KIB, .size = size - middle - 4 * CF_KIB};
    return 3;
}

static size_t cut_inserts(uint64_t size, cf_stretch *out)
{
    uint64_t part = size / (INSERTS + 1);
    size_t count = 0;

    for (uint64_t i = 0; i < INSERTS; i++) {
        out[count++] = (cf_stretch){.offset = i * part, .size = part};
        out[count++] = (cf_stretch){.is_new = true, .size = 100 + 37 * i};
    }
    out[count++] = (cf_stretch){.offset = INSERTS * part, .size = size - INSERTS * part};
    return count;
}

static size_t cut_move(uint64_t size, cf_stretch *out)
{
    uint64_t block = size / 64, from = size / 4, to = size / 2;

    out[0] = (cf_stretch){.size = from};
    out[1] = (cf_stretch){.offset = from + block, .size = to - from - block};
    out[2] = (cf_stretch){.offset = from, .size = block};
    out[3] = (cf_stretch){.offset = to, .size = size - to};
    return 4;
}

static const edit edits[] = {
    {"4 KiB overwritten", cut_overwrite, .is_shifted = false},
    {"20 inserts", cut_inserts, .is_shifted = true},
    {"a block of a 64th moved", cut_move, .is_shifted = true, .moves = 64},
};

/* One way of doing it, and what was measured of it. */
typedef struct {
    cf_samples encode_s, decode_s, size, encode_memory, decode_memory;
} figures;

static void release(figures *it)
{
    cf_samples_release(&it->encode_s);
    cf_samples_release(&it->decode_s);
    cf_samples_release(&it->size);
    cf_samples_release(&it->encode_memory);
    cf_samples_release(&it->decode_memory);
}

typedef struct {
    const cf_bench *bench;
    cf_bench_path source, target, patch, again;
    figures library, ours, theirs;
} trial;

/* ---- In process ---- */

static cf_status read_file(void *context, uint64_t offset, void *buffer, size_t size,
                           cf_error *error)
{
    int file = *(const int *)context;
    uint8_t *at = buffer;

    while (size) {
        ssize_t got = pread(file, at, size, (off_t)offset);

        if (got <= 0)
            return cf_fail_errno(error, got ? errno : EIO, "reading");
        at += got;
        offset += (uint64_t)got;
        size -= (size_t)got;
    }
    return CF_OK;
}

static cf_status write_file(void *context, const void *data, size_t size, cf_error *error)
{
    if (write(*(const int *)context, data, size) != (ssize_t)size)
        return cf_fail_errno(error, errno, "writing");
    return CF_OK;
}

static uint64_t size_of(const char *path)
{
    struct stat info;

    return stat(path, &info) ? 0 : (uint64_t)info.st_size;
}

static cf_reader_at source_of(int *file, const cf_bench_path *path)
{
    *file = open(path->text, O_RDONLY | O_CLOEXEC);
    return (cf_reader_at){read_file, file, size_of(path->text)};
}

static cf_sink sink_of(int *file, const cf_bench_path *path)
{
    *file = open(path->text, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    return (cf_sink){write_file, file};
}

static cf_status encode_here(trial *it, cf_error *error)
{
    int source, target, patch;
    cf_delta_figures used;
    const cf_delta_encoding encoding = {.source = source_of(&source, &it->source),
                                        .target = source_of(&target, &it->target),
                                        .patch = sink_of(&patch, &it->patch),
                                        .form = CF_DELTA_LOG,
                                        .figures = &used};
    double start = cf_measure_now();

    cf_status status = cf_delta_encode(&encoding, error);
    cf_samples_add(&it->library.encode_s, cf_measure_now() - start);
    cf_samples_add(&it->library.encode_memory, (double)used.memory);
    cf_samples_add(&it->library.size, (double)used.written);
    close(source);
    close(target);
    close(patch);
    return status;
}

static cf_status decode_here(trial *it, cf_error *error)
{
    int source, patch, again;
    cf_delta_figures used;
    const cf_delta_decoding decoding = {.source = source_of(&source, &it->source),
                                        .patch = source_of(&patch, &it->patch),
                                        .target = sink_of(&again, &it->again),
                                        .form = CF_DELTA_LOG,
                                        .target_max = size_of(it->target.text),
                                        .figures = &used};
    double start = cf_measure_now();

    cf_status status = cf_delta_decode(&decoding, error);
    cf_samples_add(&it->library.decode_s, cf_measure_now() - start);
    cf_samples_add(&it->library.decode_memory, (double)used.memory);
    close(source);
    close(patch);
    close(again);
    return status;
}

/* ---- As commands ---- */

static cf_status run(const char *const *arguments, cf_samples *seconds, cf_samples *memory,
                     cf_error *error)
{
    const cf_command command = {.arguments = arguments};
    cf_usage used;

    cf_status status = cf_process_must(&command, &used, error);
    if (!status) {
        cf_samples_add(seconds, used.wall_s);
        cf_samples_add(memory, (double)used.memory);
    }
    return status;
}

static cf_status check(const trial *it, const char *who, cf_error *error)
{
    bool equal = cf_workload_equal(it->target.text, it->again.text);

    unlink(it->again.text);
    return equal ? CF_OK : cf_fail(error, CF_BROKEN, "%s made another file", who);
}

static cf_status by_library(trial *it, cf_error *error)
{
    cf_status status = encode_here(it, error);

    if (!status)
        status = decode_here(it, error);
    return status ? status : check(it, "the library", error);
}

static cf_status by_peer(trial *it, cf_error *error)
{
    const char *const encode[] = {it->bench->peer, "delta",        it->source.text,
                                  it->target.text, it->patch.text, NULL};
    const char *const decode[] = {it->bench->peer, "patch",        it->source.text,
                                  it->patch.text,  it->again.text, NULL};

    unlink(it->patch.text);
    cf_status status = run(encode, &it->ours.encode_s, &it->ours.encode_memory, error);
    if (status)
        return status;
    cf_samples_add(&it->ours.size, (double)size_of(it->patch.text));
    status = run(decode, &it->ours.decode_s, &it->ours.decode_memory, error);
    return status ? status : check(it, "counterfoil patch", error);
}

static cf_status by_xdelta(trial *it, cf_error *error)
{
    const char *const encode[] = {"xdelta3",       "-e",           "-f", "-s", it->source.text,
                                  it->target.text, it->patch.text, NULL};
    const char *const decode[] = {"xdelta3",       "-d",           "-f",           "-s",
                                  it->source.text, it->patch.text, it->again.text, NULL};

    cf_status status = run(encode, &it->theirs.encode_s, &it->theirs.encode_memory, error);
    if (status)
        return status;
    cf_samples_add(&it->theirs.size, (double)size_of(it->patch.text));
    status = run(decode, &it->theirs.decode_s, &it->theirs.decode_memory, error);
    return status ? status : check(it, "xdelta3", error);
}

/* ---- The question ---- */

static void compare(const trial *it, const char *what, cf_unit unit, const char *ours_name,
                    const cf_samples *ours, const cf_samples *theirs)
{
    if (ours->count)
        cf_results_compare(it->bench->results,
                           &(cf_comparison){what, unit, ours_name, ours, "xdelta3",
                                            theirs->count ? theirs : NULL});
}

static double patch_limit(const edit *tried, double size, const cf_stretch *stretches, size_t count)
{
    double limit = size / PIECE_SIZE * PIECE;

    for (size_t i = 0; i < count; i++)
        limit += STRETCH + (stretches[i].is_new ? (double)stretches[i].size : 0);
    if (tried->moves && size / 4 >= SOURCE_WINDOW)
        limit += size / tried->moves;
    return PATCH * limit;
}

static void judge(const trial *it, const edit *tried, double size, double patch)
{
    cf_results *results = it->bench->results;
    const figures *a = &it->library, *b = &it->ours;
    const double seen = size < SOURCE_WINDOW ? size : SOURCE_WINDOW;
    const double make = tried->is_shifted ? WINDOWS_MEMORY + seen : COMPARE_MEMORY;
    const char *name = tried->name;
    char what[128];

    snprintf(what, sizeof what, "%s: patch, in process", name);
    cf_results_most(results, what, &a->size, patch);
    snprintf(what, sizeof what, "%s: patch, by the command", name);
    cf_results_most(results, what, &b->size, patch);
    snprintf(what, sizeof what, "%s: memory to make, in process", name);
    cf_results_most(results, what, &a->encode_memory, make);
    snprintf(what, sizeof what, "%s: memory to make, by the command", name);
    cf_results_most(results, what, &b->encode_memory,
                    PROGRAM_MEMORY + (tried->is_shifted ? 3 * seen : 0));
    snprintf(what, sizeof what, "%s: memory to apply, in process", name);
    cf_results_most(results, what, &a->decode_memory, APPLY_MEMORY);
    snprintf(what, sizeof what, "%s: memory to apply, by the command", name);
    cf_results_most(results, what, &b->decode_memory, PROGRAM_MEMORY);
}

static void tell(const trial *it, const char *name)
{
    static const char library[] = "in process", peer[] = "counterfoil delta, patch";
    const figures *a = &it->library, *b = &it->ours, *c = &it->theirs;
    char what[128];

    snprintf(what, sizeof what, "%s: make", name);
    compare(it, what, CF_UNIT_SECONDS, library, &a->encode_s, &c->encode_s);
    compare(it, what, CF_UNIT_SECONDS, peer, &b->encode_s, &c->encode_s);
    snprintf(what, sizeof what, "%s: apply", name);
    compare(it, what, CF_UNIT_SECONDS, library, &a->decode_s, &c->decode_s);
    compare(it, what, CF_UNIT_SECONDS, peer, &b->decode_s, &c->decode_s);
    snprintf(what, sizeof what, "%s: size of the patch", name);
    compare(it, what, CF_UNIT_BYTES, library, &a->size, &c->size);
    compare(it, what, CF_UNIT_BYTES, peer, &b->size, &c->size);
    snprintf(what, sizeof what, "%s: memory to make", name);
    compare(it, what, CF_UNIT_BYTES, "in process (allocated)", &a->encode_memory,
            &c->encode_memory);
    compare(it, what, CF_UNIT_BYTES, peer, &b->encode_memory, &c->encode_memory);
    snprintf(what, sizeof what, "%s: memory to apply", name);
    compare(it, what, CF_UNIT_BYTES, "in process (allocated)", &a->decode_memory,
            &c->decode_memory);
    compare(it, what, CF_UNIT_BYTES, peer, &b->decode_memory, &c->decode_memory);
}

static cf_status try_edit(trial *it, const edit *tried, uint64_t size, bool has_xdelta,
                          cf_error *error)
{
    cf_stretch stretches[STRETCHES_MAX];
    size_t count = tried->cut(size, stretches);

    cf_status status =
        cf_workload_edit(it->source.text, it->target.text, stretches, count, 2, error);
    cf_workload_settle();
    for (int i = 0; !status && i < (it->bench->quick ? 1 : RUNS); i++) {
        status = by_library(it, error);
        if (!status && it->bench->peer[0])
            status = by_peer(it, error);
        if (!status && has_xdelta)
            status = by_xdelta(it, error);
    }
    if (!status) {
        tell(it, tried->name);
        judge(it, tried, (double)size, patch_limit(tried, (double)size, stretches, count));
    }
    release(&it->library);
    release(&it->ours);
    release(&it->theirs);
    return status;
}

/* What the prints of a content's blocks add to the pass that hashes its leaves. */
static void tell_prints(const trial *it)
{
    static uint8_t content[16 * CF_MIB];
    static const double due_s = sizeof content / 2e9;
    const uint8_t key[CF_BLOCK_KEY] = {1};
    cf_samples prints = {0}, leaves = {0};

    for (size_t i = 0; i < sizeof content; i++)
        content[i] = (uint8_t)(i * i >> 7);
    for (int run = 0; run < RUNS; run++) {
        uint8_t print[CF_BLOCK_PRINT];
        double start = cf_measure_now();

        for (size_t at = 0; at < sizeof content; at += CF_BLOCK_MIN)
            cf_block_print(key, cf_bytes_of(content + at, CF_BLOCK_MIN), print);
        cf_samples_add(&prints, cf_measure_now() - start);
        start = cf_measure_now();
        for (size_t at = 0; at < sizeof content; at += CF_LEAF_SIZE)
            cf_leaf_hash(cf_bytes_of(content + at, CF_LEAF_SIZE));
        cf_samples_add(&leaves, cf_measure_now() - start);
    }
    cf_results_compare(it->bench->results,
                       &(cf_comparison){"16 MiB", CF_UNIT_SECONDS, "prints of its blocks", &prints,
                                        "hashes of its leaves", &leaves});
    cf_results_limit(it->bench->results,
                     &(cf_limited){.what = "prints, of the time that 2 GB/s take",
                                   .share = cf_samples_quantile(&prints, 0) / due_s,
                                   .limit = 1,
                                   .is_time = true});
    cf_samples_release(&prints);
    cf_samples_release(&leaves);
}

cf_status cf_bench_delta(const cf_bench *bench, cf_error *error)
{
    uint64_t size = bench->quick ? 16 * CF_MIB : 256 * CF_MIB;
    trial it = {.bench = bench,
                .source = cf_bench_path_of(bench, "source"),
                .target = cf_bench_path_of(bench, "target"),
                .patch = cf_bench_path_of(bench, "patch"),
                .again = cf_bench_path_of(bench, "again")};
    char path[PATH_MAX];
    bool has_xdelta = cf_process_find("xdelta3", path);

    if (!has_xdelta)
        cf_results_skip(bench->results, "the reference: xdelta3 is not installed");
    if (!bench->peer[0])
        cf_results_skip(bench->results, "the command: counterfoil is not found");
    tell_prints(&it);
    cf_status status = cf_workload_file(it.source.text, size, 1, error);
    for (size_t i = 0; !status && i < sizeof edits / sizeof *edits; i++)
        status = try_edit(&it, &edits[i], size, has_xdelta, error);
    return status;
}
