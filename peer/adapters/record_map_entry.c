/* SPDX-License-Identifier: Apache-2.0 */
/* What words say of the entries of a set. */
#include "peer/adapters/record_map_inside.h"

#include <string.h>
#include <strings.h>

#include "codec/value_build.h"
#include "peer/adapters/value_map.h"
#include "peer/adapters/vcard_inside.h"

static bool is_word(cf_bytes a, const char *b)
{
    return a.size == strlen(b) && strncasecmp((const char *)a.data, b, a.size) == 0;
}

/* What a card calls home is private here, and a cell is mobile. */
static cf_bytes alias_of(cf_bytes word)
{
    return is_word(word, "home")   ? cf_bytes_of_text("private")
           : is_word(word, "cell") ? cf_bytes_of_text("mobile")
                                   : word;
}

static bool has_mark(cf_bytes entry, const char *member, cf_bytes word)
{
    cf_bytes marks, name, value;

    if (!cf_value_member(entry, member, &marks))
        return false;
    for (cf_value_walk walk = cf_value_walk_of(marks); cf_value_next(&walk, &name, &value);)
        if (walk.map && name.size == word.size &&
            strncasecmp((const char *)name.data, (const char *)word.data, name.size) == 0)
            return true;
    return false;
}

bool cf_entry_is(cf_bytes entry, cf_bytes word)
{
    static const char *const texts[] = {"kind", "label"};
    cf_bytes said;

    for (size_t i = 0; i < 2; i++)
        if (cf_value_member_text(entry, texts[i], &said) && said.size == word.size &&
            strncasecmp((const char *)said.data, (const char *)word.data, word.size) == 0)
            return true;
    return has_mark(entry, "contexts", alias_of(word)) ||
           has_mark(entry, "features", alias_of(word));
}

static bool is_feature(const cf_map_slot *slot, cf_bytes word)
{
    for (size_t i = 0; i < 8; i++)
        if (cf_bytes_equal(word, cf_bytes_of_text(cf_vcard_features[i].word)))
            return cf_bytes_equal(slot->field, cf_bytes_of_text("/phones"));
    return false;
}

static const char *member_for(const cf_map_slot *slot, cf_bytes word)
{
    if (slot->kind)
        return "kind";
    if (is_word(word, "private") || is_word(word, "work"))
        return "contexts";
    return is_feature(slot, word) ? "features" : "label";
}

static void add_marks(const cf_map_slot *slot, const char *member, cf_value_builder *build)
{
    bool any = false;

    for (size_t i = 0; i < slot->word_count; i++) {
        cf_bytes word = alias_of(slot->words[i]);

        if (strcmp(member_for(slot, word), member) != 0)
            continue;
        if (!any) {
            cf_build_name(build, member);
            cf_build_map(build);
        }
        cf_build_key(build, word);
        cf_build_bool(build, true);
        any = true;
    }
    if (any)
        cf_build_end(build);
}

void cf_entry_begin(const cf_map_slot *slot, cf_buffer *out)
{
    cf_bytes kind = slot->kind ? cf_bytes_of_text(slot->kind) : (cf_bytes){0}, label = {0};
    cf_value_builder build = {0};
    cf_error ignored;

    for (size_t i = 0; i < slot->word_count; i++) {
        const char *member = member_for(slot, alias_of(slot->words[i]));

        if (strcmp(member, "kind") == 0)
            kind = slot->words[i];
        else if (strcmp(member, "label") == 0)
            label = slot->words[i];
    }
    cf_build_map(&build);
    if (kind.size)
        cf_build_member_text(&build, "kind", kind);
    add_marks(slot, "contexts", &build);
    add_marks(slot, "features", &build);
    if (label.size)
        cf_build_member_text(&build, "label", label);
    cf_build_end(&build);
    (void)cf_build_finish(&build, out, &ignored);
}
