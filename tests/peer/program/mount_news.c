/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel's news of mounts, among mounts of the test's own. */
#include "peer/program/mount_news.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WAIT_MS = 60000 };

typedef struct {
    char top[64], place[2][96];
    cf_mount_news *news;
    char told[512];
} scene;

/* False: this machine gives nobody mounts of his own. */
static bool begin(scene *self)
{
    *self = (scene){.top = "/tmp/mount-news-XXXXXX"};
    if ((unshare(CLONE_NEWNS) && unshare(CLONE_NEWUSER | CLONE_NEWNS)) ||
        mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
        return false;
    cr_assert(mkdtemp(self->top));
    for (int i = 0; i < 2; i++) {
        snprintf(self->place[i], sizeof self->place[i], "%s/%s", self->top, i ? "a b\\c" : "plain");
        cr_assert_eq(mkdir(self->place[i], 0755), 0);
    }
    self->news = cf_mount_news_open();
    cr_assert(self->news);
    return true;
}

static void end(scene *self)
{
    cf_mount_news_close(&self->news);
    for (int i = 0; i < 2; i++)
        rmdir(self->place[i]);
    rmdir(self->top);
}

static void put(const char *place)
{
    cr_assert_eq(mount("none", place, "tmpfs", 0, "size=1m"), 0);
}

static bool is_told(const scene *self)
{
    struct pollfd news = {.fd = cf_mount_news_descriptor(self->news), .events = POLLIN};

    return poll(&news, 1, WAIT_MS) == 1;
}

static void add(void *context, const char *place)
{
    scene *self = context;
    const size_t used = strlen(self->told);

    snprintf(self->told + used, sizeof self->told - used, "%s;", place + strlen(self->top) + 1);
}

static void expect_taken(scene *self, const char *places)
{
    self->told[0] = '\0';
    cf_mount_news_take(self->news, add, self);
    cr_expect_str_eq(self->told, places);
}

static void expect_told(scene *self, const char *places)
{
    cr_expect(is_told(self));
    cr_expect(is_told(self), "they wait for who takes them, however often somebody asks");
    expect_taken(self, places);
    expect_taken(self, "");
}

Test(mount_news, names_where_something_was_mounted_or_is_no_more)
{
    scene self;

    if (!begin(&self))
        cr_skip_test("no mounts of its own");
    put(self.place[0]);
    expect_told(&self, "plain;");
    put(self.place[1]);
    expect_told(&self, "a b\\c;");
    put(self.place[1]); /* over the other one */
    expect_told(&self, "a b\\c;");
    umount(self.place[0]);
    umount(self.place[1]);
    expect_told(&self, "plain;a b\\c;");
    umount(self.place[1]);
    expect_told(&self, "a b\\c;");
    put(self.place[0]);
    umount(self.place[0]);
    cr_expect(is_told(&self));
    expect_taken(&self, ""); /* nothing is different by now */
    end(&self);
}
