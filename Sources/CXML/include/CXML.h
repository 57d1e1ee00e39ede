// All that Swift sees of libxml2 and iconv: a feed's bytes as UTF-8, and its elements and text, one call for each.
#ifndef ATOLL_CXML_H
#define ATOLL_CXML_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// What is told of a document. Names and texts are UTF-8 and live for the call only.
typedef struct {
    /// An element begins. `space`: what its prefix stands for, null if nothing. `attributes`: five pointers for each of
    /// `count`: local name, prefix, what it stands for, begin and end of the value.
    void (*begin)(void *context, const uint8_t *name, const uint8_t *space, int count,
                  const uint8_t *const *attributes);
    void (*end)(void *context);
    void (*text)(void *context, const uint8_t *bytes, int count);
} atoll_xml_listener_t;

/// Past any of these the document is not read on.
typedef struct {
    int depth;
    int elements;
    /// Prefixes that are declared at once: each name is looked for among them.
    int spaces;
} atoll_xml_bounds_t;

typedef enum {
    atoll_xml_complete,
    atoll_xml_malformed,
    /// It declares an entity.
    atoll_xml_entities,
    /// A bound was passed.
    atoll_xml_excessive
} atoll_xml_outcome_t;

/// Reads a whole document, whose bytes are UTF-8 whatever its declaration says. Nothing is loaded: no file, no network,
/// no external entity or subset; no entity is expanded but the five of XML.
atoll_xml_outcome_t atoll_xml_read(const uint8_t *bytes, size_t count, atoll_xml_bounds_t bounds,
                                   atoll_xml_listener_t listener, void *context);

/// Turns bytes in another encoding (a name that iconv knows) into UTF-8; what is not in that encoding becomes U+FFFD.
/// Returns how many bytes were written, at most `room`, or -1 if the encoding is not known here.
ptrdiff_t atoll_decode(const char *encoding, const uint8_t *bytes, size_t count, uint8_t *output, size_t room);

#ifdef __cplusplus
}
#endif

#endif
