/* SPDX-License-Identifier: Apache-2.0 */
/* Two devices that agree on a tree of up to four nodes, on each a user who does up to two things,
 * and the ways to exchange that: all cases there are, but for those that are another one under
 * other names, other numbers of nodes, or with the devices swapped.
 *
 *     exhaustive                    a spread sample
 *     exhaustive --count N [--offset K]
 *     exhaustive --all [--part I/N] [--keep FILE]
 *                                   those to which all others come; goes on where FILE says
 *     exhaustive --doubt N [--offset K]
 *                                   whether they do, of a sample
 *     exhaustive --replay 'LINE'    as a failure prints it; step by step */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/peer/cases/case_all.h"
#include "tests/peer/cases/case_doubt.h"
#include "tests/peer/cases/cases.h"
#include "tests/peer/model/trial.h"
#include "tests/support/chance.h"

enum { SAMPLE = 20000, FOLLOWED = 100 /* for each that is compared */ };

/* Of the run, in memory that survives it. */
typedef struct {
    test_case now;
    uint64_t run, steps;
    all_progress whole;
    doubt_progress doubts;
} progress;

typedef struct {
    const all_cases *all;
    progress *progress;
    uint64_t count, offset;
    all_options whole;
    uint64_t doubts;
} campaign;

/* ---- One ---- */

static void live(progress *self, const case_set *set, size_t i, size_t j, unsigned way)
{
    self->now = case_at(set, i, j, way);
    self->steps += case_run(&self->now, false);
    self->run++;
}

/* Always among them. */
static const char *const once_broken[] = {
    "/f0 | chmod.0 | move.0./y | once first 0",
    "/d0 0d0 /d0 | move.2.1c mkdir./y | move.0.2y | once first 1",
    "/d0 /d0 /d0 | move.2.0x move.2.1y | move.0.1a delete.0 | each second 0",
    "/d0 0f0 0c11 | move.2.0y | edit.2.same edit.2 | each both 0",
    ("/d0 0d0 1d0 | move.0./y move.1.0x | create.1x.same move.1./y | each second "
     "11375630065451244782"),
};

/* ---- A sample: a step of the golden ratio spreads it over all, however many there are ---- */

static void run_sample(void *context)
{
    const campaign *self = context;

    for (size_t i = 0; i < sizeof once_broken / sizeof *once_broken; i++) {
        if (!case_read(once_broken[i], &self->progress->now))
            abort();
        self->progress->steps += case_run(&self->progress->now, false);
    }
    uint64_t stride = (uint64_t)((double)self->all->raw * 0.6180339887498949) | 1;
    uint64_t at = self->offset * UINT64_C(0x9e3779b97f4a7c15) % self->all->raw;

    for (uint64_t k = 0; k < self->count; k++, at = (at + stride) % self->all->raw) {
        const case_set *set = self->all->sets;
        uint64_t within = at;

        for (uint64_t size; size = (uint64_t)set->count * set->count * CASE_WAYS, within >= size;
             set++)
            within -= size;
        live(self->progress, set, within / CASE_WAYS / set->count, within / CASE_WAYS % set->count,
             (unsigned)(within % CASE_WAYS));
    }
}

/* ---- All of them ---- */

static void run_all(void *context)
{
    const campaign *self = context;

    cases_live_all(&self->whole, &self->progress->whole);
}

/* ---- Doubts ---- */

static const case_set *draw_set(const all_cases *all, chance *from)
{
    const case_set *set = all->sets;
    uint64_t at = chance_below(from, all->raw);

    for (uint64_t size; size = (uint64_t)set->count * set->count * CASE_WAYS, at >= size; set++)
        at -= size;
    return set;
}

static void run_doubts(void *context)
{
    const campaign *self = context;
    doubt_progress *doubts = &self->progress->doubts;
    chance from = {self->offset};
    whole_set *sets = calloc(self->all->count, sizeof *sets);

    if (!sets)
        abort();
    for (size_t i = 0; i < self->all->count; i++)
        whole_open(&sets[i], &self->all->sets[i].tree);
    for (uint64_t i = 0; i < self->doubts * FOLLOWED; i++) {
        const case_set *set = draw_set(self->all, &from);
        test_case one =
            case_at(set, chance_below(&from, set->count), chance_below(&from, set->count),
                    (unsigned)chance_below(&from, CASE_WAYS));

        case_doubt_covered(sets, self->all->count, &one, doubts);
        if (i % FOLLOWED == 0)
            case_doubt(set, chance_next(&from) >> 1, doubts);
    }
    for (size_t i = 0; i < self->all->count; i++)
        whole_close(&sets[i]);
    free(sets);
}

