/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/commands/addition_inside.h"
#include "peer/commands/sources.h"

static json_t *list_beside(const cf_addition *self)
{
    json_t *list = json_array();

    for (size_t i = 0; i < self->beside_count; i++)
        json_array_append_new(list, cf_json_name(cf_bytes_of_text(self->beside[i]->path)));
    return list;
}

static void say_beside(const cf_addition *self)
{
    const cf_output *output = &self->run->output;
    size_t count = self->beside_count;

    if (!count || self->run->quiet)
        return;
    if (count == 1)
        cf_say(output,
               "this device has the collection already at %s; this is a second source: what is "
               "changed in one changes in the other",
               self->beside[0]->path);
    else
        cf_say(output,
               "this device has the collection already at %s and in %zu other source%s; this is "
               "one more: what is changed in one changes in all",
               self->beside[0]->path, count - 1, count == 2 ? "" : "s");
}

/* What becomes of what others have newer, or deleted: with --mine the opposite. */
static void print_consequence(const cf_addition *self)
{
    const cf_comparison *found = &self->found;
    const bool is_mine = cf_options_has(&self->run->options, "mine");
    cf_buffer text = {0};

    if (found->older)
        cf_buffer_append_text(&text,
                              is_mine ? "the %zu older here replace%s what is newer elsewhere"
                                      : "the %zu older here %s brought up to date",
                              found->older,
                              is_mine ? (found->older == 1 ? "s" : "")
                                      : (found->older == 1 ? "is" : "are"));
    if (found->older && found->deleted)
        cf_buffer_append_text(&text, ", and ");
    if (found->deleted)
        cf_buffer_append_text(&text,
                              is_mine ? "the %zu deleted elsewhere come%s back everywhere"
                                      : "the %zu deleted elsewhere go%s from here",
                              found->deleted,
                              found->deleted > 1 ? ""
                              : is_mine          ? "s"
                                                 : "es");
    if (text.size)
        cf_print(&self->run->output, "%.*s\n", (int)text.size, (const char *)text.data);
    cf_buffer_release(&text);
}

static void print_figures(const cf_addition *self)
{
    const cf_comparison *found = &self->found;
    cf_buffer text = {0};

    cf_buffer_append_text(&text, "%s: %s collection at %s: %zu equal", self->name,
                          self->is_new ? "a new" : "an existing", self->path, found->equal);
    if (found->modes)
        cf_buffer_append_text(&text, " (%zu of them with another mode, %s)", found->modes,
                              cf_options_has(&self->run->options, "mine")
                                  ? "which the others get"
                                  : "which becomes the others'");
    if (found->older)
        cf_buffer_append_text(&text, ", %zu older here", found->older);
    if (found->deleted)
        cf_buffer_append_text(&text, ", %zu deleted elsewhere since", found->deleted);
    cf_buffer_append_text(&text, ", %zu different, %zu only here, %zu only there", found->different,
                          found->only_here, found->only_there);
    cf_buffer_append(&text, "", 1);
    cf_print(&self->run->output, "%s\n", (const char *)text.data);
    cf_buffer_release(&text);
    print_consequence(self);
    if (found->left_out)
        cf_print(&self->run->output,
                 "%zu part%s of it %s not synced: `counterfoil status` says why\n", found->left_out,
                 found->left_out == 1 ? "" : "s", found->left_out == 1 ? "is" : "are");
}

void cf_addition_tell(const cf_addition *self)
{
    const cf_comparison *found = &self->found;

    say_beside(self);
    if (self->run->json)
        cf_print_json(
            &self->run->output,
            json_pack("{s:s, s:o, s:o, s:b, s:b, s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, "
                      "s:o}",
                      "collection", self->name, "source",
                      cf_json_name(cf_bytes_of_text(self->path)), "beside", list_beside(self),
                      "new", (int)self->is_new, "serial", (int)self->counts_up, "asked",
                      (int)!self->unasked.status, "equal", (json_int_t)found->equal, "modes",
                      (json_int_t)found->modes, "older", (json_int_t)found->older, "deleted",
                      (json_int_t)found->deleted, "different", (json_int_t)found->different,
                      "only_here", (json_int_t)found->only_here, "only_there",
                      (json_int_t)found->only_there, "meeting",
                      (json_int_t)(found->meeting - found->named), "left_out",
                      (json_int_t)found->left_out, "disk",
                      self->binding ? cf_source_disk_json(self->binding) : json_null()));
    else
        print_figures(self);
    if (!self->run->json && self->binding)
        cf_source_print_disk(&self->run->output, "", self->binding);
    if (!self->run->json && self->binding && !self->run->quiet &&
        !cf_options_has(&self->run->options, "dry-run") && !cf_loop_serves(self->run->loop))
        cf_say(&self->run->output, "`counterfoil sync` begins with it, or `counterfoil serve`");
}

void cf_addition_say_unasked(const cf_addition *self)
{
    const cf_output *output = &self->run->output;

    if (!self->unasked.status || self->run->quiet)
        return;
    cf_say(output, "the broker can't be asked: %s", self->unasked.text);
    if (self->is_new)
        cf_say(output,
               "if another device made a collection '%s' as well, the two become one at the next "
               "sync",
               self->name);
    else
        cf_say(output, "compared with what was known here before");
}
