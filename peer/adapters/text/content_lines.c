/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/adapters/text/content_lines.h"

#include "codec/utf8.h"
#include "peer/adapters/text/content_text.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { USUAL_FOLD = 75 };

bool cf_component_named(const cf_component *component, const char *name)
{
    return cf_line_word_is(component->name, name);
}

const cf_line_parameter *cf_line_parameter_named(const cf_content_line *line, const char *name)
{
    for (size_t i = 0; i < line->parameter_count; i++)
        if (cf_line_word_is(line->parameters[i].name, name))
            return &line->parameters[i];
    return NULL;
}

/* Where the physical line that begins at `at` ends, its line end included. */
static size_t physical_end(cf_bytes input, size_t at)
{
    const uint8_t *newline = memchr(input.data + at, '\n', input.size - at);

    return newline ? (size_t)(newline - input.data) + 1 : input.size;
}

static size_t without_line_end(cf_bytes input, size_t from, size_t end)
{
    if (end > from && input.data[end - 1] == '\n')
        end--;
    if (end > from && input.data[end - 1] == '\r')
        end--;
    return end;
}

bool cf_content_line_is_printable(cf_bytes line)
{
    static const char word[] = "QUOTED-PRINTABLE";
    const uint8_t *colon = line.size ? memchr(line.data, ':', line.size) : NULL;
    size_t head = colon ? (size_t)(colon - line.data) : 0;

    for (size_t i = 0; i + sizeof word - 1 <= head; i++)
        if (strncasecmp((const char *)line.data + i, word, sizeof word - 1) == 0)
            return true;
    return false;
}

static bool is_fold(uint8_t byte)
{
    return byte == ' ' || byte == '\t';
}

/* A line with its folds: what it takes of the input, and what remains of it unfolded. */
typedef struct {
    size_t from, end; /* of the input */
    size_t physical;  /* how many lines */
    size_t unfolded;  /* how many bytes at most */
    bool folded, printable;
} extent;

static extent extent_of(cf_bytes input, size_t from)
{
    extent found = {.from = from};
    size_t at = from;

    for (;;) {
        size_t end = physical_end(input, at), text_end = without_line_end(input, at, end);

        found.physical++;
        found.unfolded += text_end - at;
        found.end = end;
        if (end >= input.size)
            return found;
        bool soft = text_end > at && input.data[text_end - 1] == '=';
        if (!found.folded && soft)
            found.printable =
                cf_content_line_is_printable(cf_bytes_of(input.data + from, text_end - from));
        if (!is_fold(input.data[end]) && !(soft && found.printable))
            return found;
        found.folded = true;
        at = end;
    }
}

static cf_bytes unfold(cf_bytes input, const extent *line, cf_arena *arena)
{
    if (!line->folded)
        return cf_bytes_of(input.data + line->from, line->unfolded);
    uint8_t *text = cf_arena_allocate(arena, line->unfolded + 1, 1);
    bool soft = true; /* before the first line there is no white space to take away, either */
    size_t size = 0, at = line->from;
    while (at < line->end) {
        size_t end = physical_end(input, at), text_end = without_line_end(input, at, end);
        size_t from = at + !soft;

        soft = line->printable && end < line->end && text_end > from &&
               input.data[text_end - 1] == '=';
        memcpy(text + size, input.data + from, text_end - from - soft);
        size += text_end - from - soft;
        at = end;
    }
    return cf_bytes_of(text, size);
}

static bool is_name_byte(uint8_t byte)
{
    return (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= 'a' && byte <= 'z') || byte == '-' || byte == '_';
}

static size_t name_size(cf_bytes text, size_t from)
{
    size_t at = from;

    while (at < text.size && is_name_byte(text.data[at]))
        at++;
    return at - from;
}

/* Behind the value that begins at `at`: at ';' or ':', or beyond the end when a quote is open. */
static size_t value_end(cf_bytes text, size_t at)
{
    bool quoted = false;

    for (; at < text.size; at++) {
        uint8_t byte = text.data[at];

        if (byte == '"')
            quoted = !quoted;
        else if (!quoted && (byte == ';' || byte == ':'))
            return at;
    }
    return quoted ? SIZE_MAX : at;
}

static bool holds_any(cf_bytes text, const char *bytes)
{
    for (size_t i = 0; i < text.size; i++)
        if (text.data[i] && strchr(bytes, text.data[i]))
            return true;
    return false;
}

/* Without quotes around all of it that it doesn't need. */
static cf_bytes plain_value(cf_bytes spelled)
{
    if (spelled.size < 2 || spelled.data[0] != '"' || spelled.data[spelled.size - 1] != '"')
        return spelled;
    cf_bytes within = cf_bytes_of(spelled.data + 1, spelled.size - 2);
    return holds_any(within, "\":;,") ? spelled : within;
}

