// One direction between two hosts: what is on its way, how long it takes, and what is lost.
#ifndef LINE_H
#define LINE_H

#include <stddef.h>
#include <stdint.h>

struct packet {
    struct packet *next;
    // When it arrives, in ns of the monotonic clock.
    int64_t due;
    size_t length;
    unsigned char bytes[];
};

struct line {
    // Its properties, which orders change while packets are on their way; those arrive as they would have.
    double one_way_ms;
    double bytes_per_second;  // 0: as many as come
    double loss;              // 0 to 1
    int is_cut;
    // First in, first out: the jitter of a path is in its queues, and these keep the order.
    struct packet *first, *last;
    // When the last packet so far arrives, and when it has left the sender's end.
    int64_t last_due, free_at;
};

// Puts a packet on its way, or loses it.
void line_send(struct line *line, const unsigned char *bytes, size_t length, int64_t now);

// Takes off what arrives by `now`; null if nothing does. The caller frees it.
struct packet *line_arrival(struct line *line, int64_t now);

#endif
