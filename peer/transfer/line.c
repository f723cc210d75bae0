/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/transfer/line.h"

void cf_line_add(cf_line *line, cf_place_in_line *place)
{
    *place = (cf_place_in_line){.before = line->last};
    *(line->last ? &line->last->after : &line->first) = place;
    line->last = place;
    line->count++;
}

void cf_line_remove(cf_line *line, cf_place_in_line *place)
{
    *(place->before ? &place->before->after : &line->first) = place->after;
    *(place->after ? &place->after->before : &line->last) = place->before;
    line->count--;
}
