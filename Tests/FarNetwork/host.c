// Namespaces and devices, by the kernel's own calls: nothing is left behind, and no tool is needed.
#define _GNU_SOURCE
#include "host.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

// So many packets wait for this process to read them: a burst that fills a long path's window must not be lost before
// it has begun.
enum { WAITING_PACKETS = 10000 };

int host_parse(struct host *host, const char *text) {
    char address[INET_ADDRSTRLEN];
    return sscanf(text, "%63[^@]@%15[^=]=%15s", host->name, host->country, address) == 3 &&
        inet_pton(AF_INET, address, &host->address) == 1;
}

static struct ifreq request(const char *device) {
    struct ifreq request = {0};
    strncpy(request.ifr_name, device, IFNAMSIZ - 1);
    return request;
}

static int bring_up(int control, const char *device) {
    struct ifreq flags = request(device);
    if (ioctl(control, SIOCGIFFLAGS, &flags)) return -1;
    flags.ifr_flags |= IFF_UP;
    return ioctl(control, SIOCSIFFLAGS, &flags);
}

static int set_address(int control, unsigned long what, const char *device, struct in_addr address) {
    struct ifreq change = request(device);
    struct sockaddr_in *value = (struct sockaddr_in *)&change.ifr_addr;
    value->sin_family = AF_INET;
    value->sin_addr = address;
    return ioctl(control, what, &change);
}

static const char *configure(struct host *host, int control) {
    const char *device = "far0";
    struct ifreq tun = request(device);
    tun.ifr_flags = IFF_TUN | IFF_NO_PI;
    if (ioctl(host->device, TUNSETIFF, &tun)) return "no device";
    // All hosts are neighbours; who is how far is decided between the devices.
    const struct in_addr mask = {htonl(0xFFFFFF00)};
    if (set_address(control, SIOCSIFADDR, device, host->address)) return "no address";
    if (set_address(control, SIOCSIFNETMASK, device, mask)) return "no netmask";
    struct ifreq mtu = request(device), queue = request(device);
    mtu.ifr_mtu = MTU;
    queue.ifr_qlen = WAITING_PACKETS;
    if (ioctl(control, SIOCSIFMTU, &mtu) || ioctl(control, SIOCSIFTXQLEN, &queue)) return "no queue";
    if (bring_up(control, "lo") || bring_up(control, device)) return "the device does not come up";
    return NULL;
}

const char *host_raise(struct host *host) {
    if (unshare(CLONE_NEWNET)) return "no network namespace";
    host->space = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    if (host->space < 0) return "no way into the namespace";
    host->device = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (host->device < 0) return "no /dev/net/tun";
    int control = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (control < 0) return "no socket";
    const char *problem = configure(host, control);
    close(control);
    return problem;
}
