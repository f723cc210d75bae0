/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/commands/source_rows.h"

#include "peer/adapters/record_format.h"
#include "peer/commands/source_format.h"
#include "peer/log/catalog_schema.h"
#include "peer/sources/records/record_source.h"

#include <string.h>

/* ---- Is it counted up ---- */

cf_status cf_source_check_counting(const cf_run *run, cf_format format, size_t key_count,
                                   cf_error *error)
{
    bool serial = cf_options_has(&run->options, "serial");
    bool natural = cf_options_has(&run->options, "natural");

    if (serial && natural)
        return cf_fail(error, CF_USAGE, "--serial and --natural exclude each other");
    if ((serial || natural) && !cf_adapter_has_named_keys(cf_adapter_of(format)))
        return cf_fail(error, CF_USAGE, "--%s does not go with --format %s%s",
                       serial ? "serial" : "natural", cf_format_text(format),
                       natural && cf_adapter_has_own_tables(cf_adapter_of(format))
                           ? ": a column that names rows is --natural-key TABLE.COLUMN"
                           : "");
    return serial && key_count != 1
               ? cf_fail(error, CF_USAGE,
                         "--serial goes with one --key: a number that is counted up")
               : CF_OK;
}

/* A file tells more than its user did; so he is told what it told. */
static cf_status ask_file(const cf_run *run, cf_binding *trial, bool *counts_up, cf_error *error)
{
    bool rows;

    cf_status status =
        cf_record_source_counts_up(cf_loop_env(run->loop)->files, trial, counts_up, &rows, error);
    if (status || run->quiet)
        return status;
    if (*counts_up)
        cf_say(&run->output,
               "%s is counted up: rows made apart under one number are two (--natural: they are "
               "one)",
               trial->keys[0]);
    else if (!rows)
        cf_say(&run->output,
               "no rows yet: records of one %s made apart are one (--serial: it is counted up, "
               "they are two)",
               trial->keys[0]);
    return CF_OK;
}

cf_status cf_source_choose_counting(const cf_run *run, cf_format format, const char *path,
                                    bool *counts_up, cf_error *error)
{
    cf_binding_options options = {.format = format, .path = path};
    cf_binding *trial = NULL;
    cf_arena arena = {0};

    *counts_up = cf_options_has(&run->options, "serial");
    cf_status status = cf_source_choose_keys(run, format, &arena, &options, error);
    if (!status)
        status = cf_source_check_counting(run, format, options.key_count, error);
    if (!status)
        status = cf_binding_new(&options, &trial, error);
    if (!status) {
        if (cf_adapter_of(format)->guesses_counting && options.key_count == 1 && !*counts_up &&
            !cf_options_has(&run->options, "natural"))
            status = ask_file(run, trial, counts_up, error);
        cf_binding_destroy(&trial, cf_loop_env(run->loop)->files);
    }
    cf_arena_release(&arena);
    return status;
}

/* ---- Where rows meet ---- */

enum { MEETING_TEXT = 80 };
static const char *meeting_text(size_t count, char text[MEETING_TEXT])
{
    snprintf(text, MEETING_TEXT,
             count == 1 ? "%zu row here has the number of another there"
                        : "%zu rows here have the numbers of others there",
             count);
    return text;
}

static cf_status read_answer(const cf_run *run, bool *given, bool *same, cf_error *error)
{
    const char *rows = cf_options_value(&run->options, "rows");

    *same = cf_options_has(&run->options, "yes");
    *given = *same || rows;
    if (!rows)
        return CF_OK;
    *same = strcmp(rows, "same") == 0;
    return *same || strcmp(rows, "apart") == 0
               ? CF_OK
               : cf_fail(error, CF_USAGE, "unknown answer '%s' to --rows: same or apart", rows);
}

