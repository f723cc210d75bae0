/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/results.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/bytes.h"

struct cf_results {
    json_t *benchmarks; /* an array */
    json_t *current;    /* its last; borrowed */
    size_t exceeded, exceeded_times;
    double strictness;
};

static const char *const unit_names[] = {"s", "B", "1/s", "1"};

enum { FIGURE_SIZE = 32 };

cf_results *cf_results_new(double strictness)
{
    cf_results *results = cf_allocate(1, sizeof *results);

    results->strictness = strictness;
    results->benchmarks = json_array();
    return results;
}

void cf_results_destroy(cf_results **results)
{
    if (!*results)
        return;
    json_decref((*results)->benchmarks);
    free(*results);
    *results = NULL;
}

void cf_results_begin(cf_results *results, const char *name, const char *question)
{
    results->current = json_pack("{s:s, s:s, s:[], s:[], s:[]}", "name", name, "question", question,
                                 "results", "limits", "skipped");
    json_array_append_new(results->benchmarks, results->current);
    printf("%s: %s\n", name, question);
    fflush(stdout);
}

static void show_bytes(double value, char out[FIGURE_SIZE])
{
    static const char *const names[] = {"B", "KiB", "MiB", "GiB"};
    size_t i = 0;

    for (; value >= 1024 && i < 3; i++)
        value /= 1024;
    snprintf(out, FIGURE_SIZE, "%.*f %s", i == 0 || value >= 100 ? 0 : 1, value, names[i]);
}

static void show(cf_unit unit, double value, char out[FIGURE_SIZE])
{
    switch (unit) {
    case CF_UNIT_BYTES:
        show_bytes(value, out);
        break;
    case CF_UNIT_PER_SECOND:
        snprintf(out, FIGURE_SIZE, "%.0f/s", value);
        break;
    case CF_UNIT_COUNT:
        snprintf(out, FIGURE_SIZE, "%.1f", value);
        break;
    case CF_UNIT_SECONDS:
        if (value < 0.1)
            snprintf(out, FIGURE_SIZE, "%.2f ms", value * 1000);
        else
            snprintf(out, FIGURE_SIZE, "%.2f s", value);
        break;
    }
}

static void print_samples(const char *name, cf_unit unit, const cf_samples *samples)
{
    char median[FIGURE_SIZE], least[FIGURE_SIZE], most[FIGURE_SIZE];

    show(unit, cf_samples_median(samples), median);
    show(unit, cf_samples_quantile(samples, 0), least);
    show(unit, cf_samples_quantile(samples, 1), most);
    printf("    %-34s %12s", name, median);
    if (strcmp(least, most) != 0)
        printf("  (%s to %s, %zu runs)", least, most, samples->count);
    puts("");
}

static json_t *describe(const char *name, const cf_samples *samples)
{
    return json_pack("{s:s, s:f, s:f, s:f, s:I}", "name", name, "median",
                     cf_samples_median(samples), "min", cf_samples_quantile(samples, 0), "max",
                     cf_samples_quantile(samples, 1), "runs", (json_int_t)samples->count);
}

void cf_results_compare(cf_results *results, const cf_comparison *comparison)
{
    json_t *result =
        json_pack("{s:s, s:s, s:o}", "what", comparison->what, "unit", unit_names[comparison->unit],
                  "ours", describe(comparison->ours_name, comparison->ours));

    printf("  %s\n", comparison->what);
    print_samples(comparison->ours_name, comparison->unit, comparison->ours);
    if (comparison->theirs) {
        double theirs = cf_samples_median(comparison->theirs);

        print_samples(comparison->theirs_name, comparison->unit, comparison->theirs);
        json_object_set_new(result, "reference",
                            describe(comparison->theirs_name, comparison->theirs));
        if (theirs > 0) {
            double ratio = cf_samples_median(comparison->ours) / theirs;

            printf("    %-34s %12.2f\n", "ratio", ratio);
            json_object_set_new(result, "ratio", json_real(ratio));
        }
    }
    fflush(stdout);
    json_array_append_new(json_object_get(results->current, "results"), result);
}

void cf_results_limit(cf_results *results, const cf_limited *limited)
{
    const double limit = limited->limit * results->strictness;
    const bool kept = limited->share <= limit;

    results->exceeded += !kept && !limited->is_time;
    results->exceeded_times += !kept && limited->is_time;

    printf("  %s\n    %-34s %11.1f%%\n    %-34s %11.1f%%  %s%s\n", limited->what, "share",
           100 * limited->share, "limit", 100 * limit, kept ? "kept" : "EXCEEDED",
           limited->is_time ? ", a time" : "");
    fflush(stdout);
    json_array_append_new(json_object_get(results->current, "limits"),
                          json_pack("{s:s, s:f, s:f, s:b, s:b}", "what", limited->what, "share",
                                    limited->share, "limit", limit, "kept", kept, "time",
                                    limited->is_time));
}

void cf_results_most(cf_results *results, const char *what, const cf_samples *found, double most)
{
    char text[192], size[FIGURE_SIZE];

    if (!found->count)
        return;
    show_bytes(most, size);
    snprintf(text, sizeof text, "%s, of %s", what, size);
    cf_results_limit(results, &(cf_limited){text, cf_samples_quantile(found, 1) / most, 1, false});
}

size_t cf_results_exceeded(const cf_results *results, bool judges_times)
{
    return results->exceeded + (judges_times ? results->exceeded_times : 0);
}

void cf_results_skip(cf_results *results, const char *format, ...)
{
    char text[CF_ERROR_TEXT];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    printf("  skipped: %s\n", text);
    fflush(stdout);
    json_array_append_new(json_object_get(results->current, "skipped"), json_string(text));
}

cf_status cf_results_write(const cf_results *results, const char *path, cf_error *error)
{
    if (json_dump_file(results->benchmarks, path, JSON_INDENT(2) | JSON_PRESERVE_ORDER))
        return cf_fail(error, CF_IO, "%s can't be written", path);
    return CF_OK;
}