/* A word alone, or a TYPE, where there is none. */
static bool says_nothing(const cf_line_parameter *parameter)
{
    cf_bytes part;

    if (parameter->name.size && !cf_line_word_is(parameter->name, "TYPE"))
        return false;
    for (size_t at = 0; cf_parameter_part(parameter->value, &at, &part);)
        for (size_t i = 0; i < part.size; i++)
            if (part.data[i] != ',')
                return false;
    return true;
}

/* One parameter, from behind its ';'. False: a quote is open. */
static bool split_parameter(cf_bytes text, size_t *at, cf_line_parameter *out)
{
    size_t from = *at, size = name_size(text, from), end;

    *out = (cf_line_parameter){0};
    if (from + size < text.size && text.data[from + size] == '=') {
        out->name = cf_bytes_of(text.data + from, size);
        from += size + 1;
    }
    end = value_end(text, from);
    if (end == SIZE_MAX)
        return false;
    out->value = plain_value(cf_bytes_of(text.data + from, end - from));
    *at = end;
    return true;
}

static const char *split_parameters(cf_bytes text, size_t *at, cf_arena *arena,
                                    cf_content_line *out)
{
    cf_line_parameter found[CF_LINE_PARAMETERS_MAX], parameter;
    size_t count = 0;

    while (*at < text.size && text.data[*at] == ';') {
        ++*at;
        if (!split_parameter(text, at, &parameter))
            return "has a quote that isn't closed: close it";
        if (says_nothing(&parameter))
            continue;
        if (count == CF_LINE_PARAMETERS_MAX)
            return "has too many parameters: delete some";
        found[count++] = parameter;
    }
    if (count) {
        cf_line_parameter *kept = cf_arena_allocate(arena, count, sizeof *kept);

        memcpy(kept, found, count * sizeof *kept);
        out->parameters = kept;
        out->parameter_count = count;
    }
    return NULL;
}

static const char *split(cf_bytes text, cf_arena *arena, cf_content_line *out)
{
    size_t size = name_size(text, 0), at = size;

    out->name = cf_bytes_of(text.data, size);
    if (size && at < text.size && text.data[at] == '.') {
        out->group = out->name;
        size = name_size(text, ++at);
        out->name = cf_bytes_of(text.data + at, size);
        at += size;
    }
    if (size == 0)
        return "has no name: mend the line, or delete it";
    const char *trouble = split_parameters(text, &at, arena, out);
    if (trouble)
        return trouble;
    if (at >= text.size || text.data[at] != ':')
        return "has no colon behind its name: mend the line, or delete it";
    out->value = cf_bytes_of(text.data + at + 1, text.size - at - 1);
    return NULL;
}

static bool is_blank(cf_bytes text)
{
    for (size_t i = 0; i < text.size; i++)
        if (!is_fold(text.data[i]))
            return false;
    return true;
}

/* Whether the line says in which charset its value is, and its value is nothing that a reader needs
 * before it knows of charsets. */
static bool names_charset(cf_bytes text)
{
    static const char word[] = ";CHARSET=";
    static const char *const others[] = {"UID", "VERSION", "X-ABLABEL"};
    const uint8_t *colon = memchr(text.data, ':', text.size);
    cf_bytes head = cf_bytes_of(text.data, colon ? (size_t)(colon - text.data) : 0);
    const uint8_t *end = memchr(head.data, ';', head.size), *from = NULL;

    if (!end || !cf_utf8_valid(head))
        return false;
    from = memchr(head.data, '.', (size_t)(end - head.data));
    from = from ? from + 1 : head.data;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (cf_line_word_is(cf_bytes_of(from, (size_t)(end - from)), others[i]))
            return false;
    for (size_t at = (size_t)(end - head.data); at + sizeof word - 1 <= head.size; at++)
        if (strncasecmp((const char *)head.data + at, word, sizeof word - 1) == 0)
            return true;
    return false;
}

static bool split_line(cf_bytes text, bool charsets, cf_arena *arena, cf_content_line *out)
{
    cf_content_line line = {.text = text, .component = CF_LINES_NONE};

    if (is_blank(text)) {
        line.kind = CF_LINE_BLANK;
    } else if (!cf_utf8_valid(text) && !(charsets && names_charset(text))) {
        line.trouble = "isn't UTF-8: convert the file, as with `iconv -f LATIN1 -t UTF-8`";
    } else if (memchr(text.data, '\0', text.size)) {
        line.trouble = "holds a NUL byte: take it out";
    } else if (memchr(text.data, '\r', text.size)) {
        line.trouble = "holds a carriage return: take it out";
    } else {
        line.trouble = split(text, arena, &line);
    }
    if (line.trouble)
        line = (cf_content_line){.kind = CF_LINE_BROKEN,
                                 .text = text,
                                 .component = CF_LINES_NONE,
                                 .trouble = line.trouble};
    else if (line.kind == CF_LINE_PROPERTY && cf_line_named(&line, "BEGIN"))
        line.kind = CF_LINE_BEGIN;
    else if (line.kind == CF_LINE_PROPERTY && cf_line_named(&line, "END"))
        line.kind = CF_LINE_END;
    *out = line;
    return !line.trouble;
}

