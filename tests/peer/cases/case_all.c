/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/peer/cases/case_all.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "tests/peer/cases/case_row.h"
#include "tests/peer/cases/case_whole.h"
#include "tests/peer/model/trial.h"

enum { TELL_SECONDS = 10, PATH_SIZE = 4096 };

typedef struct {
    const all_options *options;
    all_progress *progress;
    case_row *row;
    whole_set *sets; /* of each tree */
    unsigned way;
    size_t tree, trees;
    uint64_t at, first; /* rows */
    double told, begun;
} walk;

/* ---- How far it is ---- */

static double worked(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void keep(const walk *self)
{
    const all_progress *progress = self->progress;
    char fresh[PATH_SIZE];

    snprintf(fresh, sizeof fresh, "%s.new", self->options->kept);
    FILE *file = fopen(fresh, "w");
    if (!file)
        abort();
    fprintf(file,
            "part %" PRIu64 "/%" PRIu64 " rows %" PRIu64 " asked %" PRIu64 " lived %" PRIu64
            " steps %" PRIu64 " seconds %.1f\n",
            self->options->part + 1, self->options->parts, progress->rows, progress->asked,
            progress->lived, progress->steps, progress->seconds);
    if (fclose(file) != 0 || rename(fresh, self->options->kept) != 0)
        abort();
}

static void go_on(walk *self)
{
    all_progress *progress = self->progress;
    uint64_t part = 0, parts = 0;
    FILE *file = self->options->kept ? fopen(self->options->kept, "r") : NULL;

    if (!file)
        return;
    int read = fscanf(file,
                      "part %" SCNu64 "/%" SCNu64 " rows %" SCNu64 " asked %" SCNu64
                      " lived %" SCNu64 " steps %" SCNu64 " seconds %lf",
                      &part, &parts, &progress->rows, &progress->asked, &progress->lived,
                      &progress->steps, &progress->seconds);
    fclose(file);
    if (read != 7 || part != self->options->part + 1 || parts != self->options->parts) {
        printf("%s is of another run\n", self->options->kept);
        abort();
    }
    self->first = progress->rows;
}

static void tell(walk *self, bool now)
{
    all_progress *progress = self->progress;
    double seconds = worked();

    if (!now && trial_seconds() - self->told < TELL_SECONDS)
        return;
    self->told = trial_seconds();
    progress->seconds += seconds - self->begun;
    self->begun = seconds;
    fprintf(stderr,
            "way %u of %u, tree %zu of %zu, row %" PRIu64 ": %" PRIu64 " of %" PRIu64
            " cases lived in %.0f s of a core\n",
            self->way + !now, WHOLE_WAYS, self->tree + !now, self->trees, self->at, progress->lived,
            progress->asked, progress->seconds);
    if (self->options->kept)
        keep(self);
}

/* ---- All of them ---- */

static void live_row(walk *self, const whole_set *set, size_t i)
{
    all_progress *progress = self->progress;
    uint64_t ids = whole_at(set, self->way, i, i).seed;

    case_row_next(self->row);
    for (size_t j = 0; j < set->set.count; j++) {
        progress->asked++;
        if (!whole_has(set, self->way, i, j))
            continue;
        progress->now = whole_at(set, self->way, i, j);
        progress->now.ids = ids;
        progress->steps += case_row_run(self->row, &progress->now);
        progress->lived++;
    }
}

static void live_tree(walk *self, const whole_set *set)
{
    for (size_t i = 0; i < set->set.count; i++) {
        if (!whole_has_row(set, self->way, i))
            continue;
        bool is_ours = self->at % self->options->parts == self->options->part;
        if (is_ours && self->at >= self->first)
            live_row(self, set, i);
        if (++self->at <= self->first)
            continue;
        self->progress->rows = self->at;
        if (is_ours)
            tell(self, false);
    }
}

void cases_live_all(const all_options *options, all_progress *progress)
{
    static case_tree trees[CASE_TREES_MAX];
    walk self = {.options = options, .progress = progress, .told = trial_seconds()};

    go_on(&self);
    self.row = case_row_new();
    self.begun = worked();
    for (uint8_t count = 0; count <= CASE_NODES; count++)
        self.trees += cases_trees(count, trees + self.trees, CASE_TREES_MAX - self.trees);
    self.sets = calloc(self.trees, sizeof *self.sets);
    if (!self.sets)
        abort();
    for (size_t i = 0; i < self.trees; i++)
        whole_open(&self.sets[i], &trees[i]);
    for (self.way = 0; self.way < WHOLE_WAYS; self.way++)
        for (self.tree = 0; self.tree < self.trees; self.tree++)
            live_tree(&self, &self.sets[self.tree]);
    tell(&self, true);
    for (size_t i = 0; i < self.trees; i++)
        whole_close(&self.sets[i]);
    free(self.sets);
    case_row_destroy(&self.row);
}
