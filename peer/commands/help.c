/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/program/verbs.h"

#include <stdio.h>
#include <string.h>

static bool is_among(const cf_option *options, const char *name)
{
    while (options && options->name && strcmp(options->name, name) != 0)
        options++;
    return options && options->name;
}

/* But those which a verb says in its own words. */
static void show_options(const cf_output *output, const cf_option *options, const cf_option *said)
{
    for (; options && options->name; options++) {
        char left[64], letter[8] = "";

        if (is_among(said, options->name))
            continue;
        if (options->letter)
            snprintf(letter, sizeof letter, "-%c, ", options->letter);
        snprintf(left, sizeof left, "%s--%s%s%s", letter, options->name, options->value ? " " : "",
                 options->value ? options->value : "");
        cf_print(output, "  %-26s %s\n", left, options->help);
    }
}

void cf_usage_show(const cf_output *output, const cf_verb *verb)
{
    if (!verb) {
        cf_print(output,
                 "usage: counterfoil [--home DIR] [-q|-v] [--json] [--timeout T] VERB [OPTIONS] "
                 "[ARGUMENTS]\n\n");
        for (const cf_verb *const *at = cf_verbs; *at; at++)
            cf_print(output, "  %-12s %s\n", (*at)->name, (*at)->summary);
        cf_print(output, "\n");
    } else {
        cf_arena arena = {0};

        cf_print(output, "usage: counterfoil %s\n\n%s.\n", cf_verb_usage(verb, &arena),
                 verb->summary);
        cf_arena_release(&arena);
        if (verb->more)
            cf_print(output, "%s\n", verb->more);
        cf_print(output, "\n");
        show_options(output, verb->options, NULL);
    }
    show_options(output, cf_global_options, verb ? verb->options : NULL);
}

static cf_status start(cf_run *run, cf_error *error)
{
    cf_status status = cf_run_check_count(run, 0, 1, error);
    const cf_verb *verb = NULL;

    if (status)
        return status;
    if (run->options.argument_count) {
        verb = cf_verb_find(run->options.arguments[0]);
        if (!verb)
            return cf_fail(error, CF_USAGE, "unknown verb '%s'", run->options.arguments[0]);
    }
    if (run->json) {
        json_t *list = json_array();
        cf_arena arena = {0};

        for (const cf_verb *const *at = cf_verbs; *at; at++)
            if (!verb || *at == verb)
                json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "name", (*at)->name,
                                                      "usage", cf_verb_usage(*at, &arena), "does",
                                                      (*at)->summary));
        cf_arena_release(&arena);
        cf_print_json(&run->output, list);
    } else {
        cf_usage_show(&run->output, verb);
    }
    return CF_OK;
}

const cf_verb cf_verb_help = {
    .name = "help",
    .usage = "help [VERB]",
    .summary = "Shows what there is, or how one verb is used",
    .needs = CF_NEEDS_NOTHING,
    .start = start,
};
