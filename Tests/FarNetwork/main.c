// A wide-area network on one machine: a network namespace for each host, and this process as the lines between them. It
// needs the kernel's tun device and the right to make namespaces; not netem, which many kernels lack.
//
//   FarNetwork NAME@COUNTRY=ADDRESS …      addresses of one /24
//
// Says `host NAME FD` for each: its namespace is /proc/PID/fd/FD. Then it takes orders, one a line, and answers each
// with `ok` or `bad`:
//
//   delay COUNTRY COUNTRY MS         one way, in both directions, with a little jitter; 0.1 until told
//   rate COUNTRY COUNTRY MBIT        the most that a line between two hosts of theirs carries each way; 0 for no bound
//   cut HOST HOST                    what the first sends to the second vanishes; `*` stands for all hosts
//   heal HOST HOST                   and arrives again
//   loss HOST HOST PERCENT           some of it vanishes
//
// It ends with its standard input, and so with whoever started it, and its hosts end with it.
#include "host.h"
#include "line.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum {
    MOST_HOSTS = 16,
    // Packets of one host that are read before others get their turn.
    BURST = 256,
    // Sources of events beside the hosts, which have their own numbers.
    TIMER = MOST_HOSTS,
    ORDERS,
};

static struct host hosts[MOST_HOSTS];
static int host_count;
static struct line lines[MOST_HOSTS][MOST_HOSTS];  // [from][to]

static int64_t now_ns(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

// MARK: Packets

static int host_with(in_addr_t address) {
    for (int host = 0; host < host_count; host++)
        if (hosts[host].address.s_addr == address) return host;
    return -1;
}

static void collect(int from) {
    unsigned char bytes[MTU];
    for (int count = 0; count < BURST; count++) {
        ssize_t length = read(hosts[from].device, bytes, sizeof bytes);
        if (length <= 0) return;
        // IPv4 alone, by its destination; the kernel also announces itself by IPv6.
        if (length < 20 || bytes[0] >> 4 != 4) continue;
        in_addr_t destination;
        memcpy(&destination, bytes + 16, sizeof destination);
        int to = host_with(destination);
        if (to >= 0) line_send(&lines[from][to], bytes, (size_t)length, now_ns());
    }
}

// Hands over what has arrived; gives when the next packet does, or 0 if none is on its way.
static int64_t deliver(void) {
    int64_t now = now_ns(), next = 0;
    for (int from = 0; from < host_count; from++)
        for (int to = 0; to < host_count; to++) {
            struct line *line = &lines[from][to];
            for (struct packet *packet; (packet = line_arrival(line, now)); free(packet)) {
                // A host that has no room for it loses it, as hosts do.
                if (write(hosts[to].device, packet->bytes, packet->length) < 0) continue;
            }
            if (line->first && (!next || line->first->due < next)) next = line->first->due;
        }
    return next;
}

// MARK: Orders

static int names_host(const char *name, int host) { return !strcmp(name, "*") || !strcmp(name, hosts[host].name); }

static int joins(const char *one, const char *other, int from, int to) {
    const char *a = hosts[from].country, *b = hosts[to].country;
    return (!strcmp(one, a) && !strcmp(other, b)) || (!strcmp(one, b) && !strcmp(other, a));
}

static int is_host(const char *name) {
    for (int host = 0; host < host_count; host++)
        if (names_host(name, host)) return 1;
    return 0;
}

static int is_country(const char *name) {
    for (int host = 0; host < host_count; host++)
        if (!strcmp(name, hosts[host].country)) return 1;
    return 0;
}

static int obey(const char *order) {
    char verb[8] = "", one[64] = "", other[64] = "";
    double number = 0;
    int words = sscanf(order, "%7s %63s %63s %lf", verb, one, other, &number);
    int is_delay = !strcmp(verb, "delay"), is_rate = !strcmp(verb, "rate"), is_loss = !strcmp(verb, "loss");
    int is_cut = !strcmp(verb, "cut"), is_heal = !strcmp(verb, "heal");
    if (!(is_delay || is_rate || is_loss || is_cut || is_heal) || number < 0) return 0;
    if (words != (is_cut || is_heal ? 3 : 4)) return 0;
    int by_country = is_delay || is_rate;
    if (by_country ? !is_country(one) || !is_country(other) : !is_host(one) || !is_host(other)) return 0;
    for (int from = 0; from < host_count; from++)
        for (int to = 0; to < host_count; to++) {
            struct line *line = &lines[from][to];
            if (!(by_country ? joins(one, other, from, to) : names_host(one, from) && names_host(other, to))) continue;
            if (is_delay) line->one_way_ms = number;
            else if (is_rate) line->bytes_per_second = number * 1e6 / 8;
            else if (is_loss) line->loss = number / 100;
            else line->is_cut = is_cut;
        }
    return 1;
}

// Reads what there is of orders and answers those that are complete. False at their end.
static int read_orders(void) {
    static char text[1024];
    static size_t length;
    ssize_t count = read(STDIN_FILENO, text + length, sizeof text - 1 - length);
    if (count <= 0) return 0;
    length += (size_t)count;
    text[length] = 0;
    for (char *end; (end = strchr(text, '\n'));) {
        *end = 0;
        puts(obey(text) ? "ok" : "bad");
        length -= (size_t)(end + 1 - text);
        memmove(text, end + 1, length + 1);
    }
    fflush(stdout);
    return length < sizeof text - 1;
}

// MARK: The process

static int fail(const char *what) {
    fprintf(stderr, "far network: %s: %s\n", what, strerror(errno));
    return 1;
}

static void watch(int events, int descriptor, uint32_t source) {
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = source};
    epoll_ctl(events, EPOLL_CTL_ADD, descriptor, &event);
}

static int run(int events, int timer) {
    for (;;) {
        struct epoll_event ready[MOST_HOSTS + 2];
        int count = epoll_wait(events, ready, MOST_HOSTS + 2, -1);
        if (count < 0 && errno != EINTR) return fail("cannot wait");
        for (int i = 0; i < count; i++) {
            uint32_t source = ready[i].data.u32;
            uint64_t ticks;
            if (source == ORDERS) {
                if (!read_orders()) return 0;
            } else if (source == TIMER) {
                if (read(timer, &ticks, sizeof ticks) < 0 && errno != EAGAIN) return fail("no clock");
            } else {
                collect((int)source);
            }
        }
        int64_t next = deliver();
        struct itimerspec alarm = {.it_value = {.tv_sec = next / 1000000000, .tv_nsec = next % 1000000000}};
        timerfd_settime(timer, TFD_TIMER_ABSTIME, &alarm, NULL);
    }
}

int main(int count, char **arguments) {
    int events = epoll_create1(EPOLL_CLOEXEC), timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (events < 0 || timer < 0) return fail("no events");
    for (int i = 1; i < count; i++) {
        struct host *host = &hosts[host_count];
        if (host_count == MOST_HOSTS || !host_parse(host, arguments[i])) {
            fprintf(stderr, "usage: FarNetwork NAME@COUNTRY=ADDRESS … (at most %d)\n", MOST_HOSTS);
            return 2;
        }
        const char *problem = host_raise(host);
        if (problem) return fail(problem);
        watch(events, host->device, (uint32_t)host_count++);
        printf("host %s %d\n", host->name, host->space);
    }
    for (int from = 0; from < host_count; from++)
        for (int to = 0; to < host_count; to++) lines[from][to].one_way_ms = 0.1;
    watch(events, timer, TIMER);
    watch(events, STDIN_FILENO, ORDERS);
    fflush(stdout);
    return run(events, timer);
}
