/* SPDX-License-Identifier: Apache-2.0 */
/* Content lines, the text layer of vCard (RFC 6350, RFC 2426, versit's 2.1) and iCalendar (RFC
 * 5545): lines in their components, unfolded to be read, with their bytes as found to be written
 * again. A line that nobody edits is written byte for byte. What is no content line is kept, too,
 * and says what is wrong with it. */
#ifndef CF_PEER_ADAPTERS_TEXT_CONTENT_LINES_H
#define CF_PEER_ADAPTERS_TEXT_CONTENT_LINES_H
#include "codec/arena.h"
#include "codec/error.h"
#include "codec/limits.h"

#define CF_LINES_INPUT_MAX (256 * CF_MIB)
#define CF_LINES_COUNT_MAX ((size_t)2 << 20)
#define CF_LINE_MAX (8 * CF_MIB) /* one line with its folds: a larger one isn't looked into */
#define CF_LINE_PARAMETERS_MAX 64
#define CF_COMPONENT_DEPTH_MAX 16
#define CF_LINES_NONE SIZE_MAX

typedef enum {
    CF_LINE_PROPERTY,
    CF_LINE_BEGIN,
    CF_LINE_END,
    CF_LINE_BLANK,
    CF_LINE_BROKEN, /* `trouble` says why; only `raw` and `number` are set */
} cf_line_kind;

/* A word alone or a TYPE without a value says nothing: it is no parameter. */
typedef struct {
    cf_bytes name;  /* empty: a word alone, as in vCard 2.1's TEL;CELL */
    cf_bytes value; /* as spelled: commas, ^-escapes, quotes but for those around what needs none */
} cf_line_parameter;

typedef struct {
    cf_line_kind kind;
    size_t number;               /* of its first physical line, from 1 */
    cf_bytes raw;                /* with folds and line end */
    cf_bytes text;               /* unfolded, without line end */
    cf_bytes group, name, value; /* parts of it; the value with its escapes as spelled */
    const cf_line_parameter *parameters;
    size_t parameter_count;
    size_t component; /* the innermost around it (of BEGIN and END: theirs), or CF_LINES_NONE */
    const char *trouble;
} cf_content_line;

typedef struct {
    cf_bytes name;
    size_t first, last; /* lines: BEGIN and, without trouble, END */
    size_t parent;      /* or CF_LINES_NONE */
    size_t depth;       /* 0: outermost */
    bool unended;       /* the input ends within it */
    /* The first thing that is wrong within, in what it holds, too; NULL: nothing. */
    const char *trouble;
    size_t trouble_number; /* of the physical line */
} cf_component;

typedef struct {
    cf_bytes input;
    size_t start; /* of the first line: behind a byte order mark */
    cf_content_line *lines;
    size_t count, line_capacity;
    cf_component *components; /* in the order of their BEGINs */
    size_t component_count, component_capacity;
    bool crlf;      /* how its first line ends; true where there is none */
    size_t fold_at; /* octets of a line that is written anew, 0: never folded */
    char fold_with; /* ' ' or '\t' */
    cf_arena arena;
} cf_content_lines; /* {0} is empty */

/* Borrows `input` until the release. CF_TOO_LARGE beyond the limits, CF_MALFORMED when it isn't
 * UTF-8 in whole (UTF-16); what is wrong with one line is that line's trouble. */
cf_status cf_content_lines_read(cf_bytes input, cf_content_lines *out, cf_error *error);
/* The same; of a line that has a parameter CHARSET the value may be in that charset, and is to be
 * looked at before it is taken for text. */
cf_status cf_content_lines_read_charsets(cf_bytes input, cf_content_lines *out, cf_error *error);
void cf_content_lines_release(cf_content_lines *lines);
/* The input ends in the midst of this line, which is broken therefore. */
bool cf_content_line_is_cut(const cf_content_lines *lines, size_t line);
/* vCard 2.1: the value is quoted-printable, and goes on behind '=' at a line's end. */
bool cf_content_line_is_printable(cf_bytes line);

/* Names are compared without case. */
bool cf_line_named(const cf_content_line *line, const char *name);
bool cf_component_named(const cf_component *component, const char *name);
bool cf_line_word_is(cf_bytes word, const char *text);
/* The first parameter of that name, or NULL. */
const cf_line_parameter *cf_line_parameter_named(const cf_content_line *line, const char *name);

/* Splits one unfolded line; `text` must live as long as `out`. False: it is broken. */
bool cf_content_line_split(cf_bytes text, cf_arena *arena, cf_content_line *out);

#endif
