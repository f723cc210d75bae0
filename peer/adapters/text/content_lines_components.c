/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/adapters/text/content_lines_inside.h"

#include <string.h>
#include <strings.h>

bool cf_line_word_is(cf_bytes word, const char *text)
{
    return word.size == strlen(text) &&
           (word.size == 0 || strncasecmp((const char *)word.data, text, word.size) == 0);
}

bool cf_line_named(const cf_content_line *line, const char *name)
{
    return cf_line_word_is(line->name, name);
}

typedef struct {
    cf_content_lines *lines;
    size_t open[CF_COMPONENT_DEPTH_MAX]; /* components, the innermost last */
    size_t depth;
} nesting;

/* Something is wrong in all the components that are open; each keeps what it had first. */
static void trouble_in_open(nesting *self, const char *trouble, size_t number)
{
    for (size_t i = 0; i < self->depth; i++) {
        cf_component *component = &self->lines->components[self->open[i]];

        if (!component->trouble) {
            component->trouble = trouble;
            component->trouble_number = number;
        }
    }
}

/* Closes the components within and beyond `depth`, of which none had its END before `line`. */
static void close_unended(nesting *self, size_t depth, size_t line)
{
    while (self->depth > depth) {
        cf_component *component = &self->lines->components[self->open[self->depth - 1]];

        trouble_in_open(self, "BEGIN has no END: the rest is missing, save it again",
                        self->lines->lines[component->first].number);
        component->last = line ? line - 1 : 0;
        component->unended = line == self->lines->count;
        self->depth--;
    }
}

/* How many components are open around the innermost of this name; `depth` when none has it. */
static size_t depth_of(const nesting *self, cf_bytes name)
{
    for (size_t i = self->depth; i-- > 0;) {
        cf_bytes open = self->lines->components[self->open[i]].name;

        if (open.size == name.size &&
            strncasecmp((const char *)open.data, (const char *)name.data, name.size) == 0)
            return i;
    }
    return self->depth;
}

/* Those that never hold one of their own name: a second BEGIN says that an END is missing. */
static bool never_nests(cf_bytes name)
{
    static const char *const names[] = {"VCARD",    "VCALENDAR", "VEVENT",    "VTODO",
                                        "VJOURNAL", "VFREEBUSY", "VTIMEZONE", "VALARM"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (cf_line_word_is(name, names[i]))
            return true;
    return false;
}

/* vCard 2.1: AGENT with an empty value, and a card in the lines behind it. */
static bool follows_agent(const cf_content_lines *lines, size_t line)
{
    while (line > 0 && lines->lines[line - 1].kind == CF_LINE_BLANK)
        line--;
    return line > 0 && cf_line_named(&lines->lines[line - 1], "AGENT") &&
           lines->lines[line - 1].value.size == 0;
}

static void break_line(nesting *self, cf_content_line *line, const char *trouble)
{
    line->kind = CF_LINE_BROKEN;
    line->trouble = trouble;
    trouble_in_open(self, trouble, line->number);
}

static size_t innermost(const nesting *self)
{
    return self->depth ? self->open[self->depth - 1] : CF_LINES_NONE;
}

static void begin(nesting *self, size_t index)
{
    cf_content_lines *lines = self->lines;
    cf_content_line *line = &lines->lines[index];

    if (never_nests(line->value) && !follows_agent(lines, index))
        close_unended(self, depth_of(self, line->value), index);
    if (self->depth == CF_COMPONENT_DEPTH_MAX) {
        line->component = innermost(self);
        break_line(self, line, "nests too deeply: delete what is in it");
        return;
    }
    lines->components = cf_grow(lines->components, &lines->component_capacity,
                                lines->component_count + 1, sizeof *lines->components);
    lines->components[lines->component_count] = (cf_component){.name = line->value,
                                                               .first = index,
                                                               .last = index,
                                                               .parent = innermost(self),
                                                               .depth = self->depth};
    self->open[self->depth++] = lines->component_count++;
    line->component = innermost(self);
}

static void end(nesting *self, size_t index)
{
    cf_content_line *line = &self->lines->lines[index];
    size_t depth = depth_of(self, line->value);

    if (depth == self->depth) {
        line->component = innermost(self);
        break_line(self, line, "END has no BEGIN: delete the line");
        return;
    }
    close_unended(self, depth + 1, index);
    line->component = innermost(self);
    self->lines->components[line->component].last = index;
    self->depth--;
}

void cf_content_lines_find_components(cf_content_lines *lines)
{
    nesting self = {.lines = lines};

    for (size_t i = 0; i < lines->count; i++) {
        cf_content_line *line = &lines->lines[i];

        if (line->kind == CF_LINE_BEGIN) {
            begin(&self, i);
        } else if (line->kind == CF_LINE_END) {
            end(&self, i);
        } else {
            line->component = innermost(&self);
            if (line->trouble)
                trouble_in_open(&self, line->trouble, line->number);
        }
    }
    close_unended(&self, 0, lines->count);
}
