/* SPDX-License-Identifier: Apache-2.0 */
/* A cell that says what an entry is for, as address books export it. Its words are contexts and
 * features where JSContact has such: a card says TEL;TYPE=cell then, which programs know, and not
 * that somebody called the number "Mobile". */
#include "peer/adapters/record_map_inside.h"

#include <string.h>

#include "peer/adapters/value_map.h"

typedef struct {
    const char *text, *context, *feature;
} label_word;

static const label_word words[] = {
    {"Home", "private", NULL}, {"Work", "work", NULL},         {"Mobile", NULL, "mobile"},
    {"Pager", NULL, "pager"},  {"Home Fax", "private", "fax"}, {"Work Fax", "work", "fax"},
};
enum { WORDS = sizeof words / sizeof *words };

/* ---- Reading ---- */

static bool is_said(cf_bytes name, const char *word)
{
    return word && cf_bytes_equal(name, cf_bytes_of_text(word));
}

/* Whether just this word, or none, stands in the map `member`; a telephone is for voice without a
 * word, too. */
static bool says_only(cf_bytes entry, const char *member, const char *word)
{
    cf_bytes marks, name, value;
    bool found = !word;

    if (!cf_value_member(entry, member, &marks))
        return found;
    for (cf_value_walk walk = cf_value_walk_of(marks); cf_value_next(&walk, &name, &value);) {
        found |= is_said(name, word);
        if (!is_said(name, word) && !is_said(name, "voice"))
            return false;
    }
    return found;
}

static bool has_no_marks(cf_bytes entry)
{
    return says_only(entry, "contexts", NULL) && says_only(entry, "features", NULL);
}

/* What the contexts and features say, as one word; NULL: none does. */
static const label_word *word_of(cf_bytes entry)
{
    for (size_t i = 0; i < WORDS; i++)
        if (says_only(entry, "contexts", words[i].context) &&
            says_only(entry, "features", words[i].feature))
            return &words[i];
    return NULL;
}

void cf_label_read(cf_bytes entry, cf_buffer *out)
{
    const label_word *word = word_of(entry);
    cf_bytes label;

    if (cf_value_member_text(entry, "label", &label))
        cf_buffer_append(out, label.data, label.size);
    else if (word)
        cf_buffer_append_text(out, "%s", word->text);
}

/* ---- Writing ---- */

/* Features are those of telephones. */
static const label_word *word_named(const cf_map_column *column, cf_bytes text)
{
    for (size_t i = 0; i < WORDS; i++)
        if (is_said(text, words[i].text) &&
            (!words[i].feature || column->form == CF_CELL_PHONE_LABEL))
            return &words[i];
    return NULL;
}

typedef struct {
    cf_buffer entry, next;
    cf_status status;
    cf_error *error;
} writing;

static void set(writing *self, cf_cell_form form, const char *member, const char *word,
                const char *text)
{
    const cf_bytes path[] = {cf_bytes_of_text(member), cf_bytes_of_text(word ? word : "")};
    const cf_map_column column = {.form = form, .path = path, .depth = word ? 2 : 1};

    if (self->status)
        return;
    self->status = cf_cell_write(&column, cf_buffer_view(&self->entry), cf_bytes_of_text(text),
                                 &self->next, self->error);
    cf_buffer written = self->next;
    self->next = self->entry;
    self->entry = written;
}

static void mark(writing *self, const label_word *word, const char *truth)
{
    if (word && word->context)
        set(self, CF_CELL_TRUTH, "contexts", word->context, truth);
    if (word && word->feature)
        set(self, CF_CELL_TRUTH, "features", word->feature, truth);
}

static void set_label(writing *self, cf_bytes text)
{
    cf_buffer copy = {0};

    cf_buffer_append(&copy, text.data, text.size);
    cf_buffer_append(&copy, "", 1);
    set(self, CF_CELL_TEXT, "label", NULL, (const char *)copy.data);
    cf_buffer_release(&copy);
}

/* What is empty takes a label away, but no context: a file whose program wrote none says nothing of
 * those. */
static void change(writing *self, const cf_map_column *column, cf_bytes text)
{
    const cf_bytes entry = cf_buffer_view(&self->entry);
    const label_word *was = word_of(entry), *wanted = word_named(column, text);
    const bool is_word = wanted && (was || has_no_marks(entry));
    cf_bytes label;

    if (is_word || (text.size && !cf_value_member(entry, "label", &label)))
        mark(self, was, "");
    if (is_word)
        mark(self, wanted, "true");
    set_label(self, is_word ? (cf_bytes){0} : text);
}

cf_status cf_label_write(const cf_map_column *column, cf_bytes entry, cf_bytes text, cf_buffer *out,
                         cf_error *error)
{
    writing self = {.error = error};

    cf_buffer_clear(out);
    if (text.size && memchr(text.data, '\0', text.size))
        return cf_fail(error, CF_MALFORMED, "is no text");
    cf_buffer_append(&self.entry, entry.data, entry.size);
    change(&self, column, text);
    if (!self.status)
        cf_buffer_append(out, self.entry.data, self.entry.size);
    cf_buffer_release(&self.entry);
    cf_buffer_release(&self.next);
    return self.status;
}
