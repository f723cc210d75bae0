/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/peer/small/small_cards.h"

#include "tests/peer/small/small_inside.h"
#include "tests/support/bound_source.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NUMBER = 3, PATH = 600, CARD_MAX = 4096, CARDS_MAX = 64, LINE_MAX_SIZE = 200 };

static void path_of(const small_device *self, const char *file, char path[PATH])
{
    snprintf(path, PATH, "%s.cards/%s", self->folder, file);
}

/* ---- Binding ---- */

static void bind_all(small_world *self, cf_format format)
{
    for (int i = 0; i < self->count; i++) {
        small_device *one = &self->devices[i];
        cf_id instance;
        char path[PATH];

        snprintf(path, sizeof path, "%s.cards", one->folder);
        memset(instance.bytes, 'a' + i, CF_ID_SIZE);
        if (mkdir(path, 0777))
            abort();
        bind_source(one->engine,
                    &(bound_source){.collection = "cards",
                                    .instance = &instance,
                                    .files = one->env.files,
                                    .options = {.number = NUMBER, .format = format, .path = path}});
    }
}

void small_world_bind_cards(small_world *self)
{
    bind_all(self, CF_FORMAT_VCARD);
}

void small_world_bind_calendar(small_world *self)
{
    bind_all(self, CF_FORMAT_ICALENDAR);
}

/* ---- Users ---- */

void user_writes_text_card(small_device *self, const char *file, const char *text)
{
    char path[PATH], beside[PATH];

    path_of(self, file, path);
    path_of(self, ".saving", beside);
    FILE *out = fopen(beside, "w");
    if (!out || fputs(text, out) < 0 || fclose(out) || rename(beside, path))
        abort();
}

void user_writes_card(small_device *self, const char *file, const char *uid, const char *name,
                      const char *note)
{
    char text[CARD_MAX];

    snprintf(text, sizeof text,
             "BEGIN:VCARD\r\nVERSION:3.0\r\nUID:%s\r\nFN:%s\r\nNOTE:%s\r\nEND:VCARD\r\n", uid, name,
             note);
    user_writes_text_card(self, file, text);
}

void user_moves_card(small_device *self, const char *from, const char *to)
{
    char before[PATH], after[PATH];

    path_of(self, from, before);
    path_of(self, to, after);
    if (rename(before, after))
        abort();
}

void user_removes_card(small_device *self, const char *file)
{
    char path[PATH];

    path_of(self, file, path);
    if (unlink(path))
        abort();
}

/* ---- What is there ---- */

typedef struct {
    char lines[CARDS_MAX][LINE_MAX_SIZE];
    size_t count;
} card_list;

/* What stands behind the name of the property, up to the end of its line. */
static void take_value(const char *card, const char *name, char *out, size_t size)
{
    char start[32];
    size_t length = 0;

    snprintf(start, sizeof start, "\n%s:", name);
    const char *at = strstr(card, start);
    if (at) {
        at += strlen(start);
        length = strcspn(at, "\r\n");
    }
    snprintf(out, size, "%.*s", (int)length, at ? at : "");
}

static void read_file(const char *path, card_list *out)
{
    char text[CARD_MAX] = "";
    FILE *file = fopen(path, "r");

    if (!file)
        return;
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    for (char *card = strstr(text, "BEGIN:VCARD"); card;) {
        char *next = strstr(card + 1, "BEGIN:VCARD"), uid[60], name[60], note[60];

        if (next)
            next[-1] = '\0';
        take_value(card, "UID", uid, sizeof uid);
        take_value(card, "FN", name, sizeof name);
        take_value(card, "NOTE", note, sizeof note);
        snprintf(out->lines[out->count++ % CARDS_MAX], LINE_MAX_SIZE, "%s %s %s\n", uid, name,
                 note);
        card = next;
    }
}

void small_device_reads_card(const small_device *self, const char *file, cf_buffer *out)
{
    char path[PATH];

    path_of(self, file, path);
    FILE *from = fopen(path, "r");
    cf_buffer_clear(out);
    for (int byte = from ? fgetc(from) : EOF; byte != EOF; byte = fgetc(from))
        cf_buffer_append(out, &(char){(char)byte}, 1);
    if (from)
        fclose(from);
    cf_buffer_append(out, "", 1);
}

static int compare_lines(const void *a, const void *b)
{
    return strcmp(a, b);
}

void small_device_cards(const small_device *self, cf_buffer *out)
{
    card_list *list = cf_allocate(1, sizeof *list);
    char path[PATH];

    path_of(self, "", path);
    DIR *folder = opendir(path);
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        const char *end = strrchr(entry->d_name, '.');

        path_of(self, entry->d_name, path);
        if (end && strcmp(end, ".vcf") == 0)
            read_file(path, list);
    }
    closedir(folder);
    qsort(list->lines, list->count, LINE_MAX_SIZE, compare_lines);
    for (size_t i = 0; i < list->count; i++)
        cf_buffer_append_text(out, "%s", list->lines[i]);
    free(list);
}

bool small_device_has_card(const small_device *self, const char *line)
{
    cf_buffer cards = {0};

    small_device_cards(self, &cards);
    cf_buffer_append(&cards, "", 1);
    bool has = strstr((const char *)cards.data, line) != NULL;
    cf_buffer_release(&cards);
    return has;
}

size_t small_device_card_temporaries(const small_device *self)
{
    char path[PATH];
    size_t count = 0;

    path_of(self, ".counterfoil/tmp", path);
    DIR *folder = opendir(path);
    for (struct dirent *entry; folder && (entry = readdir(folder));)
        count += entry->d_name[0] != '.';
    if (folder)
        closedir(folder);
    return count;
}

bool small_world_cards_equal(small_world *self, cf_buffer *difference)
{
    return small_world_alike(self, small_device_cards, difference);
}