static cf_status check_answer(const cf_run *run, cf_binding *binding, cf_error *error)
{
    cf_engine *engine = cf_loop_engine(run->loop);
    cf_comparison found = {0};
    char text[MEETING_TEXT];
    const bool says_rows = cf_options_has(&run->options, "rows");
    bool given, same;

    cf_status status = read_answer(run, &given, &same, error);
    if (!status)
        status = cf_engine_compare(engine, binding, &found, error);
    if (status || !found.meeting || (found.meeting == found.named && !says_rows))
        return status; /* apart: what has one text is one row */
    if (!given)
        return cf_fail(
            error, CF_USAGE,
            "%s: say --rows same if they are the same, to be merged field by field; else --rows "
            "apart: those here get new numbers%s",
            meeting_text(found.meeting - found.named, text),
            cf_adapter_has_own_tables(cf_adapter_of(binding->format))
                ? ", and --natural-key or --unique same make one of those with one text"
                : "");
    binding->meets |= same ? CF_MEETS_SAME : 0;
    return CF_OK;
}

cf_status cf_source_meet_rows(const cf_run *run, cf_binding *binding, bool *counts_up,
                              cf_error *error)
{
    const cf_options *options = &run->options;
    cf_arena arena = {0};
    cf_schema schema = {0};

    if (!cf_format_is_records(binding->format))
        return CF_OK;
    cf_status status = cf_source_check_counting(run, binding->format, binding->key_count, error);
    if (!status)
        status = cf_catalog_schema(cf_loop_peer(run->loop), &binding->collection, &arena, &schema,
                                   error);
    *counts_up = !status && cf_schema_counts_up(&schema);
    cf_arena_release(&arena);
    if (!status && (cf_options_has(options, "serial") != *counts_up) &&
        (cf_options_has(options, "serial") || cf_options_has(options, "natural")))
        return cf_fail(error, CF_USAGE, "the keys of this collection are %s, and stay so",
                       *counts_up ? "numbers that are counted up" : "not counted up");
    return status || !*counts_up ? status : check_answer(run, binding, error);
}

/* ---- Asking ---- */

static bool is_of_verb(const cf_run *run, const cf_option *option)
{
    for (const cf_option *own = run->verb->options; own->name; own++)
        if (own == option)
            return true;
    return false;
}

/* How many rows would meet, as the same command tells when nothing is done. */
static cf_status count_meeting(cf_run *run, json_int_t *count, cf_error *error)
{
    const cf_options *given = &run->options;
    size_t room = 3 + 2 * given->choice_count, used = 0;
    const char **words = cf_arena_allocate(&run->arena, room, sizeof *words);
    json_t *told = NULL;

    words[used++] = run->verb->name;
    for (size_t i = 0; i < given->choice_count; i++) {
        const cf_choice *choice = &given->choices[i];
        cf_buffer word = {0};

        if (!is_of_verb(run, choice->option))
            continue;
        cf_buffer_append_text(&word, "--%s", choice->option->name);
        words[used++] = cf_arena_text(&run->arena, cf_buffer_view(&word));
        if (choice->value)
            words[used++] = choice->value;
        cf_buffer_release(&word);
    }
    words[used++] = "--dry-run";
    words[used++] = given->arguments[0];
    cf_status status = run->consult(run, words, used, &told, error);
    *count = status ? 0 : json_integer_value(json_object_get(told, "meeting"));
    json_decref(told);
    return status;
}

cf_status cf_source_ask_rows(cf_run *run, cf_error *error)
{
    const cf_options *given = &run->options;
    char text[MEETING_TEXT];
    json_int_t count;
    bool same = false;

    if (given->argument_count != 1 || cf_options_has(given, "rows") ||
        !cf_options_has(given, "format") || !cf_run_asks(run))
        return CF_OK;
    cf_status status = count_meeting(run, &count, error);
    if (status || !count)
        return status;
    status = cf_run_confirm(run, &same, error,
                            "%s: are those the same rows, to be merged field by field? (else those "
                            "here get new numbers) [y/N]",
                            meeting_text((size_t)count, text));
    if (!status)
        cf_run_choose(run, "rows", same ? "same" : "apart");
    return status;
}
