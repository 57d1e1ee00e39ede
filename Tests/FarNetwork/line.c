// What happens to a packet between two hosts.
#include "line.h"

#include <stdlib.h>
#include <string.h>

static const double JITTER = 0.05;  // of the one-way delay, at most
// A router's buffer: what would wait longer for a line of limited rate is dropped, which is how TCP learns that rate.
static const int64_t LONGEST_QUEUE_NS = 100000000;

static int64_t departure(struct line *line, size_t length, int64_t now) {
    if (line->bytes_per_second <= 0) return now;
    int64_t begin = line->free_at > now ? line->free_at : now;
    if (begin - now > LONGEST_QUEUE_NS) return -1;
    line->free_at = begin + (int64_t)((double)length / line->bytes_per_second * 1e9);
    return line->free_at;
}

void line_send(struct line *line, const unsigned char *bytes, size_t length, int64_t now) {
    if (line->is_cut || (line->loss > 0 && drand48() < line->loss)) return;
    int64_t departs = departure(line, length, now);
    struct packet *packet = departs < 0 ? NULL : malloc(sizeof *packet + length);
    if (!packet) return;
    int64_t due = departs + (int64_t)(line->one_way_ms * (1 + JITTER * drand48()) * 1e6);
    if (due < line->last_due) due = line->last_due;
    line->last_due = due;
    *packet = (struct packet){.next = NULL, .due = due, .length = length};
    memcpy(packet->bytes, bytes, length);
    if (line->last) line->last->next = packet;
    else line->first = packet;
    line->last = packet;
}

struct packet *line_arrival(struct line *line, int64_t now) {
    struct packet *packet = line->first;
    if (!packet || packet->due > now) return NULL;
    line->first = packet->next;
    if (!line->first) line->last = NULL;
    return packet;
}