static int live_doubts(campaign *self)
{
    const doubt_progress *done = &self->progress->doubts;

    printf("--doubt %" PRIu64 " --offset %" PRIu64 "\n", self->doubts, self->offset);
    bool well = trial_passes(run_doubts, self, false);
    printf("%" PRIu64 " cases come to such that are lived\n", done->followed);
    printf("compared: %" PRIu64 " cases with their parts, %" PRIu64 " published in another way, "
           "%" PRIu64 " with other works, %" PRIu64 " with other contents: %s\n",
           done->parts, done->publishing, done->works, done->contents,
           well ? "all well" : "FAILED");
    return !well;
}

/* ---- A failure ---- */

static void trace_one(void *context)
{
    case_run(context, true);
}

static int report(const test_case *broken)
{
    char text[CASE_TEXT];

    case_print(broken, text);
    printf("FAILED: exhaustive --replay '%s'\n", text);
    test_case small = case_shrink(broken);
    trial_passes(trace_one, &small, false);
    case_print(&small, text);
    printf("FAILED: exhaustive --replay '%s'\n", text);
    return 1;
}

static int replay(const char *line)
{
    test_case one;

    if (!case_read(line, &one) || !case_is_possible(&one))
        return 2;
    bool well = trial_passes(trace_one, &one, false);
    puts(well ? "all well" : "it fails");
    return !well;
}

/* ---- The program ---- */

static bool read_options(int argc, char **argv, campaign *out, bool *whole)
{
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";

        if (strcmp(argv[i], "--all") == 0) {
            *whole = true;
            continue;
        }
        i++;
        if (strcmp(argv[i - 1], "--count") == 0)
            out->count = strtoull(value, NULL, 10);
        else if (strcmp(argv[i - 1], "--offset") == 0)
            out->offset = strtoull(value, NULL, 10);
        else if (strcmp(argv[i - 1], "--doubt") == 0)
            out->doubts = strtoull(value, NULL, 10);
        else if (strcmp(argv[i - 1], "--keep") == 0)
            out->whole.kept = value;
        else if (strcmp(argv[i - 1], "--part") != 0 ||
                 sscanf(value, "%" SCNu64 "/%" SCNu64, &out->whole.part, &out->whole.parts) != 2 ||
                 out->whole.part-- == 0 || out->whole.part >= out->whole.parts)
            return false;
    }
    return true;
}

static int live_all(campaign *self)
{
    const all_progress *done = &self->progress->whole;

    printf("part %" PRIu64 "/%" PRIu64 "\n", self->whole.part + 1, self->whole.parts);
    if (!trial_passes(run_all, self, false))
        return report(&done->now);
    printf("%" PRIu64 " cases of %" PRIu64 " lived, all well: %" PRIu64
           " steps in %.0f s of a core\n",
           done->lived, done->asked, done->steps, done->seconds);
    return done->lived == 0;
}

static int live_sample(campaign *self)
{
    printf("a sample: --count %" PRIu64 " --offset %" PRIu64 "\n", self->count, self->offset);
    if (!trial_passes(run_sample, self, false))
        return report(&self->progress->now);
    printf("%" PRIu64 " cases run, all well: ", self->progress->run);
    trial_print_rate(self->progress->steps);
    return self->progress->run == 0;
}

int main(int argc, char **argv)
{
    static all_cases all;
    campaign self = {.all = &all, .whole.parts = 1, .count = SAMPLE};
    bool whole = false;

    if (argc > 2 && strcmp(argv[1], "--replay") == 0)
        return replay(argv[2]);
    if (!read_options(argc, argv, &self, &whole)) {
        fprintf(stderr, "exhaustive [--count N] [--offset K] | --all [--part I/N] [--keep FILE] | "
                        "--doubt N [--offset K] | --replay LINE\n");
        return 2;
    }
    cases_open(&all);
    printf("%zu trees, %" PRIu64 " cases (%" PRIu64 " with those that are the same)\n", all.count,
           all.distinct, all.raw);
    self.progress = trial_shared(sizeof *self.progress);
    int outcome = self.doubts ? live_doubts(&self) : (whole ? live_all(&self) : live_sample(&self));
    cases_close(&all);
    return outcome;
}
