// A host of the far network: a network namespace with one device, whose other end is this process.
#ifndef HOST_H
#define HOST_H

#include <netinet/in.h>

enum {
    // What Ethernet carries, and so what the internet does: the number of packets is part of what is played.
    MTU = 1500,
};

struct host {
    char name[64];
    char country[16];
    struct in_addr address;
    // The device's end: one read is one packet that the host sends, one write one that it receives.
    int device;
    // Keeps the namespace; others enter it through /proc/PID/fd/THIS. It is gone when nobody holds or uses it any more.
    int space;
};

// Reads NAME@COUNTRY=ADDRESS. False if it is nothing of the kind.
int host_parse(struct host *host, const char *text);

// Makes its namespace and its device. This process is in that namespace then. Null, or what could not be done, and
// `errno` says why.
const char *host_raise(struct host *host);

#endif
