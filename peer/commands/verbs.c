/* SPDX-License-Identifier: Apache-2.0 */
/* All verbs, and the one that shows them. */
#include "peer/commands/verbs.h"

#include "broker/platform/wrap.h"

#include <stdio.h>
#include <string.h>

const cf_verb *const cf_verbs[] = {
    &cf_verb_init,   &cf_verb_pair,    &cf_verb_join,        &cf_verb_recover,
    &cf_verb_leave,  &cf_verb_devices, &cf_verb_broker,      &cf_verb_add,
    &cf_verb_set,    &cf_verb_remove,  &cf_verb_collections, &cf_verb_sync,
    &cf_verb_serve,  &cf_verb_status,  &cf_verb_conflicts,   &cf_verb_locate,
    &cf_verb_limit,  &cf_verb_pause,   &cf_verb_resume,      &cf_verb_lock,
    &cf_verb_unlock, &cf_verb_locks,   &cf_verb_log,         &cf_verb_show,
    &cf_verb_delta,  &cf_verb_patch,   &cf_verb_verify,      &cf_verb_repair,
    &cf_verb_paths,  &cf_verb_version, &cf_verb_help,        NULL,
};

enum { USAGE_INDENT = 7, USAGE_BEGUN = 19, VERB_WIDTH = 15, OPTION_WIDTH = 29 /* columns */ };

static void show_text(const cf_output *output, const char *text, size_t column, size_t indent)
{
    cf_buffer lines = {0};

    cf_wrap(&lines, text, column, indent);
    cf_print(output, "%.*s", (int)lines.size, (const char *)lines.data);
    cf_buffer_release(&lines);
}

static bool is_among(const cf_option *options, const char *name)
{
    while (options && options->name && strcmp(options->name, name) != 0)
        options++;
    return options && options->name;
}

/* But those which a verb says in its own words; with a usage those alone that it names. */
static void show_options(const cf_output *output, const cf_option *options, const cf_option *said,
                         const char *usage)
{
    for (; options && options->name; options++) {
        char left[64], letter[8] = "";

        if (is_among(said, options->name) || (usage && !cf_usage_names(usage, options)))
            continue;
        if (options->letter)
            snprintf(letter, sizeof letter, "-%c, ", options->letter);
        snprintf(left, sizeof left, "%s--%s%s%s", letter, options->name, options->value ? " " : "",
                 options->value ? options->value : "");
        cf_print(output, "  %-26s ", left);
        const size_t size = strlen(left) + 3;
        show_text(output, options->help, size > OPTION_WIDTH ? size : OPTION_WIDTH, OPTION_WIDTH);
    }
}

static void show_all(const cf_output *output)
{
    cf_print(output, "usage: counterfoil ");
    show_text(output, "[--home DIR] [-q|-v] [--json] [--timeout T] VERB [OPTIONS] [ARGUMENTS]",
              USAGE_BEGUN, USAGE_INDENT);
    cf_print(output, "\n");
    for (const cf_verb *const *at = cf_verbs; *at; at++) {
        cf_print(output, "  %-12s ", (*at)->name);
        show_text(output, (*at)->summary, VERB_WIDTH, VERB_WIDTH);
    }
    cf_print(output, "\n");
}

static void show_verb(const cf_output *output, const cf_verb *verb)
{
    cf_arena arena = {0};
    cf_buffer more = {0};

    cf_print(output, "usage: counterfoil ");
    show_text(output, cf_verb_usage(verb, &arena), USAGE_BEGUN, USAGE_INDENT);
    cf_arena_release(&arena);
    cf_buffer_append_text(&more, "\n%s.%s%s", verb->summary, verb->more ? "\n" : "",
                          verb->more ? verb->more : "");
    if (verb->more_of)
        verb->more_of(&more);
    cf_buffer_append_text(&more, "\n");
    cf_buffer_append(&more, "", 1);
    show_text(output, (const char *)more.data, 0, 0);
    cf_buffer_release(&more);
    show_options(output, verb->options, NULL, NULL);
}

static void show_subverb(const cf_output *output, const cf_verb *verb, const cf_subverb *subverb)
{
    cf_print(output, "usage: counterfoil %s ", verb->name);
    show_text(output, subverb->usage, USAGE_BEGUN + strlen(verb->name) + 1, USAGE_INDENT);
    cf_print(output, "\n");
    show_text(output, subverb->summary, 0, 0);
    cf_print(output, "\n");
    show_options(output, verb->options, NULL, subverb->usage);
}

void cf_verbs_show_usage(const cf_output *output, const cf_verb *verb, const cf_subverb *subverb)
{
    if (!verb)
        show_all(output);
    else if (!subverb)
        show_verb(output, verb);
    else
        show_subverb(output, verb, subverb);
    show_options(output, cf_global_options, verb ? verb->options : NULL, NULL);
}

static json_t *verbs_json(const cf_verb *verb)
{
    json_t *list = json_array();
    cf_arena arena = {0};

    for (const cf_verb *const *at = cf_verbs; *at; at++)
        if (!verb || *at == verb)
            json_array_append_new(list,
                                  json_pack("{s:s, s:s, s:s}", "name", (*at)->name, "usage",
                                            cf_verb_usage(*at, &arena), "does", (*at)->summary));
    cf_arena_release(&arena);
    return list;
}

static json_t *subverb_json(const cf_verb *verb, const cf_subverb *subverb)
{
    return json_pack(
        "[{s:o, s:o, s:s}]", "name",
        json_sprintf("%s %.*s", verb->name, (int)strcspn(subverb->usage, " "), subverb->usage),
        "usage", json_sprintf("%s %s", verb->name, subverb->usage), "does", subverb->summary);
}

static cf_status fail_subverb(const cf_verb *verb, const char *name, cf_error *error)
{
    cf_buffer known = {0};

    for (const cf_subverb *at = verb->subverbs; at && at->usage; at++)
        cf_buffer_append_text(&known, "%s%.*s", known.size ? ", " : "",
                              (int)strcspn(at->usage, " "), at->usage);
    cf_fail(error, CF_USAGE, "unknown subverb '%s' of %s: %.*s", name, verb->name,
            known.size ? (int)known.size : 4, known.size ? (const char *)known.data : "none");
    cf_buffer_release(&known);
    return CF_USAGE;
}

static cf_status start(cf_run *run, cf_error *error)
{
    const char *const *words = run->options.arguments;
    const size_t count = run->options.argument_count;
    const cf_verb *verb = NULL;
    const cf_subverb *subverb = NULL;

    cf_status status = cf_run_check_count(run, 0, 2, error);
    if (status)
        return status;
    if (count && !(verb = cf_verb_find(cf_verbs, words[0])))
        return cf_fail(error, CF_USAGE, "unknown verb '%s': `counterfoil help` lists them",
                       words[0]);
    if (count > 1 && !(subverb = cf_subverb_find(verb, words[1])))
        return fail_subverb(verb, words[1], error);
    if (run->json)
        cf_print_json(&run->output, subverb ? subverb_json(verb, subverb) : verbs_json(verb));
    else
        cf_verbs_show_usage(&run->output, verb, subverb);
    return CF_OK;
}

const cf_verb cf_verb_help = {
    .name = "help",
    .usage = "help [VERB [SUBVERB]]",
    .summary = "Shows what there is, or how one verb is used",
    .needs = CF_NEEDS_NOTHING,
    .start = start,
};
