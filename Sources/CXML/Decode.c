// Other encodings than UTF-8, by the C library's iconv.
#include "CXML.h"

#include <errno.h>
#include <iconv.h>
#include <string.h>

static const char replacement[] = "\xEF\xBF\xBD";

ptrdiff_t atoll_decode(const char *encoding, const uint8_t *bytes, size_t count, uint8_t *output, size_t room) {
    iconv_t converter = iconv_open("UTF-8", encoding);
    if (converter == (iconv_t)-1) return -1;
    char *input = (char *)bytes;
    char *place = (char *)output;
    size_t left = room;
    while (count > 0) {
        if (iconv(converter, &input, &count, &place, &left) != (size_t)-1) break;
        // There is no room left for what comes next.
        if (errno == E2BIG || left < sizeof replacement - 1) break;
        // EILSEQ or, at the end, EINVAL: one byte is passed over.
        memcpy(place, replacement, sizeof replacement - 1);
        place += sizeof replacement - 1;
        left -= sizeof replacement - 1;
        input += 1;
        count -= 1;
    }
    iconv_close(converter);
    return (ptrdiff_t)(room - left);
}