bool cf_content_line_split(cf_bytes text, cf_arena *arena, cf_content_line *out)
{
    return split_line(text, false, arena, out);
}

/* How lines are folded here: as the first one that is; where long lines aren't, never. */
static void learn_folding(cf_content_lines *self, const extent *line)
{
    if (!line->folded && line->unfolded > USUAL_FOLD && self->fold_with == '\0')
        self->fold_at = 0;
    if (!line->folded || line->printable || self->fold_with)
        return;
    self->fold_at = USUAL_FOLD;
    self->fold_with = (char)self->input.data[physical_end(self->input, line->from)];
}

static void add_line(cf_content_lines *self, const extent *found, bool charsets, size_t number)
{
    cf_content_line line = {0};

    if (found->end - found->from > CF_LINE_MAX)
        line = (cf_content_line){.kind = CF_LINE_BROKEN,
                                 .component = CF_LINES_NONE,
                                 .trouble = "is longer than 8 MiB: shorten it"};
    else
        split_line(unfold(self->input, found, &self->arena), charsets, &self->arena, &line);
    line.number = number;
    line.raw = cf_bytes_of(self->input.data + found->from, found->end - found->from);
    learn_folding(self, found);
    *cf_one_more(self->lines, self->count, self->line_capacity) = line;
}

static void learn_line_end(cf_content_lines *self)
{
    size_t end = self->start < self->input.size ? physical_end(self->input, self->start) : 0;

    self->crlf = end < self->start + 2 || self->input.data[end - 1] != '\n' ||
                 self->input.data[end - 2] == '\r';
}

static cf_status check_input(cf_bytes input, size_t *start, cf_error *error)
{
    if (input.size > CF_LINES_INPUT_MAX)
        return cf_fail(error, CF_TOO_LARGE, "is larger than %llu MiB: split the file",
                       (unsigned long long)(CF_LINES_INPUT_MAX / CF_MIB));
    if (input.size >= 2 &&
        (memcmp(input.data, "\xff\xfe", 2) == 0 || memcmp(input.data, "\xfe\xff", 2) == 0))
        return cf_fail(
            error, CF_MALFORMED,
            "is UTF-16, and only UTF-8 is read: convert it, as with `iconv -f UTF-16 -t UTF-8`");
    *start = input.size >= 3 && memcmp(input.data, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    return CF_OK;
}

/* ---- Components ---- */

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
    const size_t component = lines->component_count;
    *cf_one_more(lines->components, lines->component_count, lines->component_capacity) =
        (cf_component){.name = line->value,
                       .first = index,
                       .last = index,
                       .parent = innermost(self),
                       .depth = self->depth};
    self->open[self->depth++] = component;
    line->component = component;
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

/* Finds the components of the lines that were read, and puts each line into its own. */
static void find_components(cf_content_lines *lines)
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

/* ---- The whole text ---- */

static cf_status read_lines(cf_bytes input, bool charsets, cf_content_lines *out, cf_error *error)
{
    cf_content_lines self = {.input = input, .fold_at = USUAL_FOLD};
    size_t number = 1;

    cf_status status = check_input(input, &self.start, error);
    if (status)
        return status;
    learn_line_end(&self);
    for (size_t at = self.start; at < input.size;) {
        extent line = extent_of(input, at);

        if (self.count == CF_LINES_COUNT_MAX) {
            cf_content_lines_release(&self);
            return cf_fail(error, CF_TOO_LARGE, "has more than %zu lines: split the file",
                           CF_LINES_COUNT_MAX);
        }
        add_line(&self, &line, charsets, number);
        number += line.physical;
        at = line.end;
    }
    if (!self.fold_with)
        self.fold_with = ' ';
    find_components(&self);
    *out = self;
    return CF_OK;
}

cf_status cf_content_lines_read(cf_bytes input, cf_content_lines *out, cf_error *error)
{
    return read_lines(input, false, out, error);
}

cf_status cf_content_lines_read_charsets(cf_bytes input, cf_content_lines *out, cf_error *error)
{
    return read_lines(input, true, out, error);
}

/* Where no component is open, there is only one to begin. */
static bool is_begun(cf_bytes raw)
{
    return raw.size <= strlen("BEGIN:") &&
           strncasecmp((const char *)raw.data, "BEGIN:", raw.size) == 0;
}

bool cf_content_line_is_cut(const cf_content_lines *lines, size_t line)
{
    const cf_content_line *last = &lines->lines[line];

    return line + 1 == lines->count && last->kind == CF_LINE_BROKEN &&
           last->raw.data[last->raw.size - 1] != '\n' &&
           (last->component != CF_LINES_NONE || is_begun(last->raw));
}

void cf_content_lines_release(cf_content_lines *self)
{
    free(self->lines);
    free(self->components);
    cf_arena_release(&self->arena);
    *self = (cf_content_lines){0};
}
